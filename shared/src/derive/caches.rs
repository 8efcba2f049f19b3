//! What is drawn of one cache: hit rate against size, policies over each other, its hottest keys, its rate over time.
//!
//! Verdicts are `caches`' work. [`Tracer`] replays keys step by step, so that the page can show how far it is.

use crate::caches::{self, Evidence, Row};
use crate::model::{Bundle, CacheRecord, KeyTrace, Lookup};
use crate::order::Order;
use crate::units::{Bytes, Nanos};
use crate::view_state::{CachesState, Sort};
use perfcollect_cachesim::band::{Recorded, band};
use perfcollect_cachesim::{Capacity, Curve, Policy, Trace, shards, simulate};
use std::cmp::Ordering;
use std::fmt::Write as _;

/// Sizes at which the curve is read.
const SIZES: usize = 64;
/// Sizes at which policies are simulated.
const POLICY_SIZES: usize = 14;
/// Requests that are replayed for one policy at one size; of more, a part of the keys stands for all.
const REPLAYED: f64 = 200_000.0;
/// Keys below which a sample says little.
const LEAST_KEYS: f64 = 8_000.0;

/// Requests of one process.
struct Part {
    trace: Trace,
    /// Part of the keys that was recorded.
    rate: f64,
    /// All lookups whose key could be hashed.
    requests: u64,
    /// For policies, and the part of all keys that it holds.
    sample: Trace,
    sample_rate: f64,
}

/// The recorded keys of one cache, to be replayed.
pub struct Tracer {
    parts: Vec<Part>,
    ttl_ns: Option<u64>,
    present: Option<u64>,
}

/// Hit rate of LRU at sizes, without a time to live.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LruCurve {
    pub requests: u64,
    pub distinct: u64,
    pub sizes: Vec<u64>,
    /// Part of the requests that hit, 0 to 1.
    pub rates: Vec<f64>,
    /// What each rate lies between with 95 % confidence, over other parts of the run, and of a sample over other keys; empty where
    /// there were too few requests to tell.
    pub low: Vec<f64>,
    pub high: Vec<f64>,
    /// The size after which more entries bring little; of the process with the most requests.
    pub knee: Option<u64>,
    /// Whether every key was recorded.
    pub exact: bool,
}

/// Hit rate of one policy at sizes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyCurve {
    pub sizes: Vec<u64>,
    pub rates: Vec<f64>,
    /// Part of all keys that was replayed.
    pub sampled: f64,
}

#[expect(clippy::cast_precision_loss, reason = "no recording counts 2^53 lookups")]
fn real(count: u64) -> f64 {
    count as f64
}

impl Tracer {
    /// `None` where no key was recorded.
    #[must_use]
    pub fn new(bundle: &Bundle, evidence: &Evidence) -> Option<Self> {
        let traces = evidence.keys.iter().filter_map(|&key| bundle.keys.get(key));
        let mut parts: Vec<Part> = traces.map(|trace| part(trace)).filter(|part| !part.trace.keys.is_empty()).collect();
        parts.order_by_key(|part| std::cmp::Reverse(part.requests));
        let ttl_ns = evidence.ttl_ns.map(|ttl| ttl.0);
        let present = evidence.capacity.filter(|_| !evidence.unbounded);
        (!parts.is_empty()).then_some(Self { parts, ttl_ns, present })
    }

    /// The curve of all processes together: each has a cache of that size of its own.
    #[must_use]
    pub fn lru(&self) -> LruCurve {
        let replay = |part: &Part| Recorded::new(&part.trace, part.rate, part.requests);
        let recorded: Vec<Recorded> = self.parts.iter().map(replay).collect();
        let curves: Vec<&Curve> = recorded.iter().map(|one| &one.curve).collect();
        let largest = curves.iter().max_by_key(|curve| curve.distinct);
        let mut sizes = largest.map(|curve| curve.plot_sizes(SIZES)).unwrap_or_default();
        sizes.extend(self.present.filter(|&size| size > 0));
        sizes.order_by_key(|&size| size);
        sizes.dedup();
        let requests: u64 = self.parts.iter().map(|part| part.requests).sum();
        let hits = |size: u64| curves.iter().map(|curve| curve.hits(size)).sum::<f64>();
        let (low, high) = band(&recorded, &sizes).unwrap_or_default().into_iter().unzip();
        LruCurve {
            requests,
            low,
            high,
            distinct: curves.iter().map(|curve| curve.distinct).sum(),
            rates: sizes.iter().map(|&size| (hits(size) / real(requests.max(1))).clamp(0.0, 1.0)).collect(),
            sizes,
            knee: curves.first().and_then(|curve| curve.knee()),
            exact: self.parts.iter().all(|part| part.rate >= 1.0),
        }
    }

