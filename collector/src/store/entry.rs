//! What lies in a library: bundles, and spools of recordings that run or were cut short.

use super::{ENDING, name};
use nix::fcntl::{Flock, FlockArg};
use perfcollect_shared::bundle;
use perfcollect_shared::format::shell_word;
use perfcollect_shared::model::Manifest;
use perfcollect_shared::units::Bytes;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One bundle file of a library.
#[derive(Clone, Debug)]
pub struct Entry {
    pub path: PathBuf,
    /// File name.
    pub name: String,
    /// The number that the name begins with.
    pub number: Option<u32>,
    /// Size of the file.
    pub bytes: Bytes,
    pub modified: Option<SystemTime>,
    /// Its manifest, or why it cannot be read.
    pub manifest: Result<Manifest, String>,
}

impl Entry {
    /// Looks at a bundle file; never fails.
    #[must_use]
    pub fn read(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let metadata = fs::metadata(&path);
        let manifest = fs::read(&path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| bundle::read_manifest(&bytes).map_err(|error| error.to_string()));
        Self {
            number: name::number(&name),
            bytes: Bytes(metadata.as_ref().map_or(0, fs::Metadata::len)),
            modified: metadata.and_then(|metadata| metadata.modified()).ok(),
            name,
            path,
            manifest,
        }
    }
}

/// What is left of a recording that was cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    pub path: PathBuf,
    /// The bundle that it was to become.
    pub target: PathBuf,
}

impl Spool {
    /// The command that turns it into a bundle.
    #[must_use]
    pub fn command(&self) -> String {
        format!("perfcollect recover {}", shell_word(&self.path.display().to_string()))
    }
}

/// Names of everything in a folder, in order; none where it is not there.
pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
    let mut names: Vec<String> = names.filter_map(io::Result::transpose).collect::<io::Result<_>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Bundles of a folder, oldest first: by number; before them those without one, by time of change.
pub(super) fn bundles(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let names = names(folder)?;
    let is_bundle = |name: &&String| name.ends_with(ENDING) && !name.starts_with('.') && folder.join(name).is_file();
    let mut found: Vec<(Option<u32>, Option<SystemTime>, &String)> = names
        .iter()
        .filter(is_bundle)
        .map(|file| match name::number(file) {
            Some(number) => (Some(number), None, file),
            None => (None, fs::metadata(folder.join(file)).and_then(|metadata| metadata.modified()).ok(), file),
        })
        .collect();
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, _, name)| folder.join(name)).collect())
}

/// Spools that no recording holds any more. One without a manifest has just been made, or holds nothing.
pub(super) fn dead_spools(folder: &Path) -> io::Result<Vec<Spool>> {
    let spools = names(folder)?.into_iter().filter_map(|file| {
        let target = file.strip_suffix(".spool")?;
        let (path, target) = (folder.join(&file), folder.join(target));
        let dead = path.join(crate::spool::MANIFEST).is_file() && !is_recording(&path);
        dead.then_some(Spool { path, target })
    });
    Ok(spools.collect())
}

/// Takes the lock of a dead recording, so that nobody else recovers it meanwhile; `None` where a process has it.
///
/// # Errors
/// When the spool cannot be written.
pub fn hold(spool: &Path) -> io::Result<Option<Flock<File>>> {
    let file = File::options().create(true).append(true).open(spool.join(crate::spool::LOCK))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => Ok(Some(held)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}

/// Whether a living process holds the lock of a spool, or that of a part of it.
#[must_use]
pub fn is_recording(spool: &Path) -> bool {
    is_locked(spool) || is_part_recording(spool)
}

/// Whether a run of a series is being recorded: where the series' own process was killed, its last run goes on.
#[must_use]
pub fn is_part_recording(spool: &Path) -> bool {
    let folder = spool.join(crate::spool::RUNS);
    let parts = names(&folder).unwrap_or_default();
    parts.iter().filter_map(|name| name.strip_suffix(".json")).any(|part| {
        let bundle = folder.join(format!("{part}{ENDING}"));
        is_locked(&crate::spool::folder_of(&bundle))
    })
}

fn is_locked(spool: &Path) -> bool {
    let Ok(file) = File::open(spool.join(crate::spool::LOCK)) else { return false };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(lock) => {
            drop(lock);
            false
        }
        Err((_, errno)) => errno == nix::errno::Errno::EWOULDBLOCK,
    }
}
