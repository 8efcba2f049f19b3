//! The time in which threads did not run, put beside the samples of the time in which they did.
//!
//! On-processor time stays what the other samplers measured. A waiting sample takes the Python stack that was read while
//! the thread waited: the Python sampler reads each thread once more after it ran, so the last read before the end of the
//! wait is of this wait. Ready time goes to the stack that ran nearest in time. Where nothing samples what runs, the time
//! that the scheduler counted is kept without a stack.

use super::splice::Splicer;
use super::{FrameRole, Merged, MergedFrame, MergedSample, MergedStack};
use crate::spool::{RawSample, RawStacks, RawThread};
use perfcollect_shared::units::Nanos;
use std::collections::{HashMap, HashSet};

/// A Python stack that was read this many periods after a wait may still be of it.
const AFTER_PERIODS: u64 = 2;
/// A stack that ran this long ago is not what a ready thread was about to run.
const READY_REACH: Nanos = Nanos(100 * Nanos::MILLISECOND.0);

/// What the wall sampler wrote; its stacks are rows of the native stacks.
#[derive(Clone, Debug, Default)]
pub struct WaitingSamples {
    pub threads: Vec<RawThread>,
    pub samples: Vec<RawSample>,
    /// The frame of ready threads among the native frames.
    pub ready: Option<u32>,
}

/// Adds all waiting time to `merged`, which holds the time that was on a processor.
pub fn add_waiting(
    merged: &mut Merged,
    native: &RawStacks,
    roles: &[FrameRole],
    python: &RawStacks,
    waiting: &WaitingSamples,
    python_period: Nanos,
) {
    let rows = thread_rows(merged, &waiting.threads);
    let python_stacks = python_reads(merged, python);
    let ran = running(merged);
    let sampled: HashSet<u32> =
        merged.samples.iter().map(|sample| merged.threads[sample.thread as usize].pid).collect();
    let mut splicer = Splicer::new(native, roles, python);
    for (sample, wait) in waiting.samples.iter().zip(waits(&waiting.samples)) {
        let Some(&thread) = rows.get(sample.thread as usize) else { continue };
        let Some(stack) = sample.stack else {
            // On a processor: known already, unless no sampler looked at the process.
            if native.samples.is_empty() && !sampled.contains(&merged.threads[thread as usize].pid) {
                merged.samples.push(MergedSample { time: sample.time, stack: None, thread, weight: sample.weight });
            }
            continue;
        };
        let alone = native.stacks.get(stack as usize).filter(|(prefix, _)| prefix.is_none()).map(|(_, frame)| *frame);
        let ready = alone.filter(|frame| Some(*frame) == waiting.ready);
        let before = ready.and_then(|frame| Some((nearest_run(ran.get(&thread)?, sample.time)?, frame)));
        let stack = if let Some((running, frame)) = before {
            let prefix = match running {
                MergedStack::Native(row) => splicer.native_stack(merged, row),
                MergedStack::Merged(row) => Some(row),
            };
            Some(MergedStack::Merged(merged.stack(prefix, MergedFrame::Native(frame))))
        } else {
            let read = python_stacks.get(&thread).filter(|_| splicer.shape(Some(stack)).is_python());
            let partner = read.and_then(|reads| of_wait(reads, wait, python_period));
            match partner.and_then(|partner| partner.stack) {
                Some(python) => splicer.splice(merged, Some(stack), python).map(MergedStack::Merged),
                None => Some(MergedStack::Native(stack)),
            }
        };
        merged.samples.push(MergedSample { time: sample.time, stack, thread, weight: sample.weight });
    }
    merged.samples.sort_by_key(|sample| sample.time);
}

/// Rows of the merged threads for the wall sampler's; new ones are added.
fn thread_rows(merged: &mut Merged, threads: &[RawThread]) -> Vec<u32> {
    let mut known: HashMap<(u32, u32), u32> =
        merged.threads.iter().zip(0..).map(|(thread, row)| ((thread.pid, thread.tid), row)).collect();
    let mut row_of = |thread: &RawThread| {
        *known.entry((thread.pid, thread.tid)).or_insert_with(|| {
            let RawThread { pid, tid, name, process } = thread.clone();
            merged.threads.push(super::MergedThread { pid, tid, name, process });
            u32::try_from(merged.threads.len() - 1).unwrap_or(u32::MAX)
        })
    };
    threads.iter().map(&mut row_of).collect()
}

/// The Python samples of each merged thread, in order of time.
fn python_reads<'a>(merged: &Merged, python: &'a RawStacks) -> HashMap<u32, Vec<&'a RawSample>> {
    let rows: HashMap<(u32, u32), u32> =
        merged.threads.iter().zip(0..).map(|(thread, row)| ((thread.pid, thread.tid), row)).collect();
    let mut reads: HashMap<u32, Vec<&RawSample>> = HashMap::new();
    for sample in python.samples.iter().filter(|sample| sample.stack.is_some()) {
        let thread = python.threads.get(sample.thread as usize);
        if let Some(&row) = thread.and_then(|thread| rows.get(&(thread.pid, thread.tid))) {
            reads.entry(row).or_default().push(sample);
        }
    }
    reads.into_iter().map(in_order).collect()
}

