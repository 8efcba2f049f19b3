//! Judged caches for a terminal. The page has its own view, and must not reach this.

use super::{Row, RowChange, Shift, Verdict, words};
use crate::format::{NOT_MEASURED, count, place, plural, share, shorten_name};
use crate::stats::Interval;
use std::fmt::Write as _;

/// Caches whose reasons are told; `--format json` has all.
const TOLD: usize = 20;

/// A table, and the reasons of the first. Caches of libraries that nothing asked for are counted only, unless `all` are wanted.
#[must_use]
pub fn text(rows: &[Row], all: bool) -> String {
    let used = rows.iter().filter(|row| row.verdict != Verdict::NotExercised).count();
    let mut text =
        format!("{}, {} of them used; what each saved, less what it cost:\n\n", caches(rows.len()), count(used as u64));
    let (shown, aside) = shown(rows, all);
    let cells: Vec<[String; 6]> = shown.into_iter().map(cells).collect();
    if !cells.is_empty() {
        text += &table(["verdict", "hits", "requests", "slots", "saved", "cache"], &cells);
    }
    text.extend(aside.map(|aside| aside + "\n"));
    for row in rows.iter().filter(|row| row.verdict != Verdict::NotExercised).take(TOLD) {
        let _infallible = write!(text, "\n{}: {}\n", row.name, advice(row));
        for reason in &row.reasons {
            let _infallible = writeln!(text, "  {reason}");
        }
        if !row.would_change.is_empty() {
            let _infallible = writeln!(text, "  would change it: {}", row.would_change.join("; "));
        }
        if let Some(why) = &row.presets.disagrees {
            let says = rule(row);
            let _infallible = writeln!(text, "  a rule of thumb says {says}; {why}");
        }
        if let Some(next) = &row.next {
            let _infallible = writeln!(text, "  would tell: {next}");
        }
    }
    if used > TOLD {
        let _infallible =
            write!(text, "\n{} more; `--format json` has the reasons of all\n", count((used - TOLD) as u64));
    }
    text
}

/// The table alone, as the report shows it.
#[must_use]
pub fn lines(rows: &[Row]) -> Vec<String> {
    let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
    let table = table(["verdict", "hits", "requests", "slots", "saved", "cache"], &cells);
    table.lines().map(str::to_owned).collect()
}

/// Rows that are listed, and what is said of those that are not.
fn shown(rows: &[Row], all: bool) -> (Vec<&Row>, Option<String>) {
    let shown: Vec<&Row> = rows.iter().filter(|row| all || !row.is_aside()).collect();
    let aside = rows.len() - shown.len();
    let and = if shown.is_empty() { "" } else { "and " };
    let said = format!("{and}{} of libraries that nothing asked for; `--all` lists them", caches(aside));
    (shown, (aside > 0).then_some(said))
}

/// The same as a Markdown table.
#[must_use]
pub fn markdown(rows: &[Row], all: bool) -> String {
    let mut text = "| cache | verdict | hits | requests | slots | saved |\n|---|---|---:|---:|---:|---:|\n".to_owned();
    let (shown, aside) = shown(rows, all);
    for row in shown {
        let [verdict, hits, requests, slots, saved, name] = cells(row).map(|cell| cell.replace('|', "\\|"));
        let _infallible = writeln!(text, "| {name} | {verdict} | {hits} | {requests} | {slots} | {saved} |");
    }
    text.extend(aside.map(|aside| format!("\n{aside}\n")));
    text
}

/// Which caches changed between two recordings.
#[must_use]
pub fn changes_text(changes: &[RowChange]) -> String {
    let cells: Vec<[String; 5]> = changes.iter().map(change_cells).collect();
    let lead = format!("hit rates of {}:\n\n", caches(changes.len()));
    lead + &table(["hit rate is", "base", "new", "difference", "cache"], &cells)
}

