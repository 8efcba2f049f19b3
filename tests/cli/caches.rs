//! Counters of caches inside Python programs: each as the cache itself tells it, of every process, however it ends.

use crate::agent::{interpreters, packages};
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, CacheRecord, CacheScope, CounterSource, Warning};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

fn program(name: &str) -> String {
    format!("{}/../tests/data/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command from inside perfcollect, with caches counted as they are by default.
fn recorded(command: &[&str], adjust: impl Fn(&mut Command)) -> (Output, Bundle) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.perf.zip");
    let mut run = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    run.args(["run", "--quiet", "--no-native", "--no-python", "-o"]).arg(&target).arg("--");
    adjust(run.args(command));
    let output = run.output().unwrap();
    let bytes = std::fs::read(&target).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output, bundle::read(&bytes).unwrap())
}

fn case(python: &Path, words: &[&str]) -> (Output, Bundle) {
    let program = program("caches.py");
    recorded(&[&[python.to_str().unwrap(), &program], words].concat(), |_| {})
}

fn python() -> std::path::PathBuf {
    interpreters().remove(0)
}

/// Hits and misses of each process and cache; programs of one process after each other are added up.
fn counted(bundle: &Bundle) -> BTreeMap<(u32, String), (u64, u64)> {
    let mut sums: BTreeMap<(u32, String), (u64, u64)> = BTreeMap::new();
    for record in
        bundle.caches.iter().filter(|record| record.file.as_deref().is_some_and(|f| f.ends_with("/caches.py")))
    {
        // A spawned process runs the program's file as another module.
        let name = record.name.split_once('.').map_or("", |(_, name)| name);
        let sum = sums.entry((record.pid.unwrap(), name.to_owned())).or_default();
        sum.0 += record.hits.unwrap_or(0);
        sum.1 += record.misses.unwrap_or(0);
    }
    sums
}

/// What the program said of itself, in the same form.
fn told(output: &Output) -> BTreeMap<(u32, String), (u64, u64)> {
    let mut sums: BTreeMap<(u32, String), (u64, u64)> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, pid, name, hits, misses, _] = words[..] else { panic!("{line}") };
        let sum = sums.entry((pid.parse().unwrap(), name.to_owned())).or_default();
        sum.0 += hits.parse::<u64>().unwrap();
        sum.1 += misses.parse::<u64>().unwrap();
    }
    assert!(!sums.is_empty(), "{output:?}");
    sums
}

fn of_caches(bundle: &Bundle) -> Vec<&Warning> {
    let ours = |warning: &&Warning| {
        matches!(warning, Warning::Cache { .. } | Warning::PythonNotEntered { .. } | Warning::AgentFailed { .. })
    };
    bundle.warnings().filter(ours).collect()
}

fn named<'a>(bundle: &'a Bundle, name: &str) -> &'a CacheRecord {
    let mut found = bundle.caches.iter().filter(|record| record.name == name);
    let first = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} is there twice");
    first
}

/// Eight caches over threads, fork, spawn, `os._exit` and exec, on every interpreter.
#[test]
fn every_counter_of_every_process_is_right() {
    for python in interpreters() {
        for (words, processes) in [("eight", 4), ("execs", 1)] {
            let (output, bundle) = case(&python, &[words]);
            let (counted, told) = (counted(&bundle), told(&output));
            assert_eq!(counted.len(), told.len(), "{} {words}", python.display());
            assert_eq!(counted, told, "{} {words}", python.display());
            assert_eq!(told.len(), 8 * processes);
            assert_eq!(of_caches(&bundle).len(), 0, "{:?}", of_caches(&bundle));
            let cut = bundle.caches.iter().find(|record| record.cut && record.requests > Some(0));
            assert!(cut.is_none_or(|cut| cut.file.is_none()), "{cut:?}");
        }
    }
}

