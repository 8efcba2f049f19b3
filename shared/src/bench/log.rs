//! `benchmarks.log`: the append-only log of benchmarks, one JSON object a line.
//!
//! The form is that of the project `advanced_caching` (`results` by section, rows in milliseconds; older lines call it
//! `sections`); what we append has in addition the machine, the commit and every value, in fields that its own scripts
//! do not look at. Owns the form and the selectors of entries. Must not open files.

use super::{BenchSet, Benchmark, Given, Metric};
use crate::model::{Better, MetricInfo, Unit};
use crate::stats::{Summary, summary};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A log as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// In the order of the file, which is that of time.
    pub entries: Vec<LogEntry>,
    /// Lines that could not be read, with their numbers.
    pub warnings: Vec<String>,
}

/// One line: one session of benchmarks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogEntry {
    /// Line of the file, from 1.
    pub line: usize,
    /// Local time in seconds without zone, as the line says it.
    pub ts: String,
    /// `ok`, `error` or `interrupted`.
    pub status: String,
    pub error: Option<String>,
    pub command: String,
    pub set: BenchSet,
}

/// What only the caller knows of a session that is to be appended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Session<'a> {
    /// Local time in seconds without zone: `2026-11-21T10:02:03`.
    pub ts: &'a str,
    /// `ok`, `error` or `interrupted`.
    pub status: &'a str,
    pub error: Option<&'a str>,
    /// As it was typed.
    pub command: &'a str,
    /// Name and version of what measured.
    pub tool: (&'a str, &'a str),
}

/// Fields of a set's configuration that tell of the machine rather than of what was asked for.
const HOST: [&str; 10] = ["arch", "cpu", "cpus", "governor", "host", "kernel", "memory", "os", "python", "microcode"];

/// Reads a log. A line that cannot be read, such as the last of a log that was cut, becomes a warning.
#[must_use]
pub fn read(text: &str, source: &str) -> Log {
    let mut log = Log::default();
    for (index, line) in text.lines().enumerate() {
        let text = line.trim();
        // As the scripts of the seed do: other lines are notes of people.
        if !text.starts_with('{') {
            if !text.is_empty() {
                log.warnings.push(format!("line {} of {source} is no entry and was left out", index + 1));
            }
            continue;
        }
        match entry(text, index + 1) {
            Ok(mut entry) => {
                entry.set.source = format!("{source} {}", log.entries.len());
                log.entries.push(entry);
            }
            Err(reason) => log.warnings.push(format!("line {} of {source} was left out: {reason}", index + 1)),
        }
    }
    log
}

