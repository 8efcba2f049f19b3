//! How sure a hit rate is: requests are not independent, so blocks of them are resampled, not single ones.

use crate::curve::{count, usize_count, whole};
use crate::trace::mix;
use crate::{Capacity, Policy, Simulator, Trace};

/// Fewer blocks say nothing of what lies between them.
const LEAST_BLOCKS: usize = 20;
const RESAMPLES: usize = 1000;

/// A hit rate and what it lies between with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub hit_rate: f64,
    pub low: f64,
    pub high: f64,
    /// Requests in a block.
    pub block: usize,
}

/// The block length for a number of requests: three times its square root, so that blocks are long beside most repetitions
/// and still many.
pub fn block_length(requests: usize) -> usize {
    usize::try_from(whole(usize_count(requests).sqrt() * 3.0)).unwrap_or(1).max(1)
}

/// The hit rate of one cache with its interval; `None` if there are too few requests to tell.
pub fn interval(trace: &Trace, policy: Policy, capacity: Capacity, ttl_ns: Option<u64>) -> Option<Interval> {
    let future = if policy == Policy::Belady { crate::Future::of(trace) } else { crate::Future::default() };
    let mut blocks = Blocks::new(block_length(trace.keys.len()));
    let ttl_ns = ttl_ns.filter(|_| !trace.times.is_empty());
    Simulator::with_future(policy, capacity, ttl_ns, &future).run_each(trace, |hit| blocks.push(hit));
    blocks.interval()
}

/// Hits in blocks of requests, as they come.
#[derive(Clone, Debug)]
pub struct Blocks {
    length: usize,
    /// Hits of each whole block.
    hits: Vec<u32>,
    present: u32,
    filled: usize,
}

impl Blocks {
    /// Blocks of `length` requests; see [`block_length`].
    pub fn new(length: usize) -> Self {
        Self { length: length.max(1), hits: Vec::new(), present: 0, filled: 0 }
    }

    /// A request.
    pub fn push(&mut self, hit: bool) {
        self.present += u32::from(hit);
        self.filled += 1;
        if self.filled == self.length {
            self.hits.push(self.present);
            (self.present, self.filled) = (0, 0);
        }
    }

    /// The interval of the requests so far; those after the last whole block count for the rate only.
    pub fn interval(&self) -> Option<Interval> {
        if self.hits.len() < LEAST_BLOCKS {
            return None;
        }
        let hits: u64 = self.hits.iter().map(|&hits| u64::from(hits)).sum();
        let requests = usize_count(self.hits.len() * self.length);
        let hit_rate = (count(hits) + f64::from(self.present)) / (requests + usize_count(self.filled));
        let mut state = 0x9e37_79b9;
        let mut draw = || {
            let mut sum = 0u64;
            for _ in &self.hits {
                state = mix(state + 1);
                let at = (u128::from(state) * self.hits.len() as u128) >> 64;
                sum += u64::from(self.hits[usize::try_from(at).unwrap_or(0)]);
            }
            sum
        };
        let mut sums: Vec<u64> = (0..RESAMPLES).map(|_| draw()).collect();
        sums.sort_unstable();
        let at = |part: usize| count(sums[RESAMPLES * part / 1000]) / requests;
        Some(Interval { hit_rate, low: at(25).min(hit_rate), high: at(975).max(hit_rate), block: self.length })
    }
}
