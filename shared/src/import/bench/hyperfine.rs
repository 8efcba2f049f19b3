//! hyperfine: `--export-json` of 1.x (times, no metadata) and of 2.0 (every run with all its figures), `--export-csv`.
//!
//! Formats read from hyperfine's sources, `src/export/json.rs` and `csv.rs`, at v1.20.0 and 2.0.0.

use super::json::Node;
use super::set::{self, benchmark, given, metric};
use super::{BenchFile, ImportError};
use crate::bench::{BenchSet, Benchmark, Given, Metric};
use std::collections::BTreeMap;

pub(super) fn is_json(file: &BenchFile<'_>) -> bool {
    let Some(results) = file.document().and_then(|document| document.get("results")?.as_array()) else { return false };
    let schema = file.document().is_some_and(|document| document.get("primary_metric").is_some());
    let result = |key: &str| results.first().is_some_and(|first| first.get(key).is_some());
    schema || results.is_empty() || (result("command") && (result("mean") || result("times") || result("measurements")))
}

pub(super) fn json(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let root = Node::root(document);
    let results = root.need("results")?.items()?;
    if results.is_empty() {
        return Err(ImportError::at_path("results", "is empty: hyperfine measured nothing"));
    }
    let mut set = set::set(file.name, "hyperfine");
    if let Some(metadata) = root.get("metadata") {
        let fields = [
            ("hyperfine_version", "hyperfine"),
            ("platform.os", "os"),
            ("platform.architecture", "arch"),
            ("start_time", "start"),
        ];
        set::config(&mut set.config, &metadata, &fields);
        set.start = set.config.remove("start");
    }
    let mut memory = HighWater::default();
    for result in &results {
        let benchmark = match result.get("measurements") {
            Some(measurements) => measured(result, &measurements)?,
            None => timed(result, &mut memory)?,
        };
        set.benchmarks.push(benchmark);
    }
    set.warnings.extend(memory.warning());
    set.warnings.extend(failures(&results));
    set::number_equal_names(&mut set.benchmarks);
    Ok(vec![set])
}

/// A result of 1.x: wall times of every run, means of the rest.
fn timed(result: &Node<'_>, memory: &mut HighWater) -> Result<Benchmark, ImportError> {
    let times = result.get("times").map_or(Ok(Vec::new()), |times| times.numbers())?;
    let n = times.len() as u64;
    let wall = if times.is_empty() {
        given("wall_ns", figures(result)?.scaled(1e9))
    } else {
        metric("wall_ns", set::scaled(&times, 1e9))
    };
    let mut metrics = vec![wall];
    let n = (n > 0).then_some(n);
    let (user, system) = (result.number_of("user")?, result.number_of("system")?);
    let cpu = user.zip(system).map(|(user, system)| user + system);
    for (name, mean) in [("cpu_ns", cpu), ("user_ns", user), ("system_ns", system)] {
        let Some(mean) = mean else { continue };
        metrics.push(given(name, Given { n, mean: Some(mean * 1e9), ..Given::default() }));
    }
    if let Some(sizes) = result.get("memory_usage_byte") {
        metrics.extend(memory.own(&sizes.numbers()?));
    }
    Ok(Benchmark { metrics, ..named(result)? })
}

/// A result of 2.0: every figure of every run.
fn measured(result: &Node<'_>, measurements: &Node<'_>) -> Result<Benchmark, ImportError> {
    const NAMES: [(&str, &str); 5] = [
        ("time_wall_clock", "wall_ns"),
        ("time_cpu", "cpu_ns"),
        ("memory_peak_resident", "rss_bytes"),
        ("time_user", "user_ns"),
        ("time_system", "system_ns"),
    ];
    let mut columns: Vec<(String, Vec<f64>)> = NAMES.iter().map(|(_, ours)| ((*ours).to_owned(), Vec::new())).collect();
    for measurement in measurements.items()? {
        for (theirs, figure) in measurement.fields()? {
            if theirs == "exit_code" || figure.value.is_null() {
                continue;
            }
            let known = NAMES.iter().find(|(name, _)| *name == theirs).map(|(_, ours)| (*ours).to_owned());
            let name = known.unwrap_or_else(|| set::word(theirs));
            let value = if figure.value.is_object() { figure.need("value")? } else { figure.clone() };
            let Some(value) = value.number_or_none()? else { continue };
            let factor = figure.text_of("unit").and_then(set::nanoseconds).unwrap_or(1.0);
            match columns.iter_mut().find(|(column, _)| *column == name) {
                Some((_, values)) => values.push(value * factor),
                None => columns.push((name, vec![value * factor])),
            }
        }
    }
    let metrics = columns.into_iter().filter(|(_, values)| !values.is_empty());
    let metrics: Vec<Metric> = metrics.map(|(name, values)| metric(&name, values)).collect();
    if metrics.is_empty() {
        return Err(measurements.wrong("holds no measurement"));
    }
    Ok(Benchmark { metrics, ..named(result)? })
}

