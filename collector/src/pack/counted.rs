//! Samples of events beside the clock to one profile each, which holds what was counted of them, process by process.
//!
//! Periods say how many events lie between two samples only roughly, and those after a thread's last sample have none. The
//! counts are exact: where samples stand for more, they are scaled down, where they stand for less, the rest is a frame
//! `[too short to sample]`. A counter that had to share its place in the processor is scaled up, as `perf stat` does.

use super::merge::{self, CpuUse, Merged, MergedFrame};
use perfcollect_shared::format;
use perfcollect_shared::model::{ProcessCounter, Warning};
use perfcollect_shared::units::Nanos;
use std::collections::HashMap;

/// A counter that ran for less of its time than this was shared; reading both times takes a moment.
const WHOLE: f64 = 0.99;

/// The counts of processes as they are stored, scaled where a counter was shared.
pub(super) fn scaled(counters: &[ProcessCounter]) -> Vec<ProcessCounter> {
    let row = |counter: &ProcessCounter| ProcessCounter {
        count: counter.count.and_then(|count| {
            let (part, whole) = share(counter);
            // A count of 0 in no time says nothing.
            (part > 0 || whole == 0).then(|| times(count, whole, part))
        }),
        ..counter.clone()
    };
    counters.iter().map(row).collect()
}

/// Time that a counter ran, and that it should have run; equal where they nearly are.
fn share(counter: &ProcessCounter) -> (u64, u64) {
    let (Some(enabled), Some(running)) = (counter.enabled_ns, counter.running_ns) else { return (1, 1) };
    if running.share_of(enabled) >= WHOLE { (1, 1) } else { (running.0, enabled.0) }
}

fn times(value: u64, factor: u64, divisor: u64) -> u64 {
    let exact = (u128::from(value) * u128::from(factor)).checked_div(u128::from(divisor));
    exact.map_or(value, |exact| u64::try_from(exact).unwrap_or(u64::MAX))
}

/// Makes the samples of an event add up to the counts of its processes, as [`scaled`] has them. `end` is the recording's.
pub(super) fn settle(merged: &mut Merged, counters: &[ProcessCounter], end: Nanos) {
    let known: HashMap<u32, (u64, &ProcessCounter)> =
        counters.iter().filter_map(|counter| Some((counter.pid, (counter.count?, counter)))).collect();
    for sample in &mut merged.samples {
        let Some(thread) = merged.threads.get(sample.thread as usize) else { continue };
        let Some(&(count, counter)) = known.get(&thread.pid) else { continue };
        let (part, whole) = share(counter);
        let stands_for = times(counter.sampled, whole, part);
        let weight = times(sample.weight.0, whole, part);
        sample.weight = Nanos(if stands_for > count { times(weight, count, stands_for) } else { weight });
    }
    let uses: Vec<CpuUse> = known
        .values()
        .map(|&(count, counter)| {
            let process = counter.process.clone();
            CpuUse { pid: counter.pid, process, from: Nanos::ZERO, to: end, cpu: Nanos(count) }
        })
        .collect();
    add_rest(merged, uses, end);
}

/// What is left of the counts, process by process: in those whose count is not known, samples stand for all.
fn add_rest(merged: &mut Merged, mut uses: Vec<CpuUse>, end: Nanos) {
    uses.sort_by_key(|counted| counted.pid);
    let mut sums: HashMap<u32, Nanos> = HashMap::new();
    for sample in &merged.samples {
        let pid = merged.threads.get(sample.thread as usize).map_or(0, |thread| thread.pid);
        *sums.entry(pid).or_default() += sample.weight;
    }
    let all: Nanos = sums.values().copied().sum();
    let missing: Nanos =
        uses.iter().map(|counted| counted.cpu - sums.get(&counted.pid).copied().unwrap_or_default()).sum();
    let root = uses.first().map_or((0, String::new()), |first| (first.pid, first.process.clone()));
    merge::add_unsampled_time(merged, MergedFrame::TooShort, all + missing, &uses, (root.0, &root.1), end);
}

