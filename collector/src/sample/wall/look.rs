//! One look after the other at all threads of the tree.

use super::account::{Account, Sched, Seen, Spent};
use super::blocked::{self, Blocked, State};
use super::reason::Reasons;
use super::{WallOutcome, WallSettings};
use crate::launch::Clock;
use crate::sample::perf::parked::Parked;
use crate::sample::python::{NoAccess, explain_no_access, read_memory};
use crate::spool::{RawFrame, StackWriter, StreamCounts};
use crate::tree::{ProcessTree, TreeEvent};
use perfcollect_shared::model::{WAITING_MODULE, WaitReason, Warning};
use perfcollect_shared::units::Nanos;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::mpsc::Receiver;

/// Files of threads that are held open; more are opened at each look.
const OPEN_FILES_MAX: usize = 200;
/// Looks between two lists of a process's threads where their number did not change.
const LIST_EVERY: u32 = 16;
/// Share of the asked rate below which readers are warned.
const RATE_WORTH_A_WARNING: f64 = 0.8;
/// Fewer looks than this say nothing about rates.
const ENOUGH_LOOKS: u64 = 20;

/// All threads of the tree.
pub(super) struct Looker {
    clock: Clock,
    events: Receiver<TreeEvent>,
    processes: BTreeMap<u32, Process>,
    eye: Eye,
    writer: StackWriter,
    open_files: usize,
    pub(super) counts: StreamCounts,
}

/// What it takes to see where a thread is.
struct Eye {
    parked: Parked,
    reasons: Reasons,
    memory: Vec<u8>,
    /// Where no kernel keeps schedstat: looks so far.
    looks: u64,
    told_refused: bool,
}

#[derive(Default)]
struct Process {
    name: String,
    threads: BTreeMap<u32, Thread>,
    /// Of the folder of threads: two more than there are threads.
    links: u64,
    listed: Nanos,
    until_list: u32,
}

struct Thread {
    account: Account,
    sched: Option<File>,
    /// In the spool.
    row: u32,
}

impl Looker {
    pub(super) fn new(settings: &WallSettings, writer: StackWriter, tree: &ProcessTree) -> Self {
        let eye = Eye {
            parked: Parked::new(),
            reasons: Reasons::default(),
            memory: Vec::new(),
            looks: 0,
            told_refused: false,
        };
        Self {
            clock: settings.clock.clone(),
            events: tree.subscribe(),
            processes: BTreeMap::new(),
            eye,
            writer,
            open_files: 0,
            counts: StreamCounts::default(),
        }
    }

    /// Looks at every thread.
    pub(super) fn look(&mut self) {
        self.eye.looks += 1;
        while let Ok(event) = self.events.try_recv() {
            self.take(&event);
        }
        let pids: Vec<u32> = self.processes.keys().copied().collect();
        for pid in pids {
            self.list(pid);
            self.look_at(pid);
        }
    }

    fn take(&mut self, event: &TreeEvent) {
        match *event {
            TreeEvent::Started { process, at, .. } => {
                self.end(process.pid, at);
                let name = comm(process.pid, process.pid);
                self.processes.insert(process.pid, Process { name, listed: at, ..Process::default() });
            }
            TreeEvent::Exec { process, .. } => {
                let pid = process.pid;
                self.forget(pid);
                if let Some(known) = self.processes.get_mut(&pid) {
                    known.name = comm(pid, pid);
                    known.until_list = 0;
                    self.writer.rename_thread(pid, pid, &known.name, &known.name);
                }
            }
            TreeEvent::Ended { process, at } => self.end(process.pid, at),
        }
    }

    fn forget(&mut self, pid: u32) {
        self.eye.parked.forget(&mut self.writer, pid);
        self.eye.reasons.forget(pid);
    }

