//! Recorded keys as requests with what each would cost, and the sums of a replay with their error.

use super::capacity;
use crate::caches::rate::{student, wilson};
use crate::caches::{Evidence, exactly, real, recorded_part, requests};
use crate::model::{KeyTrace, Lookup};
use crate::stats::Interval;
use crate::units::Nanos;
use perfcollect_cachesim::{MissKinds, Policy, Simulator, Trace, lru_each};

/// Blocks that requests are put into, so that what follows closely upon each other counts as one observation.
const BLOCKS: usize = 40;
/// Requests of a block, at least.
const BLOCK: usize = 25;
/// Repeated misses of keys that tell how much the cost of one key varies.
const REPEATS: f64 = 20.0;

/// One process's requests.
struct Part {
    trace: Trace,
    /// Part of the keys that was recorded.
    sampled: f64,
    /// Whether each request hit when it was recorded.
    hit: Vec<bool>,
    /// Mean cost of each key, and how many misses it is the mean of.
    cost: Vec<f64>,
    timed: Vec<u32>,
}

/// Everything recorded of one cache.
pub(super) struct Replay {
    parts: Vec<Part>,
    /// Lookups that failed: misses, whatever the cache.
    failed: f64,
    /// All lookups, those of keys left out of the sample included.
    all: f64,
    block: usize,
    hit_ns: f64,
    miss_ns: f64,
    within: f64,
    /// Variance of the cost of one key.
    noise: f64,
    bytes: Option<f64>,
}

/// What a replay, or the recording itself, did: sums by block, and by key for the errors of sampling and timing. Of sampled keys,
/// each stands for those that were left out too.
pub(super) struct Ledger {
    /// Requests, hits, and the cost of what the hits did not compute.
    blocks: Vec<[f64; 3]>,
    /// Hits of each key, by part.
    keys: Vec<Vec<u32>>,
    /// No cache at all: nothing costs anything.
    absent: bool,
}

impl Replay {
    pub(super) fn new(traces: &[&KeyTrace], evidence: &Evidence) -> Option<Self> {
        let mut failed = 0.0;
        let mut parts: Vec<Part> = traces.iter().map(|trace| part(trace, &mut failed)).collect();
        let noise = variance(traces);
        let mean = fill_costs(&mut parts)?;
        let (bytes, sizes) = traces.iter().fold((0.0, 0.0), |sum, trace| {
            let sizes = trace.size.iter().filter(|&&size| size > 0);
            sizes.fold(sum, |sum, &size| (sum.0 + f64::from(size), sum.1 + 1.0))
        });
        let requests: usize = parts.iter().map(|part| part.trace.keys.len()).sum();
        parts.retain(|part| !part.trace.keys.is_empty());
        let overhead = evidence.overhead;
        (requests > 0 && mean > 0.0).then(|| Self {
            parts,
            failed,
            all: traces.iter().map(|trace| real(trace.requests - trace.unhashable.min(trace.requests))).sum(),
            block: (requests / BLOCKS).max(BLOCK),
            hit_ns: overhead.hit_ns,
            miss_ns: overhead.miss_ns,
            within: overhead.within,
            noise,
            bytes: (sizes > 0.0).then(|| bytes / sizes),
        })
    }

    pub(super) fn requests(&self) -> u64 {
        self.parts.iter().map(|part| part.trace.keys.len() as u64).sum()
    }

