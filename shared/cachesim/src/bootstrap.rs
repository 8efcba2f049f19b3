//! How sure a hit rate is: requests are not independent, so blocks of them are resampled, not single ones.

use crate::curve::{count, usize_count, whole};
use crate::trace::mix;
use crate::{Capacity, Policy, Simulator, Trace};

/// Fewer blocks say nothing of what lies between them.
const LEAST_BLOCKS: usize = 20;
/// Blocks of fewer requests say nothing of how they depend on each other.
const LEAST_BLOCK: usize = 25;
const RESAMPLES: usize = 1000;
/// Resamples of a whole curve, which are as many times dearer as it has sizes.
const CURVE_RESAMPLES: usize = 400;

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
    let length = usize::try_from(whole(usize_count(requests).sqrt() * 3.0)).unwrap_or(1);
    length.min(requests / LEAST_BLOCKS).max(LEAST_BLOCK)
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
        let mut lots = Lots::default();
        let mut draw = || self.hits.iter().map(|_| u64::from(self.hits[lots.draw(self.hits.len())])).sum::<u64>();
        let mut sums: Vec<u64> = (0..RESAMPLES).map(|_| draw()).collect();
        sums.sort_unstable();
        let at = |part: usize| count(sums[RESAMPLES * part / 1000]) / requests;
        Some(Interval { hit_rate, low: at(25).min(hit_rate), high: at(975).max(hit_rate), block: self.length })
    }
}

/// Random places, the same in each run.
struct Lots(u64);

impl Default for Lots {
    fn default() -> Self {
        Self(0x9e37_79b9)
    }
}

impl Lots {
    /// A place among `len`, which are fewer than 2^32.
    fn draw(&mut self, len: usize) -> usize {
        self.0 = mix(self.0 + 1);
        usize::try_from(((self.0 >> 32) * len as u64) >> 32).unwrap_or(0)
    }
}

/// Hits at several sizes in blocks of requests: a row a block.
pub(crate) struct Rows {
    sizes: usize,
    length: usize,
    hits: Vec<u32>,
    /// Requests of the present block that hit from each size on; the last one: at none.
    present: Vec<u32>,
    filled: usize,
}

impl Rows {
    pub(crate) fn new(sizes: usize, length: usize) -> Self {
        Self { sizes, length, hits: Vec::new(), present: vec![0; sizes + 1], filled: 0 }
    }

    /// A request that hits at the sizes from place `first` on.
    pub(crate) fn push(&mut self, first: usize) {
        self.present[first] += 1;
        self.filled += 1;
        if self.filled == self.length {
            let sum = |sum: &mut u32, &more: &u32| {
                *sum += more;
                Some(*sum)
            };
            self.hits.extend(self.present[..self.sizes].iter().scan(0, sum));
            self.end_run();
        }
    }

    /// What comes next does not follow what came before: no block may hold both.
    pub(crate) fn end_run(&mut self) {
        self.present.fill(0);
        self.filled = 0;
    }

    /// How far below and above the mean of the rows 95 % of the means of resampled ones lie, at each size.
    pub(crate) fn spread(&self) -> Option<Vec<(f64, f64)>> {
        let blocks = self.hits.len().checked_div(self.sizes)?;
        if blocks < LEAST_BLOCKS {
            return None;
        }
        let mut lots = Lots::default();
        let row = |at: usize| &self.hits[at * self.sizes..][..self.sizes];
        let sum = |rows: &mut dyn Iterator<Item = usize>| {
            let mut sums = vec![0u32; self.sizes];
            rows.for_each(|at| sums.iter_mut().zip(row(at)).for_each(|(sum, hits)| *sum += hits));
            sums
        };
        let whole = sum(&mut (0..blocks));
        let drawn: Vec<Vec<u32>> =
            (0..CURVE_RESAMPLES).map(|_| sum(&mut (0..blocks).map(|_| lots.draw(blocks)))).collect();
        let requests = usize_count(blocks * self.length);
        let of_size = |size: usize| {
            let mut sums: Vec<u32> = drawn.iter().map(|sums| sums[size]).collect();
            sums.sort_unstable();
            let off =
                |part: usize| (f64::from(sums[CURVE_RESAMPLES * part / 1000]) - f64::from(whole[size])) / requests;
            ((-off(25)).max(0.0), off(975).max(0.0))
        };
        Some((0..self.sizes).map(of_size).collect())
    }
}
