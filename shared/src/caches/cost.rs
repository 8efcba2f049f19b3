//! What a miss costs: the computation that a hit saves.

use super::{Evidence, real};
use crate::derive::calls::merged;
use crate::derive::top_table::{TopTable, whole_table};
use crate::model::{Bundle, CacheRecord, FunctionId, KeyTrace, Lookup, Profile, WeightKind};
use crate::stats::Interval;
use crate::units::Nanos;
use serde::Serialize;

/// Lines between a function's first decorator and its `def`, at most: samplers of old Pythons see the latter.
const DECORATORS: u32 = 20;

/// Cost of a miss in nanoseconds, with its interval. The value is `None` where only a bound is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    pub value: Option<f64>,
    pub low: f64,
    pub high: f64,
    pub by: CostBy,
    /// What it rests on: misses that were timed, or samples.
    pub count: u64,
}

/// Where a cost comes from, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CostBy {
    /// Timed for each recorded miss.
    Trace,
    /// Exact counts and times of calls of the function.
    Calls,
    /// The library timed it.
    Library,
    /// Sampled wall time of the function.
    Wall,
    /// Sampled CPU time of the function: without what it waited.
    Cpu,
}

impl CostBy {
    /// As people read it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Trace => "timed for each miss",
            Self::Calls => "by exact calls",
            Self::Library => "by the library's own clock",
            Self::Wall => "by samples of wall time",
            Self::Cpu => "by samples of CPU time, without waiting",
        }
    }
}

/// What a bundle tells of the costs of functions, gathered once.
pub(super) struct Costs<'a> {
    bundle: &'a Bundle,
    /// Wall time first: what a function waits is saved too.
    tables: Vec<(&'a Profile, TopTable)>,
    /// File, line, name, calls, those that were not recursive, total time.
    calls: Vec<(&'a str, u32, &'a str, u64, u64, Nanos)>,
}

impl<'a> Costs<'a> {
    pub(super) fn new(bundle: &'a Bundle) -> Self {
        let mut profiles: Vec<&Profile> = bundle.profiles.iter().map(AsRef::as_ref).collect();
        profiles.retain(|profile| profile.info.weight.is_time());
        profiles.sort_by_key(|profile| profile.info.weight != WeightKind::Wall);
        let calls = merged(&bundle.calls)
            .iter()
            .map(|(&(file, line, name), totals)| {
                let sums = &totals.sums;
                (file, line, name, sums.calls, sums.primitive, sums.total_ns)
            })
            .collect();
        Self { bundle, tables: profiles.into_iter().map(|profile| (profile, whole_table(profile))).collect(), calls }
    }

    /// The best that is known, and whether the function was seen to call itself.
    pub(super) fn of(&self, records: &[&CacheRecord], keys: &[usize], misses: Option<u64>) -> (Option<Cost>, bool) {
        let place =
            records.iter().find_map(|record| Some((record.file.as_deref()?, record.line?, record.name.as_str())));
        let place = place.or_else(|| {
            let trace = self.bundle.keys.get(*keys.first()?)?;
            Some((trace.file.as_deref()?, trace.line?, trace.cache.as_str()))
        });
        let calls = place.and_then(|place| self.calls_of(place));
        let recursive = calls.is_some_and(|(calls, primitive, _)| calls > primitive);
        let traced = || traced(keys.iter().filter_map(|&key| self.bundle.keys.get(key)).map(AsRef::as_ref));
        let called = || {
            let (calls, _, total) = calls?;
            timed(total, calls, CostBy::Calls)
        };
        let library = || {
            let total: Option<Nanos> = records.iter().map(|record| record.load_ns).sum();
            timed(total?, misses?, CostBy::Library)
        };
        let sampled = || self.sampled(place?, misses?);
        (traced().or_else(called).or_else(library).or_else(sampled), recursive)
    }

    /// Calls of a function, those that were not recursive, and their time.
    fn calls_of(&self, (file, line, name): (&str, u32, &str)) -> Option<(u64, u64, Nanos)> {
        let here = || self.calls.iter().filter(move |call| call.0 == file && call.1 == line);
        let named = here().find(|call| call.2 == name || call.2 == last(name)).or_else(|| here().next())?;
        Some((named.3, named.4, named.5))
    }

    /// Time of a function by the best profile that has any, over its misses.
    fn sampled(&self, (file, line, name): (&str, u32, &str), misses: u64) -> Option<Cost> {
        let mut bound = None;
        for (profile, table) in self.tables.iter().filter(|(_, table)| table.samples > 0 && misses > 0) {
            let by = if profile.info.weight == WeightKind::Wall { CostBy::Wall } else { CostBy::Cpu };
            let found = table.rows.iter().filter(|row| is_wrapped(profile, row.function, (file, line, name)));
            let of_one = table.weight.as_f64() / real(table.samples);
            // The nearest definition at or below the line, where several of one name follow each other.
            let Some(row) = found.min_by_key(|row| profile.function(row.function).start_line) else {
                let high = poisson(0).1 * of_one / real(misses);
                bound.get_or_insert(Cost { value: None, low: 0.0, high, by, count: 0 });
                continue;
            };
            let count = row.total_samples;
            let (low, high) = poisson(count);
            let value = row.total_weight.as_f64() / real(misses);
            let scale = value / real(count.max(1));
            return Some(Cost { value: Some(value), low: low * scale, high: high * scale, by, count });
        }
        bound
    }
}

