//! What became of sizes that caches were to be made with, and what those caches counted.

use super::read::processes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What the processes of some runs told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sized {
    /// Caches that were asked for, by name.
    pub caches: BTreeMap<String, Counted>,
    /// All caches that the program made, by name.
    pub seen: BTreeMap<String, Kind>,
    /// Why one that was asked for has no size of its own.
    pub cannot: BTreeMap<String, String>,
}

/// What a cache belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Function,
    /// An object of a library, that a method's decorator looks into.
    Method,
    /// An object of a library, that the program looks into itself.
    Object,
}

/// One cache, over all processes that made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Objects that were made by this definition.
    pub made: u64,
    /// Size that the source asks for; `None` without a limit.
    pub was: Option<u64>,
    /// Size that it had.
    pub now: Option<u64>,
    /// `None` where nobody counts.
    pub hits: Option<u64>,
    pub misses: Option<u64>,
    /// Entries at the end, the most of one object.
    pub entries: Option<u64>,
}

/// Name, size that was asked for, size that it has, hits, misses, entries, objects that were made.
type Row = (String, Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>, u64);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    cache: Option<Row>,
    seen: Option<(String, Kind)>,
    cannot: Option<String>,
    why: Option<String>,
}

/// Reads what was told into a folder of the recorder (that of [`super::Injection`]).
///
/// # Errors
/// When the folder cannot be read.
pub fn sized(folder: &Path) -> io::Result<Sized> {
    let mut found = Sized::default();
    for process in processes(folder)? {
        process.appended("resize", |line: Line| {
            found.seen.extend(line.seen);
            if let Some((name, why)) = line.cannot.zip(line.why) {
                found.cannot.insert(name, why);
            }
        })?;
        for line in process.snapshot::<Line>("sizes")?.unwrap_or_default() {
            if let Some(row) = line.cache {
                found.add(row);
            }
        }
    }
    Ok(found)
}

impl Sized {
    fn add(&mut self, (name, was, now, hits, misses, entries, made): Row) {
        let counted = self.caches.entry(name).or_default();
        let sum =
            |one: Option<u64>, other: Option<u64>| one.zip(other).map(|(one, other)| one + other).or(one).or(other);
        counted.made += made;
        (counted.was, counted.now) = (was, now);
        counted.hits = sum(counted.hits, hits);
        counted.misses = sum(counted.misses, misses);
        counted.entries = counted.entries.max(entries);
    }
}
