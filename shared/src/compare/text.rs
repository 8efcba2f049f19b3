//! A comparison for a terminal, and for a pull request. Only the native binary needs it.

use super::words::{
    change_words, difference_words, explanation_words, headline, path_words, share_words, value_words, verdict_words,
};
use super::{Comparison, Explanation, FunctionRow, PRIMARY, Report, Resource};
use crate::caches::Shift;
use crate::derive::diff::{Change, Effect};
use crate::format::metric::{markdown_escape, name as metric_words};
use crate::format::{NOT_MEASURED, measured, place, plural, share, shorten_name};
use crate::stats::Verdict;

/// Functions listed of each pair of sides.
const FUNCTIONS: usize = 15;
/// Secondary metrics of a benchmark are listed where they differ, or where there are no more than these.
const METRICS: usize = 12;
/// Relative change of a resource that is worth a line.
const RESOURCE: f64 = 0.05;

/// The comparison as people's text.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut lines = sentences(report);
    let table = verdicts(report);
    if table.len() > 1 {
        lines.push(String::new());
        lines.extend(aligned(&table, &[false, false, true, true, true, false, true, true]));
    }
    for explanation in &report.explained {
        let functions = functions_of(report, explanation);
        let rows = changed(&functions);
        if rows.len() > 1 {
            lines.extend([String::new(), functions_title(explanation, &functions)]);
            lines.extend(aligned(&rows, &[true, true, true, true, false, false]));
        }
    }
    let resources = changed_resources(report);
    if resources.len() > 1 {
        lines.push(String::new());
        lines.extend(aligned(&resources, &[false, true, true, true]));
    }
    let caches = changed_caches(report);
    if !report.caches.is_empty() {
        lines.extend([String::new(), caches_title(report, caches.len() - 1)]);
    }
    if caches.len() > 1 {
        lines.extend(aligned(&caches, &[false, true, true, false, false]));
    }
    if !report.environment.is_empty() {
        lines.extend([String::new(), "what else differs".into()]);
        lines.extend(report.environment.iter().map(|difference| format!("  {}", environment_line(difference))));
    }
    let notes = notes(report);
    if !notes.is_empty() {
        lines.extend([String::new(), "notes".into()]);
        lines.extend(notes.iter().map(|note| format!("  {note}")));
    }
    if !report.warnings.is_empty() {
        lines.extend([String::new(), "warnings".into()]);
        lines.extend(report.warnings.iter().map(|warning| format!("  {warning}")));
    }
    if !report.next.is_empty() {
        lines.extend([String::new(), "next".into()]);
        lines.extend(report.next.iter().map(|step| format!("  {step}")));
    }
    lines.join("\n") + "\n"
}

/// The comparison as GitHub-flavoured Markdown, details folded.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut lines = Vec::new();
    for sentence in sentences(report) {
        lines.push(format!("**{}**", markdown_escape(&sentence)));
        lines.push(String::new());
    }
    let table = |rows: &[Vec<String>]| {
        let row = |cells: &Vec<String>| {
            format!("| {} |", cells.iter().map(|cell| markdown_escape(cell)).collect::<Vec<_>>().join(" | "))
        };
        let mut lines: Vec<String> = rows.iter().map(row).collect();
        if let Some(head) = rows.first() {
            lines.insert(1, format!("|{}", "---|".repeat(head.len())));
        }
        lines
    };
    let verdicts = verdicts(report);
    if verdicts.len() > 1 {
        lines.extend(table(&verdicts));
    }
    for explanation in &report.explained {
        let functions = functions_of(report, explanation);
        let rows = changed(&functions);
        if rows.len() > 1 {
            lines.extend(fold(&functions_title(explanation, &functions), table(&rows)));
        }
    }
    let resources = changed_resources(report);
    if resources.len() > 1 {
        lines.extend(fold("Resources", table(&resources)));
    }
    if !report.caches.is_empty() {
        let caches = changed_caches(report);
        let rows = if caches.len() > 1 { table(&caches) } else { Vec::new() };
        lines.extend(fold(&caches_title(report, caches.len() - 1), rows));
    }
    let item = |text: String| format!("- {}", markdown_escape(&text));
    let details: Vec<String> = report.environment.iter().map(environment_line).chain(notes(report)).map(item).collect();
    if !details.is_empty() {
        lines.extend(fold("What else differs, and what the verdicts leave open", details));
    }
    if !report.warnings.is_empty() {
        lines.extend(fold("Warnings", report.warnings.iter().cloned().map(item).collect()));
    }
    lines.extend(report.next.iter().flat_map(|step| [String::new(), format!("Next: {}", markdown_escape(step))]));
    lines.join("\n") + "\n"
}

