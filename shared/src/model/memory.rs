//! Totals of memory snapshots.

use crate::fields::fields;
use crate::units::{Bytes, Nanos};
use serde::{Deserialize, Serialize};

/// Why a snapshot was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotReason {
    /// Tracing had begun, or a forked child had.
    Start,
    /// Its time had come.
    #[default]
    Interval,
    /// Traced memory had grown past the last peak.
    Peak,
    /// The process ended, or was about to.
    Exit,
    /// A reason of a newer version.
    #[serde(other)]
    Other,
}

/// One snapshot of the traced memory of one process: exact totals. What each stack held is in the profile `alloc`, as the
/// samples of this process and time; they add up to `current_bytes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MemorySnapshot {
    pub pid: u32,
    /// Since the start of the recording.
    pub t_ns: Nanos,
    /// Traced memory that lived at this moment.
    pub current_bytes: Bytes,
    /// Largest traced memory of the process from the start of tracing to this moment, between snapshots too.
    pub peak_bytes: Bytes,
    /// Live blocks behind `current_bytes`.
    pub blocks: Option<u64>,
    /// Memory that tracing itself held; not part of the others.
    pub tracer_bytes: Option<Bytes>,
    /// How long the program stood still for this snapshot.
    pub cost_ns: Option<Nanos>,
    pub reason: SnapshotReason,
}

fields!(MemorySnapshot: pid, t_ns, current_bytes, peak_bytes; blocks, tracer_bytes, cost_ns, reason);
