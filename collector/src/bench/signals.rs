//! Signals that end a benchmark, kept from ending us: what was measured is to be kept.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Signals held in this process, and what was blocked before.
#[derive(Debug)]
pub struct Signals {
    file: SignalFd,
    before: SigSet,
}

impl Signals {
    /// # Errors
    /// When the kernel grants no descriptor.
    pub fn hold() -> io::Result<Self> {
        let ending = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGCHLD];
        let held = SigSet::from_iter(ending);
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&held), Some(&mut before))?;
        Ok(Self { file: SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?, before })
    }

    /// The mask that programs are to start with.
    #[must_use]
    pub fn before(&self) -> SigSet {
        self.before
    }

    /// Waits for something to read, for a signal, or for so long. The signal that is to end us, if there was one, and
    /// whether there is something to read.
    ///
    /// # Errors
    /// When the system call fails.
    pub fn wait(&self, readable: Option<BorrowedFd<'_>>, limit: Duration) -> io::Result<(Option<i32>, bool)> {
        let mut polled = vec![PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        polled.extend(readable.map(|file| PollFd::new(file, PollFlags::POLLIN)));
        match poll(&mut polled, PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let some = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
        let (signalled, readable) = (some(&polled[0]), polled.get(1).is_some_and(some));
        let mut ending = None;
        while signalled && let Ok(Some(info)) = self.file.read_signal() {
            let signal = i32::try_from(info.ssi_signo).unwrap_or(0);
            ending = ending.or(Some(signal).filter(|&signal| signal != libc::SIGCHLD));
        }
        Ok((ending, readable))
    }

    /// They act on us again.
    pub fn let_go(&self) {
        while let Ok(Some(_)) = self.file.read_signal() {}
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None).ok();
    }
}
