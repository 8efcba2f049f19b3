//! The folder of append-only files that a recording is written to while it runs.
//!
//! Owns the names and line formats of the spool. Everything in it can be packed after a kill at any moment: lines are
//! whole or cut at the end of a file, tables only grow, and a reader drops a cut last line. Must not interpret what it
//! stores: `pack` turns a spool into a bundle.

mod fast;
mod folder;
mod lines;
mod record;
mod stacks;

pub use folder::{SpoolError, SpoolFolder, remove};
pub use lines::{LineWriter, read_lines};
pub use record::{RawFrame, StackRecord, StreamCounts};
pub use stacks::{RawSample, RawStacks, RawThread, StackWriter};

use std::path::{Path, PathBuf};

/// Manifest as far as it is known; rewritten by rename.
pub const MANIFEST: &str = "manifest.json";
/// `TimelineLine`s.
pub const TIMELINE: &str = "timeline.jsonl";
/// `StackRecord`s of native stacks.
pub const NATIVE: &str = "native.jsonl";
/// `StackRecord`s of Python stacks.
pub const PYTHON: &str = "python.jsonl";
/// Folder of what is recorded inside Python programs: `PID-N.MODE.jsonl`.
pub const AGENT: &str = "agent";
/// In it: when the recording began.
pub const AGENT_START: &str = "start.json";
/// `StackRecord`s of threads that wait.
pub const WALL: &str = "wall.jsonl";
/// Folder of the parts of a series: `NNNNN.json`, a `Run`, and `NNNNN.perf.zip`, its recording.
pub const RUNS: &str = "runs";
/// Lines that programs append to report of themselves (`PERFCOLLECT_EVENTS`).
pub const EVENTS: &str = "events.jsonl";
/// When the recording began, on the clocks of those lines.
pub const EVENTS_START: &str = "events-start.json";
/// Runs of benchmarks, as in a bundle.
pub const BENCHMARKS: &str = "benchmarks.jsonl";
/// Held with flock by the recording process for as long as it lives.
pub const LOCK: &str = "lock";

/// Where the spool of a bundle lies while it is recorded: beside it.
#[must_use]
pub fn folder_of(bundle: &Path) -> PathBuf {
    let mut name = bundle.file_name().unwrap_or_default().to_os_string();
    name.push(".spool");
    bundle.with_file_name(name)
}
