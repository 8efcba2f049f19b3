//! Numbers to numbers: tests, intervals and verdicts, each with its source.
//!
//! Effects are ratios: values are compared by their logarithms, so that 2 % means the same for any benchmark. Must not
//! know bundles, files or words.

mod normal;
mod verdict;
mod walsh;

pub use normal::quantile;
pub use verdict::{Method, Outcome, Rules, Verdict, independent, paired};
pub use walsh::{Interval, walsh};
