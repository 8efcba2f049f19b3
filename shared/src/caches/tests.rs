//! One bundle for each verdict.

use super::*;
use crate::model::{Bundle, CacheRecord, CallCount, KeyTrace, Lookup, Manifest};
use std::sync::Arc;

/// A cache of `functools` with its counters and the exact cost of a miss.
fn world(hits: u64, misses: u64, cost_ns: u64, entries: u64, capacity: Option<u64>) -> Bundle {
    let record = CacheRecord {
        name: "shop.price_of".into(),
        library: "functools".into(),
        file: Some("shop.py".into()),
        line: Some(3),
        pid: Some(1),
        policy: Some("lru".into()),
        requests: Some(hits + misses),
        hits: Some(hits),
        misses: Some(misses),
        evictions: Some(misses.saturating_sub(entries)),
        entries: Some(entries),
        capacity,
        unbounded: capacity.is_none(),
        ..Default::default()
    };
    let call = CallCount {
        pid: 1,
        file: "shop.py".into(),
        line: 3,
        name: "price_of".into(),
        calls: misses,
        primitive: misses,
        total_ns: Nanos(misses * cost_ns),
        ..Default::default()
    };
    let manifest = Manifest { command: vec!["python3".into(), "shop.py".into()], ..Default::default() };
    Bundle { caches: Arc::new(vec![record]), calls: Arc::new(vec![call]), manifest, ..Default::default() }
}

fn judged(bundle: &Bundle) -> Row {
    let found = evidence(bundle);
    assert_eq!(found.len(), 1);
    let simulated = simulate(bundle, &found[0]);
    judge(&found[0], simulated.as_ref())
}

fn check(bundle: &Bundle, verdict: Verdict, reason: &str) -> Row {
    let row = judged(bundle);
    let reasons = row.reasons.join("\n");
    assert_eq!(row.verdict, verdict, "{reasons}");
    assert!(reasons.contains(reason), "{reason:?} is not in\n{reasons}");
    row
}

/// Adds a trace whose hits and misses are those of an LRU cache of the record's size.
fn traced(mut bundle: Bundle, keys: &[u32], cost_ns: impl Fn(u32) -> u64) -> Bundle {
    let record = bundle.caches[0].clone();
    let mut held: Vec<u32> = Vec::new();
    let mut trace = KeyTrace {
        name: "0".into(),
        cache: record.name,
        library: record.library,
        file: record.file,
        line: record.line,
        pid: record.pid,
        rate: 1.0,
        requests: keys.len() as u64,
        hashes: (0..=u64::from(keys.iter().copied().max().unwrap_or(0))).collect(),
        ..Default::default()
    };
    for (moment, &key) in keys.iter().enumerate() {
        let place = held.iter().position(|&other| other == key);
        if let Some(place) = place {
            held.remove(place);
        }
        held.push(key);
        if record.capacity.is_some_and(|capacity| held.len() as u64 > capacity) {
            held.remove(0);
        }
        trace.t_ns.push(moment as u64 * 1_000);
        trace.key.push(key);
        trace.kind.push(if place.is_some() { Lookup::Hit } else { Lookup::Miss });
        trace.cost_ns.push(if place.is_some() { 0 } else { cost_ns(key) });
    }
    bundle.keys = vec![Arc::new(trace)];
    bundle
}

/// The keys 0 to `distinct`, over and over.
fn in_a_loop(distinct: u32, requests: u32) -> Vec<u32> {
    (0..requests).map(|request| request % distinct).collect()
}

