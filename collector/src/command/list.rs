//! `perfcollect list`: what the library holds, or a log of benchmarks.

use crate::bench_source;
use crate::cli::{ListArgs, ListFormat};
use crate::exit_code::ExitCode;
use crate::store::{Entry, Library, Spool};
use crate::terminal::{Column, Terminal, table};
use perfcollect_shared::bench::log::{Log, LogEntry};
use perfcollect_shared::format;
use perfcollect_shared::model::Manifest;
use perfcollect_shared::units::{Bytes, Nanos};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the JSON form; it grows when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// Prints all bundles, oldest first, and what can be recovered.
///
/// # Errors
/// When the library or the log cannot be read.
pub fn run(args: &ListArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if let Some(log) = &args.log {
        let read = bench_source::read_log(log)?;
        terminal.out(&match args.format {
            ListFormat::Text => log_text(log, &read),
            ListFormat::Json => serde_json::to_string_pretty(&log_listing(log, &read))?,
        })?;
        return Ok(ExitCode::FINE);
    }
    let library = Library::local();
    let (entries, spools) = (library.entries()?, library.dead_spools()?);
    match args.format {
        ListFormat::Text => terminal.out(&text(&library, &entries, &spools))?,
        ListFormat::Json => terminal.out(&serde_json::to_string_pretty(&listing(&library, &entries, &spools))?)?,
    }
    Ok(ExitCode::FINE)
}

fn text(library: &Library, entries: &[Entry], spools: &[Spool]) -> String {
    if entries.is_empty() && spools.is_empty() {
        let folder = library.folder.display();
        return format!("no bundles in {folder} yet; record one with `perfcollect run -- COMMAND`\n");
    }
    let columns = [
        Column::right("no."),
        Column::left("started (UTC)"),
        Column::left("program"),
        Column::right("exit"),
        Column::right("wall"),
        Column::right("cpu"),
        Column::right("peak memory"),
        Column::right("samples"),
        Column::left("label"),
    ];
    let rows: Vec<Vec<String>> =
        entries.iter().filter_map(|entry| Some(row(entry, entry.manifest.as_ref().ok()?))).collect();
    let mut text = if rows.is_empty() { String::new() } else { table(&columns, &rows) };
    for entry in entries {
        if let Err(error) = &entry.manifest {
            text.extend([&entry.name, " cannot be read: ", error, "\n"]);
        }
    }
    for spool in spools {
        text.extend(["a recording was cut short; get what there is of it with: ", &spool.command(), "\n"]);
    }
    text
}

fn row(entry: &Entry, manifest: &Manifest) -> Vec<String> {
    let missing = || format::NOT_MEASURED.to_owned();
    let summary = &manifest.summary;
    let exit = manifest.exit.status().map_or_else(missing, |status| status.to_string());
    vec![
        entry.number.map_or_else(|| entry.name.clone(), |number| number.to_string()),
        format::date(&manifest.start),
        format::shorten_name(&manifest.title(), 32),
        if manifest.partial { format!("{exit} (partial)") } else { exit },
        manifest.wall_ns.map_or_else(missing, |wall| match summary.runs {
            0 => format::duration(wall),
            runs => format!("{} in {}", format::duration(wall), format::plural(runs, "run")),
        }),
        manifest.cpu_ns.map_or_else(missing, format::duration),
        summary.rss_bytes_max.or(summary.peak_process_rss_bytes).map_or_else(missing, format::bytes),
        format::count(summary.samples),
        manifest.label.clone().unwrap_or_default(),
    ]
}

/// The library as JSON, documented in `docs/list-schema.md`.
#[derive(Debug, Serialize)]
struct Listing {
    schema: u32,
    /// Folder of the library.
    library: String,
    bundles: Vec<Listed>,
    recoverable: Vec<Recoverable>,
}

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    number: Option<u32>,
    path: String,
    bytes: Bytes,
    id: Option<String>,
    label: Option<String>,
    tags: Vec<String>,
    command: Vec<String>,
    start: Option<String>,
    exit_code: Option<i32>,
    wall_ns: Option<Nanos>,
    cpu_ns: Option<Nanos>,
    rss_bytes_max: Option<Bytes>,
    samples: Option<u64>,
    runs: Option<u64>,
    partial: Option<bool>,
    warnings: Option<usize>,
    /// Why it cannot be read; all that its manifest would say is then `null`.
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Recoverable {
    path: String,
    command: String,
}

