//! Results in the forms that other tools write, so that scripts made for those work.

use perfcollect_shared::bench::{BenchSet, Benchmark};
use perfcollect_shared::format;
use perfcollect_shared::stats::{self, Summary, summary};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// hyperfine's JSON, as its versions 1.16 to 1.20 write it.
#[derive(Serialize)]
struct Hyperfine<'a> {
    results: Vec<HyperfineResult<'a>>,
}

#[derive(Serialize)]
struct HyperfineResult<'a> {
    command: &'a str,
    mean: f64,
    stddev: Option<f64>,
    median: f64,
    user: f64,
    system: f64,
    min: f64,
    max: f64,
    times: Vec<f64>,
    /// Empty where it was below the floor in some run: half a list would belong to other runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    memory_usage_byte: Vec<u64>,
    exit_codes: &'a [Option<i32>],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parameters: &'a BTreeMap<String, String>,
}

/// hyperfine's JSON, in seconds; `exits` are those of each benchmark's runs.
///
/// # Errors
/// Never so far: all figures are finite.
pub fn json(set: &BenchSet, exits: &[Vec<Option<i32>>]) -> serde_json::Result<String> {
    let results = set.benchmarks.iter().zip(exits).filter_map(|(benchmark, exits)| {
        let wall = wall(benchmark)?;
        let times: Vec<f64> = values(benchmark, "wall_ns").iter().map(|ns| ns / 1e9).collect();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bytes were counted in whole numbers"
        )]
        let memory: Vec<u64> = values(benchmark, "rss_bytes").iter().map(|&bytes| bytes as u64).collect();
        Some(HyperfineResult {
            command: &benchmark.name,
            mean: wall.mean / 1e9,
            stddev: wall.stddev.map(|ns| ns / 1e9),
            median: wall.median / 1e9,
            user: mean(benchmark, "user_ns") / 1e9,
            system: mean(benchmark, "system_ns") / 1e9,
            min: wall.min / 1e9,
            max: wall.max / 1e9,
            memory_usage_byte: if memory.len() == times.len() { memory } else { Vec::new() },
            times,
            exit_codes: exits,
            parameters: &benchmark.parameters,
        })
    });
    serde_json::to_string_pretty(&Hyperfine { results: results.collect() }).map(|text| text + "\n")
}

/// hyperfine's CSV, in seconds.
#[must_use]
pub fn csv(set: &BenchSet) -> String {
    let parameters: BTreeSet<&String> =
        set.benchmarks.iter().flat_map(|benchmark| benchmark.parameters.keys()).collect();
    let mut text = String::from("command,mean,stddev,median,user,system,min,max");
    text.extend(parameters.iter().map(|name| format!(",{}", field(&format!("parameter_{name}")))));
    text.push('\n');
    for benchmark in &set.benchmarks {
        let Some(wall) = wall(benchmark) else { continue };
        let (user, system) = (mean(benchmark, "user_ns"), mean(benchmark, "system_ns"));
        // As hyperfine does, no deviation of a single run is 0.
        let figures = [wall.mean, wall.stddev.unwrap_or(0.0), wall.median, user, system, wall.min, wall.max];
        text.push_str(&field(&benchmark.name));
        text.extend(figures.iter().map(|ns| format!(",{}", ns / 1e9)));
        let value = |name: &&String| benchmark.parameters.get(*name).map_or("", String::as_str);
        text.extend(parameters.iter().map(|name| format!(",{}", field(value(name)))));
        text.push('\n');
    }
    text
}

/// A field as RFC 4180 wants it.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The table as Markdown, with hyperfine's columns.
#[must_use]
pub fn markdown(set: &BenchSet) -> String {
    let mut text = String::new();
    let all: Vec<(&Benchmark, Summary)> =
        set.benchmarks.iter().filter_map(|benchmark| Some((benchmark, wall(benchmark)?))).collect();
    let largest = all.iter().map(|(_, wall)| wall.mean).fold(0.0, f64::max);
    let (unit, step) = match largest {
        ns if ns >= 1e9 => ("s", 1e9),
        ns if ns >= 1e6 => ("ms", 1e6),
        _ => ("µs", 1e3),
    };
    text.extend([format!(
        "| Command | Mean [{unit}] | Min [{unit}] | Max [{unit}] | Relative |\n|:---|---:|---:|---:|---:|\n"
    )]);
    let base = all.first().map_or(1.0, |(_, wall)| wall.median);
    for (benchmark, wall) in &all {
        let spread = wall.stddev.map_or_else(String::new, |ns| format!(" ± {:.1}", ns / step));
        let (mean, min, max) = (wall.mean / step, wall.min / step, wall.max / step);
        let name = benchmark.name.replace('|', "\\|");
        text.extend([format!(
            "| `{name}` | {mean:.1}{spread} | {min:.1} | {max:.1} | {} |\n",
            format::significant(wall.median / base)
        )]);
    }
    text
}

fn values<'a>(benchmark: &'a Benchmark, metric: &str) -> &'a [f64] {
    benchmark.metric(metric).map_or(&[], |metric| &metric.values)
}

fn wall(benchmark: &Benchmark) -> Option<Summary> {
    summary(values(benchmark, "wall_ns"), 0.95)
}

fn mean(benchmark: &Benchmark, metric: &str) -> f64 {
    stats::mean(values(benchmark, metric)).unwrap_or(0.0)
}
