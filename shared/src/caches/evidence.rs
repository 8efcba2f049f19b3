//! What a bundle tells of each cache, all processes together.

use super::cost::Costs;
use super::rate::rate;
use super::{Cost, Overhead, Rate, overhead};
use crate::model::{Bundle, CacheRecord, CacheScope, CounterSource, KeyTrace, Lookup};
use crate::order::Order;
use crate::units::{Bytes, Nanos};
use std::collections::BTreeMap;

/// One cache over the whole recording, or a function that might have one.
#[expect(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    pub name: String,
    pub library: String,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub scope: CacheScope,
    pub source: CounterSource,
    pub policy: Option<String>,
    pub ttl_ns: Option<Nanos>,
    /// The function has no cache; its calls were traced.
    pub candidate: bool,
    pub recursive: bool,
    pub cut: bool,
    pub resets: u64,
    pub processes: u64,
    pub instances: u64,
    pub requests: Option<u64>,
    pub hits: Option<u64>,
    pub misses: Option<u64>,
    pub evictions: Option<u64>,
    pub expired: Option<u64>,
    pub invalidations: Option<u64>,
    /// Most in one process, at any moment that is known.
    pub entries: Option<u64>,
    pub capacity: Option<u64>,
    pub unbounded: bool,
    /// Of all processes.
    pub bytes: Option<Bytes>,
    pub capacity_bytes: Option<Bytes>,
    /// Whether it ran out of room; `None` where that is not known.
    pub full: Option<bool>,
    pub rate: Option<Rate>,
    pub cost: Option<Cost>,
    pub overhead: Overhead,
    /// Wall time in which the recording computed nothing, as far as one core's worth of CPU time shows: what a cost in CPU time
    /// may leave out. `None` where either was not measured.
    pub idle_ns: Option<Nanos>,
    /// Traces of its keys, by their place in the bundle.
    pub keys: Vec<usize>,
    /// What was recorded, for the command that would tell more.
    pub command: Vec<String>,
}

/// Library, name, file, line.
type Identity<'a> = (&'a str, &'a str, Option<&'a str>, Option<u32>);

#[derive(Default)]
struct Parts<'a> {
    records: Vec<&'a CacheRecord>,
    keys: Vec<usize>,
}

/// Every cache of a bundle, and every function that was traced as a candidate, by library, name and place.
#[must_use]
pub fn evidence(bundle: &Bundle) -> Vec<Evidence> {
    if bundle.caches.is_empty() && bundle.keys.is_empty() {
        return Vec::new();
    }
    let mut parts: BTreeMap<Identity<'_>, Parts<'_>> = BTreeMap::new();
    for record in bundle.caches.iter() {
        let identity = (record.library.as_str(), record.name.as_str(), record.file.as_deref(), record.line);
        parts.entry(identity).or_default().records.push(record);
    }
    for (index, trace) in bundle.keys.iter().enumerate() {
        let identity = (trace.library.as_str(), trace.cache.as_str(), trace.file.as_deref(), trace.line);
        parts.entry(identity).or_default().keys.push(index);
    }
    let costs = Costs::new(bundle);
    let mut found: Vec<Evidence> = parts.values().map(|parts| one(bundle, parts, &costs)).collect();
    found.order_by_key(|evidence| std::cmp::Reverse(evidence.requests));
    found
}

fn one(bundle: &Bundle, Parts { records, keys }: &Parts<'_>, costs: &Costs<'_>) -> Evidence {
    let traces: Vec<&KeyTrace> = keys.iter().filter_map(|&key| bundle.keys.get(key)).map(AsRef::as_ref).collect();
    let mut evidence = counted(records);
    if let ([], Some(trace)) = (records.as_slice(), traces.first()) {
        evidence.name.clone_from(&trace.cache);
        evidence.library.clone_from(&trace.library);
        evidence.file.clone_from(&trace.file);
        evidence.line = trace.line;
        evidence.candidate = trace.candidate;
        evidence.processes = traces.len() as u64;
        evidence.requests = Some(traces.iter().map(|trace| trace.requests).sum());
        if !evidence.candidate && traces.iter().all(|trace| trace.rate >= 1.0) {
            let hit = |trace: &&KeyTrace| trace.kind.iter().filter(|&&kind| kind == Lookup::Hit).count() as u64;
            let parts: Vec<(u64, u64)> = traces.iter().map(|trace| (hit(trace), trace.requests)).collect();
            evidence.hits = Some(parts.iter().map(|part| part.0).sum());
            evidence.misses = evidence.requests.zip(evidence.hits).and_then(|(all, hits)| all.checked_sub(hits));
            evidence.rate = rate(&parts, &[]);
        }
    }
    let (cost, recursive) = costs.of(records, keys, evidence.misses);
    evidence.cost = cost;
    evidence.recursive |= recursive || traces.iter().any(|trace| trace.recursive);
    evidence.overhead = overhead(if evidence.candidate { "functools" } else { &evidence.library });
    let manifest = &bundle.manifest;
    evidence.idle_ns = manifest.wall_ns.zip(manifest.cpu_ns).map(|(wall, cpu)| wall - cpu);
    evidence.keys.clone_from(keys);
    evidence.command.clone_from(&manifest.command);
    evidence
}

