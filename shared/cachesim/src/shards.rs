//! Curves and hit rates from a sample of the keys: SHARDS (Waldspurger et al., FAST 2015).
//!
//! A key is in the sample if its hash is small, with all its requests; distances in the sample are then those of the whole,
//! scaled. What the sample has too many or too few requests is the luck of its hottest keys, which hit at any size: it goes to
//! the smallest distance (`SHARDS_adj`), without which the error is tenfold. Several disjoint samples ("salts") of one rate give
//! the mean and a 95 % band of it.

use crate::curve::{count, usize_count, whole};
use crate::part::{MOST, Part, hash};
use crate::stack::Stack;
use crate::trace::mix;
use crate::{Capacity, Curve, Interner, Policy, Removal, Trace, lru_curve};
use std::collections::BinaryHeap;

/// A sample of fewer keys errs too much: the exact pass is then as fast as need be.
pub const LEAST_KEYS: u64 = 7000;

/// Bits of the hash that choose.
const ALL: f64 = 4_294_967_296.0;

/// The hash of an id of any program.
fn hash_id(id: u64) -> u32 {
    let mixed = mix(id ^ 0x5851_f42d_4c95_7f2d);
    u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(u32::MAX)
}

/// Hashes below this are in the sample of a rate.
fn threshold(rate: f64) -> u32 {
    u32::try_from(whole((rate.clamp(0.0, 1.0) * ALL).floor())).unwrap_or(u32::MAX)
}

/// A part of all ids; those of different salts have as little as can be in common.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    limit: u32,
    turn: u32,
}

impl Choice {
    /// A part `rate` of all ids, the one of number `salt` among `salts`.
    pub fn new(rate: f64, salt: u32, salts: u32) -> Self {
        Self { limit: threshold(rate), turn: salt.wrapping_mul(u32::MAX / salts.max(1)) }
    }

    /// Whether an id is in it.
    pub fn takes(self, id: u64) -> bool {
        self.limit == u32::MAX || hash_id(id).wrapping_add(self.turn) < self.limit
    }
}

/// Requests and stack distances of one sample of a fixed rate.
#[derive(Clone, Debug)]
struct Sample {
    numbers: Interner,
    stack: Stack,
    distances: Vec<u32>,
    requests: u64,
}

impl Sample {
    fn new() -> Self {
        Self { numbers: Interner::default(), stack: Stack::new(), distances: Vec::new(), requests: 0 }
    }

    fn request(&mut self, id: u64) {
        let key = self.numbers.intern(id);
        self.touch(key);
    }

    /// Requests for no more than [`MOST`] keys. All are looked up before the first is counted.
    fn requests(&mut self, keys: &[u32]) {
        let mut numbers = [0; MOST];
        for (number, &key) in numbers.iter_mut().zip(keys) {
            *number = self.numbers.intern(u64::from(key));
        }
        numbers[..keys.len()].iter().for_each(|&number| self.touch(number));
    }

    fn touch(&mut self, key: u32) {
        self.requests += 1;
        if let Some(distance) = self.stack.touch(key) {
            if distance >= self.distances.len() {
                self.distances.resize((distance + 1).next_power_of_two(), 0);
            }
            self.distances[distance] += 1;
        }
    }

    /// Hits of the whole trace below each scaled distance.
    fn hits(&self, requests: u64, rate: f64) -> Vec<f64> {
        let missing = count(requests) * rate - count(self.requests);
        let used = self.distances.iter().rposition(|&requests| requests > 0).map_or(0, |last| last + 1);
        let sum = self.distances[..used].iter().scan(0u64, |sum, &more| {
            *sum += u64::from(more);
            Some(*sum)
        });
        let most = count(requests);
        let whole = sum.map(|sum| ((count(sum) + missing) / rate).clamp(0.0, most));
        std::iter::once(0.0).chain(whole).collect()
    }
}

/// Samples at a fixed rate, fed one request at a time; memory is proportional to the sampled keys.
#[derive(Clone, Debug)]
pub struct FixedRate {
    rate: f64,
    each: u32,
    samples: Vec<Sample>,
    requests: u64,
}