fn fold(title: &str, inside: Vec<String>) -> Vec<String> {
    let mut lines =
        vec![String::new(), format!("<details><summary>{}</summary>", markdown_escape(title)), String::new()];
    lines.extend(inside);
    lines.extend([String::new(), "</details>".into()]);
    lines
}

/// What is true, of each benchmark and pair of sides.
fn sentences(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for group in groups(&report.comparisons) {
        let first = group[0];
        let mut sentence = format!("{}: {}", subject(report, first), headline(&group));
        let explained = report.explained.iter().find(|explanation| {
            (&explanation.base, &explanation.new) == (&first.base, &first.new)
                && explanation.benchmark == first.benchmark
        });
        if let Some(explanation) = explained.filter(|_| group.iter().all(|comparison| !comparison.incomparable)) {
            sentence = format!("{sentence}. {}", explanation_words(explanation));
        }
        lines.push(sentence);
    }
    if lines.is_empty() {
        lines.push("nothing to compare: the sides have no metric in common".into());
    }
    lines
}

/// `parse`, and which sides where there are several.
fn subject(report: &Report, comparison: &Comparison) -> String {
    let same_benchmark = comparison.benchmark == comparison.base;
    match (same_benchmark || comparison.programs.is_some(), report.sides.len()) {
        (true, _) => format!("{} against {}", comparison.new, comparison.base),
        (false, 0..=2) => comparison.benchmark.clone(),
        _ => format!("{}, {}", comparison.benchmark, comparison.new),
    }
}

/// Comparisons of one benchmark and pair of sides, in the order of the report.
fn groups(comparisons: &[Comparison]) -> Vec<Vec<&Comparison>> {
    let mut groups: Vec<Vec<&Comparison>> = Vec::new();
    for comparison in comparisons {
        let key = |c: &Comparison| (c.benchmark.clone(), c.base.clone(), c.new.clone());
        match groups.iter_mut().find(|group| key(group[0]) == key(comparison)) {
            Some(group) => group.push(comparison),
            None => groups.push(vec![comparison]),
        }
    }
    groups
}

fn verdicts(report: &Report) -> Vec<Vec<String>> {
    let head = ["benchmark", "metric", "base", "new", "difference", "verdict", "no change shows", "runs"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for group in groups(&report.comparisons) {
        let many = group.len() > METRICS;
        for comparison in group {
            let plain = PRIMARY.contains(&comparison.metric.as_str()) || comparison.metric == "rss_bytes";
            let differs = matches!(comparison.verdict, Verdict::Slower | Verdict::Faster);
            if !plain && many && !differs {
                continue;
            }
            rows.push(vec![
                shorten_name(&subject(report, comparison), 40),
                metric_words(&comparison.metric).to_owned(),
                value_words(comparison.base_value, &comparison.metric),
                value_words(comparison.new_value, &comparison.metric),
                difference_words(comparison),
                verdict_words(comparison)
                    .split(" by ")
                    .next()
                    .unwrap_or_default()
                    .split([',', '(', ':'])
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
                comparison.floor.map_or_else(|| NOT_MEASURED.into(), |floor| format!("±{}", share(floor))),
                comparison.runs.to_string(),
            ]);
        }
    }
    rows
}

fn functions_of<'a>(report: &'a Report, explanation: &Explanation) -> Vec<&'a FunctionRow> {
    let own = |row: &&FunctionRow| {
        (&row.benchmark, &row.base, &row.new) == (&explanation.benchmark, &explanation.base, &explanation.new)
    };
    report.functions.iter().filter(own).collect()
}

fn functions_title(explanation: &Explanation, functions: &[&FunctionRow]) -> String {
    let grey = functions.iter().filter(|row| row.charged.effect == Effect::Same).count() as u64;
    let remainder = explanation.remainder_share.map_or_else(String::new, |part| {
        format!("; {:.0} % of the difference is in no function that surely differs", part * 100.0)
    });
    let noise = if explanation.noise_unknown {
        "; one run a side: intervals hold the error of counting samples only"
    } else {
        ""
    };
    let metric = metric_words(&explanation.metric);
    format!(
        "functions that changed, {metric} a run with what they called outside own code ({} inside noise){remainder}{noise}",
        plural(grey, "other")
    )
}

