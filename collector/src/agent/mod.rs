//! What is recorded inside Python programs: the recorder that is injected into them, and what it left in the spool.
//!
//! Owns the injection, the spool's folder `agent` and the telling of processes that could not be entered. Must not change
//! what the program does or prints. The Python side is in `python/`; its first module says how it enters.

mod calls;
mod entered;
mod inject;
mod read;

pub use inject::Injection;
pub use read::{AgentError, AgentProcess, Bye, Hello, processes, start_mono_ns};

use perfcollect_shared::model::{CallCount, Timeline, Warning};
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
}

impl Entered {
    /// Reads it back from a spool.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn read(spool: &Path) -> io::Result<Self> {
        let mut processes = processes(spool)?;
        let calls = calls::read(&mut processes);
        Ok(Self { processes, calls })
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
