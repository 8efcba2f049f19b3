//! What every simulated cache has in common: counting, expiry, invalidation and the reason of each miss.

use crate::lists::Lists;
use crate::policy::{self, Rules};
use crate::{Capacity, Future, Policy, Trace};

/// What a simulated cache did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub requests: u64,
    pub hits: u64,
    pub misses: u64,
    /// Bytes that were asked for, and those of them that were not in the cache.
    pub bytes: u64,
    pub miss_bytes: u64,
    pub kinds: MissKinds,
}

impl Outcome {
    /// Hits of all requests; `None` without a request.
    pub fn hit_rate(&self) -> Option<f64> {
        rate(self.hits, self.requests)
    }

    /// Misses of all requests; `None` without a request.
    pub fn miss_ratio(&self) -> Option<f64> {
        rate(self.misses, self.requests)
    }

    /// Bytes missed of all bytes; `None` where none were asked for.
    pub fn byte_miss_ratio(&self) -> Option<f64> {
        rate(self.miss_bytes, self.bytes)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of counts")]
fn rate(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Why requests missed; the kinds add up to the misses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MissKinds {
    /// Never asked for before: no cache can have it.
    pub first: u64,
    /// It had to make room, or was never let in.
    pub capacity: u64,
    /// It was there, but older than the time to live.
    pub expired: u64,
    /// The program had thrown it away.
    pub invalidated: u64,
}

/// One cache that is fed one request at a time; memory is proportional to the distinct keys.
pub struct Simulator<'t> {
    capacity: u64,
    by_bytes: bool,
    ttl_ns: Option<u64>,
    lists: Lists,
    rules: Box<dyn Rules + Send + 't>,
    /// When each key was put in; only with a time to live.
    filled: Vec<u64>,
    outcome: Outcome,
}

impl<'t> Simulator<'t> {
    /// A cache of any policy but [`Policy::Belady`], which must know the future: `None` for that one.
    pub fn new(policy: Policy, capacity: Capacity, ttl_ns: Option<u64>) -> Option<Self> {
        let rules = policy::rules(policy, capacity)?;
        Some(Self::of(rules, capacity, ttl_ns))
    }

    /// A cache of any policy; requests must then be those of `future`'s trace, in order.
    pub fn with_future(policy: Policy, capacity: Capacity, ttl_ns: Option<u64>, future: &'t Future<'t>) -> Self {
        let rules = policy::rules(policy, capacity).unwrap_or_else(|| policy::belady(capacity, future));
        Self::of(rules, capacity, ttl_ns)
    }

    /// What libCacheSim has for a policy, where that is another than ours (SLRU of five segments, S3-FIFO and LIRS other than
    /// in their papers): to check against its miss counts, not to use.
    #[doc(hidden)]
    pub fn published(policy: Policy, capacity: Capacity) -> Option<Self> {
        Some(Self::of(policy::published(policy, capacity)?, capacity, None))
    }

    pub(crate) fn of(rules: Box<dyn Rules + Send + 't>, capacity: Capacity, ttl_ns: Option<u64>) -> Self {
        let (capacity, by_bytes) = match capacity {
            Capacity::Entries(entries) => (entries, false),
            Capacity::Bytes(bytes) => (bytes, true),
        };
        let outcome = Outcome::default();
        Self { capacity, by_bytes, ttl_ns, lists: Lists::new(), rules, filled: Vec::new(), outcome }
    }

    /// Asks for `key`, whose value has `size` bytes, at `now`; whether it was there.
    pub fn request(&mut self, key: u32, size: u32, now: u64) -> bool {
        self.lists.admit(key);
        self.outcome.requests += 1;
        self.outcome.bytes += u64::from(size);
        self.rules.clock();
        let resident = self.lists.resident(key);
        let fresh = resident && self.is_fresh(key, now);
        if fresh {
            self.rules.hit(&mut self.lists, key);
            self.outcome.hits += 1;
        } else {
            self.miss(key, size, now, resident);
        }
        fresh
    }

    fn is_fresh(&self, key: u32, now: u64) -> bool {
        let filled = || self.filled.get(key as usize).copied().unwrap_or(0);
        self.ttl_ns.is_none_or(|ttl| now.saturating_sub(filled()) <= ttl)
    }

    fn miss(&mut self, key: u32, size: u32, now: u64, expired: bool) {
        if expired {
            self.rules.remove(&mut self.lists, key);
        }
        self.outcome.misses += 1;
        self.outcome.miss_bytes += u64::from(size);
        let (first, invalidated) = self.lists.note(key);
        let kinds = &mut self.outcome.kinds;
        *match (first, expired, invalidated) {
            (true, ..) => &mut kinds.first,
            (_, true, _) => &mut kinds.expired,
            (.., true) => &mut kinds.invalidated,
            _ => &mut kinds.capacity,
        } += 1;
        let weight = if self.by_bytes { size } else { 1 };
        if u64::from(weight) <= self.capacity {
            self.rules.insert(&mut self.lists, key, weight);
        } else {
            self.rules.refuse(&mut self.lists, key);
        }
        if self.ttl_ns.is_some() {
            let at = key as usize;
            if at >= self.filled.len() {
                self.filled.resize(at + 1, 0);
            }
            self.filled[at] = now;
        }
    }

    /// The program throws one entry away, or all of them.
    pub fn remove(&mut self, key: Option<u32>) {
        let keys = key.map_or_else(|| self.lists.residents(), |key| vec![key]);
        for key in keys {
            self.lists.admit(key);
            if self.lists.resident(key) {
                self.rules.remove(&mut self.lists, key);
                self.lists.invalidate(key);
            }
        }
    }

    /// What it did so far.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Bytes that the tables of keys take.
    pub fn memory(&self) -> usize {
        self.lists.memory() + self.filled.capacity() * size_of::<u64>() + self.rules.memory()
    }

    /// Feeds it a whole trace, its removals included.
    pub fn run(&mut self, trace: &Trace) {
        self.run_each(trace, |_| {});
    }

    /// As `run`; `each` is told of every request whether it hit.
    pub fn run_each(&mut self, trace: &Trace, mut each: impl FnMut(bool)) {
        let mut removals = trace.removals.iter().peekable();
        for (at, &key) in trace.keys.iter().enumerate() {
            while let Some(removal) = removals.next_if(|removal| removal.before <= at) {
                self.remove(removal.key);
            }
            each(self.request(key, trace.size(at), trace.time(at)));
        }
    }
}

/// What one cache would have done with a trace.
///
/// With a time to live but no times in the trace, nothing expires.
pub fn simulate(trace: &Trace, policy: Policy, capacity: Capacity, ttl_ns: Option<u64>) -> Outcome {
    simulate_all(trace, &[(policy, capacity, ttl_ns)])[0]
}

/// What several caches would have done with a trace, in their order; the future is looked up once for all that need it.
pub fn simulate_all(trace: &Trace, caches: &[(Policy, Capacity, Option<u64>)]) -> Vec<Outcome> {
    let needs = caches.iter().any(|(policy, ..)| *policy == Policy::Belady);
    let future = if needs { Future::of(trace) } else { Future::default() };
    let one = |&(policy, capacity, ttl): &(Policy, Capacity, Option<u64>)| {
        let ttl = ttl.filter(|_| !trace.times.is_empty());
        let mut simulator = Simulator::with_future(policy, capacity, ttl, &future);
        simulator.run(trace);
        simulator.outcome()
    };
    caches.iter().map(one).collect()
}
