//! Waiting for the program, and stopping and going on with it (Ctrl-Z, `fg`, `bg`).
#![expect(unsafe_code, reason = "waitid, since nix's refuses real-time signals; sigaction")]

use super::child::{Reaped, Running};
use crate::tree;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, raise};
use nix::unistd::{Pid, getpgrp, tcgetpgrp};
use std::fs::File;
use std::io;

/// A program that has ended, but whose status nobody has taken yet: its last figures can still be read in /proc.
#[derive(Debug)]
pub struct End {
    running: Running,
}

/// Waits for the end of the program. Where it is stopped by job control, so are we, and with us it goes on.
///
/// # Errors
/// When someone else takes the status.
pub fn wait_for_end(running: Running) -> io::Result<End> {
    loop {
        let (what, status) = wait(&running, libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT)?;
        if what != libc::CLD_STOPPED {
            return Ok(End { running });
        }
        // Takes the news that was only looked at.
        wait(&running, libc::WSTOPPED | libc::WNOHANG)?;
        if let Ok(signal) = Signal::try_from(status) {
            stop_with(running.raw(), signal);
        }
    }
}

/// `waitid`: what happened (`CLD_*`), and the exit status or signal.
fn wait(running: &Running, options: i32) -> io::Result<(i32, i32)> {
    loop {
        // SAFETY: all zero is a valid `siginfo_t`; the kernel fills it, and with these options `si_status` is valid.
        let (result, what, status) = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let result = libc::waitid(libc::P_PID, running.pid(), &raw mut info, options);
            (result, info.si_code, info.si_status())
        };
        if result == 0 {
            return Ok((what, status));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

impl End {
    /// Takes the status.
    ///
    /// # Errors
    /// When someone else took it.
    pub fn reap(self) -> io::Result<Reaped> {
        self.running.reap()
    }
}

/// Stops us as the program was stopped; returns when we go on, and the program does too.
pub(super) fn stop_with(child: Pid, signal: Signal) {
    if !is_job_control(signal) {
        return;
    }
    stop_self(signal);
    // `fg` and `bg` continue the whole group; a `kill -CONT` only us.
    if tree::is_stopped(child.as_raw().unsigned_abs()) {
        kill(child, Signal::SIGCONT).ok();
    }
}

/// Whether a shell waits for the job to stop. Otherwise whoever stopped the program goes on with it alone, and would
/// leave us stopped for ever.
fn is_job_control(signal: Signal) -> bool {
    let Ok(terminal) = File::open("/dev/tty") else { return false };
    match signal {
        Signal::SIGSTOP => tcgetpgrp(&terminal).is_ok_and(|foreground| foreground == getpgrp()),
        _ => true,
    }
}

fn stop_self(signal: Signal) {
    if signal == Signal::SIGSTOP {
        raise(signal).ok();
        return;
    }
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: installs no handler, only the default action.
    let before = unsafe { nix::sys::signal::sigaction(signal, &default) };
    let mut only = SigSet::empty();
    only.add(signal);
    raise(signal).ok();
    // The raised signal waits for this thread; it stops the process here.
    only.thread_unblock().ok();
    only.thread_block().ok();
    if let Ok(before) = before {
        // SAFETY: the disposition that was there before, default or ignore.
        unsafe { nix::sys::signal::sigaction(signal, &before) }.ok();
    }
}
