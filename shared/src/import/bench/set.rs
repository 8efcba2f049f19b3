//! What importers build sets from: units, metrics, fields of the configuration.

use super::ImportError;
use super::json::Node;
use crate::bench::{BenchSet, Benchmark, Given, Metric};
use crate::model::{Better, MetricInfo, Unit};
use crate::stats::median;
use std::collections::BTreeMap;

pub(super) fn set(source: &str, tool: &str) -> BenchSet {
    BenchSet { source: source.to_owned(), tool: tool.to_owned(), ..BenchSet::default() }
}

/// The one set of a file, which must hold something.
pub(super) fn measured(set: BenchSet) -> Result<Vec<BenchSet>, ImportError> {
    if set.benchmarks.is_empty() {
        return Err(ImportError::new(format!("holds no measurement of {} that is whole", set.tool)));
    }
    Ok(vec![set])
}

pub(super) fn benchmark(name: impl Into<String>, metrics: Vec<Metric>) -> Benchmark {
    Benchmark { name: name.into(), metrics, ..Benchmark::default() }
}

/// A metric whose name tells its unit, with a value for each run or process.
pub(super) fn metric(name: &str, values: Vec<f64>) -> Metric {
    let MetricInfo { name, unit, better } = MetricInfo::of_name(name);
    Metric { name, unit, better, values, ..Metric::default() }
}

/// A metric of which a source gives figures only.
pub(super) fn given(name: &str, given: Given) -> Metric {
    Metric { given: Some(given), ..metric(name, Vec::new()) }
}

/// Something for each second: more is better.
pub(super) fn rate(name: &str, values: Vec<f64>) -> Metric {
    Metric { unit: Unit::PerSecond, better: Better::Higher, ..metric(name, values) }
}

/// Measurements inside processes, one list a process: each becomes its median (statistics.md, case D).
pub(super) fn of_processes(name: &str, processes: &[Vec<f64>]) -> Metric {
    let values = processes.iter().filter_map(|process| median(process)).collect();
    Metric { within: processes.concat(), ..metric(name, values) }
}

impl Given {
    /// In another unit.
    pub(super) fn scaled(self, factor: f64) -> Self {
        let scale = |value: Option<f64>| value.map(|value| value * factor);
        Self {
            n: self.n,
            mean: scale(self.mean),
            median: scale(self.median),
            stddev: scale(self.stddev),
            min: scale(self.min),
            max: scale(self.max),
        }
    }
}

pub(super) fn scaled(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().map(|value| value * factor).collect()
}

/// Nanoseconds in a unit of time, by its usual names.
pub(super) fn nanoseconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" | "nsec" | "nanosecond" | "nanoseconds" => 1.0,
        "us" | "µs" | "μs" | "usec" | "microsecond" | "microseconds" => 1e3,
        "ms" | "msec" | "millisecond" | "milliseconds" => 1e6,
        "s" | "sec" | "second" | "seconds" => 1e9,
        "m" | "min" | "minute" | "minutes" => 60e9,
        "h" | "hr" | "hour" | "hours" => 3600e9,
        "ps" | "picosecond" | "picoseconds" => 1e-3,
        _ => return None,
    })
}

/// Bytes in a unit of size. `kB` is 1000 and `KiB` 1024 bytes, whatever a tool's own documentation calls them.
pub(super) fn bytes(unit: &str) -> Option<f64> {
    Some(match unit {
        "B" | "byte" | "bytes" => 1.0,
        "kB" | "KB" | "kilobytes" => 1e3,
        "MB" | "megabytes" => 1e6,
        "GB" | "gigabytes" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    })
}

/// A metric's name, the factor into our unit, and its kind, from whatever unit a tool wrote beside a number.
pub(super) fn of_unit(unit: &str) -> (Metric, f64) {
    let unit = unit.trim();
    let per = unit.strip_suffix("/iter").or(unit.strip_suffix("/op")).unwrap_or(unit);
    if let Some(factor) = nanoseconds(per) {
        return (metric("time_ns", Vec::new()), factor);
    }
    if let Some(factor) = bytes(per) {
        return (metric("memory_bytes", Vec::new()), factor);
    }
    let each = unit.rsplit_once('/').filter(|(_, time)| matches!(*time, "s" | "sec" | "second"));
    match each {
        Some((what, _)) => match bytes(what) {
            Some(factor) => (rate("bytes_per_second", Vec::new()), factor),
            None => (rate(&format!("{}_per_second", word(what)), Vec::new()), 1.0),
        },
        None if per == "%" => (metric("value_ratio", Vec::new()), 0.01),
        None if per.is_empty() => (metric("value", Vec::new()), 1.0),
        None => (metric(&word(per), Vec::new()), 1.0),
    }
}

