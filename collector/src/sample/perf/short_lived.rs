//! CPU time of threads that end before their first sample.
//!
//! The kernel starts the period of each thread anew, so one that lives for less than a period is never sampled: a
//! thousand short processes would be missing from the profile. What they used is told at their end and kept as time that
//! could not be sampled.

use perfcollect_shared::units::Nanos;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Name of the frame that stands for such time.
pub(super) const TOO_SHORT: &str = "[too short to sample]";

#[derive(Debug, Default)]
pub(super) struct ShortLived {
    /// Living threads that have been sampled.
    sampled: HashSet<u32>,
    /// Threads that ended without a sample, with process and name; their CPU times follow.
    ended: HashMap<u32, (u32, String)>,
    /// By name of the process, with one of the processes that had it.
    unsampled: BTreeMap<String, (u32, Nanos)>,
}

impl ShortLived {
    pub(super) fn sampled(&mut self, tid: u32) {
        self.sampled.insert(tid);
    }

    pub(super) fn thread_ended(&mut self, pid: u32, tid: u32, process: &str) {
        if !self.sampled.remove(&tid) {
            self.ended.insert(tid, (pid, process.to_owned()));
        }
    }

    /// CPU time of a thread on one of the CPUs.
    pub(super) fn spent(&mut self, tid: u32, cpu_ns: u64) {
        if let Some((pid, process)) = self.ended.get(&tid).filter(|_| cpu_ns > 0) {
            let sum = self.unsampled.entry(process.clone()).or_insert((*pid, Nanos::ZERO));
            sum.1 += Nanos(cpu_ns);
        }
    }

    /// What came together since the last call. A late reading of a thread is lost.
    pub(super) fn take(&mut self) -> BTreeMap<String, (u32, Nanos)> {
        self.ended.clear();
        std::mem::take(&mut self.unsampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_threads_without_a_sample_count() {
        let mut short = ShortLived::default();
        short.sampled(1);
        short.thread_ended(1, 1, "long");
        short.spent(1, 5_000_000);
        short.thread_ended(2, 2, "true");
        short.spent(2, 300);
        short.spent(2, 0);
        short.thread_ended(3, 3, "true");
        short.spent(3, 400);
        assert_eq!(short.take(), BTreeMap::from([("true".to_owned(), (2, Nanos(700)))]));
        assert!(short.take().is_empty());
    }
}
