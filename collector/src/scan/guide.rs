//! The files of an older tool that people have scripts for: `existing_cache_evaluations.json` and
//! `cache_recommendations.json`, in exactly its shapes and by its rules.
//!
//! Its rules give a verdict only with counters, so caches that no recording counted are left out. It recommends a cache by
//! the time of a whole run with and without it: the latter is that of the recording, the former what a replay of the keys
//! says would have been left of it. Must not be taken for our verdict.

use super::replay::MAXSIZE;
use super::report::{Cache, Candidate, Scan, Simulated};
use super::text;
use serde::Serialize;
use std::collections::BTreeMap;

/// Below this hit rate the tool says REMOVE.
const REMOVE_BELOW_PERCENT: f64 = 10.0;
/// From this hit rate on it says that the cache is good.
const GOOD_FROM_PERCENT: f64 = 20.0;
/// A good cache that is filled less than this is made smaller.
const FILLED_PERCENT: f64 = 50.0;
const SMALLEST: u64 = 16;
/// A function is hot from so many calls and so much time on.
const HOT_CALLS: u64 = 100;
const HOT_NS: u64 = 100_000_000;
/// A cache is recommended from this hit rate and this part of the run's time on.
const HITS_FROM_PERCENT: f64 = 20.0;
const SPEEDUP_FROM_PERCENT: f64 = 5.0;

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

/// A row of `cache_recommendations.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recommendation {
    pub file: String,
    pub function: String,
    pub line: u32,
    pub module: String,
    pub decorator: String,
    pub speedup_percent: f64,
    pub hit_rate_percent: f64,
    pub evidence: Trial,
}

/// What a recommendation is from; times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    pub hits: u64,
    pub misses: u64,
    pub baseline_time: f64,
    pub cached_time: f64,
}

/// Candidates that pass all its rules, and how many functions whose keys were recorded do not, by the reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recommendations {
    pub rows: Vec<Recommendation>,
    pub left_out: BTreeMap<String, u64>,
}

/// Rows for the functions without a cache whose keys were recorded.
#[must_use]
pub fn recommendations(scan: &Scan) -> Recommendations {
    let mut found = Recommendations::default();
    let Some(recording) = &scan.recording else { return found };
    let mut met = 0;
    for candidate in &scan.candidates {
        let simulated = candidate.runtime.as_ref().and_then(|runtime| runtime.simulated.as_ref());
        let Some(simulated) = simulated else { continue };
        met += 1;
        match recommendation(candidate, simulated, recording.wall_ns) {
            Ok(row) => found.rows.push(row),
            Err(reason) => *found.left_out.entry(reason).or_default() += 1,
        }
    }
    if recording.functions_traced > met {
        let reason = "the scan does not find it pure, called in a loop and maybe expensive".to_owned();
        found.left_out.insert(reason, recording.functions_traced - met);
    }
    found.rows.sort_by(|a, b| b.speedup_percent.total_cmp(&a.speedup_percent));
    found
}

