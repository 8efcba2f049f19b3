//! `perfcollect import`: the bundle out of an exported report, bit for bit, or one of any tool's benchmarks or caches.

use crate::bench_source::Source;
use crate::cli::ImportArgs;
use crate::exit_code::ExitCode;
use crate::pack::write_in_place;
use crate::spool;
use crate::store::{self, Library};
use crate::terminal::Terminal;
use anyhow::{Context, ensure};
use perfcollect_shared::bench::BenchSet;
use perfcollect_shared::bundle;
use perfcollect_shared::import::bench::to_bundle;
use perfcollect_shared::import::caches;
use perfcollect_shared::import::{ImportError, Imported, import};
use std::fs;
use std::path::Path;
use std::time::SystemTime;
use ulid::Ulid;

/// Writes the bundle and says where it lies.
///
/// # Errors
/// When the file holds no bundle, no benchmarks, or damaged ones, or the bundle cannot be written.
pub fn run(args: &ImportArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (bytes, name) = bundle_of(&args.file)?;
    let manifest = bundle::read_manifest(&bytes)
        .with_context(|| format!("the recording in {} is damaged", args.file.display()))?;
    let target = if let Some(path) = &args.output {
        path.clone()
    } else {
        let command = if manifest.command.is_empty() { vec![name] } else { manifest.command };
        Library::local().next_name(&command, &Ulid::from_string(&manifest.id).unwrap_or_default())?
    };
    let written = write_in_place(&target, &bytes);
    if args.output.is_none() {
        // The empty spool that reserved the number.
        fs::remove_dir(spool::folder_of(&target)).ok();
    }
    written?;
    if !manifest.benchmarks.is_empty() {
        let benchmarks = perfcollect_shared::format::plural(manifest.benchmarks.len() as u64, "benchmark");
        terminal.note(&format!("{benchmarks} of {}", manifest.tool.name));
    }
    terminal.note(&format!("{}\nopen it: perfcollect serve {}", target.display(), target.display()));
    Ok(ExitCode::FINE)
}

/// The bytes of a bundle, and what it is called where it has no command.
fn bundle_of(path: &Path) -> anyhow::Result<(Vec<u8>, String)> {
    let told = || format!("cannot import {}", path.display());
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    if path.is_file() {
        let file = store::read_file(path)?;
        match import(&file) {
            Ok(Imported::Bundle(bytes)) => return Ok((bytes.into_owned(), name)),
            Err(ImportError::Unknown) => {}
            Err(error) => return Err(error).with_context(told),
        }
        if let Some(caches) = caches::read(&name, &file).with_context(told)? {
            let start = start(&BenchSet::default(), path).to_string();
            let bundle = caches.into_bundle(&name, Ulid::generate().to_string(), start);
            return Ok((bundle::write(&bundle).with_context(told)?, name));
        }
    }
    let source = Source::of_path(&path.to_string_lossy())?;
    ensure!(
        source.sets.len() == 1,
        "{}: it holds {} sessions, and a bundle holds one: import them one by one",
        told(),
        source.sets.len()
    );
    let set = BenchSet { source: name.clone(), ..source.sets.into_iter().next().unwrap_or_default() };
    let start = start(&set, path).to_string();
    let bundle = to_bundle(&set, Ulid::generate().to_string(), start);
    Ok((bundle::write(&bundle).with_context(told)?, name))
}

/// When the benchmarks were measured: as the file says, where its words are a time; else when it was written.
fn start(set: &BenchSet, path: &Path) -> jiff::Timestamp {
    let told = set.start.as_deref().unwrap_or_default();
    let zoned = told.parse::<jiff::Timestamp>().ok();
    let local = || told.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let written = || fs::metadata(path).and_then(|metadata| metadata.modified()).unwrap_or_else(|_| SystemTime::now());
    zoned
        .or_else(|| Some(local()?.timestamp()))
        .or_else(|| jiff::Timestamp::try_from(written()).ok())
        .unwrap_or_else(jiff::Timestamp::now)
}
