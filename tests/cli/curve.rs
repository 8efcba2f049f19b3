//! `caches curve`: traces of other tools and traced keys of a bundle, from the outside.

use crate::bundles::Place;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, KeyTrace, Lookup, Manifest};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

fn corpus(name: &str) -> Option<String> {
    let path = PathBuf::from(std::env::var_os("PERFCOLLECT_CORPUS")?).join("cache-trace").join(name);
    Some(path.display().to_string())
}

fn misses(curves: &Value, policy: &str) -> Vec<u64> {
    let curves = curves["curves"].as_array().unwrap();
    let curve = curves.iter().find(|curve| curve["policy"] == policy).unwrap_or_else(|| panic!("{policy}"));
    curve["points"].as_array().unwrap().iter().map(|point| point["misses"].as_u64().unwrap()).collect()
}

/// Ten rounds over eight ids, of 100 bytes each.
fn rounds() -> String {
    let mut text = "id,size\n".to_owned();
    for id in (0..10).flat_map(|_| 0..8) {
        writeln!(text, "{id},100").unwrap();
    }
    text
}

#[test]
fn a_loop_is_all_or_nothing_for_lru_and_the_json_is_as_it_is_documented() {
    let place = Place::new();
    fs::write(place.path().join("t.csv"), rounds()).unwrap();
    let curves =
        place.json(&["caches", "curve", "t.csv", "--sizes", "7,0,8", "--policy", "lru,belady", "--format", "json"]);
    let point = |size: u64, hits: u64| {
        let ratio = f64::from(u32::try_from(80 - hits).unwrap()) / 80.0;
        json!({"size": size, "hits": hits, "misses": 80 - hits, "miss_ratio": ratio, "byte_miss_ratio": ratio, "low": ratio, "high": ratio})
    };
    assert_eq!(curves["curves"][0], json!({"policy": "lru", "points": [point(0, 0), point(7, 0), point(8, 72)]}));
    assert_eq!((&curves["requests"], &curves["distinct"], &curves["bytes"]), (&json!(80), &json!(8), &json!(8000)));
    assert_eq!(curves.as_object().unwrap().len(), 4, "{curves}");
    // The optimum keeps six and lets two take turns: 72 less one miss for each round, all but the first, and a part of them.
    let best = misses(&curves, "belady");
    assert!(best[1] > 8 && best[1] < 20 && best[2] == 8, "{best:?}");

    let by_bytes = place.json(&["caches", "curve", "t.csv", "--bytes", "--sizes", "700,800B", "--format", "json"]);
    assert_eq!(misses(&by_bytes, "lru"), [80, 8]);
    let csv = place.stdout(&["caches", "curve", "t.csv", "--sizes", "8", "--format", "csv"]);
    assert_eq!(csv.lines().nth(1), Some("lru,8,72,8,0.1,0.1,0.1,0.1"));
    let text = place.stdout(&["caches", "curve", "t.csv", "--policy", "lru,S3-FIFO,2q"]);
    assert!(text.contains("80 requests, 8 distinct keys, 7.81 KiB asked for"), "{text}");
    assert!(
        text.contains("size") && text.contains("S3-FIFO") && text.contains("the knee of LRU is at 8 entries"),
        "{text}"
    );
}

#[test]
fn a_trace_without_sizes_says_so() {
    let place = Place::new();
    fs::write(place.path().join("t"), "a\nb\na\n").unwrap();
    let curves = place.json(&["caches", "curve", "t", "--sizes", "2", "--format", "json"]);
    assert_eq!((&curves["bytes"], &curves["curves"][0]["points"][0]["byte_miss_ratio"]), (&Value::Null, &Value::Null));
    assert_eq!(misses(&curves, "lru"), [2]);
    let error = place.failure(1, &["caches", "curve", "t", "--bytes"]);
    assert!(error.contains("cannot read t: the trace has no sizes"), "{error}");
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let place = Place::new();
    let put = |name: &str, bytes: &[u8]| fs::write(place.path().join(name), bytes).unwrap();
    put("negative.csv", b"id,size\n1,-4\n");
    put("cut.csv", b"time,id,size\n1,7,5\n2,8");
    put("nothing", b"");
    put("numbers.csv", b"1,2\n3,4\n");
    put("ids", b"1\n2\n1\n");
    for (code, arguments, wrong) in [
        (1, &["negative.csv"][..], "cannot read negative.csv: line 2: its size is negative (-4)"),
        (1, &["cut.csv"], "the trace is cut: it ends in line 3 of 2 columns, after 1 whole request"),
        (1, &["nothing"], "cannot read nothing: the file is empty"),
        (1, &["numbers.csv"], "names no column of ids; say which is which, counted from 1: --columns id=2,size=3"),
        (1, &["gone.csv"], "cannot read gone.csv"),
        (1, &["ids", "--cache", "f"], "ids is no bundle, so it has no cache f"),
        (1, &["ids", "--rate", "0.001"], "none of the keys is in a sample of 0.001, which therefore tells nothing"),
        (2, &["ids", "--sizes", "1MiB"], "a size of 1048576 bytes is not one in entries; add --bytes"),
    ] {
        let error = place.failure(code, &[&["caches", "curve"], arguments].concat());
        assert!(error.contains(wrong), "{arguments:?}: {error}");
    }
    for (arguments, wrong) in [
        (["ids", "--policy", "mru"], "invalid value 'mru'"),
        (["ids", "--rate", "0"], "above 0 and up to 1"),
        (["ids", "--sizes", "-1"], "-1"),
        (["ids", "--sizes", "1XB"], "`xb` is no unit of bytes"),
        (["ids", "--columns", "size=1"], "the column of ids is missing"),
        (["ids", "--trace-format", "arc"], "oracle-general, cache2k"),
    ] {
        let output = place.run(&[&["caches", "curve"][..], &arguments].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains(wrong), "{arguments:?}: {error}");
    }
    let partial = place.run(&["caches", "curve", "cut.csv", "--partial", "--format", "json", "--sizes", "1"]);
    assert!(partial.status.success());
    let note = String::from_utf8(partial.stderr).unwrap();
    assert!(note.contains("after 1 whole request (19 bytes of content); these are in the figures"), "{note}");
}

