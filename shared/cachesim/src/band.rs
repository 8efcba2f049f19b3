//! LRU curves of recorded requests with a 95 % band: of all processes that had a cache of the name together.
//!
//! Two things make such a curve unsure. Requests of another time would be others: blocks of them are resampled ([`bootstrap`]).
//! And of a sample, other keys might have been in it: its keys are dealt into groups, which are samples too, and differ as much
//! as samples of their size do.

use crate::bootstrap::{Rows, block_length};
use crate::curve::{count, lru_each, whole};
use crate::shards::{half_width, sample, scale};
use crate::{Curve, Trace};

/// Groups that the keys of a sample are dealt into.
const GROUPS: u32 = 8;
/// No distance: a first use.
const NEVER: u32 = u32::MAX;

/// The recorded requests of one process, and their curve.
pub struct Recorded {
    /// Of all requests, those that were left out of a sample included.
    pub curve: Curve,
    rate: f64,
    /// Stack distance of each recorded request.
    distances: Vec<u32>,
    /// Curves of the whole from parts of the sample; empty where every key was recorded.
    groups: Vec<Curve>,
}

impl Recorded {
    /// Replays requests for a part `rate` of all keys, out of `requests`.
    pub fn new(trace: &Trace, rate: f64, requests: u64) -> Self {
        let mut distances = Vec::with_capacity(trace.keys.len());
        let exact = lru_each(trace, |_, distance| {
            distances.push(distance.map_or(NEVER, |distance| u32::try_from(distance).unwrap_or(NEVER)));
        });
        let group = |salt| {
            let part = sample(trace, 1.0 / f64::from(GROUPS), salt);
            scale(&crate::lru_curve(&part), f64::from(part.distinct), rate / f64::from(GROUPS), requests)
        };
        let groups = if rate < 1.0 { (0..GROUPS).map(group).collect() } else { Vec::new() };
        Self { curve: scale(&exact, f64::from(trace.distinct), rate, requests), rate, distances, groups }
    }
}

/// What the hit rate of all together lies between at each of `sizes`, which rise; `None` where there are too few requests to
/// tell. Of sizes below those that a sample knows of, only that it is no better than at those.
pub fn band(all: &[Recorded], sizes: &[u64]) -> Option<Vec<(f64, f64)>> {
    let requests = count(all.iter().map(|one| one.curve.requests).sum::<u64>().max(1));
    let rate = |size: f64| {
        let size = whole(size.max(0.0));
        (all.iter().map(|one| one.curve.hits(size)).sum::<f64>() / requests).clamp(0.0, 1.0)
    };
    let over_time = over_time(all, sizes)?;
    let step = all.iter().map(|one| one.curve.step).fold(1.0, f64::max);
    let of = |(&size, (below, above)): (&u64, (f64, f64))| {
        let by_keys = by_keys(all, size) / requests;
        // Within a step a sample does not tell sizes apart.
        let unsure = if step > 1.0 { step } else { 0.0 };
        let low = rate(count(size) - unsure) - by_keys.hypot(below);
        let high = rate(count(size) + unsure) + by_keys.hypot(above);
        (low.max(0.0), high.min(1.0))
    };
    Some(sizes.iter().zip(over_time).map(of).collect())
}

/// Half the interval of the hits at a size that comes from having a sample of the keys.
fn by_keys(all: &[Recorded], size: u64) -> f64 {
    let group = |group: usize| {
        let hits = |one: &Recorded| one.groups.get(group).map_or(0.0, |curve| curve.hits(size));
        all.iter().map(hits).sum::<f64>()
    };
    let sampled = all.iter().filter(|one| one.rate < 1.0).map(|one| one.rate).reduce(f64::min);
    // A sample of nearly all keys can hardly err.
    sampled.map_or(0.0, |rate| half_width((0..GROUPS as usize).map(group)) * (1.0 - rate).sqrt())
}

/// How far below and above its mean the hit rate at each size lies in runs of other blocks of the same requests.
fn over_time(all: &[Recorded], sizes: &[u64]) -> Option<Vec<(f64, f64)>> {
    let recorded: usize = all.iter().map(|one| one.distances.len()).sum();
    let mut rows = Rows::new(sizes.len(), block_length(recorded));
    for one in all {
        // Entries of the sample.
        let rooms: Vec<f64> = sizes.iter().map(|&size| count(size) * one.rate).collect();
        for &distance in &one.distances {
            let first =
                if distance == NEVER { sizes.len() } else { rooms.partition_point(|&room| room <= distance.into()) };
            rows.push(first);
        }
        rows.end_run();
    }
    rows.spread()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_sure_of_its_length() {
        let trace = Trace::new((0..20_000).map(|at| at % 200).collect());
        let recorded = [Recorded::new(&trace, 1.0, 20_000)];
        let band = band(&recorded, &[199, 200, 400]).unwrap();
        assert_eq!(band[0], (0.0, 0.0));
        assert!(band[1].0 > 0.96 && band[1].1 <= 1.0 && band[1] == band[2], "{band:?}");
    }
}
