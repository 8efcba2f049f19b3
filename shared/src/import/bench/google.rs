//! google benchmark: `--benchmark_format=json`, and its console table.
//!
//! Fields as in its `src/json_reporter.cc`. A repetition is a value, as its own compare.py takes them; all of a file come
//! from one process.

use super::json::Node;
use super::set::{self, benchmark, given, metric, rate};
use super::{BenchFile, ImportError};
use crate::bench::{BenchSet, Benchmark, Given, Metric};

/// Fields of a row that are no counters of the user.
const OWN: [&str; 22] = [
    "name",
    "family_index",
    "per_family_instance_index",
    "run_name",
    "run_type",
    "repetitions",
    "repetition_index",
    "threads",
    "aggregate_name",
    "aggregate_unit",
    "error_occurred",
    "error_message",
    "skipped",
    "skip_message",
    "iterations",
    "real_time",
    "cpu_time",
    "time_unit",
    "label",
    "cpu_coefficient",
    "real_coefficient",
    "rms",
];

pub(super) fn is_json(file: &BenchFile<'_>) -> bool {
    let rows = file.document().and_then(|document| document.get("benchmarks")?.as_array());
    rows.is_some_and(|rows| {
        let has = |key: &str| rows.iter().any(|row| row.get(key).is_some());
        let stats = has("stats") || has("runs") || has("Statistics");
        let context = file.document().is_some_and(|document| document.get("context").is_some());
        !stats && (context || has("real_time") || has("run_type"))
    })
}

pub(super) fn json(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let root = Node::root(document);
    let mut set = set::set(file.name, "google benchmark");
    if let Some(context) = root.get("context") {
        read_context(&mut set, &context)?;
    }
    let rows = root.need("benchmarks")?.items()?;
    for row in &rows {
        add(&mut set, row)?;
    }
    set.benchmarks.retain(|benchmark| !benchmark.metrics.is_empty());
    if set.benchmarks.is_empty() {
        let missing = rows.iter().find(|row| row.get("real_time").is_none());
        return Err(match missing {
            Some(row) => row.wrong("has no real_time, and no other row has one"),
            None => ImportError::at_path("benchmarks", "holds no measurement"),
        });
    }
    let most = set.benchmarks.iter().flat_map(|benchmark| &benchmark.metrics).map(|metric| metric.values.len()).max();
    if most.is_some_and(|most| most > 1) {
        set.warnings
            .push("repetitions of google benchmark share one process and its luck (addresses, layout)".to_owned());
    }
    Ok(vec![set])
}

fn read_context(set: &mut BenchSet, context: &Node<'_>) -> Result<(), ImportError> {
    // What changes from run to run, or differs between two builds by intention.
    const NOT_CONFIG: [&str; 6] = ["date", "executable", "load_avg", "caches", "mhz_per_cpu", "json_schema_version"];
    for (key, value) in context.fields()? {
        let ours = match key {
            "num_cpus" => "cpus",
            "host_name" => "host",
            other => other,
        };
        if !NOT_CONFIG.contains(&key) && !value.value.is_null() {
            set.config.insert(ours.to_owned(), value.plain());
        }
    }
    set.start = context.text_of("date").map(str::to_owned);
    if context.get("cpu_scaling_enabled").is_some_and(|on| on.value.as_bool() == Some(true)) {
        set.warnings.push("the processor's frequency was free to change (cpu_scaling_enabled)".to_owned());
    }
    if context.text_of("library_build_type") == Some("debug") {
        set.warnings.push("the benchmark library was built for debugging (library_build_type)".to_owned());
    }
    Ok(())
}

