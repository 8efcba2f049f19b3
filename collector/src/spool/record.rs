//! Lines of `native.jsonl` and `python.jsonl`: raw stacks before symbols are looked up.

use perfcollect_shared::model::{ProcessCounter, Warning};
use perfcollect_shared::units::Nanos;
use serde::{Deserialize, Serialize};

/// One line. Modules, frames and stacks are numbered from 0 in order of their lines, each kind for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StackRecord {
    /// A file that code was mapped from, with its build id in hex (may be empty).
    #[serde(rename = "m")]
    Module(String, String),
    #[serde(rename = "f")]
    Frame(RawFrame),
    /// Prefix stack (caller) and frame.
    #[serde(rename = "k")]
    Stack(Option<u32>, u32),
    /// Several stacks at once: the first so many frames of the last path, and the frames that follow them, root first.
    /// Each of these is a stack row; the last is the whole path's.
    #[serde(rename = "p")]
    Path(u32, Vec<u32>),
    /// A thread's number and what is known of it; a later line of the same number replaces it (exec, renaming).
    #[serde(rename = "t")]
    Thread { id: u32, pid: u32, tid: u32, name: String, process: String },
    /// Time since the start of the recording, stack (`null`: none could be had), thread, weight.
    #[serde(rename = "s")]
    Sample(Nanos, Option<u32>, u32, Nanos),
    /// An event beside the clock, numbered from 0.
    #[serde(rename = "e")]
    Event(String),
    /// As a sample, of such an event: its number first; the weight is how many events it stands for.
    #[serde(rename = "h")]
    EventSample(u32, Nanos, Option<u32>, u32, Nanos),
    /// What was counted in a process.
    #[serde(rename = "n")]
    Counter(ProcessCounter),
    /// Name of code compiled at run time: process, address, and what its perf map says.
    #[serde(rename = "j")]
    Jit(u32, u64, String),
    /// Sums since the start; the last line counts.
    #[serde(rename = "c")]
    Counts(StreamCounts),
    #[serde(rename = "w")]
    Warning(Warning),
}

/// A frame as a sampler saw it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RawFrame {
    /// Module number and address in it, as its ELF symbols count (the stated virtual address, not the file offset).
    /// Return addresses are already one less, so that they lie in the call.
    #[serde(rename = "n")]
    Native(u32, u64),
    /// A frame whose name the sampler knows: Python, kernel, JIT. `module` is a pseudo-module such as `[python]`.
    #[serde(rename = "p")]
    Named { module: String, name: String, file: String, start_line: u32, line: u32 },
}

/// How well a stream went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamCounts {
    /// Samples dropped by the kernel or the sampler.
    pub lost: u64,
    pub throttled: u64,
    pub unwind_failures: u64,
    pub truncated_stacks: u64,
    /// Reads of a stack (Python) and those that failed.
    pub attempts: u64,
    pub errors: u64,
    /// Moments to sample at by the asked rate, and those that were met.
    pub due: u64,
    pub met: u64,
}
