//! The part of the report on runs: a command that was recorded several times, or benchmarks.

use super::Report;
use crate::bench::{BenchSet, Benchmark, Metric};
use crate::format::{measured, plural};
use crate::model::{Bundle, Unit};
use crate::stats::{Summary, summary};
use serde::Serialize;
use std::collections::BTreeMap;

/// Confidence of the medians' intervals.
const CONFIDENCE: f64 = 0.95;

/// Runs of a command, or of several; `null` where it ran once.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportRuns {
    /// Without those to warm up.
    pub count: u64,
    /// Runs to warm up, which are in no figure.
    pub warmups: u64,
    /// Runs that did not end with 0.
    pub failed: u64,
    /// In order of first run.
    pub benchmarks: Vec<ReportBenchmark>,
}

/// The runs of one benchmark.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportBenchmark {
    pub name: String,
    pub command: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    pub metrics: BTreeMap<String, ReportMetric>,
}

/// The values of a metric in order of time, and what they come to, in the unit that its name ends in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportMetric {
    #[serde(flatten)]
    pub summary: Summary,
    pub values: Vec<f64>,
    #[serde(skip)]
    unit: Unit,
}

/// Every benchmark of a set with its figures; intervals are at `confidence`.
pub(super) fn benchmarks(set: BenchSet, confidence: f64) -> Vec<ReportBenchmark> {
    let metric = |metric: Metric| {
        let summary = summary(&metric.values, confidence)?;
        Some((metric.name, ReportMetric { summary, values: metric.values, unit: metric.unit }))
    };
    let benchmark = |benchmark: Benchmark| ReportBenchmark {
        metrics: benchmark.metrics.into_iter().filter_map(metric).collect(),
        name: benchmark.name,
        command: benchmark.command,
        parameters: benchmark.parameters,
    };
    set.benchmarks.into_iter().map(benchmark).collect()
}

/// The section; `None` where there are no runs.
pub(super) fn report(bundle: &Bundle) -> Option<ReportRuns> {
    if bundle.runs.is_empty() {
        return None;
    }
    let number = |runs: usize| runs as u64;
    let real = || bundle.runs.iter().filter(|run| !run.warmup);
    Some(ReportRuns {
        count: number(real().count()),
        warmups: number(bundle.runs.len() - real().count()),
        failed: number(real().filter(|run| run.exit.status().is_some_and(|status| status != 0)).count()),
        benchmarks: benchmarks(BenchSet::of_bundle(bundle, ""), CONFIDENCE),
    })
}

/// A line for each benchmark: `5 runs: wall 1.23 s (1.20 s to 1.31 s), CPU 1.10 s (…), memory 20 MiB (…)`. Intervals of the
/// median are in square brackets; of fewer than six runs there is none, and the smallest and the largest figure stand there.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let Some(runs) = &report.runs else { return Vec::new() };
    let several = runs.benchmarks.len() > 1;
    runs.benchmarks
        .iter()
        .map(|benchmark| {
            let mut figures: Vec<String> = [("wall_ns", "wall"), ("cpu_ns", "CPU"), ("rss_bytes", "memory")]
                .into_iter()
                .filter_map(|(name, word)| Some(format!("{word} {}", figure(benchmark.metrics.get(name)?))))
                .collect();
            if figures.is_empty() {
                // Of an imported file: what it names.
                let word = |name: &str| name.trim_end_matches("_ns").trim_end_matches("_bytes").replace('_', " ");
                let first = benchmark.metrics.iter().take(3);
                figures = first.map(|(name, metric)| format!("{} {}", word(name), figure(metric))).collect();
            }
            let count = benchmark.metrics.values().map(|metric| metric.summary.n).max().unwrap_or(0);
            let name = if several { format!("{}, ", benchmark.name) } else { String::new() };
            let figures = if figures.is_empty() { "no run ended by itself".to_owned() } else { figures.join(", ") };
            format!("{name}{}: {figures}", plural(if several { count } else { runs.count }, "run"))
        })
        .collect()
}

