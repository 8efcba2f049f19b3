//! What `@lru_cache(maxsize=128)` would have done for functions without a cache, replayed from the keys that a recording
//! has of their calls.
//!
//! Hits and misses are those of the recorded calls, one by one, or nothing: where a replay could not be exact, it says why.
//! The time with a cache is what the misses took plus what lookups cost. Must not recommend.

use super::report::Simulated;
use perfcollect_shared::caches::{overhead, requests};
use perfcollect_shared::cachesim::{Capacity, Policy, Simulator};
use perfcollect_shared::model::{KeyTrace, Lookup};

/// The size that the other tool tries, and that `lru_cache` has without arguments.
pub const MAXSIZE: u64 = 128;
/// Part of the time that calls may overlap by: what the clock and the order of events leave uncertain.
const OVERLAP: f64 = 0.01;

/// Replays the calls of one function in all its processes, each of which would have a cache of its own.
#[must_use]
pub fn replay(traces: &[&KeyTrace]) -> Simulated {
    let time_ns = traces.iter().flat_map(|trace| &trace.cost_ns).sum();
    let calls = traces.iter().map(|trace| trace.requests).sum();
    let told = Simulated { maxsize: MAXSIZE, calls, time_ns, ..Simulated::default() };
    if let Some(why_not) = why_not(traces, time_ns) {
        return Simulated { why_not: Some(why_not.into()), ..told };
    }
    let (mut hits, mut spent) = (0, 0);
    for trace in traces {
        let (hit, computed) = one(trace);
        hits += hit;
        spent += computed;
    }
    let misses = calls - hits;
    let cost = overhead("functools");
    #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
    let lookups = hits as f64 * cost.hit_ns + misses as f64 * cost.miss_ns;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive time")]
    let with_ns = spent + lookups.round() as u64;
    Simulated { hits: Some(hits), misses: Some(misses), time_with_ns: Some(with_ns), ..told }
}

/// Hits in one process, and the time of what they would not have saved. A call that raised is kept by no cache.
fn one(trace: &KeyTrace) -> (u64, u64) {
    let asked = requests(trace);
    let Some(mut cache) = Simulator::new(Policy::Lru, Capacity::Entries(MAXSIZE), None) else { return (0, 0) };
    let (mut hits, mut spent) = (0, 0);
    let mut keys = asked.keys.iter();
    for (&kind, &cost) in trace.kind.iter().zip(&trace.cost_ns) {
        let hit = kind != Lookup::Failed && keys.next().is_some_and(|&key| cache.request(key, 1, 0));
        if hit {
            hits += 1;
        } else {
            spent += cost;
        }
    }
    (hits, spent)
}

/// Why a replay would not be what a cache had done.
fn why_not(traces: &[&KeyTrace], time_ns: u64) -> Option<&'static str> {
    let all = |trace: &&KeyTrace| trace.rate >= 1.0 && trace.requests == trace.kind.len() as u64 + trace.unhashable;
    if traces.iter().any(|trace| trace.unhashable > 0) {
        return Some("unhashable");
    }
    if traces.iter().any(|trace| trace.recursive) {
        return Some("recursive");
    }
    if !traces.iter().all(all) {
        return Some("sampled");
    }
    #[expect(clippy::cast_precision_loss, reason = "times")]
    let beside = overlap(traces) as f64 > OVERLAP * time_ns as f64;
    beside.then_some("beside_itself")
}

/// Time in which several calls ran beside each other, in threads or processes.
fn overlap(traces: &[&KeyTrace]) -> u64 {
    let calls = traces.iter().flat_map(|trace| trace.t_ns.iter().zip(&trace.cost_ns));
    let mut spans: Vec<(u64, u64)> = calls.map(|(&end, &cost)| (end.saturating_sub(cost), end)).collect();
    spans.sort_unstable();
    let (mut busy_until, mut overlap) = (0, 0);
    for (begin, end) in spans {
        overlap += end.min(busy_until).saturating_sub(begin);
        busy_until = end.max(busy_until);
    }
    overlap
}

#[cfg(test)]
mod tests {
    use super::{Lookup, replay};
    use perfcollect_shared::model::KeyTrace;

    /// Calls of these keys one after the other, each of 1,000 ns.
    fn called(keys: &[u32]) -> KeyTrace {
        let number = keys.len() as u64;
        KeyTrace {
            candidate: true,
            rate: 1.0,
            requests: number,
            hashes: (0..=u64::from(keys.iter().copied().max().unwrap_or(0))).collect(),
            t_ns: (1..=number).map(|call| call * 1_100).collect(),
            key: keys.to_vec(),
            kind: vec![Lookup::Call; keys.len()],
            cost_ns: vec![1_000; keys.len()],
            ..KeyTrace::default()
        }
    }

    fn hits(traces: &[&KeyTrace]) -> (Option<u64>, Option<u64>) {
        let told = replay(traces);
        (told.hits, told.misses)
    }

    #[test]
    fn hits_and_times_follow_from_the_keys() {
        let looped: Vec<u32> = (0..1_000).map(|call| call % 50).collect();
        let told = replay(&[&called(&looped)]);
        assert_eq!((told.calls, told.hits, told.misses, told.why_not), (1_000, Some(950), Some(50), None));
        // 50 computations; 950 hits of 55 ns and 50 misses of 80 ns beyond the computation.
        assert_eq!((told.time_ns, told.time_with_ns), (1_000_000, Some(50_000 + 52_250 + 4_000)));
        // One key more than there is room for: a loop over them never hits.
        let thrash: Vec<u32> = (0..1_290).map(|call| call % 129).collect();
        assert_eq!(hits(&[&called(&thrash)]), (Some(0), Some(1_290)));
        let fits: Vec<u32> = (0..1_280).map(|call| call % 128).collect();
        assert_eq!(hits(&[&called(&fits)]), (Some(1_152), Some(128)));
    }

    #[test]
    fn each_process_has_its_own_cache_and_what_raised_is_not_kept() {
        let first = called(&[0, 0]);
        let mut second = called(&[0, 0]);
        second.t_ns = vec![9_000, 11_000];
        assert_eq!(hits(&[&first, &second]), (Some(2), Some(2)));
        let mut raised = called(&[0, 0, 1, 1]);
        raised.kind[0] = Lookup::Failed;
        raised.kind[1] = Lookup::Failed;
        let told = replay(&[&raised]);
        assert_eq!((told.hits, told.misses), (Some(1), Some(3)));
        assert_eq!(told.time_with_ns, Some(3_000 + 55 + 240));
    }

    #[test]
    fn what_cannot_be_exact_is_not_told() {
        let changed = |change: fn(&mut KeyTrace)| {
            let mut trace = called(&[0, 0, 0]);
            change(&mut trace);
            let told = replay(&[&trace]);
            assert_eq!((told.hits, told.misses, told.time_with_ns, told.time_ns), (None, None, None, 3_000));
            told.why_not.unwrap()
        };
        assert_eq!(changed(|trace| trace.recursive = true), "recursive");
        assert_eq!(changed(|trace| trace.rate = 0.5), "sampled");
        assert_eq!(changed(|trace| trace.requests = 4), "sampled");
        assert_eq!(changed(|trace| (trace.unhashable, trace.requests) = (1, 4)), "unhashable");
        assert_eq!(changed(|trace| trace.t_ns = vec![1_000, 1_500, 3_000]), "beside_itself");
    }
}
