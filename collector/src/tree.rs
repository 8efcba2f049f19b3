//! Which processes belong to the recorded program: one list for all samplers.
//!
//! Fed by perf's fork, exec and exit records where there are any, and by scans of /proc. A process belongs to the tree
//! from its first sight on, whatever happens to its parents. Must not sample or write.

use crate::launch::Clock;
use perfcollect_shared::units::Nanos;
use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// A process; the start time tells it from a later one of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessRef {
    pub pid: u32,
    /// Since boot in clock ticks, `/proc/PID/stat` field 22; 0 where the process was gone before that could be read.
    pub start_ticks: u64,
}

/// What happened to a process of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeEvent {
    Started {
        process: ProcessRef,
        parent: u32,
        at: Nanos,
    },
    /// Another program in the same process.
    Exec {
        process: ProcessRef,
        /// Its name from then on, since it may be gone before that can be read.
        name: String,
        at: Nanos,
    },
    Ended {
        process: ProcessRef,
        at: Nanos,
    },
}

/// The processes of the recorded program.
#[derive(Debug)]
pub struct ProcessTree {
    root: u32,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: BTreeMap<u32, Member>,
    /// Processes that ended, and when: until its parent waits for it, one is still listed as a child, and perf's news of
    /// its start may come later than /proc's of its end.
    ended: BTreeMap<u32, (u64, Nanos)>,
    /// All processes ever seen.
    seen: u64,
    subscribers: Vec<Sender<TreeEvent>>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    process: ProcessRef,
    parent: u32,
    since: Nanos,
}

impl ProcessTree {
    /// A tree with the forked child in it.
    #[must_use]
    pub fn new(root: u32, clock: Clock) -> Arc<Self> {
        let tree = Self { root, clock, state: Mutex::default() };
        tree.note_fork(0, root, Nanos::ZERO);
        Arc::new(tree)
    }

    /// The direct child.
    #[must_use]
    pub fn root(&self) -> u32 {
        self.root
    }

    /// Processes that live as far as is known, in order of their numbers.
    #[must_use]
    pub fn live(&self) -> Vec<ProcessRef> {
        self.lock().live.values().map(|member| member.process).collect()
    }

    #[must_use]
    pub fn contains(&self, pid: u32) -> bool {
        self.lock().live.contains_key(&pid)
    }

