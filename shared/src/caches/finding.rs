//! The one sentence that a first screen says of caches: which of them matters most, or that none does.

use super::{Row, Verdict, words};
use crate::format::{count, plural, share};
use crate::stats::Interval;
use serde::Serialize;

/// What is true of the cache that matters most.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Headline {
    pub sentence: String,
    /// Its place among the rows; `None` where none matters.
    pub cache: Option<usize>,
}

/// The cache whose change would bring most, else the one that saves most, else why none is named. `None` without caches.
#[must_use]
pub fn headline(rows: &[Row]) -> Option<Headline> {
    if rows.is_empty() {
        return None;
    }
    let used = rows.iter().filter(|row| row.requests != Some(0)).count();
    let of_all = plural(used as u64, "cache");
    let largest = |figure: &dyn Fn(&Row) -> Option<f64>| {
        let known = rows.iter().enumerate().filter_map(|(at, row)| Some((at, figure(row)?)));
        known.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map(|(at, _)| at)
    };
    let change = largest(&|row| finding(row).and(row.gain()));
    let change = change.map(|at| (at, finding(&rows[at]).unwrap_or_default()));
    let others = rows.iter().filter(|row| row.should_change()).count().saturating_sub(1);
    let others = if others > 0 { format!("; {} more should be changed", count(others as u64)) } else { String::new() };
    let kept = || {
        let at = largest(&|row| row.saved_ns.filter(|_| row.verdict == Verdict::Keep && !row.candidate))?;
        let row = &rows[at];
        let saved = Interval { value: row.saved_ns?, low: row.saved_ns_low?, high: row.saved_ns_high? };
        let hit = row.rate.map_or_else(String::new, |rate| format!(" hit {} and", share(rate)));
        let saved = words::time_within(saved);
        Some((at, format!("cache {}{hit} saves about {saved}: none is known that should be changed", short(row))))
    };
    let (cache, sentence) = match change.map(|(at, said)| (at, said + &others)).or_else(kept) {
        Some((at, said)) => (Some(at), said),
        None if used == 0 => (None, format!("{}: nothing asked for any of them", plural(rows.len() as u64, "cache"))),
        None => (None, format!("{of_all} in use: what was measured does not tell whether any should be changed")),
    };
    Some(Headline { sentence, cache })
}

/// What the first screen says of a cache that could be better: `cache price_of: hit 12 %, 128 of 128 slots full: would hit 99 %
/// with 200, saves about 1.10 s [800 ms, 1.30 s]`. `None` where nothing is to be done.
#[must_use]
pub fn finding(row: &Row) -> Option<String> {
    let name = short(row);
    let hit = row.rate.map_or_else(String::new, |rate| format!("hit {}", share(rate)));
    let full = row.slots().filter(|_| row.capacity.is_some() && row.instances <= row.processes);
    let full = full.map_or_else(String::new, |slots| format!(", {slots} slots full"));
    if row.verdict == Verdict::Remove {
        let costs = Interval { value: -row.saved_ns?, low: -row.saved_ns_high?, high: -row.saved_ns_low? };
        return Some(format!("cache {name}: {hit}: costs about {} more than it saves", words::time_within(costs)));
    }
    let gain = Interval { value: row.gain_ns.unwrap_or(0.0), low: row.gain_ns_low?, high: row.gain_ns_high? };
    let gain = format!("saves about {}", words::time_within(gain));
    let would = format!("would hit {}", share(row.advised_rate?));
    let size = count(row.advised_capacity.unwrap_or(0));
    match row.verdict {
        Verdict::Resize if row.advised_capacity < row.capacity => {
            Some(format!("cache {name}: {hit}{full}: {would} with {size} too, in less memory"))
        }
        Verdict::Resize => Some(format!("cache {name}: {hit}{full}: {would} with {size}, {gain}")),
        Verdict::Policy => Some(format!("cache {name}: {hit}{full}: {would} by {}, {gain}", row.advised_policy?)),
        Verdict::Ttl => Some(format!("cache {name}: {hit}: {would} if entries lived longer, {gain}")),
        Verdict::Add => Some(format!("a cache of {size} for {name} {would}, {gain}")),
        _ => None,
    }
}

/// The last part of the name; all of that of a server.
fn short(row: &Row) -> &str {
    if row.name.contains("://") { &row.name } else { row.name.rsplit('.').next().unwrap_or(&row.name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, verdict: Verdict) -> Row {
        Row {
            name: name.into(),
            verdict,
            requests: Some(1_000),
            rate: Some(0.5),
            saved_ns: Some(2e9),
            saved_ns_low: Some(1e9),
            saved_ns_high: Some(3e9),
            ..Default::default()
        }
    }

    fn resized(gain: f64) -> Row {
        Row {
            advised_capacity: Some(200),
            advised_rate: Some(0.9),
            gain_ns: Some(gain),
            gain_ns_low: Some(gain / 2.0),
            gain_ns_high: Some(gain * 2.0),
            entries: Some(128),
            capacity: Some(128),
            ..row("a.resized", Verdict::Resize)
        }
    }

    fn check(rows: &[Row], cache: Option<usize>, expect: &str) {
        let found = headline(rows).unwrap();
        assert_eq!((found.cache, found.sentence.as_str()), (cache, expect));
    }

    #[test]
    fn the_change_that_brings_most_is_named() {
        let lossy = Row {
            saved_ns: Some(-5e9),
            saved_ns_low: Some(-6e9),
            saved_ns_high: Some(-4e9),
            ..row("b.lossy", Verdict::Remove)
        };
        check(
            &[row("a.kept", Verdict::Keep), resized(1e9), lossy],
            Some(2),
            "cache lossy: hit 50 %: costs about 5.00 s [4.00 s, 6.00 s] more than it saves; 1 more should be changed",
        );
        check(
            &[resized(1e9)],
            Some(0),
            "cache resized: hit 50 %, 128 of 128 slots full: would hit 90 % with 200, saves about 1.00 s [500 ms, 2.00 s]",
        );
        let smaller = Row { capacity: Some(4_096), ..resized(-1e6) };
        let said = finding(&smaller).unwrap();
        assert_eq!(
            said,
            "cache resized: hit 50 %, 128 of 4,096 slots full: would hit 90 % with 200 too, in less memory"
        );
    }

    #[test]
    fn where_none_matters_it_says_why() {
        let open = Row { saved_ns: None, ..row("redis://h:6379", Verdict::Inconclusive) };
        let idle = Row { requests: Some(0), rate: None, saved_ns: None, ..row("c.idle", Verdict::NotExercised) };
        check(
            &[open.clone(), row("a.kept", Verdict::Keep)],
            Some(1),
            "cache kept hit 50 % and saves about 2.00 s [1.00 s, 3.00 s]: none is known that should be changed",
        );
        check(
            &[open, idle.clone()],
            None,
            "1 cache in use: what was measured does not tell whether any should be changed",
        );
        check(&[idle.clone(), idle], None, "2 caches: nothing asked for any of them");
        assert_eq!(headline(&[]), None);
    }
}
