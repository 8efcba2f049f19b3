//! Benchmarks over many sessions: series, levels, suspected changes, and how to confirm one.
//!
//! A history suggests where to look. It is no verdict: sessions differ by more than the code, so a suspect is confirmed by
//! an interleaved run of both commits only. Must not read files: what is measured comes in as `BenchSet`s, oldest first.

mod changes;
mod confirm;
mod group;
mod text;

pub use confirm::{Place, confirm};
pub use text::{Style, markdown, text};

use crate::bench::BenchSet;
use crate::fields::fields;
use crate::model::{Better, Unit};
use crate::stats::Rules;
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the JSON form; it grows when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;
/// Fewer sessions say nothing of a change: a level needs two.
pub const FEWEST: usize = 4;

/// The history of a library or a log: `trend --format json`, and `api/trend` of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trend {
    pub schema: u32,
    /// What it is the history of, for people.
    pub source: String,
    /// By benchmark and metric in the order in which they came first; of each its environments, oldest first.
    pub series: Vec<Series>,
    /// What could not be read or was left out.
    pub warnings: Vec<String>,
}

fields!(Trend:; schema, source, series, warnings);

/// One metric of one benchmark in one environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Series {
    pub benchmark: String,
    /// Empty where the sources do not tell.
    pub command: Vec<String>,
    pub parameters: BTreeMap<String, String>,
    pub metric: String,
    pub unit: Unit,
    pub better: Better,
    /// Hash of `config`: another one begins a series of its own.
    pub environment: String,
    /// What is equal for all sessions of the series: processor, kernel, settings, tool.
    pub config: BTreeMap<String, String>,
    /// Why this is not one series with the one before: the fields that differ, `kernel: 6.1 → 6.2`; empty for the first.
    pub differs: Vec<String>,
    /// Sessions, oldest first.
    pub points: Vec<Point>,
    /// Levels that the history is made of, oldest first; none with fewer than four sessions.
    pub segments: Vec<Segment>,
    /// Between two levels.
    pub changes: Vec<Change>,
    /// In one sentence.
    pub summary: String,
}

fields!(Series:;
    benchmark, command, parameters, metric, unit, better, environment, config, differs, points, segments, changes,
    summary
);

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Point {
    /// What a person calls it: a file name, `last-1`.
    pub source: String,
    pub start: Option<String>,
    pub commit: Option<String>,
    /// Files differed from the commit.
    pub dirty: Option<bool>,
    /// Values behind it.
    pub n: u64,
    /// Their median.
    pub value: f64,
    /// Order-statistic interval of the median; `null` with fewer than six values.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

fields!(Point:; source, start, commit, dirty, n, value, low, high);

/// A level: points `first` to `last`, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Segment {
    pub first: usize,
    pub last: usize,
    /// Median of the points.
    pub value: f64,
}

fields!(Segment:; first, last, value);

/// A suspected change.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    /// First point of the new level, and the first and last point at which it may as well have begun.
    pub at: usize,
    pub earliest: usize,
    pub latest: usize,
    pub before: f64,
    pub after: f64,
    /// After over before, with the interval that the sessions of both levels give; it is too narrow where the change was
    /// chosen because it is large, and `null` with too few sessions.
    pub ratio: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// More time, more memory, less throughput.
    pub worse: bool,
    /// Commits of the last session that is surely before and the first that is surely after.
    pub commit_before: Option<String>,
    pub commit_after: Option<String>,
    /// One of the two sessions measured files that differ from its commit.
    pub dirty: bool,
    pub summary: String,
    /// Commands that confirm or refute it, one a line; empty where they are not known, and `unconfirmed` says why.
    pub confirm: Vec<String>,
    pub unconfirmed: Option<String>,
}

fields!(Change:;
    at, earliest, latest, before, after, ratio, low, high, worse, commit_before, commit_after, dirty, summary,
    confirm, unconfirmed
);

/// What is wanted of a history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Names of metrics; none for wall time, CPU time and memory, or the first of a benchmark without these.
    pub metrics: Vec<String>,
    /// Wildcard of the benchmark's name, all where it is `None`.
    pub benchmark: Option<String>,
    pub rules: Rules,
}

/// The history of sessions, which come oldest first.
#[must_use]
pub fn series(sets: &[BenchSet], wanted: &Wanted) -> Trend {
    let mut series = group::group(sets, wanted);
    for one in &mut series {
        changes::find(one, &wanted.rules);
    }
    let warnings = sets.iter().flat_map(|set| set.warnings.iter().map(|text| format!("{}: {text}", set.source)));
    Trend { schema: SCHEMA_VERSION, source: String::new(), series, warnings: warnings.collect() }
}

/// Adds the commands that would confirm each suspect; `place` tells where a series' command ran.
pub fn add_confirmations(trend: &mut Trend, sets: &[BenchSet], place: &dyn Fn(&str) -> Place) {
    for series in &mut trend.series {
        for change in &mut series.changes {
            let source = &series.points[change.latest].source;
            let set = sets.iter().find(|set| set.source == *source);
            let place = set.and_then(|set| set.cwd.as_deref()).map(place);
            match confirm(&series.command, change, place.as_ref()) {
                Ok(lines) => change.confirm = lines,
                Err(reason) => change.unconfirmed = Some(reason),
            }
        }
    }
}
