//! The part of the report on exact calls.

use crate::derive::calls::{CallKey, CallSums, CallTotals, by_self_time, merged};
use crate::format::{count, duration, place, plural, shorten_name};
use crate::model::CallCount;
use crate::units::Nanos;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Functions of the JSON form; `export --to pstats` has them all.
const ROWS: usize = 200;
/// Callers of each, the most frequent.
const CALLERS: usize = 10;
/// Functions of the text form.
const LISTED: usize = 10;

/// All counted calls together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportCallsTotal {
    pub calls: u64,
    pub primitive: u64,
    pub functions: u64,
    pub processes: u64,
    /// Wall time in counted functions: the sum of their self times.
    pub self_ns: Nanos,
}

/// One function, all processes added up.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportCall {
    pub name: String,
    /// `~` for built-in functions.
    pub file: String,
    pub line: u32,
    pub calls: u64,
    pub primitive: u64,
    pub self_ns: Nanos,
    pub total_ns: Nanos,
    pub callers: Vec<ReportCaller>,
}

/// A caller, and the calls that it made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportCaller {
    pub name: String,
    pub file: String,
    pub line: u32,
    pub calls: u64,
    pub primitive: u64,
    pub self_ns: Nanos,
    pub total_ns: Nanos,
}

/// Sums and the functions with most self time; `None` where calls were not counted.
pub(super) fn report(rows: &[CallCount]) -> (Option<ReportCallsTotal>, Vec<ReportCall>) {
    if rows.is_empty() {
        return (None, Vec::new());
    }
    let merged = merged(rows);
    let mut total = ReportCallsTotal {
        functions: merged.len() as u64,
        processes: rows.iter().map(|row| row.pid).collect::<BTreeSet<_>>().len() as u64,
        ..Default::default()
    };
    for CallSums { calls, primitive, self_ns, .. } in merged.values().map(|totals| totals.sums) {
        total.calls = total.calls.saturating_add(calls);
        total.primitive = total.primitive.saturating_add(primitive);
        total.self_ns += self_ns;
    }
    let calls = by_self_time(&merged).into_iter().take(ROWS).map(|(key, totals)| call(key, &totals)).collect();
    (Some(total), calls)
}

fn call((file, line, name): CallKey<'_>, totals: &CallTotals<'_>) -> ReportCall {
    let CallSums { calls, primitive, self_ns, total_ns } = totals.sums;
    let mut callers: Vec<_> = totals.callers.iter().collect();
    callers.sort_by_key(|(_, by)| Reverse(by.calls));
    let caller = |((file, line, name), by): (&CallKey<'_>, &CallSums)| ReportCaller {
        name: (*name).to_owned(),
        file: (*file).to_owned(),
        line: *line,
        calls: by.calls,
        primitive: by.primitive,
        self_ns: by.self_ns,
        total_ns: by.total_ns,
    };
    ReportCall {
        name: name.to_owned(),
        file: file.to_owned(),
        line,
        calls,
        primitive,
        self_ns,
        total_ns,
        callers: callers.into_iter().take(CALLERS).map(caller).collect(),
    }
}

/// Lines for the terminal, after an empty one.
pub(super) fn lines(total: Option<&ReportCallsTotal>, calls: &[ReportCall]) -> Vec<String> {
    let Some(total) = total else { return Vec::new() };
    let mut lines = vec![
        String::new(),
        format!(
            "{} of {} in {}, counted exactly; times are on the wall clock and hold the cost of counting:",
            plural(total.calls, "call"),
            plural(total.functions, "Python function"),
            plural(total.processes, "process")
        ),
        format!("{:>12} {:>10} {:>10}  function", "calls", "self", "total"),
    ];
    lines.extend(calls.iter().take(LISTED).map(|call| {
        let place = if call.file == "~" { String::new() } else { place(&call.file, call.line) };
        let name = shorten_name(&call.name, 70);
        let (own, total) = (duration(call.self_ns), duration(call.total_ns));
        format!("{:>12} {own:>10} {total:>10}  {name}  {place}", count(call.calls)).trim_end().to_owned()
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_with_what_they_rest_on() {
        let row = |name: &str, file: &str, calls| CallCount {
            pid: 1,
            file: file.into(),
            line: 3,
            name: name.into(),
            calls,
            primitive: 1,
            self_ns: Nanos(calls * 1_000),
            total_ns: Nanos(2_000_000),
            callers: Vec::new(),
        };
        let (total, calls) = report(&[row("f", "/x/a.py", 1_000), row("<built-in method time.sleep>", "~", 2)]);
        let expect = "
1,002 calls of 2 Python functions in 1 process, counted exactly; times are on the wall clock and hold the cost of counting:
       calls       self      total  function
       1,000    1.00 ms    2.00 ms  f  a.py:3
           2    2.00 µs    2.00 ms  <built-in method time.sleep>";
        assert_eq!(lines(total.as_ref(), &calls).join("\n"), expect);
        assert_eq!(report(&[]), (None, Vec::new()));
    }
}
