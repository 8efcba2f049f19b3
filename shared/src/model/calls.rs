//! Exact counts of calls.

use crate::fields::fields;
use crate::units::Nanos;
use serde::Serialize;

/// How often a Python function was called in one process, and how long that took on the wall clock.
///
/// Functions are named as by cProfile: built-in ones have the file `~`, line 0 and a name such as
/// `<built-in method builtins.len>`. The resumption of a generator or coroutine is a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallCount {
    pub pid: u32,
    pub file: String,
    /// Of the definition.
    pub line: u32,
    pub name: String,
    pub calls: u64,
    /// Calls that were not recursive.
    pub primitive: u64,
    /// Without functions that it called.
    pub self_ns: Nanos,
    /// With them; recursive calls count once.
    pub total_ns: Nanos,
    /// The same figures by who called it, where that was counted too.
    pub callers: Vec<CallerCount>,
}

fields!(CallCount: pid, file, line, name, calls, primitive, self_ns, total_ns, callers;);

/// The part of a function's calls that one caller made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallerCount {
    /// Row of the caller in the table, from 0; of the same process.
    pub row: u32,
    pub calls: u64,
    pub primitive: u64,
    pub self_ns: Nanos,
    pub total_ns: Nanos,
}

fields!(CallerCount: row, calls, primitive, self_ns, total_ns;);