impl FixedRate {
    /// `salts` samples, each of a part `rate` of all keys, fewer if they are more than all together.
    pub fn new(rate: f64, salts: u32) -> Self {
        let each = threshold(rate).max(1);
        let salts = salts.clamp(1, (u32::MAX / each).max(1));
        let samples = (0..salts).map(|_| Sample::new()).collect();
        Self { rate: f64::from(each) / ALL, each, samples, requests: 0 }
    }

    /// A request for any id.
    pub fn request(&mut self, id: u64) {
        self.requests += 1;
        self.offer(hash_id(id), id);
    }

    fn offer(&mut self, hash: u32, id: u64) {
        if let Some(sample) = self.samples.get_mut((hash / self.each) as usize) {
            sample.request(id);
        }
    }

    /// Requests for dense keys.
    fn requests(&mut self, keys: &[u32]) {
        self.requests += keys.len() as u64;
        let salts = u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
        let all = Part { first: 0, len: self.each.saturating_mul(salts) };
        let samples = &mut self.samples;
        let mut of_each: Vec<Vec<u32>> = vec![Vec::new(); samples.len()];
        all.choose(
            keys,
            |_, key| key,
            |keys| {
                if let [sample] = &mut samples[..] {
                    return sample.requests(keys);
                }
                for &key in keys {
                    of_each[(hash(key) / self.each) as usize].push(key);
                }
                for (sample, keys) in samples.iter_mut().zip(&mut of_each) {
                    sample.requests(keys);
                    keys.clear();
                }
            },
        );
    }

    /// Keys in the smallest sample; see [`LEAST_KEYS`].
    pub fn sampled_keys(&self) -> usize {
        self.samples.iter().map(|sample| sample.numbers.len()).min().unwrap_or(0)
    }

    /// The estimate from the requests so far.
    pub fn curve(&self) -> Curve {
        let hits = self.samples.iter().map(|sample| sample.hits(self.requests, self.rate)).collect();
        self.join(hits)
    }

    /// As `curve` where the distinct keys of the whole are known: samples are then weighed by the part that they truly have.
    fn curve_of(&self, distinct: u32) -> Curve {
        let rate = |sample: &Sample| usize_count(sample.numbers.len().max(1)) / f64::from(distinct);
        let hits = self.samples.iter().map(|sample| sample.hits(self.requests, rate(sample))).collect();
        Curve { distinct: u64::from(distinct), ..self.join(hits) }
    }

    fn join(&self, hits: Vec<Vec<f64>>) -> Curve {
        let keys: usize = self.samples.iter().map(|sample| sample.numbers.len()).sum();
        let distinct = whole(usize_count(keys) / self.rate / usize_count(self.samples.len()));
        join(hits, self.requests, distinct, 1.0 / self.rate)
    }
}

/// The mean of several estimates, and 95 % bands around it.
fn join(mut samples: Vec<Vec<f64>>, requests: u64, distinct: u64, step: f64) -> Curve {
    let len = samples.iter().map(Vec::len).max().unwrap_or(0);
    for sample in &mut samples {
        let last = sample.last().copied().unwrap_or(0.0);
        sample.resize(len, last);
    }
    let n = usize_count(samples.len());
    let mean = |at: usize| samples.iter().map(|sample| sample[at]).sum::<f64>() / n;
    let hits: Vec<f64> = (0..len).map(mean).collect();
    let rate = |hits: f64| hits / count(requests.max(1));
    let half = |at: usize| half_width(samples.iter().map(|sample| rate(sample[at])));
    let band = if samples.len() > 1 { (0..len).map(half).collect() } else { Vec::new() };
    Curve { requests, distinct, hits, step, band, sampled: true }
}

/// Half of the 95 % interval of the mean of a few values; there must be two.
pub fn half_width(values: impl Iterator<Item = f64> + Clone) -> f64 {
    /// Student's t for 1, 2, … degrees of freedom.
    const T: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    let len = values.clone().count();
    let n = usize_count(len);
    let mean = values.clone().sum::<f64>() / n;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    T.get(len.saturating_sub(2)).copied().unwrap_or(2.2) * (squares / (n - 1.0) / n).sqrt()
}

