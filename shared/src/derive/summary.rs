//! What the manifest tells of a recording before its members are decoded.

use super::timeline::{Metric, figures, series};
use super::top_table::{TopTable, whole_table};
use crate::model::{Profile, Summary, SummaryFunction, Timeline};
use crate::units::{Bytes, Nanos};

/// Functions that a summary names.
const TOP: usize = 10;

/// The summary of a recording; `peak_process_rss_bytes` is left for the caller, who has it from the kernel.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sums of whole numbers, exact up to 2^53")]
pub fn summarize(profile: Option<&Profile>, timeline: &Timeline) -> Summary {
    let table = profile.map(whole_table).unwrap_or_default();
    Summary {
        rss_bytes_max: peak(timeline, Metric::Memory).map(|peak| Bytes(peak as u64)),
        peak_process_rss_bytes: None,
        processes: timeline.processes.len() as u64,
        threads_max: peak(timeline, Metric::Threads).map(|peak| peak as u64),
        resource_samples: timeline.samples.len() as u64,
        samples: table.samples,
        runs: 0,
        top: profile.map(|profile| top(profile, &table)).unwrap_or_default(),
    }
}

fn top(profile: &Profile, table: &TopTable) -> Vec<SummaryFunction> {
    let rows = table.rows.iter().take(TOP).filter(|row| row.self_weight > Nanos::ZERO);
    rows.map(|row| SummaryFunction {
        name: profile.function_name(row.function).to_owned(),
        file: profile.function_file(row.function).to_owned(),
        line: profile.function(row.function).start_line,
        self_ns: row.self_weight,
        total_ns: row.total_weight,
        self_share: row.self_weight.share_of(table.weight),
        total_share: row.total_weight.share_of(table.weight),
        self_samples: row.self_samples,
    })
    .collect()
}

/// Largest sum over the processes that lived together.
fn peak(timeline: &Timeline, metric: Metric) -> Option<f64> {
    figures(&series(timeline, metric).total, (Nanos::ZERO, Nanos(u64::MAX))).map(|figures| figures.peak)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Process, ResourceSample};
    use crate::testing;

    fn sample(ms: u64, pid: u32, mib: u64, threads: u32) -> ResourceSample {
        let (t_ns, rss_bytes) = (Nanos(ms * Nanos::MILLISECOND.0), Bytes(mib << 20));
        ResourceSample { t_ns, pid, rss_bytes, threads, ..Default::default() }
    }

    fn process(pid: u32, end_ms: Option<u64>) -> Process {
        Process { pid, end_ns: end_ms.map(|ms| Nanos(ms * Nanos::MILLISECOND.0)), ..Default::default() }
    }

    #[test]
    fn the_peak_of_the_tree_is_of_processes_that_lived_together() {
        let timeline = Timeline {
            processes: vec![process(1, None), process(2, Some(150)), process(3, None)],
            samples: vec![
                sample(0, 1, 10, 1),
                sample(100, 1, 20, 1),
                sample(100, 2, 30, 4),
                sample(200, 1, 10, 1),
                sample(200, 3, 35, 2),
            ],
        };
        let summary = summarize(None, &timeline);
        assert_eq!(summary.rss_bytes_max, Some(Bytes(50 << 20)));
        assert_eq!(summary.threads_max, Some(5));
        assert_eq!((summary.processes, summary.resource_samples), (3, 5));
    }

    #[test]
    fn nothing_measured_is_null_not_zero() {
        let summary = summarize(None, &Timeline::default());
        assert_eq!(summary.rss_bytes_max, None);
        assert_eq!(summary.threads_max, None);
        assert!(summary.top.is_empty());
    }

    #[test]
    fn the_top_functions_have_self_time() {
        let summary = summarize(Some(&testing::profile("A A A A\nB B B C")), &Timeline::default());
        let names: Vec<&str> = summary.top.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["B", "C"]);
        assert!((summary.top[0].self_share - 0.75).abs() < 1e-9);
        assert_eq!(summary.samples, 4);
    }
}
