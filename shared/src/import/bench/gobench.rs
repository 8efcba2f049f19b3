//! Go's benchmarks: the text of `go test -bench`, with benchstat's configuration and unit lines; also as `go test -json`.
//!
//! The form is <https://go.dev/design/14313-benchmark-format>; units as in golang.org/x/perf `benchunit`.

use super::set::{self, benchmark, metric, rate};
use super::{BenchFile, ImportError};
use crate::bench::{BenchSet, Benchmark, Metric};
use crate::model::Better;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

pub(super) fn is_text(file: &BenchFile<'_>) -> bool {
    text_of(file).lines().any(|line| matches!(result(line), Some(Ok(_))))
}

/// The text itself, or the output in the lines of `go test -json` (test2json).
fn text_of<'a>(file: &'a BenchFile<'_>) -> Cow<'a, str> {
    if !file.json.iter().take(1).any(|line| line.get("Action").is_some()) {
        return Cow::Borrowed(file.text);
    }
    let mut packages: BTreeMap<&str, String> = BTreeMap::new();
    for line in file.json {
        // Packages are tested beside each other, so their output is mixed.
        let package = line.get("Package").and_then(Value::as_str).unwrap_or_default();
        let output = line.get("Output").and_then(Value::as_str).unwrap_or_default();
        packages.entry(package).or_default().push_str(output);
    }
    Cow::Owned(packages.into_values().collect::<Vec<_>>().join("\n"))
}

/// A line of results: its name, and its values with their units.
type Row<'a> = (&'a str, Vec<(f64, &'a str)>);

/// `None` where it is no line of results at all, such as the name alone that `-v` prints.
fn result(line: &str) -> Option<Result<Row<'_>, String>> {
    let name = line.strip_prefix("Benchmark")?;
    let mut words = name.split_whitespace();
    let name = words.next().filter(|_| !name.starts_with(char::is_whitespace))?;
    words.next()?.parse::<u64>().ok().filter(|&iterations| iterations > 0)?;
    let mut values = Vec::new();
    while let Some(word) = words.next() {
        let Ok(value) = word.parse::<f64>() else { return Some(Err(format!("`{word}` is no number"))) };
        let Some(unit) = words.next() else { return Some(Err(format!("`{word}` has no unit: the line is cut"))) };
        if value.is_finite() {
            values.push((value, unit));
        }
    }
    Some(if values.is_empty() { Err("it holds no values".to_owned()) } else { Ok((name, values)) })
}

/// `key: value`, whose key begins with a lower-case letter and holds no blank and no capital.
fn config_line(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let plain = key.starts_with(char::is_lowercase) && !key.contains(|c: char| c.is_whitespace() || c.is_uppercase());
    (plain && (value.is_empty() || value.starts_with([' ', '\t']))).then(|| (key, value.trim()))
}

/// What `Unit` lines say.
#[derive(Default)]
struct Units<'a> {
    better: BTreeMap<&'a str, Better>,
    exact: Vec<&'a str>,
}

impl<'a> Units<'a> {
    fn learn(&mut self, line: &'a str) {
        let Some(rest) = line.strip_prefix("Unit ") else { return };
        let mut words = rest.split_whitespace();
        let Some(unit) = words.next() else { return };
        for word in words {
            match word {
                "better=higher" => drop(self.better.insert(unit, Better::Higher)),
                "better=lower" => drop(self.better.insert(unit, Better::Lower)),
                "assume=exact" => self.exact.push(unit),
                _ => {}
            }
        }
    }
}

/// A unit as a metric, and the factor into ours.
fn kind(unit: &str) -> (Metric, f64) {
    let per = unit.strip_suffix("/op").unwrap_or(unit);
    match per {
        "ns" => (metric("time_ns", Vec::new()), 1.0),
        "sec" => (metric("time_ns", Vec::new()), 1e9),
        "B" => (metric("allocated_bytes", Vec::new()), 1.0),
        "MB/s" => (rate("bytes_per_second", Vec::new()), 1e6),
        "B/s" => (rate("bytes_per_second", Vec::new()), 1.0),
        _ => match (per.strip_suffix("-sec"), per.strip_suffix("/s")) {
            (Some(name), _) => (metric(&format!("{}_ns", set::word(name)), Vec::new()), 1e9),
            (_, Some(name)) => (rate(&format!("{}_per_second", set::word(name)), Vec::new()), 1.0),
            _ => (metric(&set::word(per), Vec::new()), 1.0),
        },
    }
}

