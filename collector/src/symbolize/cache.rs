//! What one recording computed and the next would compute again: the kernel's symbols, inflated debug sections, byte code.
//!
//! Files in `$XDG_CACHE_HOME/perfcollect` (else `~/.cache/perfcollect`), each with a checksum, replaced as a whole, all
//! together bounded. Nothing depends on them: what is missing, damaged or not ours alone is as if it had never been
//! there. Must never fail.

use super::mapped;
use memmap2::Mmap;
use std::borrow::Cow;
use std::env;
use std::fs::{self, DirBuilder, File, Metadata};
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::ops::Deref;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;

/// Bytes of all files; the oldest go first.
const LIMIT: u64 = 256 << 20;
/// Bytes of one file.
pub(crate) const FILE_LIMIT: usize = 64 << 20;
/// Mark and version of the layout, then eight bytes of checksum.
const MAGIC: &[u8; 8] = b"PCCACHE1";
const HEADER: usize = 16;

/// A folder of cached files.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// The content of a cached file.
#[derive(Debug)]
pub(crate) struct Cached(Mmap);

impl Deref for Cached {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[HEADER..]
    }
}

impl Cache {
    /// This user's; `None` where there is no home.
    pub(crate) fn of_user() -> Option<Self> {
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(Self { folder: base.join("perfcollect") })
    }

    #[cfg(test)]
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// What was stored under a name.
    pub(crate) fn read(&self, name: &str) -> Option<Cached> {
        if !self.is_ours() {
            return None;
        }
        let file = File::open(self.folder.join(name))
            .ok()
            .filter(|file| file.metadata().is_ok_and(|meta| only_ours(&meta)))?;
        let bytes = mapped::map(&file).ok()?;
        let (head, content) = bytes.split_at_checked(HEADER)?;
        let sound = head.starts_with(MAGIC) && head[MAGIC.len()..] == checksum([content]);
        sound.then_some(Cached(bytes))
    }

    /// Stores the parts one after another under a name.
    pub(crate) fn write(&self, name: &str, parts: &[&[u8]]) {
        if parts.iter().map(|part| part.len()).sum::<usize>() <= FILE_LIMIT {
            // Without it, the next recording takes as long as this one.
            self.try_write(name, parts).ok();
        }
    }

    fn try_write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        if !self.is_ours() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let part = self.folder.join(format!(".{name}.{}", process::id()));
        let written = write_part(&part, parts).and_then(|()| fs::rename(&part, self.folder.join(name)));
        if written.is_err() {
            fs::remove_file(&part).ok();
        }
        written?;
        self.prune(name)
    }

    /// Removes the oldest files until the rest is within the limit; `newest` stays.
    fn prune(&self, newest: &str) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)?.flatten() {
            let meta = entry.metadata()?;
            files.push((meta.modified()?, meta.len(), entry.path()));
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files.iter().filter(|(.., path)| !path.ends_with(newest)) {
            if total <= LIMIT {
                break;
            }
            fs::remove_file(path)?;
            total -= size;
        }
        Ok(())
    }

    /// Others who may write here could make up names, and root's files in a user's folder would be in his way.
    fn is_ours(&self) -> bool {
        fs::metadata(&self.folder).is_ok_and(|meta| only_ours(&meta))
    }
}

/// Whether nobody else may write it.
fn only_ours(meta: &Metadata) -> bool {
    meta.uid() == nix::unistd::geteuid().as_raw() && meta.mode() & 0o022 == 0
}

fn write_part(part: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let whole = if let [one] = parts { Cow::Borrowed(*one) } else { Cow::Owned(parts.concat()) };
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(part)?;
    file.write_all(MAGIC)?;
    file.write_all(&checksum([&whole]))?;
    file.write_all(&whole)
}

fn checksum(content: [&[u8]; 1]) -> [u8; 8] {
    foldhash::quality::FixedState::with_seed(1).hash_one(content).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_or_not_ours_is_not_there() {
        let temp = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(&temp.path().join("a/b"));
        assert!(cache.read("x").is_none());
        cache.write("x", &[b"one", b" two"]);
        assert_eq!(&*cache.read("x").unwrap(), b"one two");
        cache.write("x", &[b"three"]);
        assert_eq!(&*cache.read("x").unwrap(), b"three");
        assert_eq!(fs::read_dir(temp.path().join("a/b")).unwrap().count(), 1, "nothing else is left");
        let path = temp.path().join("a/b/x");
        let sound = fs::read(&path).unwrap();
        for cut in 0..sound.len() {
            fs::write(&path, &sound[..cut]).unwrap();
            assert!(cache.read("x").is_none(), "cut at {cut}");
        }
        for byte in 0..sound.len() {
            let mut flipped = sound.clone();
            flipped[byte] ^= 4;
            fs::write(&path, &flipped).unwrap();
            assert!(cache.read("x").is_none(), "byte {byte}");
        }
        fs::write(&path, &sound).unwrap();
        let rights = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(temp.path().join("a/b"), rights).unwrap();
        assert!(cache.read("x").is_none(), "others may write here");
    }

    #[test]
    fn the_oldest_files_go_first() {
        let temp = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(temp.path());
        for (name, age) in [("old", 200), ("older", 300), ("recent", 100)] {
            let file = File::create(temp.path().join(name)).unwrap();
            file.set_len(LIMIT / 2 - 100).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(age)).unwrap();
        }
        cache.write("new", &[b"1"]);
        let mut names: Vec<String> =
            fs::read_dir(temp.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["new", "old", "recent"]);
    }
}
