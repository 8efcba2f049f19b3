//! Tells Python processes from others by what they run and what they have mapped.

use crate::pack::merge::is_interpreter;
use std::fs;
use std::io::ErrorKind;

/// What a process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// Its executable is `CPython`.
    Python(String),
    /// Something else; the executable's path.
    Other(String),
    /// The process is gone, or may not be looked at.
    Unknown,
}

/// Reads the link of the executable: cheap enough to be asked often.
pub(super) fn program(pid: u32) -> Program {
    let path = match fs::read_link(format!("/proc/{pid}/exe")) {
        Ok(path) => path,
        // Whoever may not look at the link can still read the name.
        Err(error) if error.kind() == ErrorKind::PermissionDenied && is_interpreter(&comm(pid, pid)) => {
            return Program::Python(comm(pid, pid));
        }
        Err(_) => return Program::Unknown,
    };
    let path = path.to_string_lossy().into_owned();
    let file = path.strip_suffix(" (deleted)").unwrap_or(&path);
    if is_interpreter(base(file)) { Program::Python(path) } else { Program::Other(path) }
}

/// Whether the process has a libpython mapped: programs that embed Python. Costs a page of text a mapping.
pub(super) fn maps_libpython(pid: u32) -> bool {
    let Ok(maps) = fs::read(format!("/proc/{pid}/maps")) else { return false };
    String::from_utf8_lossy(&maps).lines().any(|line| {
        let path = line.rsplit(' ').next().unwrap_or("");
        base(path).starts_with("libpython") && is_interpreter(base(path))
    })
}

/// The process's name as the kernel has it, as in perf's records.
pub(super) fn comm(pid: u32, tid: u32) -> String {
    let read = fs::read(format!("/proc/{pid}/task/{tid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(&read).trim_end_matches('\n').to_owned()
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
