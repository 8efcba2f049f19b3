//! Counts of calls as the recorder writes them, to rows of the bundle.

use super::{AgentError, AgentProcess};
use perfcollect_shared::model::{CallCount, CallerCount};
use perfcollect_shared::units::Nanos;
use serde::Deserialize;

/// A function: file, line and name; calls, primitive calls, self and total nanoseconds; the same behind each caller's row.
#[derive(Deserialize)]
struct Line {
    f: (String, u32, String),
    s: (u64, u64, u64, u64),
    c: Vec<(u32, u64, u64, u64, u64)>,
}

/// The rows of every process, in order of processes. What cannot be read is noted as an error of its process.
pub(super) fn read(processes: &mut [AgentProcess]) -> Vec<CallCount> {
    let mut rows = Vec::new();
    for process in processes {
        let before = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let lines = process.snapshot::<Line>("calls").unwrap_or_else(|error| {
            process.errors.push(AgentError { mode: "calls".to_owned(), what: error.to_string() });
            None
        });
        for line in lines.unwrap_or_default() {
            process.calls = process.calls.saturating_add(line.s.0);
            rows.push(row(process.hello.pid, line, before));
        }
    }
    rows
}

fn row(pid: u32, Line { f: (file, line, name), s, c }: Line, before: u32) -> CallCount {
    let (calls, primitive, self_ns, total_ns) = (s.0, s.1, Nanos(s.2), Nanos(s.3));
    let caller = |(row, calls, primitive, self_ns, total_ns): (u32, u64, u64, u64, u64)| CallerCount {
        row: before.saturating_add(row),
        calls,
        primitive,
        self_ns: Nanos(self_ns),
        total_ns: Nanos(total_ns),
    };
    CallCount {
        pid,
        file,
        line,
        name,
        calls,
        primitive,
        self_ns,
        total_ns,
        callers: c.into_iter().map(caller).collect(),
    }
}
