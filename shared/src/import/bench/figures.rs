//! Files that hold a figure or two of each benchmark: nanobench, github-action-benchmark's custom form, Bencher's metric format,
//! and what the projects wtf-codebot and paracle write.

use super::criterion::one_process;
use super::json::Node;
use super::managed::higher;
use super::set::{self, benchmark, given, metric, of_processes, rate};
use super::{BenchFile, ImportError};
use crate::bench::{BenchSet, Benchmark, Given, Metric};
use serde_json::Value;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

fn results<'a>(file: &'a BenchFile<'_>) -> Option<&'a Value> {
    file.document()?.get("results")?.as_array()?.first()
}

pub(super) fn is_nanobench(file: &BenchFile<'_>) -> bool {
    results(file).is_some_and(|first| first.get("median(elapsed)").is_some() || first.get("epochs").is_some())
}

/// `ankerl::nanobench::templates::json()`: seconds of an iteration, epoch by epoch.
pub(super) fn nanobench(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let mut set = set::set(file.name, "nanobench");
    for result in Node::root(document).need("results")?.items()? {
        let title = result.text_of("title").filter(|title| !title.is_empty() && *title != "benchmark");
        let name = result.need("name")?.text()?;
        let batch = result.number_of("batch")?.filter(|&batch| batch > 0.0).unwrap_or(1.0);
        let mut columns: Vec<(&str, Vec<f64>)> = vec![("elapsed", Vec::new())];
        for measurement in result.get("measurements").map_or(Ok(Vec::new()), |list| list.items())? {
            for (key, value) in measurement.fields()? {
                let Some(value) = value.number_or_none()?.filter(|_| key != "iterations") else { continue };
                match columns.iter_mut().find(|(column, _)| *column == key) {
                    Some((_, values)) => values.push(value),
                    None => columns.push((key, vec![value])),
                }
            }
        }
        let measured = columns.into_iter().filter(|(_, values)| values.iter().any(|&value| value > 0.0));
        let mut metrics: Vec<Metric> = measured
            .map(|(key, values)| match key {
                "elapsed" => of_processes("time_ns", &[set::scaled(&values, 1e9 / batch)]),
                other => of_processes(&set::word(other), &[set::scaled(&values, 1.0 / batch)]),
            })
            .collect();
        if metrics.is_empty() {
            let median = result.need("median(elapsed)")?.number_or_none()?;
            metrics.push(given("time_ns", Given { median, ..Given::default() }.scaled(1e9 / batch)));
        }
        let name = title.map_or_else(|| name.to_owned(), |title| format!("{title}/{name}"));
        let mut found = benchmark(name, metrics);
        if let Some(unit) = result.text_of("unit").filter(|unit| !unit.is_empty()) {
            found.parameters.insert("unit".to_owned(), unit.to_owned());
        }
        set.benchmarks.push(found);
    }
    set::number_equal_names(&mut set.benchmarks);
    set.warnings.extend(one_process(&set));
    Ok(vec![set])
}

pub(super) fn is_custom(file: &BenchFile<'_>) -> bool {
    let first = file.document().and_then(|document| document.as_array()?.first());
    first.is_some_and(|first| ["name", "unit", "value"].iter().all(|key| first.get(key).is_some()))
}

/// github-action-benchmark: `[{name, unit, value, range?, extra?}]`. Which way is better is told to the action, not in the file.
pub(super) fn custom(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let mut set = set::set(file.name, "github-action-benchmark");
    let bigger = file.base_name().to_ascii_lowercase().contains("bigger");
    let mut guessed = Vec::new();
    for entry in Node::root(document).items()? {
        let (name, unit) = (entry.need("name")?.text()?, entry.need("unit")?.text()?);
        let value = entry.need("value")?;
        let value = match value.value.as_str().map(str::parse::<f64>) {
            Some(Ok(number)) => number,
            _ => value.number()?,
        };
        let (kind, factor) = match unit {
            "Percent" | "percent" => (metric("value_ratio", Vec::new()), 0.01),
            "Megabytes" => (metric("memory_bytes", Vec::new()), 1e6),
            other => set::of_unit(other),
        };
        if kind.unit == crate::model::Unit::Count && !bigger {
            guessed.push(name);
        }
        let mut found = benchmark(name, vec![higher(Metric { values: vec![value * factor], ..kind }, bigger)]);
        for key in ["range", "extra"] {
            if let Some(text) = entry.text_of(key) {
                found.parameters.insert(key.to_owned(), text.to_owned());
            }
        }
        set.benchmarks.push(found);
    }
    if !guessed.is_empty() {
        set.warnings.push(format!("less is taken as better for {}: the file does not tell", guessed.join(", ")));
    }
    set::number_equal_names(&mut set.benchmarks);
    Ok(vec![set])
}

pub(super) fn is_bencher(file: &BenchFile<'_>) -> bool {
    let Some(entries) = file.document().and_then(Value::as_object) else { return false };
    let measured = |measure: &Value| measure.get("value").is_some();
    let entry = |entry: &Value| {
        entry.as_object().is_some_and(|measures| !measures.is_empty() && measures.values().all(measured))
    };
    !entries.is_empty() && entries.values().all(entry)
}

