//! What other sizes, policies and times to live would have done with the keys that were recorded.

mod replay;

use super::{Evidence, real};
use crate::model::{Bundle, KeyTrace};
use crate::stats::Interval;
use crate::units::Nanos;
use perfcollect_cachesim::{Capacity, MissKinds, Policy};
use replay::{Ledger, Replay};

/// Part of what an unlimited cache would bring that a size must reach to be advised.
const NEARLY_ALL: f64 = 0.99;
/// Memory that a cache is taken to be free to use where the size of its values is known.
const AFFORDABLE_BYTES: f64 = 64.0 * 1024.0 * 1024.0;
/// Entries likewise, where it is not; or so many times those that it may hold now.
const AFFORDABLE_ENTRIES: u64 = 65_536;
const AFFORDABLE_TIMES: u64 = 16;
/// Likewise of a longer time to live, where the last hits take ever longer.
const MOST: f64 = 0.9;
/// Times that the time to live is tried longer by.
const LONGER: [u64; 3] = [2, 4, 16];

/// One way to set a cache up, and what it would have done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    pub policy: Policy,
    /// Entries; `None` is no limit.
    pub size: Option<u64>,
    pub ttl_ns: Option<Nanos>,
    /// Part of the requests that hit.
    pub rate: Interval,
    /// Net benefit over no cache, in ns.
    pub saved: Interval,
    /// Net benefit over what is now.
    pub gain: Interval,
}

/// What a replay of the recorded keys of one cache says.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// Lookups that were replayed.
    pub replayed: u64,
    pub distinct: u64,
    /// Part of the keys that was recorded.
    pub sampled: f64,
    /// As it was measured; of a candidate, without a cache: all zero.
    pub now: Setup,
    /// Hit rate that the replay has for what is now; `None` where its policy or size is not known. Far from the measured one the
    /// replay does not describe this cache.
    pub check: Option<f64>,
    /// An LRU cache without a limit, with the time to live of now.
    pub unlimited: Setup,
    /// The least size, of those that are affordable, that brings nearly all that they can.
    pub best_size: Setup,
    /// The best policy at the size of now, other than what it has; `None` where there is no size.
    pub best_policy: Option<Setup>,
    /// The least longer time to live that brings most of what none would.
    pub longer: Option<Setup>,
    /// Of the misses now, by the replay.
    pub kinds: MissKinds,
    pub bytes_per_entry: Option<f64>,
    /// Time that all requests would have taken to compute.
    pub stake_ns: f64,
}

/// Replays the recorded keys of a cache; `None` where there are none. Takes time in proportion to them.
#[must_use]
pub fn simulate(bundle: &Bundle, evidence: &Evidence) -> Option<Simulated> {
    let replay = Replay::new(&traces(bundle, evidence), evidence)?;
    let policy = policy_of(evidence.policy.as_deref());
    let size = evidence.capacity.filter(|_| !evidence.unbounded);
    let ttl = evidence.ttl_ns;
    let bytes_per_entry = replay.bytes_per_entry().or_else(|| {
        let (bytes, entries) = evidence.bytes.zip(evidence.entries.filter(|&entries| entries > 0))?;
        Some(bytes.as_f64() / real(entries * evidence.processes.max(1)))
    });
    let now = replay.measured();
    let setup = |policy: Policy, size: Option<u64>, ttl_ns: Option<Nanos>, ledger: &Ledger| Setup {
        policy,
        size,
        ttl_ns,
        rate: replay.rate(ledger),
        saved: replay.saved(ledger),
        gain: replay.gain(ledger, &now),
    };
    let run =
        |policy, size: Option<u64>, ttl: Option<Nanos>| setup(policy, size, ttl, &replay.run(policy, size, ttl).0);
    let known = evidence.candidate || evidence.unbounded || size.is_some();
    let (check, kinds) = match policy.filter(|_| known && !evidence.candidate) {
        Some(policy) => {
            let (ledger, kinds) = replay.run(policy, size, ttl);
            (Some(replay.rate(&ledger).value), kinds)
        }
        None => (None, replay.run(Policy::Lru, size, ttl).1),
    };
    let affordable = affordable(bytes_per_entry, size.or(evidence.entries));
    let best = replay.least_size(NEARLY_ALL, affordable);
    Some(Simulated {
        replayed: replay.requests(),
        distinct: replay.distinct(),
        sampled: replay.sampled(),
        now: setup(policy.unwrap_or(Policy::Lru), size, ttl, &now),
        check,
        unlimited: run(Policy::Lru, None, ttl),
        best_size: run(Policy::Lru, Some(best), ttl),
        best_policy: size.filter(|&size| size > 0 && !evidence.candidate).and_then(|size| {
            let others = Policy::ALL.into_iter().filter(|other| *other != Policy::Belady && Some(*other) != policy);
            let setups = others.map(|other| run(other, Some(size), ttl));
            setups.max_by(|a, b| a.saved.value.total_cmp(&b.saved.value))
        }),
        longer: ttl.and_then(|ttl| longer(ttl, |ttl| run(policy.unwrap_or(Policy::Lru), size, ttl))),
        kinds,
        bytes_per_entry,
        stake_ns: replay.stake(),
    })
}

/// Hit rate of the recorded lookups as they were answered, by blocks of the trace; of a function without a cache there is none.
pub(super) fn answered(bundle: &Bundle, evidence: &Evidence) -> Option<Interval> {
    let replay = Replay::new(&traces(bundle, evidence), evidence)?;
    (!evidence.candidate).then(|| replay.rate(&replay.measured()))
}

fn traces<'a>(bundle: &'a Bundle, evidence: &Evidence) -> Vec<&'a KeyTrace> {
    evidence.keys.iter().filter_map(|&key| bundle.keys.get(key)).map(AsRef::as_ref).collect()
}

/// The policy that a library's word means. A cache with a time to live evicts as LRU does.
fn policy_of(word: Option<&str>) -> Option<Policy> {
    match word {
        None | Some("ttl" | "tlru") => Some(Policy::Lru),
        Some(word) => Policy::from_id(word),
    }
}

fn affordable(bytes_per_entry: Option<f64>, now: Option<u64>) -> u64 {
    let now = now.unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; positive")]
    let by_bytes = bytes_per_entry.map(|bytes| (AFFORDABLE_BYTES / bytes.max(1.0)) as u64);
    by_bytes.unwrap_or_else(|| AFFORDABLE_ENTRIES.max(now.saturating_mul(AFFORDABLE_TIMES))).max(now).max(1)
}

/// The least time to live of those tried that brings most of what none at all would.
fn longer(ttl: Nanos, run: impl Fn(Option<Nanos>) -> Setup) -> Option<Setup> {
    let without = run(None);
    if without.gain.value <= 0.0 {
        return None;
    }
    let times = LONGER.iter().map(|times| run(Some(Nanos(ttl.0.saturating_mul(*times)))));
    let enough = times.into_iter().find(|setup| setup.gain.value >= MOST * without.gain.value);
    Some(enough.unwrap_or(without))
}

/// Entries of a sampled replay.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a size")]
fn scaled(size: u64, sampled: f64) -> u64 {
    if size == 0 { 0 } else { ((real(size) * sampled).round() as u64).max(1) }
}

fn capacity(size: Option<u64>, sampled: f64) -> Capacity {
    Capacity::Entries(size.map_or(u64::from(u32::MAX), |size| scaled(size, sampled)))
}