#[test]
fn a_loop_that_is_just_too_long_wants_more_slots_and_is_never_removed() {
    let thrash = world(0, 100_000, 10_000, 128, Some(128));
    let row = check(&thrash, Verdict::Inconclusive, "99,872 entries had to make room");
    assert_eq!(row.next.as_deref(), Some("perfcollect run --cache-trace shop.price_of -- python3 shop.py"));
    assert_eq!(row.presets.hit_rate.as_ref().map(|preset| preset.says), Some("remove"));
    let row = check(&traced(thrash, &in_a_loop(200, 100_000), |_| 10_000), Verdict::Resize, "with 200 slots");
    assert_eq!((row.advised_capacity, row.advised_rate), (Some(200), Some(0.998)));
    assert!((row.gain_ns.unwrap() - 0.998 * 100_000.0 * 10_000.0).abs() < 2e7, "{:?}", row.gain_ns);
    assert!(row.gain_ns_low < row.gain_ns && row.gain_ns < row.gain_ns_high);
    assert!(row.presets.disagrees.is_some_and(|why| why.contains("replay")));
}

#[test]
fn the_cost_of_a_miss_decides_what_a_rate_is_worth() {
    // 15 % hits of a millisecond each are a gain, 60 % of 100 ns are none: break-even is at 0.008 % and 64 %.
    let row = check(&world(1_500, 8_500, 1_000_000, 8_500, None), Verdict::Keep, "it saved");
    assert!(row.presets.hit_rate.is_some_and(|preset| preset.says == "keep" && preset.why.contains("marginal")));
    let row = check(&world(500, 99_500, 1_000_000, 99_500, None), Verdict::Keep, "a miss costs 1.00 ms");
    assert!(row.presets.disagrees.is_some_and(|why| why.contains("does not know what a miss costs")));
    let row = check(&world(20_000, 80_000, 40, 80_000, None), Verdict::Remove, "it never ran out of room");
    assert_eq!(row.break_even_rate, Some(1.0));
    assert!(row.saved_ns_high < Some(0.0));
    check(&world(60_000, 40_000, 100, 40_000, None), Verdict::Inconclusive, "not known to be more or less");
    // With the keys it is known.
    let rare = traced(world(0, 20_000, 90, 20_000, None), &in_a_loop(20_000, 20_400), |_| 90);
    check(&rare, Verdict::Remove, "without a limit 2.0 % would hit");
}

#[test]
fn slots_that_nobody_uses_cost_nothing() {
    let row = check(&world(9_990, 10, 1_000_000, 10, Some(1_024)), Verdict::Keep, "10 of 1,024 slots used");
    let rule = row.presets.hit_rate.unwrap();
    assert_eq!((rule.says, rule.capacity), ("adjust size", Some(20)));
    assert!(row.presets.disagrees.is_some_and(|why| why.contains("take no memory")));
}

#[test]
fn what_was_not_measured_is_not_decided() {
    check(&world(0, 0, 0, 0, Some(128)), Verdict::NotExercised, "nothing asked for it");
    check(&world(3, 7, 1_000_000, 7, None), Verdict::Inconclusive, "fewer than 30 requests");
    let mut costless = world(500, 500, 1_000, 500, None);
    costless.calls = Arc::default();
    let row = check(&costless, Verdict::Inconclusive, "was not measured");
    assert_eq!((row.saved_ns, row.miss_cost_ns), (None, None));
    let change = |change: fn(&mut CacheRecord)| {
        let mut bundle = world(500, 500, 100_000, 128, Some(128));
        change(&mut Arc::make_mut(&mut bundle.caches)[0]);
        bundle
    };
    let lost =
        change(|record| (record.requests, record.hits, record.misses, record.cut) = (Some(0), Some(0), Some(0), true));
    check(&lost, Verdict::Inconclusive, "what came later is not known");
    let silent = change(|record| (record.requests, record.hits, record.misses) = (None, None, None));
    check(&silent, Verdict::Inconclusive, "functools does not tell how often");
    let server = change(|record| record.scope = CacheScope::Server);
    check(&server, Verdict::Inconclusive, "no verdict is given on a server");
    let recursive = change(|record| record.recursive = true);
    let row = check(&recursive, Verdict::Inconclusive, "only an experiment can tell");
    assert_eq!(row.next.as_deref(), Some("perfcollect caches try --set shop.price_of=off -- python3 shop.py"));
}

