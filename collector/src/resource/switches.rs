//! Context switches.

use super::Probe;
use crate::tree::Stat;
use perfcollect_shared::model::ResourceSample;
use std::fs;

/// Of the main thread, from `/proc/PID/status`, and of all others from `/proc/PID/task/TID/status`.
///
/// Threads that have ended take their counts with them, so the sum can fall; readers leave a gap there. Held at its largest it
/// would show a process without switches until the living threads have caught up.
pub(super) struct Switches;

/// More threads than this are not asked one by one.
const MOST_THREADS: u32 = 64;

impl Probe for Switches {
    fn read(&self, stat: &Stat, _: Option<&ResourceSample>, sample: &mut ResourceSample) {
        let pid = sample.pid;
        let sum = if stat.threads <= 1 {
            of(&format!("/proc/{pid}/status"))
        } else if stat.threads <= MOST_THREADS {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok();
            tasks.map(|tasks| {
                let each = tasks.flatten().filter_map(|task| of(&format!("{}/status", task.path().display())));
                each.fold((0, 0), |sum, (voluntary, involuntary)| (sum.0 + voluntary, sum.1 + involuntary))
            })
        } else {
            None
        };
        sample.voluntary_switches = sum.map(|sum| sum.0);
        sample.involuntary_switches = sum.map(|sum| sum.1);
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
    fn our_own_switches_are_there() {
        assert!(of("/proc/self/status").is_some());
        assert!(of("/proc/self/stat").is_none());
    }
}