    pub(super) fn distinct(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.trace.distinct)).sum()
    }

    /// The least part of the keys of a process that was recorded.
    pub(super) fn sampled(&self) -> f64 {
        self.parts.iter().map(|part| part.sampled).fold(1.0, f64::min)
    }

    pub(super) fn bytes_per_entry(&self) -> Option<f64> {
        self.bytes
    }

    /// What all requests would cost to compute.
    pub(super) fn stake(&self) -> f64 {
        let of_part =
            |part: &Part| part.trace.keys.iter().map(|&key| part.cost[key as usize]).sum::<f64>() / part.sampled;
        self.parts.iter().map(of_part).sum()
    }

    /// What happened when it was recorded.
    pub(super) fn measured(&self) -> Ledger {
        let mut ledger = self.ledger();
        for (at, part) in self.parts.iter().enumerate() {
            for (index, &key) in part.trace.keys.iter().enumerate() {
                self.note(&mut ledger, at, index, key, part.hit.get(index).copied().unwrap_or(false));
            }
        }
        ledger.absent = self.parts.iter().all(|part| part.hit.is_empty());
        ledger
    }

    /// What a cache would have done, and why it missed.
    pub(super) fn run(&self, policy: Policy, size: Option<u64>, ttl: Option<Nanos>) -> (Ledger, MissKinds) {
        let mut ledger = self.ledger();
        let mut kinds = MissKinds::default();
        for (at, part) in self.parts.iter().enumerate() {
            let trace = &part.trace;
            let Some(mut cache) = Simulator::new(policy, capacity(size, part.sampled), ttl.map(|ttl| ttl.0)) else {
                continue;
            };
            let mut removals = trace.removals.iter().peekable();
            for (index, &key) in trace.keys.iter().enumerate() {
                while let Some(removal) = removals.next_if(|removal| removal.before <= index) {
                    cache.remove(removal.key);
                }
                let hit = cache.request(key, 1, trace.time(index));
                self.note(&mut ledger, at, index, key, hit);
            }
            let of_part = cache.outcome().kinds;
            kinds.first += of_part.first;
            kinds.capacity += of_part.capacity;
            kinds.expired += of_part.expired;
            kinds.invalidated += of_part.invalidated;
        }
        (ledger, kinds)
    }

    /// The least size up to `most` that brings `part` of what `most` brings, by LRU and without a time to live.
    pub(super) fn least_size(&self, part: f64, most: u64) -> u64 {
        let mut worth: Vec<f64> = Vec::new();
        for recorded in &self.parts {
            lru_each(&recorded.trace, |index, distance| {
                let Some(distance) = distance else { return };
                let distance = unsampled(distance + 1, recorded.sampled) - 1;
                if distance >= worth.len() {
                    worth.resize(distance + 1, 0.0);
                }
                let net = recorded.cost[recorded.trace.keys[index] as usize] - self.hit_ns + self.miss_ns;
                worth[distance] += net.max(0.0) / recorded.sampled;
            });
        }
        worth.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        let wanted = part * worth.iter().sum::<f64>();
        let mut sum = 0.0;
        let reached = worth.iter().position(|worth| {
            sum += worth;
            sum >= wanted
        });
        let size = real(reached.unwrap_or(0) as u64 + 1);
        // A sample of the keys may have too few of those between two uses, and a loop needs every one of them.
        let sampled = self.sampled();
        let error = 2.0 * (size * (1.0 - sampled) / sampled).sqrt();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
        let size = (size + error).ceil() as u64;
        size
    }

    fn ledger(&self) -> Ledger {
        let keys = self.parts.iter().map(|part| vec![0; part.cost.len()]).collect();
        Ledger { blocks: Vec::new(), keys, absent: false }
    }

    fn note(&self, ledger: &mut Ledger, part: usize, index: usize, key: u32, hit: bool) {
        if index.is_multiple_of(self.block) {
            ledger.blocks.push([0.0; 3]);
        }
        let Some(block) = ledger.blocks.last_mut() else { return };
        let part_of = &self.parts[part];
        let stands_for = 1.0 / part_of.sampled;
        block[0] += stands_for;
        if hit {
            let key = key as usize;
            block[1] += stands_for;
            block[2] += part_of.cost[key] * stands_for;
            ledger.keys[part][key] += 1;
        }
    }

    /// Hit rate of all lookups.
    pub(super) fn rate(&self, ledger: &Ledger) -> Interval {
        let [requests, hits, _] = totals(ledger);
        let half = spread(ledger.blocks.iter().map(|block| block[1] - hits / requests * block[0])) / requests;
        let keys = self.by_keys(ledger, |_| 1.0, hits / requests) / requests;
        let value = self.adjusted(requests, hits) / self.all.max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
        let independent = wilson(hits as u64, requests as u64).unwrap_or(exactly(value));
        let low = (hits / requests - independent.low).max(half.hypot(keys));
        let high = (independent.high - hits / requests).max(half.hypot(keys));
        Interval { value: value.min(1.0), low: (value - low).max(0.0), high: (value + high).min(1.0) }
    }

    /// Hits with the correction of SHARDS for keys that are asked for often: what the sample has too many or too few of is
    /// taken to hit (Waldspurger et al. 2015, FAST; the adjustment of its section 3.2).
    fn adjusted(&self, requests: f64, hits: f64) -> f64 {
        if self.sampled() >= 1.0 {
            return hits;
        }
        (hits + self.all - requests - self.failed).max(0.0)
    }

    /// Net benefit over no cache.
    pub(super) fn saved(&self, ledger: &Ledger) -> Interval {
        if ledger.absent {
            return exactly(0.0);
        }
        let [requests, hits, cost] = totals(ledger);
        let all_hits = self.adjusted(requests, hits);
        let grown = if hits > 0.0 { all_hits / hits } else { 1.0 };
        let misses = requests - hits + self.failed;
        let net = |hit_ns: f64, miss_ns: f64| cost * grown - all_hits * hit_ns - misses * miss_ns;
        let value = net(self.hit_ns, self.miss_ns);
        let of_block = |block: &[f64; 3]| block[2] - block[1] * self.hit_ns - (block[0] - block[1]) * self.miss_ns;
        let blocks = spread_about_mean(ledger.blocks.iter().map(of_block));
        let timing = self.timing(ledger, None);
        let keys = self.by_keys(ledger, |cost| cost, 0.0);
        let cheap = net(self.hit_ns / self.within, self.miss_ns / self.within) - value;
        let dear = value - net(self.hit_ns * self.within, self.miss_ns * self.within);
        let half = blocks.hypot(timing).hypot(keys);
        Interval { value, low: value - half.hypot(dear), high: value + half.hypot(cheap) }
    }

    /// Net benefit of one over another.
    pub(super) fn gain(&self, ledger: &Ledger, now: &Ledger) -> Interval {
        if now.absent {
            return self.saved(ledger);
        }
        let value = self.saved(ledger).value - self.saved(now).value;
        let net = |block: &[f64; 3]| block[2] - block[1] * self.hit_ns - (block[0] - block[1]) * self.miss_ns;
        let differences = ledger.blocks.iter().zip(&now.blocks).map(|(new, old)| net(new) - net(old));
        let blocks = spread_about_mean(differences);
        let half = blocks.hypot(self.timing(ledger, Some(now)));
        Interval { value, low: value - half, high: value + half }
    }

    /// Half the interval that comes from how few misses of each key were timed.
    fn timing(&self, ledger: &Ledger, now: Option<&Ledger>) -> f64 {
        let mut sum = 0.0;
        for (at, part) in self.parts.iter().enumerate() {
            for (key, &timed) in part.timed.iter().enumerate() {
                let old = now.map_or(0.0, |now| f64::from(now.keys[at][key]));
                let hits = (f64::from(ledger.keys[at][key]) - old) / part.sampled;
                sum += hits * hits * self.noise / f64::from(timed.max(1));
            }
        }
        1.96 * sum.sqrt()
    }

    /// Half the interval that comes from having only a part of the keys, of a sum over them.
    fn by_keys(&self, ledger: &Ledger, worth: impl Fn(f64) -> f64, mean: f64) -> f64 {
        let mut sum = 0.0;
        for (part, hits) in self.parts.iter().zip(&ledger.keys).filter(|(part, _)| part.sampled < 1.0) {
            let mut asked = vec![0.0; hits.len()];
            for &key in &part.trace.keys {
                asked[key as usize] += 1.0;
            }
            for ((&hits, asked), &cost) in hits.iter().zip(asked).zip(&part.cost) {
                let off = f64::from(hits) * worth(cost) - mean * asked;
                sum += off * off * (1.0 - part.sampled) / (part.sampled * part.sampled);
            }
        }
        1.96 * sum.sqrt()
    }
}