    /// What a policy does at some of the sizes of the curve, with the time to live of now.
    #[must_use]
    pub fn policy(&self, policy: Policy, curve: &LruCurve) -> PolicyCurve {
        let last = curve.sizes.len().saturating_sub(1);
        let every = |place: usize| curve.sizes.get(place * last / (POLICY_SIZES - 1)).copied();
        let mut sizes: Vec<u64> = (0..POLICY_SIZES).filter_map(every).chain(self.present).filter(|&s| s > 0).collect();
        sizes.order_by_key(|&size| size);
        sizes.dedup();
        let all: f64 = self.parts.iter().map(|part| real(part.requests)).sum();
        let rate = |&size: &u64| {
            let hits: f64 = self.parts.iter().map(|part| self.hits(part, policy, size)).sum();
            (hits / all.max(1.0)).clamp(0.0, 1.0)
        };
        let sampled = self.parts.iter().map(|part| part.sample_rate).fold(1.0, f64::min);
        PolicyCurve { rates: sizes.iter().map(rate).collect(), sizes, sampled }
    }

    /// Hits among all requests of a process, as the sample has them: what the sample has too few or too many requests of, by
    /// chance of a hot key, are hits (Waldspurger et al., FAST 2015).
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a size")]
    fn hits(&self, part: &Part, policy: Policy, size: u64) -> f64 {
        let small = ((real(size) * part.sample_rate).round() as u64).max(1);
        let outcome = simulate(&part.sample, policy, Capacity::Entries(small), self.ttl_ns);
        if part.sample_rate >= 1.0 {
            return real(outcome.hits);
        }
        let misses = real(outcome.misses) / part.sample_rate;
        (real(part.requests) - misses).max(0.0)
    }
}

fn part(recorded: &KeyTrace) -> Part {
    let (trace, rate) = (caches::requests(recorded), caches::recorded_part(recorded));
    let requests = recorded.requests.saturating_sub(recorded.unhashable);
    let replayed = real(trace.keys.len() as u64);
    let less = (REPLAYED / replayed.max(1.0)).max(LEAST_KEYS / f64::from(trace.distinct.max(1)));
    let (sample, sample_rate) =
        if less < 1.0 { (shards::sample(&trace, less, 0), rate * less) } else { (trace.clone(), rate) };
    Part { trace, rate, requests, sample, sample_rate }
}

/// What a column of the table of caches sorts by; `None` is not known, and last in either direction.
fn figure(row: &Row, column: &str) -> Option<f64> {
    match column {
        "requests" => row.requests.map(real),
        "rate" => row.rate,
        "saved" => row.saved_ns,
        "lost" => lost_ns(row),
        "memory" => row.bytes.map(Bytes::as_f64),
        "entries" => row.entries.map(real),
        "verdict" => Some(f64::from(row.verdict as u8)),
        _ => None,
    }
}

/// Time that the misses took to compute.
#[must_use]
pub fn lost_ns(row: &Row) -> Option<f64> {
    Some(row.miss_cost_ns? * real(row.misses?))
}

