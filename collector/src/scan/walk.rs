//! The source files below a folder.
//!
//! Links to folders are not followed, so that a loop of them has no end to run into; a link to a file counts unless the
//! file is below the folder itself. Must not open files.

use super::report::Problem;
use foldhash::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// What tells whether a file may have changed, as git's index does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    pub(crate) modified_ns: i128,
    pub(crate) changed_ns: i128,
    pub(crate) inode: u64,
    pub(crate) device: u64,
}

impl Stamp {
    pub(crate) fn of(meta: &Metadata) -> Self {
        let ns = |seconds: i64, nanoseconds: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        Self {
            size: meta.len(),
            modified_ns: ns(meta.mtime(), meta.mtime_nsec()),
            changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            device: meta.dev(),
        }
    }

    /// The later of its times, since 1970.
    pub(crate) fn latest(&self) -> Duration {
        let ns = u64::try_from(self.modified_ns.max(self.changed_ns)).unwrap_or(0);
        UNIX_EPOCH.elapsed().map_or(Duration::ZERO, |_| Duration::from_nanos(ns))
    }
}

/// A source file.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Relative to the folder, with `/`; letters that are no UTF-8 are replaced.
    pub(crate) path: String,
    pub(crate) full: PathBuf,
    pub(crate) stamp: Stamp,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// In the order of their paths.
    pub(crate) files: Vec<Found>,
    pub(crate) problems: Vec<Problem>,
    /// Folders of installed packages and the like that were left out.
    pub(crate) left_out: Vec<String>,
}

/// Folders with other people's code, or with none.
const LEFT_OUT: [&str; 4] = ["site-packages", "dist-packages", "node_modules", "__pycache__"];

/// Walks a folder, or takes one file.
///
/// # Errors
/// When the folder itself cannot be read.
pub(crate) fn walk(root: &Path, everything: bool) -> io::Result<Walk> {
    let mut walk = Walk::default();
    let meta = fs::metadata(root)?;
    if meta.is_file() {
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        walk.files.push(Found { path: name, full: root.to_owned(), stamp: Stamp::of(&meta) });
        return Ok(walk);
    }
    fs::read_dir(root)?;
    let mut seen = HashSet::default();
    let mut links = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                walk.problems.push(problem(&prefix, &error));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let shown = format!("{prefix}{}", name.to_string_lossy());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                let text = name.to_string_lossy();
                let other =
                    LEFT_OUT.contains(&&*text) || (!text.starts_with('.') && entry.path().join("pyvenv.cfg").exists());
                if other && !everything {
                    if text != "__pycache__" {
                        walk.left_out.push(shown);
                    }
                } else if !text.starts_with('.') {
                    folders.push((entry.path(), format!("{shown}/")));
                }
            } else if is_source(&shown) {
                if kind.is_symlink() {
                    links.push((entry.path(), shown));
                } else if kind.is_file() {
                    add(&mut walk, &mut seen, entry.path(), shown, entry.metadata(), false);
                }
            }
        }
    }
    for (full, shown) in links {
        // A link that leads nowhere is how some editors lock a file.
        if let Ok(meta) = fs::metadata(&full)
            && meta.is_file()
        {
            add(&mut walk, &mut seen, full, shown, Ok(meta), true);
        }
    }
    walk.files.sort_by(|a, b| a.path.cmp(&b.path).then_with(|| a.full.cmp(&b.full)));
    walk.problems.sort_by(|a, b| a.file.cmp(&b.file));
    walk.left_out.sort();
    Ok(walk)
}

fn is_source(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "py" || extension == "pyw")
}

/// Adds a file, unless a link to it was given and the file is there already.
fn add(
    walk: &mut Walk,
    seen: &mut HashSet<(u64, u64)>,
    full: PathBuf,
    path: String,
    meta: io::Result<Metadata>,
    link: bool,
) {
    match meta {
        Ok(meta) => {
            if !seen.insert((meta.dev(), meta.ino())) && link {
                return;
            }
            walk.files.push(Found { path, full, stamp: Stamp::of(&meta) });
        }
        Err(error) => walk.problems.push(problem(&path, &error)),
    }
}

pub(crate) fn problem(path: &str, error: &io::Error) -> Problem {
    let what = match error.kind() {
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    Problem { file: path.trim_end_matches('/').to_owned(), line: None, what }
}

#[cfg(test)]
mod tests {
    use super::walk;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn loops_of_links_end_and_other_peoples_code_is_left_out() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        fs::create_dir_all(root.join("pkg/inner")).unwrap();
        fs::create_dir_all(root.join("env/lib")).unwrap();
        fs::write(root.join("env/pyvenv.cfg"), "").unwrap();
        fs::write(root.join("env/lib/x.py"), "").unwrap();
        fs::write(root.join("pkg/é文.py"), "").unwrap();
        fs::write(root.join("pkg/notes.txt"), "").unwrap();
        symlink(root, root.join("pkg/inner/up")).unwrap();
        symlink(root.join("pkg/é文.py"), root.join("again.py")).unwrap();
        symlink("nowhere.py", root.join("gone.py")).unwrap();
        symlink("loop.py", root.join("loop.py")).unwrap();
        let found = walk(root, false).unwrap();
        assert_eq!(found.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["pkg/é文.py"]);
        assert_eq!(found.left_out, ["env"]);
        assert_eq!(walk(root, true).unwrap().files.len(), 2);
    }
}