/// The line, with its newline, that a session adds to a log. It must be appended with one write.
///
/// Rows hold the wall times in milliseconds, and those of other metrics of time in sections of their own.
#[must_use]
pub fn line(set: &BenchSet, session: &Session<'_>) -> String {
    let is_host = |key: &String| HOST.contains(&key.as_str());
    let part = |host: bool| -> BTreeMap<&String, &String> {
        set.config.iter().filter(|(key, _)| is_host(key) == host).collect()
    };
    let mut results: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for benchmark in &set.benchmarks {
        for metric in benchmark.metrics.iter().filter(|metric| metric.unit == Unit::Nanoseconds) {
            let section = metric.name.strip_suffix("_ns").unwrap_or(&metric.name);
            results.entry(section).or_default().extend(row(benchmark, metric));
        }
    }
    let samples = set.benchmarks.iter().map(|benchmark| Samples {
        benchmark: benchmark.name.clone(),
        command: benchmark.command.clone(),
        parameters: benchmark.parameters.clone(),
        metrics: benchmark.metrics.iter().map(Raw::of).collect(),
    });
    let line = Line {
        ts: session.ts,
        status: session.status,
        error: session.error,
        command: session.command,
        python: set.config.get("python").map(String::as_str),
        config: part(false),
        results,
        tool: session.tool.0,
        tool_version: session.tool.1,
        start: set.start.as_deref(),
        commit: set.commit.as_deref(),
        host: part(true),
        samples: samples.collect(),
        warnings: &set.warnings,
    };
    // Strings, numbers and maps with keys of text: nothing that JSON has not.
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

/// The entry that a selector names: `last`, `last-1`, a number from 0, or a negative one from the end.
///
/// # Errors
/// When there is none; the error says which there are.
pub fn select(entries: usize, selector: &str) -> Result<usize, String> {
    let back = match selector.strip_prefix("last") {
        Some("") => Some(Ok(1)),
        Some(rest) => rest.strip_prefix('-').map(|n| n.parse::<usize>().map(|n| n.saturating_add(1))),
        None => selector.strip_prefix('-').map(str::parse),
    };
    let there_are = match entries {
        0 => return Err("the log has no entries yet".to_owned()),
        1 => "the log has 1 entry, number 0".to_owned(),
        _ => format!("the log has {entries} entries, 0 to {}", entries - 1),
    };
    let wrong =
        || format!("`{selector}` names no entry of a log: say last, last-1, a number from 0 or -1; {there_are}");
    match back {
        Some(Ok(0)) => Ok(0),
        Some(Ok(back)) => {
            entries.checked_sub(back).ok_or_else(|| format!("{there_are}; {selector} is before the first"))
        }
        Some(Err(_)) => Err(wrong()),
        None => match selector.parse::<usize>() {
            Ok(index) if index < entries => Ok(index),
            Ok(_) => Err(format!("{there_are}; {selector} is after the last")),
            Err(_) => Err(wrong()),
        },
    }
}

/// Whether a word is meant as a selector of an entry.
#[must_use]
pub fn is_selector(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match word.strip_prefix("last") {
        Some("") => true,
        Some(rest) => rest.strip_prefix('-').is_some_and(digits),
        None => digits(word.strip_prefix('-').unwrap_or(word)),
    }
}

/// A line as it is written.
#[derive(Serialize)]
struct Line<'a> {
    ts: &'a str,
    status: &'a str,
    error: Option<&'a str>,
    command: &'a str,
    python: Option<&'a str>,
    config: BTreeMap<&'a String, &'a String>,
    results: BTreeMap<&'a str, Vec<Row<'a>>>,
    tool: &'a str,
    tool_version: &'a str,
    start: Option<&'a str>,
    commit: Option<&'a str>,
    host: BTreeMap<&'a String, &'a String>,
    samples: Vec<Samples>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// One row of a section.
#[derive(Serialize)]
struct Row<'a> {
    label: &'a str,
    notes: String,
    runs: u64,
    median_ms: f64,
    mean_ms: f64,
    stdev_ms: f64,
}

/// Every value of a benchmark.
#[derive(Serialize, Deserialize)]
struct Samples {
    benchmark: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    metrics: Vec<Raw>,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    #[serde(flatten)]
    info: MetricInfo,
    values: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    within: Vec<f64>,
}

impl Raw {
    fn of(metric: &Metric) -> Self {
        Self {
            info: MetricInfo { name: metric.name.clone(), unit: metric.unit, better: metric.better },
            values: metric.values.clone(),
            blocks: metric.blocks.clone(),
            within: metric.within.clone(),
        }
    }

    fn metric(self) -> Metric {
        let MetricInfo { name, unit, better } = self.info;
        let blocks = if self.blocks.len() == self.values.len() { self.blocks } else { Vec::new() };
        Metric { name, unit, better, values: self.values, blocks, within: self.within, given: None }
    }
}

/// Median, mean and sample deviation (of n-1, 0 below two), rounded to 6 decimals as the seed does.
fn row<'a>(benchmark: &'a Benchmark, metric: &Metric) -> Option<Row<'a>> {
    let Summary { n, median, mean, stddev, .. } = summary(&metric.values, 0.95)?;
    let ms = |ns: f64| ns.round() / 1e6;
    Some(Row {
        label: &benchmark.name,
        notes: benchmark.command.join(" "),
        runs: n,
        median_ms: ms(median),
        mean_ms: ms(mean),
        stdev_ms: ms(stddev.unwrap_or(0.0)),
    })
}