/// Places of the rows whose name, file or library has the text, in an order; own code by requests first without one. And how
/// many are left out: those of libraries that nothing asked for, unless all or some text are wanted.
#[must_use]
pub fn listed(rows: &[Row], state: &CachesState, lowercase: &dyn Fn(&str) -> String) -> (Vec<usize>, usize) {
    let filter = lowercase(&state.filter);
    let has = |text: &str| lowercase(text).contains(&filter);
    let fits = |row: &Row| has(&row.name) || has(&row.library) || row.file.as_deref().is_some_and(has);
    let mut places: Vec<usize> = (0..rows.len()).filter(|&at| fits(&rows[at])).collect();
    let fitting = places.len();
    places.retain(|&at| state.all || !filter.is_empty() || !rows[at].is_aside());
    let left_out = fitting - places.len();
    let sorted = !state.sort.is_empty();
    let by_requests = [Sort { column: "requests".to_owned(), descending: true }];
    let order = if sorted { state.sort.as_slice() } else { &by_requests };
    let compare = |a: &Row, b: &Row, sort: &Sort| {
        let turned = |order: Ordering| if sort.descending { order.reverse() } else { order };
        if sort.column == "name" {
            return turned(a.name.cmp(&b.name));
        }
        match (figure(a, &sort.column), figure(b, &sort.column)) {
            (Some(a), Some(b)) => turned(a.total_cmp(&b)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    };
    places.order_by(|&a, &b| {
        let (a, b) = (&rows[a], &rows[b]);
        let own = if sorted { Ordering::Equal } else { b.is_own().cmp(&a.is_own()) };
        order.iter().fold(own, |known, sort| known.then_with(|| compare(a, b, sort)))
    });
    (places, left_out)
}

/// One key by its hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HotKey {
    pub hash: u64,
    pub requests: u64,
    pub hits: u64,
    /// Of the misses whose computation was timed; `None` without one.
    pub miss_cost: Option<Nanos>,
}

/// The keys that were asked for most, all processes together; and how many there are.
#[must_use]
pub fn hottest(bundle: &Bundle, evidence: &Evidence, limit: usize) -> (Vec<HotKey>, usize) {
    let mut all: Vec<(HotKey, u64, u64)> = Vec::new();
    for trace in evidence.keys.iter().filter_map(|&key| bundle.keys.get(key)) {
        let first = all.len();
        all.extend(trace.hashes.iter().map(|&hash| (HotKey { hash, ..Default::default() }, 0, 0)));
        for ((&kind, &key), &cost) in trace.kind.iter().zip(&trace.key).zip(&trace.cost_ns) {
            let Some((found, timed, sum)) = all.get_mut(first + key as usize).filter(|_| kind.is_request()) else {
                continue;
            };
            found.requests += 1;
            found.hits += u64::from(kind == Lookup::Hit);
            if kind != Lookup::Hit {
                (*timed, *sum) = (*timed + 1, *sum + cost);
            }
        }
    }
    all.order_by_key(|(key, ..)| key.hash);
    all.dedup_by(|other, kept| {
        let same = other.0.hash == kept.0.hash;
        if same {
            kept.0.requests += other.0.requests;
            kept.0.hits += other.0.hits;
            (kept.1, kept.2) = (kept.1 + other.1, kept.2 + other.2);
        }
        same
    });
    let distinct = all.len();
    all.order_by_key(|(key, ..)| (std::cmp::Reverse(key.requests), key.hash));
    let shown = all.into_iter().take(limit);
    let shown =
        shown.map(|(key, timed, sum)| HotKey { miss_cost: (timed > 0).then(|| Nanos(sum / timed)), ..key }).collect();
    (shown, distinct)
}

/// A cache over the run, in steps of equal length; `None` where nothing was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverTime {
    /// Part of the lookups of a step that hit.
    pub rates: Vec<Option<f64>>,
    /// Lookups of a step.
    pub requests: Vec<Option<f64>>,
    /// Most in one process at its end.
    pub entries: Vec<Option<f64>>,
}

