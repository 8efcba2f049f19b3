//! Each policy against one written as plainly as its definition, on thousands of small generated traces.

use perfcollect_cachesim::{Capacity, Policy, Removal, Trace, lru_curve, simulate};
use std::collections::HashMap;

/// A generator of its own, so that the oracle shares nothing with the code.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) * limit) >> 31
    }
}

/// Requests of one of several shapes: skewed, uniform, loops, phases.
pub(crate) fn trace(random: &mut Random, requests: u64, keys: u64) -> Trace {
    let shape = random.below(4);
    let key = |at: u64, random: &mut Random| match shape {
        0 => random.below(keys).min(random.below(keys)).min(random.below(keys)),
        1 if random.below(10) > 0 => at % keys,
        1 | 2 => random.below(keys),
        _ => (random.below(keys / 2 + 1) + at / 60 * 3) % keys,
    };
    let mut trace = Trace::of_ids((0..requests).map(|at| key(at, random)));
    trace.sizes = (0..requests).map(|_| u32::try_from(random.below(40)).unwrap()).collect();
    let mut now = 0;
    trace.times = (0..requests)
        .map(|_| {
            now += random.below(20);
            now
        })
        .collect();
    trace
}

struct Entry {
    key: u32,
    weight: u64,
    filled: u64,
    marked: bool,
}

/// A cache as a plain vector, oldest first.
struct Naive<'t> {
    policy: Policy,
    room: u64,
    entries: Vec<Entry>,
    hand: usize,
    trace: &'t Trace,
}

impl Naive<'_> {
    fn used(&self) -> u64 {
        self.entries.iter().map(|entry| entry.weight).sum()
    }

    fn evict(&mut self, now: usize) {
        match self.policy {
            Policy::Lru | Policy::Fifo => drop(self.entries.remove(0)),
            Policy::Clock => {
                while self.entries[0].marked {
                    let mut entry = self.entries.remove(0);
                    entry.marked = false;
                    self.entries.push(entry);
                }
                self.entries.remove(0);
            }
            Policy::Sieve => {
                if self.hand >= self.entries.len() {
                    self.hand = 0;
                }
                while self.entries[self.hand].marked {
                    self.entries[self.hand].marked = false;
                    self.hand = (self.hand + 1) % self.entries.len();
                }
                self.entries.remove(self.hand);
                // Past the newest: the next eviction begins at the oldest of then, even if newer ones came since.
                if self.hand == self.entries.len() {
                    self.hand = usize::MAX;
                }
            }
            Policy::Belady => {
                let keys = &self.trace.keys;
                let next = |entry: &Entry| {
                    keys[now..].iter().position(|&key| key == entry.key).map_or(usize::MAX, |ahead| ahead)
                };
                let latest = (0..self.entries.len()).max_by_key(|&at| next(&self.entries[at])).unwrap();
                self.entries.remove(latest);
            }
            other => unreachable!("{other:?}"),
        }
    }
}

/// Hits, expired, invalidated.
fn naive(trace: &Trace, policy: Policy, capacity: Capacity, ttl: Option<u64>) -> (u64, u64, u64) {
    let mut cache = Naive { policy, room: capacity.room(), entries: Vec::new(), hand: 0, trace };
    let (mut hits, mut expired, mut invalidated) = (0, 0, 0);
    let mut thrown: HashMap<u32, bool> = HashMap::new();
    for (at, &key) in trace.keys.iter().enumerate() {
        for removal in trace.removals.iter().filter(|removal| removal.before == at) {
            let going = |entry: &Entry| removal.key.is_none_or(|key| key == entry.key);
            for entry in cache.entries.iter().filter(|entry| going(entry)) {
                thrown.insert(entry.key, true);
            }
            while let Some(place) = cache.entries.iter().position(going) {
                remove(&mut cache, place);
            }
        }
        let now = trace.time(at);
        if let Some(place) = cache.entries.iter().position(|entry| entry.key == key) {
            if ttl.is_none_or(|ttl| now - cache.entries[place].filled <= ttl) {
                hits += 1;
                if policy == Policy::Lru {
                    let entry = cache.entries.remove(place);
                    cache.entries.push(entry);
                } else {
                    cache.entries[place].marked = true;
                }
                continue;
            }
            expired += 1;
            remove(&mut cache, place);
        } else if thrown.remove(&key).is_some() {
            invalidated += 1;
        }
        let weight = if matches!(capacity, Capacity::Bytes(_)) { u64::from(trace.size(at)) } else { 1 };
        if weight > cache.room {
            continue;
        }
        while cache.used() + weight > cache.room {
            cache.evict(at + 1);
        }
        cache.entries.push(Entry { key, weight, filled: now, marked: false });
    }
    (hits, expired, invalidated)
}

fn remove(cache: &mut Naive, place: usize) {
    cache.entries.remove(place);
    if cache.hand != usize::MAX && place < cache.hand {
        cache.hand -= 1;
    } else if cache.hand == place && place == cache.entries.len() {
        cache.hand = usize::MAX;
    }
}

#[test]
fn simple_policies_do_what_their_definition_says() {
    let mut random = Random(11);
    for round in 0..600 {
        let (requests, keys) = (random.below(400), 1 + random.below(40));
        let mut trace = trace(&mut random, requests, keys);
        if round % 3 == 0 {
            let mut before = 0;
            while before < trace.keys.len() {
                let key = (random.below(5) > 0).then(|| u32::try_from(random.below(keys)).unwrap());
                trace.removals.push(Removal { before, key });
                before += usize::try_from(random.below(40)).unwrap();
            }
        }
        for policy in [Policy::Lru, Policy::Fifo, Policy::Clock, Policy::Sieve, Policy::Belady] {
            let ttl = (round % 2 == 0).then(|| random.below(1000));
            let capacity = if random.below(2) == 0 {
                Capacity::Entries(random.below(keys + 2))
            } else {
                Capacity::Bytes(random.below(keys * 20))
            };
            let found = simulate(&trace, policy, capacity, ttl);
            let (hits, expired, invalidated) = naive(&trace, policy, capacity, ttl);
            let kinds = found.kinds;
            let said = (found.hits, kinds.expired, kinds.invalidated);
            assert_eq!(said, (hits, expired, invalidated), "round {round} {policy:?} {capacity:?} {ttl:?}");
            assert_eq!(found.requests, requests);
            assert_eq!(found.misses, requests - hits);
            assert_eq!(kinds.first + kinds.capacity + kinds.expired + kinds.invalidated, found.misses);
            assert_eq!(kinds.first, u64::from(trace.distinct));
        }
    }
}

#[test]
fn the_exact_curve_is_lru_at_every_size() {
    let mut random = Random(5);
    for round in 0..100 {
        let (requests, keys) = (random.below(600), 1 + random.below(60));
        let mut trace = trace(&mut random, requests, keys);
        if round % 2 == 0 {
            for before in (5..trace.keys.len()).step_by(7) {
                let key = (random.below(20) > 0).then(|| u32::try_from(random.below(keys)).unwrap());
                trace.removals.push(Removal { before, key });
            }
        }
        let curve = lru_curve(&trace);
        assert_eq!(curve.distinct, u64::from(trace.distinct));
        for size in 0..keys + 3 {
            let hits = simulate(&trace, Policy::Lru, Capacity::Entries(size), None).hits;
            let found = curve.hits(size);
            let same = found.to_bits() == f64::from(u32::try_from(hits).unwrap()).to_bits();
            assert!(same, "round {round} size {size}: {found}, not {hits}");
        }
    }
}
