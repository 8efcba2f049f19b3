//! Numbers to numbers: tests, intervals and verdicts, each with its source.
//!
//! Effects are ratios: values are compared by their logarithms, so that 2 % means the same for any benchmark. Must not
//! know bundles, files or words.

mod anytime;
mod multiplicity;
mod normal;
mod ranks;
mod sequential;
mod shift;
mod summary;
mod verdict;
mod walsh;

pub use anytime::Anytime;
pub use multiplicity::{Selection, benjamini_hochberg, together};
pub use normal::quantile;
pub use sequential::{Decision, MOST, Sequential};
pub use shift::{rank_sum_p, shift};
pub use summary::{Summary, summary};
pub use verdict::{Method, Outcome, Rules, SESSIONS, Verdict, across, independent, paired, sessions, widened};
pub use walsh::{signed_rank_p, walsh};

/// An estimate and the interval around it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}
