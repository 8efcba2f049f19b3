//! Counters of the processor over one run and all that it starts, where there are any.

use crate::hardware;
use perf_event_open_sys as sys;
use std::fs::File;

/// Names of the metrics, in the order of their values. Of user code only, which needs no rights and varies least.
pub const COUNTERS: [&str; 4] = ["instructions", "cycles", "branch_misses", "cache_misses"];

/// Open counters of this process. They count nothing here, but in every child from its exec on; what a child has counted
/// is added when it ends.
#[derive(Debug)]
pub(super) struct Counters {
    events: [Option<(File, [u64; 3])>; COUNTERS.len()],
}

impl Counters {
    /// `None` where the processor has none, or they may not be used.
    pub(super) fn open() -> Option<Self> {
        use sys::bindings as b;
        let ids = [
            b::PERF_COUNT_HW_INSTRUCTIONS,
            b::PERF_COUNT_HW_CPU_CYCLES,
            b::PERF_COUNT_HW_BRANCH_MISSES,
            b::PERF_COUNT_HW_CACHE_MISSES,
        ];
        // One refusal is answer enough: a machine without a PMU is asked once.
        let first = open(b::PERF_TYPE_HARDWARE, ids[0])?;
        let mut events = ids.map(|_| None);
        events[0] = Some(first);
        for (event, &id) in events.iter_mut().zip(&ids).skip(1) {
            *event = open(b::PERF_TYPE_HARDWARE, id);
        }
        Some(Self { events: events.map(|event| event.map(|file| (file, [0; 3]))) })
    }

    /// What was counted since the last call.
    pub(super) fn take(&mut self) -> [Option<u64>; COUNTERS.len()] {
        let mut values = [None; COUNTERS.len()];
        for (value, event) in values.iter_mut().zip(&mut self.events) {
            *value = event.as_mut().and_then(|(file, before)| since(file, before));
        }
        values
    }
}

/// The growth of a counter; `None` where it had to share its place in the processor with another, so that part of the run
/// was not counted.
fn since(file: &mut File, before: &mut [u64; 3]) -> Option<u64> {
    let now = hardware::values(file)?;
    let [count, enabled, running] = [0, 1, 2].map(|index| now[index].wrapping_sub(before[index]));
    *before = now;
    (enabled == running && enabled > 0).then_some(count)
}

fn open(kind: u32, id: u32) -> Option<File> {
    hardware::open(kind, u64::from(id), 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// A counter of the kernel itself, which every machine has: the way from child to parent is the same.
    #[test]
    fn a_child_is_counted_when_it_has_ended() {
        use sys::bindings::{PERF_COUNT_SW_PAGE_FAULTS, PERF_TYPE_SOFTWARE};
        let Some(mut file) = open(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS) else {
            assert!(Counters::open().is_none(), "no events at all");
            return;
        };
        let mut before = [0; 3];
        assert_eq!(since(&mut file, &mut before), None, "nothing was enabled yet");
        let counts: Vec<Option<u64>> = (0..6)
            .map(|_| {
                Command::new("true").stdin(Stdio::null()).status().unwrap();
                since(&mut file, &mut before)
            })
            .collect();
        let known: Vec<u64> = counts.iter().copied().flatten().collect();
        assert!(known.len() >= 2 && known.iter().all(|&count| count > 10), "{counts:?}");
        assert!(known.last() < known.first().map(|first| first * 4).as_ref(), "{counts:?}: sums were not taken apart");
    }
}
