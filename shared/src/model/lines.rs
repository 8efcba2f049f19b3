//! Exact counts of executed lines.

use crate::fields::fields;
use crate::units::Nanos;
use serde::Serialize;

/// How often a line was executed and how long it took, summed over one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LineCount {
    pub pid: u32,
    pub file: String,
    /// From 1.
    pub line: u32,
    /// Times that execution reached the line.
    pub hits: u64,
    /// From each arrival to the next line of the same call, without calls of other measured code.
    pub self_ns: Nanos,
    /// Likewise, with them. Recursion counts each level, so a line can have more than the program took.
    pub total_ns: Nanos,
}

fields!(LineCount: pid, file, line, hits, self_ns, total_ns;);
