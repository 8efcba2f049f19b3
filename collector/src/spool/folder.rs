//! The folder itself: made, locked for as long as we live, its manifest replaced as a whole.

use super::{LOCK, MANIFEST};
use anyhow::Context as _;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use perfcollect_shared::model::Manifest;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// A spool folder that this process records into. The lock ends with the process, however that ends.
#[derive(Debug)]
pub struct SpoolFolder {
    path: PathBuf,
    lock: Flock<File>,
}

/// Why a folder cannot be recorded into.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("another recording is being written to {0}")]
    Recording(PathBuf),
    #[error("{0} holds a recording that was cut short; `perfcollect recover` it or remove it first")]
    CutShort(PathBuf),
    #[error("cannot write {path}: {error}")]
    Unwritable { path: PathBuf, error: io::Error },
}

impl SpoolFolder {
    /// Makes the folder where it is not there, and locks it. A recording that was cut short is never overwritten.
    ///
    /// # Errors
    /// When it cannot be written, or holds a recording.
    pub fn create(path: &Path) -> Result<Self, SpoolError> {
        let unwritable = |error: io::Error| SpoolError::Unwritable { path: path.to_owned(), error };
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            other => other.map_err(unwritable)?,
        }
        let file = File::options().create(true).append(true).open(path.join(LOCK)).map_err(unwritable)?;
        let lock = lock(file, LOCK_TRIES).map_err(|errno| match errno {
            Errno::EWOULDBLOCK => SpoolError::Recording(path.to_owned()),
            other => unwritable(other.into()),
        })?;
        if path.join(MANIFEST).exists() {
            return Err(SpoolError::CutShort(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), lock })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the manifest as far as it is known.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_manifest(&self, manifest: &Manifest) -> io::Result<()> {
        let new = self.path.join("manifest.new");
        fs::write(&new, serde_json::to_vec_pretty(manifest)?)?;
        fs::rename(new, self.path.join(MANIFEST))
    }

    /// Removes a folder that nothing was recorded into.
    pub fn discard(self) {
        // What cannot be removed now is shown as a recording that was cut short.
        fs::remove_dir_all(&self.path).ok();
        drop(self.lock);
    }
}

/// Removes a spool whose bundle is in place.
///
/// # Errors
/// When it cannot be removed, with what that means.
pub fn remove(spool: &Path) -> anyhow::Result<()> {
    let mut removed = fs::remove_dir_all(spool);
    for _ in 0..REMOVE_TRIES {
        // A process of the program that outlives it may write its counters just now.
        if !matches!(&removed, Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
        removed = fs::remove_dir_all(spool);
    }
    removed.with_context(|| format!("the bundle is written, but {} cannot be removed", spool.display()))
}

/// How often a spool is tried again that somebody writes into.
const REMOVE_TRIES: u32 = 50;

/// A reader that looks whether somebody records holds the lock for a moment: that is no reason to give up.
const LOCK_TRIES: u32 = 10;

fn lock(file: File, tries: u32) -> Result<Flock<File>, Errno> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Err((file, Errno::EWOULDBLOCK)) if tries > 1 => {
            thread::sleep(Duration::from_millis(2));
            lock(file, tries - 1)
        }
        other => other.map_err(|(_, errno)| errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_never_overwritten() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.spool");
        let first = SpoolFolder::create(&path).unwrap();
        assert!(matches!(SpoolFolder::create(&path), Err(SpoolError::Recording(_))));
        first.write_manifest(&Manifest::default()).unwrap();
        drop(first);
        assert!(matches!(SpoolFolder::create(&path), Err(SpoolError::CutShort(_))));
        let missing = temp.path().join("no/x.spool");
        assert!(matches!(SpoolFolder::create(&missing), Err(SpoolError::Unwritable { .. })));
    }

    #[test]
    fn a_spool_goes_though_a_process_still_writes_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        let inner = spool.join("agent");
        fs::create_dir_all(&inner).unwrap();
        let writer = thread::spawn(move || {
            let names = 0..200_000;
            names.map(|name| inner.join(name.to_string())).take_while(|path| File::create(path).is_ok()).count()
        });
        while fs::read_dir(spool.join("agent")).unwrap().next().is_none() {
            thread::yield_now();
        }
        remove(&spool).unwrap();
        assert!(writer.join().unwrap() > 0 && !spool.exists());
    }
}
