//! Putting the recorder where Python programs find it.

use crate::launch::{Clock, Variable};
use crate::spool;
use serde_json::json;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The recorder's source, by path.
const FILES: &[(&str, &str)] = &[
    ("sitecustomize.py", include_str!("python/sitecustomize.py")),
    ("_perfcollect/__init__.py", include_str!("python/_perfcollect/__init__.py")),
    ("_perfcollect/calls.py", include_str!("python/_perfcollect/calls.py")),
    ("_perfcollect/alloc.py", include_str!("python/_perfcollect/alloc.py")),
    ("_perfcollect/lines.py", include_str!("python/_perfcollect/lines.py")),
    ("_perfcollect/caches_hook.py", include_str!("python/_perfcollect/caches_hook.py")),
];

const PYTHONPATH: &str = "PYTHONPATH";

/// The recorder in its place, for as long as the program runs.
#[derive(Debug)]
pub struct Injection {
    /// The spool's folder of the recorder.
    folder: PathBuf,
    /// Folder that goes on Python's path.
    entry: PathBuf,
    /// A link by which `entry` is reached, where the spool's own path cannot be on a Python path.
    link: Option<PathBuf>,
}

impl Injection {
    /// Writes the recorder into a spool; `modes` are names from [`super::MODES`], `alloc_depth` the callers to keep of
    /// each block of memory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn install(spool: &Path, modes: &[String], alloc_depth: u32) -> io::Result<Self> {
        let folder = fs::canonicalize(spool)?.join(spool::AGENT);
        let site = folder.join("site");
        DirBuilder::new().recursive(true).mode(0o755).create(site.join("_perfcollect"))?;
        for (path, text) in FILES {
            fs::write(site.join(path), text)?;
        }
        fs::write(site.join("_perfcollect/config.py"), config(&folder, modes, alloc_depth))?;
        if nix::unistd::geteuid().is_root() {
            // The program may give up its rights, and its children then make files here; nobody else can list them.
            fs::set_permissions(&folder, Permissions::from_mode(0o1733))?;
        }
        let mut injection = Self { folder, entry: site, link: None };
        if injection.entry.as_os_str().as_bytes().contains(&b':') {
            let link = env::temp_dir().join(format!("perfcollect-{}", std::process::id()));
            symlink(&injection.entry, &link)?;
            injection.entry.clone_from(&link);
            injection.link = Some(link);
        }
        Ok(injection)
    }

    /// What the program's environment needs: ours first on the path, what was there behind it.
    #[must_use]
    pub fn variable(&self) -> Variable {
        (PYTHONPATH.into(), before(&self.entry, env::var_os(PYTHONPATH).as_deref()))
    }

    /// Notes when the recording began, on the clock that the recorder reads.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note_start(&self, clock: &Clock) -> io::Result<()> {
        fs::write(self.folder.join(spool::AGENT_START), json!({ "mono_ns": clock.start_ns() }).to_string())
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            // In a folder of temporary files, where one more does no harm.
            fs::remove_file(link).ok();
        }
    }
}

fn before(entry: &Path, path: Option<&OsStr>) -> OsString {
    let mut joined = entry.as_os_str().as_bytes().to_vec();
    if let Some(path) = path.filter(|path| !path.is_empty()) {
        joined.push(b':');
        joined.extend(path.as_bytes());
    }
    OsString::from_vec(joined)
}

/// The module `config`: where to write, and what.
fn config(folder: &Path, modes: &[String], alloc_depth: u32) -> String {
    let mut text = String::from("\"\"\"Written for one recording.\"\"\"\n\nOUT = b\"");
    for byte in folder.as_os_str().as_bytes() {
        write!(text, "\\x{byte:02x}").ok();
    }
    text.push_str("\"\nMODES = (");
    for known in super::MODES.iter().filter(|known| modes.iter().any(|mode| mode == known.name)) {
        write!(text, "\"{}\", ", known.name).ok();
    }
    writeln!(text, ")\nALLOC_DEPTH = {alloc_depth}").ok();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_on_the_path_stays_behind_ours() {
        let check = |path: Option<&str>, expect: &str| {
            assert_eq!(before(Path::new("/s/site"), path.map(OsStr::new)), expect, "{path:?}");
        };
        check(None, "/s/site");
        check(Some(""), "/s/site");
        check(Some("/a:/b"), "/s/site:/a:/b");
    }

    #[test]
    fn a_mode_is_recorded_once_however_often_it_is_asked_for() {
        let text = config(Path::new("/x"), &["lines".into(), "calls".into(), "lines".into()], 16);
        assert!(
            text.ends_with("OUT = b\"\\x2f\\x78\"\nMODES = (\"calls\", \"lines\", )\nALLOC_DEPTH = 16\n"),
            "{text}"
        );
    }

    #[test]
    fn a_spool_with_a_colon_is_reached_by_a_link() {
        let temp = tempfile::tempdir().unwrap();
        let spool = temp.path().join("a:b");
        fs::create_dir(&spool).unwrap();
        let injection = Injection::install(&spool, &["calls".to_owned()], 16).unwrap();
        let (_, path) = injection.variable();
        let entry = path.to_string_lossy().split(':').next().unwrap().to_owned();
        assert!(Path::new(&entry).join("sitecustomize.py").exists(), "{path:?}");
        drop(injection);
        assert!(!Path::new(&entry).exists());
    }
}
