//! One word of the command line as benchmarks: a bundle, a file of any benchmark tool, an entry of a log, a folder, or
//! several of them with commas between.
//!
//! Owns the reading of such files, and the appending to logs. Must not judge what it reads.

use crate::store::{self, Library};
use anyhow::{Context, bail, ensure};
use nix::fcntl::{Flock, FlockArg};
use perfcollect_shared::bench::BenchSet;
use perfcollect_shared::bench::log::{self, Log};
use perfcollect_shared::bundle;
use perfcollect_shared::import::bench::{self, ImportError};
use perfcollect_shared::import::{self, Imported};
use perfcollect_shared::model::Bundle;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Largest file that is read as benchmarks.
const LARGEST: u64 = 1 << 30;
/// Most files of a folder that are looked at.
const MOST_FILES: usize = 100_000;

/// One side of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// As it was typed.
    pub name: String,
    /// Sessions in the order in which they were named.
    pub sets: Vec<BenchSet>,
    /// Those of them that are bundles.
    pub bundles: Vec<Bundle>,
}

impl Source {
    /// What a word names. With a log, `last`, `last-1`, `0` and `-1` are entries of it; else they are bundles of the library. A
    /// word may also be a file or folder, of which `:` chooses a part (`benchmarks.log:last-1`, `target/criterion:base`), a
    /// label, or several of all that with commas between them: sessions of one side.
    ///
    /// # Errors
    /// When a part of it names nothing, or what it names cannot be read.
    pub fn resolve(word: &str, library: &Library, log: Option<&Path>) -> anyhow::Result<Self> {
        let mut source = Self { name: word.to_owned(), ..Self::default() };
        let words = if Path::new(word).exists() { vec![word] } else { word.split(',').map(str::trim).collect() };
        for part in words {
            ensure!(!part.is_empty(), "`{word}` has an empty part between its commas");
            source.add(part, library, log)?;
        }
        Ok(source)
    }

    /// What a path names, perhaps with a part behind `:`.
    ///
    /// # Errors
    /// When there is no such file or folder, or it cannot be read.
    pub fn of_path(word: &str) -> anyhow::Result<Self> {
        let mut source = Self { name: word.to_owned(), ..Self::default() };
        let (path, part) = split(word).with_context(|| format!("there is no file {word}"))?;
        source.add_path(word, path, part)?;
        Ok(source)
    }

    fn add(&mut self, word: &str, library: &Library, log: Option<&Path>) -> anyhow::Result<()> {
        if let Some(log) = log.filter(|_| log::is_selector(word)) {
            self.sets.push(entry_of(log, word)?);
            return Ok(());
        }
        if let Some((path, part)) = split(word).filter(|_| !log::is_selector(word)) {
            return self.add_path(word, path, part);
        }
        let looks_like_a_file = Path::new(word).extension().is_some() && !word.ends_with(store::ENDING);
        let found = library.resolve(word);
        if found.is_err() && looks_like_a_file {
            bail!("there is no file {word}");
        }
        self.add_path(word, &found?, None)
    }

    fn add_path(&mut self, word: &str, path: &Path, part: Option<&str>) -> anyhow::Result<()> {
        if path.is_dir() {
            return self.add_folder(word, path, part);
        }
        let bytes = read(path)?;
        let told = || format!("cannot read {}", path.display());
        if let Ok(Imported::Bundle(zip)) = import::import(&bytes) {
            let bundle = bundle::read(&zip).with_context(told)?;
            self.sets.push(BenchSet::of_bundle(&bundle, word));
            self.bundles.push(bundle);
            return Ok(());
        }
        let mut sets = read_sets(word, path, &bytes).with_context(told)?;
        match (sets.len(), part) {
            (count, Some(part)) => {
                let index = log::select(count, part).map_err(anyhow::Error::msg).with_context(told)?;
                self.sets.push(sets.swap_remove(index));
            }
            (0 | 1, None) => self.sets.append(&mut sets),
            (count, None) => bail!(
                "{0} holds {count} sessions; choose one: {0}:last, {0}:last-1, {0}:0 to {0}:{1}",
                path.display(),
                count - 1
            ),
        }
        Ok(())
    }

    /// A folder of criterion, or of files that are sessions of one side.
    fn add_folder(&mut self, word: &str, folder: &Path, part: Option<&str>) -> anyhow::Result<()> {
        let told = || format!("cannot read {}", folder.display());
        let files = files(folder).with_context(told)?;
        if let Some(set) = bench::read_criterion(word, &files, part).transpose().with_context(told)? {
            self.sets.push(set);
            return Ok(());
        }
        ensure!(part.is_none(), "{} is no folder of criterion, so `{word}` names no baseline of it", folder.display());
        let before = self.sets.len();
        let mut refused = None;
        for path in paths(folder).with_context(told)? {
            let name = path.display().to_string();
            if let Err(error) = self.add_path(&name, &path, None) {
                refused.get_or_insert(error);
            }
        }
        let commits: std::collections::BTreeSet<&String> =
            self.sets[before..].iter().filter_map(|set| set.commit.as_ref()).collect();
        ensure!(
            commits.len() < 2,
            "{} holds results of {} commits, which are not sessions of one side; name files, with commas between them",
            folder.display(),
            commits.len()
        );
        match refused {
            Some(error) if self.sets.len() == before => Err(error.context(told())),
            None if self.sets.len() == before => bail!("the folder {} holds no benchmark file", folder.display()),
            _ => Ok(()),
        }
    }
}

/// A path that is there, and the part that a word chooses of it.
fn split(word: &str) -> Option<(&Path, Option<&str>)> {
    if Path::new(word).exists() {
        return Some((Path::new(word), None));
    }
    let (path, part) = word.rsplit_once(':').filter(|(path, part)| !part.is_empty() && Path::new(path).exists())?;
    Some((Path::new(path), Some(part)))
}