/// Records of one cache over a span of the recording. Between two readings lookups are taken to be even; where a reading is
/// missing, nothing is known until the next one.
#[must_use]
pub fn over_time(records: &[&CacheRecord], span: (Nanos, Nanos), steps: usize) -> OverTime {
    let mut sums = vec![(0.0, 0.0, false); steps];
    let mut entries = vec![None::<f64>; steps];
    let width = real(span.1.0.saturating_sub(span.0.0)).max(1.0) / real(steps.max(1) as u64);
    let place = |t: u64| real(t.saturating_sub(span.0.0)) / width;
    for record in records {
        let series = &record.series;
        let mut last = record.from_ns.map(|from| (from.0, 0, 0));
        for (at, &t) in series.t_ns.iter().enumerate() {
            let reading = |column: &[Option<u64>]| column.get(at).copied().flatten();
            let now = reading(&series.hits).zip(reading(&series.misses)).map(|(hits, misses)| (t, hits, misses));
            if let (Some((from, hits, misses)), Some(now)) = (last, now) {
                let found = (real(now.1.saturating_sub(hits)), real(now.2.saturating_sub(misses)));
                spread(&mut sums, (place(from), place(t)), found);
            }
            last = now;
            let until = series.t_ns.get(at + 1).map_or(record.to_ns.map_or(t, |to| to.0.max(t)), |&next| next);
            if let Some(count) = reading(&series.entries) {
                hold(&mut entries, (place(t), place(until)), real(count));
            }
        }
    }
    OverTime {
        rates: sums.iter().map(|&(hits, all, known)| (known && all > 0.0).then(|| hits / all)).collect(),
        requests: sums.iter().map(|&(_, all, known)| known.then_some(all)).collect(),
        entries,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the steps")]
fn covered(steps: usize, (from, to): (f64, f64)) -> std::ops::Range<usize> {
    let first = (from.floor().max(0.0) as usize).min(steps);
    first..(to.ceil().max(0.0) as usize).clamp(first, steps).max((first + 1).min(steps))
}

/// Adds hits and misses to the steps that an interval covers, by how much of it lies in each.
fn spread(sums: &mut [(f64, f64, bool)], within: (f64, f64), (hits, misses): (f64, f64)) {
    let long = within.1 - within.0;
    for step in covered(sums.len(), within) {
        let from = real(step as u64);
        let part = if long > 0.0 { ((from + 1.0).min(within.1) - from.max(within.0)).max(0.0) / long } else { 1.0 };
        let sum = &mut sums[step];
        *sum = (sum.0 + hits * part, sum.1 + (hits + misses) * part, true);
    }
}

fn hold(entries: &mut [Option<f64>], within: (f64, f64), count: f64) {
    for step in covered(entries.len(), within) {
        entries[step] = Some(entries[step].map_or(count, |most| most.max(count)));
    }
}

/// A line through values from 0 to `top`, one column each; not drawn where there is none.
#[must_use]
pub fn broken_line(values: &[Option<f64>], top: f64, height: f64) -> String {
    let mut path = String::new();
    let mut open = false;
    for (column, value) in values.iter().enumerate() {
        let Some(value) = value else {
            open = false;
            continue;
        };
        let y = height - (value / top.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0) * height;
        // Writing to a string cannot fail.
        write!(path, "{}{column} {y:.2}h1", if open { 'L' } else { 'M' }).unwrap_or_default();
        open = true;
    }
    path
}

/// Where a size stands on the logarithmic axis of the curve, 0 to 1.
#[must_use]
pub fn along(size: u64, largest: u64) -> f64 {
    real(size.max(1)).ln() / real(largest.max(2)).ln()
}

/// A line through points of the curve, in coordinates of `size`.
#[must_use]
pub fn curve_path(sizes: &[u64], rates: &[f64], largest: u64, (width, height): (f64, f64)) -> String {
    let mut path = String::new();
    for (at, (&size, rate)) in sizes.iter().zip(rates).enumerate() {
        let (x, y) = (along(size, largest) * width, (1.0 - rate.clamp(0.0, 1.0)) * height);
        write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' }).unwrap_or_default();
    }
    path
}

/// The area between two curves, in coordinates of `size`; empty without them.
#[must_use]
pub fn band_path(curve: &LruCurve, largest: u64, size: (f64, f64)) -> String {
    if curve.low.is_empty() {
        return String::new();
    }
    let above = curve_path(&curve.sizes, &curve.high, largest, size);
    let back: Vec<u64> = curve.sizes.iter().rev().copied().collect();
    let low: Vec<f64> = curve.low.iter().rev().copied().collect();
    above + &curve_path(&back, &low, largest, size).replacen('M', "L", 1) + "Z"
}

/// Round sizes for the axis: powers of ten, with halves between where there are few.
#[must_use]
pub fn size_ticks(largest: u64) -> Vec<u64> {
    let powers = std::iter::successors(Some(1u64), |size| size.checked_mul(10));
    let powers: Vec<u64> = powers.take_while(|&size| size <= largest.max(2)).collect();
    if powers.len() > 3 {
        return powers;
    }
    let between = powers.iter().flat_map(|&power| [power, power * 2, power * 5]);
    between.filter(|&size| size <= largest.max(2)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caches::Verdict;
    use crate::model::CacheSeries;
    use std::sync::Arc;

    /// A loop over `keys` keys, `rounds` times.
    fn looped(keys: u32, rounds: u32) -> (Bundle, Evidence) {
        let key: Vec<u32> = (0..rounds).flat_map(|_| 0..keys).collect();
        let n = key.len();
        let trace = KeyTrace {
            rate: 1.0,
            requests: n as u64,
            hashes: (0..u64::from(keys)).map(|key| key * 7919 + 1).collect(),
            t_ns: (0..n as u64).collect(),
            kind: vec![Lookup::Miss; n],
            cost_ns: vec![1000; n],
            key,
            ..Default::default()
        };
        let evidence = Evidence { keys: vec![0], capacity: Some(128), ..Default::default() };
        (Bundle { keys: vec![Arc::new(trace)], ..Default::default() }, evidence)
    }

    #[test]
    fn a_loop_hits_at_its_length_and_not_before() {
        let (bundle, evidence) = looped(200, 10);
        let tracer = Tracer::new(&bundle, &evidence).unwrap();
        let curve = tracer.lru();
        assert_eq!((curve.requests, curve.distinct, curve.knee, curve.exact), (2000, 200, Some(200), true));
        let rate = |size: u64| curve.rates[curve.sizes.iter().position(|&s| s == size).unwrap()];
        assert!(rate(128).abs() < 1e-9 && (rate(200) - 0.9).abs() < 1e-9);
        let band = curve.low.iter().zip(&curve.high).zip(&curve.rates);
        assert!(
            curve.low.len() == curve.rates.len()
                && band.into_iter().all(|((low, high), rate)| low <= rate && rate <= high)
        );
        let lru = tracer.policy(Policy::Lru, &curve);
        assert!((lru.rates.last().unwrap() - 0.9).abs() < 1e-9 && lru.rates[0].abs() < 1e-9);
        let best = tracer.policy(Policy::Belady, &curve);
        let at = best.sizes.iter().position(|&size| size == 128).unwrap();
        assert!(best.rates[at] > 0.5, "{best:?}");
        assert!((best.sampled - 1.0).abs() < 1e-9);
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a key")]
    fn a_long_trace_is_sampled_for_policies() {
        let (mut bundle, evidence) = looped(40_000, 20);
        let mut state = 1u64;
        let skewed = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let part = real(state >> 33) / f64::from(1u32 << 31);
            (part * part * part * 40_000.0) as u32
        };
        Arc::make_mut(&mut bundle.keys[0]).key = (0..800_000).map(skewed).collect();
        let tracer = Tracer::new(&bundle, &evidence).unwrap();
        let curve = tracer.lru();
        let lru = tracer.policy(Policy::Lru, &curve);
        assert!(lru.sampled < 0.3, "{}", lru.sampled);
        for (size, rate) in lru.sizes.iter().zip(&lru.rates).filter(|(size, _)| **size > 100) {
            let exact = curve.rates[curve.sizes.iter().position(|known| known == size).unwrap()];
            assert!((rate - exact).abs() < 0.02, "{size}: {rate} for {exact}");
        }
    }

    #[test]
    fn hottest_keys_are_those_asked_for_most() {
        let (mut bundle, evidence) = looped(4, 1);
        let trace = Arc::make_mut(&mut bundle.keys[0]);
        trace.key = vec![2, 2, 1, 2];
        trace.kind = vec![Lookup::Miss, Lookup::Hit, Lookup::Miss, Lookup::Cleared];
        trace.cost_ns = vec![500, 0, 300, 0];
        let (keys, distinct) = hottest(&bundle, &evidence, 2);
        assert_eq!(distinct, 4);
        assert_eq!((keys[0].requests, keys[0].hits, keys[0].miss_cost), (2, 1, Some(Nanos(500))));
        assert_eq!((keys[1].requests, keys[1].hash), (1, 7920));
    }

    #[test]
    fn nothing_is_drawn_where_nothing_was_read() {
        let series = CacheSeries {
            t_ns: vec![25, 50, 75, 100],
            hits: vec![Some(10), None, Some(30), Some(40)],
            misses: vec![Some(10), None, Some(30), Some(30)],
            entries: vec![Some(5), None, Some(7), Some(9)],
            ..Default::default()
        };
        let record = CacheRecord { from_ns: Some(Nanos(0)), to_ns: Some(Nanos(100)), series, ..Default::default() };
        let found = over_time(&[&record], (Nanos(0), Nanos(100)), 4);
        assert_eq!(found.rates, [Some(0.5), None, None, Some(1.0)]);
        assert_eq!(found.requests, [Some(20.0), None, None, Some(10.0)]);
        assert_eq!(found.entries, [None, Some(5.0), None, Some(7.0)]);
        assert_eq!(broken_line(&found.rates, 1.0, 100.0), "M0 50.00h1M3 0.00h1");
        assert_eq!(over_time(&[], (Nanos(0), Nanos(100)), 2).rates, [None, None]);
    }

    #[test]
    fn rows_are_sorted_with_the_unknown_last() {
        let row = |name: &str, rate: Option<f64>| Row { name: name.into(), rate, ..Default::default() };
        let rows = [row("b", None), row("a", Some(0.2)), row("C", Some(0.9))];
        let by = |column: &str, descending| {
            let sort = vec![Sort { column: column.into(), descending }];
            listed(&rows, &CachesState { sort, ..Default::default() }, &str::to_lowercase).0
        };
        assert_eq!((by("rate", true), by("rate", false)), (vec![2, 1, 0], vec![1, 2, 0]));
        assert_eq!(by("name", false), [2, 1, 0]);
        let found = CachesState { filter: "c".into(), ..Default::default() };
        assert_eq!(listed(&rows, &found, &str::to_lowercase), (vec![2], 0));
    }

    #[test]
    fn own_code_is_first_and_what_libraries_never_asked_is_left_out() {
        let row = |name: &str, file: &str, requests, verdict| Row {
            name: name.into(),
            file: Some(file.into()),
            requests: Some(requests),
            verdict,
            ..Default::default()
        };
        let rows = [
            row("re._cached", "/usr/lib/python3.11/re.py", 9, Verdict::Inconclusive),
            row("fnmatch._compile", "/usr/lib/python3.11/fnmatch.py", 0, Verdict::NotExercised),
            row("shop.idle", "/srv/shop.py", 0, Verdict::NotExercised),
            row("shop.price", "/srv/shop.py", 5, Verdict::Keep),
        ];
        let all = |all, filter: &str| {
            let state = CachesState { all, filter: filter.into(), ..Default::default() };
            listed(&rows, &state, &str::to_lowercase)
        };
        assert_eq!(all(false, ""), (vec![3, 2, 0], 1));
        assert_eq!(all(true, ""), (vec![3, 2, 0, 1], 0));
        assert_eq!(all(false, "fnmatch"), (vec![1], 0), "what is looked for is found");
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(size_ticks(200), [1, 2, 5, 10, 20, 50, 100, 200]);
        assert_eq!(size_ticks(40_000), [1, 10, 100, 1000, 10_000]);
        let curve = LruCurve { sizes: vec![1, 100], low: vec![0.0, 0.5], high: vec![0.1, 1.0], ..LruCurve::default() };
        assert_eq!(band_path(&curve, 100, (100.0, 10.0)), "M0.0 9.0L100.0 0.0L100.0 5.0L0.0 10.0Z");
        assert_eq!(band_path(&LruCurve::default(), 100, (100.0, 10.0)), "");
        assert_eq!(curve_path(&[1, 10, 100], &[0.0, 0.5, 1.0], 100, (100.0, 10.0)), "M0.0 10.0L50.0 5.0L100.0 0.0");
    }
}
