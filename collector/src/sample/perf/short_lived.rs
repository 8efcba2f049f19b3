//! CPU time of threads that no sample stands for: that of threads which end before their first sample, and what the others
//! used after their last one.
//!
//! The kernel starts the period of each thread anew, so one that lives for less than a period is never sampled, and any
//! other loses half a period on average: a thousand short processes would be missing from the profile, and their start
//! and end would count for their work. What each thread used is told at its end; what of it no sample stands for is kept
//! as time that could not be sampled.

use perfcollect_shared::units::Nanos;
use std::collections::{BTreeMap, HashMap};

#[derive(Debug)]
pub(super) struct ShortLived {
    /// What a sample stands for.
    period: Nanos,
    /// Samples are of user code only: what they do not stand for is mostly the kernel's.
    user_only: bool,
    /// Sampled time of living threads.
    sampled: HashMap<u32, Nanos>,
    /// Threads that ended; their CPU times follow, one for each CPU.
    ended: HashMap<u32, Ended>,
    unsampled: Unsampled,
}

#[derive(Debug)]
struct Ended {
    at: Nanos,
    pid: u32,
    process: String,
    /// Sampled time that its CPU times have not yet made up for.
    sampled: Nanos,
    had_samples: bool,
}

/// CPU time that no sample stands for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unsampled {
    /// Of threads without a sample, by name of the process, with one of the processes that had it.
    pub(super) processes: BTreeMap<String, (u32, Nanos)>,
    /// Of threads with samples, by process and thread: when they ended, and how much.
    pub(super) threads: BTreeMap<(u32, u32), (Nanos, Nanos)>,
}

impl ShortLived {
    pub(super) fn new(period: Nanos, user_only: bool) -> Self {
        let (sampled, ended) = (HashMap::new(), HashMap::new());
        Self { period, user_only, sampled, ended, unsampled: Unsampled::default() }
    }

    pub(super) fn sampled(&mut self, tid: u32) {
        *self.sampled.entry(tid).or_default() += self.period;
    }

    pub(super) fn thread_ended(&mut self, at: Nanos, pid: u32, tid: u32, process: &str) {
        let sampled = self.sampled.remove(&tid);
        if sampled.is_none() || !self.user_only {
            let ended = Ended {
                at,
                pid,
                process: process.to_owned(),
                sampled: sampled.unwrap_or_default(),
                had_samples: sampled.is_some(),
            };
            self.ended.insert(tid, ended);
        }
    }

    /// CPU time of a thread on one of the CPUs.
    pub(super) fn spent(&mut self, tid: u32, cpu: Nanos) {
        let Some(ended) = self.ended.get_mut(&tid) else { return };
        let made_up = cpu.min(ended.sampled);
        ended.sampled = ended.sampled - made_up;
        let left = cpu - made_up;
        if left == Nanos::ZERO {
            return;
        }
        if ended.had_samples {
            self.unsampled.threads.entry((ended.pid, tid)).or_insert((ended.at, Nanos::ZERO)).1 += left;
        } else {
            let sum = self.unsampled.processes.entry(ended.process.clone()).or_insert((ended.pid, Nanos::ZERO));
            sum.1 += left;
        }
    }

    /// What came together since the last call. A late reading of a thread is lost.
    pub(super) fn take(&mut self) -> Unsampled {
        self.ended.clear();
        std::mem::take(&mut self.unsampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Nanos = Nanos(1_000_000);

    #[test]
    fn threads_without_a_sample_count_whole() {
        let mut short = ShortLived::new(PERIOD, false);
        short.thread_ended(PERIOD, 2, 2, "true");
        short.spent(2, Nanos(300));
        short.spent(2, Nanos::ZERO);
        short.thread_ended(PERIOD, 3, 3, "true");
        short.spent(3, Nanos(400));
        short.spent(4, Nanos(1));
        let found = short.take();
        assert_eq!(found.processes, BTreeMap::from([("true".to_owned(), (2, Nanos(700)))]));
        assert!(found.threads.is_empty());
        assert_eq!(short.take(), Unsampled::default());
    }

    #[test]
    fn others_count_from_their_last_sample_on() {
        let mut short = ShortLived::new(PERIOD, false);
        (0..5).for_each(|_| short.sampled(7));
        short.thread_ended(PERIOD, 1, 7, "long");
        short.spent(7, Nanos(3_000_000));
        short.spent(7, Nanos(2_600_000));
        assert_eq!(short.take().threads, BTreeMap::from([((1, 7), (PERIOD, Nanos(600_000)))]));
    }

    #[test]
    fn where_only_user_code_is_sampled_the_rest_is_not_called_short() {
        let mut short = ShortLived::new(PERIOD, true);
        short.sampled(7);
        short.thread_ended(PERIOD, 1, 7, "long");
        short.spent(7, Nanos(9_000_000));
        assert_eq!(short.take(), Unsampled::default());
    }
}
