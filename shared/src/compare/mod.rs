//! Two sides to verdicts: which values are compared with which, and what is said of them.
//!
//! The terminal, CI and the page call the same functions, so that none of them judges differently.

use crate::bench::{BenchSet, Benchmark, Metric};
use crate::model::Better;
use crate::stats::{self, Method, Outcome, Rules, Verdict};
use serde::Serialize;

/// One metric of one benchmark on two sides.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Names of the two sides.
    pub base: String,
    pub new: String,
    pub metric: String,
    /// New over base.
    pub ratio: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub margin: f64,
    pub verdict: Verdict,
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
    /// Why the two are not comparable, or what the verdict leaves open.
    pub notes: Vec<String>,
}

/// Compares the benchmarks of one set with its first, by pairs where they were run in blocks.
#[must_use]
pub fn within(set: &BenchSet, rules: &Rules) -> Vec<Comparison> {
    let Some((base, others)) = set.benchmarks.split_first() else { return Vec::new() };
    others.iter().flat_map(|new| benchmarks(base, new, rules)).collect()
}

/// Compares every metric that both have.
#[must_use]
pub fn benchmarks(base: &Benchmark, new: &Benchmark, rules: &Rules) -> Vec<Comparison> {
    let both = base.metrics.iter().filter_map(|metric| Some((metric, new.metric(&metric.name)?)));
    both.map(|(a, b)| Comparison { base: base.name.clone(), new: new.name.clone(), ..metrics(a, b, rules) }).collect()
}

fn metrics(base: &Metric, new: &Metric, rules: &Rules) -> Comparison {
    let (a, b) = pairs(base, new);
    let outcome =
        if a.is_empty() { stats::independent(&base.values, &new.values, rules) } else { stats::paired(&a, &b, rules) };
    comparison(&base.name, base.better, &outcome, rules)
}

/// Values of blocks that both metrics have, in the same order; empty where there are no blocks.
fn pairs(base: &Metric, new: &Metric) -> (Vec<f64>, Vec<f64>) {
    let of_block = |metric: &Metric, block: u32| {
        let index = metric.blocks.iter().position(|&other| other == block)?;
        metric.values.get(index).copied()
    };
    let both = base.blocks.iter().zip(&base.values);
    both.filter_map(|(&block, &value)| Some((value, of_block(new, block)?))).unzip()
}

fn comparison(metric: &str, better: Better, outcome: &Outcome, rules: &Rules) -> Comparison {
    let verdict = match (better, outcome.verdict) {
        (Better::Higher, Verdict::Slower) => Verdict::Faster,
        (Better::Higher, Verdict::Faster) => Verdict::Slower,
        (_, verdict) => verdict,
    };
    Comparison {
        metric: metric.to_owned(),
        ratio: outcome.ratio.map(|ratio| ratio.value),
        low: outcome.ratio.map(|ratio| ratio.low),
        high: outcome.ratio.map(|ratio| ratio.high).filter(|high| high.is_finite()),
        margin: rules.margin,
        verdict,
        detectable: outcome.detectable,
        runs: outcome.runs,
        runs_needed: outcome.needed,
        p: outcome.p,
        method: outcome.method,
        below_margin: outcome.below_margin,
        ..Comparison::default()
    }
}
