//! `run --cache-trace` and `--cache-candidates`: traces against programs that know what they ask for.

use crate::python::{Recording, interpreters, program, record};
use perfcollect_shared::cachesim::{self, Capacity, Policy};
use perfcollect_shared::model::{KeyTrace, Lookup, Warning};
use std::process::Command;

fn traces<'a>(recording: &'a Recording, cache: &str) -> Vec<&'a KeyTrace> {
    recording.bundle.keys.iter().map(AsRef::as_ref).filter(|trace| trace.cache == cache).collect()
}

fn trace<'a>(recording: &'a Recording, cache: &str) -> &'a KeyTrace {
    let found = traces(recording, cache);
    assert_eq!(
        found.len(),
        1,
        "{cache}: {:?}",
        recording.bundle.keys.iter().map(|trace| &trace.cache).collect::<Vec<_>>()
    );
    found[0]
}

/// Hits, misses, failed, calls, cleared.
fn kinds(trace: &KeyTrace) -> [usize; 5] {
    [Lookup::Hit, Lookup::Miss, Lookup::Failed, Lookup::Call, Lookup::Cleared]
        .map(|wanted| trace.kind.iter().filter(|&&kind| kind == wanted).count())
}

/// Exact hits of an LRU cache of this size that is asked for the same keys.
fn hits(trace: &KeyTrace, size: u64) -> u64 {
    let asked = cachesim::Trace {
        keys: trace.key.clone(),
        distinct: u32::try_from(trace.hashes.len()).unwrap(),
        ..cachesim::Trace::default()
    };
    cachesim::simulate(&asked, Policy::Lru, Capacity::Entries(size), None).hits
}

#[test]
fn lookups_are_traced_and_the_program_does_not_notice() {
    for python in interpreters() {
        let command = [python.to_str().unwrap(), &program("cache_keys.py"), "lookups"];
        let plain = Command::new(command[0]).args(&command[1..]).output().unwrap();
        let recording = record(&["--cache-trace", "--no-native", "--no-python"], &command);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&recording.output.stdout), text(&plain.stdout), "{python:?}");
        assert_eq!(text(&recording.output.stderr), text(&plain.stderr), "{python:?}");
        assert_eq!(recording.agent_failures(), Vec::<String>::new(), "{python:?}");
        let thrash = trace(&recording, "__main__.thrash");
        assert_eq!(kinds(thrash), [0, 30_000, 0, 0, 0], "200 keys in a loop over 128 slots");
        assert_eq!((thrash.hashes.len(), thrash.requests, thrash.rate.to_bits()), (200, 30_000, 1.0_f64.to_bits()));
        assert_eq!((hits(thrash, 128), hits(thrash, 200)), (0, 29_800));
        assert!(
            thrash.file.as_ref().unwrap().ends_with("cache_keys.py") && thrash.line == Some(10),
            "{:?}",
            thrash.line
        );
        assert!(thrash.tracing_ns > 0.0 && thrash.cost_ns.iter().all(|&cost| cost < 1_000_000_000));
        let fib = trace(&recording, "__main__.fib");
        assert_eq!((kinds(fib), fib.recursive, thrash.recursive), ([248, 251, 0, 0, 0], true, false));
        // -1 and -2 are two keys, though their hashes are equal; typed, 1 and 1.0 are two as well.
        let picky = trace(&recording, "__main__.picky");
        assert_eq!((kinds(picky), picky.hashes.len()), ([1, 5, 3, 0, 1], 7));
        assert_eq!((picky.unhashable, picky.requests), (3, 12));
        // 2 people and 3 words are 6 keys; 20 more people are 20 more, one after the other in the same memory or not.
        let greet = trace(&recording, "__main__.Person.greet");
        assert_eq!((kinds(greet), greet.hashes.len()), ([24, 26, 0, 0, 0], 26));
        assert!(thrash.t_ns.is_sorted() && thrash.t_ns[0] > 0);
    }
}

#[test]
fn no_module_that_has_caches_comes_into_the_program() {
    let say = "import sys; print([name for name in ('functools', 're', 'fnmatch', 'typing') if name in sys.modules])";
    for python in interpreters() {
        let command = [python.to_str().unwrap(), "-c", say];
        let plain = Command::new(command[0]).args(&command[1..]).output().unwrap();
        let recording = record(&["--cache-trace=some*", "--cache-candidates"], &command);
        assert_eq!(recording.output.stdout, plain.stdout, "{python:?}");
    }
}

#[test]
fn keys_are_not_in_the_bundle() {
    let recording = record(&["--cache-trace=secret"], &["python3", &program("cache_keys.py"), "lookups"]);
    assert_eq!(recording.bundle.keys.len(), 1, "only what was asked for");
    assert_eq!(trace(&recording, "__main__.secret").hashes.len(), 2);
    let bytes = perfcollect_shared::bundle::write(&recording.bundle).unwrap();
    let again = perfcollect_shared::bundle::read(&bytes).unwrap();
    let shown = format!("{again:?}");
    assert!(!shown.contains("nobody-may-see") && !shown.contains("that-neither"));
    let other = record(&["--cache-trace=secret"], &["python3", &program("cache_keys.py"), "lookups"]);
    assert_ne!(trace(&other, "__main__.secret").hashes, trace(&recording, "__main__.secret").hashes, "salted");
}