/// Whether a function of a profile may be the one behind a cache.
fn is_wrapped(profile: &Profile, id: FunctionId, (file, line, name): (&str, u32, &str)) -> bool {
    let (start, known) = (profile.function(id).start_line, profile.function_name(id));
    profile.function_file(id) == file
        && (known == name || last(known) == last(name))
        && (start == 0 || (line..=line + DECORATORS).contains(&start))
}

/// The function behind a cache in a profile: the nearest definition at or below the line of its first decorator.
#[must_use]
pub fn wrapped(profile: &Profile, evidence: &Evidence) -> Option<FunctionId> {
    let place = (evidence.file.as_deref()?, evidence.line?, evidence.name.as_str());
    let all = (0..profile.functions.len()).map(FunctionId::from_index);
    all.filter(|&id| is_wrapped(profile, id, place)).min_by_key(|&id| profile.function(id).start_line)
}

/// Last part of a qualified name.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Mean of the timed misses and its interval.
fn traced<'a>(traces: impl Iterator<Item = &'a KeyTrace>) -> Option<Cost> {
    let (mut n, mut sum, mut squares) = (0, 0.0, 0.0);
    for trace in traces {
        for (kind, cost) in trace.kind.iter().zip(&trace.cost_ns) {
            if matches!(kind, Lookup::Miss | Lookup::Expired | Lookup::Call) {
                let cost = real(*cost);
                n += 1;
                sum += cost;
                squares += cost * cost;
            }
        }
    }
    let (count, many) = (n, real(n));
    let value = sum / many;
    if count == 0 || value <= 0.0 {
        return None;
    }
    let error = 1.96 * ((squares / many - value * value).max(0.0) / many).sqrt();
    let (low, high) = if count < 10 {
        // The spread of a handful of values says little: they are taken to differ by as much as they are.
        let error = error.max(1.96 * value / many.sqrt());
        ((value - error).max(0.0), value + error)
    } else {
        // Of the logarithm, by the delta method: one slow miss among many fast ones does not make it possible that a miss
        // costs nothing.
        let factor = (error / value).exp();
        (value / factor, value * factor)
    };
    Some(Cost { value: Some(value), low, high, by: CostBy::Trace, count })
}

/// Mean of a sum whose parts are not known: as far off as that of parts that differ by as much as they are.
fn timed(total: Nanos, count: u64, by: CostBy) -> Option<Cost> {
    let value = total.as_f64() / real(count);
    let error = 1.96 * value / real(count).sqrt();
    let cost = Cost { value: Some(value), low: (value - error).max(0.0), high: value + error, by, count };
    (count > 0).then_some(cost)
}

/// 95 % interval of the mean of a count (Byar's approximation: N. E. Breslow and N. E. Day 1987, IARC 82:69).
fn poisson(count: u64) -> (f64, f64) {
    let bound = |n: f64, sign: f64| {
        let root = 1.0 - 1.0 / (9.0 * n) + sign * 1.96 / (3.0 * n.sqrt());
        (n * root * root * root).max(0.0)
    };
    let n = real(count);
    (if count == 0 { 0.0 } else { bound(n, -1.0) }, bound(n + 1.0, 1.0))
}

impl Cost {
    /// As an interval; `None` where only a bound is known.
    pub(super) fn interval(&self) -> Option<Interval> {
        Some(Interval { value: self.value?, low: self.low, high: self.high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_samples_are_wide() {
        let text = |count| {
            let (low, high) = poisson(count);
            format!("{low:.2} {high:.2}")
        };
        // Exact: 0-3.69, 0.03-5.57, 4.80-18.39, 81.4-121.6.
        assert_eq!([0, 1, 10, 100].map(text), ["0.00 3.67", "0.01 5.56", "4.79 18.39", "81.36 121.63"]);
    }

    #[test]
    fn timed_misses_have_the_interval_of_their_mean() {
        let trace = KeyTrace {
            kind: vec![Lookup::Miss, Lookup::Hit, Lookup::Miss, Lookup::Invalidated],
            cost_ns: vec![100, 0, 300, 0],
            ..Default::default()
        };
        let cost = traced([&trace].into_iter()).unwrap();
        assert_eq!((cost.value, cost.count, cost.by), (Some(200.0), 2, CostBy::Trace));
        assert!(cost.low < 1.0 && cost.high > 400.0, "two values: {cost:?}");
        assert_eq!(traced([&KeyTrace::default()].into_iter()), None);
        // One slow miss of ten: the mean is uncertain by much, but not down to nothing.
        let cost_ns: Vec<u64> = (0..10).map(|n| if n == 4 { 90_000 } else { 1_000 }).collect();
        let trace = KeyTrace { kind: vec![Lookup::Miss; 10], cost_ns, ..Default::default() };
        let cost = traced([&trace].into_iter()).unwrap();
        assert!(cost.low > 1_000.0 && cost.low < 2_500.0 && cost.high > 40_000.0, "one outlier: {cost:?}");
    }
}