    /// The process ended.
    fn end(&mut self, pid: u32, at: Nanos) {
        let Some(mut process) = self.processes.remove(&pid) else { return };
        for (tid, thread) in &mut process.threads {
            let sched = sched_of(pid, *tid, thread.sched.as_ref(), self.eye.looks);
            end_thread(thread, at, sched, &mut self.writer);
            self.open_files -= usize::from(thread.sched.is_some());
        }
        self.forget(pid);
    }

    /// Brings the list of a process's threads up to date.
    fn list(&mut self, pid: u32) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let folder = format!("/proc/{pid}/task");
        let links = fs::metadata(&folder).map_or(0, |data| data.nlink());
        if links == process.links && process.until_list > 0 {
            process.until_list -= 1;
            return;
        }
        let now = self.clock.now();
        // The main thread is as old as its process; another was born some time since the last list.
        let born = Nanos(process.listed.0.midpoint(now.0));
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Some(tid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            if process.threads.contains_key(&tid) {
                continue;
            }
            let born = if tid == pid { process.listed } else { born };
            let held = self.open_files < OPEN_FILES_MAX;
            let sched = held.then(|| File::open(format!("{folder}/{tid}/schedstat")).ok()).flatten();
            self.open_files += usize::from(sched.is_some());
            let row = self.writer.thread(pid, tid, || (comm(pid, tid), process.name.clone()));
            process.threads.insert(tid, Thread { account: Account::new(born), sched, row });
        }
        (process.links, process.listed, process.until_list) = (links, now, LIST_EVERY);
    }

    fn look_at(&mut self, pid: u32) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let Self { clock, eye, writer, counts, .. } = self;
        let mut gone = Vec::new();
        for (&tid, thread) in &mut process.threads {
            let Some(sched) = sched_of(pid, tid, thread.sched.as_ref(), eye.looks) else {
                gone.push(tid);
                continue;
            };
            let now = clock.now();
            let seen = if thread.account.still_waits(sched) {
                None
            } else {
                counts.attempts += 1;
                let seen = eye.see(pid, tid, writer, counts);
                // One that ran on while it was looked at may have given a stack that never was.
                let same = sched_of(pid, tid, thread.sched.as_ref(), eye.looks) == Some(sched);
                Some(seen.filter(|_| same).unwrap_or(Seen::Running))
            };
            let row = thread.row;
            let ready = leaf(writer, WaitReason::Ready);
            thread.account.look(now, sched, seen, &mut |spent| write(writer, row, ready, spent));
        }
        for tid in gone {
            if let Some(mut thread) = process.threads.remove(&tid) {
                // Some time since the last look.
                let at = Nanos(thread.account.looked().0.midpoint(clock.now().0));
                end_thread(&mut thread, at, None, writer);
                self.open_files -= usize::from(thread.sched.is_some());
                process.until_list = 0;
            }
        }
    }

    pub(super) fn flush(&mut self) {
        self.writer.counts(&self.counts);
        self.writer.flush();
    }

    /// The last look; `rate_hz` was asked for.
    #[expect(clippy::cast_precision_loss, reason = "counts of looks")]
    pub(super) fn finish(mut self, rate_hz: f64) -> WallOutcome {
        self.look();
        let now = self.clock.now();
        for pid in self.processes.keys().copied().collect::<Vec<_>>() {
            self.end(pid, now);
        }
        let reached_hz = rate_hz * self.counts.met as f64 / self.counts.due.max(1) as f64;
        if self.counts.due >= ENOUGH_LOOKS && reached_hz < RATE_WORTH_A_WARNING * rate_hz {
            let profile = "wall".to_owned();
            self.writer.warning(Warning::SlowSampler { profile, asked_hz: rate_hz, reached_hz });
        }
        self.writer.counts(&self.counts);
        let images = self.eye.parked.finish(&mut self.writer);
        WallOutcome { images, write_error: self.writer.finish() }
    }
}

