//! The result of a scan, as it is printed as JSON (docs/scan-schema.md) and kept by the store.
//!
//! Every field is always there; `null` is what the source does not tell. Must not hold opinions: those are `findings`'s.

use serde::{Deserialize, Serialize};

/// Version of the JSON.
pub const VERSION: u32 = 1;

/// Everything that a scan says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    pub version: u32,
    pub root: String,
    pub counts: Counts,
    pub caches: Vec<Cache>,
    pub candidates: Vec<Candidate>,
    pub problems: Vec<Problem>,
    /// What a recording says of it, with `--with`.
    pub recording: Option<Recording>,
}

/// What was looked at, and what was not looked at again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub files: u64,
    pub lines: u64,
    pub bytes: u64,
    pub functions: u64,
    pub classes: u64,
    pub calls: u64,
    /// Calls whose callee is known, in the folder or outside.
    pub calls_resolved: u64,
    /// Files that were parsed this time.
    pub parsed: u64,
    /// Files that were linked anew: those parsed, and those that depend on a file whose names changed.
    pub linked: u64,
}

/// A place in a file, relative to the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub file: String,
    pub line: u32,
}

/// A declared cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cache {
    /// `module.qualname` of the function, `module.variable` of an object.
    pub name: String,
    pub file: String,
    /// Of the first decorator, as `co_firstlineno` has it.
    pub line: u32,
    /// Of `def`.
    pub def_line: Option<u32>,
    pub library: String,
    pub decorator: String,
    /// `function`, `method`, `property`, `page`, `background`, `object`.
    pub kind: String,
    /// `decorator`, `call` (`f = lru_cache()(g)`), `object`.
    pub spelling: String,
    /// Decorator of the project that applies it.
    pub via: Option<String>,
    /// `resolved` by imports, or `name`.
    pub confidence: String,
    /// Entries; `null` where it is unbounded or not told.
    pub capacity: Option<u64>,
    pub unbounded: Option<bool>,
    pub default_size: bool,
    pub ttl_s: Option<f64>,
    pub is_async: bool,
    pub test: bool,
    /// `null` for an object.
    pub purity: Option<Purity>,
    pub hazards: Vec<Hazard>,
    /// `null` where uses are no calls: objects, properties.
    pub sites: Option<Sites>,
    /// From the recording.
    pub runtime: Option<Runtime>,
}

/// What a function does besides giving a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purity {
    /// The worst of `effects`, or `pure`.
    pub level: String,
    pub effects: Vec<String>,
    /// From the function to the line that has the effect by itself.
    pub reason: Vec<Reason>,
}

/// A step of a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub file: String,
    pub line: u32,
    pub what: String,
}

/// Something about a cache that may be a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazard {
    /// `self_in_key`, `generator`, `coroutine`, `mutable_result`, …: docs/scan-schema.md.
    pub id: String,
    pub file: String,
    pub line: u32,
    pub text: String,
}

/// Where a function is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sites {
    pub production: u64,
    pub test: u64,
    /// In loops or comprehensions, outside tests.
    pub in_loops: u64,
    /// By the tier of their resolution.
    pub resolved: u64,
    pub method: u64,
    pub name: u64,
    pub list: Vec<Site>,
}

/// A call.
#[expect(clippy::struct_excessive_bools, reason = "facts about a call are independent of each other")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    pub file: String,
    pub line: u32,
    /// The function that calls; `null` is the module's own code.
    pub caller: Option<String>,
    /// `resolved`, `method` or `name`.
    pub tier: String,
    pub loop_depth: u32,
    pub comprehension: bool,
    /// The function is given to somebody who calls it.
    pub reference: bool,
    /// In a loop that changes none of the arguments.
    pub same_arguments: bool,
    pub test: bool,
}

/// A function that may be worth a cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub name: String,
    pub file: String,
    pub line: u32,
    pub def_line: u32,
    pub purity: Purity,
    /// `recursion`, `nested_loops`, `loop`, `comprehension`, `crypto`, `pattern`, `parsing`, `same_arguments`.
    pub indicators: Vec<String>,
    pub sites: Sites,
    pub runtime: Option<Runtime>,
}

/// A file or folder that was not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub file: String,
    pub line: Option<u32>,
    pub what: String,
}

/// What a recording says of one function or object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runtime {
    /// `ran`, `not_run`, or `unknown`: no counter, and samples prove no absence.
    pub ran: String,
    pub hits: Option<u64>,
    pub misses: Option<u64>,
    pub entries: Option<u64>,
    pub capacity: Option<u64>,
    /// Exact calls of the function, which for a cached one are its misses.
    pub calls: Option<u64>,
    /// CPU time of the function and what it calls, by samples.
    pub cpu_ns: Option<u64>,
    /// The file in the recording.
    pub recorded_file: String,
    /// What a cache would have done; of a candidate whose keys were recorded.
    pub simulated: Option<Simulated>,
}

/// What `@lru_cache(maxsize=…)` would have done with the recorded calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulated {
    pub maxsize: u64,
    pub calls: u64,
    /// Wall time of these calls as measured, without a cache.
    pub time_ns: u64,
    pub hits: Option<u64>,
    pub misses: Option<u64>,
    /// Time with the cache: of the misses, and of all lookups. Not measured.
    pub time_with_ns: Option<u64>,
    /// Why it was not replayed: `recursive`, `unhashable`, `sampled`, `beside_itself`.
    pub why_not: Option<String>,
}

/// The recording that was joined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    pub file: String,
    pub caches_ran: u64,
    pub caches_not_run: u64,
    pub caches_unknown: u64,
    /// Caches of the recording that lie in the folder and that the scan does not know.
    pub undeclared: Vec<Place>,
    /// Of the whole run; `null` where it was not measured.
    pub wall_ns: Option<u64>,
    /// Functions without a cache whose keys were recorded, here or elsewhere.
    pub functions_traced: u64,
}
