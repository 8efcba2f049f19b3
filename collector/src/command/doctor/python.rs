//! Python stacks: reading another process's memory, the Pythons that are installed, and which caches these have.

use super::Check;
use crate::sample::python::{KNOWN_MINORS as KNOWN, NoAccess, explain_no_access};
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::io::IoSliceMut;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TITLE: &str = "Python stacks";

pub(super) fn checks() -> Vec<Check> {
    let found = installed();
    vec![memory(), versions(&found), caches(&found)]
}

fn memory() -> Check {
    let id = "python_stacks";
    match read_child() {
        Ok(()) => Check::works(id, TITLE, "the memory of programs that perfcollect starts can be read"),
        Err(NoAccess { reason, fix }) => Check::missing(id, TITLE, reason, fix),
    }
}

/// Reads a few bytes of a child, as the sampler does.
fn read_child() -> Result<(), NoAccess> {
    let failed = |reason: String| NoAccess { reason, fix: "run: perfcollect doctor".to_owned() };
    let child = Command::new("sleep").arg("10").stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut child = child.map_err(|error| failed(format!("cannot start sleep: {error}")))?;
    let read = read_memory(child.id()).map_err(|error| match error {
        Errno::EPERM | Errno::EACCES => explain_no_access(child.id()),
        other => failed(format!("the memory of a child cannot be read: {other}")),
    });
    // It has ended by itself where these fail.
    child.kill().ok();
    child.wait().ok();
    read
}

fn read_memory(pid: u32) -> Result<(), Errno> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"));
    let maps = maps.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EPERM)))?;
    let readable = maps.lines().find(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with('r')));
    let base = readable.and_then(|line| usize::from_str_radix(line.split('-').next()?, 16).ok()).unwrap_or(0);
    let mut bytes = [0; 16];
    let pid = Pid::from_raw(i32::try_from(pid).map_err(|_too_large| Errno::ESRCH)?);
    let mut local = [IoSliceMut::new(&mut bytes)];
    process_vm_readv(pid, &mut local, &[RemoteIoVec { base, len: 16 }]).map(|_| ())
}

fn versions(found: &[(PathBuf, String)]) -> Check {
    let (id, title) = ("python_versions", "Pythons here");
    if found.is_empty() {
        return Check::limited(id, title, "there is no python3 in PATH", "sudo apt-get install python3");
    }
    let (known, unknown): (Vec<_>, Vec<_>) = found.iter().cloned().partition(|(_, version)| is_known(version));
    let list = |pythons: &[(PathBuf, String)]| {
        let words = pythons.iter().map(|(path, version)| format!("{version} ({})", path.display()));
        words.collect::<Vec<_>>().join(", ")
    };
    if unknown.is_empty() {
        return Check::works(id, title, list(&known));
    }
    let detail = format!("{}: too new or too old for the sampler", list(&unknown));
    let other = if known.is_empty() { String::new() } else { format!(", such as {}", list(&known)) };
    Check::limited(id, title, detail, format!("use CPython 3.{} to 3.{}{other}", KNOWN.start(), KNOWN.end()))
}

/// Packages whose caches are counted, as the package index names them; functools is everywhere.
const PACKAGES: [&str; 8] =
    ["cachetools", "diskcache", "cashews", "aiocache", "dogpile.cache", "advanced-caching", "Django", "Flask-Caching"];
/// Says which of its arguments are installed. Nothing of the folder that we are in is imported.
const ASK: &str = "import sys
sys.path[:] = [entry for entry in sys.path if entry]
from importlib.metadata import version
for name in sys.argv[1:]:
    try:
        print(name, version(name))
    except Exception:
        pass
";

/// Which caches of Python programs are counted here.
fn caches(found: &[(PathBuf, String)]) -> Check {
    let (id, title) = ("python_caches", "Python caches");
    let told = |(python, version): &(PathBuf, String)| {
        let minor = version.strip_prefix("3.")?.split('.').next()?.parse::<u32>().ok()?;
        let libraries = [vec!["functools".to_owned()], libraries_of(python)].concat().join(", ");
        (minor >= 8).then(|| format!("{version}: {libraries}"))
    };
    let entered: Vec<String> = found.iter().filter_map(told).collect();
    if entered.is_empty() {
        let detail = "no Python from 3.8 on is in PATH: none is entered, and its caches are not counted";
        return Check::missing(id, title, detail, "sudo apt-get install python3");
    }
    Check::works(id, title, entered.join("; "))
}

fn libraries_of(python: &Path) -> Vec<String> {
    let asked = Command::new(python).args(["-c", ASK]).args(PACKAGES).stdin(Stdio::null()).output();
    let Ok(output) = asked else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn is_known(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(3), Some(minor)) => KNOWN.contains(&minor),
        (Some(2), Some(minor)) => minor == 7,
        _ => false,
    }
}

/// Each Python of PATH once, with its version.
fn installed() -> Vec<(PathBuf, String)> {
    let mut found: BTreeMap<PathBuf, (PathBuf, String)> = BTreeMap::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    for folder in std::env::split_paths(&path) {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut names: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        names.sort_unstable();
        for python in names.into_iter().filter(|path| is_python(path)) {
            let Ok(real) = fs::canonicalize(&python) else { continue };
            if let std::collections::btree_map::Entry::Vacant(vacant) = found.entry(real)
                && let Some(version) = version_of(&python)
            {
                vacant.insert((python, version));
            }
        }
    }
    let mut found: Vec<(PathBuf, String)> = found.into_values().collect();
    found.dedup_by(|a, b| a.1 == b.1);
    found
}

/// `python3` and `python3.11`; not `python3-config`.
fn is_python(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let named = name.strip_prefix("python").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'));
    named && fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn version_of(python: &Path) -> Option<String> {
    let output = Command::new(python).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = [output.stdout, output.stderr].concat(); // Python 2 says it on stderr
    let text = String::from_utf8_lossy(&text);
    text.trim().strip_prefix("Python ").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_the_sampler_knows() {
        for version in ["2.7.18", "3.3.7", "3.11.2", "3.13.0rc1", "3.15.0a1"] {
            assert!(is_known(version), "{version}");
        }
        for version in ["2.6", "3.2", "3.16.0", "4.0", "x", ""] {
            assert!(!is_known(version), "{version}");
        }
    }

    #[test]
    fn our_own_child_can_be_read_or_the_reason_is_told() {
        if let Err(reason) = read_child() {
            assert!(!reason.fix.is_empty());
        }
    }
}
