//! Figures of all runs in columns: eight bytes a figure, so that ten thousand runs weigh nothing.

use super::counters::COUNTERS;
use super::record::Record;
use perfcollect_shared::bench::{BenchSet, Benchmark, Metric};
use perfcollect_shared::model::{BenchmarkInfo, MetricInfo};
use std::collections::BTreeMap;

/// Names of what is measured of every run, in the order of [`figures`].
const FIXED: [&str; 9] = [
    "wall_ns",
    "cpu_ns",
    "rss_bytes",
    "user_ns",
    "system_ns",
    "minor_faults",
    "major_faults",
    "voluntary_switches",
    "involuntary_switches",
];

/// All names: `FIXED`, then `COUNTERS`.
pub fn names() -> impl Iterator<Item = &'static str> {
    FIXED.into_iter().chain(COUNTERS)
}

/// The figures of a run by name, `None` where one was not measured. Memory at or below the spawner's floor is not the
/// program's own.
pub fn figures(record: &Record, rss_floor_kib: u64) -> impl Iterator<Item = (&'static str, Option<f64>)> {
    let micros = |value: u64| Some(number(value) * 1e3);
    let rss = Some(record.max_rss_kib).filter(|&kib| kib > rss_floor_kib);
    let fixed = [
        Some(number(record.wall_ns)),
        micros(record.user_us + record.system_us),
        rss.map(|kib| number(kib) * 1024.0),
        micros(record.user_us),
        micros(record.system_us),
        Some(number(record.minor_faults)),
        Some(number(record.major_faults)),
        Some(number(record.voluntary_switches)),
        Some(number(record.involuntary_switches)),
    ];
    names().zip(fixed.into_iter().chain(record.counters.map(|value| value.map(number))))
}

#[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
fn number(value: u64) -> f64 {
    value as f64
}

/// The figures of one benchmark.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    metrics: BTreeMap<&'static str, (Vec<f64>, Vec<u32>)>,
    /// As a shell shows them; few are not 0, so only those, with their places.
    failed: BTreeMap<usize, i32>,
    count: usize,
}

impl Columns {
    pub fn push(&mut self, record: &Record, rss_floor_kib: u64) {
        if let Some(status) = record.exit().status().filter(|&status| status != 0) {
            self.failed.insert(self.count, status);
        }
        self.count += 1;
        for (name, value) in figures(record, rss_floor_kib) {
            if let Some(value) = value {
                let (values, blocks) = self.metrics.entry(name).or_default();
                values.push(value);
                blocks.push(record.block);
            }
        }
    }

    /// Exit codes of the runs, 128 and the signal's number after a signal.
    pub fn exit_codes(&self) -> impl Iterator<Item = Option<i32>> + '_ {
        (0..self.count).map(|place| Some(self.failed.get(&place).copied().unwrap_or(0)))
    }

    /// Values of a metric, in order of time.
    #[must_use]
    pub fn values(&self, metric: &str) -> &[f64] {
        self.metrics.get(metric).map_or(&[], |(values, _)| values)
    }
}

/// The form that comparisons and reports read; the figures go over into it.
#[must_use]
pub fn set(infos: &[BenchmarkInfo], columns: &mut [Columns]) -> BenchSet {
    let benchmarks = infos.iter().zip(columns).map(|(info, columns)| {
        let metrics = names().filter_map(|name| {
            let (values, blocks) = columns.metrics.remove(name)?;
            let MetricInfo { name, unit, better } = MetricInfo::of_name(name);
            Some(Metric { name, unit, better, values, blocks, ..Metric::default() })
        });
        Benchmark {
            metrics: metrics.collect(),
            name: info.name.clone(),
            command: info.command.clone(),
            parameters: info.parameters.clone(),
        }
    });
    BenchSet { tool: "perfcollect".to_owned(), benchmarks: benchmarks.collect(), ..BenchSet::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_at_the_floor_is_not_measured() {
        let mut columns = Columns::default();
        for (block, max_rss_kib) in [(1, 700), (2, 701)] {
            columns
                .push(&Record { block, max_rss_kib, wall_ns: 5, user_us: 2, system_us: 1, ..Record::default() }, 700);
        }
        let info = BenchmarkInfo { name: "x".into(), ..BenchmarkInfo::default() };
        let set = set(&[info], &mut [columns]);
        let metric =
            |name: &str| set.benchmarks[0].metric(name).map(|metric| (metric.values.clone(), metric.blocks.clone()));
        assert_eq!(metric("rss_bytes"), Some((vec![701.0 * 1024.0], vec![2])));
        assert_eq!(metric("cpu_ns"), Some((vec![3000.0, 3000.0], vec![1, 2])));
        assert_eq!(metric("instructions"), None, "not counted");
    }
}