/// Bencher's metric format: `{benchmark: {measure: {value, lower_value?, upper_value?}}}`.
pub(super) fn bencher(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let mut set = set::set(file.name, "Bencher");
    for (name, measures) in Node::root(document).fields()? {
        let mut found = benchmark(name, Vec::new());
        for (measure, figures) in measures.fields()? {
            let value = figures.need("value")?.number()?;
            // Its built-in measures have these units: nanoseconds, operations a second.
            found.metrics.push(match measure {
                "latency" => metric("time_ns", vec![value]),
                "throughput" => rate("ops_per_second", vec![value]),
                other => metric(&set::word(other), vec![value]),
            });
        }
        set.benchmarks.push(found);
    }
    Ok(vec![set])
}

pub(super) fn is_paracle(file: &BenchFile<'_>) -> bool {
    results(file).is_some_and(|first| first.get("mean_ms").is_some() && first.get("iterations").is_some())
}

/// `.benchmarks/results.json` and `baseline.json` of the project paracle.
pub(super) fn paracle(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let root = Node::root(document);
    let mut set = set::set(file.name, "paracle");
    set.start = root.text_of("timestamp").map(str::to_owned);
    set.commit = root.text_of("git_sha").map(str::to_owned);
    for result in root.need("results")?.items()? {
        let name = result.need("name")?.text()?;
        if let Some(error) = result.text_of("error").filter(|error| !error.is_empty()) {
            set.warnings.push(format!("{name} failed: {error}"));
            continue;
        }
        let figures = Given {
            n: result.get("iterations").and_then(|n| n.value.as_u64()),
            mean: Some(result.need("mean_ms")?.number()?),
            median: result.number_of("median_ms")?,
            stddev: result.number_of("std_dev_ms")?,
            min: result.number_of("min_ms")?,
            max: result.number_of("max_ms")?,
        };
        set.benchmarks.push(benchmark(name, vec![given("time_ns", figures.scaled(1e6))]));
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::at_path("results", "holds no benchmark that ran"));
    }
    set::number_equal_names(&mut set.benchmarks);
    Ok(vec![set])
}

fn is_codebot_row(row: &Value) -> bool {
    row.get("duration").is_some()
        && (row.get("throughput_files_per_sec").is_some() || row.get("cpu_avg_percent").is_some())
}

pub(super) fn is_codebot(file: &BenchFile<'_>) -> bool {
    let suite = |value: &Value| value.as_array().and_then(|rows| rows.first()).is_some_and(is_codebot_row);
    let Some(fields) = file.document().and_then(Value::as_object) else { return false };
    fields.values().any(suite) || fields.get("profiles").is_some_and(Value::is_object) && fields.contains_key("summary")
}

/// `<name>_benchmark_results.json`, the suite's `benchmark_results.json` and `profiles.json` of the project wtf-codebot.
pub(super) fn codebot(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let root = Node::root(document);
    let mut set = set::set(file.name, "wtf-codebot");
    set.start = root.text_of("timestamp").map(str::to_owned);
    if let Some(profiles) = root.get("profiles") {
        for (name, runs) in profiles.fields()? {
            let mut found = benchmark(name, Vec::new());
            for run in runs.items()? {
                codebot_row(&run, &mut found)?;
            }
            set.benchmarks.push(found);
        }
    } else {
        for (project, rows) in root.fields()?.into_iter().filter(|(_, rows)| rows.value.is_array()) {
            for row in rows.items()? {
                let name = row.need("name")?.text()?;
                let name = if project == "results" { name.to_owned() } else { format!("{project}/{name}") };
                let mut found = benchmark(name, Vec::new());
                codebot_row(&row, &mut found)?;
                for key in ["mode", "num_processes"] {
                    if let Some(value) = row.get(key) {
                        found.parameters.insert(key.to_owned(), value.plain());
                    }
                }
                set.benchmarks.push(found);
            }
        }
    }
    set.warnings.push(
        "wtf-codebot measures its first, sequential scan under tracemalloc, memory without child processes, and a cached scan \
         that reads no file: its speed-ups are not of the same work"
            .to_owned(),
    );
    set::number_equal_names(&mut set.benchmarks);
    Ok(vec![set])
}

fn codebot_row(row: &Node<'_>, found: &mut Benchmark) -> Result<(), ImportError> {
    let known = [
        ("duration", metric("wall_ns", Vec::new()), 1e9),
        ("peak_memory_mb", metric("rss_bytes", Vec::new()), MEBIBYTE),
        ("memory_peak_mb", metric("rss_bytes", Vec::new()), MEBIBYTE),
        ("throughput_files_per_sec", rate("files_per_second", Vec::new()), 1.0),
        ("throughput_loc_per_sec", rate("lines_per_second", Vec::new()), 1.0),
        ("cache_hit_rate", higher(metric("hit_ratio", Vec::new()), true), 1.0),
    ];
    for (key, kind, factor) in known {
        let Some(value) = row.number_of(key)? else { continue };
        // It never counts lines, and writes 0.
        if key == "throughput_loc_per_sec" && value == 0.0 {
            continue;
        }
        match found.metrics.iter_mut().find(|metric| metric.name == kind.name) {
            Some(metric) => metric.values.push(value * factor),
            None => found.metrics.push(Metric { values: vec![value * factor], ..kind }),
        }
    }
    if found.metrics.is_empty() {
        return Err(row.wrong("holds no figure"));
    }
    Ok(())
}
