//! Hit rates of caches on two sides.

use crate::caches::{RateBy, Row, RowChange, Shift, compare as joined, counted_rows};
use crate::model::Bundle;
use crate::stats::Interval;
use serde::Serialize;

/// One cache on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CacheChange {
    /// Names of the sides.
    pub base: String,
    pub new: String,
    pub name: String,
    pub library: String,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub shift: Shift,
    /// Difference of the hit rates, new less base, with its 95 % interval.
    #[serde(serialize_with = "crate::caches::as_fields")]
    pub difference: Option<Interval>,
    pub base_rate: Option<f64>,
    pub new_rate: Option<f64>,
    pub base_requests: Option<u64>,
    pub new_requests: Option<u64>,
    /// The interval is right only if calls were independent.
    pub independent: bool,
}

/// Caches of two sides by their counters, those whose rate changed first. Several recordings of one side are added up. Of a
/// cache that nobody asked for on either side nothing is said, nor where a side was recorded without caches.
#[must_use]
pub fn caches(base: &[&Bundle], new: &[&Bundle]) -> Vec<CacheChange> {
    let (base, new) = (rows(base), rows(new));
    if base.is_empty() || new.is_empty() {
        return Vec::new();
    }
    let changes = joined(&base, &new);
    changes.iter().filter_map(change).collect()
}

/// Counters and keys of all recordings as if of one; its keys tell how sure a rate is.
fn rows(side: &[&Bundle]) -> Vec<Row> {
    if side.iter().all(|bundle| bundle.caches.is_empty()) {
        return Vec::new();
    }
    let caches = side.iter().flat_map(|bundle| bundle.caches.iter().cloned()).collect::<Vec<_>>().into();
    let keys = side.iter().flat_map(|bundle| bundle.keys.iter().cloned()).collect();
    counted_rows(&Bundle { caches, keys, ..Bundle::default() })
}

fn change(change: &RowChange) -> Option<CacheChange> {
    let (base, new) = (change.base.as_ref(), change.new.as_ref());
    let asked = |row: Option<&Row>| row.is_some_and(|row| row.requests != Some(0));
    let place = new.or(base)?;
    (asked(base) || asked(new)).then(|| CacheChange {
        base: String::new(),
        new: String::new(),
        name: change.name.clone(),
        library: change.library.clone(),
        file: place.file.clone(),
        line: place.line,
        shift: change.shift,
        difference: change.difference,
        base_rate: base.and_then(|row| row.rate),
        new_rate: new.and_then(|row| row.rate),
        base_requests: base.and_then(|row| row.requests),
        new_requests: new.and_then(|row| row.requests),
        independent: [base, new].into_iter().flatten().any(|row| row.rate_by == Some(RateBy::Independent)),
    })
}

impl CacheChange {
    /// What became of it, as people read it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.shift {
            Shift::Higher => "better",
            Shift::Lower => "worse",
            Shift::Same => "no difference beyond its error",
            Shift::New => "new",
            Shift::Gone => "gone",
            Shift::Unknown => "not known",
        }
    }

    /// `+30.0 [25.1, 34.9]`, in points of percent; `None` where it is not known.
    #[must_use]
    pub fn points(&self) -> Option<String> {
        let by = self.difference?;
        Some(format!("{:+.1} [{:+.1}, {:+.1}]", 100.0 * by.value, 100.0 * by.low, 100.0 * by.high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CacheRecord;
    use std::sync::Arc;

    fn bundle(caches: &[(&str, &str, u64, u64)]) -> Bundle {
        let record = |&(name, file, hits, misses): &(&str, &str, u64, u64)| CacheRecord {
            name: name.into(),
            library: "functools".into(),
            file: Some(file.into()),
            line: Some(3),
            requests: Some(hits + misses),
            hits: Some(hits),
            misses: Some(misses),
            ..Default::default()
        };
        Bundle { caches: Arc::new(caches.iter().map(record).collect()), ..Default::default() }
    }

    fn check(base: &[&Bundle], new: &[&Bundle], expect: &[&str]) {
        let said: Vec<String> = caches(base, new)
            .iter()
            .map(|change| format!("{} {} {}", change.name, change.word(), change.points().unwrap_or_default()))
            .collect();
        assert_eq!(said, expect);
    }

    #[test]
    fn rates_are_worse_or_better_beyond_their_error() {
        let base =
            bundle(&[("a", "x.py", 500, 500), ("b", "x.py", 500, 500), ("c", "x.py", 1, 9), ("idle", "x.py", 0, 0)]);
        let new =
            bundle(&[("a", "x.py", 800, 200), ("b", "x.py", 510, 490), ("d", "x.py", 1, 9), ("idle", "x.py", 0, 0)]);
        check(
            &[&base],
            &[&new],
            &[
                "a better +30.0 [+26.0, +33.9]",
                "c gone ",
                "d new ",
                "b no difference beyond its error +1.0 [-3.4, +5.4]",
            ],
        );
        check(&[&new], &[&bundle(&[("e", "x.py", 1, 9)])], &["a gone ", "b gone ", "d gone ", "e new "]);
        // Benchmarks and `--no-caches` count none: that tells nothing of those of the other side.
        check(&[&new], &[&bundle(&[])], &[]);
        check(&[&bundle(&[])], &[&new], &[]);
    }

    #[test]
    fn recordings_of_a_side_are_added_up_and_folders_may_move() {
        let (one, two) = (bundle(&[("a", "/old/x.py", 0, 100)]), bundle(&[("a", "/old/x.py", 100, 0)]));
        let new = bundle(&[("a", "/new/x.py", 20, 180)]);
        let found = caches(&[&one, &two], &[&new]);
        assert_eq!((found.len(), found[0].shift), (1, Shift::Lower));
        assert_eq!((found[0].base_rate, found[0].base_requests), (Some(0.5), Some(200)));
        assert_eq!(caches(&[&Bundle::default()], &[&Bundle::default()]), []);
    }
}