/// Records of one cache, added up. A sum is known only where every part is.
fn counted(records: &[&CacheRecord]) -> Evidence {
    let Some(first) = records.first() else { return Evidence::default() };
    let sum = |field: fn(&CacheRecord) -> Option<u64>| records.iter().map(|record| field(record)).sum::<Option<u64>>();
    let processes: Option<Vec<(u64, u64)>> =
        records.iter().map(|record| Some((record.hits?, requests(record)?))).collect();
    let series: Vec<_> = records.iter().map(|record| &record.series).filter(|series| !series.is_empty()).collect();
    let entries = |record: &&CacheRecord| record.series.entries.iter().copied().flatten().chain(record.entries).max();
    Evidence {
        name: first.name.clone(),
        library: first.library.clone(),
        file: first.file.clone(),
        line: first.line,
        scope: first.scope,
        source: first.source,
        policy: records.iter().find_map(|record| record.policy.clone()),
        ttl_ns: records.iter().find_map(|record| record.ttl_ns),
        recursive: records.iter().any(|record| record.recursive),
        cut: records.iter().any(|record| record.cut),
        resets: records.iter().map(|record| record.resets).sum(),
        processes: records.len() as u64,
        instances: records.iter().map(|record| record.instances.unwrap_or(1)).sum(),
        requests: sum(requests),
        hits: sum(|record| record.hits),
        misses: sum(misses),
        evictions: sum(|record| record.evictions),
        expired: sum(|record| record.expired),
        invalidations: sum(|record| record.invalidations),
        entries: records.iter().filter_map(entries).max(),
        capacity: records.iter().filter_map(|record| record.capacity).max(),
        unbounded: records.iter().all(|record| record.unbounded),
        bytes: records.iter().map(|record| record.bytes).sum(),
        capacity_bytes: records.iter().filter_map(|record| record.capacity_bytes).max(),
        full: full(records),
        rate: processes.and_then(|processes| rate(&processes, &series)),
        ..Default::default()
    }
}

/// Lookups, where the library counts them or both of their kinds.
fn requests(record: &CacheRecord) -> Option<u64> {
    record.requests.or_else(|| Some(record.hits? + record.misses?))
}

fn misses(record: &CacheRecord) -> Option<u64> {
    record.misses.or_else(|| requests(record)?.checked_sub(record.hits?))
}

/// Whether entries had to go for others in any process.
fn full(records: &[&CacheRecord]) -> Option<bool> {
    let of_one = |record: &&CacheRecord| {
        let most = record.series.entries.iter().copied().flatten().chain(record.weight.or(record.entries)).max();
        let filled = most.zip(record.capacity).map(|(entries, capacity)| entries >= capacity);
        match (record.unbounded, record.evictions, filled) {
            (true, ..) | (_, Some(0), _) | (_, None, Some(false)) => Some(false),
            (_, Some(_), _) | (_, None, Some(true)) => Some(true),
            _ => None,
        }
    };
    let known: Vec<Option<bool>> = records.iter().map(of_one).collect();
    if known.contains(&Some(true)) { Some(true) } else { known.into_iter().collect::<Option<Vec<_>>>().map(|_| false) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn record(pid: u32, hits: u64, misses: u64) -> CacheRecord {
        CacheRecord {
            name: "shop.price_of".into(),
            library: "functools".into(),
            file: Some("shop.py".into()),
            line: Some(3),
            pid: Some(pid),
            requests: Some(hits + misses),
            hits: Some(hits),
            misses: Some(misses),
            entries: Some(misses.min(128)),
            capacity: Some(128),
            evictions: Some(misses.saturating_sub(128)),
            ..Default::default()
        }
    }

    #[test]
    fn processes_are_added_up_and_what_is_not_known_stays_so() {
        let mut unknown = record(3, 5, 5);
        unknown.evictions = None;
        let other = CacheRecord { line: Some(9), ..record(1, 1, 1) };
        let bundle = Bundle {
            caches: Arc::new(vec![record(1, 10, 200), record(2, 0, 3), unknown, other]),
            ..Default::default()
        };
        let found = evidence(&bundle);
        assert_eq!(found.len(), 2);
        let both = &found[0];
        assert_eq!((both.requests, both.hits, both.misses), (Some(223), Some(15), Some(208)));
        assert_eq!((both.evictions, both.entries, both.capacity), (None, Some(128), Some(128)));
        assert_eq!((both.full, both.processes), (Some(true), 3));
        assert_eq!(found[1].full, Some(false));
        assert_eq!((found[1].cost, found[1].recursive), (None, false));
    }

    #[test]
    fn lookups_follow_from_their_kinds_only() {
        let bundle = |record| Bundle { caches: Arc::new(vec![record]), ..Default::default() };
        let silent = CacheRecord { requests: None, hits: None, misses: None, ..record(1, 0, 0) };
        let found = evidence(&bundle(silent));
        assert_eq!((found[0].requests, found[0].rate), (None, None));
        let hits = CacheRecord { requests: Some(10), hits: Some(4), misses: None, ..record(1, 0, 0) };
        assert_eq!(evidence(&bundle(hits))[0].misses, Some(6));
    }
}
