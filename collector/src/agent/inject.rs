//! Putting the recorder where Python programs find it.

use super::Options;
use super::bytecode::ByteCode;
use super::marshal::Value;
use crate::launch::{Clock, Variable};
use crate::spool;
use crate::symbolize::cache::Cache;
use serde_json::json;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What Python imports by itself.
const SITE: (&str, &str) = ("sitecustomize.py", include_str!("python/sitecustomize.py"));

macro_rules! module {
    ($name:literal, $modes:expr) => {
        ($name, include_str!(concat!("python/_perfcollect/", $name, ".py")), $modes)
    };
}

/// The recorder's modules, with the modes that need each; none where all do.
const MODULES: &[(&str, &str, &[&str])] = &[
    module!("loader", &[]),
    module!("__init__", &[]),
    module!("calls", &["calls"]),
    module!("alloc", &["alloc"]),
    module!("by_trace", &["lines", "candidates"]),
    module!("lines", &["lines"]),
    module!("keys", &["keys", "candidates"]),
    module!("key_hash", &["keys", "candidates"]),
    module!("key_names", &["keys", "candidates"]),
    module!("key_spool", &["keys", "candidates"]),
    module!("candidates", &["candidates"]),
    module!("resize", &["resize"]),
    module!("caches_hook", &["caches", "keys", "candidates", "resize"]),
    module!("caches", &["caches"]),
    module!("caches_objects", &["caches"]),
    module!("caches_places", &["caches", "resize"]),
    module!("caches_wrap", &["caches"]),
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

/// Writes what the modes need, and the byte code that is known of it: a folder with the module that Python imports, and two
/// files that this one reads.
fn write(folder: &Path, site: &Path, options: &Options) -> io::Result<ByteCode> {
    DirBuilder::new().recursive(true).mode(0o755).create(site)?;
    let active = options.active();
    let needed =
        MODULES.iter().filter(|(.., modes)| modes.is_empty() || modes.iter().any(|mode| active.contains(mode)));
    let needed: Vec<(&str, &str)> = needed.map(|&(name, text, _)| (name, text)).collect();
    let mut code = ByteCode::new(SITE, &needed, Cache::of_user());
    let sources = Value::dict(needed.iter().map(|&(name, text)| (name, Value::text(text))));
    // Interpreters give their byte code the mode of its source.
    let create = |name: &str, bytes: &[u8]| {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o644).open(site.join(name))?;
        file.write_all(bytes).map(|()| file)
    };
    create(SITE.0, SITE.1.as_bytes())?.set_modified(code.modified())?;
    create("sources", &sources.dumps())?;
    create("config", &config(folder, options, code.stamp()).dumps())?;
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

/// The names of the module `config`: where to write, and what.
fn config(folder: &Path, options: &Options, stamp: [u8; 8]) -> Value {
    let int = |number: u64| Value::Int(number.try_into().unwrap_or(i64::MAX));
    let sizes = options.sizes.iter().flatten().map(|(name, size)| (name.as_str(), Value::Int(*size)));
    Value::dict([
        ("STAMP", Value::Bytes(stamp.into())),
        ("OUT", Value::Bytes(folder.as_os_str().as_bytes().into())),
        ("MODES", Value::texts(options.active())),
        ("ALLOC_DEPTH", int(options.alloc_depth.into())),
        ("KEY_GLOBS", Value::texts(options.key_globs.iter().map(String::as_str))),
        ("CANDIDATE_GLOBS", Value::texts(options.candidate_globs.iter().map(String::as_str))),
        ("KEY_LIMIT", int(options.key_limit)),
        ("KEY_SALT", int(options.key_salt)),
        ("SIZES", Value::dict(sizes)),
    ])
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
        assert_eq!(Options { modes, ..Options::default() }.active(), ["calls", "lines"]);
    }

    #[test]
    fn sources_are_those_of_the_modes_and_byte_code_is_known_by_one_time() {
        let written = |options: &Options| {
            let temp = tempfile::tempdir().unwrap();
            let _injection = Injection::install(temp.path(), options).unwrap();
            let site = temp.path().join(spool::AGENT).join("site");
            let sources = fs::read(site.join("sources")).unwrap();
            let has = |text: &str| sources.windows(text.len()).any(|part| part == text.as_bytes());
            let names: Vec<&str> = MODULES.iter().filter(|(_, text, _)| has(text)).map(|&(name, ..)| name).collect();
            (names, fs::metadata(site.join("sitecustomize.py")).unwrap().modified().unwrap())
        };
        let (names, time) = written(&Options { caches: true, ..Options::default() });
        let expect = ["loader", "__init__", "caches_hook", "caches", "caches_objects", "caches_places", "caches_wrap"];
        assert_eq!(names, expect);
        assert_eq!(written(&Options { caches: true, ..Options::default() }).1, time);
        let all = MODES.iter().map(|mode| mode.name.to_owned()).collect();
        let (names, other) =
            written(&Options { modes: all, candidate_globs: vec![String::new()], ..Options::default() });
        assert!(names.contains(&"keys") && !names.contains(&"caches") && other != time, "{names:?}");
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
