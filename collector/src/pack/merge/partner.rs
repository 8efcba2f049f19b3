//! Finds the Python sample that says what a thread ran when a native sample was taken.

use super::splice::Shape;
use super::threads::{self, Threads};
use crate::spool::{RawSample, RawStacks};
use perfcollect_shared::units::Nanos;

/// A native sample in the interpreter loop takes a Python sample at most this many periods away.
const REACH_PERIODS: u64 = 2;
/// The same where a thread's sampling began late, ended early or failed for a while.
const FAR_REACH_PERIODS: u64 = 4;
/// The same if both agree on the number of interpreter loops.
const AGREEING_REACH_PERIODS: u64 = 6;

/// Python samples of each merged thread in order of time.
pub(super) struct Partners<'a> {
    by_thread: Vec<Vec<&'a RawSample>>,
    /// Of each Python stack.
    loops: Vec<u32>,
    period: Nanos,
}

impl<'a> Partners<'a> {
    pub(super) fn new(python: &'a RawStacks, threads: &Threads, period: Nanos) -> Self {
        let mut by_thread = vec![Vec::new(); threads.rows.len()];
        for sample in &python.samples {
            by_thread[threads.of_python(sample.thread) as usize].push(sample);
        }
        for samples in &mut by_thread {
            samples.sort_by_key(|sample| sample.time);
        }
        Self { by_thread, loops: threads::loops(python), period: Nanos(period.0.max(1)) }
    }

    /// The sample nearest in time, if it is near enough for what the native stack looks like. One that runs in as many
    /// interpreter loops as the native stack has goes before nearer ones: a read of a stack in change may miss a short
    /// call, and the native stack knows of those that began a loop.
    pub(super) fn nearest(&self, thread: u32, time: Nanos, shape: Shape) -> Option<&'a RawSample> {
        let (periods, loops) = match shape {
            Shape::NotPython => return None,
            Shape::Python { loops } => (FAR_REACH_PERIODS, loops),
            Shape::Cut => (REACH_PERIODS, None),
        };
        let (reach, agreeing) = (periods * self.period.0, AGREEING_REACH_PERIODS * self.period.0);
        let samples = &self.by_thread[thread as usize];
        let first = samples.partition_point(|sample| sample.time.0 < time.0.saturating_sub(agreeing));
        let within = samples[first..].iter().take_while(|sample| sample.time.0 <= time.0.saturating_add(agreeing));
        if !within.clone().any(|sample| sample.time.0.abs_diff(time.0) <= reach) {
            return None;
        }
        let rank = |sample: &&RawSample| {
            let distance = sample.time.0.abs_diff(time.0);
            let known = sample.stack.and_then(|stack| self.loops.get(stack as usize));
            let agrees = loops.is_some() && known == loops.as_ref();
            (!agrees, distance)
        };
        within.copied().min_by_key(rank)
    }

    /// For each merged thread, whether its Python samples count by themselves: there was no native sampling at all, or
    /// it saw nothing of a thread that had at least `from` of CPU time.
    pub(super) fn threads_only_python_saw(&self, native: &[bool], no_native: bool, from: Nanos) -> Vec<bool> {
        let weight = |samples: &[&RawSample]| samples.iter().map(|sample| sample.weight).sum::<Nanos>();
        let own = self.by_thread.iter().map(|samples| no_native || weight(samples) >= from);
        own.zip(native).map(|(own, seen)| own && !seen).collect()
    }
}
