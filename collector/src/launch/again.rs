//! Starting this very program again, as it was started itself: the same signals, streams, terminal and process group.
//!
//! Owns the wait for it: what the terminal sends it has already, what somebody sent to us alone is passed on, and where it is
//! stopped by job control, so are we.
#![expect(unsafe_code, reason = "gives signals and streams back between fork and exec; wait4 by number")]

use super::inherited::Inherited;
use super::job::stop_with;
use super::signals::{Held, Received, wait_for_signal};
use crate::tree::{self, Stat};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use perfcollect_shared::model::Exit;
use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Signals that end a series, beside the run that they end.
const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGHUP];
/// Longest chain of parents that is followed.
const GENERATIONS: usize = 64;

/// Holds signals for as long as programs are started again and again.
#[derive(Debug)]
pub struct Again {
    held: Held,
    inherited: Inherited,
    interrupted: bool,
}

/// How a child of ours ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildEnd {
    pub exit: Exit,
    /// It took longer than it was allowed, and its own children were killed.
    pub timed_out: bool,
}

impl Again {
    /// Holds signals. To be called before the first thread is started.
    ///
    /// # Errors
    /// When the kernel refuses, which it has no reason to.
    pub fn hold() -> io::Result<Self> {
        Ok(Self { held: Held::hold()?, inherited: Inherited::take(), interrupted: false })
    }

    /// Whether somebody wanted the series to end.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// The signals, still held.
    #[must_use]
    pub fn held(&self) -> Held {
        self.held
    }

    /// Runs this program with other arguments (and what else `command` was given) and waits for its end. After `limit` its
    /// children are killed, so that it ends as if they had.
    ///
    /// # Errors
    /// When it cannot be started, or its status cannot be had.
    pub fn run(&mut self, mut command: Command, limit: Option<Duration>) -> io::Result<ChildEnd> {
        let (held, inherited) = (self.held, self.inherited);
        // SAFETY: both are safe between fork and exec. The library resets signals before this, not after it.
        unsafe {
            command.pre_exec(move || {
                inherited.give_back();
                held.give_back();
                Ok(())
            });
        }
        let child = command.spawn()?;
        self.wait(&child, limit.map(|limit| Instant::now() + limit))
    }

    fn wait(&mut self, child: &Child, deadline: Option<Instant>) -> io::Result<ChildEnd> {
        let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
        let mut timed_out = false;
        loop {
            match waitpid(pid, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)) {
                Ok(WaitStatus::Exited(_, code)) => {
                    return Ok(ChildEnd { exit: Exit { code: Some(code), signal: None }, timed_out });
                }
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    return Ok(ChildEnd { exit: Exit { code: None, signal: Some(signal as i32) }, timed_out });
                }
                Ok(WaitStatus::Stopped(_, signal)) => stop_with(pid, signal),
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                timed_out = true;
                kill_children(child.id());
            }
            // Its end is a signal too (SIGCHLD), which waits for us if it came before.
            let pause = if timed_out { Some(Duration::from_millis(20)) } else { left };
            if let Some(received) = wait_for_signal(pause) {
                self.take(&received, pid);
            }
        }
    }

    fn take(&mut self, received: &Received, child: Pid) {
        let ends = ENDING.iter().any(|&signal| signal as i32 == received.signal);
        let Some(sender) = received.by_process else {
            // From the terminal: the child has it.
            self.interrupted |= ends;
            return;
        };
        // What the program sent to its group it has itself. `fg` continues the whole group.
        if received.signal == libc::SIGCHLD || received.signal == libc::SIGCONT || descends(sender, child) {
            return;
        }
        self.interrupted |= ends;
        // SAFETY: sends a signal to a child that was not waited for.
        unsafe { libc::kill(child.as_raw(), received.signal) };
    }
}

/// This program, to be started again. The file may have been replaced meanwhile; what runs is the same.
#[must_use]
pub fn this_program() -> Command {
    let own = env::current_exe().ok().filter(|path| path.is_file());
    Command::new(own.unwrap_or_else(|| PathBuf::from("/proc/self/exe")))
}

fn descends(mut pid: u32, ancestor: Pid) -> bool {
    let ancestor = ancestor.as_raw().unsigned_abs();
    for _ in 0..GENERATIONS {
        if pid == ancestor {
            return true;
        }
        match Stat::read(pid) {
            Some(stat) if stat.parent > 0 => pid = stat.parent,
            _ => return false,
        }
    }
    false
}

/// Kills the children of a process and all below them.
fn kill_children(pid: u32) {
    let mut queue = tree::children(pid);
    while let Some(child) = queue.pop() {
        queue.extend(tree::children(child));
        if let Ok(child) = i32::try_from(child) {
            // Gone already is as good.
            kill(Pid::from_raw(child), Signal::SIGKILL).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_descends_from_us_and_we_do_not_from_it() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let (ours, its) = (std::process::id(), child.id());
        let pid = |number: u32| Pid::from_raw(i32::try_from(number).unwrap());
        assert!(descends(its, pid(ours)) && descends(its, pid(its)));
        assert!(!descends(ours, pid(its)) && !descends(u32::MAX, pid(ours)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