#[test]
fn a_replay_that_is_not_what_happened_is_not_believed() {
    // The recorded cache was cleared between requests, which its trace does not show.
    let mut bundle = traced(world(50_000, 50_000, 10_000, 128, Some(128)), &in_a_loop(100, 100_000), |_| 10_000);
    let trace = Arc::make_mut(&mut bundle.keys[0]);
    for row in (0..100_000).step_by(2) {
        (trace.kind[row], trace.cost_ns[row]) = (Lookup::Miss, 10_000);
    }
    check(&bundle, Verdict::Inconclusive, "what it says of other sizes is left out");
}

#[test]
fn a_function_without_a_cache_is_told_what_one_would_bring() {
    let candidate = |keys: &[u32], cost: u64| {
        let mut bundle = traced(world(0, 0, 0, 0, Some(0)), keys, |_| cost);
        bundle.caches = Arc::default();
        let trace = Arc::make_mut(&mut bundle.keys[0]);
        trace.candidate = true;
        trace.kind.fill(Lookup::Call);
        trace.cost_ns.fill(cost);
        bundle
    };
    let row =
        check(&candidate(&in_a_loop(50, 5_000), 200_000), Verdict::Add, "a cache of 50 entries would have hit 99 %");
    assert_eq!(row.advised_capacity, Some(50));
    assert_eq!(row.presets.speed_up.as_ref().map(|preset| preset.says), Some("apply"));
    assert_eq!(row.presets.candidate.as_ref().map(|preset| preset.says), Some("medium or high priority"));
    check(&candidate(&in_a_loop(5_000, 5_000), 200_000), Verdict::Keep, "keep the function as it is");
}

#[test]
fn entries_that_expire_too_early_are_seen() {
    let mut bundle = traced(world(0, 0, 0, 0, None), &in_a_loop(100, 20_000), |_| 50_000);
    let record = &mut Arc::make_mut(&mut bundle.caches)[0];
    // Each key comes back after 100 us, and expires after 90.
    (record.requests, record.hits, record.misses) = (Some(20_000), Some(0), Some(20_000));
    (record.ttl_ns, record.policy, record.entries) = (Some(Nanos(90_000)), Some("ttl".into()), Some(100));
    let trace = Arc::make_mut(&mut bundle.keys[0]);
    for row in 0..20_000 {
        (trace.kind[row], trace.cost_ns[row]) = (if row < 100 { Lookup::Miss } else { Lookup::Expired }, 50_000);
    }
    let row = check(&bundle, Verdict::Ttl, "19,900 expired");
    assert_eq!(row.advised_ttl_ns, Some(Nanos(16 * 90_000)));
}

/// Values of this many bytes.
fn sized(mut bundle: Bundle, bytes: u32) -> Bundle {
    let trace = Arc::make_mut(&mut bundle.keys[0]);
    trace.size = vec![bytes; trace.key.len()];
    bundle
}

#[test]
fn where_more_room_is_too_dear_another_policy_is_advised() {
    // 2,000 values of a mebibyte: only 100 of them may be held, and LRU always drops the one that is asked for next.
    let thrash = traced(world(0, 40_000, 1_000_000, 100, Some(100)), &in_a_loop(2_000, 40_000), |_| 1_000_000);
    let row = check(&sized(thrash.clone(), 1 << 20), Verdict::Policy, "recorded requests");
    assert!(row.advised_policy.is_some_and(|policy| policy != "lru") && row.advised_rate > Some(0.03));
    let row = check(&sized(thrash, 100), Verdict::Resize, "with 2,000 slots");
    assert!(row.advised_rate > Some(0.9));
}