/// The same as a Markdown table.
#[must_use]
pub fn changes_markdown(changes: &[RowChange]) -> String {
    let mut text = "| cache | hit rate is | base | new | difference |\n|---|---|---:|---:|---:|\n".to_owned();
    for change in changes {
        let [shift, base, new, difference, name] = change_cells(change).map(|cell| cell.replace('|', "\\|"));
        let _infallible = writeln!(text, "| {name} | {shift} | {base} | {new} | {difference} |");
    }
    text
}

fn change_cells(change: &RowChange) -> [String; 5] {
    let of = |row: &Option<Row>| row.as_ref().map_or_else(|| NOT_MEASURED.into(), rate);
    let difference = change.difference.map_or_else(
        || NOT_MEASURED.into(),
        |by| format!("{:+.1} points [{:+.1}, {:+.1}]", 100.0 * by.value, 100.0 * by.low, 100.0 * by.high),
    );
    let shift = match change.shift {
        Shift::Higher => "higher",
        Shift::Lower => "lower",
        Shift::Same => "no difference beyond its error",
        Shift::New => "new",
        Shift::Gone => "gone",
        Shift::Unknown => "not known",
    };
    [shift.to_owned(), of(&change.base), of(&change.new), difference, change.name.clone()]
}

fn caches(number: usize) -> String {
    plural(number as u64, "cache")
}

fn cells(row: &Row) -> [String; 6] {
    let number = |value: Option<u64>| value.map_or_else(|| NOT_MEASURED.into(), count);
    let slots = if row.candidate { "none".into() } else { row.slots().unwrap_or_else(|| NOT_MEASURED.into()) };
    let saved = match (row.saved_ns, row.saved_ns_low, row.saved_ns_high) {
        (Some(value), Some(low), Some(high)) => words::time_within(Interval { value, low, high }),
        (None, _, Some(high)) => format!("at most {}", words::time(high)),
        _ => NOT_MEASURED.into(),
    };
    let file = row.file.as_deref().map_or_else(String::new, |file| format!("  {}", place(file, row.line.unwrap_or(0))));
    [advice(row), rate(row), number(row.requests), slots, saved, format!("{}{file}", shorten_name(&row.name, 60))]
}

/// `12 % [9.1 %, 15 %]`.
fn rate(row: &Row) -> String {
    match (row.rate, row.rate_low, row.rate_high) {
        (Some(value), Some(low), Some(high)) => words::share_within(Interval { value, low, high }),
        (Some(value), ..) => share(value),
        _ => NOT_MEASURED.into(),
    }
}

/// `RESIZE to 200`.
fn advice(row: &Row) -> String {
    let word = row.verdict.word();
    match (row.verdict, row.advised_capacity, row.advised_policy, row.advised_ttl_ns) {
        (Verdict::Resize, Some(size), ..) => format!("{word} to {}", count(size)),
        (Verdict::Add, Some(size), ..) => format!("{word} with {}", count(size)),
        (Verdict::Policy, _, Some(policy), _) => format!("{word} {policy}"),
        (Verdict::Ttl, _, _, Some(ttl)) => format!("{word} {}", crate::format::duration(ttl)),
        (Verdict::Ttl, ..) => format!("{word} none"),
        _ => word.to_owned(),
    }
}

/// What the rule says that the verdict differs from.
fn rule(row: &Row) -> &'static str {
    let rules = &row.presets;
    rules.speed_up.as_ref().or(rules.hit_rate.as_ref()).map_or("otherwise", |preset| preset.says)
}

/// Columns of text, aligned to the left: most are words.
fn table<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> String {
    let titles = titles.map(str::to_owned);
    let mut text = String::new();
    for row in std::iter::once(&titles).chain(rows) {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = |row: &[String; N]| row[column].chars().count();
            let widest = rows.iter().map(width).fold(width(&titles), usize::max);
            line += cell;
            line.extend(std::iter::repeat_n(' ', widest - cell.chars().count() + 2));
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