#[test]
fn a_sample_is_near_the_truth_and_its_band_holds_it() {
    let place = Place::new();
    // A few keys often, many rarely: 200,000 requests by a multiplicative generator.
    let (mut state, mut text) = (1_u64, String::new());
    for _ in 0..200_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = f64::from(u32::try_from(state >> 33).unwrap()) / f64::from(1_u32 << 31);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a key")]
        writeln!(text, "{}", (40_000_f64.powf(part)) as u64).unwrap();
    }
    fs::write(place.path().join("t"), text).unwrap();
    let of = |rate: &str| {
        let sizes = "1,4,100,1000,10000";
        let arguments = ["caches", "curve", "t", "--sizes", sizes, "--policy", "lru,sieve", "--rate", rate];
        place.json(&[&arguments[..], &["--format", "json"]].concat())
    };
    let (exact, sampled) = (of("exact"), of("0.2"));
    assert_eq!(exact["requests"], sampled["requests"]);
    for curve in 0..2 {
        for point in 0..5 {
            let of = |curves: &Value, field: &str| curves["curves"][curve]["points"][point][field].as_f64().unwrap();
            let (truth, estimate) = (of(&exact, "miss_ratio"), of(&sampled, "miss_ratio"));
            let (low, high) = (of(&sampled, "low"), of(&sampled, "high"));
            assert!(low <= estimate && estimate <= high);
            if point >= 2 {
                assert!((truth - estimate).abs() < 0.05, "{curve} {point}: {estimate}, not {truth}");
                continue;
            }
            // Less than an entry of the sample: no more is said than of one, and that it may be worse.
            assert!(low <= truth && truth <= high && high > 0.99, "{curve} {point}: {truth} in {low} to {high}");
            assert_eq!(
                estimate.to_bits(),
                sampled["curves"][curve]["points"][0]["miss_ratio"].as_f64().unwrap().to_bits()
            );
        }
    }
    let coarse = place.run(&["caches", "curve", "t", "--sizes", "4", "--rate", "0.2"]);
    let note = String::from_utf8(coarse.stderr).unwrap();
    assert!(note.contains("a cache of 4 is one of 1 entry in a sample"), "{note}");
}

fn keys(name: &str, pid: u32, rate: f64) -> KeyTrace {
    // 0 1 0 1, cleared, 0 1: two hits before and none after in a cache of two.
    let key = vec![0, 1, 0, 1, 0, 0, 1];
    let kind = vec![Lookup::Miss, Lookup::Miss, Lookup::Hit, Lookup::Hit, Lookup::Cleared, Lookup::Miss, Lookup::Miss];
    KeyTrace {
        name: format!("{pid}-0"),
        cache: name.into(),
        library: "functools".into(),
        pid: Some(pid),
        rate,
        requests: 6 * u64::from(pid),
        hashes: vec![17, 4],
        t_ns: (0..7).collect(),
        cost_ns: vec![9; 7],
        key,
        kind,
        ..KeyTrace::default()
    }
}