#[test]
fn threads_and_forks_are_counted_right_and_past_the_limit_keys_are_sampled() {
    for (limit, full) in [("200000", true), ("20000", false)] {
        let options = ["--cache-trace", "__main__.*", "--cache-trace-limit", limit, "--no-native", "--no-python"];
        let recording = record(&options, &["python3", &program("cache_keys.py"), "threads", "25000"]);
        let stdout = String::from_utf8_lossy(&recording.output.stdout).into_owned();
        let counted: Vec<u64> = stdout.split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
        let of_parent = |parent: bool| {
            let mut found = traces(&recording, "__main__.shared");
            found.retain(|trace| (trace.requests > 1000) == parent);
            assert_eq!(found.len(), 1, "{:?}", recording.bundle.manifest.warnings);
            found[0]
        };
        let (shared, child) = (of_parent(true), of_parent(false));
        assert_eq!((shared.requests, counted[0] + counted[1]), (100_000, 100_000));
        assert_eq!((kinds(child), child.requests, child.hashes.len()), ([49, 1, 0, 0, 0], 50, 1));
        let found = recording
            .bundle
            .manifest
            .warnings
            .iter()
            .any(|found| matches!(found, Warning::Cache { what, .. } if what == "__main__.shared"));
        assert_eq!((found, (shared.rate - 1.0).abs() < 1e-9), (!full, full));
        if full {
            assert_eq!(kinds(shared)[..2].iter().map(|&number| number as u64).collect::<Vec<_>>(), counted);
            assert_eq!(shared.hashes.len(), 20_011);
        } else {
            assert!(shared.key.len() <= 20_000 && shared.rate <= 0.25, "{} at {}", shared.key.len(), shared.rate);
            // Whole keys are there or not: each is asked for about five times.
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let keys = shared.hashes.len() as f64 / shared.rate;
            assert!((keys / 20_011.0 - 1.0).abs() < 0.15, "{keys}");
        }
    }
}

/// Frames of ours count for the limit of recursion, so that room is made for them.
#[test]
fn lookups_that_cannot_be_written_are_counted_and_said() {
    let code = "import functools, resource\n@functools.lru_cache\ndef f(n): return n\n\
                resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\nfor n in range(20_000): f(n)";
    let recording = record(&["--cache-trace", "--no-native", "--no-python"], &["python3", "-c", code]);
    let traced = trace(&recording, "__main__.f");
    assert_eq!((traced.requests, traced.key.len(), traced.hashes.len()), (20_000, 0, 0));
    let failures = recording.agent_failures();
    let said = failures.iter().any(|what| what.contains("20,000 lookups of __main__.f could not be written"));
    assert!(said, "{failures:?}");
}

#[test]
fn recursion_goes_as_deep_as_without_us() {
    for python in interpreters() {
        let command = |depth: &str| {
            [python.to_str().unwrap().to_owned(), program("cache_keys.py"), "deep".into(), depth.to_owned()]
        };
        let reaches = |depth: &str| {
            let words = command(depth);
            Command::new(&words[0]).args(&words[1..]).output().unwrap().status.success()
        };
        let depth = ["400", "300", "200"].into_iter().find(|depth| reaches(depth)).unwrap();
        let words = command(depth);
        let recording = record(&["--cache-trace", "--no-native", "--no-python"], &words.each_ref().map(String::as_str));
        assert_eq!(String::from_utf8_lossy(&recording.output.stdout).trim(), depth);
        assert!(trace(&recording, "__main__.deep").recursive);
    }
}

#[test]
fn functions_without_a_cache_are_traced_by_their_arguments() {
    for python in interpreters() {
        let recording = record(
            &["--cache-candidates", "--no-native", "--no-python"],
            &[python.to_str().unwrap(), &program("cache_candidates.py")],
        );
        assert_eq!(recording.agent_failures(), Vec::<String>::new(), "{python:?}");
        let counts = |name: &str| {
            let trace = trace(&recording, name);
            assert!(trace.candidate, "{name}");
            (trace.requests, trace.hashes.len(), kinds(trace)[2])
        };
        assert_eq!(counts("__main__.slow"), (1000, 250, 0));
        assert_eq!(counts("__main__.bound"), (5, 2, 0), "however arguments are passed");
        assert_eq!(counts("__main__.sometimes"), (10, 10, 1));
        assert_eq!(counts("__main__.caught"), (10, 1, 0));
        assert_eq!(trace(&recording, "__main__.listed").unhashable, 10);
        assert!(trace(&recording, "__main__.factorial").recursive);
        for none in ["__main__.tells", "__main__.generated", "__main__.cached", "__main__.main"] {
            assert!(traces(&recording, none).is_empty(), "{none}: it prints, yields, has a cache or no argument");
        }
    }
}

#[test]
fn a_pattern_of_nothing_is_answered_with_the_names_that_are_near() {
    let told = |options: &[&str], name: &str| {
        let program = program(name);
        let recording = record(&[options, &["--no-native", "--no-python"]].concat(), &["python3", &program, "lookups"]);
        assert_eq!(recording.agent_failures(), Vec::<String>::new());
        let warnings = recording.bundle.manifest.warnings.iter();
        let ours = warnings.filter(|warning| matches!(warning, Warning::Cache { .. }));
        ours.map(perfcollect_shared::report::warning_text).collect::<Vec<_>>()
    };
    let keys = told(&["--cache-trace=trash", "--cache-trace=Person.greet"], "cache_keys.py");
    let [text] = &keys[..] else { panic!("{keys:?}") };
    assert!(text.starts_with("--cache-trace trash: no cache was made that fits it"), "{text}");
    assert!(text.contains("the nearest: __main__.thrash"), "{text}");
    let candidates = told(&["--cache-candidates=slowly,cached,generated,bound"], "cache_candidates.py");
    let of =
        |name: &str| candidates.iter().find(|text| text.starts_with(&format!("--cache-candidates {name}: "))).unwrap();
    assert_eq!(candidates.len(), 3, "{candidates:?}");
    assert!(of("slowly").contains("the nearest: __main__.slow"), "{candidates:?}");
    assert!(of("cached").contains("it has a cache") && of("generated").contains("a generator"), "{candidates:?}");
}
