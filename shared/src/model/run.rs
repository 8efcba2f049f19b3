//! Runs of benchmarks, and of commands that were recorded several times.

use super::{Exit, Pressure};
use crate::fields::fields;
use crate::units::Nanos;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One run of one benchmark: a line of `benchmarks.jsonl`.
///
/// Where stacks were recorded too, a run's are those from its start to the next run's.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Run {
    /// Name of its benchmark, one of the manifest's `benchmarks`.
    pub benchmark: String,
    /// Runs of one block were made one after the other in random order, so that they can be compared as pairs.
    pub block: u32,
    /// Place among all runs of the recording in order of time, from 0.
    pub order: u32,
    /// Its start, counted from that of the recording; `None` where the source does not tell.
    pub t_ns: Option<Nanos>,
    /// Made to warm up caches; in no figure.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub warmup: bool,
    pub exit: Exit,
    /// Killed because it took longer than was allowed; in no figure.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    /// Figures by name: `wall_ns`, `cpu_ns`, `user_ns`, `system_ns`, `rss_bytes`, `minor_faults`, `major_faults`,
    /// `voluntary_switches`, `involuntary_switches`, counters such as `instructions`, and what an imported file names.
    /// What was not measured is not there.
    pub metrics: BTreeMap<String, f64>,
    /// Load average of the last minute; read once a block, before its first run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
    /// Pressure, likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pressure: Vec<Pressure>,
}

fields!(Run:; benchmark, block, order, t_ns, warmup, exit, timed_out, metrics, load, pressure);

/// What a benchmark is: an entry of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BenchmarkInfo {
    /// Unlike that of any other in the bundle.
    pub name: String,
    /// Arguments as they were executed; empty where the source does not tell.
    pub command: Vec<String>,
    /// Values of scanned parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Metrics whose unit and direction their names do not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricInfo>,
}

fields!(BenchmarkInfo:; name, command, parameters, metrics);

/// Unit and direction of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MetricInfo {
    pub name: String,
    pub unit: Unit,
    pub better: Better,
}

fields!(MetricInfo:; name, unit, better);

/// What a figure counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Nanoseconds,
    Bytes,
    /// A part of a whole, 0 to 1.
    Ratio,
    /// Something for each second.
    PerSecond,
    /// Events, or a unit that only the metric's name tells.
    #[default]
    #[serde(other)]
    Count,
}

/// Which way a figure should go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Higher,
    #[default]
    #[serde(other)]
    Lower,
}

impl MetricInfo {
    /// What a metric's own name tells: `…_ns` is a time, `…_bytes` a size, all else a count; less is better.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let unit = match name {
            _ if name.ends_with("_ns") => Unit::Nanoseconds,
            _ if name.ends_with("_bytes") => Unit::Bytes,
            _ if name.ends_with("_ratio") => Unit::Ratio,
            _ => Unit::Count,
        };
        Self { name: name.to_owned(), unit, better: Better::Lower }
    }
}
