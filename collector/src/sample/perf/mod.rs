//! Native CPU stacks of a whole process tree through Linux `perf_event_open`, as root or as an ordinary user.
//!
//! Owns the events, their rings, the unwinding of stacks and `native.jsonl`. Must not look up symbols: it only keeps the
//! files open that `symbolize` will read, since they may be gone by then.

use crate::launch::Clock;
use crate::symbolize::Images;
use crate::tree::ProcessTree;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What to sample.
#[derive(Clone, Debug)]
pub struct PerfSettings {
    /// Samples per second of CPU time of each thread.
    pub rate_hz: u32,
    /// Times of samples are given as this clock has them.
    pub clock: Clock,
}

/// Why native stacks cannot be recorded here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("native stacks cannot be recorded: {reason}; {fix}")]
pub struct Unavailable {
    pub reason: String,
    /// What to do about it, a command where there is one.
    pub fix: String,
}

/// What a sampler leaves behind when it is done.
#[derive(Debug, Default)]
pub struct PerfOutcome {
    /// Files that code was mapped from, kept open.
    pub images: Images,
    /// Whether kernel code was sampled too.
    pub kernel_sampled: bool,
    /// The first error while writing `native.jsonl`.
    pub write_error: Option<io::Error>,
}

/// Samples a process tree. Made before the program is executed, so that its first instruction counts.
#[derive(Debug)]
pub struct PerfSampler {}

impl PerfSampler {
    /// Opens events on a forked child that has not yet executed its program; they start by themselves when it does, and
    /// its threads and children inherit them.
    ///
    /// # Errors
    /// [`Unavailable`] where the system does not allow it.
    pub fn arm(child: u32, settings: &PerfSettings, spool: &Path, tree: Arc<ProcessTree>) -> Result<Self, Unavailable> {
        std::hint::black_box((child, settings, spool, tree));
        Err(Unavailable { reason: "the sampler is not built in".into(), fix: "update perfcollect".into() })
    }

    /// Starts the thread that reads the rings.
    pub fn start(&mut self) {}

    /// Reads what is left and ends the thread.
    #[must_use]
    pub fn finish(self) -> PerfOutcome {
        PerfOutcome::default()
    }
}
