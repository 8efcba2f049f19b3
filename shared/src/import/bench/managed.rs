//! Benchmarks of managed runtimes: JMH (`-rf json`) and `BenchmarkDotNet` (`JsonExporter`).
//!
//! Both start processes of their own: a fork of JMH and a launch of `BenchmarkDotNet` is one value.

use super::criterion::one_process;
use super::json::Node;
use super::set::{self, benchmark, given, metric, of_processes};
use super::{BenchFile, ImportError};
use crate::bench::{BenchSet, Given, Metric};
use crate::model::{Better, Unit};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn is_jmh(file: &BenchFile<'_>) -> bool {
    let first = file.document().and_then(|document| document.as_array()?.first());
    first.is_some_and(|first| first.get("primaryMetric").is_some() || first.get("jmhVersion").is_some())
}

pub(super) fn jmh(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let mut set = set::set(file.name, "JMH");
    for entry in Node::root(document).items()? {
        let mut name = entry.need("benchmark")?.text()?.to_owned();
        let mut found = benchmark("", Vec::new());
        if let Some(params) = entry.get("params") {
            for (key, value) in params.fields()? {
                found.parameters.insert(key.to_owned(), value.plain());
            }
        }
        if !found.parameters.is_empty() {
            let told: Vec<String> = found.parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
            name = format!("{name}({})", told.join(", "));
        }
        for key in ["mode", "threads"] {
            if let Some(value) = entry.get(key) {
                found.parameters.insert(key.to_owned(), value.plain());
            }
        }
        found.metrics.extend(score(&entry.need("primaryMetric")?, None)?);
        if found.metrics.is_empty() {
            set.warnings.push(format!("{name} has no score that is a number"));
            continue;
        }
        if let Some(secondary) = entry.get("secondaryMetrics") {
            for (key, value) in secondary.fields()? {
                found.metrics.extend(score(&value, Some(key))?);
            }
        }
        let config = [
            ("jdkVersion", "jdk"),
            ("vmName", "vm"),
            ("vmVersion", "vm_version"),
            ("jvmArgs", "jvm_args"),
            ("jmhVersion", "jmh"),
            ("warmupIterations", "warmup_iterations"),
            ("measurementTime", "measurement_time"),
        ];
        set::config(&mut set.config, &entry, &config);
        found.name = name;
        set.benchmarks.push(found);
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::new("holds no result of JMH"));
    }
    name_by_mode(&mut set);
    set::number_equal_names(&mut set.benchmarks);
    if set.benchmarks.iter().all(|benchmark| benchmark.metrics[0].values.len() < 2) {
        set.warnings.extend(one_process(&set));
    }
    Ok(vec![set])
}

/// A benchmark that was measured in several modes is told apart by them.
fn name_by_mode(set: &mut BenchSet) {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for benchmark in &set.benchmarks {
        *counts.entry(benchmark.name.clone()).or_default() += 1;
    }
    for benchmark in &mut set.benchmarks {
        if counts.get(&benchmark.name).is_some_and(|&count| count > 1) {
            let mode = benchmark.parameters.get("mode").cloned().unwrap_or_default();
            benchmark.name = format!("{} [{mode}]", benchmark.name);
        }
    }
}