fn add(set: &mut BenchSet, row: &Node<'_>) -> Result<(), ImportError> {
    let name = row.need("name")?.text()?;
    let name = row.text_of("run_name").unwrap_or(name);
    let is_true = |key: &str| row.get(key).is_some_and(|value| value.value.as_bool() == Some(true));
    let skipped = row.get("skipped").is_some_and(|value| value.value.as_bool() != Some(false));
    if is_true("error_occurred") || skipped {
        let why = row.text_of("error_message").or(row.text_of("skip_message")).unwrap_or("no reason given");
        set.warnings.push(format!("{name} was not measured: {why}"));
        return Ok(());
    }
    let found = set.benchmarks.iter().position(|benchmark| benchmark.name == name).unwrap_or_else(|| {
        set.benchmarks.push(benchmark(name, Vec::new()));
        set.benchmarks.len() - 1
    });
    let found = &mut set.benchmarks[found];
    if let Some(label) = row.text_of("label") {
        found.parameters.insert("label".to_owned(), label.to_owned());
    }
    let factor = match row.text_of("time_unit") {
        None => 1.0,
        Some(unit) => set::nanoseconds(unit)
            .ok_or_else(|| row.wrong(format!("has the unit of time `{unit}`, which is not known")))?,
    };
    for (theirs, ours) in [("real_time", "wall_ns"), ("cpu_time", "cpu_ns")] {
        let Some(value) = row.number_of(theirs)? else { continue };
        match row.text_of("aggregate_name") {
            Some(aggregate) => summarise(found, ours, aggregate, value * factor, row.number_of("repetitions")?),
            None => push(found, metric(ours, Vec::new()), value * factor),
        }
    }
    if row.text_of("aggregate_name").is_none() {
        for (key, value) in row.fields()? {
            let Some(number) = value.value.as_f64().filter(|_| !OWN.contains(&key)) else { continue };
            let kind = match key.strip_suffix("_per_second") {
                Some(_) => rate(&set::word(key), Vec::new()),
                None if key == "max_bytes_used" => metric("max_used_bytes", Vec::new()),
                None => metric(&set::word(key), Vec::new()),
            };
            push(found, kind, number);
        }
    }
    Ok(())
}

fn push(benchmark: &mut Benchmark, kind: Metric, value: f64) {
    match benchmark.metrics.iter_mut().find(|metric| metric.name == kind.name) {
        Some(metric) => {
            metric.values.push(value);
            metric.given = None;
        }
        None => benchmark.metrics.push(Metric { values: vec![value], ..kind }),
    }
}

