//! Hit rate against size: the exact curve of LRU, and what is read off a curve.

use crate::Trace;
use crate::stack::Stack;

/// Hits of an LRU cache at every size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    pub requests: u64,
    pub distinct: u64,
    /// Requests that a cache of `index` entries, or steps of entries, answers; it grows with the index.
    pub(crate) hits: Vec<f64>,
    /// Entries between two points of `hits`; 1 for an exact curve.
    pub(crate) step: f64,
    /// Half the width of the 95 % band around the hit rate at each point; empty where that is not known.
    pub(crate) band: Vec<f64>,
    pub(crate) sampled: bool,
}

impl Curve {
    /// Requests that a cache of `size` entries answers; of a sampled curve, an estimate.
    pub fn hits(&self, size: u64) -> f64 {
        at(&self.hits, size, self.step)
    }

    /// Hit rate at `size` entries; `None` without a request.
    pub fn hit_rate(&self, size: u64) -> Option<f64> {
        (self.requests > 0).then(|| (self.hits(size) / count(self.requests)).clamp(0.0, 1.0))
    }

    /// What the hit rate at `size` lies between with 95 % confidence; `None` without a request or without several samples. Sizes
    /// that differ by less than a step a sample does not tell apart: below the first, all that is known is that it is no better.
    pub fn interval(&self, size: u64) -> Option<(f64, f64)> {
        let rate = self.hit_rate(size)?;
        if self.is_exact() {
            return Some((rate, rate));
        }
        let half = (!self.band.is_empty()).then(|| at(&self.band, size, self.step))?;
        let step = whole(self.step.ceil());
        let (low, high) = (self.hit_rate(size.saturating_sub(step))?, self.hit_rate(size.saturating_add(step))?);
        Some(((low - half).max(0.0), (high + half).min(1.0)))
    }

    /// Whether every request was counted, none estimated from a sample.
    pub fn is_exact(&self) -> bool {
        !self.sampled
    }

    /// Hit rate of a cache without limit.
    pub fn limit(&self) -> Option<f64> {
        self.hit_rate(u64::MAX)
    }

    /// The least size whose hits are at least `part` of those of a cache without limit.
    pub fn least_size(&self, part: f64) -> u64 {
        let most = self.hits.last().copied().unwrap_or(0.0);
        let wanted = part * most - most * 1e-12;
        size(self.hits.partition_point(|&hits| hits < wanted), self.step)
    }

    /// The knee: the size farthest above the straight line from nothing to the size that reaches 99.9 % of the limit, and
    /// that size itself where none lies above, as on a cliff. `None` where no size helps.
    pub fn knee(&self) -> Option<u64> {
        let most = self.hits.last().copied()?;
        let end = self.hits.partition_point(|&hits| hits < most * 0.999);
        let (height, first) = (*self.hits.get(end)?, *self.hits.first()?);
        let width = usize_count(end);
        let above = |(place, hits): (usize, &f64)| (hits - first) / (height - first) - usize_count(place) / width;
        let heights = self.hits.iter().enumerate().take(end + 1).map(above);
        let (place, best) = heights.enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
        (height > first).then(|| size(if best > 1e-9 { place } else { end }, self.step))
    }

    /// Sizes at which the curve changes, at most `limit` of them, evenly spread over the logarithm of the size: what a plot
    /// needs. The first and last are always there.
    pub fn plot_sizes(&self, limit: usize) -> Vec<u64> {
        let last = count(size(self.hits.len().saturating_sub(1), self.step).max(1));
        let steps = usize_count(limit.max(2) - 1);
        let mut sizes: Vec<u64> = (0..limit.max(2)).map(|place| whole(last.powf(usize_count(place) / steps))).collect();
        sizes.dedup();
        sizes
    }
}

fn at(values: &[f64], size: u64, step: f64) -> f64 {
    let Some(&last) = values.last() else { return 0.0 };
    let place = count(size) / step;
    if place >= usize_count(values.len() - 1) {
        return last;
    }
    let below = usize::try_from(whole(place.floor())).unwrap_or(0);
    let (low, high) = (values[below], values[below + 1]);
    low + (high - low) * (place - place.floor())
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts are below 2^53")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "places in memory are below 2^53")]
pub(crate) fn usize_count(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is not negative")]
pub(crate) fn whole(number: f64) -> u64 {
    number.round() as u64
}

fn size(place: usize, step: f64) -> u64 {
    whole((usize_count(place) * step).ceil())
}

/// Makes the exact curve from requests that come one at a time; memory is proportional to the distinct keys.
#[derive(Clone, Debug)]
pub struct CurveBuilder {
    stack: Stack,
    /// Requests at each stack distance.
    distances: Vec<u64>,
    requests: u64,
}

impl Default for CurveBuilder {
    fn default() -> Self {
        Self { stack: Stack::new(), distances: Vec::new(), requests: 0 }
    }
}

impl CurveBuilder {
    /// A request for `key`: how many other keys were asked for since it was last, so that caches of more entries than that
    /// have it. `None`: no cache has it.
    pub fn request(&mut self, key: u32) -> Option<usize> {
        self.requests += 1;
        let distance = self.stack.touch(key)?;
        if distance >= self.distances.len() {
            self.distances.resize((distance + 1).max(self.distances.len() * 2).min(self.stack.live()), 0);
        }
        self.distances[distance] += 1;
        Some(distance)
    }

    /// The program threw an entry away: its next use is a miss at every size.
    pub fn remove(&mut self, key: u32) {
        self.stack.forget(key);
    }

    /// The program threw everything away.
    pub fn clear(&mut self) {
        self.stack.clear();
    }

    /// Bytes of its tables.
    pub fn memory(&self) -> usize {
        self.stack.memory() + self.distances.capacity() * 8
    }

    /// The curve of the requests so far.
    pub fn curve(&self) -> Curve {
        let mut sum = 0;
        let used = self.distances.iter().rposition(|&requests| requests > 0).map_or(0, |last| last + 1);
        let mut hits = Vec::with_capacity(used + 1);
        hits.push(0.0);
        hits.extend(self.distances[..used].iter().map(|requests| {
            sum += requests;
            count(sum)
        }));
        Curve {
            requests: self.requests,
            distinct: self.stack.seen(),
            hits,
            step: 1.0,
            band: Vec::new(),
            sampled: false,
        }
    }
}

/// Hits of LRU at every number of entries, exactly.
pub fn lru_curve(trace: &Trace) -> Curve {
    lru_each(trace, |_, _| {})
}

/// As [`lru_curve`]; `each` is told of every request where it is in the trace, and what [`CurveBuilder::request`] says of it.
pub fn lru_each(trace: &Trace, mut each: impl FnMut(usize, Option<usize>)) -> Curve {
    let mut builder = CurveBuilder::default();
    let mut removals = trace.removals.iter().peekable();
    for (at, &key) in trace.keys.iter().enumerate() {
        while let Some(removal) = removals.next_if(|removal| removal.before <= at) {
            match removal.key {
                Some(key) => builder.remove(key),
                None => builder.clear(),
            }
        }
        each(at, builder.request(key));
    }
    builder.curve()
}