pub(super) fn text(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let text = text_of(file);
    let mut sets: Vec<BenchSet> = Vec::new();
    let mut config: BTreeMap<String, String> = BTreeMap::new();
    let (mut package, mut units, mut warnings) = (String::new(), Units::default(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        match (result(line), config_line(line)) {
            (Some(Err(reason)), _) => warnings.push(format!("line {} was left out: {reason}", index + 1)),
            (Some(Ok((name, values))), _) => {
                // Results under another configuration are another session.
                let at = sets.iter().position(|set| set.config == config).unwrap_or_else(|| {
                    sets.push(BenchSet { config: config.clone(), ..set::set(file.name, "go test") });
                    sets.len() - 1
                });
                add(&mut sets[at], name, &package, &values, &units);
            }
            (None, Some(("pkg", value))) => value.clone_into(&mut package),
            (None, Some((key, ""))) => drop(config.remove(key)),
            (None, Some((key, value))) => drop(config.insert(key.to_owned(), value.to_owned())),
            (None, None) => units.learn(line),
        }
    }
    if sets.is_empty() {
        return Err(ImportError::new("holds no line of results that is whole"));
    }
    let several = sets.len() > 1;
    for (index, set) in sets.iter_mut().enumerate() {
        set.commit = ["commit", "git-commit", "revision"].iter().find_map(|key| set.config.remove(*key));
        set.start = ["date", "commit-time"].iter().find_map(|key| set.config.remove(*key));
        if several {
            set.source = format!("{}:{index}", file.name);
        }
        name_by_package(&mut set.benchmarks);
        warnings.extend(inexact(set, &units));
        set.warnings.append(&mut warnings);
    }
    Ok(sets)
}

fn add(set: &mut BenchSet, name: &str, package: &str, values: &[(f64, &str)], units: &Units<'_>) {
    let same =
        |other: &Benchmark| other.name == name && other.parameters.get("pkg").map_or("", String::as_str) == package;
    let index = set.benchmarks.iter().position(same).unwrap_or_else(|| {
        let mut new = benchmark(name, Vec::new());
        if !package.is_empty() {
            new.parameters.insert("pkg".to_owned(), package.to_owned());
        }
        set.benchmarks.push(new);
        set.benchmarks.len() - 1
    });
    let found = &mut set.benchmarks[index];
    for &(value, unit) in values {
        let (kind, factor) = kind(unit);
        let value = value * factor;
        if let Some(metric) = found.metrics.iter_mut().find(|metric| metric.name == kind.name) {
            metric.values.push(value);
        } else {
            let better = units.better.get(unit).copied().unwrap_or(kind.better);
            found.metrics.push(Metric { values: vec![value], better, ..kind });
        }
    }
}

/// Names that several packages have are told apart by their package.
fn name_by_package(benchmarks: &mut [Benchmark]) {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for benchmark in benchmarks.iter() {
        *counts.entry(benchmark.name.clone()).or_default() += 1;
    }
    for benchmark in benchmarks {
        if counts.get(&benchmark.name).is_some_and(|&count| count > 1) {
            let package = benchmark.parameters.get("pkg").cloned().unwrap_or_default();
            benchmark.name = format!("{} ({package})", benchmark.name);
        }
    }
}

fn inexact(set: &BenchSet, units: &Units<'_>) -> Vec<String> {
    let mut told = Vec::new();
    for unit in &units.exact {
        let name = kind(unit).0.name;
        for benchmark in &set.benchmarks {
            let values = benchmark.metric(&name).map_or(&[][..], |metric| &metric.values);
            let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
            if low < high {
                told.push(format!("{unit} of {} is said to be exact, but is {low} to {high}", benchmark.name));
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn lines_are_values_and_configurations_are_sessions() {
        let text = "goos: linux\npkg: a/b\ncpu: X\nUnit hits/op better=higher\nUnit sz-bytes assume=exact\nBenchmarkF\n\
            BenchmarkF-8 \t 10\t 2.5 ns/op\t 4 MB/s\t 8 B/op\t 1 allocs/op\t 3 hits/op 7 sz-bytes\n\
            BenchmarkF-8 10 3.5 ns/op 8 sz-bytes\npkg: c\nBenchmarkF-8 1 1 sec/op\nPASS\nok  \ta/b\t1s\nnote: after\nBenchmarkF-8 1 9 ns/op\nBenchmarkF-8 1 9";
        let sets = read("b.txt", text.as_bytes(), &|_| None).unwrap();
        assert_eq!(sets.len(), 2);
        let first = &sets[0];
        assert_eq!(first.benchmarks[0].name, "F-8 (a/b)");
        let values: Vec<(&str, &[f64], bool)> = first.benchmarks[0]
            .metrics
            .iter()
            .map(|metric| (metric.name.as_str(), &*metric.values, metric.better == super::Better::Higher))
            .collect();
        let expected: [(&str, &[f64], bool); 6] = [
            ("time_ns", &[2.5, 3.5], false),
            ("bytes_per_second", &[4e6], true),
            ("allocated_bytes", &[8.0], false),
            ("allocs", &[1.0], false),
            ("hits", &[3.0], true),
            ("sz_bytes", &[7.0, 8.0], false),
        ];
        assert_eq!(values, expected);
        assert_eq!(first.benchmarks[1].metrics[0].values, [1e9]);
        assert_eq!(
            first.warnings,
            [
                "line 15 was left out: `9` has no unit: the line is cut",
                "sz-bytes of F-8 (a/b) is said to be exact, but is 7 to 8"
            ]
        );
        assert_eq!(sets[1].config["note"], "after");
        assert_eq!(sets[1].source, "b.txt:1");
    }
}
