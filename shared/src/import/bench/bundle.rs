//! A set as a bundle, so that the page shows the benchmarks of any tool.
//!
//! A value of a metric becomes a figure of a run. Runs of an imported file were in no blocks, so each is in one of its own:
//! nothing is paired that was not measured as a pair. Where a file holds figures only, the median (or mean) becomes one run, and a
//! warning says so; measurements inside a process are left out likewise, since they are no runs.

use crate::bench::{BenchSet, Benchmark, Metric};
use crate::model::{BenchmarkInfo, Bundle, Environment, FORMAT_VERSION, Git, Manifest, MetricInfo, Run, Tool, Warning};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Fields of a configuration that the environment of a bundle has a place for.
const PLACED: [&str; 7] = ["arch", "cpu", "cpus", "governor", "host", "kernel", "os"];

/// The bundle of a set; `id` is a ULID, `start` RFC 3339 in UTC.
#[must_use]
pub fn to_bundle(set: &BenchSet, id: String, start: String) -> Bundle {
    let field = |key: &str| set.config.get(key).cloned().unwrap_or_default();
    let environment = Environment {
        hostname: field("host"),
        os: field("os"),
        kernel: field("kernel"),
        arch: field("arch"),
        cpu_model: field("cpu"),
        cpus: field("cpus").parse().unwrap_or(0),
        governor: set.config.get("governor").cloned(),
        ..Environment::default()
    };
    let mut told: Vec<String> = set.warnings.clone();
    let mut runs: Vec<Run> = Vec::new();
    for benchmark in &set.benchmarks {
        add(benchmark, &mut runs, &mut told);
    }
    let rest = set.config.iter().filter(|(key, _)| !PLACED.contains(&key.as_str()));
    let manifest = Manifest {
        format: FORMAT_VERSION,
        id,
        label: Some(set.source.clone()),
        tags: rest.map(|(key, value)| format!("{key}={value}")).collect(),
        tool: Tool { name: set.tool.clone(), ..Tool::default() },
        start,
        environment,
        git: set.commit.clone().map(|commit| Git { commit, ..Git::default() }),
        warnings: told.into_iter().map(warning).collect(),
        benchmarks: set.benchmarks.iter().map(info).collect(),
        ..Manifest::default()
    };
    Bundle { manifest, runs: Arc::new(runs), ..Bundle::default() }
}

fn warning(reason: String) -> Warning {
    Warning::Benchmark { what: String::new(), reason, fix: String::new() }
}

fn info(benchmark: &Benchmark) -> BenchmarkInfo {
    let told = |metric: &&Metric| {
        let by_name = MetricInfo::of_name(&metric.name);
        (by_name.unit, by_name.better) != (metric.unit, metric.better)
    };
    let metrics = benchmark.metrics.iter().filter(told);
    BenchmarkInfo {
        name: benchmark.name.clone(),
        command: benchmark.command.clone(),
        parameters: benchmark.parameters.clone(),
        metrics: metrics
            .map(|metric| MetricInfo { name: metric.name.clone(), unit: metric.unit, better: metric.better })
            .collect(),
    }
}

fn add(benchmark: &Benchmark, runs: &mut Vec<Run>, told: &mut Vec<String>) {
    let Benchmark { name, metrics, .. } = benchmark;
    let mut columns: Vec<(&str, &[f64])> = Vec::new();
    let figures: Vec<(&str, [f64; 1], &str, Option<u64>)> = metrics
        .iter()
        .filter(|metric| metric.values.is_empty())
        .filter_map(|metric| {
            let given = metric.given?;
            let (value, word) =
                given.median.map(|median| (median, "median")).or(given.mean.map(|mean| (mean, "mean")))?;
            Some((metric.name.as_str(), [value], word, given.n))
        })
        .collect();
    for (metric, _, word, n) in &figures {
        let of = n.map_or_else(String::new, |n| format!(" of {n}"));
        told.push(format!("{name}: {metric} is the {word}{of} that the file gives; it holds no single runs"));
    }
    for metric in metrics.iter().filter(|metric| !metric.within.is_empty()) {
        let count = metric.within.len();
        let name = format!("{name}: {}", metric.name);
        told.push(format!(
            "{name} is a median for each process; {count} measurements inside processes are no runs and were left out"
        ));
    }
    columns.extend(metrics.iter().map(|metric| (metric.name.as_str(), &*metric.values)));
    columns.extend(figures.iter().map(|(metric, value, _, _)| (*metric, &value[..])));
    let rows = columns.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    for row in 0..rows {
        let of_row = columns.iter().filter_map(|(metric, values)| Some(((*metric).to_owned(), *values.get(row)?)));
        let order = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        let metrics: BTreeMap<String, f64> = of_row.collect();
        runs.push(Run { benchmark: name.clone(), block: order, order, metrics, ..Run::default() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Given;

    #[test]
    fn values_are_runs_and_figures_are_one() {
        let metric = |name: &str, values: &[f64]| super::super::set::metric(name, values.to_vec());
        let given = Given { n: Some(9), mean: Some(4.0), ..Given::default() };
        let figures = Metric { given: Some(given), ..metric("cpu_ns", &[]) };
        let inside = Metric { within: vec![1.0, 2.0], ..metric("time_ns", &[1.5]) };
        let benchmarks = vec![
            Benchmark {
                name: "a".into(),
                metrics: vec![metric("wall_ns", &[1.0, 2.0]), figures],
                ..Benchmark::default()
            },
            Benchmark { name: "b".into(), metrics: vec![inside], ..Benchmark::default() },
        ];
        let config =
            [("cpu", "X"), ("cpus", "8"), ("python", "3")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let set = BenchSet { source: "f.json".into(), benchmarks, config: config.into(), ..BenchSet::default() };
        let bundle = to_bundle(&set, String::new(), String::new());
        let told: Vec<&Warning> = bundle.manifest.warnings.iter().collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(
            (bundle.manifest.environment.cpus, bundle.manifest.tags.as_slice()),
            (8, &["python=3".to_owned()][..])
        );
        let back = BenchSet::of_bundle(&bundle, "x");
        let values = |index: usize, name: &str| back.benchmarks[index].metric(name).map(|metric| metric.values.clone());
        assert_eq!(values(0, "wall_ns"), Some(vec![1.0, 2.0]));
        assert_eq!(values(0, "cpu_ns"), Some(vec![4.0]));
        assert_eq!(values(1, "time_ns"), Some(vec![1.5]));
        let blocks: Vec<u32> = bundle.runs.iter().map(|run| run.block).collect();
        assert_eq!(blocks, [0, 1, 2], "nothing was measured as a pair");
    }
}
