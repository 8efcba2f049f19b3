//! Finds the Python sample that says what a thread ran when a native sample was taken.

use super::splice::Shape;
use super::threads::Threads;
use crate::spool::{RawSample, RawStacks};
use perfcollect_shared::units::Nanos;

/// A native sample in the interpreter loop takes a Python sample at most this many periods away.
const REACH_PERIODS: u64 = 2;
/// The same where a thread's sampling began late, ended early or failed for a while.
const FAR_REACH_PERIODS: u64 = 4;

/// Python samples of each merged thread in order of time.
pub(super) struct Partners<'a> {
    by_thread: Vec<Vec<&'a RawSample>>,
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
        Self { by_thread, period: Nanos(period.0.max(1)) }
    }

    /// The sample nearest in time, if it is near enough for what the native stack looks like.
    pub(super) fn nearest(&self, thread: u32, time: Nanos, shape: Shape) -> Option<&'a RawSample> {
        let periods = match shape {
            Shape::NotPython => return None,
            Shape::Python => FAR_REACH_PERIODS,
            Shape::Cut => REACH_PERIODS,
        };
        let samples = &self.by_thread[thread as usize];
        let after = samples.partition_point(|sample| sample.time < time);
        let around = [after.checked_sub(1), Some(after)].into_iter().flatten().filter_map(|row| samples.get(row));
        around
            .map(|sample| (sample.time.0.abs_diff(time.0), *sample))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, _)| *distance <= periods * self.period.0)
            .map(|(_, sample)| sample)
    }

    /// For each merged thread, whether its Python samples count by themselves: there was no native sampling at all, or
    /// it saw nothing of a thread that had at least `from` of CPU time.
    pub(super) fn threads_only_python_saw(&self, native: &[bool], no_native: bool, from: Nanos) -> Vec<bool> {
        let weight = |samples: &[&RawSample]| samples.iter().map(|sample| sample.weight).sum::<Nanos>();
        let own = self.by_thread.iter().map(|samples| no_native || weight(samples) >= from);
        own.zip(native).map(|(own, seen)| own && !seen).collect()
    }
}
