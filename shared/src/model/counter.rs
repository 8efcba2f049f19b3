//! Events that were counted in each process.

use crate::fields::fields;
use crate::units::Nanos;
use serde::Serialize;

/// What a counter of the processor or the kernel counted in one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProcessCounter {
    /// As `perf list` names it; also the name of its profile.
    pub event: String,
    pub pid: u32,
    /// Name of the process.
    pub process: String,
    /// Events, scaled to `enabled_ns` where the counter did not run all the time; `null` where that could not be told.
    pub count: Option<u64>,
    /// Events that samples stand for, not scaled.
    pub sampled: u64,
    /// How long the process ran while the counter was on, and how long of it the counter had a place in the processor.
    pub enabled_ns: Option<Nanos>,
    pub running_ns: Option<Nanos>,
}

fields!(ProcessCounter: event, pid; process, count, sampled, enabled_ns, running_ns);
