//! Curves of a part of all keys, chosen by their hashes, in caches that are as much smaller: SHARDS (Waldspurger et al., FAST
//! 2015) with its adjustment, and for other policies miniature simulation (Waldspurger et al., ATC 2017).
//!
//! The sample of R of all keys stands for N requests and has n of them. Misses are divided by R N, not by n: what n misses or
//! has too much of is taken for hits, since it comes from few keys that are asked for often. Several samples with other hashes
//! tell how far that can be trusted.

use super::exact::{append, run};
use super::source::{Event, Source, What};
use super::{Ask, Curves, Point, PolicyCurve, chosen_sizes};
use perfcollect_shared::cachesim::{Interner, Outcome, Policy, Trace, lru_curve, simulate};

/// Samples with different hashes.
pub(super) const SALTS: u64 = 5;
/// Student's t for 95 % with one degree less than there are samples.
const T: f64 = 2.776;
/// Keys in a sample below which it is worth little: found on real traces of a hundred thousand requests.
const FEW: u64 = 8_000;

/// One part of all keys.
struct Sample {
    salt: u64,
    interner: Interner,
    trace: Trace,
    bytes: u64,
    /// By policy, then size.
    found: Vec<Outcome>,
    knee: Option<u64>,
}

pub(super) fn curves(source: &mut Source, ask: &Ask, rate: f64, salts: u64) -> anyhow::Result<Curves> {
    let with_sizes = source.has_sizes()? == Some(true);
    let mut samples: Vec<Sample> = (1..=salts).map(Sample::new).collect();
    let threshold = threshold(rate);
    let (mut requests, mut bytes) = (0, 0);
    source.pass(|events| {
        for event in events.iter().filter(|event| event.what == What::Request) {
            requests += 1;
            bytes += u64::from(event.size);
        }
        run(&mut samples, |sample| sample.take(events, threshold, with_sizes));
    })?;
    let part = rate * source.part();
    let requests = source.requests().unwrap_or(requests);
    let distinct: u64 = samples.iter().map(|sample| sample.interner.len() as u64).sum::<u64>() / salts.max(1);
    let mut notes = source.take_notes();
    if distinct < FEW {
        let keys = perfcollect_shared::format::plural(distinct, "key");
        let advice = if salts > 1 { "; --rate exact is surer" } else { "" };
        notes.push(format!("a sample has {keys}: below {FEW} it can be far off{advice}"));
    }
    let distinct = scaled(distinct, 1.0 / part);
    for sample in samples.iter_mut().filter(|_| !ask.bytes && ask.sizes.is_empty()) {
        sample.knee = lru_curve(&sample.trace).knee();
    }
    let knees: Vec<u64> = samples.iter().filter_map(|sample| sample.knee).collect();
    let knee = (!knees.is_empty()).then(|| scaled(knees.iter().sum::<u64>() / knees.len() as u64, 1.0 / part));
    let sizes = match ask.sizes.is_empty() {
        false => ask.sizes.clone(),
        true if ask.bytes => chosen_sizes(working_set(&samples, part), None),
        true => chosen_sizes(distinct, knee),
    };
    run(&mut samples, |sample| sample.simulate(ask, &sizes, part));
    let mut found = Curves {
        requests,
        distinct,
        bytes: with_sizes.then(|| whole_bytes(bytes, source)),
        knee,
        notes,
        ..Curves::default()
    };
    for (place, policy) in ask.policies.iter().enumerate() {
        let at = |index: usize| place * sizes.len() + index;
        let points = sizes.iter().enumerate().map(|(index, &size)| {
            let outcomes: Vec<Outcome> = samples.iter().map(|sample| sample.found[at(index)]).collect();
            point(size, &outcomes, &samples, (requests, part), with_sizes)
        });
        found.curves.push(PolicyCurve { policy: policy.id(), points: points.collect() });
    }
    Ok(found)
}

/// Bytes of all requests, where a trace of a part of the keys has those of a part.
fn whole_bytes(bytes: u64, source: &Source) -> u64 {
    scaled(bytes, 1.0 / source.part())
}

