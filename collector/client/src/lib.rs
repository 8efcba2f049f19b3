//! Tells `perfcollect run` what the caches of a Rust program count.
//!
//! A program appends a line with the counters of a cache to the file that `PERFCOLLECT_EVENTS` names (`docs/events.md`), as
//! often as it likes, at the latest before it ends. Outside of a recording there is no such variable, and nothing is done.
//! This crate starts no thread, keeps no counter that is not asked for, and has no dependencies but the caches themselves.
//!
//! ```
//! use perfcollect_client::{Counts, Report};
//!
//! static USERS: Counts = Counts::new();
//! let report = Report::new("app.users", "own");
//! USERS.hit();
//! USERS.miss();
//! report.snapshot(&USERS).unwrap();
//! ```

#[cfg(feature = "moka")]
mod moka;
#[cfg(feature = "quick_cache")]
mod quick_cache;

#[cfg(feature = "moka")]
pub use crate::moka::Counted;

use std::env;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Sums since a cache was made, and what is in it now; `None` is what it does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    pub hits: Option<u64>,
    pub misses: Option<u64>,
    pub sets: Option<u64>,
    /// Entries that the program removed.
    pub invalidations: Option<u64>,
    /// Entries that made room for others.
    pub evictions: Option<u64>,
    /// Entries that were too old.
    pub expired: Option<u64>,
    pub entries: Option<u64>,
    /// Most entries, or their most weight where they have weights.
    pub capacity: Option<u64>,
    /// Sum of the weights of entries, where they have some.
    pub weight: Option<u64>,
    pub bytes: Option<u64>,
}

/// What tells its counters.
pub trait Source {
    fn counters(&self) -> Counters;
}

impl Source for Counters {
    fn counters(&self) -> Counters {
        *self
    }
}

/// Counters to be kept by a program itself, beside a cache that has none. Evictions, expired and removed entries are told
/// from the first on: before it, nobody knows whether the program counts them.
#[derive(Debug, Default)]
pub struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
    expired: AtomicU64,
    invalidations: AtomicU64,
}

impl Counts {
    #[must_use]
    pub const fn new() -> Self {
        let [hits, misses, evictions, expired, invalidations] = [const { AtomicU64::new(0) }; 5];
        Self { hits, misses, evictions, expired, invalidations }
    }

    /// A lookup that found its key.
    pub fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// A lookup that did not.
    pub fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// An entry made room for another.
    pub fn evicted(&self) {
        self.evictions.fetch_add(1, Ordering::Relaxed);
    }

    /// An entry was too old.
    pub fn expired(&self) {
        self.expired.fetch_add(1, Ordering::Relaxed);
    }

    /// The program removed an entry.
    pub fn invalidated(&self) {
        self.invalidations.fetch_add(1, Ordering::Relaxed);
    }
}

impl Source for Counts {
    fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| Some(counter.load(Ordering::Relaxed));
        Counters {
            hits: read(&self.hits),
            misses: read(&self.misses),
            evictions: read(&self.evictions).filter(|&count| count > 0),
            expired: read(&self.expired).filter(|&count| count > 0),
            invalidations: read(&self.invalidations).filter(|&count| count > 0),
            ..Counters::default()
        }
    }
}

/// Whether this program is recorded, so that reports have a reader.
#[must_use]
pub fn is_recording() -> bool {
    file().is_some()
}

/// Reports one cache, under one name.
#[derive(Debug)]
pub struct Report {
    name: String,
    library: String,
    place: Option<(String, u32)>,
    instance: u64,
    /// Snapshots are taken and written one after the other, or a later one might stand before an earlier.
    order: Mutex<()>,
}

impl Report {
    /// `name` says what is cached (`app.users`), `library` what caches it (`moka`).
    #[must_use]
    pub fn new(name: impl Into<String>, library: impl Into<String>) -> Self {
        static INSTANCES: AtomicU64 = AtomicU64::new(0);
        let instance = INSTANCES.fetch_add(1, Ordering::Relaxed);
        Self { name: name.into(), library: library.into(), place: None, instance, order: Mutex::new(()) }
    }

