//! Whether a cache is worth it: what it saved, against what it cost, and what would be better.
//!
//! [`evidence`] gathers what a bundle tells of each cache, over all its processes; [`simulate`] replays the keys that were
//! recorded, at other sizes and by other policies; [`judge`] says what follows, with the numbers that decided it and the
//! number that would change it. The net benefit is `B = H (c - o_h) - M o_m`: what the hits did not have to compute, less what
//! asking and storing cost. Memory stands beside it in bytes, since nobody but the reader knows what a byte is worth.
//! Must not measure, nor judge what was not measured: `None` is unknown, never 0.

mod compare;
mod cost;
mod evidence;
mod finding;
mod judge;
mod overhead;
mod presets;
mod rate;
mod requests;
mod simulate;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;
pub mod text;
pub mod words;

pub(crate) use compare::as_fields;
pub use compare::{RowChange, Shift, compare};
pub use cost::{Cost, CostBy, wrapped};
pub use evidence::{Evidence, evidence};
pub use finding::{Headline, finding, headline};
pub use judge::{counted_rows, judge};
pub use overhead::{Overhead, overhead};
pub use presets::{Preset, Presets};
pub use rate::{Rate, RateBy};
pub use requests::{recorded_part, requests};
pub use simulate::{Setup, Simulated, simulate};

use crate::format::{count, plural};
use crate::model::{Bundle, CacheScope, CounterSource, is_own_file};
use crate::order::Order;
use crate::stats::Interval;
use crate::units::{Bytes, Nanos};
use serde::{Serialize, Serializer};

/// What to do with a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It saves more than it costs, and nothing better was found.
    Keep,
    /// It costs more than it saves at any size.
    Remove,
    /// Another size is better.
    Resize,
    /// A function without a cache that would gain by one.
    Add,
    /// Entries expire too early.
    Ttl,
    /// Another policy is better at this size.
    Policy,
    /// What was measured does not decide it.
    #[default]
    Inconclusive,
    /// Nothing asked for it in this recording.
    NotExercised,
}

impl Verdict {
    /// As people read it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "KEEP",
            Self::Remove => "REMOVE",
            Self::Resize => "RESIZE",
            Self::Add => "ADD",
            Self::Ttl => "TTL",
            Self::Policy => "POLICY",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::NotExercised => "NOT EXERCISED",
        }
    }

    /// Whether it says what to do.
    #[must_use]
    pub fn is_confident(self) -> bool {
        !matches!(self, Self::Inconclusive | Self::NotExercised)
    }
}

/// One cache, judged: an entry of the JSON form, which `docs/report-schema.md` describes.
#[expect(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub library: String,
    pub scope: CacheScope,
    pub source: CounterSource,
    pub policy: Option<String>,
    /// The function has no cache yet.
    pub candidate: bool,
    pub processes: u64,
    /// Caches made at this place, in all processes; the figures are of all of them.
    pub instances: u64,
    pub requests: Option<u64>,
    pub hits: Option<u64>,
    pub misses: Option<u64>,
    pub evictions: Option<u64>,
    pub expired: Option<u64>,
    /// Most in one process: each has a cache of its own, of this capacity.
    pub entries: Option<u64>,
    pub capacity: Option<u64>,
    pub unbounded: bool,
    pub bytes: Option<Bytes>,
    pub ttl_ns: Option<Nanos>,
    pub resets: u64,
    pub cut: bool,
    pub recursive: bool,

    pub rate: Option<f64>,
    pub rate_low: Option<f64>,
    pub rate_high: Option<f64>,
    pub rate_by: Option<RateBy>,

    #[serde(serialize_with = "rounded")]
    pub miss_cost_ns: Option<f64>,
    #[serde(serialize_with = "rounded")]
    pub miss_cost_ns_low: Option<f64>,
    #[serde(serialize_with = "rounded")]
    pub miss_cost_ns_high: Option<f64>,
    pub miss_cost_by: Option<CostBy>,
    /// Cost of a hit and of what a miss does beyond the computation.
    pub overhead: Overhead,

    /// Net benefit of this recording; negative where the cache cost more than it saved.
    #[serde(serialize_with = "rounded")]
    pub saved_ns: Option<f64>,
    #[serde(serialize_with = "rounded")]
    pub saved_ns_low: Option<f64>,
    #[serde(serialize_with = "rounded")]
    pub saved_ns_high: Option<f64>,
    /// The hit rate at which a cache of this miss cost pays for itself.
    pub break_even_rate: Option<f64>,

    pub verdict: Verdict,
    pub advised_capacity: Option<u64>,
    pub advised_policy: Option<&'static str>,
    pub advised_ttl_ns: Option<Nanos>,
    /// Hit rate of what is advised.
    pub advised_rate: Option<f64>,
    /// Net benefit of what is advised over what is.
    #[serde(serialize_with = "rounded")]
    pub gain_ns: Option<f64>,
    #[serde(serialize_with = "rounded")]
    pub gain_ns_low: Option<f64>,
    #[serde(serialize_with = "rounded")]
    pub gain_ns_high: Option<f64>,
    /// The numbers that decided it, as sentences.
    pub reasons: Vec<String>,
    /// The numbers that would change it, likewise.
    pub would_change: Vec<String>,
    /// The command that would tell more.
    pub next: Option<String>,
    pub presets: Presets,
}

