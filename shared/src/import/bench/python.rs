//! pytest-benchmark and pyperf.
//!
//! Formats as in pytest-benchmark's `session.py` and pyperf's documentation (JSON version 1.0). A round of pytest-benchmark
//! is one of many in a single process; a run of pyperf is a process.

use super::criterion::one_process;
use super::json::Node;
use super::set::{self, benchmark, given, of_processes};
use super::{BenchFile, ImportError};
use crate::bench::{BenchSet, Given, Metric};
use crate::model::{Better, Unit};
use serde_json::Value;

fn first<'a>(file: &'a BenchFile<'_>) -> Option<&'a Value> {
    file.document()?.get("benchmarks")?.as_array()?.first()
}

pub(super) fn is_pytest(file: &BenchFile<'_>) -> bool {
    let of_machine = file.document().is_some_and(|document| document.get("machine_info").is_some());
    of_machine || first(file).is_some_and(|first| first.get("stats").is_some())
}

pub(super) fn pytest(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let root = Node::root(document);
    let mut set = set::set(file.name, "pytest-benchmark");
    set.start = root.text_of("datetime").map(str::to_owned);
    if let Some(machine) = root.get("machine_info") {
        let fields = [
            ("cpu.brand", "cpu"),
            ("cpu.brand_raw", "cpu"),
            ("cpu.count", "cpus"),
            ("machine", "arch"),
            ("system", "os"),
            ("release", "kernel"),
            ("python_implementation", "python_implementation"),
            ("python_version", "python"),
        ];
        set::config(&mut set.config, &machine, &fields);
        if !set.config.contains_key("cpu") {
            set::config(&mut set.config, &machine, &[("node", "host"), ("processor", "cpu")]);
        }
    }
    if let Some(commit) = root.get("commit_info") {
        set.commit = commit.text_of("id").map(str::to_owned);
        if commit.get("dirty").is_some_and(|dirty| dirty.value.as_bool() == Some(true)) {
            set.warnings.push("the working copy differed from its commit".to_owned());
        }
    }
    for entry in root.need("benchmarks")?.items()? {
        let name = entry.text_of("fullname").or(entry.text_of("name")).ok_or_else(|| entry.wrong("has no name"))?;
        let (metric, warning) = rounds(&entry.need("stats")?)?;
        set.warnings.extend(warning);
        let mut found = benchmark(name, vec![metric]);
        for key in ["params", "extra_info"] {
            let Some(values) = entry.get(key).filter(|values| values.value.is_object()) else { continue };
            for (name, value) in values.fields()? {
                found.parameters.insert(name.to_owned(), value.plain());
            }
        }
        if let Some(options) = entry.get("options") {
            set::config(&mut set.config, &options, &[("timer", "timer"), ("disable_gc", "disable_gc")]);
        }
        set.benchmarks.push(found);
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::at_path("benchmarks", "is empty: pytest-benchmark measured nothing"));
    }
    set::number_equal_names(&mut set.benchmarks);
    set.warnings.extend(one_process(&set));
    Ok(vec![set])
}

/// Seconds of each round where they were saved (`--benchmark-json`, `--benchmark-save-data`), else the figures.
fn rounds(stats: &Node<'_>) -> Result<(Metric, Option<String>), ImportError> {
    let mut warning = None;
    match stats.get("data").map(|data| data.numbers()) {
        Some(Ok(data)) if !data.is_empty() => {
            return Ok((of_processes("time_ns", &[set::scaled(&data, 1e9)]), None));
        }
        Some(Err(error)) => warning = Some(format!("{error}: the figures are used in place of the values")),
        _ => {}
    }
    let figures = Given {
        n: stats.get("rounds").and_then(|rounds| rounds.value.as_u64()),
        mean: stats.number_of("mean")?,
        median: stats.number_of("median")?,
        stddev: stats.number_of("stddev")?,
        min: stats.number_of("min")?,
        max: stats.number_of("max")?,
    };
    if figures.mean.is_none() && figures.median.is_none() {
        return Err(stats.wrong("has neither data nor a mean"));
    }
    Ok((given("time_ns", figures.scaled(1e9)), warning))
}

pub(super) fn is_pyperf(file: &BenchFile<'_>) -> bool {
    first(file).is_some_and(|first| first.get("runs").is_some_and(Value::is_array))
}

