//! The answer of gates for a terminal.

use super::{Report, Status};
use crate::format::metric::name as metric_name;
use std::fmt::Write as _;

/// One line a gate, failures first; with colour where it can be shown.
#[must_use]
pub fn text(report: &Report, color: bool) -> String {
    let paint = |status: Status, word: &str| {
        let code = match status {
            Status::Pass => 32,
            Status::Unknown => 33,
            Status::Fail => 31,
        };
        if color { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
    };
    let against = report.base.as_ref().map(|base| format!(" against {base}")).unwrap_or_default();
    let mut out = format!("{} ({}{against})\n", paint(report.status, &report.summary), report.new);
    for status in [Status::Fail, Status::Unknown, Status::Pass] {
        for outcome in report.outcomes.iter().filter(|outcome| outcome.status == status) {
            let metric =
                if outcome.metric.is_empty() { String::new() } else { format!(" · {}", metric_name(&outcome.metric)) };
            let word = paint(status, &format!("{:7}", word(status)));
            let _infallible = writeln!(out, "{word} {}{metric}: {}", outcome.subject, outcome.gate);
            let _infallible = writeln!(out, "        {}", outcome.why);
        }
    }
    if report.status == Status::Unknown && report.allow_unknown {
        out.push_str("gates that could not decide are allowed, so this ends with 0\n");
    }
    out.extend(report.warnings.iter().map(|warning| format!("warning: {warning}\n")));
    out
}

/// One word.
pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Unknown => "unknown",
        Status::Fail => "FAIL",
    }
}