#[test]
fn a_record_says_what_the_cache_is() {
    let (_, bundle) = case(&python(), &["eight"]);
    let (thrash, fib) = ("__main__.thrash", "__main__.fib");
    let first = |name: &str| bundle.caches.iter().find(|record| record.name == name).unwrap();
    let record = first(thrash);
    assert_eq!((record.line, record.capacity, record.entries), (Some(17), Some(128), Some(128)));
    assert_eq!((record.hits, record.evictions), (Some(0), record.misses.map(|misses| misses - 128)));
    assert_eq!((record.library.as_str(), record.policy.as_deref()), ("functools", Some("lru")));
    assert_eq!((record.scope, record.source, record.counting_ns), (CacheScope::Function, CounterSource::Library, None));
    assert_eq!((record.recursive, record.resets, record.ttl_ns, record.instances), (false, 0, None, None));
    assert_eq!(record.requests, record.misses);
    let record = first(fib);
    assert_eq!((record.recursive, record.unbounded, record.capacity), (true, true, None));
    assert!(record.from_ns <= record.to_ns && !record.series.is_empty());
    // Those that the standard library made for itself are there, too.
    assert!(
        bundle.caches.iter().any(|record| record.file.as_deref().is_some_and(|file| file.contains("/lib/python3")))
    );
}

#[test]
fn what_was_counted_before_a_clear_is_kept_and_freed_caches_are_read_as_they_go() {
    let (output, bundle) = case(&python(), &["clears"]);
    for ((_, name), (hits, misses)) in told(&output) {
        let record = bundle.caches.iter().find(|record| record.name == format!("__main__.{name}")).unwrap();
        if name == "closure.<locals>.inner" {
            assert_eq!((record.hits, record.misses, record.instances), (Some(hits), Some(misses), Some(2)));
            continue;
        }
        // Five rounds before the clear, one after it.
        let rounds = |first: u64, again: u64| Some(first + 4 * again + first);
        let expect = match name.as_str() {
            "thrash" => (Some(0), rounds(200, 200)),
            "plain" | "Shop.price" => (rounds(0, 10), rounds(10, 0)),
            "typed" => (rounds(7, 10), rounds(3, 0)),
            "Shop.tax" => (rounds(8, 10), rounds(2, 0)),
            "off" => (Some(0), rounds(10, 10)),
            "fib" => (rounds(18, 1), rounds(21, 0)),
            other => panic!("{other}"),
        };
        assert_eq!((record.hits, record.misses), expect, "{name}");
        assert_eq!((record.resets, record.evictions), (1, None), "{name}");
        let series = &record.series;
        assert!(series.t_ns.len() > 1 && series.t_ns.is_sorted() && series.misses.is_sorted(), "{series:?}");
    }
    let (_, bundle) = case(&python(), &["freed"]);
    let sums = counted(&bundle);
    let of = |name: &str| sums.iter().find(|((_, known), _)| known == name).map(|(_, sum)| *sum);
    assert_eq!(of("closure.<locals>.inner"), Some((800, 200)));
    assert_eq!(of("freed.<locals>.cycle.<locals>.inner"), Some((10, 100)));
    assert_eq!(named(&bundle, "__main__.closure.<locals>.inner").instances, Some(50));
    assert_eq!(of_caches(&bundle).len(), 0, "{:?}", of_caches(&bundle));
}

/// Keys whose hash or equality raises, what cannot be hashed, functions that raise, things that are no functions.
#[test]
fn odd_keys_and_functions_behave_as_without_us() {
    for python in interpreters() {
        let command = [python.to_str().unwrap(), "-X", "dev", "-W", "error", &program("caches.py"), "odd"];
        let plain = Command::new(command[0]).args(&command[1..]).output().unwrap();
        let (output, bundle) = recorded(&command, |_| {});
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&plain.stdout));
        assert_eq!((&output.stderr, output.status.code()), (&plain.stderr, plain.status.code()));
        let failing = named(&bundle, "__main__.odd.<locals>.fails");
        assert_eq!((failing.hits, failing.misses), (Some(0), Some(3)), "{}", python.display());
        assert!(bundle.caches.iter().any(|record| record.name == "builtins.abs" && record.file.is_none()));
    }
}

#[test]
fn workers_that_a_pool_ends_are_counted_and_a_killed_process_is_named() {
    for way in ["fork", "spawn", "forkserver"] {
        let (output, bundle) = case(&python(), &["pool", way]);
        assert!(output.status.success(), "{output:?}");
        let counted = counted(&bundle);
        let of = |name: &str| -> u64 {
            counted.iter().filter(|((_, known), _)| known == name).map(|(_, (hits, misses))| hits + misses).sum()
        };
        assert_eq!((of("thrash"), of("plain"), of("closure.<locals>.inner")), (1600, 80, 160), "{way}");
    }
    let (output, bundle) = case(&python(), &["killed"]);
    let told = told(&output);
    for (of, (hits, misses)) in counted(&bundle) {
        let (most_hits, most_misses) = told[&of];
        assert!(hits <= most_hits && misses <= most_misses && misses * 2 >= most_misses, "{of:?} {hits} {misses}");
    }
    assert!(bundle.caches.iter().all(|record| record.cut));
    let [Warning::Cache { reason, .. }] = &of_caches(&bundle)[..] else { panic!("{:?}", of_caches(&bundle)) };
    assert!(reason.contains("killed") && reason.contains("1 Python process"), "{reason}");
}