#[test]
fn a_cache_of_large_values_that_are_never_asked_again_is_made_smaller() {
    let keys: Vec<u32> = (0..40_000).map(|n| if n % 10 == 0 { 1_000 + n } else { n % 20 }).collect();
    let held = traced(world(35_980, 4_020, 100_000, 4_020, None), &keys, |_| 100_000);
    let row = check(&sized(held.clone(), 64 << 10), Verdict::Resize, "slots");
    assert!(row.advised_capacity.is_some_and(|size| size < 40), "{:?}", row.advised_capacity);
    // Of small values it is not worth a change.
    check(&sized(held, 100), Verdict::Keep, "no size, policy or time to live brings clearly more");
}

#[test]
fn the_terminal_and_the_first_screen_say_it_in_words() {
    let thrash = traced(world(0, 10_000, 10_000, 128, Some(128)), &in_a_loop(200, 10_000), |_| 10_000);
    let found = rows(&thrash);
    let said = finding(&found[0]).unwrap();
    assert!(
        said.starts_with(
            "cache price_of: hit 0 %, 128 of 128 slots full: would hit 98 % with 200, saves about 98.2 ms ["
        ),
        "{said}"
    );
    let told = text::text(&found, false);
    for part in [
        "1 cache, 1 of them used",
        "RESIZE to 200",
        "shop.py:3",
        "a rule of thumb says remove; a low rate",
        "9,800 for want of room",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    assert!(text::markdown(&found, false).contains("| RESIZE to 200 |"));
    let unused = rows(&world(0, 0, 0, 0, Some(128)));
    assert!(text::text(&unused, false).contains("NOT EXERCISED"), "of the program itself");
    assert_eq!(finding(&unused[0]), None);
}

#[test]
fn what_libraries_declare_and_nobody_asks_for_is_counted_only() {
    let mut bundle = world(900, 100, 10_000, 100, Some(128));
    let idle = CacheRecord {
        name: "fnmatch._compile".into(),
        file: Some("/usr/lib/python3.11/fnmatch.py".into()),
        requests: Some(0),
        hits: Some(0),
        misses: Some(0),
        ..bundle.caches[0].clone()
    };
    let asked = CacheRecord {
        name: "re._cached".into(),
        file: Some("/usr/lib/python3.11/re.py".into()),
        requests: Some(100),
        misses: Some(100),
        ..idle.clone()
    };
    Arc::make_mut(&mut bundle.caches).extend([idle.clone(), asked]);
    let found = rows(&bundle);
    let names: Vec<&str> = found.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["shop.price_of", "re._cached", "fnmatch._compile"], "own code first");
    for told in [text::text(&found, false), text::markdown(&found, false)] {
        assert!(
            told.contains("and 1 cache of libraries that nothing asked for") && told.contains("re._cached"),
            "{told}"
        );
        assert!(!told.contains("fnmatch"), "{told}");
    }
    assert!(text::text(&found, true).contains("fnmatch") && text::markdown(&found, true).contains("fnmatch"));
    let alone = rows(&Bundle { caches: Arc::new(vec![idle]), ..Default::default() });
    assert!(text::text(&alone, false).ends_with("\n1 cache of libraries that nothing asked for; `--all` lists them\n"));
}

#[test]
fn caches_of_two_recordings_are_joined_though_lines_move() {
    let base = rows(&world(500, 500, 10_000, 500, None));
    let mut moved = world(800, 200, 10_000, 200, None);
    Arc::make_mut(&mut moved.caches)[0].line = Some(7);
    let changes = compare(&base, &rows(&moved));
    assert_eq!((changes.len(), changes[0].shift), (1, Shift::Higher));
    let by = changes[0].difference.unwrap();
    assert!((by.value - 0.3).abs() < 1e-9 && by.low > 0.25 && by.high < 0.35);
    assert_eq!(compare(&base, &base)[0].shift, Shift::Same);
    assert_eq!(compare(&base, &[])[0].shift, Shift::Gone);
    assert!(text::changes_text(&changes).contains("+30.0 points"));
}