/// The curve of LRU from `salts` samples of a part `rate` of the keys; the exact one where that is too few keys.
pub fn fixed_rate(trace: &Trace, rate: f64, salts: u32) -> Curve {
    if f64::from(trace.distinct) * rate < count(LEAST_KEYS) || rate >= 1.0 || !trace.removals.is_empty() {
        return lru_curve(trace);
    }
    let mut samples = FixedRate::new(rate, salts);
    samples.requests(&trace.keys);
    samples.curve_of(trace.distinct)
}

/// The curve of LRU from samples of at most `keys` keys each, whatever the trace; exact where it has no more.
pub fn fixed_size(trace: &Trace, keys: usize, salts: u32) -> Curve {
    if u64::from(trace.distinct) <= keys as u64 || (keys as u64) < LEAST_KEYS || !trace.removals.is_empty() {
        return lru_curve(trace);
    }
    let mut samples = FixedSize::new(keys, salts);
    trace.keys.iter().for_each(|&key| samples.request(u64::from(key)));
    samples.curve()
}

/// Samples of a fixed size, fed one request at a time: memory does not depend on the trace.
#[derive(Clone, Debug)]
pub struct FixedSize {
    samples: Vec<Shrinking>,
    requests: u64,
}

/// A sample that lowers its rate as it meets more keys.
#[derive(Clone, Debug)]
struct Shrinking {
    keys: usize,
    /// Turns the hash, so that samples are of different keys.
    turn: u32,
    limit: u32,
    largest: BinaryHeap<(u32, u32)>,
    numbers: Interner,
    known: Vec<bool>,
    stack: Stack,
    /// Requests of the whole at distances of `width` each.
    distances: Vec<f64>,
    width: f64,
    weight: f64,
    dither: f64,
}

impl FixedSize {
    /// `salts` samples of at most `keys` keys.
    pub fn new(keys: usize, salts: u32) -> Self {
        let salts = salts.max(1);
        let one = |salt: u32| Shrinking {
            keys: keys.max(1),
            turn: salt.wrapping_mul(u32::MAX / salts),
            limit: u32::MAX,
            largest: BinaryHeap::new(),
            numbers: Interner::default(),
            known: Vec::new(),
            stack: Stack::new(),
            distances: Vec::new(),
            width: 1.0,
            weight: 0.0,
            dither: 0.0,
        };
        Self { samples: (0..salts).map(one).collect(), requests: 0 }
    }

    /// A request for any id.
    pub fn request(&mut self, id: u64) {
        self.requests += 1;
        let hash = hash_id(id);
        for sample in &mut self.samples {
            let hash = hash.wrapping_add(sample.turn);
            if hash < sample.limit {
                sample.request(hash, id);
            }
        }
    }

    /// The estimate from the requests so far.
    pub fn curve(&self) -> Curve {
        let width = self.samples.iter().map(|sample| sample.width).fold(1.0, f64::max);
        let hits = self.samples.iter().map(|sample| sample.hits(self.requests, width)).collect();
        let distinct = self.samples.iter().map(|sample| usize_count(sample.largest.len()) / sample.rate());
        let distinct = distinct.sum::<f64>() / usize_count(self.samples.len());
        join(hits, self.requests, whole(distinct), width)
    }
}

impl Shrinking {
    fn rate(&self) -> f64 {
        f64::from(self.limit) / f64::from(u32::MAX)
    }

    fn request(&mut self, hash: u32, id: u64) {
        let key = self.numbers.intern(id);
        if key as usize == self.known.len() {
            self.known.push(true);
            self.largest.push((hash, key));
        }
        // A request stands for as many as the rate of its moment leaves out.
        let rate = self.rate();
        self.weight += 1.0 / rate;
        if let Some(distance) = self.stack.touch(key) {
            // Between its neighbours in the sample nothing is known of its place: evenly spread over them.
            self.dither = (self.dither + 0.618_033_988_749_895).fract();
            self.add((usize_count(distance) + self.dither) / rate, 1.0 / rate);
        }
        while self.largest.len() > self.keys
            && let Some((hash, key)) = self.largest.pop()
        {
            self.limit = hash;
            self.stack.drop_key(key);
        }
    }