/// As part of a metric's name: `L1 D-misses` becomes `l1_d_misses`.
pub(super) fn word(text: &str) -> String {
    let mut word = String::new();
    for c in text.trim().chars() {
        match c.is_alphanumeric() {
            true => word.extend(c.to_lowercase()),
            false if word.ends_with('_') || word.is_empty() => {}
            false => word.push('_'),
        }
    }
    let word = word.trim_end_matches('_');
    if word.is_empty() { "value".to_owned() } else { word.to_owned() }
}

/// A time in UTC from seconds since 1970; days are turned into dates as in Howard Hinnant's "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`.
pub(super) fn rfc3339(seconds: i64) -> String {
    let seconds = seconds.clamp(0, 253_402_300_799);
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Fields of an object as they stand, for comparing configurations.
pub(super) fn config(config: &mut BTreeMap<String, String>, of: &Node<'_>, fields: &[(&str, &str)]) {
    for (theirs, ours) in fields {
        let mut node = Some(of.clone());
        for part in theirs.split('.') {
            node = node.and_then(|node| node.get(part));
        }
        if let Some(node) = node {
            config.insert((*ours).to_owned(), node.plain());
        }
    }
}

/// Gives benchmarks of equal names numbers, so that each is found again: `name`, `name (2)`.
pub(super) fn number_equal_names(benchmarks: &mut [Benchmark]) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for benchmark in benchmarks {
        let times = seen.entry(benchmark.name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            benchmark.name = format!("{} ({times})", benchmark.name);
        }
    }
}

/// Rows of a table of separated cells (RFC 4180) with the line that each begins on; empty lines are left out.
pub(super) fn rows(text: &str, separator: char) -> Vec<(usize, Vec<String>)> {
    let mut rows = Vec::new();
    let (mut row, mut cell) = (Vec::new(), String::new());
    let (mut line, mut begins, mut quoted) = (1, 1, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell).trim_end_matches('\r').to_owned());
                rows.push((begins, std::mem::take(&mut row)));
                begins = line + 1;
            }
            _ if c == separator && !quoted => row.push(std::mem::take(&mut cell)),
            _ => cell.push(c),
        }
        line += usize::from(c == '\n');
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push((begins, row));
    }
    rows.retain(|(_, row)| row.iter().any(|cell| !cell.is_empty()));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separated_cells_may_hold_quotes_and_lines() {
        let found = rows("a,b\n\"x,\"\"y\"\"\nz\",2\r\n\n3,", ',');
        let cells = |words: [&str; 2]| words.map(str::to_owned).to_vec();
        assert_eq!(found, [(1, cells(["a", "b"])), (2, cells(["x,\"y\"\nz", "2"])), (5, cells(["3", ""]))]);
    }

    #[test]
    fn times_are_dates() {
        for (seconds, date) in [(0, "1970-01-01"), (951_825_601, "2000-02-29"), (1_795_245_000, "2026-11-21")] {
            assert!(rfc3339(seconds).starts_with(date), "{}", rfc3339(seconds));
        }
    }

    #[test]
    fn units_are_ours() {
        let check = |unit: &str, name: &str, factor: f64| {
            let (metric, by) = of_unit(unit);
            assert_eq!((metric.name.as_str(), by), (name, factor), "{unit}");
        };
        check("ns/iter", "time_ns", 1.0);
        check("us", "time_ns", 1e3);
        check("MB/s", "bytes_per_second", 1e6);
        check("ops/sec", "ops_per_second", 1.0);
        check("cycles/iter", "cycles", 1.0);
        check("L1 D-misses", "l1_d_misses", 1.0);
    }
}
