//! Curves of all requests.

use super::source::{Event, Source, What};
use super::{Ask, Curves, Point, PolicyCurve, chosen_sizes, ratio};
use perfcollect_shared::cachesim::{Curve, CurveBuilder, Future, Interner, Outcome, Policy, Removal, Simulator, Trace};
use perfcollect_shared::import::trace::NextCheck;
use std::num::NonZero;
use std::thread;

/// Bytes that the tables of simulated caches may take at once; more caches take more passes.
const ROOM: u64 = 512 << 20;
/// About what a simulated cache keeps of each key.
const A_KEY: u64 = 48;

/// What the first pass tells.
#[derive(Default)]
struct Survey {
    requests: u64,
    bytes: u64,
    /// Bytes of the last value of each key.
    sizes: Vec<u32>,
    lru: CurveBuilder,
    next: NextCheck,
    /// All of it, where the future must be known.
    trace: Trace,
}

pub(super) fn curves(source: &mut Source, ask: &Ask) -> anyhow::Result<Curves> {
    let mut interner = Interner::default();
    let with_sizes = source.has_sizes()? == Some(true);
    let belady = ask.policies.contains(&Policy::Belady);
    // The curve of all sizes gives the knee, and LRU where there are no bytes to count.
    let whole_curve = !ask.bytes && (ask.sizes.is_empty() || !with_sizes && ask.policies.contains(&Policy::Lru));
    let by_size = ask.bytes && ask.sizes.is_empty();
    let mut survey = Survey::default();
    source.pass(|events| {
        for event in events {
            let key = interner.intern_event(event);
            survey.take(event, key, whole_curve, by_size);
        }
        if belady {
            survey.keep(events, &mut interner, with_sizes);
        }
    })?;
    let mut notes = source.take_notes();
    notes.extend(survey.next.note_of());
    let lru = whole_curve.then(|| survey.lru.curve());
    let knee = lru.as_ref().and_then(Curve::knee);
    let distinct = interner.len() as u64;
    let sizes = match ask.sizes.is_empty() {
        false => ask.sizes.clone(),
        true if ask.bytes => chosen_sizes(survey.sizes.iter().map(|&size| u64::from(size)).sum(), None),
        true => chosen_sizes(distinct, knee),
    };
    let mut found = Curves { requests: survey.requests, distinct, knee, notes, ..Curves::default() };
    found.bytes = with_sizes.then_some(survey.bytes);
    let outcomes = outcomes(source, ask, &sizes, &mut interner, (&survey, lru.as_ref().filter(|_| !with_sizes)))?;
    let mut outcomes = outcomes.into_iter();
    for policy in &ask.policies {
        let points =
            sizes.iter().zip(outcomes.by_ref()).map(|(&size, outcome)| point(size, &outcome, with_sizes)).collect();
        found.curves.push(PolicyCurve { policy: policy.id(), points });
    }
    Ok(found)
}

fn point(size: u64, outcome: &Outcome, with_sizes: bool) -> Point {
    let miss_ratio = ratio(outcome.misses, outcome.requests);
    Point {
        size,
        hits: outcome.hits,
        misses: outcome.misses,
        miss_ratio,
        byte_miss_ratio: outcome.byte_miss_ratio().filter(|_| with_sizes),
        low: Some(miss_ratio),
        high: Some(miss_ratio),
    }
}

trait Numbered {
    fn intern_event(&mut self, event: &Event) -> u32;
}

impl Numbered for Interner {
    /// The number of an event's key. Only requests bring keys: what is thrown away without one has the number 0.
    fn intern_event(&mut self, event: &Event) -> u32 {
        if event.what == What::Clear { 0 } else { self.intern(event.id) }
    }
}

impl Survey {
    fn take(&mut self, event: &Event, key: u32, whole_curve: bool, by_size: bool) {
        match event.what {
            What::Request => {
                self.requests += 1;
                self.bytes += u64::from(event.size);
                if whole_curve {
                    self.lru.request(key);
                }
                if by_size {
                    if key as usize >= self.sizes.len() {
                        self.sizes.resize(key as usize + 1, 0);
                    }
                    self.sizes[key as usize] = event.size;
                }
                if let Some(next) = event.next {
                    self.next.request(key, next);
                }
            }
            What::Remove if whole_curve => self.lru.remove(key),
            What::Clear if whole_curve => self.lru.clear(),
            What::Remove | What::Clear => {}
        }
    }

