//! The report for a pull request or a bug tracker.

use super::text::{CACHES, ending, facts, figures, quality_line, sampling, waiting_sentence};
use super::{Report, ReportFunction, events, runs};
use crate::caches::Verdict;
use crate::format::metric::markdown_escape as escape;
use crate::format::{count, duration, program, share};

/// Functions listed.
const FUNCTIONS: usize = 15;

/// The report as GitHub-flavoured markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut lines = vec![
        format!("### {}", escape(&program(&report.run.command))),
        String::new(),
        format!("It {}; {}.", figures(report), ending(report)),
        sampling(report),
        String::new(),
        escape(&quality_line(report)),
        String::new(),
    ];
    for line in runs::lines(report) {
        lines.extend([escape(&line), String::new()]);
    }
    if report.functions.is_empty() {
        lines.push("No functions: no stack was sampled.".into());
    } else {
        lines.push("| self | total | self time | samples | function | where |".into());
        lines.push("|---:|---:|---:|---:|---|---|".into());
        lines.extend(report.functions.iter().take(FUNCTIONS).map(row));
    }
    for event in report.events.iter().flatten() {
        lines.extend([String::new(), escape(&events::sentence(event)), String::new()]);
        lines.push("| self | total | self | samples | function |".into());
        lines.push("|---:|---:|---:|---:|---|".into());
        lines.extend(event.functions.iter().take(FUNCTIONS).map(|row| {
            let (own, total) = (share(row.self_share), share(row.total_share));
            let (number, samples) = (count(row.self_count), count(row.self_samples));
            format!("| {own} | {total} | {number} | {samples} | {} |", escape(&row.name))
        }));
    }
    if let Some(waiting) = &report.waiting {
        lines.extend([String::new(), escape(&waiting_sentence(waiting)), String::new()]);
        lines.push("| wall | time | waiting for | function | where |".into());
        lines.push("|---:|---:|---|---|---|".into());
        lines.extend(waiting.functions.iter().take(FUNCTIONS).map(|wait| {
            let (name, place) = (escape(wait.function()), escape(&wait.place()));
            format!("| {} | {} | {} | {name} | {place} |", share(wait.share), duration(wait.ns), escape(&wait.reason))
        }));
    }
    let used: Vec<_> =
        report.caches.iter().filter(|row| row.verdict != Verdict::NotExercised).take(CACHES).cloned().collect();
    if let Some(found) = &report.cache_finding {
        let said = format!("{}; `perfcollect caches` says why.", escape(&found.sentence));
        lines.extend([String::new(), said]);
    }
    if !used.is_empty() {
        lines.extend([String::new(), crate::caches::text::markdown(&used, true)]);
    }
    if !report.warnings.is_empty() {
        lines.extend([String::new(), "**Warnings**".into(), String::new()]);
        lines.extend(report.warnings.iter().map(|warning| format!("- {}", escape(&warning.message))));
    }
    lines.extend(["", "<details><summary>What ran</summary>", "", "| | |", "|---|---|"].map(str::to_owned));
    lines.extend(facts(report).iter().map(|(name, value)| format!("| {name} | {} |", escape(value))));
    lines.extend(["", "</details>"].map(str::to_owned));
    lines.join("\n") + "\n"
}

fn row(function: &ReportFunction) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} |",
        share(function.self_share),
        share(function.total_share),
        duration(function.self_ns),
        count(function.self_samples),
        escape(&function.name),
        escape(&function.place())
    )
}
