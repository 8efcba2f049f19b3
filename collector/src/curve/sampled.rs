//! Curves of a part of all keys, chosen by their hashes, in caches that are as much smaller: SHARDS (Waldspurger et al., FAST
//! 2015) with its adjustment, and for other policies miniature simulation (Waldspurger et al., ATC 2017).
//!
//! The sample of R of all keys stands for N requests and has n of them. Misses are divided by R N, not by n: what n misses or
//! has too much of is taken for hits, since it comes from few keys that are asked for often. Several samples with other hashes
//! tell how far that can be trusted.

use super::exact::{append, run};
use super::source::{Event, Source, What};
use super::{Ask, Curves, Point, PolicyCurve, chosen_sizes};
use anyhow::ensure;
use perfcollect_shared::cachesim::shards::{Choice, half_width};
use perfcollect_shared::cachesim::{Interner, Outcome, Policy, Trace, lru_curve, simulate};

/// Samples with different hashes.
pub(super) const SALTS: u32 = 5;
/// Keys in a sample below which it is worth little: found on real traces of a hundred thousand requests.
const FEW: u64 = 8_000;
/// Entries of a sample's cache below which its sizes are coarse.
const COARSE: f64 = 10.0;

/// What a sample's cache did, and ones with an entry less and an entry more: sizes between them a sample does not tell apart.
#[derive(Clone, Copy)]
struct Found {
    less: Outcome,
    this: Outcome,
    more: Outcome,
}

/// One part of all keys.
struct Sample {
    choice: Choice,
    interner: Interner,
    trace: Trace,
    bytes: u64,
    /// By policy, then size.
    found: Vec<Found>,
    knee: Option<u64>,
}

pub(super) fn curves(source: &mut Source, ask: &Ask, rate: f64, salts: u32) -> anyhow::Result<Curves> {
    let with_sizes = source.has_sizes()? == Some(true);
    let mut samples: Vec<Sample> = (0..salts).map(|salt| Sample::new(Choice::new(rate, salt, salts))).collect();
    let (mut requests, mut bytes) = (0, 0);
    source.pass(|events| {
        for event in events.iter().filter(|event| event.what == What::Request) {
            requests += 1;
            bytes += u64::from(event.size);
        }
        run(&mut samples, |sample| sample.take(events, with_sizes));
    })?;
    let part = rate * source.part();
    let requests = source.requests().unwrap_or(requests);
    let distinct: u64 =
        samples.iter().map(|sample| sample.interner.len() as u64).sum::<u64>() / u64::from(salts.max(1));
    ensure!(
        requests == 0 || samples.iter().any(|sample| !sample.trace.keys.is_empty()),
        "none of the keys is in a sample of {part}, which therefore tells nothing; take --rate exact"
    );
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
    if let Some(coarse) = sizes.iter().rfind(|&&size| !ask.bytes && size > 0 && count(size) * part < COARSE) {
        let of = perfcollect_shared::format::plural(scaled(*coarse, part).max(1), "entry");
        notes.push(format!("a cache of {coarse} is one of {of} in a sample: up to there it hardly tells sizes apart"));
    }
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
            let outcomes: Vec<Found> = samples.iter().map(|sample| sample.found[at(index)]).collect();
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

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is not negative")]
fn scaled(number: u64, by: f64) -> u64 {
    (count(number) * by).round() as u64
}

impl Sample {
    fn new(choice: Choice) -> Self {
        let (interner, trace) = (Interner::default(), Trace::default());
        Self { choice, interner, trace, bytes: 0, found: Vec::new(), knee: None }
    }

    fn take(&mut self, events: &[Event], with_sizes: bool) {
        let mine = |event: &&Event| event.what == What::Clear || self.choice.takes(event.id);
        let events: Vec<Event> = events.iter().filter(mine).copied().collect();
        self.bytes +=
            events.iter().filter(|event| event.what == What::Request).map(|event| u64::from(event.size)).sum::<u64>();
        append(&mut self.trace, &events, &mut self.interner, with_sizes);
    }

    fn simulate(&mut self, ask: &Ask, sizes: &[u64], part: f64) {
        let with_sizes = !self.trace.sizes.is_empty();
        for &policy in &ask.policies {
            let curve = (policy == Policy::Lru && !with_sizes).then(|| lru_curve(&self.trace));
            let of = |room: u64| match &curve {
                Some(curve) => {
                    let hits = scaled(1, curve.hits(room)).min(curve.requests);
                    let misses = curve.requests - hits;
                    Outcome { requests: curve.requests, hits, misses, ..Outcome::default() }
                }
                None if room == 0 => nothing(&self.trace, self.bytes),
                None => simulate(&self.trace, policy, ask.capacity(room), None),
            };
            for &size in sizes {
                // A size below one of the sample is no more than that.
                let room = scaled(size, part).max(u64::from(size > 0));
                let this = of(room);
                let found = match room {
                    0 => Found { less: this, this, more: this },
                    _ if curve.is_some() => Found { less: of(room - 1), this, more: of(room + 1) },
                    1 => Found { less: of(0), this, more: this },
                    _ => Found { less: this, this, more: this },
                };
                self.found.push(found);
            }
        }
    }
}

/// What a cache without room does.
fn nothing(trace: &Trace, bytes: u64) -> Outcome {
    let requests = trace.keys.len() as u64;
    Outcome { requests, misses: requests, bytes, miss_bytes: bytes, ..Outcome::default() }
}

fn point(size: u64, found: &[Found], samples: &[Sample], (requests, part): (u64, f64), with_sizes: bool) -> Point {
    let whole = count(requests) * part;
    // No room holds nothing, however the sample fell.
    let ratio = |outcome: &Outcome| if size == 0 { 1.0 } else { (count(outcome.misses) / whole.max(1.0)).min(1.0) };
    let ratios = |of: fn(&Found) -> &Outcome| found.iter().map(move |found| ratio(of(found)));
    let mean_of = |of: fn(&Found) -> &Outcome| ratios(of).sum::<f64>() / count(found.len() as u64);
    let (less, mean, more) = (mean_of(|found| &found.less), mean_of(|found| &found.this), mean_of(|found| &found.more));
    let half = (found.len() > 1).then(|| half_width(ratios(|found| &found.this)));
    let misses = scaled(requests, mean);
    let bytes: f64 = samples.iter().map(|sample| count(sample.bytes)).sum();
    let bytes_missed: f64 = found.iter().map(|found| count(found.this.miss_bytes)).sum();
    Point {
        size,
        hits: requests - misses.min(requests),
        misses,
        miss_ratio: mean,
        byte_miss_ratio: (with_sizes && bytes > 0.0).then(|| bytes_missed / bytes),
        low: half.map(|half| (more - half).max(0.0)),
        high: half.map(|half| (less + half).min(1.0)),
    }
}