    /// How many processes there have been.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.lock().seen
    }

    /// Events from now on; the processes that live now come first, as started.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<TreeEvent> {
        let (sender, receiver) = channel();
        let mut state = self.lock();
        for &Member { process, parent, since } in state.live.values() {
            // The receiver is in our hands.
            sender.send(TreeEvent::Started { process, parent, at: since }).ok();
        }
        state.subscribers.push(sender);
        receiver
    }

    /// A process of the tree forked; known children are left alone. `at` is since the start of the recording.
    pub fn note_fork(&self, parent: u32, child: u32, at: Nanos) {
        let start_ticks = Stat::read(child).map_or(0, |stat| stat.start_ticks);
        let process = ProcessRef { pid: child, start_ticks };
        let mut state = self.lock();
        if let Some(&(ended_ticks, ended_at)) = state.ended.get(&child) {
            let same = if start_ticks == 0 { at <= ended_at } else { start_ticks == ended_ticks };
            if same {
                return;
            }
        }
        if let Some(known) = state.live.get(&child).map(|member| member.process) {
            if known.start_ticks == start_ticks || start_ticks == 0 {
                return;
            }
            if known.start_ticks == 0 {
                state.live.insert(child, Member { process, parent, since: at });
                return;
            }
            state.live.remove(&child);
            state.tell(&TreeEvent::Ended { process: known, at });
        }
        state.live.insert(child, Member { process, parent, since: at });
        state.seen += 1;
        state.tell(&TreeEvent::Started { process, parent, at });
    }

    /// A process of the tree runs another program now, called `name`.
    pub fn note_exec(&self, pid: u32, name: &str, at: Nanos) {
        let mut state = self.lock();
        let live = state.live.get(&pid).map(|member| member.process);
        // A scan may have seen its end before this news came.
        let ended = || state.ended.get(&pid).filter(|(_, end)| at <= *end);
        let process = live.or_else(|| ended().map(|&(start_ticks, _)| ProcessRef { pid, start_ticks }));
        if let Some(process) = process {
            state.tell(&TreeEvent::Exec { process, name: name.to_owned(), at });
        }
    }

    /// A process ended (not only one of its threads).
    pub fn note_exit(&self, pid: u32, at: Nanos) {
        let mut state = self.lock();
        // News that is older than the process is of an earlier one of the same number.
        if state.live.get(&pid).is_none_or(|member| member.since > at) {
            return;
        }
        if let Some(member) = state.live.remove(&pid) {
            // Gone from our list, it may still be a zombie.
            let start_ticks = match member.process.start_ticks {
                0 => Stat::read(pid).map_or(0, |stat| stat.start_ticks),
                known => known,
            };
            state.ended.insert(pid, (start_ticks, at));
            state.tell(&TreeEvent::Ended { process: member.process, at });
        }
    }

    /// Looks through /proc for children that no event told of, and for processes that are gone.
    pub fn scan(&self) {
        let mut queue = Vec::new();
        for process in self.live() {
            if alive(process) { queue.push(process.pid) } else { self.note_exit(process.pid, self.clock.now()) }
        }
        while let Some(parent) = queue.pop() {
            for child in children(parent) {
                if !self.contains(child) {
                    self.note_fork(parent, child, self.clock.now());
                    if Stat::read(child).is_none_or(|stat| stat.is_dead()) {
                        self.note_exit(child, self.clock.now());
                    }
                    queue.push(child);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell(&mut self, event: &TreeEvent) {
        self.subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
    }
}

/// Whether the process is still there and neither a zombie nor another one of the same number.
fn alive(process: ProcessRef) -> bool {
    Stat::read(process.pid).is_some_and(|stat| !stat.is_dead() && stat.is_of(process))
}

/// Whether the process is stopped by job control.
#[must_use]
pub fn is_stopped(pid: u32) -> bool {
    Stat::read(pid).is_some_and(|stat| stat.state == 'T')
}

/// `/proc/PID/stat`, as far as it is used. Times are in clock ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Name, at most 15 bytes.
    pub(crate) name: String,
    pub(crate) state: char,
    pub(crate) parent: u32,
    /// `PF_` of the kernel's `include/linux/sched.h`.
    pub(crate) flags: u64,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
    pub(crate) threads: u32,
    pub(crate) start_ticks: u64,
}

impl Stat {
    /// `None` where there is no such process.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// <https://docs.kernel.org/filesystems/proc.html>, table 1-4.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        // The name may hold anything, brackets and spaces too: the last bracket ends it. What follows counts from field 3.
        let (start, end) = (text.find('(')?, text.rfind(')')?);
        let fields: Vec<&str> = text.get(end + 1..)?.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok());
        Some(Self {
            name: text.get(start + 1..end)?.to_owned(),
            state: fields.first()?.chars().next()?,
            parent: u32::try_from(number(4)?).ok()?,
            flags: number(9)?,
            minor_faults: number(10)?,
            major_faults: number(12)?,
            user_ticks: number(14)?,
            system_ticks: number(15)?,
            threads: u32::try_from(number(20)?).ok()?,
            start_ticks: number(22)?,
        })
    }

    /// It has ended; only its status is left.
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    pub(crate) fn is_of(&self, process: ProcessRef) -> bool {
        process.start_ticks == 0 || process.start_ticks == self.start_ticks
    }
}

/// Clock ticks since boot, as start times of processes count them.
#[must_use]
pub fn ticks_now() -> u64 {
    let hz = ticks_per_second();
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).map_or(0, |time| {
        let part = |value: i64| u64::try_from(value).unwrap_or(0);
        part(time.tv_sec()) * hz + part(time.tv_nsec()) * hz / 1_000_000_000
    })
}

