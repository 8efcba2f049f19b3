//! Regressions: no metric worse than base by more than a margin.

use super::{Outcome, Side, Status, listed, matches};
use crate::bench::Benchmark;
use crate::compare::{self, Comparison, SessionNoise};
use crate::format::metric::change;
use crate::format::{plural, share};
use crate::model::{Better, Unit};
use crate::stats::{Rules, Verdict};

const KIND: &str = "regression";

/// One outcome for each metric of each benchmark whose name fits. All of a gate are judged together, so that one in many does
/// not fail by chance.
pub(super) fn outcomes(
    metrics: &[String],
    benchmark: &str,
    rules: &Rules,
    noise: &SessionNoise,
    new: Side<'_>,
    base: Option<Side<'_>>,
) -> Vec<Outcome> {
    let Some(base) = base else {
        let why =
            "there is nothing to compare with; name a base with --against, or with `against` in the configuration";
        return vec![Outcome::unknown(KIND, benchmark, "", why)];
    };
    let wanted = |name: &str| {
        if metrics.is_empty() { compare::PRIMARY.contains(&name) } else { metrics.iter().any(|metric| metric == name) }
    };
    let mut comparisons = compare::all(base.sets, &[new.sets], noise, rules, &wanted);
    comparisons.retain(|one| matches(benchmark, &one.benchmark));
    let mut found: Vec<Outcome> = comparisons.iter().map(|one| outcome(one, rules, better(one, new))).collect();
    let missing = |metric: &str, why: String| Outcome::unknown(KIND, benchmark, metric, why);
    if found.is_empty() {
        let names = |side: Side<'_>| {
            let all = side.sets.iter().flat_map(|set| &set.benchmarks);
            listed(all.map(|benchmark| benchmark.name.as_str()))
        };
        let why = format!(
            "no benchmark that fits `{benchmark}` is on both sides; base: {}; new: {}",
            names(base),
            names(new)
        );
        return vec![missing("", why)];
    }
    for metric in metrics {
        if comparisons.iter().all(|one| one.metric != *metric) {
            let known = of_side(new).flat_map(|benchmark| &benchmark.metrics).map(|metric| metric.name.as_str());
            found.push(missing(
                metric,
                format!("{metric} was not measured on both sides; there are: {}", listed(known)),
            ));
        }
    }
    for name in gone(benchmark, &comparisons, base) {
        found.push(Outcome::unknown(
            KIND,
            name,
            "",
            "only base has this benchmark: whether it became slower is not known",
        ));
    }
    found
}

fn of_side(side: Side<'_>) -> impl Iterator<Item = &Benchmark> {
    side.sets.iter().flat_map(|set| &set.benchmarks)
}

fn better(one: &Comparison, side: Side<'_>) -> Better {
    let mut metrics = of_side(side).filter_map(|benchmark| benchmark.metric(&one.metric));
    metrics.next().map(|metric| metric.better).unwrap_or_default()
}

/// Benchmarks of base that were compared with nothing. One alone may be compared with one of another name.
fn gone<'a>(pattern: &str, comparisons: &[Comparison], base: Side<'a>) -> Vec<&'a str> {
    let mut names: Vec<&str> = of_side(base).map(|benchmark| benchmark.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < 2 {
        return Vec::new();
    }
    names.retain(|name| matches(pattern, name) && comparisons.iter().all(|one| one.benchmark != *name));
    names
}

fn outcome(one: &Comparison, rules: &Rules, better: Better) -> Outcome {
    let bound = 1.0 + rules.margin;
    // Not worse beyond the margin: what is on the other side of 1 does not matter to a gate.
    let holds = match better {
        Better::Lower => one.high.is_some_and(|high| high < bound),
        Better::Higher => one.low.is_some_and(|low| low > 1.0 / bound),
    };
    let status = match one.verdict {
        _ if one.incomparable => Status::Unknown,
        Verdict::Slower => Status::Fail,
        Verdict::Faster | Verdict::Same => Status::Pass,
        Verdict::Inconclusive if holds => Status::Pass,
        Verdict::Inconclusive => Status::Unknown,
    };
    Outcome {
        status,
        kind: KIND,
        subject: one.benchmark.clone(),
        metric: one.metric.clone(),
        value: one.ratio,
        low: one.low,
        high: one.high,
        unit: Unit::Ratio,
        runs: one.runs,
        why: why(one, status, rules),
        ..Outcome::default()
    }
}

fn why(one: &Comparison, status: Status, rules: &Rules) -> String {
    let mut told = Vec::new();
    match (one.ratio, one.low.zip(one.high)) {
        (Some(ratio), Some((low, high))) => {
            told.push(format!(
                "{} [{}, {}] from {}",
                change(ratio),
                change(low),
                change(high),
                plural(one.runs, "run")
            ));
        }
        (Some(ratio), None) => told.push(format!("{} without interval, {}", change(ratio), plural(one.runs, "run"))),
        (None, _) => {}
    }
    if status == Status::Unknown && !one.incomparable {
        told.push(match (one.detectable, one.runs_needed) {
            (Some(detectable), Some(needed)) => format!(
                "so many runs find {} at least, {} would find {}",
                share(detectable),
                plural(needed, "run"),
                share(rules.margin)
            ),
            _ => "too few runs for a verdict".to_owned(),
        });
    }
    told.extend(one.notes.iter().cloned());
    told.join("; ")
}
