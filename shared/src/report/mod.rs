//! A bundle in words and figures: what `report`, the end of `run` and other programs read.
//!
//! The JSON form is a promise, described in `docs/report-schema.md` and held by a test. Must not decide anything that
//! the derivations do not: it names and arranges their results.

mod bench;
mod calls;
mod events;
mod json;
mod lines;
mod markdown;
mod memory;
mod quality;
mod runs;
mod summary_lines;
mod text;
mod waiting;
mod warning;

pub use bench::{BenchReport, bench_report};
pub use calls::{ReportCall, ReportCaller, ReportCallsTotal};
pub use events::{ReportEvent, ReportEventFunction, ReportEventProcess};
pub use json::{
    Report, ReportFunction, ReportProfile, ReportResources, ReportRun, ReportWarning, SCHEMA_VERSION, report, report_by,
};
pub use lines::ReportLine;
pub use markdown::markdown;
pub use memory::{ReportFunctionMemory, ReportHeld, ReportMemory, ReportProcessMemory, ReportSite, growth_text};
pub use quality::{OverheadClass, Quality, quality};
pub use runs::{ReportBenchmark, ReportMetric, ReportRuns};
pub use summary_lines::summary_lines;
pub use text::text;
pub use waiting::{ReportWait, ReportWaiting};
pub use warning::warning_text;