fn entry(text: &str, line: usize) -> Result<LogEntry, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => "it is cut off".to_owned(),
        _ => format!("it is not JSON (byte {} of the line)", error.column().saturating_sub(1)),
    })?;
    let field = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let sections = ["results", "sections"].into_iter().find_map(|key| value.get(key)?.as_object());
    let Some(sections) = sections else {
        return Err("it has no `results` or `sections` with rows by section".to_owned());
    };
    let mut set = BenchSet {
        tool: value.get("tool").and_then(Value::as_str).unwrap_or("benchmarks.log").to_owned(),
        start: ["start", "ts"].into_iter().map(field).find(|start| !start.is_empty()),
        commit: Some(field("commit")).filter(|commit| !commit.is_empty()),
        benchmarks: match value.get("samples") {
            Some(samples) => samples_of(samples)?,
            None => benchmarks(sections)?,
        },
        ..BenchSet::default()
    };
    for key in ["config", "host"] {
        for (name, value) in value.get(key).and_then(Value::as_object).into_iter().flatten() {
            set.config.insert(name.clone(), plain(value));
        }
    }
    if let Some(python) = value.get("python").and_then(Value::as_str) {
        set.config.insert("python".to_owned(), python.to_owned());
    }
    let told = value.get("warnings").and_then(Value::as_array).into_iter().flatten();
    set.warnings.extend(told.filter_map(|warning| Some(warning.as_str()?.to_owned())));
    let entry = LogEntry {
        line,
        ts: field("ts"),
        status: field("status"),
        error: Some(field("error")).filter(|error| !error.is_empty()),
        command: field("command"),
        set: BenchSet::default(),
    };
    if !matches!(entry.status.as_str(), "ok" | "") {
        let why = entry.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
        set.warnings.push(format!("the session ended with status `{}`{why}: it may not be whole", entry.status));
    }
    Ok(LogEntry { set, ..entry })
}

fn samples_of(samples: &Value) -> Result<Vec<Benchmark>, String> {
    let samples =
        Vec::<Samples>::deserialize(samples).map_err(|error| format!("its `samples` cannot be read: {error}"))?;
    let benchmark = |Samples { benchmark, command, parameters, metrics }: Samples| Benchmark {
        name: benchmark,
        command,
        parameters,
        metrics: metrics.into_iter().map(Raw::metric).collect(),
    };
    Ok(samples.into_iter().map(benchmark).collect())
}