fn ticks_per_second() -> u64 {
    let hz = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten();
    hz.and_then(|hz| u64::try_from(hz).ok()).filter(|&hz| hz > 0).unwrap_or(100)
}

/// When a process was started; now, where that cannot be told.
#[must_use]
pub fn started_at(pid: u32) -> SystemTime {
    let age = Stat::read(pid).map_or(0, |stat| ticks_now().saturating_sub(stat.start_ticks));
    let now = SystemTime::now();
    now.checked_sub(Duration::from_millis(age * 1000 / ticks_per_second())).unwrap_or(now)
}

/// Threads of a process, in order of their numbers; none where it is gone.
#[must_use]
pub fn threads(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut threads: Vec<u32> = tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect();
    threads.sort_unstable();
    threads
}

/// Children of all threads of a process, as the kernel lists them.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for task in tasks.flatten() {
        if let Ok(list) = fs::read_to_string(task.path().join("children")) {
            found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{self, Command, Stdio};

    #[test]
    fn a_scan_finds_children_and_their_end() {
        let tree = ProcessTree::new(process::id(), Clock::new());
        let events = tree.subscribe();
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        tree.scan();
        assert!(tree.contains(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        tree.scan();
        assert!(!tree.contains(child.id()));
        let seen: Vec<_> = events.try_iter().collect();
        let pid = child.id();
        assert!(seen.iter().any(|e| matches!(e, TreeEvent::Started { process, .. } if process.pid == pid)), "{seen:?}");
        assert!(seen.iter().any(|e| matches!(e, TreeEvent::Ended { process, .. } if process.pid == pid)), "{seen:?}");
    }

    #[test]
    fn a_child_that_nobody_waits_for_ends_once() {
        let tree = ProcessTree::new(process::id(), Clock::new());
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        tree.scan();
        child.kill().unwrap();
        let events = tree.subscribe();
        while !Stat::read(child.id()).unwrap().is_dead() {
            std::thread::yield_now();
        }
        for _ in 0..5 {
            tree.scan();
        }
        let pid = child.id();
        let ends = events.try_iter().filter(|e| matches!(e, TreeEvent::Ended { process, .. } if process.pid == pid));
        assert_eq!(ends.count(), 1);
        child.wait().unwrap();
    }

    #[test]
    fn late_news_of_a_process_that_is_gone_does_not_bring_it_back() {
        let tree = ProcessTree::new(process::id(), Clock::new());
        tree.note_fork(process::id(), u32::MAX, Nanos(5));
        tree.note_exit(u32::MAX, Nanos(9));
        tree.note_fork(process::id(), u32::MAX, Nanos(4));
        assert!(!tree.contains(u32::MAX) && tree.seen() == 2);
        tree.note_fork(process::id(), u32::MAX, Nanos(12));
        tree.note_exit(u32::MAX, Nanos(9));
        assert!(tree.contains(u32::MAX));
    }

    #[test]
    fn a_name_may_hold_brackets() {
        let line = b"7 (a) b (c)) S 5 7 7 0 -1 4194560 11 0 12 0 13 14 0 0 20 0 3 0 99 1 1 1\n";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.name.as_str(), stat.state, stat.parent), ("a) b (c)", 'S', 5));
        assert_eq!((stat.minor_faults, stat.major_faults, stat.user_ticks, stat.system_ticks), (11, 12, 13, 14));
        assert_eq!((stat.threads, stat.start_ticks), (3, 99));
        assert!(Stat::parse(b"7 (cut").is_none() && Stat::parse(b"").is_none());
    }

    #[test]
    fn a_number_used_again_is_another_process() {
        let tree = ProcessTree::new(process::id(), Clock::new());
        tree.note_fork(process::id(), u32::MAX, Nanos(5));
        tree.note_exit(u32::MAX, Nanos(6));
        tree.note_fork(process::id(), u32::MAX, Nanos(7));
        assert_eq!(tree.seen(), 3);
        assert!(tree.contains(u32::MAX));
    }
}