/// What limits the counts.
pub(super) fn warnings(event: &str, counters: &[ProcessCounter]) -> Vec<Warning> {
    let warning = |reason: String, fix: &str| Warning::Event { what: event.to_owned(), reason, fix: fix.to_owned() };
    let mut found = Vec::new();
    let times = |time: fn(&ProcessCounter) -> Option<Nanos>| counters.iter().filter_map(time).sum::<Nanos>();
    let (enabled, running) = (times(|counter| counter.enabled_ns), times(|counter| counter.running_ns));
    if enabled > Nanos::ZERO && running.share_of(enabled) < WHOLE {
        let share = format::share(running.share_of(enabled));
        let reason = format!(
            "the counter shared its place in the processor and ran for {share} of the time: counts are estimates"
        );
        found.push(warning(reason, "ask for fewer events at once"));
    }
    let unknown: Vec<String> = counters.iter().filter(|counter| counter.count.is_none()).map(of_process).collect();
    if !unknown.is_empty() {
        let (first, more) = (&unknown[0], unknown.len() - 1);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let reason = format!(
            "the counts of {first}{more} are not known, since a process outlived the recording, records were lost or the \
             counter never ran: samples stand for them"
        );
        found.push(warning(reason, ""));
    }
    found
}

fn of_process(counter: &ProcessCounter) -> String {
    format!("{} ({})", counter.process, counter.pid)
}

#[cfg(test)]
mod tests {
    use super::super::merge::{MergedSample, MergedThread};
    use super::*;

    fn counter(pid: u32, count: Option<u64>, sampled: u64, [enabled, running]: [u64; 2]) -> ProcessCounter {
        let (event, process) = ("page-faults".to_owned(), "p".to_owned());
        let times = (Some(Nanos(enabled)), Some(Nanos(running)));
        ProcessCounter { event, pid, process, count, sampled, enabled_ns: times.0, running_ns: times.1 }
    }

    fn merged(samples: &[(u32, u64)]) -> Merged {
        let thread = |pid| MergedThread { pid, tid: pid, ..MergedThread::default() };
        let sample = |&(thread, weight): &(u32, u64)| MergedSample {
            time: Nanos(5),
            stack: None,
            thread,
            weight: Nanos(weight),
        };
        let mut merged = Merged::default();
        merged.threads = vec![thread(10), thread(11)];
        merged.samples = samples.iter().map(sample).collect();
        merged
    }

    fn sums(merged: &Merged) -> [u64; 2] {
        [0, 1]
            .map(|row| merged.samples.iter().filter(|sample| sample.thread == row).map(|sample| sample.weight.0).sum())
    }

    #[test]
    fn samples_add_up_to_the_counts_of_their_process() {
        let raw = [counter(10, Some(100), 60, [9, 9]), counter(11, Some(40), 50, [9, 9])];
        let mut all = merged(&[(0, 20), (0, 40), (1, 25), (1, 25)]);
        settle(&mut all, &scaled(&raw), Nanos(9));
        assert_eq!(sums(&all), [100, 40], "40 are left of the first, the second is scaled down");
        assert_eq!(all.samples.len(), 5);
        assert!(warnings("page-faults", &scaled(&raw)).is_empty());
    }

    #[test]
    fn shared_counters_are_scaled_and_said() {
        let raw = [counter(10, Some(100), 60, [1_000, 250]), counter(11, Some(7), 0, [1_000, 0])];
        let rows = scaled(&raw);
        assert_eq!((rows[0].count, rows[1].count), (Some(400), None), "one never ran");
        let mut all = merged(&[(0, 60)]);
        settle(&mut all, &rows, Nanos(9));
        assert_eq!(sums(&all), [400, 0]);
        let told = format!("{:?}", warnings("LLC-load-misses", &rows));
        assert!(told.contains("ran for 12 % of the time") && told.contains("p (11)"), "{told}");
    }

    #[test]
    fn what_is_not_known_is_what_samples_stand_for() {
        let mut raw = counter(10, None, 60, [0, 0]);
        (raw.enabled_ns, raw.running_ns) = (None, None);
        let mut all = merged(&[(0, 60)]);
        settle(&mut all, &scaled(&[raw]), Nanos(9));
        assert_eq!(sums(&all), [60, 0]);
    }
}
