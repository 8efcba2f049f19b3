//! Caches: what they counted, and the keys that were asked of them.

use crate::fields::fields;
use crate::units::{Bytes, Nanos};
use serde::{Deserialize, Serialize};

/// One cache of one process, or one cache server: a line of `caches.jsonl`.
///
/// Counters are of the recording, not of the cache's life: what had been counted before it began is taken off. They are
/// kept as counters, so that records can be added; ratios are derived. `None` is what the library does not expose, never 0.
/// Records of several processes are of one cache when library, name, file and line are equal.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CacheRecord {
    /// `module.qualname` of a function, `module.variable` of an object, the address without credentials of a server.
    pub name: String,
    /// `functools`, `cachetools`, `redis`, …
    pub library: String,
    pub scope: CacheScope,
    pub source: CounterSource,
    /// Of the definition; the line is that of the first decorator (`co_firstlineno`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// `None` for a server, and where several processes were added up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// `lru`, `lfu`, `fifo`, `ttl`, `allkeys-lru`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// First and last reading, since the start of the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_ns: Option<Nanos>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_ns: Option<Nanos>,
    /// How often counters fell, because they were cleared or the server started again; what was counted before is kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub resets: u64,
    /// Cache objects of this definition that were added up: closures and methods make one each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<u64>,
    /// What was counted after the last reading is lost: the process was killed, or the cache was freed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// The cached function calls itself, so that the time of a miss depends on the cache.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,

    /// Lookups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hits: Option<u64>,
    /// Hits that gave an expired value while a new one was fetched; part of `hits`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hits_stale: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub misses: Option<u64>,
    /// Computations of a value that raised an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loads_failed: Option<u64>,
    /// Wall time of the computations behind misses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_ns: Option<Nanos>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sets: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletes: Option<u64>,
    /// Entries that the program removed: deletes, clears, tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalidations: Option<u64>,
    /// Entries that made room for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evictions: Option<u64>,
    /// Entries that outlived their time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<u64>,

    /// At the last reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// Most entries; `None` where there is no limit (`unbounded`) or it is not exposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unbounded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_bytes: Option<Bytes>,
    /// Sum of the weights of entries where the program gives them weights; `capacity` is then in weights too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_ns: Option<Nanos>,

    /// What our own counting cost for each lookup, as measured in this process; `None` where the library counts itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counting_ns: Option<f64>,
    /// The counters over time.
    #[serde(skip_serializing_if = "CacheSeries::is_empty")]
    pub series: CacheSeries,
}

fields!(CacheRecord:
    name, library;
    scope, source, file, line, pid, policy, from_ns, to_ns, resets, instances, cut, recursive, requests, hits,
    hits_stale, misses, loads_failed, load_ns, sets, deletes, invalidations, evictions, expired, entries, capacity,
    unbounded, bytes, capacity_bytes, weight, ttl_ns, counting_ns, series
);

#[cfg_attr(not(target_family = "wasm"), expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature"))]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a cache belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheScope {
    /// The results of one function.
    #[default]
    Function,
    /// An object that the program reads and writes.
    Object,
    /// A server of its own, with everybody's requests.
    Server,
    /// A kind of a newer version.
    #[serde(other)]
    Other,
}

/// Who counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterSource {
    /// The library, for itself.
    #[default]
    Library,
    /// We, around its lookup function.
    Wrapped,
    /// A server that was asked.
    Server,
    /// The program, through `PERFCOLLECT_EVENTS`.
    Reported,
    /// A file of another tool.
    Imported,
    /// A source of a newer version.
    #[serde(other)]
    Other,
}

/// Counters of a cache at moments of the recording, in columns of equal length; a column that was never read is empty.
///
/// Counters are sums since the start of the recording, past any reset. `None` is a moment at which it was not known: a
/// server that was away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheSeries {
    /// Since the start of the recording, never decreasing.
    pub t_ns: Vec<u64>,
    pub hits: Vec<Option<u64>>,
    pub misses: Vec<Option<u64>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evictions: Vec<Option<u64>>,
    /// At that moment, not a sum.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Option<u64>>,
    /// At that moment, not a sum.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bytes: Vec<Option<u64>>,
}

fields!(CacheSeries:; t_ns, hits, misses, evictions, entries, bytes);

impl CacheSeries {
    /// Whether there is no moment in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.t_ns.is_empty()
    }
}

/// The keys that were asked of one cache, or of a function that has none, in one process: `keys/<name>.gz`.
///
/// Keys are hashes, salted anew for each recording, so that nothing can be told of them but which are equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyTrace {
    /// Name of its member, of `A-Z a-z 0-9 - _`.
    pub name: String,
    /// What it is of, as in [`CacheRecord`].
    pub cache: String,
    pub library: String,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub pid: Option<u32>,
    /// The function has no cache: its calls were traced to tell what one would bring.
    pub candidate: bool,
    /// The function calls itself.
    pub recursive: bool,
    /// Part of all keys that was traced, by their hashes; 1 is every key. It falls where a limit was reached, for the
    /// whole trace: what had been traced of other keys is dropped.
    pub rate: f64,
    /// All lookups, those of keys that are not here included.
    pub requests: u64,
    /// Lookups whose key could not be hashed, or whose hash or equality raised; they are not here.
    pub unhashable: u64,
    /// What tracing cost for each lookup, as measured in this process; already taken off `cost_ns`.
    pub tracing_ns: f64,
    /// The hash of each distinct key, by its number.
    pub hashes: Vec<u64>,
    /// Columns of equal length, one entry a lookup in order of time.
    pub t_ns: Vec<u64>,
    /// Number of the key.
    pub key: Vec<u32>,
    pub kind: Vec<Lookup>,
    /// Wall time of the computation behind a miss; 0 of hits.
    pub cost_ns: Vec<u64>,
    /// Size of the value in bytes; empty where it was not measured.
    pub size: Vec<u32>,
}

/// How a lookup ended, or what else happened to entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Lookup {
    #[default]
    Hit = 0,
    Miss = 1,
    /// A miss because the entry was too old.
    Expired = 2,
    /// A miss whose computation raised an error; nothing was kept.
    Failed = 3,
    /// A call of a function that has no cache.
    Call = 4,
    /// The program removed the entry of this key.
    Invalidated = 5,
    /// The program removed all entries; the key means nothing.
    Cleared = 6,
}

impl Lookup {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Hit, Self::Miss, Self::Expired, Self::Failed, Self::Call, Self::Invalidated, Self::Cleared];

    /// Whether a key was asked for.
    #[must_use]
    pub fn is_request(self) -> bool {
        !matches!(self, Self::Invalidated | Self::Cleared)
    }
}
