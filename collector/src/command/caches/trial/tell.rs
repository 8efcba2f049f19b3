//! What came of a trial, for people and programs.

use super::sides::Sides;
use crate::agent::Counted;
use crate::bench::{export, table};
use crate::cli::{CachesTryArgs, ReportFormat};
use crate::command::bench::Done;
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use perfcollect_shared::compare::{self, Comparison};
use perfcollect_shared::format::{count, plural, share, shell_word};
use perfcollect_shared::report::{bench_report, warning_text};
use serde_json::{Value, json};

/// Says it, and which exit code follows.
pub(super) fn tell(args: &CachesTryArgs, sides: &Sides, done: Done, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let mut code = done.code(terminal);
    let results = &done.results;
    let counted = counted(sides)?;
    let measured = results.set.benchmarks.iter().any(|benchmark| benchmark.metric("wall_ns").is_some());
    if measured {
        let comparisons = compare::within(&results.set, &results.rules);
        match args.format {
            ReportFormat::Json => {
                terminal.out(&serde_json::to_string_pretty(&as_json(&done, comparisons, &counted)?)?)?;
            }
            ReportFormat::Markdown => {
                let lines = lines(&counted).join("\n- ");
                let sentences = table::sentences(&results.set, &comparisons).join("\n\n");
                terminal.out(&format!("{}\n{sentences}\n\n- {lines}\n", export::markdown(&results.set)))?;
            }
            ReportFormat::Text if !terminal.quiet => {
                terminal.out(&as_text(&done, &comparisons, &counted))?;
            }
            ReportFormat::Text => {}
        }
        for (name, side) in sides.missing() {
            terminal.error(&format!("{name} was made in no run of `{side}`: nothing was changed there"));
            code = ExitCode::FAILED;
        }
    }
    if let Some(path) = done.kept? {
        let shown = shell_word(&path.display().to_string());
        terminal.note(&format!("all runs are in {}; next: perfcollect serve {shown}", path.display()));
    }
    Ok(code)
}

/// What the caches of one side counted.
struct Row {
    side: String,
    name: String,
    counted: Counted,
}

fn counted(sides: &Sides) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for side in &sides.all {
        let found = side.read()?;
        rows.extend(found.caches.into_iter().map(|(name, counted)| Row { side: side.name.clone(), name, counted }));
    }
    Ok(rows)
}

/// `as it is: __main__.f, 128 entries: 0 of 30,000 lookups were hits (0 %)`.
fn lines(rows: &[Row]) -> Vec<String> {
    let line = |row: &Row| {
        let size = match row.counted.now {
            None => "no limit".to_owned(),
            Some(0) => "off".to_owned(),
            Some(entries) => plural(entries, "entry").replace("entrys", "entries"),
        };
        let Some((hits, misses)) = row.counted.hits.zip(row.counted.misses) else {
            return format!("{}: {}, {size}: its library does not count", row.side, row.name);
        };
        let asked = hits + misses;
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let part = if asked == 0 { 0.0 } else { hits as f64 / asked as f64 };
        format!(
            "{}: {}, {size}: {} of {} lookups were hits ({})",
            row.side,
            row.name,
            count(hits),
            count(asked),
            share(part)
        )
    };
    rows.iter().map(line).collect()
}

fn as_text(done: &Done, comparisons: &[Comparison], rows: &[Row]) -> String {
    let results = &done.results;
    let mut text = table::text(&results.set, comparisons, results.rules.confidence);
    text.push_str("\ncaches, all runs together:\n");
    text.extend(lines(rows).into_iter().map(|line| format!("  {line}\n")));
    let warnings: Vec<String> = results.warnings.iter().map(warning_text).collect();
    if !warnings.is_empty() {
        text.push('\n');
        text.extend(warnings.into_iter().map(|line| format!("warning: {line}\n")));
    }
    text
}

fn as_json(done: &Done, comparisons: Vec<Comparison>, rows: &[Row]) -> anyhow::Result<Value> {
    let results = &done.results;
    let report = bench_report(results.set.clone(), comparisons, &results.warnings, results.rules.confidence);
    let mut value = serde_json::to_value(&report)?;
    let row = |row: &Row| {
        json!({
            "benchmark": row.side,
            "name": row.name,
            "capacity_in_source": row.counted.was,
            "capacity": row.counted.now,
            "hits": row.counted.hits,
            "misses": row.counted.misses,
            "entries": row.counted.entries,
        })
    };
    if let Some(fields) = value.as_object_mut() {
        fields.insert("caches".to_owned(), rows.iter().map(row).collect());
    }
    Ok(value)
}
