//! Putting the recorder where Python programs find it.

use super::Options;
use super::bytecode::ByteCode;
use crate::launch::{Clock, Variable};
use crate::spool;
use crate::symbolize::cache::Cache;
use serde_json::json;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The recorder's source, by path, with the modes that need it; none where all do.
const FILES: &[(&str, &str, &[&str])] = &[
    ("sitecustomize.py", include_str!("python/sitecustomize.py"), &[]),
    ("_perfcollect/__init__.py", include_str!("python/_perfcollect/__init__.py"), &[]),
    ("_perfcollect/calls.py", include_str!("python/_perfcollect/calls.py"), &["calls"]),
    ("_perfcollect/alloc.py", include_str!("python/_perfcollect/alloc.py"), &["alloc"]),
    ("_perfcollect/by_trace.py", include_str!("python/_perfcollect/by_trace.py"), &["lines", "candidates"]),
    ("_perfcollect/lines.py", include_str!("python/_perfcollect/lines.py"), &["lines"]),
    ("_perfcollect/keys.py", include_str!("python/_perfcollect/keys.py"), &["keys", "candidates"]),
    ("_perfcollect/key_hash.py", include_str!("python/_perfcollect/key_hash.py"), &["keys", "candidates"]),
    ("_perfcollect/key_names.py", include_str!("python/_perfcollect/key_names.py"), &["keys", "candidates"]),
    ("_perfcollect/key_spool.py", include_str!("python/_perfcollect/key_spool.py"), &["keys", "candidates"]),
    ("_perfcollect/candidates.py", include_str!("python/_perfcollect/candidates.py"), &["candidates"]),
    ("_perfcollect/resize.py", include_str!("python/_perfcollect/resize.py"), &["resize"]),
    (
        "_perfcollect/caches_hook.py",
        include_str!("python/_perfcollect/caches_hook.py"),
        &["caches", "keys", "candidates", "resize"],
    ),
    ("_perfcollect/caches.py", include_str!("python/_perfcollect/caches.py"), &["caches"]),
    ("_perfcollect/caches_objects.py", include_str!("python/_perfcollect/caches_objects.py"), &["caches"]),
    ("_perfcollect/caches_places.py", include_str!("python/_perfcollect/caches_places.py"), &["caches", "resize"]),
    ("_perfcollect/caches_wrap.py", include_str!("python/_perfcollect/caches_wrap.py"), &["caches"]),
];

pub const PYTHONPATH: &str = "PYTHONPATH";

/// The recorder in its place, for as long as the program runs.
#[derive(Debug)]
pub struct Injection {
    /// The spool's folder of the recorder.
    folder: PathBuf,
    /// Folder that goes on Python's path.
    entry: PathBuf,
    /// A link by which `entry` is reached, where the spool's own path cannot be on a Python path.
    link: Option<PathBuf>,
    code: ByteCode,
}

impl Injection {
    /// Writes the recorder into a spool.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn install(spool: &Path, options: &Options) -> io::Result<Self> {
        let folder = fs::canonicalize(spool)?.join(spool::AGENT);
        let site = folder.join("site");
        let written = write(&folder, &site, options);
        if written.is_err() {
            // The room that is left is for the recording.
            fs::remove_dir_all(&site).ok();
        }
        let mut injection = Self { folder, entry: site, link: None, code: written? };
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
        self.code.keep(&self.folder.join("site"));
        if let Some(link) = &self.link {
            // In a folder of temporary files, where one more does no harm.
            fs::remove_file(link).ok();
        }
    }
}

