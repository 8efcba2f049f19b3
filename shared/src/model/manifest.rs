//! `manifest.json`: what a bundle is, and what its first screen needs.

use super::{BenchmarkInfo, Environment, ProfileInfo, Warning};
use crate::fields::fields;
use crate::format;
use crate::units::{Bytes, Nanos};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the bundle format that this code writes. Older ones are upgraded, newer ones refused.
pub const FORMAT_VERSION: u32 = 1;

/// The manifest of a bundle. Every time is in nanoseconds, every size in bytes; `null` means not measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Manifest {
    /// Version of the format, see [`FORMAT_VERSION`].
    pub format: u32,
    /// ULID.
    pub id: String,
    pub label: Option<String>,
    pub tags: Vec<String>,
    pub tool: Tool,
    pub command: Vec<String>,
    /// Working folder of the program.
    pub cwd: String,
    pub exit: Exit,
    /// Start of the program, RFC 3339, UTC.
    pub start: String,
    /// Set where a program was recorded that ran before; times and figures are then those of the recording.
    pub attached: Option<Attached>,
    /// From exec to the end of the direct child; of the recording where it was attached.
    pub wall_ns: Option<Nanos>,
    /// User and system time of the tree, from the kernel's exit records.
    pub cpu_ns: Option<Nanos>,
    pub user_ns: Option<Nanos>,
    pub system_ns: Option<Nanos>,
    /// What the processor counted over the tree in user code, by name (`l1d_misses`, …); one that is not here was not counted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, u64>,
    pub environment: Environment,
    pub git: Option<Git>,
    pub settings: Settings,
    pub overhead: Overhead,
    pub warnings: Vec<Warning>,
    /// The recording did not end as planned (killed collector, full disk): what is here is right, but not all.
    pub partial: bool,
    pub summary: Summary,
    pub profiles: Vec<ProfileInfo>,
    /// What the lines of `benchmarks.jsonl` are runs of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub benchmarks: Vec<BenchmarkInfo>,
    pub members: Vec<Member>,
}

fields!(Manifest:
    format, id, tool, command, cwd, exit, start;
    label, tags, attached, wall_ns, cpu_ns, user_ns, system_ns, counters, environment, git, settings, overhead,
    warnings, partial, summary, profiles, benchmarks, members
);

/// What wrote the bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tool {
    pub name: String,
    pub version: String,
}

fields!(Tool: name, version;);

/// A program that was not started by us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attached {
    /// Its process.
    pub pid: u32,
    /// How long it had run before; `null` where that is not known.
    pub ran_before_ns: Option<Nanos>,
}

fields!(Attached: pid; ran_before_ns);

/// How the program ended; both `null` where that was not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exit {
    /// Exit status, 0 to 255.
    pub code: Option<i32>,
    /// Signal that killed it.
    pub signal: Option<i32>,
}

fields!(Exit:; code, signal);

impl Manifest {
    /// What people call it: its program, or the benchmarks that it measured.
    #[must_use]
    pub fn title(&self) -> String {
        match self.benchmarks.as_slice() {
            [] => format::program(&self.command),
            [one] => one.name.clone(),
            [first, others @ ..] => format!("{} and {} more", first.name, others.len()),
        }
    }
}

impl Exit {
    /// The status that a shell would show: the code, or 128 and the signal's number.
    #[must_use]
    pub fn status(self) -> Option<i32> {
        self.code.or(self.signal.map(|n| 128 + n))
    }
}

/// State of the source tree that the program was started in, read before we wrote anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Git {
    pub commit: String,
    pub branch: Option<String>,
    pub dirty: Option<bool>,
}

