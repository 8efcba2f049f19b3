//! A history in words, for terminals and pull requests.

use super::{Series, Trend};
use crate::format::metric::{markdown_escape, name as metric_name};
use crate::format::{command_line, measured, plural};
use crate::stats::median;
use std::fmt::Write as _;

/// Signs of the small picture.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Widest picture.
const WIDTH: usize = 64;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    pub color: bool,
}

impl Style {
    fn paint(self, worse: bool, text: &str) -> String {
        let code = if worse { 31 } else { 32 };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// For a terminal.
#[must_use]
pub fn text(trend: &Trend, style: Style) -> String {
    let mut out = head(trend) + "\n";
    for series in &trend.series {
        let _infallible = write!(out, "\n{}\n", title(series));
        if !series.differs.is_empty() {
            let _infallible =
                writeln!(out, "  a series of its own, another environment: {}", series.differs.join("; "));
        }
        if series.points.len() > 1 {
            let _infallible = writeln!(out, "  {}  {}", picture(series), range(series));
        }
        let newest = series.changes.last().map(|change| change.worse);
        let summary = newest.map_or_else(|| series.summary.clone(), |worse| style.paint(worse, &series.summary));
        let _infallible = writeln!(out, "  {summary}");
        for change in series.changes.iter().rev() {
            if series.changes.len() > 1 {
                let _infallible = writeln!(out, "  suspected: {}", change.summary);
            }
            if let Some(why) = &change.unconfirmed {
                let _infallible = writeln!(out, "    not to be confirmed from here: {why}");
            } else if !change.confirm.is_empty() {
                out.push_str("    confirm it with an interleaved run of both commits:\n");
                out.extend(change.confirm.iter().map(|line| format!("      {line}\n")));
            }
        }
    }
    out.extend(trend.warnings.iter().map(|warning| format!("\nwarning: {warning}\n")));
    out
}

/// For a pull request.
#[must_use]
pub fn markdown(trend: &Trend) -> String {
    let mut out = format!("**{}**\n\n", markdown_escape(&head(trend)));
    if !trend.series.is_empty() {
        out.push_str("| benchmark | metric | history | newest | says |\n|---|---|---|---:|---|\n");
    }
    for series in &trend.series {
        let newest = series.points.last().map(|point| measured(point.value, series.unit)).unwrap_or_default();
        let cells = [
            markdown_escape(&series.benchmark),
            metric_name(&series.metric).to_owned(),
            picture(series),
            newest,
            markdown_escape(&series.summary),
        ];
        let _infallible = writeln!(out, "| {} |", cells.join(" | "));
    }
    for (series, change) in trend.series.iter().flat_map(|one| one.changes.iter().map(move |change| (one, change))) {
        if !change.confirm.is_empty() {
            let what = markdown_escape(&format!("{}: {}", series.benchmark, change.summary));
            // A fence longer than any inside.
            let fence = "`".repeat(longest_ticks(&change.confirm) + 3);
            let lines = change.confirm.join("\n");
            let _infallible = write!(
                out,
                "\n<details><summary>Confirm: {what}</summary>\n\n{fence}sh\n{lines}\n{fence}\n\n</details>\n"
            );
        }
    }
    for warning in &trend.warnings {
        let _infallible = write!(out, "\n- {}", markdown_escape(warning));
    }
    out.trim_end().to_owned() + "\n"
}

fn longest_ticks(lines: &[String]) -> usize {
    let runs = lines.iter().flat_map(|line| line.split(|c| c != '`'));
    runs.map(str::len).max().unwrap_or(0)
}

/// The first sentence: what was found in all of it.
fn head(trend: &Trend) -> String {
    let sessions: std::collections::BTreeSet<&str> =
        trend.series.iter().flat_map(|one| one.points.iter().map(|point| point.source.as_str())).collect();
    if trend.series.is_empty() {
        return format!("no history in {}", trend.source);
    }
    let (mut worse, mut better) = (0, 0);
    for change in trend.series.iter().flat_map(|one| &one.changes) {
        *(if change.worse { &mut worse } else { &mut better }) += 1;
    }
    let of = format!(
        "in {} of {} from {}",
        plural(trend.series.len() as u64, "series").replace("serieses", "series"),
        plural(sessions.len() as u64, "session"),
        trend.source
    );
    match (worse, better) {
        (0, 0) => format!("no change is suspected {of}"),
        (worse, 0) => format!("{} for the worse {of}", plural(worse, "suspected change")),
        (0, better) => format!("{} for the better {of}", plural(better, "suspected change")),
        (worse, better) => format!("{} for the worse, {better} for the better {of}", plural(worse, "suspected change")),
    }
}

fn title(series: &Series) -> String {
    let command = command_line(&series.command);
    let parameters: Vec<String> = series.parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let told = [series.benchmark.clone(), parameters.join(", "), metric_name(&series.metric).to_owned()];
    let told: Vec<String> = told.into_iter().filter(|part| !part.is_empty()).collect();
    let of = if command.is_empty() || command == series.benchmark { String::new() } else { format!("  ({command})") };
    format!("{}{of}", told.join(" · "))
}

/// From the lowest to the highest: `1.20 s … 1.36 s`.
fn range(series: &Series) -> String {
    let values = series.points.iter().map(|point| point.value);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    format!("{} … {}", measured(low, series.unit), measured(high, series.unit))
}

/// One sign a session, a bar before each suspected change; more sessions than fit are put together, by their medians.
fn picture(series: &Series) -> String {
    let points = &series.points;
    let each = points.len().div_ceil(WIDTH).max(1);
    let columns: Vec<f64> = points
        .chunks(each)
        .filter_map(|chunk| median(&chunk.iter().map(|point| point.value).collect::<Vec<f64>>()))
        .collect();
    let (low, high) = columns.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    let mut out = String::new();
    for (column, value) in columns.iter().enumerate() {
        let at = column * each..(column + 1) * each;
        if series.changes.iter().any(|change| at.contains(&change.at)) {
            out.push('|');
        }
        let part = if high > low { (value - low) / (high - low) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
        out.push(BARS[((part * 7.0).round() as usize).min(7)]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Point};
    use super::*;
    use crate::model::Unit;

    fn trend() -> Trend {
        let point = |value| Point { value, source: "<a|b>.perf.zip".into(), n: 1, ..Point::default() };
        let change = Change {
            at: 2,
            worse: true,
            summary: "wall time +50 % | *x*".into(),
            confirm: vec!["git ```".into()],
            ..Change::default()
        };
        let series = Series {
            benchmark: "so<rt>|".into(),
            metric: "wall_ns".into(),
            unit: Unit::Nanoseconds,
            points: [1e9, 1.1e9, 2e9, 1.9e9].map(point).into(),
            changes: vec![change],
            summary: "it *changed*".into(),
            ..Series::default()
        };
        Trend { source: ".perfcollect".into(), series: vec![series], ..Trend::default() }
    }

    #[test]
    fn the_picture_shows_levels_and_where_they_change() {
        assert_eq!(picture(&trend().series[0]), "▁▂|█▇");
    }

    #[test]
    fn long_histories_fit() {
        let mut series = trend().series.remove(0);
        series.points = (0..1000).map(|i| Point { value: f64::from(i), ..Point::default() }).collect();
        assert!(picture(&series).chars().count() <= WIDTH + 1);
    }

    #[test]
    fn markdown_shows_hostile_names_as_they_are() {
        let out = markdown(&trend());
        assert!(
            out.starts_with("**1 suspected change for the worse in 1 series of 1 session from .perfcollect**"),
            "{out}"
        );
        assert!(out.contains("so&lt;rt&gt;\\|") && out.contains("it \\*changed\\*"), "{out}");
        assert!(out.contains("``````sh\ngit ```\n``````"), "{out}");
    }

    #[test]
    fn text_names_the_suspect_and_what_confirms_it() {
        let out = text(&trend(), Style::default());
        assert!(
            out.contains("so<rt>| · wall time") && out.contains("1.00 s … 2.00 s") && out.contains("      git ```"),
            "{out}"
        );
        assert!(!out.contains('\u{1b}'));
    }
}