impl Eye {
    /// What a thread does right now; `None` if it is gone.
    fn see(&mut self, pid: u32, tid: u32, writer: &mut StackWriter, counts: &mut StreamCounts) -> Option<Seen> {
        match blocked::state(pid, tid) {
            State::Gone => None,
            State::Running => Some(Seen::Running),
            State::Blocked(blocked) => Some(Seen::Waiting(self.stack(pid, tid, &blocked, writer, counts))),
            State::Refused => {
                if !std::mem::replace(&mut self.told_refused, true) {
                    let NoAccess { reason, fix } = explain_no_access(pid);
                    writer.warning(Warning::WaitingUnavailable { pid, reason, fix });
                }
                Some(match blocked::letter(pid, tid)? {
                    'R' | 'Z' | 'X' => Seen::Running,
                    'D' => Seen::Waiting(leaf(writer, WaitReason::Disk)),
                    _ => Seen::Waiting(leaf(writer, WaitReason::Other)),
                })
            }
        }
    }

    /// The row of a blocked thread's stack, with the reason at its leaf.
    fn stack(
        &mut self,
        pid: u32,
        tid: u32,
        blocked: &Blocked,
        writer: &mut StackWriter,
        counts: &mut StreamCounts,
    ) -> u32 {
        let reason = self.reasons.of(pid, blocked, || blocked::letter(pid, tid) == Some('D'));
        let mut path = vec![leaf_frame(writer, reason)];
        if blocked::stack_memory(pid, blocked.sp, &mut self.memory).is_ok() {
            let read = |address: u64| {
                let mut code = [0; 8];
                read_memory(pid, address, &mut code).ok().map(|()| code)
            };
            let stack = self.parked.walk(writer, pid, (blocked.pc, blocked.sp), &self.memory, &read);
            counts.truncated_stacks += u64::from(!stack.complete);
            path.extend(stack.frames);
        } else {
            counts.errors += 1;
        }
        writer.path(&path).unwrap_or(0)
    }
}

fn end_thread(thread: &mut Thread, at: Nanos, sched: Option<Sched>, writer: &mut StackWriter) {
    let (unknown, ready, row) = (leaf(writer, WaitReason::Other), leaf(writer, WaitReason::Ready), thread.row);
    thread.account.end(at, sched, unknown, &mut |spent| write(writer, row, ready, spent));
}

fn write(writer: &mut StackWriter, thread: u32, ready: u32, spent: Spent) {
    match spent {
        Spent::Waiting { until, stack, time } => writer.sample(until, Some(stack), thread, time),
        Spent::Ready { until, time } => writer.sample(until, Some(ready), thread, time),
        // Counts only where no other sampler saw the thread run.
        Spent::Ran { until, time } => writer.sample(until, None, thread, time),
    }
}

/// Row of the stack of a reason alone.
fn leaf(writer: &mut StackWriter, reason: WaitReason) -> u32 {
    let frame = leaf_frame(writer, reason);
    writer.path(&[frame]).unwrap_or(0)
}

fn leaf_frame(writer: &mut StackWriter, reason: WaitReason) -> u32 {
    writer.frame(RawFrame::Named {
        module: WAITING_MODULE.to_owned(),
        name: reason.function().to_owned(),
        file: String::new(),
        start_line: 0,
        line: 0,
    })
}

/// The scheduler's sums of a thread, from its open file where there is one; `None` where it is gone. A kernel without
/// schedstat tells clock ticks, and never that a thread has not run.
fn sched_of(pid: u32, tid: u32, file: Option<&File>, looks: u64) -> Option<Sched> {
    if let Some(file) = file {
        let mut buffer = [0; 96];
        let length = file.read_at(&mut buffer, 0).ok()?;
        return Sched::parse(std::str::from_utf8(&buffer[..length]).ok()?);
    }
    if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/task/{tid}/schedstat")) {
        return Sched::parse(&text);
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Sched { ran: ticks * 10_000_000, ready: 0, turns: looks })
}

fn comm(pid: u32, tid: u32) -> String {
    let read = fs::read(format!("/proc/{pid}/task/{tid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(&read).trim_end_matches('\n').to_owned()
}