fn named(result: &Node<'_>) -> Result<Benchmark, ImportError> {
    let command = result.need("command")?.text()?;
    let mut named = benchmark(result.text_of("name").unwrap_or(command), Vec::new());
    named.command = vec![command.to_owned()];
    if let Some(parameters) = result.get("parameters") {
        for (name, value) in parameters.fields()? {
            let value = value.get("value").unwrap_or(value);
            named.parameters.insert(name.to_owned(), value.plain());
        }
    }
    Ok(named)
}

fn figures(result: &Node<'_>) -> Result<Given, ImportError> {
    let given = Given {
        n: None,
        mean: result.number_of("mean")?,
        median: result.number_of("median")?,
        stddev: result.number_of("stddev")?,
        min: result.number_of("min")?,
        max: result.number_of("max")?,
    };
    if given.mean.is_none() && given.median.is_none() {
        return Err(result.wrong("has neither times nor a mean"));
    }
    Ok(given)
}

/// The memory of 1.x is the largest of all children so far (`getrusage(RUSAGE_CHILDREN)`): it is a run's own only where
/// it rises.
#[derive(Default)]
struct HighWater {
    largest: f64,
    kept: usize,
    dropped: usize,
}

impl HighWater {
    fn own(&mut self, sizes: &[f64]) -> Option<Metric> {
        let mut own = Vec::new();
        for &size in sizes {
            if size > self.largest {
                self.largest = size;
                own.push(size);
            }
        }
        self.kept += own.len();
        self.dropped += sizes.len() - own.len();
        (!own.is_empty()).then(|| metric("rss_bytes", own))
    }

    fn warning(&self) -> Option<String> {
        (self.dropped > 0).then(|| {
            format!(
                "hyperfine 1.x gives the memory of the largest process so far instead of the run's own: {} of {} values \
                 are left out, and the others are upper ends",
                self.dropped,
                self.dropped + self.kept
            )
        })
    }
}

/// Runs that did not end with 0, in words.
fn failures(results: &[Node<'_>]) -> Option<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for result in results {
        let codes = result.get("exit_codes").and_then(|codes| codes.items().ok()).unwrap_or_default();
        let measured = result.get("measurements").and_then(|runs| runs.items().ok()).unwrap_or_default();
        let measured = measured.iter().filter_map(|run| run.get("exit_code"));
        for code in codes.into_iter().chain(measured) {
            let code = code.plain();
            if code != "0" {
                *counts.entry(code).or_default() += 1;
            }
        }
    }
    let told: Vec<String> = counts
        .iter()
        .map(|(code, n)| if code == "null" { format!("{n} by a signal") } else { format!("{n} with exit code {code}") })
        .collect();
    (!told.is_empty()).then(|| format!("runs that failed are among the values: {}", told.join(", ")))
}

pub(super) fn is_csv(file: &BenchFile<'_>) -> bool {
    file.text.starts_with("command,mean,stddev,median,user,system,min,max")
}

pub(super) fn csv(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut rows = set::rows(file.text, ',').into_iter();
    let (_, titles) = rows.next().unwrap_or_default();
    let mut set = set::set(file.name, "hyperfine");
    for (line, cells) in rows {
        if cells.len() != titles.len() {
            let told = format!("has {} cells, {} were expected", cells.len(), titles.len());
            return Err(ImportError::at_row(line, told).hint("copy or write the file again"));
        }
        let number = |title: &str| -> Result<Option<f64>, ImportError> {
            let cell = titles.iter().position(|t| t == title).and_then(|index| cells.get(index));
            let Some(cell) = cell.filter(|cell| !cell.is_empty()) else { return Ok(None) };
            let wrong = |_not_one| ImportError::at_row(line, format!("{title} is `{cell}`, a number was expected"));
            cell.parse().map(Some).map_err(wrong)
        };
        let wall = Given {
            n: None,
            mean: number("mean")?,
            median: number("median")?,
            stddev: number("stddev")?,
            min: number("min")?,
            max: number("max")?,
        };
        let mut metrics = vec![given("wall_ns", wall.scaled(1e9))];
        for (title, name) in [("user", "user_ns"), ("system", "system_ns")] {
            if let Some(mean) = number(title)? {
                metrics.push(given(name, Given { mean: Some(mean * 1e9), ..Given::default() }));
            }
        }
        let mut row = benchmark(cells[0].clone(), metrics);
        row.command = vec![cells[0].clone()];
        let parameters = titles
            .iter()
            .zip(&cells)
            .filter_map(|(title, cell)| Some((title.strip_prefix("parameter_")?.to_owned(), cell.clone())));
        row.parameters = parameters.collect();
        set.benchmarks.push(row);
    }
    set.warnings.push("a CSV file of hyperfine holds no single runs: without them nothing can be tested".to_owned());
    set::number_equal_names(&mut set.benchmarks);
    Ok(vec![set])
}
