//! Each kind of file from a small one, and each way in which one can be bad.

use super::*;
use crate::units::Bytes;
use serde_json::json;

fn of(value: &Value) -> CacheFile {
    read("folder/stats.json", value.to_string().as_bytes()).expect("reads").expect("is a file of caches")
}

fn counts(record: &CacheRecord) -> (Option<u64>, Option<u64>, Option<u64>) {
    (record.requests, record.hits, record.misses)
}

#[test]
fn evaluations_keep_counts_and_no_zeros_of_a_fresh_process() {
    let row = |name: &str, size: Value, reason: &str, hits: u64, misses: u64, rate: f64| {
        json!({"file": "src/a.py", "function": name, "line": 12, "module": "app.a", "current_maxsize": size,
               "hit_rate_percent": rate, "recommendation": "ADJUST_SIZE", "reason": reason, "suggested_maxsize": 16,
               "evidence": {"hits": hits, "misses": misses}})
    };
    let file = of(&json!([
        row("counted", json!(128), "Production data: good", 90, 10, 90.0),
        row("fresh", json!("unbounded"), "Production data: low", 0, 0, 0.0),
        row("source", json!(-1), "Static analysis: 1 call site", 0, 0, 0.0),
    ]));
    assert_eq!((file.tool, file.records.len()), ("glintefy", 3));
    let [counted, fresh, source] = &file.records[..] else { panic!("three") };
    assert_eq!((counted.name.as_str(), counted.line, counted.capacity), ("app.a.counted", Some(12), Some(128)));
    assert_eq!(counts(counted), (Some(100), Some(90), Some(10)));
    assert_eq!((counts(fresh), fresh.unbounded, fresh.capacity), ((None, None, None), true, None));
    assert_eq!((counts(source), source.capacity, source.unbounded), ((None, None, None), None, false));
    assert!(file.notes.iter().any(|(name, note)| name == "app.a.fresh" && note.contains("nothing was counted")));
    assert!(file.notes.iter().any(|(_, note)| note == "glintefy said ADJUST_SIZE to 16: Production data: good"));
}

#[test]
fn recommendations_are_trials() {
    let file =
        of(&json!([{"file": "a.py", "function": "f", "line": 1, "module": "a", "decorator": "@lru_cache(maxsize=64)",
        "speedup_percent": 12.5, "hit_rate_percent": 50.0,
        "evidence": {"hits": 5, "misses": 5, "baseline_time": 2.0, "cached_time": 1.75}}]));
    assert_eq!((file.records[0].capacity, counts(&file.records[0])), (Some(64), (Some(10), Some(5), Some(5))));
    assert!(file.notes[0].1.contains("a trial") && file.notes[0].1.contains("2 s without and 1.75 s with it"));
}

#[test]
fn rates_that_are_text_are_checked_against_the_counts_and_never_made_into_some() {
    let stats = |rate: &str| json!({"size": 3, "max_size": 1000, "hits": 853, "misses": 147, "evictions": 2, "hit_rate": rate, "total_requests": 1000});
    let file = of(&stats("85.3%"));
    assert_eq!((file.tool, &file.records[0].name[..], file.notes.len()), ("paracle", "stats", 0));
    assert_eq!((counts(&file.records[0]), file.records[0].evictions), ((Some(1000), Some(853), Some(147)), Some(2)));
    let wrong = of(&stats("95.3%"));
    assert!(wrong.notes[0].1.contains("a hit rate of 95.3 %, its counts are 85.30 %"), "{:?}", wrong.notes);
    let layers = of(
        &json!({"response": stats("85.3%"), "llm": {"size": 1, "misses": null, "hit_rate": "10%"}, "summary": {"layers": 2}}),
    );
    assert_eq!((layers.records.len(), counts(&layers.records[0])), (2, (None, None, None)));
    assert!(layers.notes[0].1.contains("10 % without counts"), "{:?}", layers.notes);
}

#[test]
fn two_tiers_and_functools() {
    let file = of(
        &json!({"memory": {"size": 1, "max_size": 1000, "hits": 1, "misses": 3, "hit_rate": 0.25, "total_requests": 4},
        "persistent": {"total_entries": 7, "expired_entries": 1, "active_entries": 6, "db_size_bytes": 4096}, "file_hashes": 2}),
    );
    assert_eq!((file.tool, file.records.len(), file.records[1].entries), ("wtf-codebot", 2, Some(7)));
    assert_eq!((counts(&file.records[1]), file.records[1].bytes), ((None, None, None), Some(Bytes(4096))));
    let file = of(&json!({"hits": 1, "misses": 2, "maxsize": null, "currsize": 2}));
    assert_eq!((file.tool, file.records[0].unbounded, file.records[0].entries), ("functools", true, Some(2)));
}

#[test]
fn metrics_of_advanced_caching() {
    let file = of(
        &json!({"uptime_seconds": 1.5, "caches": {"users": {"hits": 9, "misses": 1, "sets": 1, "deletes": 0, "hit_rate_percent": 90.0}},
        "latency": {"users.get": {"count": 10, "avg_ms": 0.1}}, "errors": {}, "memory": {"users": {"bytes": 512, "entries": 1, "mb": 0.0}},
        "background_refresh": {"users": {"success": 4, "failure": 1}}}),
    );
    let record = &file.records[0];
    assert_eq!((counts(record), record.sets, record.deletes), ((Some(10), Some(9), Some(1)), Some(1), Some(0)));
    assert_eq!(
        (record.bytes, record.loads_failed, record.to_ns.map(|time| time.0)),
        (Some(Bytes(512)), Some(1), Some(1_500_000_000))
    );
}

#[test]
fn counters_that_are_none_are_refused_with_their_place_and_other_files_passed_over() {
    for (text, wrong) in [
        (r#"{"caches": {"a": {"hits": -1, "misses": 2}}}"#, "caches.a.hits is -1, a number of 0 or more was expected"),
        (r#"{"hits": "many", "misses": 2}"#, "hits is \"many\""),
        (r#"{"hits": 1.5, "misses": 2}"#, "hits is 1.5"),
    ] {
        let error = read("x", text.as_bytes()).expect_err(wrong).to_string();
        assert!(error.contains(wrong), "{error}");
    }
    for text in ["", "[]", "{}", "{\"results\": []}", "[1, 2]", "not json", "{\"hits\": 1", "{\"hits\": 1}"] {
        assert_eq!(read("x", text.as_bytes()), Ok(None), "{text}");
    }
}
