//! `perfcollect scan`: the caches that Python source declares, and who calls them.

use crate::cli::{ScanArgs, ScanFormat};
use crate::exit_code::ExitCode;
use crate::heap;
use crate::scan::report::Scan;
use crate::scan::{self, Options, guide, join, text};
use crate::store::{self, Library};
use crate::terminal::Terminal;
use anyhow::Context;
use perfcollect_shared::bundle;
use perfcollect_shared::format::plural;
use perfcollect_shared::model::Bundle;
use serde::Serialize;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::{fs, iter, thread};

/// Scans a folder and prints what was found.
///
/// # Errors
/// When the folder or the bundle cannot be read, or the output cannot be written.
pub fn run(args: &ScanArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let jobs = args.jobs.map_or_else(|| thread::available_parallelism().map_or(1, NonZero::get), usize::from);
    let options = Options { root: args.folder.clone(), everything: args.packages, jobs, stored: !args.no_cache };
    let cannot = || format!("cannot scan {}", args.folder.display());
    heap::one_for_each_thread();
    if args.parse_only {
        let (bytes, files) = scan::parse_only(&options).with_context(cannot)?;
        terminal.out(&serde_json::json!({ "bytes": bytes, "files": files }).to_string())?;
        return Ok(ExitCode::FINE);
    }
    let mut scan = scan::scan(&options).with_context(cannot)?;
    if let Some(selector) = &args.with {
        lay_over(&mut scan, selector, &args.folder)?;
    }
    if let Some(folder) = &args.write_evaluations {
        write_evaluations(&scan, folder, *terminal)?;
    }
    let told = match args.format {
        ScanFormat::Text => text::text(&scan, args.all),
        ScanFormat::Json => serde_json::to_string_pretty(&scan)? + "\n",
    };
    match &args.output {
        Some(file) => fs::write(file, told).with_context(|| format!("cannot write {}", file.display()))?,
        None => terminal.out(&told)?,
    }
    Ok(ExitCode::FINE)
}

fn lay_over(scan: &mut Scan, selector: &str, folder: &Path) -> anyhow::Result<()> {
    let (path, bundle) = telling(selector)?;
    let root = fs::canonicalize(folder)?;
    join::join(scan, &bundle, &root, &path.display().to_string());
    Ok(())
}

/// The bundle that a selector names. Of `last` it is the newest that tells of functions: the newest of all may be one of
/// measurements, which says nothing of them.
fn telling(selector: &str) -> anyhow::Result<(PathBuf, Bundle)> {
    let library = Library::local();
    let named = library.resolve(selector)?;
    let older = if selector == "last" { library.paths()? } else { Vec::new() };
    for path in iter::once(&named).chain(older.iter().rev().filter(|path| **path != named)) {
        let bytes = store::read_file(path)?;
        let bundle = bundle::read(&bytes).with_context(|| format!("cannot read the bundle {}", path.display()))?;
        let silent = bundle.profiles.is_empty() && bundle.calls.is_empty();
        if !(silent && bundle.caches.is_empty() && bundle.keys.is_empty()) {
            return Ok((path.clone(), bundle));
        }
    }
    let none_before = if older.len() > 1 { ", nor does an older one" } else { "" };
    anyhow::bail!(
        "{} holds neither a profile nor counters of caches{none_before}; record a run with `perfcollect run -- COMMAND`",
        named.display()
    )
}

/// The files of the other tool.
fn write_evaluations(scan: &Scan, folder: &Path, terminal: Terminal) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let rows = guide::evaluations(scan);
    let file = folder.join("existing_cache_evaluations.json");
    write_rows(&file, &rows)?;
    let left_out = scan.caches.iter().filter(|cache| cache.kind == "function").count() - rows.len();
    terminal.note(&format!(
        "wrote {} with {}; {left_out} that the recording did not count are left out",
        file.display(),
        plural(rows.len() as u64, "cache"),
    ));
    write_recommendations(scan, &folder.join("cache_recommendations.json"), terminal)
}

fn write_recommendations(scan: &Scan, file: &Path, terminal: Terminal) -> anyhow::Result<()> {
    let name = file.display();
    let Some(recording) = scan.recording.as_ref().filter(|recording| recording.functions_traced > 0) else {
        terminal.note(&format!(
            "{}: the recording has no keys of functions without a cache; `perfcollect run --cache-candidates 'GLOB' -- \
             COMMAND` records them",
            not_written(file)
        ));
        return Ok(());
    };
    let found = guide::recommendations(scan);
    let reasons: Vec<String> = found.left_out.iter().map(|(reason, number)| format!("{reason} ({number})")).collect();
    let left_out = if reasons.is_empty() { String::new() } else { format!("; left out: {}", reasons.join(", ")) };
    if found.rows.is_empty() {
        let traced = plural(recording.functions_traced, "traced function");
        terminal.note(&format!("{}: no cache is recommended for {traced}{left_out}", not_written(file)));
        return Ok(());
    }
    write_rows(file, &found.rows)?;
    terminal.note(&format!(
        "wrote {name} with {}, whose cached_time is simulated from the recorded keys, not measured{left_out}",
        plural(found.rows.len() as u64, "function"),
    ));
    Ok(())
}

fn not_written(file: &Path) -> String {
    let name = file.display();
    if file.exists() {
        format!("{name} was left as an earlier scan wrote it")
    } else {
        format!("{name} was not written")
    }
}

fn write_rows(file: &Path, rows: &[impl Serialize]) -> anyhow::Result<()> {
    fs::write(file, serde_json::to_string_pretty(rows)?).with_context(|| format!("cannot write {}", file.display()))
}