    fn add(&mut self, distance: f64, weight: f64) {
        while distance >= self.width * usize_count(self.keys) * 4.0 {
            self.width *= 2.0;
            self.distances = self.distances.chunks(2).map(|pair| pair.iter().sum()).collect();
        }
        let at = usize::try_from(whole((distance / self.width).floor())).unwrap_or(0);
        if at >= self.distances.len() {
            self.distances.resize(at + 1, 0.0);
        }
        self.distances[at] += weight;
    }

    /// Hits of the whole trace below each multiple of `width`, which is this sample's or twice it, or twice that.
    fn hits(&self, requests: u64, width: f64) -> Vec<f64> {
        let fold = usize::try_from(whole(width / self.width)).unwrap_or(1).max(1);
        let most = count(requests);
        let mut sum = most - self.weight;
        let sums = self.distances.chunks(fold).map(|bucket| {
            sum += bucket.iter().sum::<f64>();
            sum.clamp(0.0, most)
        });
        std::iter::once(0.0).chain(sums).collect()
    }
}

/// The requests for a part `rate` of the keys, numbered anew; `salt` chooses among disjoint parts, as many as fit into one.
pub fn sample(trace: &Trace, rate: f64, salt: u32) -> Trace {
    let each = threshold(rate).max(1);
    let part = Part { first: salt % (u32::MAX / each).max(1) * each, len: each };
    let mut numbers = vec![0u32; trace.keys.iter().max().map_or(0, |&key| key as usize + 1)];
    let mut sample = Trace::default();
    let mut removals = trace.removals.iter().peekable();
    for (at, &key) in trace.keys.iter().enumerate().filter(|(_, key)| part.has(**key)) {
        while let Some(removal) = removals.next_if(|removal| removal.before <= at) {
            let number = removal.key.map(|key| numbers.get(key as usize).copied().unwrap_or(0));
            if number != Some(0) {
                sample.removals.push(Removal { before: sample.keys.len(), key: number.map(|number| number - 1) });
            }
        }
        let number = &mut numbers[key as usize];
        if *number == 0 {
            sample.distinct += 1;
            *number = sample.distinct;
        }
        sample.keys.push(*number - 1);
        sample.sizes.extend(trace.sizes.get(at));
        sample.times.extend(trace.times.get(at));
    }
    sample
}

/// A hit rate that was estimated, and what it lies between with 95 % confidence; the same three times if it is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub hit_rate: f64,
    pub low: f64,
    pub high: f64,
}

/// The hit rate of any policy from `salts` samples of a part `rate` of the keys, in caches that are as much smaller
/// (Waldspurger et al., ATC 2017). Exact where that is too few keys, or too small a cache. `None` without a request.
pub fn simulate(
    trace: &Trace,
    policy: Policy,
    capacity: Capacity,
    ttl_ns: Option<u64>,
    rate: f64,
    salts: u32,
) -> Option<Estimate> {
    let scaled = |room: u64| whole(count(room) * rate);
    if f64::from(trace.distinct) * rate < count(LEAST_KEYS) || rate >= 1.0 || scaled(capacity.room()) < 10 {
        let hit_rate = crate::simulate(trace, policy, capacity, ttl_ns).hit_rate()?;
        return Some(Estimate { hit_rate, low: hit_rate, high: hit_rate });
    }
    let small = match capacity {
        Capacity::Entries(room) => Capacity::Entries(scaled(room)),
        Capacity::Bytes(room) => Capacity::Bytes(scaled(room)),
    };
    let expected = usize_count(trace.keys.len()) * rate;
    let one = |salt: u32| {
        let outcome = crate::simulate(&sample(trace, rate, salt), policy, small, ttl_ns);
        ((expected - count(outcome.misses)) / expected).clamp(0.0, 1.0)
    };
    let salts = salts.clamp(2, (u32::MAX / threshold(rate).max(1)).max(2));
    let rates: Vec<f64> = (0..salts).map(one).collect();
    let hit_rate = rates.iter().sum::<f64>() / usize_count(rates.len());
    let half = half_width(rates.iter().copied());
    Some(Estimate { hit_rate, low: (hit_rate - half).max(0.0), high: (hit_rate + half).min(1.0) })
}

