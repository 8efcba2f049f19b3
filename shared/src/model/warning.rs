//! What a reader must know before trusting a figure. Data, not text: stored in bundles, worded in one place.

use crate::units::Nanos;
use serde::{Deserialize, Serialize};

/// One thing that limits what a recording says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Warning {
    /// The kernel or a sampler dropped samples.
    LostSamples { profile: String, lost: u64, samples: u64 },
    /// The kernel throttled sampling this many times.
    Throttled { times: u64 },
    /// A sampler could not keep the asked rate.
    SlowSampler { profile: String, asked_hz: f64, reached_hz: f64 },
    /// Too few samples to trust shares.
    FewSamples { profile: String, samples: u64 },
    /// No native stacks were recorded.
    NativeUnavailable { reason: String, fix: String },
    /// Kernel code was not sampled; its time is shown as one frame.
    KernelNotSampled { reason: String, fix: String },
    /// Python stacks of a process could not be recorded.
    PythonUnavailable { pid: u32, reason: String, fix: String },
    /// Python stacks that could not be read while the program ran.
    PythonReadErrors { errors: u64, attempts: u64 },
    /// Stacks that unwinding gave up on.
    UnwindFailures { failed: u64, samples: u64 },
    /// Stacks cut at the limit of depth or dump size.
    TruncatedStacks { truncated: u64, samples: u64 },
    /// Native samples whose leaf has no symbol name; `modules` are the worst.
    Unsymbolicated { samples: u64, of: u64, modules: Vec<String> },
    /// Processes that ended before their resources could be read.
    ShortLivedProcesses { count: u64 },
    /// Processes of the tree that outlived the recording.
    Survivors { processes: Vec<String> },
    /// The recording was cut short: killed, full disk, or recovered from a spool.
    Partial { reason: String },
    /// Part of the recording could not be written.
    WriteFailed { what: String, reason: String },
    /// Resources were not read for this long.
    TimelineGap { from_ns: Nanos, to_ns: Nanos },
    /// A member of the bundle is damaged and was left out.
    DamagedMember { member: String, reason: String },
    /// Lines of a member that could not be read.
    SkippedLines { member: String, count: u64, first_line: u64, reason: String },
    /// A setting was added for the program to be recordable (such as Node's perf map).
    Injected { what: String },
    /// A code that this version does not know; a newer version wrote it.
    #[serde(other)]
    Unknown,
}
