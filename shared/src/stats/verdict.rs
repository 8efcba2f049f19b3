//! The three-way verdict at a margin.

use super::normal;
use super::walsh::{Interval, count, walsh};
use serde::{Deserialize, Serialize};

/// What may be said of a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Worse by more than the margin: more time, more memory, less throughput.
    Slower,
    /// Better by more than the margin.
    Faster,
    /// The difference is smaller than the margin, either way.
    Same,
    /// None of these can be said.
    #[default]
    Inconclusive,
}

/// How values of two sides belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Pairs of one block: Wilcoxon's signed ranks.
    Paired,
    /// Two groups: Mann and Whitney's ranks.
    #[default]
    Independent,
    /// All values are equal to each other on each side: compared as numbers.
    Exact,
    /// Too few values for any test.
    None,
}

/// How strict a verdict is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Smallest relative difference that matters, 0.02 for 2 %.
    pub margin: f64,
    /// Of the interval, 0.95 for 95 %.
    pub confidence: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { margin: 0.02, confidence: 0.95 }
    }
}

/// A comparison of two samples of one metric, lower values being better.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// New over base, with its interval; `None` where one side has no value or one that is not positive.
    pub ratio: Option<Interval>,
    /// Two-sided, of no difference at all.
    pub p: Option<f64>,
    pub verdict: Verdict,
    pub method: Method,
    /// Smallest ratio minus 1 that so many runs would find in 80 of 100 cases.
    pub detectable: Option<f64>,
    /// Pairs (or runs a side) that would find a difference as small as the margin in 80 of 100 cases.
    pub needed: Option<u64>,
    /// The interval leaves out 1, but the difference is not surely larger than the margin.
    pub below_margin: bool,
    /// Pairs, or runs of the smaller side.
    pub runs: u64,
}

/// Compares pairs: `base[i]` and `new[i]` were measured beside each other.
#[must_use]
pub fn paired(base: &[f64], new: &[f64], rules: &Rules) -> Outcome {
    let logs: Option<Vec<f64>> = base.iter().zip(new).map(|(a, b)| Some(log(*b)? - log(*a)?)).collect();
    let interval = logs.as_deref().and_then(|logs| walsh(logs, rules.confidence));
    judge(interval, Method::Paired, base.len().min(new.len()), rules)
}

/// Compares two groups that were measured in one session, but not in pairs.
#[must_use]
pub fn independent(base: &[f64], new: &[f64], rules: &Rules) -> Outcome {
    let logs = |values: &[f64]| values.iter().map(|&value| log(value)).collect::<Option<Vec<f64>>>();
    let interval = logs(base).zip(logs(new)).and_then(|(base, new)| shift(&base, &new, rules.confidence));
    judge(interval, Method::Independent, base.len().min(new.len()), rules)
}

fn log(value: f64) -> Option<f64> {
    (value > 0.0).then(|| value.ln())
}

/// Hodges and Lehmann's shift between two groups with its interval, from all differences.
fn shift(base: &[f64], new: &[f64], confidence: f64) -> Option<Interval> {
    let mut all: Vec<f64> = base.iter().flat_map(|a| new.iter().map(move |b| b - a)).collect();
    if all.is_empty() {
        return None;
    }
    all.sort_unstable_by(f64::total_cmp);
    let m = all.len();
    let value = f64::midpoint(all[(m - 1) / 2], all[m / 2]);
    let (bases, news) = (count(base.len()), count(new.len()));
    let z = -normal::quantile((1.0 - confidence) / 2.0);
    let rank = bases * news / 2.0 - 0.5 - z * (bases * news * (bases + news + 1.0) / 12.0).sqrt();
    if rank < 0.0 {
        return Some(Interval { value, low: f64::NEG_INFINITY, high: f64::INFINITY });
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank among the differences")]
    let k = rank as usize;
    Some(Interval { value, low: all[k], high: all[m - 1 - k] })
}

fn judge(logs: Option<Interval>, method: Method, runs: usize, rules: &Rules) -> Outcome {
    let runs = runs as u64;
    let Some(Interval { value, low, high }) = logs else { return Outcome { method, runs, ..Outcome::default() } };
    let margin = (1.0 + rules.margin).ln();
    let verdict = match () {
        () if low > margin => Verdict::Slower,
        () if high < -margin => Verdict::Faster,
        () if low > -margin && high < margin => Verdict::Same,
        () => Verdict::Inconclusive,
    };
    let excludes_none = low > 0.0 || high < 0.0;
    Outcome {
        ratio: Some(Interval { value: value.exp(), low: low.exp(), high: high.exp() }),
        verdict,
        method,
        below_margin: excludes_none && !matches!(verdict, Verdict::Slower | Verdict::Faster),
        runs,
        ..Outcome::default()
    }
}