fn changed(functions: &[&FunctionRow]) -> Vec<Vec<String>> {
    let head = ["base", "new", "difference", "total", "effect", "function"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let changed = functions.iter().filter(|row| row.charged.effect != Effect::Same).take(FUNCTIONS);
    rows.extend(changed.map(|row| {
        let Change { base, new, low, high, effect } = row.charged;
        let time = |ns: f64| measured(ns, crate::model::Unit::Nanoseconds);
        let place = place(&row.file, row.line);
        let total = row.total.difference();
        let sign = if total < 0.0 { "-" } else { "+" };
        vec![
            time(base),
            time(new),
            change_words(new - base, low, high),
            format!("{sign}{}", time(total.abs())),
            format!("{effect:?}").to_lowercase(),
            format!("{}  {place}", shorten_name(&row.name, 60)).trim_end().to_owned(),
        ]
    }));
    rows
}

fn changed_resources(report: &Report) -> Vec<Vec<String>> {
    let head = ["resource", "base", "new", "difference"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let worth = |resource: &&Resource| {
        let moved = resource.ratio.is_none_or(|ratio| (ratio - 1.0).abs() >= RESOURCE);
        moved && resource.base_value != resource.new_value
    };
    rows.extend(report.resources.iter().filter(worth).map(|resource| {
        let value =
            |value: Option<f64>| value.map_or_else(|| NOT_MEASURED.into(), |value| measured(value, resource.unit));
        let ratio = resource.ratio.map_or_else(|| NOT_MEASURED.into(), |ratio| crate::format::difference(ratio, None));
        let name =
            if report.sides.len() > 2 { format!("{}, {}", resource.name, resource.new) } else { resource.name.into() };
        vec![name, value(resource.base_value), value(resource.new_value), ratio]
    }));
    rows
}

/// Caches whose hit rate differs, or that only one side has.
fn changed_caches(report: &Report) -> Vec<Vec<String>> {
    let head = ["hit rate is", "base", "new", "points", "cache"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(report.caches.iter().filter(|change| change.shift != Shift::Same).map(|change| {
        let rate = |rate: Option<f64>| rate.map_or_else(|| NOT_MEASURED.into(), share);
        let side = if report.sides.len() > 2 { format!(", {}", change.new) } else { String::new() };
        let place = place(change.file.as_deref().unwrap_or_default(), change.line.unwrap_or(0));
        vec![
            change.word().to_owned(),
            rate(change.base_rate),
            rate(change.new_rate),
            change.points().unwrap_or_else(|| NOT_MEASURED.into()),
            format!("{}{side}  {place}", shorten_name(&change.name, 60)).trim_end().to_owned(),
        ]
    }));
    rows
}

/// `hit rates of caches, in points of percent; 3 others show no difference beyond its error`.
fn caches_title(report: &Report, listed: usize) -> String {
    let others = report.caches.len() - listed;
    let same = match (listed, others) {
        (_, 0) => String::new(),
        (0, _) => format!("; {} without a difference beyond its error", plural(others as u64, "cache")),
        _ => format!("; {} without a difference beyond its error", plural(others as u64, "other")),
    };
    let independent = report.caches.iter().any(|change| change.independent && change.shift != Shift::Same);
    let only = if independent { " (some intervals hold only if calls were independent)" } else { "" };
    format!("hit rates of caches{only}{same}")
}

fn environment_line(difference: &super::Difference) -> String {
    let known = |value: &String| if value.is_empty() { "not known".to_owned() } else { value.clone() };
    format!("{}: {} in base, {} in new", difference.field, known(&difference.base_value), known(&difference.new_value))
}

/// What the verdicts leave open, each once.
fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for note in report.comparisons.iter().flat_map(|comparison| &comparison.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    for explanation in &report.explained {
        for carrier in explanation.carriers.iter().take(3) {
            if let (Some(inside), Some(part)) = (&carrier.spent_in, carrier.spent_in_share) {
                notes.push(format!("{}: {:.0} % of it in {inside}", carrier.name, part * 100.0));
            }
        }
        for carrier in explanation.carriers.iter().skip(1).take(4) {
            if let Some(share) = share_words(carrier) {
                notes.push(format!("{share} of the difference is from {}", path_words(carrier)));
            }
        }
    }
    notes
}

/// Cells in columns; `right` says which end at the same place.
fn aligned(rows: &[Vec<String>], right: &[bool]) -> Vec<String> {
    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..right.len()).map(wide).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).zip(right).map(|((cell, width), right)| {
            let fill = " ".repeat(width - cell.chars().count());
            if *right { format!("{fill}{cell}") } else { format!("{cell}{fill}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