fn figure(metric: &ReportMetric) -> String {
    let (text, of) = (|value: f64| measured(value, metric.unit), &metric.summary);
    match (of.low, of.high) {
        (Some(low), Some(high)) => format!("{} [{}, {}]", text(of.median), text(low), text(high)),
        _ if of.n < 2 => text(of.median),
        _ => format!("{} ({} to {})", text(of.median), text(of.min), text(of.max)),
    }
}

/// ` in 5 runs`; empty where there was one.
pub(super) fn in_runs(report: &Report) -> String {
    match report.runs.as_ref().map_or(0, |runs| runs.count) {
        0 => String::new(),
        count => format!(" in {}", plural(count, "run")),
    }
}

/// How runs ended that did not all end with 0: `exit 3 first, 2 of 5 runs failed`.
pub(super) fn ending(report: &Report, first: &str) -> Option<String> {
    let runs = report.runs.as_ref().filter(|runs| runs.count > 1 && runs.failed > 0)?;
    Some(format!("{} of {} failed, the first with {first}", runs.failed, plural(runs.count, "run")))
}

#[cfg(test)]
mod tests {
    use super::super::{markdown, report, summary_lines, text};
    use crate::merge;
    use crate::model::{Bundle, Exit, Manifest, Run};
    use crate::testing;
    use crate::units::Nanos;
    use std::sync::Arc;

    fn bundle(walls_ms: &[u64], codes: &[i32]) -> Bundle {
        let part = |(&wall, &code): (&u64, &i32)| {
            let time = Some(Nanos(wall * Nanos::MILLISECOND.0));
            let exit = Exit { code: Some(code), signal: None };
            let command = vec!["./app".to_owned()];
            let manifest = Manifest { command, exit, wall_ns: time, cpu_ns: time, ..Manifest::default() };
            let profiles = vec![Arc::new(testing::profile("A A\nB C"))];
            (Bundle { manifest, profiles, ..Bundle::default() }, Run { benchmark: "app".into(), ..Run::default() })
        };
        merge::runs(walls_ms.iter().zip(codes).map(part)).unwrap()
    }

    #[test]
    fn times_of_several_runs_say_so() {
        let few = report(&bundle(&[1200, 1250, 1300], &[0; 3]));
        let text = text(&few);
        assert!(text.starts_with("app spent 3.75 s in 3 runs, 3.75 s of it computing;"), "{text}");
        assert!(text.contains("\n3 runs: wall 1.25 s (1.20 s to 1.30 s), CPU 1.25 s (1.20 s to 1.30 s)\n"), "{text}");
        assert!(summary_lines(&few, "x").contains("\n3 runs: wall 1.25 s"), "{}", summary_lines(&few, "x"));
        assert!(markdown(&few).contains("3 runs: wall 1.25 s"), "{}", markdown(&few));
        let overview = crate::derive::overview::overview(&bundle(&[1200, 1300], &[0; 2]));
        assert_eq!(overview.sentence, "app spent 2.50 s in 2 runs, 2.50 s of it computing on one core.");
    }

    #[test]
    fn the_median_has_an_interval_from_six_runs_on() {
        let many = report(&bundle(&[100, 101, 102, 103, 104, 105, 106], &[0; 7]));
        let text = text(&many);
        assert!(text.contains("7 runs: wall 103 ms [100 ms, 106 ms]"), "{text}");
        let metric = &many.runs.unwrap().benchmarks[0].metrics["wall_ns"];
        assert_eq!((metric.summary.n, metric.values.len(), metric.summary.low), (7, 7, Some(100e6)));
    }

    #[test]
    fn failed_runs_are_told() {
        let some = report(&bundle(&[1, 1, 1], &[0, 3, 0]));
        assert_eq!((some.run.exit_code, some.runs.as_ref().unwrap().failed), (Some(3), 1));
        assert!(text(&some).contains("; 1 of 3 runs failed, the first with exit 3\n"), "{}", text(&some));
    }
}