pub(super) fn pyperf(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let root = Node::root(document);
    if let Some(version) = root.text_of("version").filter(|version| !version.starts_with("1.")) {
        return Err(ImportError::at_path("version", format!("is {version}; versions 1.x of pyperf's form are known")));
    }
    let mut set = set::set(file.name, "pyperf");
    let common = root.get("metadata");
    for entry in root.need("benchmarks")?.items()? {
        let metadata = entry.get("metadata");
        let text = |key: &str| {
            let own = metadata.as_ref().and_then(|metadata| metadata.text_of(key));
            own.or_else(|| common.as_ref().and_then(|common| common.text_of(key)))
        };
        let (name, unit) = (text("name").unwrap_or("benchmark"), text("unit").unwrap_or("second"));
        let mut processes = Vec::new();
        for run in entry.need("runs")?.items()? {
            // Runs that only calibrate have no values; warm-ups are not values.
            if let Some(values) = run.get("values") {
                processes.push(values.numbers()?);
            }
            if set.start.is_none() {
                set.start = run.get("metadata").and_then(|metadata| metadata.text_of("date").map(str::to_owned));
            }
        }
        for metadata in [&metadata, &common].into_iter().flatten() {
            configure(&mut set, metadata);
        }
        if processes.iter().all(Vec::is_empty) {
            set.warnings.push(format!("{name} has no values: only its calibration was recorded"));
            continue;
        }
        set.benchmarks.push(benchmark(name, vec![of_unit(unit, &processes)]));
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::at_path("benchmarks", "holds no run with values"));
    }
    set::number_equal_names(&mut set.benchmarks);
    Ok(vec![set])
}

fn configure(set: &mut BenchSet, metadata: &Node<'_>) {
    // Frequencies, temperatures, load and times change from run to run.
    let fields = [
        ("aslr", "aslr"),
        ("cpu_affinity", "cpu_affinity"),
        ("cpu_config", "cpu_config"),
        ("cpu_count", "cpus"),
        ("cpu_model_name", "cpu"),
        ("platform", "os"),
        ("python_cflags", "python_cflags"),
        ("python_implementation", "python_implementation"),
        ("python_version", "python"),
        ("timer", "timer"),
    ];
    set::config(&mut set.config, metadata, &fields);
}

fn of_unit(unit: &str, processes: &[Vec<f64>]) -> Metric {
    let nanoseconds = || processes.iter().map(|values| set::scaled(values, 1e9)).collect::<Vec<_>>();
    match unit {
        "second" => of_processes("time_ns", &nanoseconds()),
        "byte" => of_processes("memory_bytes", processes),
        _ => Metric { unit: Unit::Count, better: Better::Lower, ..of_processes("value", processes) },
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn rounds_of_one_process_are_one_value() {
        let text = r#"{"machine_info":{"cpu":{"brand_raw":"X"},"python_version":"3.12"},"commit_info":{"id":"c","dirty":true},
            "benchmarks":[{"name":"t","fullname":"a.py::t","params":{"n":3},"stats":{"data":[1e-6,3e-6,2e-6],"mean":2e-6}},
            {"name":"u","fullname":"a.py::u","stats":{"data":[1,"cut"],"mean":0.5,"median":0.25,"rounds":7}}],"datetime":"d"}"#;
        let set = read("p.json", text.as_bytes(), &|_| None).unwrap().remove(0);
        let metric = &set.benchmarks[0].metrics[0];
        assert_eq!((metric.within.len(), metric.values.len()), (3, 1));
        assert!((metric.values[0] - 2000.0).abs() < 1e-6);
        assert_eq!(
            (set.commit.as_deref(), set.config["cpu"].as_str(), set.config["python"].as_str()),
            (Some("c"), "X", "3.12")
        );
        assert_eq!(set.benchmarks[0].parameters["n"], "3");
        let given = set.benchmarks[1].metrics[0].given.unwrap();
        assert_eq!((given.n, given.median), (Some(7), Some(0.25e9)));
        assert!(set.warnings[1].starts_with("benchmarks[1].stats.data[1] is a string, a number was expected"));
    }

    #[test]
    fn runs_of_pyperf_are_processes() {
        let text = r#"{"version":"1.0","metadata":{"cpu_model_name":"X","unit":"second"},"benchmarks":[{"metadata":{"name":"b"},
            "runs":[{"warmups":[[1,9.0]]},{"values":[1.0,3.0]},{"values":[5.0,5.0,8.0]}]}]}"#;
        let set = read("p.json", text.as_bytes(), &|_| None).unwrap().remove(0);
        let metric = &set.benchmarks[0].metrics[0];
        assert_eq!(metric.values, [2e9, 5e9]);
        assert_eq!(metric.within, [1e9, 3e9, 5e9, 5e9, 8e9]);
    }
}
