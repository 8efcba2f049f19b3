//! The answer of gates for a pull request.

use super::text::word;
use super::{Outcome, Report, Status};
use crate::format::metric::{markdown_escape as escape, name as metric_name};

/// The sentence first, then a table with failures at its top.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut lines = vec![format!("**{}**", escape(&report.summary)), String::new()];
    let against = report.base.as_ref().map(|base| format!(" against {}", escape(base))).unwrap_or_default();
    lines.extend([format!("{}{against}", escape(&report.new)), String::new()]);
    lines.push("| | what | gate | found |".into());
    lines.push("|---|---|---|---|".into());
    for status in [Status::Fail, Status::Unknown, Status::Pass] {
        lines.extend(report.outcomes.iter().filter(|outcome| outcome.status == status).map(row));
    }
    if report.status == Status::Unknown && report.allow_unknown {
        lines.extend([String::new(), "Gates that could not decide are allowed here.".into()]);
    }
    if !report.warnings.is_empty() {
        lines.push(String::new());
        lines.extend(report.warnings.iter().map(|warning| format!("- {}", escape(warning))));
    }
    lines.join("\n") + "\n"
}

fn row(outcome: &Outcome) -> String {
    let metric = if outcome.metric.is_empty() { String::new() } else { format!(", {}", metric_name(&outcome.metric)) };
    let what = escape(&format!("{}{metric}", outcome.subject));
    let word = if outcome.status == Status::Fail { "**FAIL**" } else { word(outcome.status) };
    format!("| {word} | {what} | {} | {} |", escape(&outcome.gate), escape(&outcome.why))
}