/// Rows of sections, as the seed writes them: figures in milliseconds, no values.
fn benchmarks(sections: &Map<String, Value>) -> Result<Vec<Benchmark>, String> {
    let mut found: Vec<Benchmark> = Vec::new();
    for (section, rows) in sections {
        let rows = rows.as_array().ok_or_else(|| format!("its section `{section}` is no list of rows"))?;
        for (index, row) in rows.iter().enumerate() {
            let place = format!("{section}[{index}]");
            let label = row.get("label").and_then(Value::as_str).ok_or_else(|| format!("{place} has no label"))?;
            let number = |key: &str| -> Result<Option<f64>, String> {
                let Some(value) = row.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
                value.as_f64().map(Some).ok_or_else(|| format!("{place}.{key} is no number"))
            };
            let ns = |key: &str| -> Result<Option<f64>, String> { Ok(number(key)?.map(|ms| ms * 1e6)) };
            let given = Given {
                n: row.get("runs").and_then(Value::as_u64),
                mean: ns("mean_ms")?,
                median: ns("median_ms")?,
                stddev: ns("stdev_ms")?,
                min: ns("min_ms")?,
                max: ns("max_ms")?,
            };
            if given.mean.is_none() && given.median.is_none() {
                return Err(format!("{place} has neither median_ms nor mean_ms"));
            }
            let metric = Metric {
                name: "time_ns".to_owned(),
                unit: Unit::Nanoseconds,
                better: Better::Lower,
                given: Some(given),
                ..Metric::default()
            };
            let notes = row.get("notes").and_then(Value::as_str).filter(|notes| !notes.is_empty());
            let mut name = format!("{section}/{label}");
            if found.iter().any(|other| other.name == name) {
                name.push_str(&notes.map_or_else(|| format!(" ({index})"), |notes| format!(" ({notes})")));
            }
            let parameters = notes.map(|notes| ("notes".to_owned(), notes.to_owned())).into_iter().collect();
            found.push(Benchmark { name, command: Vec::new(), parameters, metrics: vec![metric] });
        }
    }
    Ok(found)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"ts": "2026-11-20T20:44:50", "status": "ok", "error": null, "command": "python tests/benchmark.py", "python": "3.11.7", "config": {"seed": 12345, "work_ms": 1.0}, "results": {"hot_hits": [{"label": "TTLCache", "notes": "hot hit", "runs": 60, "median_ms": 0.000731, "mean_ms": 0.00094, "stdev_ms": 0.00072}]}}"#;

    #[test]
    fn a_line_of_the_seed_is_read_in_nanoseconds() {
        let log = read(LINE, "benchmarks.log");
        assert_eq!(log.warnings, [""; 0]);
        let entry = &log.entries[0];
        assert_eq!((entry.line, entry.status.as_str(), entry.ts.as_str()), (1, "ok", "2026-11-20T20:44:50"));
        assert_eq!(entry.set.config.get("work_ms").map(String::as_str), Some("1.0"));
        assert_eq!(entry.set.config.get("python").map(String::as_str), Some("3.11.7"));
        let row = &entry.set.benchmarks[0];
        assert_eq!((row.name.as_str(), row.parameters["notes"].as_str()), ("hot_hits/TTLCache", "hot hit"));
        let given = row.metrics[0].given.unwrap();
        assert!((given.median.unwrap() - 731.0).abs() < 1e-9 && given.n == Some(60));
    }

    #[test]
    fn both_words_for_results_are_read_and_bad_lines_are_told() {
        let older = LINE.replace("results", "sections");
        let text = format!("{LINE}\n\n# a note\n{older}\n{{\"ts\": 1}}\n{}", &LINE[..200]);
        let log = read(&text, "b.log");
        assert_eq!(log.entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(log.entries[0].set.benchmarks, log.entries[1].set.benchmarks);
        assert_eq!(
            log.warnings,
            [
                "line 3 of b.log is no entry and was left out",
                "line 5 of b.log was left out: it has no `results` or `sections` with rows by section",
                "line 6 of b.log was left out: it is cut off",
            ]
        );
    }

    #[test]
    fn what_is_written_is_read_again_with_every_value() {
        let metric = |name: &str, unit, values: &[f64]| Metric {
            name: name.to_owned(),
            unit,
            values: values.to_vec(),
            blocks: vec![0, 0, 1],
            ..Metric::default()
        };
        let wall = metric("wall_ns", Unit::Nanoseconds, &[1e6, 2e6, 4e6]);
        let benchmark = Benchmark {
            name: "a".to_owned(),
            command: vec!["./a".to_owned(), "é x".to_owned()],
            metrics: vec![wall, metric("rss_bytes", Unit::Bytes, &[1.0, 2.0, 3.0])],
            ..Benchmark::default()
        };
        let config = [("cpu", "X"), ("warmup", "3")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let set = BenchSet {
            start: Some("2026-11-21T09:00:00Z".to_owned()),
            commit: Some("abc".to_owned()),
            config: config.into(),
            benchmarks: vec![benchmark],
            ..BenchSet::default()
        };
        let session = Session { ts: "t", status: "ok", error: None, command: "bench", tool: ("perfcollect", "0.1") };
        let text = line(&set, &session);
        assert!(text.ends_with("}\n") && text.matches('\n').count() == 1, "{text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["config"], serde_json::json!({"warmup": "3"}));
        assert_eq!(value["host"], serde_json::json!({"cpu": "X"}));
        let rows = serde_json::json!([{"label": "a", "notes": "./a é x", "runs": 3, "median_ms": 2.0, "mean_ms": 2.333_333, "stdev_ms": 1.527_525}]);
        assert_eq!(value["results"]["wall"], rows);
        let back = &read(&text, "log").entries[0].set;
        assert_eq!((&back.benchmarks, &back.config, &back.commit), (&set.benchmarks, &set.config, &set.commit));
        assert_eq!(back.start, set.start);
    }

    #[test]
    fn selectors_count_from_both_ends_and_say_what_there_is() {
        for (selector, index) in [("last", 2), ("last-0", 2), ("last-2", 0), ("0", 0), ("2", 2), ("-1", 2), ("-3", 0)] {
            assert_eq!(select(3, selector), Ok(index), "{selector}");
            assert!(is_selector(selector), "{selector}");
        }
        let error = |entries: usize, selector: &str| select(entries, selector).unwrap_err();
        assert_eq!(error(3, "last-5"), "the log has 3 entries, 0 to 2; last-5 is before the first");
        assert_eq!(error(3, "-4"), "the log has 3 entries, 0 to 2; -4 is before the first");
        assert_eq!(error(1, "1"), "the log has 1 entry, number 0; 1 is after the last");
        assert_eq!(error(0, "last"), "the log has no entries yet");
        assert!(error(3, "last-x").starts_with("`last-x` names no entry"));
        assert!(error(3, "-99999999999999999999999").starts_with("`-99999999999999999999999` names no entry"));
        for other in ["lastly", "last-", "a.json", "", "-"] {
            assert!(!is_selector(other), "{other}");
        }
    }
}
