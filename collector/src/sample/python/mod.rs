//! Stacks of every Python process of the tree, read from outside by the py-spy library.
//!
//! One thread follows the process tree and finds interpreters; each gets a thread of ours that reads its stacks.
//! Processes are never stopped: py-spy's lock is ptrace, whose stops our wait for the child would take. A read may
//! therefore meet a stack in change; failed reads are counted, and their time goes to the next sample of the thread.
//! Must not write into the program or to the terminal.

mod detect;
mod permission;
mod process;
mod quiet;
mod session;
mod spy;
mod task;
mod urgency;
mod watch;

use crate::launch::Clock;
use crate::spool;
use crate::tree::ProcessTree;
use session::Session;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) use permission::read_memory;
pub use permission::{NoAccess, explain as explain_no_access};
pub(super) use urgency::run_at_once;

/// Stacks a second and process where nothing else is asked for.
pub const DEFAULT_RATE_HZ: f64 = 100.0;

/// Minor versions of Python 3 that the sampler can read.
pub const KNOWN_MINORS: std::ops::RangeInclusive<u32> = 3..=15;

/// Module in the spool of Python frames that began an interpreter loop of their own: one native frame each. What these
/// call from Python runs in the same loop (3.11 and later; up to 3.10 every frame is such a one).
pub const ENTRY_MODULE: &str = "[python:entry]";

/// Longest wait for our threads at the end. One may be reading an interpreter's symbols; it is left behind then.
const FINISH_WITHIN: Duration = Duration::from_millis(15);

#[derive(Clone, Debug)]
pub struct PythonSettings {
    /// Stacks a second of each process.
    pub rate_hz: f64,
    pub clock: Clock,
    /// Where the program ran before: clock ticks since boot. What threads of older processes used until then does not
    /// count.
    pub attached: Option<u64>,
}

/// Samples all Python processes of a tree until it is finished.
#[derive(Debug)]
pub struct PythonSampler {
    session: Arc<Session>,
    start_error: Option<io::Error>,
}

/// How sampling ended. Counts and warnings are in the spool.
#[derive(Debug, Default)]
pub struct PythonOutcome {
    /// The first failure to write.
    pub write_error: Option<io::Error>,
    /// Samples written.
    pub samples: u64,
    /// Interpreters that were sampled.
    pub processes: u64,
}

impl PythonSampler {
    /// Starts to watch the tree. A spool file that cannot be made is told by [`PythonSampler::finish`].
    #[must_use]
    pub fn start(settings: &PythonSettings, spool: &Path, tree: Arc<ProcessTree>) -> Self {
        let (writer, mut start_error) = match spool::StackWriter::create(&spool.join(spool::PYTHON)) {
            Ok(writer) => (Some(writer), None),
            Err(error) => (None, Some(error)),
        };
        let session = Arc::new(Session::new(settings, writer));
        if start_error.is_none() {
            start_error = watch::start(&session, tree).err();
        }
        Self { session, start_error }
    }

    /// Ends sampling and flushes, within some milliseconds.
    #[must_use]
    pub fn finish(self) -> PythonOutcome {
        let outcome = self.session.finish(FINISH_WITHIN);
        PythonOutcome { write_error: self.start_error.or(outcome.write_error), ..outcome }
    }
}