/// Every cache of a bundle, judged with the replay of its keys: what would bring most comes first. Takes time in proportion to
/// the recorded keys; see [`evidence`], [`simulate`] and [`judge`] for its steps.
#[must_use]
pub fn rows(bundle: &Bundle) -> Vec<Row> {
    rows_of(bundle, usize::MAX)
}

/// As [`rows`], but without the replay of caches of more recorded lookups than this.
#[must_use]
pub fn rows_of(bundle: &Bundle, most: usize) -> Vec<Row> {
    let lookups = |key: &usize| bundle.keys.get(*key).map_or(0, |trace| trace.key.len());
    let judged = |evidence: &Evidence| {
        let few = evidence.keys.iter().map(lookups).sum::<usize>() <= most;
        judge(evidence, few.then(|| simulate(bundle, evidence)).flatten().as_ref())
    };
    let mut rows: Vec<Row> = evidence(bundle).iter().map(judged).collect();
    rank(&mut rows);
    rows
}

impl Row {
    /// The cache in an address of the page.
    #[must_use]
    pub fn key(&self) -> String {
        let line = self.line.map(|line| format!("@{line}")).unwrap_or_default();
        format!("{} {}{line}", self.library, self.name)
    }

    /// Whether the program itself declares it, as far as its path tells; servers and what has no place count as its own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.file.as_deref().is_none_or(is_own_file)
    }

    /// What a library declares for its own use and nobody asked for: nothing that a reader looks for.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        self.verdict == Verdict::NotExercised && !self.is_own()
    }

    /// `128 of 128`, `40, no limit`, `13,031 in 300 caches`; `None` where entries are not told.
    #[must_use]
    pub fn slots(&self) -> Option<String> {
        let entries = count(self.entries?);
        Some(match self.capacity {
            _ if self.instances > self.processes => {
                format!("{entries} in {}", plural(self.instances.div_ceil(self.processes.max(1)), "cache"))
            }
            _ if self.unbounded => format!("{entries}, no limit"),
            Some(capacity) => format!("{entries} of {}", count(capacity)),
            None => entries,
        })
    }

    /// Whether something is to be done.
    #[must_use]
    pub fn should_change(&self) -> bool {
        self.verdict.is_confident() && self.verdict != Verdict::Keep
    }

    /// What following the verdict would bring, in ns.
    #[must_use]
    pub fn gain(&self) -> Option<f64> {
        if self.verdict == Verdict::Remove { self.saved_ns.map(|saved| -saved) } else { self.gain_ns }
    }
}

/// What would bring most comes first, then own code, what saved or cost most, and what was asked most.
pub fn rank(rows: &mut [Row]) {
    let order = |row: &Row| (row.gain().unwrap_or(0.0), row.saved_ns.unwrap_or(0.0).abs());
    rows.order_by(|a, b| {
        let (a_change, a_saved) = order(a);
        let (b_change, b_saved) = order(b);
        let own = b.is_own().cmp(&a.is_own());
        b_change.total_cmp(&a_change).then(own).then(b_saved.total_cmp(&a_saved)).then(b.requests.cmp(&a.requests))
    });
}

/// Nanoseconds of a mean or an estimate: tenths are more than is known.
#[expect(clippy::ref_option, reason = "serde's signature")]
fn rounded<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(|value| (value * 10.0).round() / 10.0).serialize(serializer)
}

/// What cannot be more than counts of one recording, as a float.
#[expect(clippy::cast_precision_loss, reason = "no recording counts 2^53 lookups")]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

/// A value that is what it is.
const fn exactly(value: f64) -> Interval {
    Interval { value, low: value, high: value }
}