fn totals(ledger: &Ledger) -> [f64; 3] {
    ledger.blocks.iter().fold([0.0; 3], |sum, block| [sum[0] + block[0], sum[1] + block[1], sum[2] + block[2]])
}

/// Half the 95 % interval of a sum, from how its parts differ from what was expected of them.
fn spread(residuals: impl Iterator<Item = f64>) -> f64 {
    let (mut n, mut squares) = (0.0, 0.0);
    for residual in residuals {
        n += 1.0;
        squares += residual * residual;
    }
    if n < 2.0 { 0.0 } else { student(n - 1.0) * (n / (n - 1.0) * squares).sqrt() }
}

fn spread_about_mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    let mean = values.iter().sum::<f64>() / real(values.len() as u64);
    spread(values.iter().map(|value| value - mean))
}

/// A size among all keys, from one among those that were recorded.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; positive")]
fn unsampled(size: usize, sampled: f64) -> usize {
    if sampled >= 1.0 { size } else { (real(size as u64) / sampled).ceil() as usize }
}

/// The requests of a trace, with what is known of each.
fn part(recorded: &KeyTrace, failed: &mut f64) -> Part {
    let (trace, sampled) = (requests(recorded), recorded_part(recorded));
    let mut sums = vec![(0.0, 0u32); recorded.hashes.len()];
    let mut hit = Vec::new();
    for ((&kind, &key), &cost) in recorded.kind.iter().zip(&recorded.key).zip(&recorded.cost_ns) {
        match kind {
            Lookup::Miss | Lookup::Expired | Lookup::Call => {
                let sum = &mut sums[key as usize];
                *sum = (sum.0 + real(cost), sum.1 + 1);
            }
            Lookup::Failed => *failed += 1.0 / sampled,
            Lookup::Hit | Lookup::Invalidated | Lookup::Cleared => {}
        }
        if !recorded.candidate && matches!(kind, Lookup::Hit | Lookup::Miss | Lookup::Expired | Lookup::Call) {
            hit.push(kind == Lookup::Hit);
        }
    }
    let cost = sums.iter().map(|&(sum, timed)| if timed > 0 { sum / f64::from(timed) } else { 0.0 }).collect();
    Part { trace, sampled, hit, cost, timed: sums.iter().map(|sum| sum.1).collect() }
}

