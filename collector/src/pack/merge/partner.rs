//! Finds the Python sample that says what a thread ran when a native sample was taken.

use super::splice::Shape;
use super::threads::{self, Threads};
use crate::spool::{RawSample, RawStacks};
use perfcollect_shared::units::Nanos;

/// A native sample in the interpreter loop takes a Python sample at most this many periods of CPU time away.
const REACH_PERIODS: u64 = 2;
/// The same where a thread's sampling began late, ended early or failed for a while.
const FAR_REACH_PERIODS: u64 = 4;
/// The same if both agree on the number of interpreter loops.
const AGREEING_REACH_PERIODS: u64 = 6;
/// A sample of a thread that may have waited counts as so much farther away, or as a period where that is more.
const WAITED: Nanos = Nanos(6 * Nanos::MILLISECOND.0);
/// The most that may have passed on the clock: a program may run for a moment each second.
const WALL_REACH: Nanos = Nanos(500 * Nanos::MILLISECOND.0);
/// A thread that takes so much longer than its CPU time from one native sample to the next did not run all the while. The
/// Python sampler itself may have taken the processor for a moment, which is not meant.
const PAUSE: Nanos = Nanos(500_000);

/// Python samples of each merged thread in order of time.
pub(super) struct Partners<'a> {
    by_thread: Vec<Vec<Placed<'a>>>,
    clocks: Vec<CpuClock>,
    /// Of each Python stack.
    loops: Vec<u32>,
    period: Nanos,
}

/// A Python sample, and where its thread was.
#[derive(Clone, Copy)]
struct Placed<'a> {
    sample: &'a RawSample,
    /// CPU time of the thread, see [`CpuClock`].
    cpu: Nanos,
    /// It ran, for all that is known. Elsewhere it may have waited, and what stops a thread (locks, system calls, the
    /// scheduler, which acts when a system call ends) is seen too often there.
    running: bool,
}

impl<'a> Partners<'a> {
    pub(super) fn new(native: &RawStacks, python: &'a RawStacks, threads: &Threads, period: Nanos) -> Self {
        let mut clocks = vec![CpuClock::default(); threads.rows.len()];
        if !python.samples.is_empty() {
            for sample in &native.samples {
                clocks[threads.of_native(sample.thread) as usize].ticks.push((sample.time, sample.weight));
            }
            clocks.iter_mut().for_each(CpuClock::start);
        }
        let mut by_thread = vec![Vec::new(); threads.rows.len()];
        for sample in &python.samples {
            let thread = threads.of_python(sample.thread) as usize;
            let (cpu, running) = clocks[thread].at(sample.time);
            by_thread[thread].push(Placed { sample, cpu, running });
        }
        for samples in &mut by_thread {
            samples.sort_by_key(|placed| placed.sample.time);
        }
        Self { by_thread, clocks, loops: threads::loops(python), period: Nanos(period.0.max(1)) }
    }

    /// Whether Python samples were taken of a thread.
    pub(super) fn has_any(&self, thread: u32) -> bool {
        !self.by_thread[thread as usize].is_empty()
    }

    /// The sample nearest in CPU time, if it is near enough for what the native stack looks like. One that runs in as many
    /// interpreter loops as the native stack has goes before nearer ones: a read of a stack in change may miss a short
    /// call, and the native stack knows of those that began a loop. One of the running thread goes before one that may show
    /// where it waited, if it is not much farther away.
    pub(super) fn nearest(&self, thread: u32, time: Nanos, shape: Shape) -> Option<&'a RawSample> {
        let (periods, loops) = match shape {
            Shape::NotPython => return None,
            Shape::Python { loops } => (FAR_REACH_PERIODS, loops),
            Shape::Cut => (REACH_PERIODS, None),
        };
        let reach = |periods: u64| periods * self.period.0;
        let agreeing = reach(AGREEING_REACH_PERIODS);
        let waited = self.period.max(WAITED);
        let (cpu, _) = self.clocks[thread as usize].at(time);
        let samples = &self.by_thread[thread as usize];
        let distance = |placed: &Placed<'_>| placed.cpu.0.abs_diff(cpu.0);
        let first = samples.partition_point(|placed| placed.cpu.0 < cpu.0.saturating_sub(agreeing));
        let within = samples[first..]
            .iter()
            .take_while(|placed| placed.cpu.0 <= cpu.0.saturating_add(agreeing))
            .filter(|placed| placed.sample.time.0.abs_diff(time.0) <= WALL_REACH.0.max(agreeing));
        if !within.clone().any(|placed| distance(placed) <= reach(periods)) {
            return None;
        }
        let rank = |placed: &&Placed<'_>| {
            let known = placed.sample.stack.and_then(|stack| self.loops.get(stack as usize));
            let agrees = loops.is_some() && known == loops.as_ref();
            let penalty = if placed.running { 0 } else { waited.0 };
            (!agrees, distance(placed) + penalty, placed.sample.time.0.abs_diff(time.0))
        };
        within.min_by_key(rank).map(|placed| placed.sample)
    }

    /// For each merged thread, whether its Python samples count by themselves: there was no native sampling at all, or
    /// it saw nothing of a thread that had at least `from` of CPU time.
    pub(super) fn threads_only_python_saw(&self, native: &[bool], no_native: bool, from: Nanos) -> Vec<bool> {
        let weight = |samples: &[Placed<'_>]| samples.iter().map(|placed| placed.sample.weight).sum::<Nanos>();
        let own = self.by_thread.iter().map(|samples| no_native || weight(samples) >= from);
        own.zip(native).map(|(own, seen)| own && !seen).collect()
    }
}

/// The CPU time of a thread at each moment, as its native samples tell: each stands for what ran since the one before.
/// Outside of them it goes with the clock.
#[derive(Clone, Default)]
struct CpuClock {
    /// Time and weight of the native samples, in order of time.
    ticks: Vec<(Nanos, Nanos)>,
    /// CPU time at each of them.
    cpu: Vec<Nanos>,
}

impl CpuClock {
    /// To be called when all ticks are there.
    fn start(&mut self) {
        self.ticks.sort_by_key(|(time, _)| *time);
        let mut cpu = self.ticks.first().map_or(Nanos::ZERO, |(time, _)| *time);
        self.cpu.push(cpu);
        for (_, weight) in self.ticks.iter().skip(1) {
            cpu += *weight;
            self.cpu.push(cpu);
        }
    }

    /// CPU time at a moment, and whether the thread ran all through from the sample before it to the one after.
    fn at(&self, time: Nanos) -> (Nanos, bool) {
        let next = self.ticks.partition_point(|(tick, _)| *tick <= time);
        let before = next.checked_sub(1).map(|row| (self.ticks[row].0, self.cpu[row]));
        match (before, self.ticks.get(next)) {
            (Some((then, cpu)), Some((after, weight))) => {
                let ran = *after - then <= *weight + Nanos(weight.0 / 4) + PAUSE;
                (cpu + (time - then).min(*weight), ran)
            }
            (Some((then, cpu)), None) => (cpu + (time - then), false),
            (None, Some((after, _))) => (self.cpu[0] - (*after - time), false),
            (None, None) => (time, false),
        }
    }
}