/// The curve of LRU of the whole that `trace` is a sample of: whoever recorded kept a part `rate` of the keys, out of
/// `requests`.
pub fn of_sample(trace: &Trace, rate: f64, requests: u64) -> Curve {
    scale(&lru_curve(trace), f64::from(trace.distinct), rate, requests)
}

/// The curve of the whole from that of a part `rate` of its keys.
pub(crate) fn scale(exact: &Curve, distinct: f64, rate: f64, requests: u64) -> Curve {
    if rate >= 1.0 {
        return exact.clone();
    }
    let most = count(requests);
    let missing = most * rate - count(exact.requests);
    let whole_hits = |hits: &f64| ((hits + missing) / rate).clamp(0.0, most);
    let hits = std::iter::once(0.0).chain(exact.hits.iter().skip(1).map(whole_hits)).collect();
    let distinct = whole(distinct / rate);
    Curve { requests, distinct, hits, step: 1.0 / rate, band: Vec::new(), sampled: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_one_go_are_keys_one_by_one() {
        let mut state = 11;
        let keys: Vec<u32> = (0..30_000u64)
            .map(|step| {
                state = mix(state + step);
                u32::try_from((state >> 40) % (1 + (state & 0xffff))).unwrap()
            })
            .collect();
        for (rate, salts) in [(0.01, 1), (0.01, 5), (0.3, 1), (0.3, 3), (0.9, 1)] {
            let [mut whole, mut parts, mut single] = [(); 3].map(|()| FixedRate::new(rate, salts));
            whole.requests(&keys);
            parts.requests(&keys[..12_345]);
            parts.requests(&keys[12_345..]);
            for &key in &keys {
                single.requests += 1;
                single.offer(hash(key), u64::from(key));
            }
            assert!(whole.sampled_keys() > 100);
            assert_eq!(whole.curve(), single.curve(), "{rate} {salts}");
            assert_eq!(parts.curve(), single.curve(), "{rate} {salts}");
        }
    }

    /// Whether each of a hundred parts has its share of ids, as far as lots would give it: five standard deviations, and one id.
    fn fair(ids: impl Iterator<Item = u64>, hash: impl Fn(u64) -> u32, what: &str) {
        let mut shares = [0u32; 100];
        ids.for_each(|id| shares[((u64::from(hash(id)) * 100) >> 32) as usize] += 1);
        let share = f64::from(shares.iter().sum::<u32>()) / 100.0;
        for had in shares {
            assert!((f64::from(had) - share).abs() <= 5.0 * share.sqrt() + 1.0, "{what}: {had} of {share}");
        }
    }

    #[test]
    fn every_part_has_its_share_of_all_kinds_of_ids() {
        let dense = |id: u64| hash(u32::try_from(id).unwrap());
        for stride in [1, 2, 3, 7, 10, 16, 100, 101, 256, 1000, 1024, 4096, 65_536, 1 << 20] {
            let len = (u64::from(u32::MAX) / stride).min(20_000);
            fair((0..len).map(|at| at * stride), dense, &format!("dense keys by {stride}"));
            fair((0..len).map(|at| at * stride), hash_id, &format!("ids by {stride}"));
            // From somewhere on, as addresses are.
            let begin = 0x7f12_3456_7000;
            fair((0..len).map(|at| begin + at * stride), hash_id, &format!("addresses by {stride}"));
        }
        // A run at the end of many keys; ids whose high bits alone differ; hashes.
        fair((700_000..705_000).map(|key| key * 3), dense, "a run");
        fair((0..20_000).map(|at| at << 44), hash_id, "high bits");
        fair((0..20_000).map(|at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1), hash_id, "hashes");
    }
}