/// A row, or the rule that it does not pass.
#[expect(clippy::cast_precision_loss, reason = "counts of calls, and times")]
fn recommendation(candidate: &Candidate, told: &Simulated, wall_ns: Option<u64>) -> Result<Recommendation, String> {
    if told.calls < HOT_CALLS {
        return Err(format!("fewer than {HOT_CALLS} calls"));
    }
    if told.time_ns < HOT_NS {
        return Err("less than 0.1 s in all calls".into());
    }
    let (Some(hits), Some(misses), Some(with_ns)) = (told.hits, told.misses, told.time_with_ns) else {
        return Err(text::why_not(told.why_not.as_deref().unwrap_or_default()).to_owned());
    };
    let wall_ns = wall_ns.ok_or("the wall time of the run is not known")?;
    if wall_ns < told.time_ns {
        return Err("its calls took longer than the run that was timed".into());
    }
    let rate = hits as f64 * 100.0 / (hits + misses) as f64;
    if rate < HITS_FROM_PERCENT {
        return Err(format!("less than {HITS_FROM_PERCENT} % hits"));
    }
    let baseline = wall_ns as f64 / 1e9;
    let cached = baseline - (told.time_ns as f64 - with_ns as f64) / 1e9;
    let speedup = (baseline - cached) * 100.0 / baseline;
    if speedup < SPEEDUP_FROM_PERCENT {
        return Err(format!("less than {SPEEDUP_FROM_PERCENT} % of the run's time saved"));
    }
    let (module, function) = split(&candidate.file, &candidate.name);
    Ok(Recommendation {
        file: candidate.file.clone(),
        function,
        line: candidate.def_line,
        module,
        decorator: format!("@lru_cache(maxsize={MAXSIZE})"),
        speedup_percent: rounded(speedup, 100.0),
        hit_rate_percent: rounded(rate, 100.0),
        evidence: Trial {
            hits,
            misses,
            baseline_time: rounded(baseline, 10_000.0),
            cached_time: rounded(cached, 10_000.0),
        },
    })
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
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
    let (module, function) = split(&cache.file, &cache.name);
    Some(Evaluation {
        file: cache.file.clone(),
        function,
        line: cache.def_line.unwrap_or(cache.line),
        module,
        current_maxsize,
        hit_rate_percent: rounded(rate, 100.0),
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
fn split(file: &str, name: &str) -> (String, String) {
    let stem = file.trim_end_matches(".py").trim_end_matches("/__init__");
    let last = stem.rsplit('/').next().unwrap_or(stem);
    let mark = format!("{last}.");
    if let Some(at) = name.find(&mark) {
        return (name[..at + last.len()].to_owned(), name[at + mark.len()..].to_owned());
    }
    let (module, function) = name.rsplit_once('.').unwrap_or(("", name));
    (module.to_owned(), function.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Maxsize, evaluations, recommendations};
    use crate::scan::report::{Cache, Candidate, Recording, Runtime, Scan, Simulated};
    use perfcollect_shared::import::caches;

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

    /// A candidate of these calls, hits and milliseconds, in a run of a second.
    fn traced(calls: u64, hits: u64, time_ms: u64) -> Scan {
        let misses = calls - hits;
        let simulated = Simulated {
            maxsize: 128,
            calls,
            time_ns: time_ms * 1_000_000,
            hits: Some(hits),
            misses: Some(misses),
            time_with_ns: Some(time_ms * 1_000_000 * misses / calls),
            why_not: None,
        };
        let candidate = Candidate {
            name: "app.core.Shape.area".into(),
            file: "src/app/core.py".into(),
            line: 7,
            def_line: 8,
            runtime: Some(Runtime { simulated: Some(simulated), ..Runtime::default() }),
            ..Candidate::default()
        };
        let recording = Recording { wall_ns: Some(1_000_000_000), functions_traced: 1, ..Recording::default() };
        Scan { candidates: vec![candidate], recording: Some(recording), ..Scan::default() }
    }

    #[test]
    fn a_cache_is_recommended_by_the_other_tools_rules() {
        for (calls, hits, time_ms, rule) in [
            (100, 50, 100, None),
            (99, 90, 900, Some("fewer than 100 calls")),
            (100, 90, 99, Some("less than 0.1 s in all calls")),
            (1_000, 199, 900, Some("less than 20 % hits")),
            (1_000, 200, 900, None),
            (1_000, 480, 100, Some("less than 5 % of the run's time saved")),
            (1_000, 990, 1_001, Some("its calls took longer than the run that was timed")),
        ] {
            let found = recommendations(&traced(calls, hits, time_ms));
            let reasons: Vec<&str> = found.left_out.keys().map(String::as_str).collect();
            assert_eq!((found.rows.len(), reasons.first().copied()), (usize::from(rule.is_none()), rule), "{calls}");
        }
        let mut scan = traced(1_000, 950, 800);
        scan.recording.as_mut().unwrap().functions_traced = 3;
        assert_eq!(recommendations(&scan).left_out.values().sum::<u64>(), 2);
        let simulated = scan.candidates[0].runtime.as_mut().unwrap().simulated.as_mut().unwrap();
        (simulated.hits, simulated.why_not) = (None, Some("recursive".into()));
        let found = recommendations(&scan);
        assert_eq!((found.rows.len(), found.left_out.get("it calls itself")), (0, Some(&1)));
    }

    #[test]
    fn what_is_recommended_has_the_other_tools_shape_and_is_read_back() {
        let rows = recommendations(&traced(1_000, 950, 800)).rows;
        let json = serde_json::to_value(&rows).unwrap();
        let expected = serde_json::json!([{
            "file": "src/app/core.py", "function": "Shape.area", "line": 8, "module": "app.core",
            "decorator": "@lru_cache(maxsize=128)", "speedup_percent": 76.0, "hit_rate_percent": 95.0,
            "evidence": {"hits": 950, "misses": 50, "baseline_time": 1.0, "cached_time": 0.24}
        }]);
        assert_eq!(json, expected);
        let file = caches::read("cache_recommendations.json", json.to_string().as_bytes()).unwrap().unwrap();
        let [record] = &file.records[..] else { panic!("one") };
        assert_eq!((record.name.as_str(), record.file.as_deref()), ("app.core.Shape.area", Some("src/app/core.py")));
        assert_eq!((record.line, record.capacity, record.unbounded), (Some(8), Some(128), false));
        assert_eq!((record.requests, record.hits, record.misses), (Some(1_000), Some(950), Some(50)));
        assert_eq!(file.notes.len(), 1, "the counts bear the rate out: {:?}", file.notes);
        assert!(file.notes[0].1.ends_with("for 76 % of speed-up, 1 s without and 0.24 s with it"), "{:?}", file.notes);
    }
}
