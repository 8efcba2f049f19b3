//! The runs of benchmarks for a picture: who lies where on one scale, and in which order the runs were made.
//!
//! Owns places and paths. What is said of the runs is in `words`; judging is `stats`' and `compare`'s.

mod history;
mod picture;
mod words;

pub use history::{History, history};
pub use picture::{Dots, SWARM, Scale, density, in_order, swarm};
pub use words::{comparison, doubts, one, sentence, verdict};

pub use crate::format::metric::name as metric_name;

use crate::bench::{BenchSet, Benchmark};
use crate::model::{Bundle, Exit, Unit};
use crate::order::Order;
use crate::stats::{Summary, summary};

/// From so many runs on a distribution is drawn as a density, and as dots below.
pub const MANY: usize = 200;
/// Of intervals of medians.
pub const CONFIDENCE: f64 = 0.95;

/// The runs of one benchmark by one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    pub name: String,
    /// Those that count, in order of time.
    pub values: Vec<f64>,
    pub summary: Option<Summary>,
    /// Every run with this metric, in order of time.
    pub points: Vec<RunPoint>,
    /// How the runs that count ended: status (128 and more for a signal) and number of runs, 0 first.
    pub exits: Vec<(Exit, u64)>,
    /// Runs that were stopped because they took too long.
    pub timed_out: u64,
}

/// One run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunPoint {
    /// Place among all runs of the recording.
    pub order: u32,
    pub value: f64,
    pub kind: Kind,
}

/// What a run is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Counted,
    /// It ended with an error, and counts.
    Failed,
    /// It does not count: made to warm up, or stopped.
    Left,
}

/// The runs of every benchmark by one metric, in the bundle's order; benchmarks without it have no value.
#[must_use]
pub fn distributions(bundle: &Bundle, set: &BenchSet, metric: &str) -> Vec<Distribution> {
    set.benchmarks.iter().map(|benchmark| distribution(bundle, benchmark, metric)).collect()
}

fn distribution(bundle: &Bundle, benchmark: &Benchmark, metric: &str) -> Distribution {
    let values: Vec<f64> = benchmark.metric(metric).map(|metric| metric.values.clone()).unwrap_or_default();
    let mut found = Distribution {
        name: benchmark.name.clone(),
        summary: summary(&values, CONFIDENCE),
        values,
        ..Distribution::default()
    };
    for run in bundle.runs.iter().filter(|run| run.benchmark == benchmark.name) {
        found.timed_out += u64::from(run.timed_out);
        let failed = run.exit.status().is_some_and(|status| status != 0);
        if run.counts() {
            match found.exits.iter_mut().find(|(exit, _)| *exit == run.exit) {
                Some((_, runs)) => *runs += 1,
                None => found.exits.push((run.exit, 1)),
            }
        }
        if let Some(&value) = run.metrics.get(metric).filter(|value| value.is_finite()) {
            let kind = match () {
                () if !run.counts() => Kind::Left,
                () if failed => Kind::Failed,
                () => Kind::Counted,
            };
            found.points.push(RunPoint { order: run.order, value, kind });
        }
    }
    found.points.order_by_key(|point| point.order);
    found.exits.order_by_key(|(exit, _)| (exit.status().is_none(), exit.status()));
    found
}

#[expect(clippy::cast_precision_loss, reason = "numbers of runs, sessions and columns")]
fn float(count: usize) -> f64 {
    count as f64
}

/// Names of the metrics that any benchmark of the set has, the deciding ones first, with their units.
#[must_use]
pub fn metrics(set: &BenchSet) -> Vec<(String, Unit)> {
    let mut found: Vec<(String, Unit)> = Vec::new();
    for metric in set.benchmarks.iter().flat_map(|benchmark| &benchmark.metrics) {
        if !found.iter().any(|(name, _)| *name == metric.name) {
            found.push((metric.name.clone(), metric.unit));
        }
    }
    found
}
