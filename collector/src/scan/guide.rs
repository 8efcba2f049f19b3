//! The files of an older tool that people have scripts for: `existing_cache_evaluations.json` and
//! `cache_recommendations.json`, in exactly its shapes and by its rules.
//!
//! Its rules give a verdict only with counters, so caches that no recording counted are left out, and a recommendation
//! needs measured times, which a scan does not have: those are for who passes them in. Must not be taken for our verdict.

use super::report::{Cache, Scan};
use serde::Serialize;

/// Below this hit rate the tool says REMOVE.
const REMOVE_BELOW_PERCENT: f64 = 10.0;
/// From this hit rate on it says that the cache is good.
const GOOD_FROM_PERCENT: f64 = 20.0;
/// A good cache that is filled less than this is made smaller.
const FILLED_PERCENT: f64 = 50.0;
const SMALLEST: u64 = 16;

/// A row of `existing_cache_evaluations.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    pub file: String,
    pub function: String,
    pub line: u32,
    pub module: String,
    pub current_maxsize: Maxsize,
    pub hit_rate_percent: f64,
    pub recommendation: &'static str,
    pub reason: String,
    pub suggested_maxsize: Option<u64>,
    pub evidence: Evidence,
}

/// A number, or `"unbounded"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Maxsize {
    Entries(u64),
    Word(&'static str),
}

/// What the verdict is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    pub hits: u64,
    pub misses: u64,
}

/// Rows for the caches of functions that a recording counted.
#[must_use]
pub fn evaluations(scan: &Scan) -> Vec<Evaluation> {
    scan.caches.iter().filter(|cache| cache.kind == "function").filter_map(evaluation).collect()
}

fn evaluation(cache: &Cache) -> Option<Evaluation> {
    let runtime = cache.runtime.as_ref()?;
    let (hits, misses) = (runtime.hits?, runtime.misses?);
    if hits + misses == 0 {
        return None;
    }
    let current_maxsize = match (cache.unbounded, runtime.capacity.or(cache.capacity)) {
        (Some(true), _) => Maxsize::Word("unbounded"),
        (_, Some(entries)) => Maxsize::Entries(entries),
        (_, None) => return None,
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
    let rate = hits as f64 * 100.0 / (hits + misses) as f64;
    let (recommendation, reason, suggested_maxsize) = rule(rate, &current_maxsize, runtime.entries);
    let (module, function) = split(cache);
    Some(Evaluation {
        file: cache.file.clone(),
        function,
        line: cache.def_line.unwrap_or(cache.line),
        module,
        current_maxsize,
        hit_rate_percent: (rate * 100.0).round() / 100.0,
        recommendation,
        reason: format!("Production data: {reason}"),
        suggested_maxsize,
        evidence: Evidence { hits, misses },
    })
}

fn rule(rate: f64, size: &Maxsize, entries: Option<u64>) -> (&'static str, String, Option<u64>) {
    if rate < REMOVE_BELOW_PERCENT {
        return ("REMOVE", format!("Low hit rate ({rate:.1}%)"), None);
    }
    if rate < GOOD_FROM_PERCENT {
        return ("KEEP", format!("Marginal hit rate ({rate:.1}%) - monitor"), None);
    }
    if let (Maxsize::Entries(size), Some(entries)) = (size, entries)
        && *size > 0
    {
        #[expect(clippy::cast_precision_loss, reason = "counts of entries")]
        let filled = entries as f64 * 100.0 / *size as f64;
        if filled < FILLED_PERCENT {
            let suggested = SMALLEST.max(2 * entries);
            return (
                "ADJUST_SIZE",
                format!("Good hit rate ({rate:.1}%), but only {filled:.0}% of the cache is used"),
                Some(suggested),
            );
        }
    }
    ("KEEP", format!("Good hit rate ({rate:.1}%)"), None)
}

/// Module and function of `module.qualname`; the module is what the file is.
fn split(cache: &Cache) -> (String, String) {
    let stem = cache.file.trim_end_matches(".py").trim_end_matches("/__init__");
    let last = stem.rsplit('/').next().unwrap_or(stem);
    let mark = format!("{last}.");
    if let Some(at) = cache.name.find(&mark) {
        return (cache.name[..at + last.len()].to_owned(), cache.name[at + mark.len()..].to_owned());
    }
    let (module, function) = cache.name.rsplit_once('.').unwrap_or(("", &cache.name));
    (module.to_owned(), function.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Maxsize, evaluations};
    use crate::scan::report::{Cache, Runtime, Scan};

    fn cache(capacity: Option<u64>, hits: u64, misses: u64, entries: u64) -> Scan {
        let runtime = Runtime {
            ran: "ran".into(),
            hits: Some(hits),
            misses: Some(misses),
            entries: Some(entries),
            ..Runtime::default()
        };
        let cache = Cache {
            name: "app.core.load".into(),
            file: "src/app/core.py".into(),
            line: 4,
            def_line: Some(5),
            kind: "function".into(),
            capacity,
            unbounded: Some(capacity.is_none()),
            runtime: Some(runtime),
            ..Cache::default()
        };
        Scan { caches: vec![cache], ..Scan::default() }
    }

    #[test]
    fn the_rules_and_the_shape_are_the_other_tools() {
        for (capacity, hits, misses, entries, word, suggested) in [
            (Some(128), 9, 91, 91, "REMOVE", None),
            (Some(128), 15, 85, 85, "KEEP", None),
            (Some(128), 990, 10, 10, "ADJUST_SIZE", Some(20)),
            (Some(128), 990, 10, 5, "ADJUST_SIZE", Some(16)),
            (Some(16), 990, 10, 10, "KEEP", None),
            (None, 990, 10, 10, "KEEP", None),
        ] {
            let rows = evaluations(&cache(capacity, hits, misses, entries));
            assert_eq!((rows[0].recommendation, rows[0].suggested_maxsize), (word, suggested));
        }
        let row = serde_json::to_value(&evaluations(&cache(None, 2, 1, 1))[0]).unwrap();
        let keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [
            "file",
            "function",
            "line",
            "module",
            "current_maxsize",
            "hit_rate_percent",
            "recommendation",
            "reason",
            "suggested_maxsize",
            "evidence",
        ];
        expected.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, expected);
        assert_eq!((row["module"].as_str(), row["function"].as_str()), (Some("app.core"), Some("load")));
        assert_eq!(
            (row["hit_rate_percent"].as_f64(), row["current_maxsize"].as_str()),
            (Some(66.67), Some("unbounded"))
        );
        assert_eq!(Maxsize::Entries(3), Maxsize::Entries(3));
    }

    #[test]
    fn without_counters_there_is_no_verdict() {
        let mut scan = cache(Some(128), 1, 1, 1);
        scan.caches[0].runtime = None;
        assert!(evaluations(&scan).is_empty());
        assert!(evaluations(&cache(Some(128), 0, 0, 0)).is_empty());
    }
}