#[test]
fn nothing_is_said_of_programs_that_are_not_python_and_what_is_closed_is_named() {
    let (_, bundle) = recorded(&["sleep", "0.3"], |_| {});
    assert_eq!((bundle.caches.len(), of_caches(&bundle).len()), (0, 0));
    let (_, bundle) = recorded(&[python().to_str().unwrap(), "-I", "-c", "import time; time.sleep(0.5)"], |_| {});
    let [Warning::Cache { reason, fix, .. }] = &of_caches(&bundle)[..] else { panic!("{:?}", of_caches(&bundle)) };
    assert!(reason.contains("1 Python process") && reason.contains("-I"), "{reason}");
    assert!(!fix.is_empty());
}

/// What a fork became is read again, and what keeps us out of it.
#[test]
fn a_child_that_is_closed_is_named() {
    let code = "import os, sys; child = os.fork()\n\
                child or os.execv(sys.executable, [sys.executable, '-I', '-c', 'import time; time.sleep(0.6)'])\n\
                os.waitpid(child, 0)";
    let (_, bundle) = recorded(&[python().to_str().unwrap(), "-c", code], |_| {});
    let [Warning::Cache { reason, .. }] = &of_caches(&bundle)[..] else { panic!("{:?}", of_caches(&bundle)) };
    assert!(reason.contains("1 Python process") && reason.contains("-I"), "{reason}");
}

#[test]
fn of_a_program_that_was_killed_before_it_was_first_read_nothing_is_claimed() {
    let code = "import os, time; time.sleep(1.2); os.kill(os.getpid(), 9)";
    let (_, bundle) = recorded(&[python().to_str().unwrap(), "-c", code], |_| {});
    let [Warning::Cache { reason, .. }] = &of_caches(&bundle)[..] else { panic!("{:?}", of_caches(&bundle)) };
    assert!(reason.contains("nothing is known: it was killed before it was first read"), "{reason}");
    assert!(bundle.caches.is_empty(), "{:?}", bundle.caches);
}

#[test]
fn nothing_is_put_into_a_program_where_that_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.perf.zip");
    let mut run = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    run.args(["run", "-q", "--no-native", "--no-python", "--no-caches", "-o"])
        .arg(&target)
        .args(["--", "python3", "-c"]);
    let output = run.arg("import os; print(os.environ.get('PYTHONPATH'))").env_remove("PYTHONPATH").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "None\n");
    let bundle = bundle::read(&std::fs::read(&target).unwrap()).unwrap();
    assert!(bundle.caches.is_empty() && !bundle.manifest.settings.caches);
    assert!(!bundle.manifest.settings.injected.iter().any(|set| set == "PYTHONPATH"));
}

