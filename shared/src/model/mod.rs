//! What a bundle holds, as typed tables. One table per file; `builder` is the only door to a [`Profile`].

mod builder;
mod cache;
mod calls;
mod classify;
mod counter;
mod environment;
mod frame;
mod function;
mod ids;
mod lines;
mod manifest;
mod memory;
mod module;
mod profile;
mod run;
mod sample;
mod source;
mod stack;
mod strings;
mod thread;
mod timeline;
mod waiting;
mod warning;

pub use builder::{BuildError, FrameSpec, FunctionSpec, ProfileBuilder, SampleSpec, SortedStacks, ThreadSpec};
pub use cache::{CacheRecord, CacheScope, CacheSeries, CounterSource, KeyTrace, Lookup};
pub use calls::{CallCount, CallerCount};
pub use classify::{
    JIT_MODULE, KERNEL_MODULE, KERNEL_NOT_SAMPLED, NATIVE_MODULE, NATIVE_NOT_SAMPLED, PYTHON_MODULE, THREADS_MODULE,
    TOO_SHORT, UNKNOWN_FUNCTION, classify, is_own_file, is_recorder,
};
pub use counter::ProcessCounter;
pub use environment::{Environment, Pressure};
pub use frame::{Frame, FrameTable};
pub use function::{Function, FunctionKind, FunctionTable, Language};
pub use ids::{FrameId, FunctionId, ModuleId, StackId, StringId, ThreadId};
pub use lines::LineCount;
pub use manifest::{
    Attached, Exit, FORMAT_VERSION, Git, Manifest, Member, MemberKind, Overhead, Settings, Summary, SummaryFunction,
    Tool,
};
pub use memory::{MemorySnapshot, SnapshotReason};
pub use module::{Module, ModuleTable};
pub use profile::{Profile, ProfileInfo, WeightKind};
pub use run::{BenchmarkInfo, Better, MetricInfo, Run, Unit};
pub use sample::SampleTable;
pub use source::SourceChunk;
pub use stack::StackTable;
pub use strings::StringTable;
pub use thread::{Thread, ThreadTable};
pub use timeline::{Process, ResourceSample, Timeline, TimelineBuilder, TimelineLine};
pub use waiting::{WAITING_MODULE, WaitReason};
pub use warning::Warning;

use std::sync::Arc;

/// A recording as it was read or is about to be written.
///
/// Profiles are shared by pointer: views keep them without a copy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    pub manifest: Manifest,
    pub profiles: Vec<Arc<Profile>>,
    pub timeline: Arc<Timeline>,
    /// Totals of each snapshot of the profile `alloc`, in order of time.
    pub memory: Arc<Vec<MemorySnapshot>>,
    /// Exact counts and times of calls of Python functions, by process.
    pub calls: Arc<Vec<CallCount>>,
    /// Exact counts and times of lines, by process, file and line.
    pub lines: Arc<Vec<LineCount>>,
    /// Text of hot lines, by file and first line.
    pub source: Arc<Vec<SourceChunk>>,
    /// Runs of benchmarks, or of a command that was recorded several times, in order of time.
    pub runs: Arc<Vec<Run>>,
    /// Counters of caches, by cache and process.
    pub caches: Arc<Vec<CacheRecord>>,
    /// Events of the processor or the kernel, by event and process.
    pub counters: Arc<Vec<ProcessCounter>>,
    /// Keys that were asked of caches, where that was recorded.
    pub keys: Vec<Arc<KeyTrace>>,
    /// What reading this copy met (damaged or unknown members); not part of the file.
    pub reading: Vec<Warning>,
}

impl Bundle {
    /// The profile that the page opens first: the one of CPU time, else the first.
    #[must_use]
    pub fn main_profile(&self) -> Option<&Arc<Profile>> {
        self.profiles.iter().find(|p| p.info.name == "cpu").or_else(|| self.profiles.first())
    }

    /// The profile of live memory, where allocations were traced.
    #[must_use]
    pub fn alloc_profile(&self) -> Option<&Arc<Profile>> {
        self.profiles.iter().find(|p| p.info.name == "alloc" && p.info.weight == WeightKind::Bytes)
    }

    /// Warnings of the recording and of this reading, in that order.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.manifest.warnings.iter().chain(&self.reading)
    }
}
