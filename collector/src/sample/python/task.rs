//! CPU time of a process's threads, as the kernel's scheduler counts it.

use crate::tree;
use perfcollect_shared::units::Nanos;
use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};

/// The threads of one process whose CPU time is followed.
#[derive(Debug)]
pub(super) struct Tasks {
    pid: u32,
    by_tid: HashMap<u32, Task>,
    /// Links of the folder of threads: two more than there are threads.
    links: u64,
    /// CPU time of the whole process at the last look at it, in clock ticks.
    whole: Nanos,
}

#[derive(Debug)]
struct Task {
    stat: File,
    source: Source,
    /// CPU time that samples stand for already.
    counted: Nanos,
    /// At the last look.
    now: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Nanoseconds; up to date whenever the thread does not run, else to the last tick.
    Schedstat,
    /// Where a kernel has no schedstat: clock ticks.
    Stat,
}

impl Tasks {
    pub(super) fn new(pid: u32) -> Self {
        Self { pid, by_tid: HashMap::new(), links: 0, whole: Nanos::ZERO }
    }

    /// Takes what all threads have used so far as counted.
    pub(super) fn forget_the_past(&mut self) {
        for thread in tree::threads(self.pid) {
            self.take(thread);
        }
    }

    /// Looks at the threads again: whether one ran since its last sample, or the number of threads changed. Threads that
    /// no stack was seen of yet, since they had just begun or are not Python's, are noticed by what the process uses.
    pub(super) fn refresh(&mut self) -> bool {
        let links = fs::metadata(format!("/proc/{}/task", self.pid)).map_or(0, |data| data.nlink());
        let mut ran = links != self.links;
        self.links = links;
        self.by_tid.retain(|_, task| match task.read() {
            Some(now) => {
                task.now = now;
                ran |= now > task.counted;
                true
            }
            None => false,
        });
        if !ran && self.by_tid.len() as u64 + 2 < links {
            let whole = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok();
            let whole = whole.and_then(|text| of_stat(&text)).unwrap_or(self.whole);
            ran = whole != self.whole;
            self.whole = whole;
        }
        ran
    }

    /// Whether the process has a thread of this number.
    pub(super) fn has(&mut self, tid: u32) -> bool {
        self.task(tid).is_some()
    }

    /// The only thread of the process, if it has just one.
    pub(super) fn only(&self) -> Option<u32> {
        let mut tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).ok()?.flatten();
        let first = tasks.next()?.file_name().to_str()?.parse().ok()?;
        tasks.next().is_none().then_some(first)
    }

    /// CPU time since the last call for this thread, or since its start.
    pub(super) fn take(&mut self, tid: u32) -> Nanos {
        self.task(tid).map_or(Nanos::ZERO, |task| {
            let ran = task.now.saturating_sub(task.counted);
            task.counted = task.now;
            ran
        })
    }

    fn task(&mut self, tid: u32) -> Option<&mut Task> {
        if !self.by_tid.contains_key(&tid) {
            self.by_tid.insert(tid, Task::open(self.pid, tid)?);
        }
        self.by_tid.get_mut(&tid)
    }
}

impl Task {
    fn open(pid: u32, tid: u32) -> Option<Self> {
        let folder = format!("/proc/{pid}/task/{tid}");
        let sources = [("schedstat", Source::Schedstat), ("stat", Source::Stat)];
        sources.iter().find_map(|&(name, source)| {
            let stat = File::open(format!("{folder}/{name}")).ok()?;
            let mut task = Self { stat, source, counted: Nanos::ZERO, now: Nanos::ZERO };
            task.now = task.read()?;
            Some(task)
        })
    }

    fn read(&self) -> Option<Nanos> {
        let mut buffer = [0; 512];
        let len = self.stat.read_at(&mut buffer, 0).ok()?;
        let text = String::from_utf8_lossy(&buffer[..len]);
        match self.source {
            Source::Schedstat => text.split_ascii_whitespace().next()?.parse().ok().map(Nanos),
            Source::Stat => of_stat(&text),
        }
    }
}

/// CPU time by a `stat` file.
fn of_stat(text: &str) -> Option<Nanos> {
    // User and system time, fields 14 and 15; counted from behind the name, which may hold anything.
    let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Nanos((user + system) * nanos_per_tick()))
}

fn nanos_per_tick() -> u64 {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten();
    Nanos::SECOND.0 / ticks.and_then(|ticks| u64::try_from(ticks).ok()).filter(|&ticks| ticks > 0).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_no_stack_was_seen_of_are_noticed() {
        let mut tasks = Tasks::new(std::process::id());
        tasks.refresh();
        let mut sum = 0_u64;
        // Nothing was asked of any thread, as after a read that found an interpreter without threads.
        while !tasks.refresh() {
            sum = sum.wrapping_add((0..100_000).sum::<u64>());
        }
        assert!(sum > 0 || tasks.by_tid.is_empty());
    }

    #[test]
    fn time_on_a_processor_is_taken_once() {
        let pid = std::process::id();
        let tid = nix::unistd::gettid().as_raw().unsigned_abs();
        let mut tasks = Tasks::new(pid);
        let mut sum = 0_u64;
        while !tasks.has(tid) || tasks.take(tid) == Nanos::ZERO {
            sum = sum.wrapping_add((0..100_000).sum::<u64>());
            tasks.refresh();
        }
        assert!(sum > 0);
        assert_eq!(tasks.take(tid), Nanos::ZERO);
        assert!(!tasks.has(1) || pid == 1);
    }
}
