//! What programs report of themselves: lines that they append to the file named by `PERFCOLLECT_EVENTS`.
//!
//! Owns the variable, the file, and the reading of its lines (`docs/events.md`). Anybody may write there, so no line is
//! trusted: what cannot be understood is counted, never fatal. What lines mean is for `pack/events.rs`.

use crate::launch::{Clock, Variable};
use crate::spool;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The variable that names the file.
pub const VARIABLE: &str = "PERFCOLLECT_EVENTS";
/// Longest line; what is longer is left out.
const MOST_BYTES: u64 = 64 * 1024;
/// Longest text in one.
const MOST_TEXT: usize = 1000;

/// Makes the file in a spool; the variable that tells of it.
///
/// # Errors
/// When it cannot be made.
pub fn prepare(spool: &Path) -> io::Result<Variable> {
    let path = fs::canonicalize(spool)?.join(spool::EVENTS);
    File::options().create(true).append(true).open(&path)?;
    if nix::unistd::geteuid().is_root() {
        // The program may give up its rights.
        fs::set_permissions(&path, Permissions::from_mode(0o622))?;
    }
    Ok((VARIABLE.into(), path.into()))
}

/// When the recording began, on both clocks that lines may have their times from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    pub mono_ns: u64,
    pub unix_ns: u64,
}

/// Notes the start.
///
/// # Errors
/// When it cannot be written.
pub fn note_start(spool: &Path, clock: &Clock) -> io::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
    let start = Start { mono_ns: clock.start_ns(), unix_ns: now.saturating_sub(clock.now().0) };
    fs::write(spool.join(spool::EVENTS_START), serde_json::to_vec(&start)?)
}

/// A snapshot of a cache: sums since it was made. What is not there is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CacheLine {
    pub name: String,
    pub library: String,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub pid: Option<u32>,
    /// Tells caches of one name in one process apart.
    pub instance: Option<Instance>,
    pub t_ns: Option<Count>,
    pub unix_ns: Option<Count>,
    pub scope: Option<String>,
    pub policy: Option<String>,
    pub requests: Option<Count>,
    pub hits: Option<Count>,
    pub hits_stale: Option<Count>,
    pub misses: Option<Count>,
    pub loads_failed: Option<Count>,
    pub load_ns: Option<Count>,
    pub sets: Option<Count>,
    pub deletes: Option<Count>,
    pub invalidations: Option<Count>,
    pub evictions: Option<Count>,
    pub expired: Option<Count>,
    pub entries: Option<Count>,
    pub capacity: Option<Count>,
    pub unbounded: bool,
    pub bytes: Option<Count>,
    pub capacity_bytes: Option<Count>,
    pub weight: Option<Count>,
    pub ttl_ns: Option<Count>,
}

/// A number or a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
pub enum Instance {
    Number(u64),
    Text(String),
}

/// A whole number that is not negative; `12.0` is one, as some languages write them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of 0 or more")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }

            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "looked at before")]
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Count, E> {
                const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
                let whole = (0.0..=EXACT).contains(&number) && number.fract() == 0.0;
                if whole { Ok(Count(number as u64)) } else { Err(E::custom("no whole number of 0 or more")) }
            }
        }
        deserializer.deserialize_any(Whole)
    }
}

/// Lines that were left out, by what is wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    pub lines: u64,
    /// Number of the first.
    pub first: u64,
    /// What is wrong, and how often.
    pub why: Vec<(&'static str, u64)>,
}

impl Refused {
    /// Notes one more.
    pub fn add(&mut self, number: u64, why: &'static str) {
        self.lines += 1;
        if self.first == 0 {
            self.first = number;
        }
        match self.why.iter_mut().find(|(known, _)| *known == why) {
            Some((_, count)) => *count += 1,
            None => self.why.push((why, 1)),
        }
    }
}

/// When the recording began, where that was noted.
#[must_use]
pub fn start(spool: &Path) -> Option<Start> {
    fs::read(spool.join(spool::EVENTS_START)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
}

/// Reads the lines of a spool and refuses what is none. `take` may refuse, too.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read(spool: &Path, mut take: impl FnMut(CacheLine) -> Result<(), &'static str>) -> io::Result<Refused> {
    let mut refused = Refused::default();
    let file = match File::open(spool.join(spool::EVENTS)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(refused),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let length = reader.by_ref().take(MOST_BYTES).read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        let result = if length as u64 == MOST_BYTES && !line.ends_with(b"\n") {
            reader.skip_until(b'\n')?;
            Err("longer than 64 KiB")
        } else if line.iter().all(u8::is_ascii_whitespace) {
            Ok(())
        } else {
            parse(&line).and_then(&mut take)
        };
        if let Err(why) = result {
            refused.add(number, why);
        }
    }
    Ok(refused)
}

fn parse(line: &[u8]) -> Result<CacheLine, &'static str> {
    #[derive(Deserialize)]
    struct Kind {
        kind: Option<String>,
    }
    let Kind { kind } = serde_json::from_slice(line).map_err(|_why| "no JSON object")?;
    match kind.as_deref() {
        Some("cache") => {}
        Some(_) => return Err("of a kind that this version does not know"),
        None => return Err("without a `kind`"),
    }
    let parsed: CacheLine = serde_json::from_slice(line).map_err(|_why| "with a field of another type than it has")?;
    let texts = [Some(&parsed.name), Some(&parsed.library), parsed.file.as_ref(), parsed.policy.as_ref()];
    let instance = match &parsed.instance {
        Some(Instance::Text(text)) => text.len(),
        _ => 0,
    };
    if texts.into_iter().flatten().map(String::len).chain([instance]).any(|length| length > MOST_TEXT) {
        return Err("with a text longer than 1,000 bytes");
    }
    if parsed.name.is_empty() { Err("without the `name` of a cache") } else { Ok(parsed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_or_refused_for_a_reason() {
        let check = |line: &str, expect: Result<(&str, Option<u64>), &str>| {
            let parsed = parse(line.as_bytes());
            let seen =
                parsed.as_ref().map(|line| (line.name.as_str(), line.hits.map(|hits| hits.0))).map_err(|why| *why);
            assert_eq!(seen, expect, "{line}");
        };
        check(r#"{"kind":"cache","name":"a","hits":3,"other":[1]}"#, Ok(("a", Some(3))));
        check(r#"{"kind":"cache","name":"a","hits":3.0,"misses":null}"#, Ok(("a", Some(3))));
        check(r#"{"kind":"cache","name":"a","hits":18446744073709551615}"#, Ok(("a", Some(u64::MAX))));
        check(r#"{"kind":"cache","name":"a","instance":"x"}"#, Ok(("a", None)));
        for bad in ["-1", "1.5", "\"3\"", "1e300", "true"] {
            let line = format!(r#"{{"kind":"cache","name":"a","hits":{bad}}}"#);
            check(&line, Err("with a field of another type than it has"));
        }
        check(r#"{"kind":"span","name":"a"}"#, Err("of a kind that this version does not know"));
        check(r#"{"name":"a"}"#, Err("without a `kind`"));
        check(r#"{"kind":"cache"}"#, Err("without the `name` of a cache"));
        check(r#"{"kind":"cache","name":"a""#, Err("no JSON object"));
        check("[1]", Err("no JSON object"));
        check(
            &format!(r#"{{"kind":"cache","name":"{}"}}"#, "x".repeat(1001)),
            Err("with a text longer than 1,000 bytes"),
        );
    }
}
