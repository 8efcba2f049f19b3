//! A program that runs already: whether it may be looked at, and the wait for its end or for ours.
//!
//! Nothing here touches it: no signal, no ptrace.
#![expect(unsafe_code, reason = "pidfd_open has no wrapper in nix")]

use crate::tree::Stat;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};
use perfcollect_shared::units::Nanos;
use std::fs;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Between two looks at a process on kernels without pidfds (before 5.3).
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// A running process.
#[derive(Debug)]
pub struct Target {
    pub pid: u32,
    start_ticks: u64,
    /// Tells its end, even when the number is used again.
    handle: Option<OwnedFd>,
}

/// Why a process cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("there is no process {0}")]
    None(u32),
    #[error("process {0} has ended; only its exit status is left")]
    Ended(u32),
    #[error("{0} is perfcollect itself; `perfcollect run --self-profile FILE` profiles it")]
    Ourselves(u32),
    #[error(
        "{pid} is a thread of the kernel ({name}), which no process can be attached to; `perf record -a` sees those"
    )]
    Kernel { pid: u32, name: String },
    #[error("{thread} is a thread of process {process}; run: perfcollect attach {process}")]
    Thread { thread: u32, process: u32 },
    #[error(
        "process {0} may not be looked at, even by root: CAP_SYS_PTRACE is missing; \
         start the container with: --cap-add SYS_PTRACE"
    )]
    Protected(u32),
    #[error("process {pid} belongs to {owner}, and may not be looked at by {us}; run: sudo perfcollect attach {pid}")]
    NotAllowed { pid: u32, owner: String, us: String },
}

impl Target {
    /// Looks at a process.
    ///
    /// # Errors
    /// Where it cannot be recorded.
    pub fn open(pid: u32) -> Result<Self, TargetError> {
        if pid == std::process::id() {
            return Err(TargetError::Ourselves(pid));
        }
        let handle = pidfd(pid);
        let stat = Stat::read(pid).ok_or(TargetError::None(pid))?;
        let process = group_of(pid).unwrap_or(pid);
        if process == std::process::id() {
            return Err(TargetError::Ourselves(pid));
        }
        if process != pid {
            return Err(TargetError::Thread { thread: pid, process });
        }
        if stat.flags & KERNEL_THREAD != 0 {
            return Err(TargetError::Kernel { pid, name: stat.name });
        }
        if stat.is_dead() {
            return Err(TargetError::Ended(pid));
        }
        // The check that the kernel makes for events as well: PTRACE_MODE_READ.
        match fs::read(format!("/proc/{pid}/maps")) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let owner = fs::metadata(format!("/proc/{pid}")).map_or(0, |data| data.uid());
                let us = nix::unistd::geteuid();
                if us.is_root() {
                    return Err(TargetError::Protected(pid));
                }
                let us = user(us.as_raw());
                return Err(TargetError::NotAllowed { pid, owner: user(owner), us });
            }
            _ => {}
        }
        Ok(Self { pid, start_ticks: stat.start_ticks, handle })
    }

    /// Whether it is still the same process and has not ended.
    #[must_use]
    pub fn lives(&self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| !stat.is_dead() && stat.start_ticks == self.start_ticks)
    }

    /// How long it has run.
    #[must_use]
    pub fn age(&self) -> Option<Nanos> {
        let ticks_a_second = u64::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok().filter(|&ticks| ticks > 0)?;
        let now = clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?;
        let now = u64::try_from(now.tv_sec()).ok()? * 1_000_000_000 + u64::try_from(now.tv_nsec()).ok()?;
        Some(Nanos(now.saturating_sub(self.start_ticks * (1_000_000_000 / ticks_a_second))))
    }

    /// Its arguments; its name where it has removed them.
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        let command = crate::resource::command_of(self.pid);
        if command.iter().any(|word| !word.is_empty()) {
            return command;
        }
        vec![Stat::read(self.pid).map_or_else(|| self.pid.to_string(), |stat| stat.name)]
    }

    /// Its working folder, as far as we may know it.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/cwd", self.pid)).ok()
    }
}

/// Signals that end a recording, kept from ending us.
#[derive(Debug)]
pub struct EndSignals {
    signals: SigSet,
    file: SignalFd,
}

impl EndSignals {
    /// Holds them in this thread and those that it will start.
    ///
    /// # Errors
    /// When the kernel grants no descriptor.
    pub fn hold() -> io::Result<Self> {
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT]);
        signals.thread_block()?;
        Ok(Self { signals, file: SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)? })
    }

    /// Waits for one of them, for the end of the target, or for so long.
    pub fn wait(&self, target: &Target, limit: Option<Duration>) {
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            let pause =
                if target.handle.is_some() { left } else { Some(left.map_or(LOOK_EVERY, |l| l.min(LOOK_EVERY))) };
            // Up to the next millisecond, so that it is not too early.
            let timeout = pause.map(|pause| pause + Duration::from_micros(999));
            let timeout = timeout.map_or(PollTimeout::NONE, |t| PollTimeout::try_from(t).unwrap_or(PollTimeout::MAX));
            let mut polled = vec![PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
            polled.extend(target.handle.iter().map(|handle| PollFd::new(handle.as_fd(), PollFlags::POLLIN)));
            match poll(&mut polled, timeout) {
                Ok(1..) => return,
                Ok(_) if target.handle.is_none() && !target.lives() => return,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// They act on us again; those that came meanwhile are dropped.
    pub fn let_go(self) {
        while let Ok(Some(_)) = self.file.read_signal() {}
        self.signals.thread_unblock().ok();
    }
}

fn pidfd(pid: u32) -> Option<OwnedFd> {
    // SAFETY: takes two numbers; what it returns is a descriptor of ours alone.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd).ok().filter(|&fd| fd >= 0)?;
    // SAFETY: as above.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The process that a thread belongs to.
fn group_of(thread: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

fn user(number: u32) -> String {
    let known = nix::unistd::User::from_uid(number.into()).ok().flatten();
    known.map_or_else(|| format!("user {number}"), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_recorded_is_said() {
        assert_eq!(Target::open(std::process::id()).unwrap_err(), TargetError::Ourselves(std::process::id()));
        assert_eq!(Target::open(u32::MAX).unwrap_err(), TargetError::None(u32::MAX));
        assert!(
            matches!(Target::open(2), Err(TargetError::Kernel { .. } | TargetError::None(_))),
            "a container hides it"
        );
    }
}
