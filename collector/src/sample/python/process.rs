//! Samples one Python process until it ends, runs something else, or the recording ends.

use super::detect::{self, Program};
use super::permission::{self, NoAccess};
use super::session::Session;
use super::spy::{Spy, ThreadStack};
use super::task::Tasks;
use super::urgency;
use crate::sample::pace::Pace;
use crate::spool::StackWriter;
use perfcollect_shared::units::Nanos;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// An interpreter that cannot be read this long after its start is given up.
const ATTACH_WITHIN: Duration = Duration::from_secs(10);
/// A stack that changes while it is read is read again at once, this many times in all.
const TRIES: u32 = 3;
/// After so many failed moments in a row the interpreter is looked for anew: the process may run another program.
const FAILURES_BEFORE_ATTACH: u32 = 3;
/// Reading may take one part in so many of a processor, all processes together.
const BUDGET: u32 = 5;

/// How sampling of a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is gone, or the recording is over.
    Gone,
    /// It runs no Python any more.
    NotPython,
    /// It cannot be read, and that has been told.
    Unreadable,
}

/// Samples until the end. `changed` is set when the process is known to run another program.
pub(super) fn sample(session: &Session, pid: u32, changed: &AtomicBool) -> End {
    let mut sampler = Sampler::new(session, pid);
    urgency::run_at_once();
    loop {
        changed.store(false, Ordering::Relaxed);
        let spy = match attach(session, pid) {
            Ok(spy) => spy,
            Err(end) => return end,
        };
        session.tally.processes.fetch_add(u64::from(sampler.attached == 0), Ordering::Relaxed);
        sampler.attached += 1;
        if !sampler.follow(spy, changed) {
            return End::Gone;
        }
    }
}

/// Looks for the interpreter until it is there: often at first, since a process may live for some 50 ms only.
fn attach(session: &Session, pid: u32) -> Result<Spy, End> {
    let start = Instant::now();
    let mut refusals = 0;
    loop {
        match detect::program(pid) {
            Program::Unknown => return Err(End::Gone),
            Program::Other(_) if !detect::maps_libpython(pid) => return Err(End::NotPython),
            Program::Python(_) | Program::Other(_) => {}
        }
        let error = match Spy::attach(pid) {
            Ok(spy) => return Ok(spy),
            Err(error) => error,
        };
        refusals = if permission::refused(pid) { refusals + 1 } else { 0 };
        let age = start.elapsed();
        if refusals >= 3 && age > Duration::from_millis(50) {
            let NoAccess { reason, fix } = permission::explain(pid);
            session.unavailable(pid, reason, fix);
            return Err(End::Unreadable);
        }
        if age > ATTACH_WITHIN {
            let fix = "Python 3.6 to 3.15 can be read; native stacks are recorded all the same".to_owned();
            session.unavailable(pid, format!("its interpreter could not be found: {error}"), fix);
            return Err(End::Unreadable);
        }
        let pause = if age < Duration::from_millis(200) { 2 } else { (age.as_millis() / 20).min(200) };
        if !session.sleep_until(Instant::now() + Duration::from_millis(u64::try_from(pause).unwrap_or(200))) {
            return Err(End::Gone);
        }
    }
}

struct Sampler<'a> {
    session: &'a Session,
    pid: u32,
    tasks: Tasks,
    /// Names that the spool has, by thread.
    named: HashMap<u32, (String, String)>,
    /// Number of times that an interpreter was found.
    attached: u32,
    process: String,
    pace: Pace,
}

impl<'a> Sampler<'a> {
    fn new(session: &'a Session, pid: u32) -> Self {
        let mut tasks = Tasks::new(pid);
        if session.is_older(pid) {
            tasks.forget_the_past();
        }
        Self {
            session,
            pid,
            tasks,
            named: HashMap::new(),
            attached: 0,
            process: String::new(),
            pace: Pace::new(session.period, BUDGET, pid),
        }
    }

    /// Samples as long as the interpreter can be read; false when the process or the recording ended.
    fn follow(&mut self, mut spy: Spy, changed: &AtomicBool) -> bool {
        self.process = detect::comm(self.pid, self.pid);
        let busy = Busy::new(self.session);
        let mut failures = 0;
        let mut first = true;
        loop {
            busy.set(self.tasks.refresh());
            if busy.is() {
                let begun = Instant::now();
                let read = self.read(&mut spy);
                self.pace.took(begun.elapsed());
                match read {
                    Some((time, stacks)) => {
                        failures = 0;
                        self.store(&mut spy, time, &stacks, first);
                        first = false;
                    }
                    None => failures += 1,
                }
            }
            if changed.load(Ordering::Relaxed) || failures >= FAILURES_BEFORE_ATTACH {
                return !self.session.stopped();
            }
            let sharing = self.session.tally.busy.load(Ordering::Relaxed);
            let (deadline, passed) = self.pace.next(sharing);
            self.session.tally.due.fetch_add(passed, Ordering::Relaxed);
            self.session.tally.met.fetch_add(1, Ordering::Relaxed);
            if !self.session.sleep_until(deadline) {
                return false;
            }
        }
    }