fn listing(library: &Library, entries: &[Entry], spools: &[Spool]) -> Listing {
    Listing {
        schema: SCHEMA_VERSION,
        library: library.folder.display().to_string(),
        bundles: entries.iter().map(listed).collect(),
        recoverable: spools
            .iter()
            .map(|spool| Recoverable { path: spool.path.display().to_string(), command: spool.command() })
            .collect(),
    }
}

fn listed(entry: &Entry) -> Listed {
    let manifest = entry.manifest.as_ref().ok();
    Listed {
        name: entry.name.clone(),
        number: entry.number,
        path: entry.path.display().to_string(),
        bytes: entry.bytes,
        id: manifest.map(|m| m.id.clone()),
        label: manifest.and_then(|m| m.label.clone()),
        tags: manifest.map(|m| m.tags.clone()).unwrap_or_default(),
        command: manifest.map(|m| m.command.clone()).unwrap_or_default(),
        start: manifest.map(|m| m.start.clone()),
        exit_code: manifest.and_then(|m| m.exit.status()),
        wall_ns: manifest.and_then(|m| m.wall_ns),
        cpu_ns: manifest.and_then(|m| m.cpu_ns),
        rss_bytes_max: manifest.and_then(|m| m.summary.rss_bytes_max),
        samples: manifest.map(|m| m.summary.samples),
        runs: manifest.map(|m| m.summary.runs),
        partial: manifest.map(|m| m.partial),
        warnings: manifest.map(|m| m.warnings.len()),
        error: entry.manifest.as_ref().err().cloned(),
    }
}

fn log_text(path: &Path, log: &Log) -> String {
    let columns = [
        Column::right("no."),
        Column::left("when"),
        Column::left("status"),
        Column::right("results"),
        Column::left("command"),
        Column::left("configuration"),
    ];
    let mut text = match log.entries.as_slice() {
        [] => format!("{} has no entries yet; add one with: perfcollect bench --log {0} 'COMMAND'\n", path.display()),
        entries => {
            table(&columns, &entries.iter().enumerate().map(|(index, entry)| log_row(index, entry)).collect::<Vec<_>>())
        }
    };
    for warning in &log.warnings {
        text.extend([warning, "\n"]);
    }
    text
}

fn log_row(index: usize, entry: &LogEntry) -> Vec<String> {
    let config = entry.set.config.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    vec![
        index.to_string(),
        entry.ts.clone(),
        entry.status.clone(),
        entry.set.benchmarks.len().to_string(),
        format::shorten_name(&entry.command, 40),
        config,
    ]
}

/// A log as JSON, documented in `docs/list-schema.md`.
#[derive(Debug, Serialize)]
struct LogListing<'a> {
    schema: u32,
    log: String,
    entries: Vec<LogListed<'a>>,
    warnings: &'a [String],
}

#[derive(Debug, Serialize)]
struct LogListed<'a> {
    index: usize,
    line: usize,
    ts: &'a str,
    status: &'a str,
    error: Option<&'a str>,
    command: &'a str,
    commit: Option<&'a str>,
    config: &'a BTreeMap<String, String>,
    benchmarks: Vec<&'a str>,
}

fn log_listing<'a>(path: &Path, log: &'a Log) -> LogListing<'a> {
    let entries = log.entries.iter().enumerate().map(|(index, entry)| LogListed {
        index,
        line: entry.line,
        ts: &entry.ts,
        status: &entry.status,
        error: entry.error.as_deref(),
        command: &entry.command,
        commit: entry.set.commit.as_deref(),
        config: &entry.set.config,
        benchmarks: entry.set.benchmarks.iter().map(|benchmark| benchmark.name.as_str()).collect(),
    });
    LogListing {
        schema: SCHEMA_VERSION,
        log: path.display().to_string(),
        entries: entries.collect(),
        warnings: &log.warnings,
    }
}
