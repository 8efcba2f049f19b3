//! The part of the report on counted lines.

use crate::derive::lines::{LineRow, counted};
use crate::derive::selection::Selection;
use crate::format::{count, duration, place};
use crate::model::LineCount;
use crate::units::Nanos;
use serde::Serialize;
use std::cmp::Reverse;

/// Rows of the JSON; the bundle has all.
const ROWS: usize = 200;
/// Rows of the text.
const LISTED: usize = 12;

/// One line of source, over all processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportLine {
    pub file: String,
    pub line: u32,
    /// Times that it was executed.
    pub hits: u64,
    /// Without calls of other counted lines.
    pub self_ns: Nanos,
    pub total_ns: Nanos,
}

/// Lines with most self time; `None` where lines were not counted.
pub(super) fn report(rows: &[LineCount]) -> Option<Vec<ReportLine>> {
    if rows.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    for file in counted(rows, &Selection::default()) {
        let line = |row: &LineRow| ReportLine {
            file: file.file.clone(),
            line: row.line,
            hits: row.hits.unwrap_or(0),
            self_ns: row.self_ns,
            total_ns: row.total_ns,
        };
        found.extend(file.rows.iter().map(line));
    }
    found.sort_by_key(|row| Reverse((row.self_ns, row.hits)));
    found.truncate(ROWS);
    Some(found)
}

/// Lines for the terminal, after an empty one.
pub(super) fn lines(rows: Option<&Vec<ReportLine>>) -> Vec<String> {
    let Some(rows) = rows else { return Vec::new() };
    let mut lines = vec![
        String::new(),
        "lines of the program's own Python code, counted exactly; times are on the wall clock and hold the cost of counting:"
            .to_owned(),
        format!("{:>12} {:>10} {:>10}  line", "hits", "self", "total"),
    ];
    lines.extend(rows.iter().take(LISTED).map(|row| {
        let (own, total) = (duration(row.self_ns), duration(row.total_ns));
        format!("{:>12} {own:>10} {total:>10}  {}", count(row.hits), place(&row.file, row.line))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_by_their_own_time() {
        let row = |pid, line, self_ns| LineCount {
            pid,
            file: "/x/a.py".into(),
            line,
            hits: 1_500,
            self_ns: Nanos(self_ns),
            total_ns: Nanos(self_ns * 2),
        };
        let rows = report(&[row(1, 3, 1_000_000), row(2, 3, 1_000_000), row(1, 4, 5_000_000)]);
        let text = lines(rows.as_ref());
        assert_eq!(text[3], "       1,500    5.00 ms    10.0 ms  a.py:4");
        assert_eq!(text[4], "       3,000    2.00 ms    4.00 ms  a.py:3");
        assert_eq!((report(&[]), lines(None)), (None, Vec::new()));
    }
}