    /// Where it is defined: `.at(file!(), line!())`.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: u32) -> Self {
        self.place = Some((file.into(), line));
        self
    }

    /// Reports what the cache has counted so far. Costs one write to a file while the program is recorded; else it only
    /// looks that it is not, and the cache is not asked.
    ///
    /// # Errors
    /// When the file cannot be written; the program need not care.
    pub fn snapshot(&self, cache: &(impl Source + ?Sized)) -> io::Result<()> {
        let Some(mut file) = file() else { return Ok(()) };
        let _in_order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let line = self.line(cache.counters(), std::process::id(), now());
        // One write, so that lines of others stay apart.
        file.write_all(line.as_bytes())
    }

    fn line(&self, counters: Counters, pid: u32, unix_ns: u64) -> String {
        let mut line =
            format!("{{\"kind\":\"cache\",\"pid\":{pid},\"instance\":{},\"unix_ns\":{unix_ns}", self.instance);
        text(&mut line, "name", &self.name);
        text(&mut line, "library", &self.library);
        if let Some((file, number)) = &self.place {
            text(&mut line, "file", file);
            number_of(&mut line, "line", Some(u64::from(*number)));
        }
        let Counters { hits, misses, sets, invalidations, evictions, expired, entries, capacity, weight, bytes } =
            counters;
        number_of(&mut line, "hits", hits);
        number_of(&mut line, "misses", misses);
        number_of(&mut line, "sets", sets);
        number_of(&mut line, "invalidations", invalidations);
        number_of(&mut line, "evictions", evictions);
        number_of(&mut line, "expired", expired);
        number_of(&mut line, "entries", entries);
        number_of(&mut line, "capacity", capacity);
        number_of(&mut line, "weight", weight);
        number_of(&mut line, "bytes", bytes);
        line.push_str("}\n");
        line
    }
}

/// The file of this recording, opened once; it is never made here, since one that is gone has no reader.
fn file() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    let open = || File::options().append(true).open(env::var_os("PERFCOLLECT_EVENTS")?).ok();
    FILE.get_or_init(open).as_ref()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn number_of(line: &mut String, name: &str, value: Option<u64>) {
    if let Some(value) = value {
        // Into a string nothing can fail.
        write!(line, ",\"{name}\":{value}").ok();
    }
}

/// A text as JSON has it (RFC 8259, section 7).
fn text(line: &mut String, name: &str, value: &str) {
    write!(line, ",\"{name}\":\"").ok();
    for c in value.chars() {
        match c {
            '"' | '\\' => line.extend(['\\', c]),
            c if c < ' ' => write!(line, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => line.push(c),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whatever_the_names_are() {
        let report = Report { instance: 3, ..Report::new("a\"b\\c\n\u{1}é", "own") }.at("src/main.rs", 7);
        let counters = Counters { hits: Some(1), entries: Some(u64::MAX), ..Counters::default() };
        let expect = "{\"kind\":\"cache\",\"pid\":5,\"instance\":3,\"unix_ns\":9,\"name\":\"a\\\"b\\\\c\\u000a\\u0001é\",\
                      \"library\":\"own\",\"file\":\"src/main.rs\",\"line\":7,\"hits\":1,\"entries\":18446744073709551615}\n";
        assert_eq!(report.line(counters, 5, 9), expect);
    }

    #[test]
    fn without_a_recording_nothing_is_asked() {
        struct Silent;
        impl Source for Silent {
            fn counters(&self) -> Counters {
                panic!("asked")
            }
        }
        if env::var_os("PERFCOLLECT_EVENTS").is_none() {
            Report::new("a", "own").snapshot(&Silent).unwrap();
            assert!(!is_recording());
        }
    }
}