/// A metric of JMH: the unit of its score decides which way is better. `None` where its score is no number.
fn score(of: &Node<'_>, name: Option<&str>) -> Result<Option<Metric>, ImportError> {
    let unit = of.text_of("scoreUnit").unwrap_or_default();
    let (mut kind, factor) = score_unit(unit);
    if let Some(name) = name {
        let word = set::word(name);
        let per = kind.name.rsplit('_').next().map_or(String::new(), |last| format!("_{last}"));
        kind.name = match kind.unit {
            Unit::Nanoseconds | Unit::Bytes if !word.ends_with(&per) => format!("{word}{per}"),
            _ => word,
        };
    }
    if let Some(raw) = of.get("rawData") {
        let mut forks = Vec::new();
        for fork in raw.items()? {
            let values = fork.items()?.iter().map(Node::number_or_none).collect::<Result<Vec<_>, _>>()?;
            forks.push(values.into_iter().flatten().map(|value| value * factor).collect::<Vec<f64>>());
        }
        if forks.iter().any(|fork| !fork.is_empty()) {
            let measured = of_processes(&kind.name, &forks);
            return Ok(Some(Metric { unit: kind.unit, better: kind.better, ..measured }));
        }
    }
    if let Some(raw) = of.get("rawDataHistogram") {
        let forks = raw.items()?.iter().map(histogram_median).collect::<Result<Vec<_>, _>>()?;
        let values: Vec<f64> = forks.into_iter().flatten().map(|value| value * factor).collect();
        if !values.is_empty() {
            return Ok(Some(Metric { values, ..kind }));
        }
    }
    let Some(mean) = of.number_of("score")? else { return Ok(None) };
    let median = of.get("scorePercentiles").map_or(Ok(None), |percentiles| percentiles.number_of("50.0"))?;
    let figures = Given { mean: Some(mean), median, ..Given::default() };
    Ok(Some(Metric { given: Some(figures.scaled(factor)), ..kind }))
}

