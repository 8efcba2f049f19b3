//! What we were started with and what Rust's runtime changes before `main`: the program gets it back.
#![expect(unsafe_code, reason = "reads signal dispositions and descriptors before main, in a static constructor")]

use std::sync::atomic::{AtomicBool, Ordering};

/// Runs before Rust's runtime, which ignores SIGPIPE and opens /dev/null in place of closed standard streams.
#[used]
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn() = remember;

static SIGPIPE_IGNORED: AtomicBool = AtomicBool::new(false);
static CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

extern "C" fn remember() {
    SIGPIPE_IGNORED.store(is_ignored(libc::SIGPIPE), Ordering::Relaxed);
    for (fd, closed) in (0..).zip(&CLOSED) {
        // SAFETY: asks for the flags of a descriptor, which may well be closed.
        closed.store(unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1, Ordering::Relaxed);
    }
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: all zero is a valid `sigaction`; the call only writes to it.
    let (result, action) = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(signal, std::ptr::null(), &raw mut action), action)
    };
    result == 0 && action.sa_sigaction == libc::SIG_IGN
}

/// What the program must find as if we were not there.
#[derive(Clone, Copy, Debug)]
pub struct Inherited {
    pub(super) sigpipe_ignored: bool,
    pub(super) sigchld_ignored: bool,
    /// Standard streams that were closed.
    pub(super) closed: [bool; 3],
}

impl Inherited {
    /// Reads what the constructor saw, and takes back SIGCHLD: where it is ignored, no exit status can be had.
    #[must_use]
    pub fn take() -> Self {
        // Keeps the constructor in the binary whatever the linker thinks of it.
        std::hint::black_box(&REMEMBER);
        let sigchld_ignored = is_ignored(libc::SIGCHLD);
        if sigchld_ignored {
            set_disposition(libc::SIGCHLD, libc::SIG_DFL);
        }
        Self {
            sigpipe_ignored: SIGPIPE_IGNORED.load(Ordering::Relaxed),
            sigchld_ignored,
            closed: [0, 1, 2].map(|fd: usize| CLOSED[fd].load(Ordering::Relaxed)),
        }
    }

    /// Whether a program is to start with SIGPIPE ignored.
    #[must_use]
    pub fn ignores_sigpipe(self) -> bool {
        self.sigpipe_ignored
    }

    /// Gives the program what it would have had. Safe between fork and exec.
    pub(super) fn give_back(self) {
        set_disposition(libc::SIGPIPE, if self.sigpipe_ignored { libc::SIG_IGN } else { libc::SIG_DFL });
        if self.sigchld_ignored {
            set_disposition(libc::SIGCHLD, libc::SIG_IGN);
        }
        for (fd, closed) in (0..).zip(self.closed) {
            if closed {
                // SAFETY: one of /dev/null that nothing but the runtime put there.
                unsafe { libc::close(fd) };
            }
        }
    }
}

fn set_disposition(signal: i32, disposition: libc::sighandler_t) {
    // SAFETY: sets the default or ignore, never a handler.
    unsafe { libc::signal(signal, disposition) };
}
