//! What is recorded inside Python programs: the recorder that is injected into them, and what it left in the spool.
//!
//! Owns the injection, the spool's folder `agent` and the telling of processes that could not be entered. Must not change
//! what the program does or prints. The Python side is in `python/`; its first module says how it enters.

mod alloc;
mod bytecode;
mod caches;
mod calls;
mod entered;
mod inject;
mod keys;
mod lines;
mod marshal;
mod names;
mod read;
mod resize;

pub use alloc::{AllocFrame, AllocRow, AllocSnapshot};
pub use inject::{Injection, PYTHONPATH};
pub use names::{is_pattern, matches, nearest};
pub use read::{AgentError, AgentProcess, Bye, Hello, processes, start_mono_ns};
pub use resize::{Counted, Kind, Sized, sized};

use perfcollect_shared::model::{CacheRecord, CallCount, KeyTrace, LineCount, Timeline, Warning};
use perfcollect_shared::units::Nanos;
use std::hash::{BuildHasher, RandomState};
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

/// Events of traced keys that a process keeps, if nothing else is asked for.
pub const KEY_LIMIT: u64 = 4_000_000;

/// What the recorder is to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names from [`MODES`].
    pub modes: Vec<String>,
    /// Counters of caches, which cost the program's calls nothing.
    pub caches: bool,
    /// Callers to keep of each block of memory.
    pub alloc_depth: u32,
    /// Caches whose keys are traced, as patterns of `module.qualname`.
    pub key_globs: Vec<String>,
    /// Functions without a cache, likewise; one that is empty is every function of the program's own that looks repeatable.
    pub candidate_globs: Vec<String>,
    /// Most traced lookups that a process keeps.
    pub key_limit: u64,
    pub key_salt: u64,
    /// Caches by name, and the size that each is made with: [`SIZE_AS_IS`] leaves it, 0 turns it off. All caches that are
    /// made are told of.
    pub sizes: Option<Vec<(String, i64)>>,
}

/// A cache is watched and not changed.
pub const SIZE_AS_IS: i64 = -1;

impl Default for Options {
    fn default() -> Self {
        let (modes, key_globs, candidate_globs) = Default::default();
        // Python hashes numbers up to 61 bits as they are.
        let key_salt = RandomState::new().hash_one(0) >> 4;
        let key_limit = KEY_LIMIT;
        Self { modes, caches: false, alloc_depth: 16, key_globs, candidate_globs, key_limit, key_salt, sizes: None }
    }
}

impl Options {
    /// Names of the Python modules that are to be started.
    fn active(&self) -> Vec<&'static str> {
        let asked = |known: &&Mode| self.modes.iter().any(|mode| mode == known.name);
        let by_option = [
            ("caches", self.caches),
            ("keys", !self.key_globs.is_empty()),
            ("candidates", !self.candidate_globs.is_empty()),
            ("resize", self.sizes.is_some()),
        ];
        let by_option = by_option.into_iter().filter_map(|(name, wanted)| wanted.then_some(name));
        MODES.iter().filter(asked).map(|mode| mode.name).chain(by_option).collect()
    }

    /// Whether nothing but what is recorded by default is wanted.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.active() == ["caches"]
    }

    /// Whether there is anything to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.active().is_empty()
    }
}

/// What was recorded inside Python programs.
#[derive(Debug, Default)]
pub struct Entered {
    pub processes: Vec<AgentProcess>,
    pub calls: Vec<CallCount>,
    pub alloc: Vec<AllocSnapshot>,
    pub lines: Vec<LineCount>,
    pub caches: Vec<CacheRecord>,
    /// Keys that caches and functions were asked for, and what limits them.
    pub keys: Vec<KeyTrace>,
    pub keys_warnings: Vec<Warning>,
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
        let start_mono_ns = start_mono_ns(spool);
        let caches = caches::read(&mut processes, start_mono_ns);
        let (keys, mut keys_warnings) = keys::read(&mut processes, start_mono_ns);
        keys_warnings.extend(names::unknown(&processes));
        Ok(Self { processes, calls, alloc, lines, caches, keys, keys_warnings, start_mono_ns })
    }

    /// What a reader must know of it.
    #[must_use]
    pub fn warnings(&self, timeline: &Timeline) -> Vec<Warning> {
        entered::warnings(self, timeline)
    }

    /// What a reader of the counters of caches must know, where nothing else was recorded inside Python.
    #[must_use]
    pub fn cache_warnings(&self, timeline: &Timeline) -> Vec<Warning> {
        entered::cache_warnings(self, timeline)
    }

    /// CPU time of the recorder's own work, where any process told of it.
    #[must_use]
    pub fn own_cpu(&self) -> Option<Nanos> {
        self.processes.iter().filter_map(AgentProcess::own_cpu).reduce(|sum, own| sum + own)
    }
}
