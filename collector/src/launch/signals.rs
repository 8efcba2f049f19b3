//! Signals that reach us while the program runs, and which of them are meant for it.
//!
//! The terminal sends its signals to the whole process group: the program has them already, and we only hold out. What
//! somebody sent to us alone with `kill` is passed on.
#![expect(unsafe_code, reason = "sigwaitinfo, whose siginfo tells who sent a signal")]

use super::clock::Clock;
use crate::terminal::Terminal;
use crate::tree::ProcessTree;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::unistd::Pid;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Signals that report our own faults, or that our own profiler uses: never held.
const OURS: [Signal; 8] = [
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGABRT,
    Signal::SIGTRAP,
    Signal::SIGSYS,
    Signal::SIGPROF,
];

/// Right after the program's end a second Ctrl-C or TERM was still meant for the program.
const GRACE: Duration = Duration::from_secs(1);

/// All signals blocked in this process, and the mask of before.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    before: SigSet,
}

impl Held {
    /// Blocks signals in this thread and those that it will start.
    ///
    /// # Errors
    /// When the kernel refuses, which it has no reason to.
    pub fn hold() -> io::Result<Self> {
        let mut all = SigSet::all();
        for signal in OURS {
            all.remove(signal);
        }
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&all), Some(&mut before))?;
        Ok(Self { before })
    }

    /// Back to the mask of before. Safe between fork and exec.
    pub(super) fn give_back(&self) {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None).ok();
    }

    /// Signals act on this thread again as they did before; those that wait are dropped first.
    pub fn let_go(&self) {
        while wait_for_signal(Some(Duration::ZERO)).is_some() {}
        self.give_back();
    }
}

const RUNNING: u8 = 0;
const WRITING: u8 = 1;
const DONE: u8 = 2;

#[derive(Debug)]
struct Phase {
    now: AtomicU8,
    ended: Mutex<Option<Instant>>,
}

/// The thread that takes signals.
#[derive(Debug)]
pub struct Forwarder {
    phase: Arc<Phase>,
    thread: thread::JoinHandle<()>,
}

impl Forwarder {
    /// Passes signals on to the program. `interrupted` is said when a signal ends us while the bundle is written.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(tree: Arc<ProcessTree>, terminal: Terminal, interrupted: String) -> io::Result<Self> {
        let phase = Phase { now: AtomicU8::new(RUNNING), ended: Mutex::new(None) };
        Self::take(phase, tree, terminal, interrupted)
    }

    /// The same where no program runs any more, and only the bundle is still to be written.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn after_the_end(terminal: Terminal, interrupted: String) -> io::Result<Self> {
        let phase = Phase { now: AtomicU8::new(WRITING), ended: Mutex::new(Some(Instant::now())) };
        Self::take(phase, ProcessTree::new(std::process::id(), Clock::new()), terminal, interrupted)
    }

    fn take(phase: Phase, tree: Arc<ProcessTree>, terminal: Terminal, interrupted: String) -> io::Result<Self> {
        let phase = Arc::new(phase);
        let shared = Arc::clone(&phase);
        let thread = thread::Builder::new().name("signals".to_owned()).spawn(move || {
            while shared.now.load(Ordering::Acquire) != DONE {
                if let Some(received) = wait_for_signal(None) {
                    handle(&received, &shared, &tree, terminal, &interrupted);
                }
            }
        })?;
        Ok(Self { phase, thread })
    }

    /// The program has ended: its number is no longer signalled.
    pub fn program_ended(&self) {
        *self.phase.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.phase.now.store(WRITING, Ordering::Release);
    }

    /// Ends the thread.
    pub fn stop(self) {
        self.phase.now.store(DONE, Ordering::Release);
        // Wakes the thread; anything that it holds and that does nothing will do.
        kill(Pid::this(), Signal::SIGURG).ok();
        self.thread.join().ok();
    }
}

pub(super) struct Received {
    pub(super) signal: i32,
    /// Sent by a process (`kill`, `sigqueue`), not by the terminal or the kernel.
    pub(super) by_process: Option<u32>,
}

fn handle(received: &Received, phase: &Phase, tree: &ProcessTree, terminal: Terminal, interrupted: &str) {
    let Some(sender) = received.by_process else {
        if phase.now.load(Ordering::Acquire) == WRITING {
            give_up(received.signal, phase, terminal, interrupted);
        }
        return;
    };
    match phase.now.load(Ordering::Acquire) {
        // A signal from within the program that reached us was sent to the group: the program has it. The waiting thread
        // looks after SIGCONT, which a shell's `fg` sends to the group too.
        RUNNING if received.signal != libc::SIGCONT && !tree.contains(sender) => {
            let child = i32::try_from(tree.root()).unwrap_or(0);
            // SAFETY: sends a signal to our child, which is not waited for before `program_ended`.
            unsafe { libc::kill(child, received.signal) };
        }
        WRITING => give_up(received.signal, phase, terminal, interrupted),
        _ => {}
    }
}

/// Ends us by the signal, unless it came so early that it was meant for the program.
fn give_up(signal: i32, phase: &Phase, terminal: Terminal, interrupted: &str) {
    let deadly = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGHUP];
    let Some(signal) = deadly.into_iter().find(|&known| known as i32 == signal) else { return };
    let ended = *phase.ended.lock().unwrap_or_else(PoisonError::into_inner);
    if ended.is_some_and(|ended| ended.elapsed() > GRACE) {
        terminal.error(interrupted);
        // Where it was ignored when we were started, it stays so and we go on.
        let mut only = SigSet::empty();
        only.add(signal);
        only.thread_unblock().ok();
        nix::sys::signal::raise(signal).ok();
        only.thread_block().ok();
    }
}

/// Takes one held signal; without a limit it waits for it.
pub(super) fn wait_for_signal(limit: Option<Duration>) -> Option<Received> {
    let mut all = SigSet::all();
    for signal in OURS {
        all.remove(signal);
    }
    // SAFETY: all zero is a valid `siginfo_t`; the kernel fills it.
    let (signal, info) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let signal = match limit {
            None => libc::sigwaitinfo(all.as_ref(), &raw mut info),
            Some(limit) => {
                let limit = libc::timespec {
                    tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
                    tv_nsec: i64::from(limit.subsec_nanos()),
                };
                libc::sigtimedwait(all.as_ref(), &raw mut info, &raw const limit)
            }
        };
        (signal, info)
    };
    if signal <= 0 {
        return None;
    }
    let by_process = matches!(info.si_code, libc::SI_USER | libc::SI_QUEUE | libc::SI_TKILL).then(|| {
        // SAFETY: with these codes the kernel fills in the sender.
        unsafe { info.si_pid() }.unsigned_abs()
    });
    Some(Received { signal, by_process })
}
