//! Gates: what must hold for a change to be merged, and whether it does.
//!
//! Owns pass, fail and unknown. A figure that is not there, or whose interval lies on both sides of a bound, is unknown, never a
//! pass. Must not read files: bundles, benchmarks and configuration come in as values.

mod functions;
mod gate;
mod junit;
mod markdown;
mod quantity;
mod regression;
mod target;
mod text;
mod wildcard;

pub use gate::{Functions, Gate, Statistic, bound_of, metric_of, regression, share, share_bound, statistic_of, target};
pub use junit::junit;
pub use markdown::markdown;
pub use quantity::{parse as parse_quantity, parse_part};
pub use text::text;
pub use wildcard::matches;

use crate::bench::BenchSet;
use crate::compare::SessionNoise;
use crate::format::plural;
use crate::model::{Bundle, Unit};
use crate::stats::Rules;
use serde::Serialize;

/// Version of the JSON form; it grows when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub gates: Vec<Gate>,
    /// Margin and confidence where a gate names none.
    pub rules: Rules,
    pub noise: SessionNoise,
    /// Gates that cannot decide do not stop a merge.
    pub allow_unknown: bool,
}

/// One side: its benchmarks, and those of its bundles that hold stacks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side<'a> {
    pub name: &'a str,
    pub sets: &'a [BenchSet],
    pub bundles: &'a [Bundle],
}

/// Whether a gate holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pass,
    /// The figures do not say.
    #[default]
    Unknown,
    Fail,
}

/// One gate for one figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    pub status: Status,
    /// `regression`, `target`, `function`, `function_regression`.
    pub kind: &'static str,
    /// The gate as it was written, in words.
    pub gate: String,
    /// What it was held against: the benchmark, or the function.
    pub subject: String,
    /// Empty for gates on functions.
    pub metric: String,
    /// The figure; of regressions the ratio of new over base.
    pub value: Option<f64>,
    /// Its interval; `null` on a side that is not bounded.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Unit of the three; of regressions a part of one, 1 for no change.
    pub unit: Unit,
    /// Runs behind the figure, of the smaller side.
    pub runs: u64,
    /// What decided, or what is missing, and what to do.
    pub why: String,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub schema: u32,
    pub status: Status,
    /// Unknown ones do not stop a merge.
    pub allow_unknown: bool,
    /// In one sentence.
    pub summary: String,
    pub base: Option<String>,
    pub new: String,
    /// In the order of the gates.
    pub outcomes: Vec<Outcome>,
    /// What the reading of both sides met.
    pub warnings: Vec<String>,
}

impl Report {
    /// How many have this status.
    #[must_use]
    pub fn count(&self, status: Status) -> u64 {
        self.outcomes.iter().filter(|outcome| outcome.status == status).count() as u64
    }
}

/// Holds every gate against what was measured.
#[must_use]
pub fn check(plan: &Plan, new: Side<'_>, base: Option<Side<'_>>) -> Report {
    let mut outcomes = Vec::new();
    for gate in &plan.gates {
        let told = gate::describe(gate, plan.rules.margin);
        let found = match gate {
            Gate::Regression { metrics, benchmark, margin, confidence } => {
                let rules = Rules {
                    margin: margin.unwrap_or(plan.rules.margin),
                    confidence: confidence.unwrap_or(plan.rules.confidence),
                };
                regression::outcomes(metrics, benchmark, &rules, &plan.noise, new, base)
            }
            Gate::Target { metric, statistic, benchmark, max, min } => {
                let wanted = target::Wanted { metric, statistic: *statistic, max: *max, min: *min };
                target::outcomes(&wanted, benchmark, plan.rules.confidence, new)
            }
            Gate::Share { functions, max, unit } => {
                vec![functions::share(functions, *max, *unit, plan.rules.confidence, new)]
            }
            Gate::Slower { functions, margin } => {
                let rules = Rules { margin: margin.unwrap_or(plan.rules.margin), ..plan.rules };
                functions::slower(functions, &rules, &plan.noise, new, base)
            }
        };
        outcomes.extend(found.into_iter().map(|outcome| Outcome { gate: told.clone(), ..outcome }));
    }
    let sets = base.iter().flat_map(|base| base.sets).chain(new.sets);
    let warnings = sets.flat_map(|set| set.warnings.iter().map(|text| format!("{}: {text}", set.source))).collect();
    let mut report = Report {
        schema: SCHEMA_VERSION,
        status: outcomes.iter().map(|outcome| outcome.status).max().unwrap_or_default(),
        allow_unknown: plan.allow_unknown,
        base: base.map(|base| base.name.to_owned()),
        new: new.name.to_owned(),
        outcomes,
        warnings,
        ..Report::default()
    };
    report.summary = summary(&report);
    report
}

fn summary(report: &Report) -> String {
    let all = report.outcomes.len() as u64;
    let [pass, unknown, fail] = [Status::Pass, Status::Unknown, Status::Fail].map(|status| report.count(status));
    let worded = |count: u64, verb: &str| (count > 0).then(|| format!("{count} {verb}"));
    let parts: Vec<String> = [worded(fail, "failed"), worded(unknown, "could not be decided"), worded(pass, "passed")]
        .into_iter()
        .flatten()
        .collect();
    let verdict = match report.status {
        Status::Fail => "Failed",
        Status::Unknown if report.allow_unknown => "Nothing failed, unknown is allowed",
        Status::Unknown => "Not decided",
        Status::Pass => "Passed",
    };
    format!("{verdict}: of {} {}.", plural(all, "gate"), parts.join(", "))
}

impl Outcome {
    fn unknown(kind: &'static str, subject: impl Into<String>, metric: &str, why: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), metric: metric.to_owned(), why: why.into(), ..Self::default() }
    }
}

/// Names for a message: all of a few, else the first ones.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(8);
    names.truncate(8);
    let told = names.join(", ");
    match (told.is_empty(), more) {
        (true, _) => "none".into(),
        (_, 0) => told,
        _ => format!("{told} and {more} more"),
    }
}
