//! A profile: tables and what is known of how they came about.

use super::{FrameId, Function, FunctionId, Language, SampleTable, StackTable, StringId, StringTable};
use super::{FrameTable, FunctionTable, ModuleTable, ThreadTable};
use crate::fields::fields;
use serde::{Deserialize, Serialize};

/// What a sample's weight measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightKind {
    /// Nanoseconds on a processor.
    #[default]
    Cpu,
    /// Nanoseconds of wall-clock time of each thread, running and waiting.
    Wall,
    /// Bytes of memory that live at the moment of a snapshot.
    Bytes,
    /// Events that a counter of the processor or the kernel counted; the profile's name says which.
    Events,
}

/// How a profile was recorded and how good it is. Stored as the manifest's entry of the profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ProfileInfo {
    /// File stem of its members: `cpu` for `profiles/cpu.pb.gz`.
    pub name: String,
    pub weight: WeightKind,
    /// Raw samples; of live bytes: rows, one for each stack and snapshot.
    pub samples: u64,
    /// Samples that the kernel or a sampler dropped; `null` where the source cannot tell.
    pub lost: Option<u64>,
    /// Asked sampling rate in Hz of native stacks (or of the only sampler), `null` where there was none.
    pub rate_hz: Option<f64>,
    /// Asked sampling rate in Hz of Python stacks.
    pub python_rate_hz: Option<f64>,
    /// Stacks that unwinding gave up on.
    pub unwind_failures: u64,
    /// Stacks cut at the depth or dump-size limit.
    pub truncated_stacks: u64,
    /// Native samples whose leaf got no symbol name.
    pub unsymbolicated: u64,
    /// Rate at which native stacks were taken, per second of CPU time; `null` where too little ran to say.
    pub reached_hz: Option<f64>,
    /// Rate at which Python stacks (in `wall`: all threads) were looked at; `null` where too little ran to say.
    pub python_reached_hz: Option<f64>,
    /// How often the kernel throttled sampling.
    pub throttled: Option<u64>,
}

fields!(ProfileInfo:
    name, samples;
    weight, lost, rate_hz, python_rate_hz, unwind_failures, truncated_stacks, unsymbolicated, reached_hz,
    python_reached_hz, throttled
);

/// Tables of one profile. Made by `ProfileBuilder` only, which holds the invariants of each table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    pub info: ProfileInfo,
    pub strings: StringTable,
    pub modules: ModuleTable,
    pub functions: FunctionTable,
    pub frames: FrameTable,
    pub stacks: StackTable,
    pub threads: ThreadTable,
    pub samples: SampleTable,
}

impl WeightKind {
    /// Whether weights are times.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Cpu | Self::Wall)
    }

    /// Whether weights add up over a recording. Live bytes do not: each snapshot stands alone.
    #[must_use]
    pub fn adds_up(self) -> bool {
        self != Self::Bytes
    }
}

impl Profile {
    /// The same profile with some of its samples only, without their times.
    #[must_use]
    pub fn only(&self, rows: &[usize]) -> Self {
        let samples = &self.samples;
        let samples = SampleTable {
            stack: rows.iter().map(|&row| samples.stack[row]).collect(),
            thread: rows.iter().map(|&row| samples.thread[row]).collect(),
            weight: rows.iter().map(|&row| samples.weight[row]).collect(),
            count: rows.iter().map(|&row| samples.count[row]).collect(),
            time: None,
        };
        Self { samples, ..self.clone() }
    }

    #[must_use]
    pub fn string(&self, id: StringId) -> &str {
        self.strings.get(id)
    }

    #[must_use]
    pub fn function(&self, id: FunctionId) -> &Function {
        self.functions.get(id)
    }

    #[must_use]
    pub fn function_name(&self, id: FunctionId) -> &str {
        self.string(self.function(id).name)
    }

    #[must_use]
    pub fn function_file(&self, id: FunctionId) -> &str {
        self.string(self.function(id).file)
    }

    /// Path of the module that a function came from.
    #[must_use]
    pub fn function_module(&self, id: FunctionId) -> &str {
        self.string(self.modules.get(self.function(id).module).path)
    }

    #[must_use]
    pub fn frame_function(&self, id: FrameId) -> FunctionId {
        self.frames.get(id).function
    }

    #[must_use]
    pub fn language(&self, id: FunctionId) -> Language {
        self.function(id).language
    }
}