/// Gives keys that were never timed the mean of the others, which it returns: a cache that was warm before the recording.
fn fill_costs(parts: &mut [Part]) -> Option<f64> {
    let timed = || parts.iter().flat_map(|part| part.cost.iter().zip(&part.timed)).filter(|(_, timed)| **timed > 0);
    let count = real(timed().count() as u64);
    let mean = timed().map(|(cost, _)| cost).sum::<f64>() / count;
    if count < 1.0 {
        return None;
    }
    for part in parts {
        for (cost, timed) in part.cost.iter_mut().zip(&part.timed) {
            if *timed == 0 {
                *cost = mean;
            }
        }
    }
    Some(mean)
}

/// How much the cost of one key varies, from keys that missed several times; where those are few, how much all costs do.
fn variance(traces: &[&KeyTrace]) -> f64 {
    let (mut squares, mut freedom) = (0.0, 0.0);
    let (mut all, mut sum, mut all_squares) = (0.0, 0.0, 0.0);
    for trace in traces {
        let mut of_key = vec![(0.0, 0.0, 0.0); trace.hashes.len()];
        for ((&kind, &key), &cost) in trace.kind.iter().zip(&trace.key).zip(&trace.cost_ns) {
            if matches!(kind, Lookup::Miss | Lookup::Expired | Lookup::Call) {
                let cost = real(cost);
                let (n, sum, squares) = &mut of_key[key as usize];
                (*n, *sum, *squares) = (*n + 1.0, *sum + cost, *squares + cost * cost);
            }
        }
        for (n, of_sum, of_squares) in of_key.into_iter().filter(|key| key.0 > 0.0) {
            squares += f64::max(of_squares - of_sum * of_sum / n, 0.0);
            freedom += n - 1.0;
            (all, sum, all_squares) = (all + n, sum + of_sum, all_squares + of_squares);
        }
    }
    if freedom >= REPEATS {
        squares / freedom
    } else if all > 1.0 {
        f64::max(all_squares - sum * sum / all, 0.0) / (all - 1.0)
    } else {
        0.0
    }
}
