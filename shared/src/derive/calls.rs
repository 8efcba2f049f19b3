//! Exact calls summed over processes, as `pstats.Stats.add` does.

use crate::model::{CallCount, CallerCount};
use crate::order::Order;
use crate::units::Nanos;
use std::collections::BTreeMap;

/// File, line and name: the same function in every process.
pub type CallKey<'a> = (&'a str, u32, &'a str);

/// Figures of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallSums {
    pub calls: u64,
    pub primitive: u64,
    pub self_ns: Nanos,
    pub total_ns: Nanos,
}

/// One function over all processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallTotals<'a> {
    pub sums: CallSums,
    pub callers: BTreeMap<CallKey<'a>, CallSums>,
}

impl CallSums {
    fn add(&mut self, calls: u64, primitive: u64, self_ns: Nanos, total_ns: Nanos) {
        self.calls = self.calls.saturating_add(calls);
        self.primitive = self.primitive.saturating_add(primitive);
        self.self_ns = Nanos(self.self_ns.0.saturating_add(self_ns.0));
        self.total_ns = Nanos(self.total_ns.0.saturating_add(total_ns.0));
    }
}

/// Every function once. Callers that the table does not have are left out.
#[must_use]
pub fn merged(rows: &[CallCount]) -> BTreeMap<CallKey<'_>, CallTotals<'_>> {
    let mut merged: BTreeMap<CallKey<'_>, CallTotals<'_>> = BTreeMap::new();
    for row in rows {
        let totals = merged.entry(key(row)).or_default();
        totals.sums.add(row.calls, row.primitive, row.self_ns, row.total_ns);
        for by in &row.callers {
            let CallerCount { row: caller, calls, primitive, self_ns, total_ns } = *by;
            if let Some(caller) = usize::try_from(caller).ok().and_then(|row| rows.get(row)) {
                totals.callers.entry(key(caller)).or_default().add(calls, primitive, self_ns, total_ns);
            }
        }
    }
    merged
}

/// Functions by self time, the longest first.
#[must_use]
pub fn by_self_time<'a>(merged: &BTreeMap<CallKey<'a>, CallTotals<'a>>) -> Vec<(CallKey<'a>, CallTotals<'a>)> {
    let mut rows: Vec<_> = merged.iter().map(|(key, totals)| (*key, totals.clone())).collect();
    rows.order_by_key(|(_, totals)| std::cmp::Reverse(totals.sums.self_ns));
    rows
}

fn key(row: &CallCount) -> CallKey<'_> {
    (&row.file, row.line, &row.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_added_up_by_function_and_caller() {
        let row = |pid, name: &str, calls, callers| CallCount {
            pid,
            file: "a.py".into(),
            line: 1,
            name: name.into(),
            calls,
            primitive: calls,
            self_ns: Nanos(calls * 10),
            total_ns: Nanos(calls * 20),
            callers,
        };
        let by = |row, calls| CallerCount { row, calls, ..CallerCount::default() };
        let rows = [
            row(1, "f", 1, vec![]),
            row(1, "g", 2, vec![by(0, 2)]),
            row(2, "g", 3, vec![by(3, 3), by(9, 1)]),
            row(2, "f", 4, vec![]),
        ];
        let merged = merged(&rows);
        let g = &merged[&("a.py", 1, "g")];
        assert_eq!((g.sums.calls, g.sums.self_ns, g.sums.total_ns), (5, Nanos(50), Nanos(100)));
        assert_eq!(g.callers.iter().map(|(key, sums)| (key.2, sums.calls)).collect::<Vec<_>>(), [("f", 5)]);
        let order: Vec<_> = by_self_time(&merged).into_iter().map(|(key, _)| key.2).collect();
        assert_eq!(order, ["f", "g"]);
    }
}
