//! `caches show` and `caches compare`: verdicts on real recordings, and their forms.

use crate::bundles::{Place, bundle_bytes};
use crate::python::{program, record};
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, CacheRecord};
use serde_json::Value;
use std::sync::Arc;

fn row<'a>(said: &'a Value, name: &str) -> &'a Value {
    let rows = said["caches"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {said:#}"))
}

/// A bundle with one cache.
fn counted(hits: u64, misses: u64) -> Vec<u8> {
    let record = CacheRecord {
        name: "shop.price_of".into(),
        library: "functools".into(),
        file: Some("shop.py".into()),
        line: Some(3),
        requests: Some(hits + misses),
        hits: Some(hits),
        misses: Some(misses),
        entries: Some(misses),
        unbounded: true,
        load_ns: Some(perfcollect_shared::units::Nanos(misses * 50_000)),
        ..Default::default()
    };
    let mut read = bundle::read(&bundle_bytes(&format!("app{hits}"), None)).unwrap();
    read.manifest.id = format!("01ARZ3NDEKTSV4RRFFQ69G{hits:04}");
    read.caches = Arc::new(vec![record]);
    bundle::write(&read).unwrap()
}

#[test]
fn a_loop_over_a_cache_that_is_too_small_is_told_the_right_size() {
    let place = Place::new();
    let recording =
        record(&["--cache-trace", "--no-native", "--no-python"], &["python3", &program("cache_keys.py"), "lookups"]);
    let bytes = bundle::write(&Bundle { reading: Vec::new(), ..recording.bundle }).unwrap();
    place.put("0001-keys-aaaaaa.perf.zip", &bytes);
    let said = place.json(&["caches", "show", "--format", "json"]);
    let thrash = row(&said, "__main__.thrash");
    assert_eq!((&thrash["requests"], &thrash["hits"]), (&30_000.into(), &0.into()));
    assert_eq!(thrash["miss_cost_by"], "trace");
    assert_ne!(thrash["verdict"], "remove", "{thrash:#}");
    let fib = row(&said, "__main__.fib");
    assert_eq!((&fib["verdict"], &fib["recursive"]), (&"inconclusive".into(), &true.into()));
    assert!(fib["next"].as_str().unwrap().contains("caches try"), "{fib:#}");
}

#[test]
fn the_forms_say_the_same() {
    let place = Place::new();
    place.put("0001-a-aaaaaa.perf.zip", &counted(500, 500));
    place.put("0002-b-aaaaaa.perf.zip", &counted(900, 100));
    let said = place.json(&["caches", "--format", "json"]);
    let row = row(&said, "shop.price_of");
    assert_eq!(row["verdict"], "keep");
    // 900 hits of 50 us less 55 ns each, and 100 misses of 80 ns.
    assert_eq!(row["saved_ns"], 900.0 * (50_000.0 - 55.0) - 100.0 * 80.0);
    assert_eq!((&row["miss_cost_ns"], &row["miss_cost_by"]), (&50_000.0.into(), &"library".into()));
    for field in [
        "file",
        "line",
        "library",
        "misses",
        "evictions",
        "entries",
        "capacity",
        "saved_ns_low",
        "saved_ns_high",
        "advised_capacity",
        "reasons",
        "presets",
    ] {
        assert!(row.get(field).is_some(), "{field}");
    }
    assert_eq!(row["evictions"], Value::Null, "not told is not 0");
    let report = place.json(&["report", "--format", "json"]);
    assert_eq!(report["caches"], said["caches"]);
    let finding = &report["cache_finding"];
    assert_eq!(finding["cache"], 0);
    assert!(finding["sentence"].as_str().unwrap().starts_with("cache price_of hit 90 % and saves about"), "{finding}");
    assert_eq!(finding["fragment"], "v=1&view=caches&cache=functools%20shop.price_of@3");
    let sentence = finding["sentence"].as_str().unwrap();
    assert!(place.stdout(&["report"]).contains(&format!("\n{sentence}; `perfcollect caches` says why\n")));
    assert!(place.stdout(&["report", "--format", "markdown"]).contains("hit 90 % and saves about"));
    let changes = place.json(&["caches", "compare", "last-1", "last", "--format", "json"]);
    assert_eq!(changes["caches"][0]["shift"], "higher");
    assert!((changes["caches"][0]["difference"]["value"].as_f64().unwrap() - 0.4).abs() < 1e-9);
    let compared = &place.json(&["compare", "last-1", "last", "--format", "json"])["caches"][0];
    assert_eq!((&compared["shift"], &compared["new_requests"]), (&"higher".into(), &1_000.into()));
    assert_eq!(compared["difference"], changes["caches"][0]["difference"]);
    let text = place.stdout(&["compare", "last-1", "last"]);
    let line = text.lines().find(|line| line.starts_with("better ")).unwrap_or_else(|| panic!("{text}"));
    assert!(text.contains("hit rates of caches") && line.contains("50 %") && line.contains("+40.0 ["), "{text}");
    assert!(place.failure(1, &["caches", "compare", "last", "last"]).contains("named twice"));
}
