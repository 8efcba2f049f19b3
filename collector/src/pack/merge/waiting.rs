//! The time in which threads did not run, put beside the samples of the time in which they did.
//!
//! On-processor time stays what the other samplers measured. A waiting sample takes the Python stack that was read while
//! the thread waited: the Python sampler reads each thread once more after it ran, so the last read before the end of the
//! wait is of this wait. Ready time goes to the stack that ran nearest in time. Where nothing samples what runs, the time
//! that the scheduler counted is kept without a stack.

use super::splice::Splicer;
use super::{FrameRole, Merged, MergedFrame, MergedSample};
use crate::spool::{RawSample, RawStacks, RawThread};
use perfcollect_shared::units::Nanos;
use std::collections::HashMap;

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
    let reads = python_reads(merged, python);
    let ran = running(merged);
    let mut splicer = Splicer::new(native, roles, python);
    for sample in &waiting.samples {
        let Some(&thread) = rows.get(sample.thread as usize) else { continue };
        let of_thread = |list: &HashMap<u32, Vec<_>>| list.contains_key(&thread);
        let Some(stack) = sample.stack else {
            // On a processor: known already, unless no sampler looked.
            if native.samples.is_empty() && !of_thread(&ran) {
                merged.samples.push(MergedSample { time: sample.time, stack: None, thread, weight: sample.weight });
            }
            continue;
        };
        let alone = native.stacks.get(stack as usize).filter(|(prefix, _)| prefix.is_none()).map(|(_, frame)| *frame);
        let ready = alone.filter(|frame| Some(*frame) == waiting.ready);
        let running = ready.and_then(|_| nearest_run(ran.get(&thread)?, sample.time));
        let stack = match (ready, running) {
            (Some(frame), Some(running)) => Some(merged.stack(Some(running), MergedFrame::Native(frame))),
            _ => {
                let shape = splicer.shape(Some(stack));
                let reads = reads.get(&thread).map_or(&[][..], Vec::as_slice);
                let partner = if shape.is_python() { of_wait(reads, sample, python_period) } else { None };
                splicer.splice(merged, Some(stack), partner)
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
    reads.values_mut().for_each(|samples| samples.sort_by_key(|sample| sample.time));
    reads
}

/// Times and stacks at which each thread ran, in order of time.
fn running(merged: &Merged) -> HashMap<u32, Vec<(Nanos, u32)>> {
    let mut ran: HashMap<u32, Vec<(Nanos, u32)>> = HashMap::new();
    for sample in &merged.samples {
        if let Some(stack) = sample.stack {
            ran.entry(sample.thread).or_default().push((sample.time, stack));
        }
    }
    ran
}

fn nearest_run(ran: &[(Nanos, u32)], time: Nanos) -> Option<u32> {
    let after = ran.partition_point(|(at, _)| *at < time);
    let around = &ran[after.saturating_sub(1)..(after + 1).min(ran.len())];
    let distance = |at: Nanos| at.0.abs_diff(time.0);
    let nearest = around.iter().min_by_key(|(at, _)| distance(*at))?;
    (distance(nearest.0) <= READY_REACH.0).then_some(nearest.1)
}

/// The read of a thread's Python stack that is of the wait that `sample` stands for.
fn of_wait<'a>(reads: &[&'a RawSample], sample: &RawSample, period: Nanos) -> Option<&'a RawSample> {
    let after = reads.partition_point(|read| read.time <= sample.time);
    let before = after.checked_sub(1).map(|index| reads[index]);
    let next = reads.get(after).copied();
    let begun = sample.time - sample.weight;
    let within = before.filter(|read| read.time >= begun);
    // The wait may have been noticed by us first. What was read before it began is of another place.
    let soon = next.filter(|read| read.time.0 - sample.time.0 <= AFTER_PERIODS * period.0.max(1));
    let nearer = match (before, soon) {
        (Some(before), Some(soon)) if begun.0.abs_diff(before.time.0) < soon.time.0 - sample.time.0 => Some(before),
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
        let of = |time: u64, weight: u64| {
            of_wait(&reads, &sample(time, weight, 9), Nanos(10 * Nanos::MILLISECOND.0)).and_then(|read| read.stack)
        };
        assert_eq!(of(120, 105), Some(2), "read just after it began");
        assert_eq!(of(220, 100), Some(2), "and not again, since it did not run");
        assert_eq!(of(390, 2), Some(3), "noticed by us before it was read");
        assert_eq!(of(12, 1), Some(1), "the nearest where it was too short");
        assert_eq!(of(900, 10), Some(3));
        assert_eq!(of_wait(&[], &sample(1, 1, 9), Nanos(1)), None);
    }
}