    fn keep(&mut self, events: &[Event], interner: &mut Interner, with_sizes: bool) {
        append(&mut self.trace, events, interner, with_sizes);
    }
}

/// Puts events behind a trace.
pub(super) fn append(trace: &mut Trace, events: &[Event], interner: &mut Interner, with_sizes: bool) {
    for event in events {
        let key = interner.intern_event(event);
        match event.what {
            What::Request => {
                trace.keys.push(key);
                if with_sizes {
                    trace.sizes.push(event.size);
                }
            }
            What::Remove => trace.removals.push(Removal { before: trace.keys.len(), key: Some(key) }),
            What::Clear => trace.removals.push(Removal { before: trace.keys.len(), key: None }),
        }
    }
    trace.distinct = u32::try_from(interner.len()).unwrap_or(u32::MAX);
}

/// What each policy did at each size, policy by policy.
fn outcomes(
    source: &mut Source,
    ask: &Ask,
    sizes: &[u64],
    interner: &mut Interner,
    (survey, lru): (&Survey, Option<&Curve>),
) -> anyhow::Result<Vec<Outcome>> {
    let belady = ask.policies.contains(&Policy::Belady);
    let future = if belady { Future::of(&survey.trace) } else { Future::default() };
    let jobs: Vec<(Policy, u64)> =
        ask.policies.iter().flat_map(|&policy| sizes.iter().map(move |&size| (policy, size))).collect();
    let mut outcomes: Vec<Option<Outcome>> = jobs.iter().map(|&job| known(job, survey, lru)).collect();
    let open: Vec<usize> = (0..jobs.len()).filter(|&job| outcomes[job].is_none()).collect();
    let together = ROOM / (survey_keys(interner) * A_KEY).max(1);
    let together = usize::try_from(together).unwrap_or(usize::MAX).max(workers());
    for batch in open.chunks(together) {
        let mut caches: Vec<Simulator<'_>> = batch
            .iter()
            .map(|&job| Simulator::with_future(jobs[job].0, ask.capacity(jobs[job].1), None, &future))
            .collect();
        if belady {
            run(&mut caches, |cache| cache.run(&survey.trace));
        } else {
            let mut keys = Vec::new();
            source.pass(|events| {
                keys.clear();
                keys.extend(events.iter().map(|event| (interner.intern_event(event), event.size, event.what)));
                run(&mut caches, |cache| feed(cache, &keys));
            })?;
        }
        for (&job, cache) in batch.iter().zip(&caches) {
            outcomes[job] = Some(cache.outcome());
        }
    }
    Ok(outcomes.into_iter().flatten().collect())
}

fn survey_keys(interner: &Interner) -> u64 {
    interner.len() as u64
}

/// What needs no simulation: no room, and LRU where its whole curve is known.
fn known((policy, size): (Policy, u64), survey: &Survey, lru: Option<&Curve>) -> Option<Outcome> {
    let (requests, bytes) = (survey.requests, survey.bytes);
    if size == 0 {
        return Some(Outcome { requests, misses: requests, bytes, miss_bytes: bytes, ..Outcome::default() });
    }
    let lru = lru.filter(|_| policy == Policy::Lru)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count in a float")]
    let hits = lru.hits(size).round() as u64;
    Some(Outcome { requests, hits, misses: requests - hits.min(requests), ..Outcome::default() })
}

fn feed(cache: &mut Simulator<'_>, events: &[(u32, u32, What)]) {
    for &(key, size, what) in events {
        match what {
            What::Request => {
                cache.request(key, size, 0);
            }
            What::Remove => cache.remove(Some(key)),
            What::Clear => cache.remove(None),
        }
    }
}

fn workers() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does `work` to each, on as many processors as there are.
pub(super) fn run<T: Send>(items: &mut [T], work: impl Fn(&mut T) + Sync) {
    let share = items.len().div_ceil(workers()).max(1);
    let mut parts = items.chunks_mut(share);
    let first = parts.next();
    thread::scope(|scope| {
        for part in parts {
            scope.spawn(|| part.iter_mut().for_each(&work));
        }
        first.into_iter().flatten().for_each(&work);
    });
}
