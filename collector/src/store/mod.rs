//! The library of bundles: a folder, by default `.perfcollect` in the current one.
//!
//! Owns names, numbers and selectors of bundles. Must not decode profiles: a listing reads manifests only.

mod entry;
mod name;
mod select;

pub use entry::{Entry, Spool, hold, is_part_recording, is_recording};
pub use select::SelectError;

use anyhow::Context;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use ulid::Ulid;

/// Name of a library in the folder that a program is recorded in.
pub const LIBRARY: &str = ".perfcollect";
/// Ending of every bundle's name.
pub const ENDING: &str = ".perf.zip";

/// A folder of bundles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    pub folder: PathBuf,
}

impl Library {
    /// The library of the current folder, whether it is there or not.
    #[must_use]
    pub fn local() -> Self {
        Self::at(LIBRARY)
    }

    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Makes the folder, with a `.gitignore` that keeps all of it out of the user's repository.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn create(&self) -> anyhow::Result<()> {
        let told = || format!("cannot write the library {}; choose another place with -o FILE", self.folder.display());
        fs::create_dir_all(&self.folder).with_context(told)?;
        let ignore = self.folder.join(".gitignore");
        if !ignore.exists() {
            fs::write(ignore, "*\n").with_context(told)?;
        }
        Ok(())
    }

    /// A path for the next bundle: `0007-orders.py-<last 6 of the id>.perf.zip`.
    ///
    /// Its spool folder is made at once, under a lock: that reserves the number against recordings that start at the
    /// same time.
    ///
    /// # Errors
    /// When the library cannot be written.
    pub fn next_name(&self, command: &[String], id: &Ulid) -> anyhow::Result<PathBuf> {
        self.create()?;
        let told = || format!("cannot write the library {}; choose another place with -o FILE", self.folder.display());
        let lock = File::options().create(true).append(true).open(self.folder.join(".lock")).with_context(told)?;
        let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno).with_context(told)?;
        let number = 1 + entry::names(&self.folder)
            .with_context(told)?
            .iter()
            .filter_map(|file| name::number(file))
            .max()
            .unwrap_or(0);
        let path = self.folder.join(name::file_name(number, command, id));
        fs::create_dir(crate::spool::folder_of(&path)).with_context(told)?;
        drop(lock);
        Ok(path)
    }

    /// All bundles, oldest first. A file that cannot be read is an entry with its error; a folder that is not there
    /// has none.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        Ok(self.paths()?.into_iter().map(Entry::read).collect())
    }

    /// Paths of all bundles, oldest first, without looking into them.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn paths(&self) -> anyhow::Result<Vec<PathBuf>> {
        entry::bundles(&self.folder).with_context(|| format!("cannot read the library {}", self.folder.display()))
    }

    /// Recordings that were cut short and not yet recovered.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn dead_spools(&self) -> anyhow::Result<Vec<Spool>> {
        entry::dead_spools(&self.folder).with_context(|| format!("cannot read the library {}", self.folder.display()))
    }

    /// The bundle that a selector names: `last`, `last-1`, a number, a label or a path.
    ///
    /// # Errors
    /// When there is none; the error lists what there is.
    pub fn resolve(&self, selector: &str) -> Result<PathBuf, SelectError> {
        select::resolve(self, selector)
    }
}

/// Reads a whole bundle file.
///
/// # Errors
/// When it cannot be read.
pub fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read the bundle {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn numbers_go_on_from_bundles_and_spools_and_are_taken_once() {
        let temp = tempfile::tempdir().unwrap();
        let library = Library::at(temp.path().join("deep/.perfcollect"));
        let first = library.next_name(&words("python3 -u orders.py --fast"), &Ulid::generate()).unwrap();
        assert!(first.file_name().unwrap().to_str().unwrap().starts_with("0001-orders.py-"), "{first:?}");
        assert_eq!(fs::read_to_string(library.folder.join(".gitignore")).unwrap(), "*\n");
        fs::write(library.folder.join("0041-x-abcdef.perf.zip"), "").unwrap();

        let paths: Vec<PathBuf> = std::thread::scope(|scope| {
            let take = || library.next_name(&words("ls"), &Ulid::generate()).unwrap();
            let takers: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).collect()
        });
        let mut numbers: Vec<u32> =
            paths.iter().map(|path| name::number(path.file_name().unwrap().to_str().unwrap()).unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (42..50).collect::<Vec<u32>>());
    }

    #[test]
    fn a_library_that_is_not_there_is_empty() {
        let temp = tempfile::tempdir().unwrap();
        let library = Library::at(temp.path().join("none"));
        assert!(library.entries().unwrap().is_empty() && library.dead_spools().unwrap().is_empty());
    }
}
