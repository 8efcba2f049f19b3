//! The JSON that `bench` prints.

use super::ReportWarning;
use crate::bench::BenchSet;
use crate::compare::Comparison;
use crate::model::Warning;
use crate::stats::{Summary, summary};
use serde::Serialize;
use std::collections::BTreeMap;

/// Benchmarks with their figures, documented in `docs/report-schema.md`.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    pub benchmarks: Vec<BenchReportEntry>,
    pub comparisons: Vec<Comparison>,
    pub warnings: Vec<ReportWarning>,
}

/// One benchmark.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReportEntry {
    pub name: String,
    pub command: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    pub metrics: BTreeMap<String, BenchReportMetric>,
}

/// The values of a metric and what they come to.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReportMetric {
    #[serde(flatten)]
    pub summary: Summary,
    pub values: Vec<f64>,
}

/// Everything there is to say of benchmarks that were measured beside each other.
#[must_use]
pub fn bench_report(set: BenchSet, comparisons: Vec<Comparison>, warnings: &[Warning], confidence: f64) -> BenchReport {
    let benchmarks = set.benchmarks.into_iter().map(|benchmark| {
        let metrics = benchmark.metrics.into_iter().filter_map(|metric| {
            let summary = summary(&metric.values, confidence)?;
            Some((metric.name, BenchReportMetric { summary, values: metric.values }))
        });
        BenchReportEntry {
            metrics: metrics.collect(),
            name: benchmark.name,
            command: benchmark.command,
            parameters: benchmark.parameters,
        }
    });
    let told = |warning: &Warning| ReportWarning { message: super::warning_text(warning), warning: warning.clone() };
    BenchReport { benchmarks: benchmarks.collect(), comparisons, warnings: warnings.iter().map(told).collect() }
}