/// The middle of all values of a fork: `[iteration][[value, count]]`.
fn histogram_median(fork: &Node<'_>) -> Result<Option<f64>, ImportError> {
    let mut counts: Vec<(f64, f64)> = Vec::new();
    for iteration in fork.items()? {
        for pair in iteration.items()? {
            match pair.numbers()?.as_slice() {
                &[value, count] if count >= 0.0 => counts.push((value, count)),
                _ => return Err(pair.wrong("is no pair of a value and its count")),
            }
        }
    }
    counts.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = counts.iter().map(|(_, count)| count).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (value, count) in counts {
        below += count;
        if below >= half && below > 0.0 {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// `ops/s`, `ops/ms`: operations a time, more is better; `ns/op`, `ms/op`, `s/op`: time.
fn score_unit(unit: &str) -> (Metric, f64) {
    if let Some((what, time)) = unit.split_once('/')
        && let Some(nanoseconds) = set::nanoseconds(time)
    {
        let bytes = set::bytes(what);
        let name =
            if bytes.is_some() { "bytes_per_second".to_owned() } else { format!("{}_per_second", set::word(what)) };
        return (set::rate(&name, Vec::new()), bytes.unwrap_or(1.0) * 1e9 / nanoseconds);
    }
    set::of_unit(unit)
}

pub(super) fn is_dotnet(file: &BenchFile<'_>) -> bool {
    let Some(document) = file.document() else { return false };
    document.get("Benchmarks").is_some()
        && (document.get("HostEnvironmentInfo").is_some() || document.get("Title").is_some())
}

pub(super) fn dotnet(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let root = Node::root(document);
    let mut set = set::set(file.name, "BenchmarkDotNet");
    if let Some(host) = root.get("HostEnvironmentInfo") {
        let fields = [
            ("ProcessorName", "cpu"),
            ("ProcessorName.Value", "cpu"),
            ("LogicalCoreCount", "cpus"),
            ("OsVersion", "os"),
            ("OsVersion.Value", "os"),
            ("Architecture", "arch"),
            ("RuntimeVersion", "runtime"),
            ("Configuration", "configuration"),
            ("BenchmarkDotNetVersion", "benchmark_dot_net"),
        ];
        set::config(&mut set.config, &host, &fields);
        if host.get("HasAttachedDebugger").is_some_and(|has| has.value.as_bool() == Some(true)) {
            set.warnings.push("a debugger was attached".to_owned());
        }
        if host.text_of("Configuration").is_some_and(|text| text.eq_ignore_ascii_case("debug")) {
            set.warnings.push("the code was built for debugging".to_owned());
        }
    }
    for entry in root.need("Benchmarks")?.items()? {
        let joined =
            ["Namespace", "Type", "Method"].iter().filter_map(|key| entry.text_of(key)).collect::<Vec<_>>().join(".");
        let name = entry.text_of("FullName").map_or(joined, str::to_owned);
        let Some(time) = launches(&entry)? else {
            set.warnings.push(format!("{name} was not measured"));
            continue;
        };
        let mut found = benchmark(name, vec![time]);
        if let Some(parameters) = entry.text_of("Parameters").filter(|text| !text.is_empty()) {
            found.parameters.insert("parameters".to_owned(), parameters.to_owned());
        }
        if let Some(memory) = entry.get("Memory")
            && let Some(bytes) = memory.number_of("BytesAllocatedPerOperation")?
        {
            found.metrics.push(metric("allocated_bytes", vec![bytes]));
        }
        set.benchmarks.push(found);
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::at_path("Benchmarks", "holds no result"));
    }
    set::number_equal_names(&mut set.benchmarks);
    if set.benchmarks.iter().all(|benchmark| benchmark.metrics[0].values.len() < 2) {
        set.warnings.extend(one_process(&set));
    }
    Ok(vec![set])
}

/// Nanoseconds of an operation by launch: from the measurements of the workload's results, else the values of the statistics,
/// else the figures.
fn launches(entry: &Node<'_>) -> Result<Option<Metric>, ImportError> {
    let mut launches: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for measurement in entry.get("Measurements").map_or(Ok(Vec::new()), |list| list.items())? {
        let is = |key: &str, word: &str| measurement.text_of(key) == Some(word);
        if !is("IterationMode", "Workload") || !is("IterationStage", "Result") {
            continue;
        }
        let (operations, total) =
            (measurement.need("Operations")?.number()?, measurement.need("Nanoseconds")?.number()?);
        let launch = measurement.get("LaunchIndex").and_then(|index| index.value.as_u64()).unwrap_or(1);
        if operations > 0.0 {
            launches.entry(launch).or_default().push(total / operations);
        }
    }
    if !launches.is_empty() {
        return Ok(Some(of_processes("time_ns", &launches.into_values().collect::<Vec<_>>())));
    }
    let Some(statistics) = entry.get("Statistics") else { return Ok(None) };
    if let Some(values) = statistics.get("OriginalValues") {
        let values = values.numbers()?;
        if !values.is_empty() {
            return Ok(Some(of_processes("time_ns", &[values])));
        }
    }
    let figures = Given {
        n: statistics.get("N").and_then(|n| n.value.as_u64()),
        mean: statistics.number_of("Mean")?,
        median: statistics.number_of("Median")?,
        stddev: statistics.number_of("StandardDeviation")?,
        min: statistics.number_of("Min")?,
        max: statistics.number_of("Max")?,
    };
    Ok(Some(given("time_ns", figures)).filter(|_| figures.mean.is_some() || figures.median.is_some()))
}

pub(super) fn is_julia(file: &BenchFile<'_>) -> bool {
    let Some(parts) = file.document().and_then(Value::as_array) else { return false };
    parts.first().is_some_and(|versions| versions.get("BenchmarkTools").is_some())
}

/// `BenchmarkTools.jl`: `[versions, [group, …]]`, every value being `[type, fields]`.
pub(super) fn julia(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    let parts = Node::root(document).items()?;
    let mut set = set::set(file.name, "BenchmarkTools.jl");
    set::config(&mut set.config, &parts[0], &[("Julia", "julia"), ("BenchmarkTools", "benchmark_tools")]);
    let Some(groups) = parts.get(1) else { return Err(parts[0].wrong("is followed by no benchmarks")) };
    for group in groups.items()? {
        julia_value(&group, "", &mut set)?;
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::new("holds no trial"));
    }
    set.warnings.extend(one_process(&set));
    Ok(vec![set])
}

fn julia_value(value: &Node<'_>, name: &str, set: &mut BenchSet) -> Result<(), ImportError> {
    let parts = value.items()?;
    let [kind, fields, ..] = parts.as_slice() else { return Err(value.wrong("is no pair of a type and its fields")) };
    match kind.text()? {
        "BenchmarkGroup" => {
            for (key, inner) in fields.need("data")?.fields()? {
                julia_value(&inner, &if name.is_empty() { key.to_owned() } else { format!("{name}/{key}") }, set)?;
            }
            Ok(())
        }
        what @ ("Trial" | "TrialEstimate") => {
            let time = match what {
                "Trial" => of_processes("time_ns", &[fields.need("times")?.numbers()?]),
                _ => metric("time_ns", vec![fields.need("time")?.number()?]),
            };
            let mut found = benchmark(name, vec![time]);
            for (key, ours) in [("memory", "allocated_bytes"), ("allocs", "allocs")] {
                found.metrics.extend(fields.number_of(key)?.map(|value| metric(ours, vec![value])));
            }
            set.benchmarks.push(found);
            Ok(())
        }
        other => {
            set.warnings.push(format!("{name} was left out: a {other} holds no measurement of its own"));
            Ok(())
        }
    }
}

/// Which way is better, where only a word tells.
pub(super) fn higher(mut metric: Metric, is: bool) -> Metric {
    if is {
        metric.better = Better::Higher;
    }
    metric
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use crate::model::Better;

    #[test]
    fn forks_are_values_and_units_decide_the_direction() {
        let entry = |unit: &str, raw: &str| {
            format!(
                r#"{{"benchmark":"a.B.c","mode":"m","params":{{"n":"1"}},"primaryMetric":{{"score":2,"scoreUnit":"{unit}",{raw}}},
                "secondaryMetrics":{{"gc.alloc.rate.norm":{{"score":64,"scoreUnit":"B/op","rawData":[[64,64]]}},"bad":{{"score":"NaN","scoreUnit":"x"}}}}}}"#
            )
        };
        let text = format!(
            "[{},{}]",
            entry("ops/ms", r#""rawData":[[1,2,9],[4,"NaN",4]]"#),
            entry("us/op", r#""rawDataHistogram":[[[[5,1],[7,3]]]]"#).replace("a.B.c", "a.B.d")
        );
        let set = read("j.json", text.as_bytes(), &|_| None).unwrap().remove(0);
        let first = &set.benchmarks[0];
        assert_eq!(first.name, "a.B.c(n=1)");
        assert_eq!((first.metrics[0].name.as_str(), first.metrics[0].better), ("ops_per_second", Better::Higher));
        assert_eq!(first.metrics[0].values, [2000.0, 4000.0]);
        assert_eq!((first.metrics[1].name.as_str(), first.metrics[1].values[0]), ("gc_alloc_rate_norm_bytes", 64.0));
        assert_eq!(first.metrics.len(), 2);
        assert_eq!(
            (set.benchmarks[1].metrics[0].name.as_str(), set.benchmarks[1].metrics[0].values[0]),
            ("time_ns", 7000.0)
        );
    }

    #[test]
    fn launches_are_values() {
        let measurement = |launch: u32, stage: &str, total: u32| {
            format!(
                r#"{{"IterationMode":"Workload","IterationStage":"{stage}","LaunchIndex":{launch},"Operations":2,"Nanoseconds":{total}}}"#
            )
        };
        let measurements =
            [measurement(1, "Warmup", 99), measurement(1, "Result", 10), measurement(2, "Result", 20)].join(",");
        let text = format!(
            r#"{{"Title":"t","HostEnvironmentInfo":{{"ProcessorName":"X","HasAttachedDebugger":true}},"Benchmarks":[{{"FullName":"N.F","Memory":{{"BytesAllocatedPerOperation":8}},"Measurements":[{measurements}]}}]}}"#
        );
        let set = read("d.json", text.as_bytes(), &|_| None).unwrap().remove(0);
        assert_eq!(set.benchmarks[0].metrics[0].values, [5.0, 10.0]);
        assert_eq!(set.benchmarks[0].metrics[1].name, "allocated_bytes");
        assert_eq!((set.config["cpu"].as_str(), set.warnings[0].as_str()), ("X", "a debugger was attached"));
    }
}