/// The sets of a benchmark file whose bytes have been read.
///
/// # Errors
/// When no format fits, or the file is damaged.
pub fn read_sets(name: &str, path: &Path, bytes: &[u8]) -> Result<Vec<BenchSet>, ImportError> {
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let beside = |other: &str| read(&folder.join(other)).ok();
    bench::read(name, bytes, &beside)
}

/// Reads a log of benchmarks.
///
/// # Errors
/// When the file cannot be read. Lines that cannot are warnings.
pub fn read_log(path: &Path) -> anyhow::Result<Log> {
    let bytes = read(path)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Ok(log::read(&String::from_utf8_lossy(&bytes), &name))
}

/// Appends a line, which has its newline, with one write; a last line that was cut is ended first, so that only it is lost.
///
/// # Errors
/// When the log cannot be written in full.
pub fn append_log(path: &Path, line: &str) -> anyhow::Result<()> {
    let told = || format!("cannot append to the log {}", path.display());
    let file = File::options().create(true).read(true).append(true).open(path).with_context(told)?;
    let mut file = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno).with_context(told)?;
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0)).with_context(told)? > 0 {
        file.seek(SeekFrom::End(-1)).with_context(told)?;
        file.read_exact(&mut last).with_context(told)?;
    }
    let text = if last == [b'\n'] { line.to_owned() } else { format!("\n{line}") };
    // Not `write_all`: a second write could be parted from the first by another process that takes no lock.
    let written = file.write(text.as_bytes()).with_context(told)?;
    ensure!(written == text.len(), "{}: only {written} of {} bytes were written", told(), text.len());
    Ok(())
}

fn entry_of(log: &Path, selector: &str) -> anyhow::Result<BenchSet> {
    let mut read = read_log(log)?;
    let index =
        log::select(read.entries.len(), selector).map_err(|error| anyhow::anyhow!("{}: {error}", log.display()))?;
    let mut set = read.entries.swap_remove(index).set;
    selector.clone_into(&mut set.source);
    set.warnings.append(&mut read.warnings);
    Ok(set)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let told = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).with_context(told)?;
    ensure!(bytes.len() as u64 <= LARGEST, "{} is larger than 1 GiB, which no benchmark file is", path.display());
    Ok(bytes)
}

/// Files of criterion below a folder, with their paths relative to it.
fn files(folder: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    let mut seen = 0;
    while let Some(below) = folders.pop() {
        for path in paths_in(&below)? {
            seen += 1;
            if seen > MOST_FILES {
                return Err(std::io::Error::other(format!("there are more than {MOST_FILES} files in it")));
            }
            // Links are not followed: they may lead in circles.
            if fs::symlink_metadata(&path)?.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if bench::CRITERION_FILES.contains(&name.as_ref()) {
                let relative = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                found.push((relative, fs::read(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Plain files of a folder, in order.
fn paths(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    Ok(paths_in(folder)?.into_iter().filter(|path| path.is_file() && !hidden(path)).collect())
}

fn paths_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYPERFINE: &str = r#"{"results": [{"command": "true", "mean": 0.5, "times": [0.25, 0.75]}]}"#;
    const LINE: &str = r#"{"ts": "t", "status": "ok", "results": {"s": [{"label": "x", "median_ms": 1.5}]}}"#;

    fn resolve(temp: &Path, word: &str) -> anyhow::Result<Source> {
        Source::resolve(&word.replace("T/", &format!("{}/", temp.display())), &Library::at(temp.join("none")), None)
    }

    #[test]
    fn files_folders_parts_and_groups_are_sessions() {
        let temp = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(temp.path().join(name), text).unwrap();
        fs::create_dir(temp.path().join("old")).unwrap();
        put("old/1.json", HYPERFINE);
        put("old/2.json", HYPERFINE);
        put("old/notes.txt", "hello");
        put("a,b.json", HYPERFINE);
        put("x.log", &format!("{LINE}\n{}\n", LINE.replace("1.5", "2.5")));
        for (word, sets) in [("T/a,b.json", 1), ("T/old/1.json,T/old/2.json", 2), ("T/old", 2), ("T/x.log:last-1", 1)] {
            assert_eq!(resolve(temp.path(), word).unwrap().sets.len(), sets, "{word}");
        }
        let error = |word: &str| format!("{:#}", resolve(temp.path(), word).unwrap_err());
        assert!(error("T/x.log").contains("holds 2 sessions; choose one: "), "{}", error("T/x.log"));
        assert!(error("T/x.log:last-2").ends_with("the log has 2 entries, 0 to 1; last-2 is before the first"));
        assert!(error("gone.json").starts_with("there is no file gone.json"));
        assert!(error("T/old,").contains("has an empty part"));
        assert!(error("T/old/notes.txt").contains("known are files of "), "{}", error("T/old/notes.txt"));
    }

    #[test]
    fn a_log_grows_by_whole_lines_and_a_cut_one_is_ended() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("b.log");
        append_log(&path, &format!("{LINE}\n")).unwrap();
        fs::write(&path, format!("{LINE}\n{}", &LINE[..20])).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| append_log(&path, &format!("{LINE}\n")).unwrap());
            }
        });
        let log = read_log(&path).unwrap();
        assert_eq!((log.entries.len(), log.warnings.len()), (9, 1), "{:?}", log.warnings);
        let set = Source::resolve("-9", &Library::at(temp.path()), Some(&path)).unwrap().sets.remove(0);
        assert_eq!((set.source.as_str(), set.warnings.len()), ("-9", 1));
    }
}
