//! What is recorded inside Python programs: the recorder that is injected into them, and what it left in the spool.
//!
//! Owns the injection, the spool's folder `agent` and the telling of processes that could not be entered. Must not change
//! what the program does or prints. The Python side is in `python/`; its first module says how it enters.

mod alloc;
mod calls;
mod entered;
mod inject;
mod lines;
mod read;

pub use alloc::{AllocFrame, AllocRow, AllocSnapshot};
pub use inject::Injection;
pub use read::{AgentError, AgentProcess, Bye, Hello, processes, start_mono_ns};

use perfcollect_shared::model::{CallCount, LineCount, Timeline, Warning};
use perfcollect_shared::units::Nanos;
use std::io;
use std::path::Path;

/// One thing that `--python` records.
#[derive(Debug)]
pub struct Mode {
    /// As typed; also the name of its Python module.
    pub name: &'static str,
    pub what: &'static str,
}

/// Every mode, in the order of the help.
pub static MODES: &[Mode] = &[
    Mode { name: "calls", what: "exact counts and times of every call" },
    Mode { name: "alloc", what: "memory by the stack that allocated it, and its growth" },
    Mode { name: "lines", what: "counts and times of every line" },
];

/// What was recorded inside Python programs.
#[derive(Debug, Default)]
pub struct Entered {
    pub processes: Vec<AgentProcess>,
    pub calls: Vec<CallCount>,
    pub alloc: Vec<AllocSnapshot>,
    pub lines: Vec<LineCount>,
    /// When the recording began, on the recorder's clock; 0 where that is not known.
    pub start_mono_ns: u64,
}

impl Entered {
    /// Reads it back from a spool.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn read(spool: &Path) -> io::Result<Self> {
        let mut processes = processes(spool)?;
        let calls = calls::read(&mut processes);
        let alloc = alloc::read(&mut processes);
        let lines = lines::read(&mut processes);
        Ok(Self { processes, calls, alloc, lines, start_mono_ns: start_mono_ns(spool) })
    }

    /// What a reader must know of it.
    #[must_use]
    pub fn warnings(&self, timeline: &Timeline) -> Vec<Warning> {
        entered::warnings(self, timeline)
    }

    /// CPU time of the recorder's own work, where any process told of it.
    #[must_use]
    pub fn own_cpu(&self) -> Option<Nanos> {
        self.processes.iter().filter_map(AgentProcess::own_cpu).reduce(|sum, own| sum + own)
    }
}