/// Bytes of everything that was asked for, by the last size of each key.
fn working_set(samples: &[Sample], part: f64) -> u64 {
    let of_one = |sample: &Sample| -> u64 {
        let mut sizes = vec![0_u32; sample.interner.len()];
        for (&key, &size) in sample.trace.keys.iter().zip(&sample.trace.sizes) {
            sizes[key as usize] = size;
        }
        sizes.into_iter().map(u64::from).sum()
    };
    scaled(samples.iter().map(of_one).sum::<u64>() / (samples.len() as u64).max(1), 1.0 / part)
}

/// Hashes below it are in a sample.
fn threshold(rate: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "saturates"
    )]
    let threshold = (rate * u64::MAX as f64) as u64;
    threshold
}

/// Spreads the bits of an id, differently for each salt (Steele, Lea and Flood, `SplitMix64`, OOPSLA 2014).
fn hash(id: u64, salt: u64) -> u64 {
    let mixed = id.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is not negative")]
fn scaled(number: u64, by: f64) -> u64 {
    (count(number) * by).round() as u64
}

impl Sample {
    fn new(salt: u64) -> Self {
        let (interner, trace) = (Interner::default(), Trace::default());
        Self { salt, interner, trace, bytes: 0, found: Vec::new(), knee: None }
    }

    fn take(&mut self, events: &[Event], threshold: u64, with_sizes: bool) {
        let all = threshold == u64::MAX;
        let mine = |event: &&Event| all || event.what == What::Clear || hash(event.id, self.salt) < threshold;
        let events: Vec<Event> = events.iter().filter(mine).copied().collect();
        self.bytes +=
            events.iter().filter(|event| event.what == What::Request).map(|event| u64::from(event.size)).sum::<u64>();
        append(&mut self.trace, &events, &mut self.interner, with_sizes);
    }

    fn simulate(&mut self, ask: &Ask, sizes: &[u64], part: f64) {
        let with_sizes = !self.trace.sizes.is_empty();
        for &policy in &ask.policies {
            let curve = (policy == Policy::Lru && !with_sizes).then(|| lru_curve(&self.trace));
            for &size in sizes {
                let room = scaled(size, part);
                let outcome = match &curve {
                    Some(curve) => {
                        let hits = scaled(1, curve.hits(room)).min(curve.requests);
                        let misses = curve.requests - hits;
                        Outcome { requests: curve.requests, hits, misses, ..Outcome::default() }
                    }
                    None if room == 0 => nothing(&self.trace, self.bytes),
                    None => simulate(&self.trace, policy, ask.capacity(room), None),
                };
                self.found.push(outcome);
            }
        }
    }
}

/// What a cache without room does.
fn nothing(trace: &Trace, bytes: u64) -> Outcome {
    let requests = trace.keys.len() as u64;
    Outcome { requests, misses: requests, bytes, miss_bytes: bytes, ..Outcome::default() }
}

fn point(size: u64, found: &[Outcome], samples: &[Sample], (requests, part): (u64, f64), with_sizes: bool) -> Point {
    let whole = count(requests) * part;
    // No room holds nothing, however the sample fell.
    let ratio = |outcome: &Outcome| if size == 0 { 1.0 } else { (count(outcome.misses) / whole.max(1.0)).min(1.0) };
    let ratios: Vec<f64> = found.iter().map(ratio).collect();
    let number = count(ratios.len() as u64);
    let mean = ratios.iter().sum::<f64>() / number;
    let spread = ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / (number - 1.0);
    let half = (ratios.len() as u64 == SALTS).then(|| T * (spread / number).sqrt());
    let misses = scaled(requests, mean);
    let bytes: f64 = samples.iter().map(|sample| count(sample.bytes)).sum();
    let bytes_missed: f64 = found.iter().map(|outcome| count(outcome.miss_bytes)).sum();
    Point {
        size,
        hits: requests - misses.min(requests),
        misses,
        miss_ratio: mean,
        byte_miss_ratio: (with_sizes && bytes > 0.0).then(|| bytes_missed / bytes),
        low: half.map(|half| (mean - half).max(0.0)),
        high: half.map(|half| (mean + half).min(1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_part_of_the_keys() {
        for salt in 1..=SALTS {
            let kept = (0..100_000).filter(|&id| hash(id, salt) < threshold(0.1)).count();
            assert!((9_600..10_400).contains(&kept), "{kept}");
        }
        assert_eq!(threshold(1.0), u64::MAX);
    }
}
