//! The JSON that `bench` prints.

use super::ReportWarning;
use super::runs::{self, ReportBenchmark};
use crate::bench::BenchSet;
use crate::compare::Comparison;
use crate::model::Warning;
use serde::Serialize;

/// Benchmarks with their figures, documented in `docs/report-schema.md`.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    pub benchmarks: Vec<ReportBenchmark>,
    pub comparisons: Vec<Comparison>,
    pub warnings: Vec<ReportWarning>,
}

/// Everything there is to say of benchmarks that were measured beside each other.
#[must_use]
pub fn bench_report(set: BenchSet, comparisons: Vec<Comparison>, warnings: &[Warning], confidence: f64) -> BenchReport {
    let told = |warning: &Warning| ReportWarning { message: super::warning_text(warning), warning: warning.clone() };
    BenchReport {
        benchmarks: runs::benchmarks(set, confidence),
        comparisons,
        warnings: warnings.iter().map(told).collect(),
    }
}