/// Writes the files that the modes need, and the byte code that is known of them.
fn write(folder: &Path, site: &Path, options: &Options) -> io::Result<ByteCode> {
    DirBuilder::new().recursive(true).mode(0o755).create(site.join("_perfcollect"))?;
    let mut code = ByteCode::new(FILES.iter().map(|&(path, text, _)| (path, text)), Cache::of_user());
    let active = options.active();
    for (path, text, modes) in FILES {
        if modes.is_empty() || modes.iter().any(|mode| active.contains(mode)) {
            // Interpreters give their byte code the mode of its source.
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o644).open(site.join(path))?;
            file.write_all(text.as_bytes())?;
            file.set_modified(code.modified())?;
        }
    }
    fs::write(site.join("_perfcollect/config.py"), config(folder, options))?;
    if nix::unistd::geteuid().is_root() {
        // The program may give up its rights, and its children then make files here; nobody else can list them.
        fs::set_permissions(folder, Permissions::from_mode(0o1733))?;
    }
    code.restore(site);
    Ok(code)
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
fn config(folder: &Path, options: &Options) -> String {
    let mut text = String::from("\"\"\"Written for one recording.\"\"\"\n\nOUT = b\"");
    for byte in folder.as_os_str().as_bytes() {
        write!(text, "\\x{byte:02x}").ok();
    }
    text.push_str("\"\nMODES = (");
    for mode in options.active() {
        write!(text, "\"{mode}\", ").ok();
    }
    let strings = |names: &[String]| names.iter().map(|name| json!(name).to_string() + ", ").collect::<String>();
    // JSON's numbers and texts are Python's.
    writeln!(text, ")\nALLOC_DEPTH = {}", options.alloc_depth).ok();
    writeln!(text, "KEY_GLOBS = ({})", strings(&options.key_globs)).ok();
    writeln!(text, "CANDIDATE_GLOBS = ({})", strings(&options.candidate_globs)).ok();
    writeln!(text, "KEY_LIMIT = {}\nKEY_SALT = {}", options.key_limit, options.key_salt).ok();
    text.push_str("SIZES = {");
    for (name, size) in options.sizes.iter().flatten() {
        write!(text, "{}: {size}, ", json!(name)).ok();
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::super::MODES;
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
        let modes = vec!["lines".to_owned(), "calls".to_owned(), "lines".to_owned()];
        let text = config(Path::new("/x"), &Options { modes, ..Options::default() });
        let expect = "OUT = b\"\\x2f\\x78\"\nMODES = (\"calls\", \"lines\", )\nALLOC_DEPTH = 16\n";
        assert!(text.contains(expect), "{text}");
    }

    #[test]
    fn names_cannot_leave_their_quotes() {
        let sizes = Some(vec![("m.\"f\\\n".to_owned(), 3)]);
        let text = config(Path::new("/x"), &Options { sizes, key_globs: vec!["*".into()], ..Options::default() });
        assert!(text.contains(r#"SIZES = {"m.\"f\\\n": 3, }"#), "{text}");
        assert!(text.contains("MODES = (\"keys\", \"resize\", )") && text.contains("KEY_GLOBS = (\"*\", )"), "{text}");
    }

    #[test]
    fn files_are_those_of_the_modes_and_as_old_in_every_recording() {
        let written = |options: &Options| {
            let temp = tempfile::tempdir().unwrap();
            let _injection = Injection::install(temp.path(), options).unwrap();
            let entries = fs::read_dir(temp.path().join(spool::AGENT).join("site/_perfcollect")).unwrap();
            let mut found: Vec<_> = entries
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.path().extension().is_some_and(|end| end == "py"))
                .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().modified().unwrap()))
                .filter(|(name, _)| name != "config.py")
                .collect();
            found.sort();
            found
        };
        let counters = written(&Options { caches: true, ..Options::default() });
        let names: Vec<&str> = counters.iter().map(|(name, _)| name.as_str()).collect();
        let expect =
            ["__init__.py", "caches.py", "caches_hook.py", "caches_objects.py", "caches_places.py", "caches_wrap.py"];
        assert_eq!(names, expect);
        assert!(counters.iter().all(|(_, time)| *time == counters[0].1));
        let all = MODES.iter().map(|mode| mode.name.to_owned()).collect();
        let all = written(&Options { modes: all, candidate_globs: vec![String::new()], ..Options::default() });
        assert!(all.iter().any(|(name, _)| name == "keys.py") && all.iter().all(|(_, time)| *time == counters[0].1));
    }

    #[test]
    fn a_spool_with_a_colon_is_reached_by_a_link() {
        let temp = tempfile::tempdir().unwrap();
        let spool = temp.path().join("a:b");
        fs::create_dir(&spool).unwrap();
        let injection = Injection::install(&spool, &Options::default()).unwrap();
        let (_, path) = injection.variable();
        let entry = path.to_string_lossy().split(':').next().unwrap().to_owned();
        assert!(Path::new(&entry).join("sitecustomize.py").exists(), "{path:?}");
        drop(injection);
        assert!(!Path::new(&entry).exists());
    }
}
