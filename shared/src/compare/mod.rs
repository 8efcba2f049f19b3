//! Two sides to verdicts: which values are compared with which, and what is said of them.
//!
//! The terminal, CI and the page call the same functions, so that none of them judges differently. Words for people are in
//! `text` and `markdown`, which only the terminal calls.

mod caches;
mod cases;
mod environment;
mod explain;
mod noise;
mod report;
mod resources;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use caches::{CacheChange, caches};
pub use cases::{all, benchmarks, sets, within};
pub use environment::{Difference, differences, side_name};
pub use explain::{Carrier, Explanation, explain};
pub use noise::SessionNoise;
pub use report::{FunctionRow, Question, Report, ReportSide, ReportSource, Side, compare};
pub use resources::{Resource, resources};
pub use text::{markdown, text};
pub use words::{
    change_words, difference_words, explanation_words, headline, path_words, programs_words, share_words, value_words,
    verdict_words,
};

use crate::stats::{Method, Verdict};
use serde::Serialize;

/// Metrics that decide together.
pub const PRIMARY: [&str; 2] = ["wall_ns", "cpu_ns"];

/// One metric of one benchmark on two sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of what is compared: the benchmark's, or the base's where each side has its own.
    pub benchmark: String,
    /// Names of the two sides: sources, or benchmarks of one source.
    pub base: String,
    pub new: String,
    pub metric: String,
    /// Medians of the two sides, in the metric's unit.
    pub base_value: Option<f64>,
    pub new_value: Option<f64>,
    /// New over base.
    pub ratio: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Level of the interval, 0.95 for 95 %; higher where one of many comparisons is called different.
    pub confidence: f64,
    pub margin: f64,
    pub verdict: Verdict,
    /// Half the width of the interval that runs of one side show against each other, as a ratio minus 1: what no change at
    /// all would look like. `None` where a side has too few runs.
    pub floor: Option<f64>,
    /// Smallest relative difference that so many runs would find in 80 of 100 cases.
    pub detectable: Option<f64>,
    /// Pairs, or runs of the smaller side.
    pub runs: u64,
    /// Pairs (or runs a side) that would find a difference as small as the margin.
    pub runs_needed: Option<u64>,
    /// Two-sided, of no difference at all.
    pub p: Option<f64>,
    pub method: Method,
    /// There is a difference, but not surely one beyond the margin.
    pub below_margin: bool,
    /// Names of the programs of base and of new, where each side ran another: then nothing that changed was measured.
    pub programs: Option<[String; 2]>,
    /// The two sides cannot be compared; the notes say why.
    pub incomparable: bool,
    /// Why the two are not comparable, or what the verdict leaves open.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Whether this metric is one of those that decide.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        PRIMARY.contains(&self.metric.as_str())
    }
}
