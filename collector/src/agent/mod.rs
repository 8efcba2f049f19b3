//! What is recorded inside Python programs: the recorder that is injected into them, and what it left in the spool.
//!
//! Owns the injection, the spool's folder `agent` and the telling of processes that could not be entered. Must not change
//! what the program does or prints. The Python side is in `python/`; its first module says how it enters.

mod inject;
mod read;

pub use inject::Injection;
pub use read::{AgentError, AgentProcess, Bye, Hello, processes, start_mono_ns};

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