    /// The stacks, with the time in the middle of the read.
    fn read(&self, spy: &mut Spy) -> Option<(Nanos, Vec<ThreadStack>)> {
        let tally = &self.session.tally;
        tally.attempts.fetch_add(1, Ordering::Relaxed);
        for _ in 0..TRIES {
            let before = self.session.clock.now();
            if let Ok(stacks) = spy.read() {
                let after = self.session.clock.now();
                return Some((Nanos(before.0.midpoint(after.0)), stacks));
            }
        }
        // A process that has just ended is no failure.
        if detect::program(self.pid) == Program::Unknown {
            tally.attempts.fetch_sub(1, Ordering::Relaxed);
        } else {
            tally.errors.fetch_add(1, Ordering::Relaxed);
        }
        None
    }

    fn store(&mut self, spy: &mut Spy, time: Nanos, stacks: &[ThreadStack], first: bool) {
        for stack in stacks {
            let Some(tid) = self.tid(stack) else { continue };
            let mut weight = self.tasks.take(tid);
            if weight == Nanos::ZERO {
                continue;
            }
            if !self.named.contains_key(&tid) {
                // A pthread's address, by which py-spy keeps names, may have been another thread's.
                spy.forget_names();
            }
            let named = self.name(tid, stack.name.as_deref());
            let period = Nanos(u64::try_from(self.session.period.as_nanos()).unwrap_or(u64::MAX));
            self.session.write(|writer| {
                let thread = thread_row(writer, self.pid, tid, &named, &mut self.named);
                if first && weight > period + period {
                    // What ran before the first look is not known; it is not this stack's.
                    writer.sample(time, None, thread, weight - period);
                    weight = period;
                }
                let frames = stack.frames.iter().cloned();
                let stack = frames.fold(None, |prefix, frame| {
                    let frame = writer.frame(frame);
                    Some(writer.stack(prefix, frame))
                });
                writer.sample(time, stack, thread, weight);
            });
        }
    }

    /// The system's number of a Python thread.
    fn tid(&mut self, stack: &ThreadStack) -> Option<u32> {
        if let Some(tid) = stack.tid
            && self.tasks.has(tid)
        {
            return Some(tid);
        }
        if let Some(tid) = tid_of_pthread(self.pid, stack.pthread, &mut self.tasks) {
            return Some(tid);
        }
        self.tasks.only()
    }

    /// Name of a thread and of its process.
    fn name(&self, tid: u32, python: Option<&str>) -> (String, String) {
        let known = self.named.get(&tid).map(|(name, _)| name.clone());
        let name = python.map(ToOwned::to_owned).or(known).unwrap_or_else(|| detect::comm(self.pid, tid));
        (name, self.process.clone())
    }
}

fn thread_row(
    writer: &mut StackWriter,
    pid: u32,
    tid: u32,
    name: &(String, String),
    named: &mut HashMap<u32, (String, String)>,
) -> u32 {
    if let Some(known) = named.get(&tid)
        && known != name
    {
        writer.rename_thread(pid, tid, &name.0, &name.1);
    }
    named.insert(tid, name.clone());
    writer.thread(pid, tid, || name.clone())
}

/// Up to Python 3.10 the interpreter does not know the system's number of a thread, but the C library does: it is in
/// `struct pthread`, behind the thread control block and two list pointers. A number that is not that of a thread of
/// the process is not believed.
fn tid_of_pthread(pid: u32, pthread: u64, tasks: &mut Tasks) -> Option<u32> {
    // glibc on x86-64 and on aarch64 (nptl/descr.h: header, list, tid), musl (src/internal/pthread_impl.h).
    const OFFSETS: [u64; 4] = [0x2d0, 0xd0, 0x30, 0x38];
    OFFSETS.iter().find_map(|offset| {
        let mut bytes = [0; 4];
        permission::read_memory(pid, pthread.checked_add(*offset)?, &mut bytes).ok()?;
        let tid = u32::from_ne_bytes(bytes);
        (tid > 0 && tasks.has(tid)).then_some(tid)
    })
}

/// Counts a process among those that run at the moment, as long as it does.
struct Busy<'a> {
    session: &'a Session,
    set: std::cell::Cell<bool>,
}

impl<'a> Busy<'a> {
    fn new(session: &'a Session) -> Self {
        Self { session, set: std::cell::Cell::new(false) }
    }

    fn is(&self) -> bool {
        self.set.get()
    }

    fn set(&self, busy: bool) {
        match (self.set.replace(busy), busy) {
            (false, true) => self.session.tally.busy.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.session.tally.busy.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.set(false);
    }
}
