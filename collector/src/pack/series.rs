//! From the parts of a series to one bundle.

use super::{Packed, finish, pack};
use crate::spool;
use crate::store::ENDING;
use crate::symbolize::Images;
use anyhow::Context;
use perfcollect_shared::bench::figures_of;
use perfcollect_shared::bundle;
use perfcollect_shared::format::{plural, program, shell_word};
use perfcollect_shared::merge::Merger;
use perfcollect_shared::model::{Bundle, Manifest, Run, Warning};
use perfcollect_shared::units::Bytes;
use std::fs;
use std::path::{Path, PathBuf};

/// What is known at the end of a series, beyond its spool.
#[derive(Clone, Copy, Debug)]
pub struct EndOfSeries {
    /// It was to end before all runs were made.
    pub interrupted: bool,
}

/// Whether a spool holds the parts of a series.
pub(crate) fn is_series(spool: &Path) -> bool {
    spool.join(spool::RUNS).is_dir()
}

/// Turns the spool of a series into a bundle at `target` and removes the spool. Without an `end` the series was cut short:
/// runs whose recording was cut short are packed, too, and the bundle is marked partial. `last_word` may change the bundle.
///
/// # Errors
/// When there is no run, the spool cannot be read or the bundle not be written; the spool is then kept.
pub(crate) fn pack_series(
    spool: &Path,
    target: &Path,
    end: Option<&EndOfSeries>,
    last_word: impl FnOnce(&mut Bundle),
) -> anyhow::Result<Packed> {
    put_together(spool, target, end, last_word).with_context(|| {
        let spool = shell_word(&spool.display().to_string());
        format!(
            "could not write the bundle {}; what was recorded is kept: perfcollect recover {spool} -o ELSEWHERE",
            target.display()
        )
    })
}

fn put_together(
    spool: &Path,
    target: &Path,
    end: Option<&EndOfSeries>,
    last_word: impl FnOnce(&mut Bundle),
) -> anyhow::Result<Packed> {
    let told = || format!("cannot read {}", spool.join(spool::MANIFEST).display());
    let begun: Manifest = serde_json::from_slice(&fs::read(spool.join(spool::MANIFEST)).with_context(told)?)
        .with_context(|| format!("the {} of the recording is damaged", spool::MANIFEST))?;
    if end.is_none()
        && let Some(packed) = super::already_packed(&begun, target)
    {
        spool::remove(spool)?;
        return Ok(packed);
    }
    let mut merger = Merger::new();
    let mut recorded: u64 = 0;
    for part in parts(&spool.join(spool::RUNS))? {
        recorded += u64::from(take(&part, &begun, &mut merger)?);
    }
    let mut built = merger.finish()?;
    describe(&mut built, &begun, recorded, end);
    last_word(&mut built);
    let bytes = bundle::write(&built)?;
    finish::write_in_place(target, &bytes)?;
    spool::remove(spool)?;
    Ok(Packed { bundle: built, path: target.to_owned(), bytes: Bytes(bytes.len() as u64) })
}

/// Paths of the parts' descriptions, in order of time.
fn parts(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let told = || format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(told)? {
        let path = entry.with_context(told)?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Puts one part into the bundle; `true` where it is a recording that counts.
fn take(about: &Path, begun: &Manifest, merger: &mut Merger) -> anyhow::Result<bool> {
    let told = || format!("cannot read {}", about.display());
    let run: Run = serde_json::from_slice(&fs::read(about).with_context(told)?).with_context(told)?;
    let run = Run { benchmark: name_of(&run, begun), ..run };
    let name = about.file_stem().unwrap_or_default().to_string_lossy();
    let path = about.with_file_name(format!("{name}{ENDING}"));
    let cut_short = spool::folder_of(&path);
    if !path.exists() && cut_short.join(spool::MANIFEST).is_file() {
        pack(&cut_short, &path, Images::default(), None)?;
    }
    if !path.exists() {
        // A run to warm up is known by its figures only; of others nothing is left.
        if run.warmup && !run.metrics.is_empty() {
            merger.push_run(run);
        }
        return Ok(false);
    }
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = bundle::read(&bytes).with_context(|| format!("cannot read {}", path.display()))?;
    if run.warmup {
        let figures = figures_of(&read.manifest).into_iter().map(|(name, value)| (name.to_owned(), value));
        merger.push_run(Run { exit: read.manifest.exit, metrics: figures.collect(), ..run });
        return Ok(false);
    }
    // Its exit was written down where it did not end by itself: then its figures are not the program's.
    let ended_early = run.exit.status().is_some();
    merger.push(&read, run, !ended_early)?;
    Ok(true)
}

fn name_of(run: &Run, begun: &Manifest) -> String {
    if run.benchmark.is_empty() { program(&begun.command) } else { run.benchmark.clone() }
}

/// What only the series as a whole knows.
fn describe(merged: &mut Bundle, begun: &Manifest, recorded: u64, end: Option<&EndOfSeries>) {
    let manifest = &mut merged.manifest;
    manifest.id.clone_from(&begun.id);
    manifest.label.clone_from(&begun.label);
    manifest.tags.clone_from(&begun.tags);
    manifest.command.clone_from(&begun.command);
    manifest.settings.runs = begun.settings.runs;
    let asked = manifest.settings.runs.map_or(recorded, u64::from);
    let of = format!("{recorded} of {}", plural(asked, "run"));
    let reason = match end {
        None => format!("perfcollect itself was ended before all runs were made; {of} recovered"),
        Some(end) if end.interrupted => format!("interrupted: {of} recorded"),
        Some(_) if recorded < asked => format!("ended early: {of} recorded"),
        Some(_) => return,
    };
    manifest.partial = true;
    // Why a part of it is cut short is told by this.
    manifest.warnings.retain(|warning| !matches!(warning, Warning::Partial { .. }));
    manifest.warnings.push(Warning::Partial { reason });
}
