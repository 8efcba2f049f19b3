//! What the recorder left in the spool: who was entered, how that ended, and each mode's lines.

use crate::spool;
use perfcollect_shared::units::Nanos;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One Python program that was entered: an interpreter from its start, or from the fork that made it, to its end.
#[derive(Debug)]
pub struct AgentProcess {
    pub hello: Hello,
    /// `None` where it was killed, or lived on.
    pub bye: Option<Bye>,
    pub errors: Vec<AgentError>,
    /// Counted calls.
    pub(super) calls: u64,
    /// What counting one call costs, as measured in this process.
    call_ns: f64,
    /// What counting lines cost, likewise.
    pub(super) line_ns: u64,
    folder: PathBuf,
}

/// What it said first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Hello {
    pub pid: u32,
    pub ppid: u32,
    /// Counts programs of one process number.
    pub n: u32,
    /// Version, as in `3.11.7`.
    pub python: String,
    pub executable: String,
    pub argv: Vec<String>,
    /// On `CLOCK_MONOTONIC`.
    pub mono_ns: u64,
}

/// What it said last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Bye {
    /// `exit`, `_exit` or `exec`.
    pub how: String,
    pub mono_ns: u64,
    /// CPU time of the recorder's own work.
    pub own_ns: u64,
}

/// What did not work inside the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AgentError {
    pub mode: String,
    pub what: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HelloLine {
    hello: Option<Hello>,
    bye: Option<Bye>,
    error: Option<AgentError>,
    /// What counting one call costs.
    call_ns: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mark {
    snapshot: Option<u64>,
    end: Option<u64>,
}

/// Every program that was entered, in order of process numbers and time.
///
/// # Errors
/// When the spool cannot be read.
pub fn processes(spool: &Path) -> io::Result<Vec<AgentProcess>> {
    let folder = spool.join(spool::AGENT);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".hello.jsonl") && path.is_file() {
            found.extend(process(&path, &folder)?);
        }
    }
    found.sort_by_key(|process| (process.hello.pid, process.hello.n));
    Ok(found)
}

fn process(path: &Path, folder: &Path) -> io::Result<Option<AgentProcess>> {
    let (mut hello, mut bye, mut errors, mut call_ns) = (None, None, Vec::new(), 0.0);
    // A cut line is the last one of a killed program.
    spool::read_lines(path, |line: HelloLine| {
        hello = hello.take().or(line.hello);
        bye = line.bye.or(bye.take());
        errors.extend(line.error);
        call_ns = line.call_ns.unwrap_or(call_ns);
    })?;
    Ok(hello.map(|hello| AgentProcess { hello, bye, errors, calls: 0, call_ns, line_ns: 0, folder: folder.to_owned() }))
}

/// When the recording began, on the clock of [`Hello::mono_ns`]; 0 where that is not known.
#[must_use]
pub fn start_mono_ns(spool: &Path) -> u64 {
    #[derive(Deserialize)]
    struct Start {
        mono_ns: u64,
    }
    let bytes = fs::read(spool.join(spool::AGENT).join(spool::AGENT_START)).unwrap_or_default();
    serde_json::from_slice::<Start>(&bytes).map_or(0, |start| start.mono_ns)
}

impl AgentProcess {
    /// CPU time that the recorder took: what it measured of itself, and counting as it costs on average.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub fn own_cpu(&self) -> Option<Nanos> {
        let counting = (self.calls as f64 * self.call_ns.clamp(0.0, 1e6)) as u64;
        self.bye.as_ref().map(|bye| Nanos(bye.own_ns.saturating_add(counting).saturating_add(self.line_ns)))
    }

    /// The lines that a mode appended (`core.append`); where one is damaged, its number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn appended<T: DeserializeOwned>(&self, mode: &str, take: impl FnMut(T)) -> io::Result<Option<u64>> {
        spool::read_lines(&self.file(mode), take)
    }

    /// The lines of a mode's last whole snapshot (`core.replace`); none where it wrote none.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn snapshot<T: DeserializeOwned>(&self, mode: &str) -> io::Result<Option<Vec<T>>> {
        let mut newest: Option<(u64, Vec<u8>)> = None;
        for slot in 0..2 {
            let bytes = match fs::read(self.file(&format!("{mode}-{slot}"))) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if let Some((number, body)) = whole(&bytes)
                && newest.as_ref().is_none_or(|(known, _)| *known < number)
            {
                newest = Some((number, body.to_vec()));
            }
        }
        let Some((_, body)) = newest else { return Ok(None) };
        let lines = body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let parsed: Result<Vec<T>, _> = lines.map(serde_json::from_slice).collect();
        parsed.map(Some).map_err(io::Error::from)
    }

    /// Files of other forms than lines that a mode wrote: what follows `prefix` in their names, in order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(super) fn binaries(&self, prefix: &str) -> io::Result<Vec<(String, PathBuf)>> {
        let prefix = format!("{}-{}.{prefix}", self.hello.pid, self.hello.n);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if let Some(rest) = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".bin")) {
                found.push((rest.to_owned(), path.clone()));
            }
        }
        found.sort();
        Ok(found)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}-{}.{name}.jsonl", self.hello.pid, self.hello.n))
    }
}

/// Number and lines of a snapshot that was written to its end.
fn whole(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = bytes.iter().position(|&byte| byte == b'\n')?;
    let begun: Mark = serde_json::from_slice(&bytes[..first]).ok()?;
    let rest = bytes[first..].strip_suffix(b"\n")?;
    let last = rest.iter().rposition(|&byte| byte == b'\n')?;
    let ended: Mark = serde_json::from_slice(&rest[last + 1..]).ok()?;
    let number = begun.snapshot?;
    (ended.end == Some(number)).then_some((number, &rest[..last]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<(u64, &str)>) {
        assert_eq!(whole(text.as_bytes()), expect.map(|(number, body)| (number, body.as_bytes())), "{text}");
    }

    #[test]
    fn a_snapshot_counts_only_when_it_is_whole() {
        check("{\"snapshot\":3}\n{\"a\":1}\n{\"end\":3}\n", Some((3, "\n{\"a\":1}")));
        check("{\"snapshot\":3}\n{\"end\":3}\n", Some((3, "")));
        check("{\"snapshot\":3}\n{\"a\":1}\n{\"end\":2}\n", None);
        check("{\"snapshot\":3}\n{\"a\":1}\n", None);
        check("{\"snapshot\":3}\n{\"a\":1}\n{\"end\":3}", None);
        check("", None);
    }

    #[test]
    fn the_newest_whole_snapshot_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join(spool::AGENT);
        fs::create_dir(&folder).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("7-0.hello.jsonl", "{\"hello\":{\"pid\":7,\"n\":0,\"python\":\"3.11.7\"}}\n{\"bye\":{\"how\":\"ex");
        write("7-0.x-0.jsonl", "{\"snapshot\":1}\n5\n{\"end\":1}\n");
        write("7-0.x-1.jsonl", "{\"snapshot\":2}\n6\n");
        let found = processes(temp.path()).unwrap();
        assert_eq!((found.len(), found[0].bye.is_none()), (1, true));
        assert_eq!(found[0].snapshot::<u32>("x").unwrap(), Some(vec![5]));
        write("7-0.x-1.jsonl", "{\"snapshot\":2}\n6\n{\"end\":2}\n");
        assert_eq!(found[0].snapshot::<u32>("x").unwrap(), Some(vec![6]));
        assert_eq!(found[0].snapshot::<u32>("y").unwrap(), None);
    }
}