fn in_order((thread, mut samples): (u32, Vec<&RawSample>)) -> (u32, Vec<&RawSample>) {
    samples.sort_by_key(|sample| sample.time);
    (thread, samples)
}

/// Times and stacks at which each thread ran, in order of time.
fn running(merged: &Merged) -> HashMap<u32, Vec<(Nanos, MergedStack)>> {
    let mut ran: HashMap<u32, Vec<(Nanos, MergedStack)>> = HashMap::new();
    for sample in &merged.samples {
        if let Some(stack) = sample.stack {
            ran.entry(sample.thread).or_default().push((sample.time, stack));
        }
    }
    ran
}

fn nearest_run(ran: &[(Nanos, MergedStack)], time: Nanos) -> Option<MergedStack> {
    let after = ran.partition_point(|(at, _)| *at < time);
    let around = &ran[after.saturating_sub(1)..(after + 1).min(ran.len())];
    let distance = |at: Nanos| at.0.abs_diff(time.0);
    let nearest = around.iter().min_by_key(|(at, _)| distance(*at))?;
    (distance(nearest.0) <= READY_REACH.0).then_some(nearest.1)
}

/// From when to when a thread waited in one place.
type Wait = (Nanos, Nanos);

/// The wait that each sample is of: long ones give a sample now and then.
fn waits(samples: &[RawSample]) -> Vec<Wait> {
    // By thread: stack, begin, and end so far.
    let mut last: HashMap<u32, (Option<u32>, Nanos, Nanos)> = HashMap::new();
    let mut ends: HashMap<(u32, Nanos), Nanos> = HashMap::new();
    let begins: Vec<Nanos> = samples
        .iter()
        .map(|sample| {
            let own = sample.time - sample.weight;
            let since = match last.get(&sample.thread) {
                Some(&(stack, since, end)) if stack == sample.stack && (own == end || sample.time == end) => since,
                _ => own,
            };
            last.insert(sample.thread, (sample.stack, since, sample.time));
            ends.insert((sample.thread, since), sample.time);
            since
        })
        .collect();
    let end = |(sample, since): (&RawSample, &Nanos)| ends.get(&(sample.thread, *since)).copied();
    let ends: Vec<Nanos> = samples.iter().zip(&begins).map(|pair| end(pair).unwrap_or(pair.0.time)).collect();
    begins.into_iter().zip(ends).collect()
}

/// The read of a thread's Python stack that is of a wait: the last one in it, since what ran before may seem to reach into
/// it. A wait that was noticed by us first may be read after its end; else the nearer counts.
fn of_wait<'a>(reads: &[&'a RawSample], wait: Wait, period: Nanos) -> Option<&'a RawSample> {
    let time = wait.1;
    let after = reads.partition_point(|read| read.time <= time);
    let before = after.checked_sub(1).map(|index| reads[index]);
    let next = reads.get(after).copied();
    let within = before.filter(|read| read.time >= wait.0);
    let soon = next.filter(|read| read.time.0 - time.0 <= AFTER_PERIODS * period.0.max(1));
    let nearer = match (before, soon) {
        (Some(before), Some(soon)) if wait.0.saturating_sub(before.time).0 < soon.time.0 - time.0 => Some(before),
        (_, Some(soon)) => Some(soon),
        (before, None) => before,
    };
    within.or(nearer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ms: u64, stack: u32) -> RawSample {
        sample(ms, 1, stack)
    }

    fn sample(ms: u64, weight_ms: u64, stack: u32) -> RawSample {
        let nanos = |ms: u64| Nanos(ms * Nanos::MILLISECOND.0);
        RawSample { time: nanos(ms), stack: Some(stack), thread: 0, weight: nanos(weight_ms) }
    }

    #[test]
    fn a_wait_has_the_stack_that_was_read_in_it() {
        let reads = [read(10, 1), read(20, 2), read(400, 3)];
        let reads: Vec<&RawSample> = reads.iter().collect();
        let ms = |ms: u64| Nanos(ms * Nanos::MILLISECOND.0);
        let of = |from: u64, to: u64| of_wait(&reads, (ms(from), ms(to)), ms(10)).and_then(|read| read.stack);
        assert_eq!(of(15, 320), Some(2), "read just after it began");
        assert_eq!(of(5, 320), Some(2), "and what ran before does not count");
        assert_eq!(of(388, 390), Some(3), "noticed by us before it was read");
        assert_eq!(of(11, 12), Some(1), "the nearest where it was too short");
        assert_eq!(of(890, 900), Some(3));
        assert_eq!(of_wait(&[], (ms(1), ms(2)), ms(10)), None);
    }

    #[test]
    fn a_long_wait_is_one() {
        let samples = [sample(120, 100, 1), sample(220, 100, 1), sample(320, 100, 2), sample(500, 10, 2)];
        let waits = waits(&samples);
        let expect = [(20, 220), (20, 220), (220, 320), (490, 500)];
        let ms = |ms: u64| Nanos(ms * Nanos::MILLISECOND.0);
        assert_eq!(waits, expect.map(|(from, to)| (ms(from), ms(to))), "the last ran in between");
    }
}