/// Name, hits, misses, and what else is to be known of it: entries, capacity, time to live in seconds.
type Expected = (&'static str, u64, u64, Option<u64>, Option<u64>, Option<u64>);

#[test]
fn libraries_are_counted_by_their_real_packages() {
    let packages = packages();
    let libraries: [(&str, &[Expected]); 8] = [
        (
            "cachetools",
            &[
                ("__main__.cachetools.store", 2, 1, Some(10), Some(10), Some(60)),
                ("__main__.cachetools.<locals>.quiet", 3, 2, Some(2), Some(10), None),
                ("__main__.cachetools.<locals>.told", 3, 2, Some(2), Some(10), None),
                ("__main__.cachetools.<locals>.plain", 3, 2, Some(2), None, None),
                ("__main__.cachetools.<locals>.Shop.price", 2, 4, None, Some(3), None),
            ],
        ),
        (
            "diskcache",
            &[("__main__.diskcache.disk", 2, 2, None, None, None), ("__main__.diskcache.fan", 6, 6, None, None, None)],
        ),
        ("cashews", &[("cashews.backends.memory.Memory", 4, 4, Some(3), Some(100), None)]),
        (
            "aiocache",
            &[
                ("__main__.aiocache.<locals>.triple", 2, 2, None, None, Some(30)),
                ("__main__.aiocache.memory", 2, 2, None, None, None),
            ],
        ),
        (
            "dogpile",
            &[
                ("__main__.region", 2, 2, Some(4), None, Some(3600)),
                ("__main__.dogpile.<locals>.quadruple", 2, 2, None, None, Some(3600)),
            ],
        ),
        (
            "advanced_caching",
            &[
                ("__main__.advanced_caching.<locals>.five", 2, 2, Some(2), None, Some(60)),
                ("__main__.advanced_caching.<locals>.six", 1, 1, None, None, Some(0)),
                ("__main__.advanced_caching.store", 1, 1, Some(1), None, None),
            ],
        ),
        (
            "django",
            &[
                ("django.core.cache.caches['default']", 3, 2, Some(1), Some(77), Some(300)),
                ("django.core.cache.caches['files']", 0, 1, None, Some(300), Some(300)),
            ],
        ),
        ("flask_caching", &[("__main__.flask_caching.memo", 1, 1, Some(1), Some(500), Some(300))]),
    ];
    for (library, expected) in libraries {
        let python = python();
        let program = program("cache_libraries.py");
        let command = [python.to_str().unwrap(), &program, library];
        let (output, bundle) = recorded(&command, |run| {
            run.env("PYTHONPATH", &packages).env("PYTHONDONTWRITEBYTECODE", "1");
        });
        assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{library}: {output:?}");
        assert_eq!(of_caches(&bundle).len(), 0, "{library}: {:?}", of_caches(&bundle));
        for &(name, hits, misses, entries, capacity, ttl) in expected {
            let record = named(&bundle, name);
            assert_eq!((record.hits, record.misses), (Some(hits), Some(misses)), "{name}");
            assert_eq!(record.library, library, "{name}");
            assert!(entries.is_none() || record.entries == entries, "{name}: {:?} entries", record.entries);
            assert_eq!(record.capacity, capacity, "{name}");
            assert_eq!(record.ttl_ns.map(|ttl| ttl.0 / 1_000_000_000), ttl, "{name}");
            let library_counts = name.ends_with("told");
            assert_eq!(record.counting_ns.is_none(), library_counts, "{name}: {:?}", record.counting_ns);
            assert_eq!(record.source == CounterSource::Library, library_counts, "{name}");
        }
    }
}

/// Records an interpreter with a cache of the user's in a folder; returns what that keeps of the recorder, and which file it is.
fn kept(python: &Path, store: &Path) -> (std::path::PathBuf, u64, Vec<u8>) {
    let code =
        "import sys, cachetools; print(cachetools.LRUCache(2).maxsize, [n for n in sys.modules if 'perfcollect' in n])";
    let (output, bundle) = recorded(&[python.to_str().unwrap(), "-c", code], |run| {
        run.env("XDG_CACHE_HOME", store).env("PYTHONPATH", packages());
        // What it asks of the program's byte code does not hold for ours.
        run.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPYCACHEPREFIX");
    });
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2 []\n", "{output:?}");
    assert_eq!(of_caches(&bundle), Vec::<&Warning>::new());
    let mut files = std::fs::read_dir(store.join("perfcollect")).unwrap().flatten();
    let file = files.find(|entry| entry.file_name().to_string_lossy().starts_with("recorder-")).unwrap();
    (file.path(), std::os::unix::fs::DirEntryExt::ino(&file), std::fs::read(file.path()).unwrap())
}

#[test]
fn what_one_recording_compiled_of_the_recorder_no_later_one_compiles() {
    for python in interpreters() {
        let store = tempfile::tempdir().unwrap();
        let (file, first, bytes) = kept(&python, store.path());
        for part in
            ["/sitecustomize.", "loader", "__init__", "caches", "caches_hook", "caches_objects", "caches_places"]
        {
            assert!(bytes.windows(part.len()).any(|found| found == part.as_bytes()), "{} {part}", python.display());
        }
        // It is written when anything was compiled.
        assert_eq!(kept(&python, store.path()).1, first, "{}", python.display());
        let mut damaged = bytes.clone();
        let last = damaged.len() - 40;
        damaged[last] ^= 0xff;
        std::fs::write(&file, damaged).unwrap();
        let (_, second, again) = kept(&python, store.path());
        assert!(second != first && again.len() == bytes.len(), "{}", python.display());
        assert_eq!(kept(&python, store.path()).1, second, "{}", python.display());
    }
}