fields!(Git: commit; branch, dirty);

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Settings {
    /// Asked rate of native stacks in Hz, `null` where off.
    pub native_rate_hz: Option<f64>,
    /// Asked rate of Python stacks in Hz, `null` where off.
    pub python_rate_hz: Option<f64>,
    /// Asked looks at waiting threads a second, `null` where wall time was not recorded.
    pub wall_rate_hz: Option<f64>,
    /// Time between two resource samples.
    pub resource_interval_ns: Option<Nanos>,
    /// Most frames of a stack, counted from the leaf; `null` where there is no limit.
    pub max_depth: Option<u32>,
    /// Stacks begin with a frame for their process and one for their thread.
    pub thread_roots: bool,
    /// Variables that were set for the program to be recordable, `NAME=VALUE` without what the user had set.
    pub injected: Vec<String>,
    /// What was recorded inside Python programs: `calls`, `alloc`, `lines`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub python_modes: Vec<String>,
    /// Events that were to be sampled and counted, as `perf list` names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Counters of caches inside Python programs were to be recorded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub caches: bool,
    /// Runs of the command that were asked for, those to warm up not counted; `null` where it was to run once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<u32>,
    /// Text of hot lines was to be captured.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub source: bool,
    /// How benchmarks were run, by name: `runs`, `seed`, `warmup`, `shell`, … in words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bench: BTreeMap<String, String>,
}

fields!(Settings:;
    native_rate_hz, python_rate_hz, wall_rate_hz, resource_interval_ns, max_depth, thread_roots, injected,
    python_modes, events, caches, runs, source, bench
);

/// What recording itself cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Overhead {
    /// CPU time of the collector while the program ran.
    pub collector_cpu_ns: Option<Nanos>,
    /// From the child's end until all members are encoded, and only this manifest and the file are left to be written.
    pub finish_ns: Option<Nanos>,
    /// Largest resident set of the collector.
    pub collector_rss_bytes: Option<Bytes>,
    /// CPU time of what was injected into Python programs, as far as it could be told.
    pub agent_cpu_ns: Option<Nanos>,
    /// Resident size that the program inherited from us between fork and exec; its own peak is never reported below it.
    pub child_rss_floor_bytes: Option<Bytes>,
}

fields!(Overhead:; collector_cpu_ns, finish_ns, collector_rss_bytes, agent_cpu_ns, child_rss_floor_bytes);

/// What the first screen shows before any profile is decoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Largest sum of resident sizes over the tree at one moment.
    pub rss_bytes_max: Option<Bytes>,
    /// Largest resident size that one process reached (`ru_maxrss`), above the floor.
    pub peak_process_rss_bytes: Option<Bytes>,
    pub processes: u64,
    pub threads_max: Option<u64>,
    /// Resource samples.
    pub resource_samples: u64,
    /// Stack samples of the main profile.
    pub samples: u64,
    /// Recorded runs of the command, where it was recorded several times; else 0.
    #[serde(skip_serializing_if = "is_none")]
    pub runs: u64,
    /// Functions with most self time, at most ten.
    pub top: Vec<SummaryFunction>,
}

fields!(Summary:;
    rss_bytes_max, peak_process_rss_bytes, processes, threads_max, resource_samples, samples, runs, top
);

#[cfg_attr(not(target_family = "wasm"), expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature"))]
fn is_none(number: &u64) -> bool {
    *number == 0
}

/// One row of the summary's table.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SummaryFunction {
    pub name: String,
    pub file: String,
    pub line: u32,
    pub self_ns: Nanos,
    pub total_ns: Nanos,
    /// Of all CPU time in the profile, 0 to 1.
    pub self_share: f64,
    pub total_share: f64,
    pub self_samples: u64,
}

fields!(SummaryFunction: name, file, line, self_ns, total_ns, self_share, total_share, self_samples;);

/// What a member of the zip is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberKind {
    Profile,
    Order,
    Timeline,
    Memory,
    Lines,
    Calls,
    Benchmarks,
    Caches,
    Counters,
    Keys,
    Spans,
    Notes,
    Source,
    Log,
    /// A kind of a newer version; kept, not shown.
    #[default]
    #[serde(other)]
    Other,
}

/// One member of the zip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Member {
    pub path: String,
    pub kind: MemberKind,
    /// Size of the member as it comes out of the zip.
    pub bytes: Bytes,
    /// SHA-256 of the same bytes in lower-case hex; `null` for members that readers may change (notes).
    pub sha256: Option<String>,
}

fields!(Member: path, kind, bytes; sha256);
