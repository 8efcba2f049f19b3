//! Numbers to numbers: tests, intervals and verdicts, each with its source.
//!
//! Effects are ratios: values are compared by their logarithms, so that 2 % means the same for any benchmark. Must not
//! know bundles, files or words.

mod anytime;
#[cfg(all(test, not(target_family = "wasm")))]
mod calibration;
mod conditions;
#[cfg(test)]
mod fixtures;
mod history;
mod multiplicity;
mod normal;
mod quantiles;
mod ranks;
mod sequential;
mod shift;
#[cfg(test)]
mod simulation;
mod summary;
mod verdict;
mod walsh;
mod warnings;

pub use anytime::Anytime;
pub use conditions::{Conditions, conditions};
pub use history::{Change, History, Segment, Session, history};
pub use multiplicity::{Selection, benjamini_hochberg, together};
pub use normal::quantile;
pub use quantiles::{mean_interval, quantile_interval, values_needed};
pub use ranks::percentile;
pub use sequential::{Decision, MOST, Sequential};
pub use shift::{rank_sum_p, shift};
pub use summary::{Summary, mean, median, summary};
pub use verdict::{Method, Outcome, Rules, SESSIONS, Verdict, across, independent, paired, sessions, widened};
pub use walsh::{signed_rank_p, walsh};
pub use warnings::{Finding, Resource, findings};

/// An estimate and the interval around it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}
