//! What interpreters compiled of the recorder, kept for the next recording: compiling takes longer than all else at its start.
//!
//! Owns the byte code in a recorder's folder and in the user's cache. It runs inside programs, so only what an
//! interpreter of this user wrote for these very sources is kept, and only from the cache's folder, which is his alone.
//! Python checks version, time and size of each file once more. Must never fail.

use crate::symbolize::cache::Cache;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, DirBuilder, File};
use std::hash::BuildHasher;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, DirEntryExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Bytes of one file, and of all that are kept; beyond, only the newest recording's are.
const FILE_LIMIT: u64 = 1 << 20;
const LIMIT: usize = 8 << 20;
/// Where Python keeps byte code, beside its source.
const PLACE: &str = "__pycache__";

/// What byte code is of, and how long its source is: the module that Python imports, and all the others as one.
type Source = (&'static str, u32);
/// The module that is never there: the recorder's modules as the one file of byte code that they are in.
const ALL: &str = "_perfcollect.py";

/// Files by path.
type Files = BTreeMap<String, Vec<u8>>;

/// The byte code of one version of the recorder, for one set of modes: none reads what only another one needs.
#[derive(Debug)]
pub(super) struct ByteCode {
    cache: Option<Cache>,
    sources: Vec<Source>,
    /// What these sources are known by: the name in the cache, and the time that their files bear.
    hash: u64,
    /// Path and inode of files that came from the cache: others were compiled since.
    restored: HashSet<(String, u64)>,
}

impl ByteCode {
    /// Of what one set of modes needs: the file that Python imports, and modules by name.
    pub(super) fn new(site: (&'static str, &str), modules: &[(&str, &str)], cache: Option<Cache>) -> Self {
        let hash = foldhash::quality::FixedState::with_seed(3).hash_one((site, modules));
        let in_header = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let length = modules.iter().map(|(_, text)| text.len()).sum();
        let sources = vec![(site.0, in_header(site.1.len())), (ALL, in_header(length))];
        Self { cache, sources, hash, restored: HashSet::new() }
    }

    /// By what the modules' byte code is known: its time and size, as in its file.
    pub(super) fn stamp(&self) -> [u8; 8] {
        let mut stamp = [0; 8];
        stamp[..4].copy_from_slice(&self.seconds().to_le_bytes());
        stamp[4..].copy_from_slice(&self.sources[1].1.to_le_bytes());
        stamp
    }

    /// The time that files of source bear, the same in every recording: byte code is known by it.
    pub(super) fn modified(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.seconds().into())
    }

    fn seconds(&self) -> u32 {
        (self.hash >> 34) as u32 | 1
    }

    fn name(&self) -> String {
        format!("recorder-{:016x}", self.hash)
    }

    /// Puts what earlier recordings left beside the sources that are there.
    pub(super) fn restore(&mut self, site: &Path) {
        for (path, bytes) in self.kept() {
            if let Some((folder, _)) = path.rsplit_once('/')
                && let Ok(inode) = put(&site.join(folder), &site.join(&path), &bytes)
            {
                self.restored.insert((path, inode));
            }
        }
    }

    /// Keeps what interpreters compiled meanwhile.
    pub(super) fn keep(&self, site: &Path) {
        let Some(cache) = &self.cache else { return };
        let mut fresh = Files::new();
        for entry in fs::read_dir(site.join(PLACE)).into_iter().flatten().flatten() {
            let known = (format!("{PLACE}/{}", entry.file_name().to_string_lossy()), entry.ino());
            if !self.restored.contains(&known)
                && let Some(source) = self.source_of(&known.0)
                && let Some(bytes) = own(&entry.path())
                && self.is_of(&bytes, source)
            {
                fresh.insert(known.0, bytes);
            }
        }
        if fresh.is_empty() {
            return;
        }
        let mut all = self.kept();
        all.extend(fresh.clone());
        let packed = Some(pack(&all)).filter(|packed| packed.len() <= LIMIT).unwrap_or_else(|| pack(&fresh));
        cache.write(&self.name(), &[&packed]);
    }

    /// What is in the cache and as it should be.
    fn kept(&self) -> Files {
        let kept = self.cache.as_ref().and_then(|cache| cache.read(&self.name()));
        let files = kept.and_then(|kept| unpack(&kept)).unwrap_or_default();
        let sound =
            |(path, bytes): &(String, Vec<u8>)| self.source_of(path).is_some_and(|source| self.is_of(bytes, source));
        files.into_iter().filter(sound).collect()
    }

    /// The source that a file is the byte code of, by its name: `__pycache__/MODULE.TAG[.opt-N].pyc`.
    fn source_of(&self, path: &str) -> Option<Source> {
        let mut parts = path.strip_prefix(PLACE)?.strip_prefix('/')?.strip_suffix(".pyc")?.split('.');
        let (module, tag, level, more) = (parts.next()?, parts.next()?, parts.next(), parts.next());
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if !plain(tag) || more.is_some() || level.is_some_and(|level| !matches!(level, "opt-1" | "opt-2")) {
            return None;
        }
        let source = format!("{module}.py");
        self.sources.iter().find(|(path, _)| *path == source).copied()
    }

    /// Whether byte code says that it is of this source, to be checked by time and size.
    fn is_of(&self, bytes: &[u8], (_, size): Source) -> bool {
        let Some((head, code)) = bytes.split_at_checked(16) else { return false };
        let expect = [[0; 4], self.seconds().to_le_bytes(), size.to_le_bytes()].concat();
        head[2..4] == *b"\r\n" && head[4..] == expect && !code.is_empty()
    }
}

/// Writes a file of byte code; returns its inode.
fn put(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<u64> {
    let create = || File::options().write(true).create_new(true).mode(0o644).open(path);
    let mut file = create().or_else(|_| {
        DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        create()
    })?;
    let written = file.write_all(bytes);
    if written.is_err() {
        // Half a file would stop the import.
        fs::remove_file(path).ok();
    }
    written?;
    Ok(file.metadata()?.ino())
}

/// A file that only we can have written.
fn own(path: &Path) -> Option<Vec<u8>> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    let meta = file.metadata().ok()?;
    let ours = meta.uid() == nix::unistd::geteuid().as_raw() && meta.mode() & 0o022 == 0;
    if !meta.is_file() || !ours || meta.len() > FILE_LIMIT {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Each file as the length of its path, the path, the length of its bytes, the bytes.
fn pack(files: &Files) -> Vec<u8> {
    let mut packed = Vec::new();
    for (path, bytes) in files {
        for part in [path.as_bytes(), bytes] {
            packed.extend((part.len() as u64).to_le_bytes());
            packed.extend(part);
        }
    }
    packed
}

fn unpack(mut packed: &[u8]) -> Option<Files> {
    let mut files = Files::new();
    while !packed.is_empty() {
        let mut next = || {
            let (length, rest) = packed.split_first_chunk()?;
            let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
            packed = rest;
            Some(part)
        };
        let (path, bytes) = (next()?, next()?);
        files.insert(String::from_utf8(path.to_vec()).ok()?, bytes.to_vec());
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    const SITE: (&str, &str) = ("sitecustomize.py", "1");
    const PATH: &str = "__pycache__/_perfcollect.cpython-311.pyc";

    struct Place {
        temp: tempfile::TempDir,
        made: u32,
    }

    impl Place {
        fn new() -> Self {
            Self { temp: tempfile::tempdir().unwrap(), made: 0 }
        }

        fn cache(&self) -> PathBuf {
            self.temp.path().join("cache")
        }

        /// A recording's folder, with what is kept in its place.
        fn recording(&mut self) -> (ByteCode, PathBuf) {
            self.made += 1;
            let site = self.temp.path().join(self.made.to_string());
            fs::create_dir_all(&site).unwrap();
            let mut code = of(SITE, Some(Cache::in_folder(&self.cache())));
            code.restore(&site);
            (code, site)
        }

        /// What the next recording begins with.
        fn next(&mut self) -> Option<Vec<u8>> {
            let (_, site) = self.recording();
            fs::read(site.join(PATH)).ok()
        }
    }

    fn of(site: (&'static str, &str), cache: Option<Cache>) -> ByteCode {
        ByteCode::new(site, &[("calls", "2"), ("lines", "3")], cache)
    }

    /// As an interpreter writes it.
    fn compiled(code: &ByteCode, size: u32) -> Vec<u8> {
        [&[9, 9, 13, 10, 0, 0, 0, 0][..], &code.seconds().to_le_bytes(), &size.to_le_bytes(), b"code"].concat()
    }

    fn write(site: &Path, path: &str, bytes: &[u8]) {
        fs::create_dir_all(site.join(path).parent().unwrap()).unwrap();
        fs::write(site.join(path), bytes).unwrap();
        fs::set_permissions(site.join(path), Permissions::from_mode(0o644)).unwrap();
    }

    #[test]
    fn what_one_recording_compiled_the_next_has() {
        let mut place = Place::new();
        let (code, site) = place.recording();
        let bytes = compiled(&code, 2);
        write(&site, PATH, &bytes);
        code.keep(&site);
        assert_eq!(place.next().as_ref(), Some(&bytes));
        // What was there is not written again; another interpreter's is added.
        let kept = place.cache().join(code.name());
        let inode = || fs::metadata(&kept).unwrap().ino();
        let before = inode();
        let (code, site) = place.recording();
        code.keep(&site);
        assert_eq!(inode(), before);
        write(&site, "__pycache__/sitecustomize.pypy310.opt-1.pyc", &compiled(&code, 1));
        code.keep(&site);
        let (_, site) = place.recording();
        assert!(site.join("__pycache__/sitecustomize.pypy310.opt-1.pyc").exists() && site.join(PATH).exists());
        assert_eq!(fs::metadata(place.cache()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn other_sources_are_known_by_another_name_and_time() {
        let (code, other) = (of(SITE, None), of((SITE.0, "2"), None));
        assert_ne!((code.name(), code.modified()), (other.name(), other.modified()));
        assert_eq!(code.modified(), of(SITE, None).modified());
        assert_eq!(code.stamp(), compiled(&code, 2)[8..16]);
    }

    #[test]
    fn only_byte_code_of_these_sources_is_kept() {
        let mut place = Place::new();
        let (code, site) = place.recording();
        let sound = compiled(&code, 2);
        let mut unchecked = sound.clone();
        unchecked[4] = 1;
        let mut other_time = sound.clone();
        other_time[8] ^= 1;
        for (what, bytes) in [
            ("of another size", compiled(&code, 3)),
            ("never checked by Python", unchecked),
            ("of another time", other_time),
            ("cut", sound[..16].to_vec()),
        ] {
            write(&site, PATH, &bytes);
            code.keep(&site);
            assert_eq!(place.next(), None, "{what}");
        }
        for name in
            ["config.a.pyc", "_perfcollect.pyc", "_perfcollect..pyc", "_perfcollect.a.b.pyc", "_perfcollect.a b.pyc"]
        {
            write(&site, &format!("{PLACE}/{name}"), &sound);
        }
        fs::remove_file(site.join(PATH)).unwrap();
        code.keep(&site);
        assert!(!place.cache().exists());
    }

    #[test]
    fn what_others_may_have_written_is_refused() {
        let mut place = Place::new();
        let (code, site) = place.recording();
        let sound = compiled(&code, 2);
        write(&site, PATH, &sound);
        fs::set_permissions(site.join(PATH), Permissions::from_mode(0o664)).unwrap();
        code.keep(&site);
        assert_eq!(place.next(), None, "the group may write it");
        fs::rename(site.join(PATH), site.join("x")).unwrap();
        fs::set_permissions(site.join("x"), Permissions::from_mode(0o644)).unwrap();
        symlink(site.join("x"), site.join(PATH)).unwrap();
        code.keep(&site);
        assert_eq!(place.next(), None, "a link");
        if nix::unistd::geteuid().is_root() {
            fs::remove_file(site.join(PATH)).unwrap();
            write(&site, PATH, &sound);
            std::os::unix::fs::chown(site.join(PATH), Some(1), None).unwrap();
            code.keep(&site);
            assert_eq!(place.next(), None, "another's");
        }
        fs::remove_file(site.join(PATH)).unwrap();
        write(&site, PATH, &sound);
        code.keep(&site);
        let kept = place.cache().join(code.name());
        let check = |place: &mut Place, path: &Path, mode: u32| {
            let before = fs::metadata(path).unwrap().permissions();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let found = place.next();
            fs::set_permissions(path, before).unwrap();
            found.is_some()
        };
        let folder = place.cache();
        assert!(check(&mut place, &kept, 0o600));
        assert!(!check(&mut place, &kept, 0o620) && !check(&mut place, &folder, 0o777));
        if nix::unistd::geteuid().is_root() {
            for path in [&kept, &folder] {
                std::os::unix::fs::chown(path, Some(1), None).unwrap();
                assert_eq!(place.next(), None, "{}", path.display());
                std::os::unix::fs::chown(path, Some(0), None).unwrap();
            }
        }
        assert_eq!(place.next(), Some(sound));
    }

    #[test]
    fn damage_is_as_if_nothing_were_kept() {
        let mut place = Place::new();
        let (code, site) = place.recording();
        write(&site, PATH, &compiled(&code, 2));
        code.keep(&site);
        let kept = place.cache().join(code.name());
        let sound = fs::read(&kept).unwrap();
        for at in 0..sound.len() {
            let mut damaged = sound.clone();
            damaged[at] ^= 16;
            fs::write(&kept, &damaged).unwrap();
            assert_eq!(place.next(), None, "byte {at}");
        }
        let packed = pack(&Files::from([("a".to_owned(), vec![1, 2])]));
        assert!((1..packed.len()).all(|cut| unpack(&packed[..cut]).is_none()));
        assert_eq!(unpack(&packed).unwrap().len(), 1);
    }
}
