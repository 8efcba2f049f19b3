//! Bytes of a bundle file and back: `NAME.perf.zip`, described for strangers in `FORMAT.md` beside this file.
//!
//! Owns the members, their codecs, hashes, limits, upgrades of older versions and repair. Every byte that comes in is
//! hostile until proven otherwise: nothing here panics, and memory grows with what was really read, never with what a
//! header claims. Must not touch files: callers bring bytes and take bytes.

mod archive;
mod directory;
mod error;
mod gzip;
mod hash;
pub mod json;
mod jsonl;
mod keys;
mod limits;
mod manifest;
mod order;
pub mod pprof;
mod read;
mod repair;
mod rfc3339;
mod salvage;
mod timeline;
mod upgrade;
mod write;

pub use error::{ReadError, WriteError};
pub use limits::Limits;
pub use order::{Order, OrderError};
pub use read::{read, read_manifest, read_runs, read_with_limits};
pub use repair::repair;
pub use write::{write, write_runs, write_with};

/// Path of the manifest in the zip.
pub const MANIFEST: &str = "manifest.json";
/// Path of the resource samples in the zip.
pub const TIMELINE: &str = "timeline.jsonl";

/// Path of the totals of memory snapshots in the zip.
pub const MEMORY: &str = "memory.jsonl";
/// Path of the exact counts of calls in the zip.
pub const CALLS: &str = "calls.jsonl";
/// Path of the exact counts of lines in the zip.
pub const LINES: &str = "lines.jsonl";
/// Path of the runs of benchmarks in the zip.
pub const BENCHMARKS: &str = "benchmarks.jsonl";
/// Path of the counters of caches in the zip.
pub const CACHES: &str = "caches.jsonl";
/// Path of the events counted in each process in the zip.
pub const COUNTERS: &str = "counters.jsonl";
/// Folder of the traces of keys in the zip.
pub const KEYS: &str = "keys/";
/// Path of the captured source text in the zip.
pub const SOURCE: &str = "source.jsonl";

/// Path of a profile's pprof member.
fn profile_path(name: &str) -> String {
    format!("profiles/{name}.pb.gz")
}

/// Path of a profile's order columns.
fn order_path(name: &str) -> String {
    format!("profiles/{name}.order.gz")
}

/// Path of the member of a trace of keys.
fn keys_path(name: &str) -> String {
    format!("{KEYS}{name}.gz")
}

/// Name of the trace of keys of a member, if its path is that of one.
fn keys_name(path: &str) -> Option<&str> {
    path.strip_prefix(KEYS)?.strip_suffix(".gz")
}