#[test]
fn keys_of_a_bundle_are_a_trace_with_what_the_program_cleared() {
    let place = Place::new();
    let write = |name: &str, keys: Vec<KeyTrace>| {
        let keys = keys.into_iter().map(Arc::new).collect();
        let bytes = bundle::write(&Bundle { manifest: Manifest::default(), keys, ..Bundle::default() }).unwrap();
        fs::write(place.path().join(name), bytes).unwrap();
    };
    write("one.perf.zip", vec![keys("app.price_of", 1, 1.0)]);
    let curves =
        place.json(&["caches", "curve", "one.perf.zip", "--sizes", "1,2", "--policy", "lru,fifo", "--format", "json"]);
    assert_eq!((misses(&curves, "lru"), misses(&curves, "fifo")), (vec![6, 4], vec![6, 4]));
    write("two.perf.zip", vec![keys("app.price_of", 1, 1.0), keys("app.name_of", 2, 0.5), keys("app.name_of", 3, 0.5)]);
    let error = place.failure(1, &["caches", "curve", "two.perf.zip"]);
    assert!(error.contains("holds the keys of app.name_of, app.price_of; choose one with --cache NAME"), "{error}");
    let error = place.failure(1, &["caches", "curve", "two.perf.zip", "--cache", "gone"]);
    assert!(error.contains("holds no keys of a cache gone; it has those of app.name_of, app.price_of"), "{error}");
    let output =
        place.run(&["caches", "curve", "two.perf.zip", "--cache", "name_of", "--format", "json", "--sizes", "4"]);
    let curves: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&curves["requests"], &curves["distinct"]), (&json!(18), &json!(4)), "half of the keys of process 3");
    assert_eq!(curves["curves"][0]["points"][0]["low"], Value::Null);
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(
        notes.contains("1 other process had a cache of the same name") && notes.contains("50 % of all keys"),
        "{notes}"
    );
    write("none.perf.zip", Vec::new());
    let error = place.failure(1, &["caches", "curve", "none.perf.zip"]);
    assert!(error.contains("record them with: perfcollect run --cache-trace -- COMMAND"), "{error}");
}

/// Miss counts of libCacheSim's own tests at 128 MiB to 1 GiB.
#[test]
fn real_traces_miss_as_libcachesim_and_the_published_tables_say() {
    let place = Place::new();
    let Some(trace) = corpus("libcachesim__cloudPhysicsIO.oracleGeneral.bin.gz") else { return };
    let sizes = "128MiB,256MiB,384MiB,512MiB,640MiB,768MiB,896MiB,1GiB";
    let arguments = ["caches", "curve", &trace, "--bytes", "--sizes", sizes, "--policy", "lru,fifo,clock,sieve,belady"];
    let curves = place.json(&[&arguments[..], &["--format", "json"]].concat());
    for (policy, expected) in [
        ("lru", [93374, 89783, 83572, 81722, 72494, 72104, 71972, 71704]),
        ("fifo", [93403, 89386, 84387, 84025, 72498, 72228, 72182, 72140]),
        ("clock", [93313, 89775, 83411, 81328, 74815, 72283, 71927, 64456]),
        ("sieve", [91699, 86720, 78578, 76707, 69945, 66221, 64445, 64376]),
        ("belady", [79256, 70724, 65481, 61594, 59645, 57599, 50873, 48974]),
    ] {
        assert_eq!(misses(&curves, policy), expected, "{policy}");
    }
    assert_eq!(
        (&curves["requests"], &curves["distinct"], &curves["bytes"]),
        (&json!(113_872), &json!(48_974), &json!(4_368_040_448_u64))
    );
    let by_bytes = curves["curves"][0]["points"][0]["byte_miss_ratio"].as_f64().unwrap();
    assert!((by_bytes - 4_214_303_232.0 / 4_368_040_448.0).abs() < 1e-12, "{by_bytes}");
    let looped = corpus("caffeine__lirs_loop.trace.gz").unwrap();
    let curves = place.json(&["caches", "curve", &looped, "--sizes", "1000,1011", "--format", "json"]);
    assert_eq!(misses(&curves, "lru"), [505_500, 1_011]);
}

#[test]
fn a_file_of_caches_becomes_a_bundle_with_its_counters() {
    let place = Place::new();
    let stats = r#"{"size": 3, "max_size": 100, "hits": 853, "misses": 147, "evictions": 2, "hit_rate": "85.3%", "total_requests": 1000}"#;
    fs::write(place.path().join("users.json"), stats).unwrap();
    place.stdout(&["import", "users.json", "-o", "c.perf.zip"]);
    let read = bundle::read(&fs::read(place.path().join("c.perf.zip")).unwrap()).unwrap();
    assert_eq!((read.manifest.tool.name.as_str(), read.caches.len()), ("paracle", 1));
    assert_eq!((read.caches[0].name.as_str(), read.caches[0].hits), ("users", Some(853)));
    let shown = place.json(&["caches", "show", "c.perf.zip", "--format", "json"]);
    assert_eq!((&shown["caches"][0]["requests"], &shown["caches"][0]["source"]), (&json!(1000), &json!("imported")));
    fs::write(place.path().join("bad.json"), stats.replace("853", "-1")).unwrap();
    let error = place.failure(1, &["import", "bad.json"]);
    assert!(error.contains("hits is -1, a number of 0 or more was expected"), "{error}");
}
