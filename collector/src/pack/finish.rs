//! Writing the file in one step, and the figures of the end.

use super::EndOfRun;
use anyhow::Context;
use nix::sys::resource::{UsageWho, getrusage};
use perfcollect_shared::model::Overhead;
use perfcollect_shared::units::{Bytes, Nanos};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// What recording cost, up to now.
pub(super) fn overhead(end: &EndOfRun) -> Overhead {
    let finish = u64::try_from(end.ended.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
    let resident = usage.and_then(|usage| u64::try_from(usage.max_rss()).ok()).map(|kib| Bytes(kib * 1024));
    Overhead {
        finish_ns: Some(Nanos(finish)),
        collector_rss_bytes: end.overhead.collector_rss_bytes.or(resident),
        ..end.overhead.clone()
    }
}

/// Writes a file beside its target, waits for the disk, and renames it into place.
pub(crate) fn write_in_place(target: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_in_place_with(target, |file| Ok(file.write_all(bytes)?))
}

/// The same for what is not in memory as a whole.
pub(crate) fn write_in_place_with(
    target: &Path,
    write: impl FnOnce(&mut File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let part = beside(target);
    let written = write_and_rename(&part, target, write);
    if written.is_err() {
        // It may not even have been made.
        fs::remove_file(&part).ok();
    }
    written?;
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| format!("cannot sync {}", folder.display()))
}

fn write_and_rename(
    part: &Path,
    target: &Path,
    write: impl FnOnce(&mut File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let told = || format!("cannot write {}", part.display());
    let mut file = File::options().write(true).create(true).truncate(true).open(part).with_context(told)?;
    write(&mut file).with_context(told)?;
    file.sync_all().with_context(told)?;
    fs::rename(part, target).with_context(|| format!("cannot rename {} to {}", part.display(), target.display()))
}

fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // One name, so that what a kill leaves of it is replaced by the next try; the spool's lock keeps others away.
    target.with_file_name(format!(".{name}.part"))
}

/// How many lines a file has from this one on, a last one without an end included.
pub(super) fn lines_from(path: &Path, first: u64) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(256 * 1024, File::open(path)?);
    let mut lines: u64 = 0;
    while reader.skip_until(b'\n')? > 0 {
        lines += 1;
    }
    Ok((lines + 1).saturating_sub(first))
}
