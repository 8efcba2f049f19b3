//! `CPython` that is newer than the sampler knows: its own perf map (3.12 and later) names its functions.

use crate::sample::python::KNOWN_MINORS;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

pub(super) const VARIABLE: &str = "PYTHONPERFSUPPORT";

/// Whether the Python at hand can be read in no other way.
pub(super) fn needs_trampoline(command: &[OsString]) -> bool {
    command.first().and_then(|program| find(program)).is_some_and(|python| is_newer(&python))
}

/// The program itself where it is Python, else `python3` as a shell would find it; without its links.
fn find(program: &OsStr) -> Option<PathBuf> {
    let named = Path::new(program);
    let is_python = named.file_name()?.to_string_lossy().starts_with("python");
    if is_python && named.components().count() > 1 {
        return fs::canonicalize(named).ok();
    }
    let name = if is_python { program } else { OsStr::new("python3") };
    env::split_paths(&env::var_os("PATH")?).find_map(|folder| fs::canonicalize(folder.join(name)).ok())
}

/// By the name that it is installed under: `python3.16`.
fn is_newer(python: &Path) -> bool {
    let name = python.file_name().unwrap_or_default().to_string_lossy();
    let minor = name.strip_prefix("python3.").map(|minor| minor.trim_end_matches('t'));
    minor.and_then(|minor| minor.parse::<u32>().ok()).is_some_and(|minor| minor > *KNOWN_MINORS.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_python_that_the_sampler_cannot_read_is_asked() {
        for (python, newer) in [
            ("/usr/bin/python3.11", false),
            ("/usr/bin/python3.15", false),
            ("/opt/bin/python3.16", true),
            ("/opt/bin/python3.17t", true),
            ("/usr/bin/python3", false),
            ("/usr/bin/bash", false),
        ] {
            assert_eq!(is_newer(Path::new(python)), newer, "{python}");
        }
    }
}
