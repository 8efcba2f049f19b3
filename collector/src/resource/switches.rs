//! Context switches.

use crate::tree::Stat;
use perfcollect_shared::model::ResourceSample;
use std::collections::BTreeMap;
use std::fs;

/// Of the main thread, from `/proc/PID/status`, and of all others from `/proc/PID/task/TID/status`, of one process.
///
/// The kernel forgets a thread's counts with the thread, so its last reading is kept: what it did after that, and
/// threads that came and went between two readings, are not in the sum.
#[derive(Debug, Default)]
pub(super) struct Switches {
    /// Voluntary and involuntary ones, by thread.
    threads: BTreeMap<u32, (u64, u64)>,
    /// Of threads that have ended.
    ended: (u64, u64),
}

/// More threads than this are not asked one by one.
const MOST_THREADS: u32 = 64;

impl Switches {
    /// Fills its part of the sample, as a probe does.
    pub(super) fn read(&mut self, stat: &Stat, sample: &mut ResourceSample) {
        let pid = sample.pid;
        let now: Option<BTreeMap<u32, (u64, u64)>> = if stat.threads <= 1 {
            of(&format!("/proc/{pid}/status")).map(|main| BTreeMap::from([(pid, main)]))
        } else if stat.threads <= MOST_THREADS {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok();
            let tid = |task: &fs::DirEntry| task.file_name().to_str()?.parse().ok();
            let each = |task: fs::DirEntry| Some((tid(&task)?, of(&format!("{}/status", task.path().display()))?));
            tasks.map(|tasks| tasks.flatten().filter_map(each).collect())
        } else {
            None
        };
        let sum = now.filter(|now| !now.is_empty()).map(|now| self.sum(now));
        sample.voluntary_switches = sum.map(|sum| sum.0);
        sample.involuntary_switches = sum.map(|sum| sum.1);
    }

    /// All switches so far, given those of the threads that live now.
    fn sum(&mut self, now: BTreeMap<u32, (u64, u64)>) -> (u64, u64) {
        for (tid, before) in &self.threads {
            // A number may have gone to another thread, which counts from 0.
            if now.get(tid).is_none_or(|now| now.0 + now.1 < before.0 + before.1) {
                self.ended = (self.ended.0 + before.0, self.ended.1 + before.1);
            }
        }
        self.threads = now;
        self.threads.values().fold(self.ended, |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

fn of(path: &str) -> Option<(u64, u64)> {
    let text = fs::read_to_string(path).ok()?;
    // Both are the last lines of a long file.
    let mut value = None;
    for line in text.lines().rev() {
        if let Some(count) = line.strip_prefix("nonvoluntary_ctxt_switches:") {
            value = count.trim().parse().ok();
        } else if let Some(count) = line.strip_prefix("voluntary_ctxt_switches:") {
            return Some((count.trim().parse().ok()?, value?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_ended_keep_their_switches() {
        let mut switches = Switches::default();
        let mut sum = |threads: &[(u32, (u64, u64))]| switches.sum(threads.iter().copied().collect());
        assert_eq!(sum(&[(1, (10, 1)), (2, (100, 5))]), (110, 6));
        assert_eq!(sum(&[(1, (12, 1))]), (112, 6));
        assert_eq!(sum(&[(1, (13, 1)), (2, (1, 0))]), (114, 6), "the number was used again");
        assert_eq!(sum(&[(1, (2, 0))]), (116, 6), "exec by another thread");
    }

    #[test]
    fn our_own_switches_are_there() {
        assert!(of("/proc/self/status").is_some());
        assert!(of("/proc/self/stat").is_none());
    }
}
