//! `perfcollect recover`: bundles from recordings that were cut short, and from damaged bundle files.

use crate::bench;
use crate::cli::RecoverArgs;
use crate::exit_code::ExitCode;
use crate::pack::{is_series, pack, pack_series, write_in_place};
use crate::spool;
use crate::store::{self, ENDING, Library};
use crate::symbolize::Images;
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use nix::fcntl::Flock;
use perfcollect_shared::bundle;
use perfcollect_shared::derive::summary::summarize;
use perfcollect_shared::format::plural;
use perfcollect_shared::model::{Bundle, Warning};
use perfcollect_shared::report::warning_text;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use ulid::Ulid;

/// Looks at a lock before it counts as held by a recording.
const LOCK_TRIES: u32 = 10;

/// Recovers what the arguments name: a spool, a damaged bundle, or all spools of a library.
///
/// # Errors
/// When one thing was named and nothing could be recovered from it.
pub fn run(args: &RecoverArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let terminal = *terminal;
    let Some(path) = &args.path else { return all(&Library::local(), terminal) };
    let output = args.output.as_deref();
    if path.is_file() {
        return damaged(path, output, terminal);
    }
    if !path.is_dir() {
        bail!("there is no file or folder {}", path.display());
    }
    let is_spool = path.join(spool::MANIFEST).is_file() || path.join(spool::LOCK).is_file();
    if !is_spool && output.is_none() {
        return all(&Library::at(path), terminal);
    }
    let target = match output {
        Some(output) => output.to_owned(),
        None => target_of(path)?,
    };
    one(path, &target, terminal)?;
    Ok(ExitCode::FINE)
}

/// Every spool of a library that no recording holds; those that fail are told and kept.
fn all(library: &Library, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let spools = library.dead_spools()?;
    if spools.is_empty() {
        terminal.out(&format!("nothing to recover in {}", library.folder.display()))?;
    }
    let mut code = ExitCode::FINE;
    for found in spools {
        if let Err(error) = one(&found.path, &found.target, terminal) {
            terminal.error(&format!("{error:#}"));
            code = ExitCode::FAILED;
        }
    }
    Ok(code)
}

/// Packs one spool. Its lock is held meanwhile, so that no second `recover` takes it too.
fn one(spool: &Path, target: &Path, terminal: Terminal) -> anyhow::Result<()> {
    let Some(held) = hold(spool).with_context(|| format!("cannot recover {}", spool.display()))? else {
        bail!("{} is still being recorded; it becomes a bundle by itself when the program ends", spool.display())
    };
    if bench::finish::is_spool(spool) {
        let runs = bench::finish::recover(spool, target)?;
        drop(held);
        return Ok(terminal.out(&format!("recovered {} into {}", plural(runs, "run"), target.display()))?);
    }
    if store::is_part_recording(spool) {
        bail!("the last run of {} goes on; recover it when the program has ended", spool.display())
    }
    let packed = if is_series(spool) {
        pack_series(spool, target, None, |_| {})?
    } else {
        pack(spool, target, Images::default(), None)?
    };
    drop(held);
    terminal.out(&line(&packed.bundle, &packed.path))?;
    Ok(())
}

/// The lock of a dead recording. A reader that looks whether somebody records holds it for a moment, so one look is not
/// enough.
fn hold(spool: &Path) -> io::Result<Option<Flock<File>>> {
    for _ in 0..LOCK_TRIES {
        if let Some(held) = store::hold(spool)? {
            return Ok(Some(held));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(None)
}

/// Where the bundle of a spool belongs: beside it.
fn target_of(spool: &Path) -> anyhow::Result<PathBuf> {
    // `x.spool/` and `.` have their name only after this.
    let spool = spool.canonicalize().with_context(|| format!("cannot open {}", spool.display()))?;
    let name = spool.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match name.strip_suffix(".spool") {
        Some(name) if !name.is_empty() => Ok(spool.with_file_name(name)),
        _ => {
            bail!("{} is not named like a spool (NAME.spool); say where the bundle goes with -o FILE", spool.display())
        }
    }
}

/// Writes what is whole in a damaged bundle to a new file; the damaged one stays.
fn damaged(path: &Path, output: Option<&Path>, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let bytes = store::read_file(path)?;
    if bundle::read(&bytes).is_ok_and(|bundle| bundle.reading.is_empty()) {
        terminal.out(&format!("{} is whole: there is nothing to recover", path.display()))?;
        return Ok(ExitCode::FINE);
    }
    let mut repaired = bundle::repair(&bytes).with_context(|| format!("cannot recover {}", path.display()))?;
    if repaired.manifest.id.is_empty() {
        repaired.manifest.id = Ulid::generate().to_string();
        repaired.manifest.summary = summarize(repaired.main_profile().map(|profile| &**profile), &repaired.timeline);
    }
    let target = match output {
        Some(output) => output.to_owned(),
        None => free(recovered_name(path))?,
    };
    write_in_place(&target, &bundle::write(&repaired)?)?;
    terminal.out(&line(&repaired, &target))?;
    for warning in &repaired.manifest.warnings {
        if matches!(warning, Warning::DamagedMember { .. } | Warning::SkippedLines { .. }) {
            terminal.note(&warning_text(warning));
        }
    }
    Ok(ExitCode::FINE)
}

/// `0007-a.perf.zip` becomes `0007-a-recovered.perf.zip`.
fn recovered_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(ENDING).or_else(|| name.strip_suffix(".zip")).unwrap_or(&name);
    path.with_file_name(format!("{stem}-recovered{ENDING}"))
}

fn free(path: PathBuf) -> anyhow::Result<PathBuf> {
    if path.exists() {
        bail!("{} is there already; name another file with -o FILE", path.display());
    }
    Ok(path)
}

fn line(bundle: &Bundle, path: &Path) -> String {
    let samples = bundle.profiles.iter().map(|profile| profile.samples.total_count()).sum();
    let resources = bundle.timeline.samples.len() as u64;
    format!(
        "recovered {} and {} into {}",
        plural(samples, "stack sample"),
        plural(resources, "resource sample"),
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovered_bundle_keeps_its_name() {
        for (damaged, recovered) in [
            ("a/0007-x-abcdef.perf.zip", "a/0007-x-abcdef-recovered.perf.zip"),
            ("download.zip", "download-recovered.perf.zip"),
            ("bundle", "bundle-recovered.perf.zip"),
        ] {
            assert_eq!(recovered_name(Path::new(damaged)), Path::new(recovered));
        }
    }
}