/// Aggregates are all that there is with `--benchmark_report_aggregates_only`; beside repetitions they say nothing new.
fn summarise(benchmark: &mut Benchmark, name: &str, aggregate: &str, value: f64, repetitions: Option<f64>) {
    if !matches!(aggregate, "mean" | "median" | "stddev" | "min" | "max") {
        return;
    }
    if benchmark.metric(name).is_none() {
        benchmark.metrics.push(given(name, Given::default()));
    }
    let Some(metric) = benchmark.metrics.iter_mut().find(|metric| metric.name == name) else { return };
    let Some(given) = metric.given.as_mut() else { return };
    match aggregate {
        "mean" => given.mean = Some(value),
        "median" => given.median = Some(value),
        "stddev" => given.stddev = Some(value),
        "min" => given.min = Some(value),
        _ => given.max = Some(value),
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count; `as` ends at the limits")]
    let n = repetitions.map(|repetitions| repetitions as u64);
    given.n = n.or(given.n);
}

pub(super) fn is_console(file: &BenchFile<'_>) -> bool {
    file.text.lines().any(is_title)
}

fn is_title(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.starts_with(&["Benchmark", "Time", "CPU", "Iterations"])
}

/// `NAME  TIME UNIT  TIME UNIT  ITERATIONS [counter=value…]`; a row a repetition.
pub(super) fn console(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut set = set::set(file.name, "google benchmark");
    for line in file.text.lines().skip_while(|line| !is_title(line)).skip(1) {
        // Names may hold blanks, so the columns are counted from the right, without counters.
        let is_counter = |word: &str| word.split_once('=').is_some_and(|(key, _)| !key.contains('/'));
        let words: Vec<&str> = line.split_whitespace().take_while(|word| !is_counter(word)).collect();
        let [name @ .., time, unit, cpu, cpu_unit, iterations] = words.as_slice() else { continue };
        let figure = |number: &str, unit: &str| Some(number.parse::<f64>().ok()? * set::nanoseconds(unit)?);
        let (Some(wall), Some(cpu)) = (figure(time, unit), figure(cpu, cpu_unit)) else { continue };
        if iterations.parse::<u64>().is_err() {
            continue;
        }
        let name = name.join(" ");
        if name.is_empty()
            || ["_mean", "_median", "_stddev", "_cv", "_BigO", "_RMS"].iter().any(|end| name.ends_with(end))
        {
            continue;
        }
        let index = set.benchmarks.iter().position(|benchmark| benchmark.name == name).unwrap_or_else(|| {
            set.benchmarks.push(benchmark(&*name, Vec::new()));
            set.benchmarks.len() - 1
        });
        push(&mut set.benchmarks[index], metric("wall_ns", Vec::new()), wall);
        push(&mut set.benchmarks[index], metric("cpu_ns", Vec::new()), cpu);
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::new("the table of google benchmark has no row that is whole")
            .hint("write it with --benchmark_format=json"));
    }
    set.warnings.push("the console's figures are rounded; --benchmark_format=json keeps all digits".to_owned());
    Ok(vec![set])
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use crate::model::Better;

    #[test]
    fn repetitions_are_values_and_errors_are_told() {
        let row = |extra: &str| {
            format!(
                r#"{{"name":"BM/8","run_name":"BM/8","run_type":"iteration","iterations":9,"time_unit":"us",{extra}}}"#
            )
        };
        let text = format!(
            r#"{{"context":{{"date":"d","num_cpus":2,"cpu_scaling_enabled":true,"library_build_type":"debug"}},"benchmarks":[{},{},
            {{"name":"BM/8_mean","run_name":"BM/8","run_type":"aggregate","aggregate_name":"mean","real_time":7,"cpu_time":7,"time_unit":"us"}},
            {{"name":"A_median","run_name":"A","run_type":"aggregate","repetitions":4,"aggregate_name":"median","real_time":7,"cpu_time":NaN,"time_unit":"ns"}},
            {{"name":"E","run_type":"iteration","error_occurred":true,"error_message":"no file"}}]}}"#,
            row(r#""real_time":1.5,"cpu_time":1.0,"items_per_second":100,"misses":4"#),
            row(r#""real_time":2.5,"cpu_time":2.0,"items_per_second":200,"misses":5"#),
        );
        let set = read("g.json", text.as_bytes(), &|_| None).unwrap().remove(0);
        let of = |name: &str, metric: &str| {
            set.benchmarks.iter().find(|b| b.name == name).unwrap().metric(metric).cloned().unwrap()
        };
        assert_eq!(of("BM/8", "wall_ns").values, [1500.0, 2500.0]);
        assert_eq!(of("BM/8", "cpu_ns").values, [1000.0, 2000.0]);
        assert_eq!(of("BM/8", "items_per_second").better, Better::Higher);
        assert_eq!(of("BM/8", "misses").values, [4.0, 5.0]);
        assert_eq!(of("A", "wall_ns").given.map(|given| (given.median, given.n)), Some((Some(7.0), Some(4))));
        assert!(set.warnings.iter().any(|warning| warning == "E was not measured: no file"), "{:?}", set.warnings);
        assert_eq!(set.warnings.len(), 4);
    }

    #[test]
    fn the_console_is_read_too() {
        let text = "2024-01-01\nRunning ./a\n-----\nBenchmark    Time   CPU   Iterations UserCounters...\n-----\n\
                    BM_a/8  12 ns   10 ns   100 bytes_per_second=1G/s\nBM_a/8  14 ns 12 ns 100\nBM_a/8_mean 13 ns 11 ns 2\n";
        let set = read("g.txt", text.as_bytes(), &|_| None).unwrap().remove(0);
        assert_eq!(set.benchmarks[0].metrics[0].values, [12.0, 14.0]);
        assert_eq!(set.benchmarks.len(), 1);
    }
}
