//! `caches try`: the thrash case, what was advised, and everything that makes a trial one of nothing.

use crate::agent::packages;
use perfcollect_shared::bundle::read;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// 200 keys in a loop over 128 slots, and a child that asks 10 times for one of the first.
const THRASH: &str = "
import functools, os

@functools.lru_cache(maxsize=128)
def f(n):
    return sum(range(n, n + 600))

@functools.lru_cache
def other(n):
    return n

for _ in range(150):
    for n in range(200):
        f(n)
other(1)
child = os.fork()
if child == 0:
    for _ in range(10):
        f(199)
    os._exit(0)
os.waitpid(child, 0)
";

fn perfcollect(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).env_remove("PERFCOLLECT_QUIET");
    let Output { status, stdout, stderr } = command.output().expect("perfcollect starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

fn thrash() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("thrash.py"), THRASH).unwrap();
    temp
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let words = [&["caches", "try", "--format", "json"], args, &["--", "python3", "thrash.py"]].concat();
    let (code, stdout, stderr) = perfcollect(folder, &words);
    assert_eq!(code, Some(0), "{stderr}");
    serde_json::from_str(&stdout).expect("one object of JSON")
}

#[test]
fn the_thrash_case_is_confirmed_with_an_interval_and_its_hits_are_seen() {
    let temp = thrash();
    let report = json(temp.path(), &["--runs", "8", "--set", "__main__.f=200", "-o", "trial.perf.zip"]);
    let comparisons = report["comparisons"].as_array().unwrap();
    let cpu = comparisons.iter().find(|one| one["metric"] == "cpu_ns").unwrap();
    assert_eq!((cpu["base"].as_str(), cpu["verdict"].as_str()), (Some("as it is"), Some("faster")), "{cpu}");
    assert!(cpu["ratio"].as_f64().unwrap() < 0.7 && cpu["high"].as_f64().unwrap() < 0.9, "{cpu}");
    for metric in ["wall_ns", "rss_bytes"] {
        assert!(comparisons.iter().any(|one| one["metric"] == metric && one["runs"] == 8), "{metric}");
    }
    let [before, after] = report["caches"].as_array().unwrap().as_slice() else { panic!("{report}") };
    let counts = |row: &Value| (row["capacity"].as_u64(), row["hits"].as_u64(), row["misses"].as_u64());
    // In each of 8 runs; what the child inherits is not counted twice.
    assert_eq!(counts(before), (Some(128), Some(8 * 10), Some(8 * 30_000)));
    assert_eq!(counts(after), (Some(200), Some(8 * 29_810), Some(8 * 200)));
    assert_eq!(after["capacity_in_source"], 128);
    let bundle = read(&fs::read(temp.path().join("trial.perf.zip")).unwrap()).unwrap();
    let names: Vec<&str> = bundle.manifest.benchmarks.iter().map(|benchmark| benchmark.name.as_str()).collect();
    assert_eq!(names, ["as it is", "__main__.f=200"]);
    assert_eq!(bundle.manifest.benchmarks[1].parameters["__main__.f"], "200");
    assert_eq!(bundle.runs.iter().filter(|run| run.counts()).count(), 16);
    assert_eq!(bundle.manifest.settings.bench["caches"], "__main__.f=200");
}

#[test]
fn a_cache_that_is_off_still_counts_and_each_is_a_side_of_its_own() {
    let temp = thrash();
    let set = ["--runs", "3", "--each", "--set", "__main__.f=unlimited", "--set", "__main__.other=off"];
    let report = json(temp.path(), &set);
    let of = |side: &str, name: &str| {
        let rows = report["caches"].as_array().unwrap();
        rows.iter()
            .find(|row| row["benchmark"] == side && row["name"] == name)
            .unwrap_or_else(|| panic!("{report}"))
            .clone()
    };
    let unlimited = of("__main__.f=unlimited", "__main__.f");
    assert_eq!((unlimited["capacity"].as_u64(), unlimited["misses"].as_u64()), (None, Some(3 * 200)));
    assert_eq!(of("__main__.f=unlimited", "__main__.other")["capacity"], 128, "it is not changed on this side");
    let off = of("__main__.other=off", "__main__.other");
    assert_eq!(
        (off["capacity"].as_u64(), off["misses"].as_u64(), off["entries"].as_u64()),
        (Some(0), Some(3), Some(0))
    );
}

#[test]
fn a_trial_of_nothing_is_told_before_it_is_measured() {
    let temp = thrash();
    let program = ["--", "python3", "thrash.py"];
    let check = |args: &[&str], program: &[&str], code: i32, parts: &[&str]| {
        let (found, stdout, stderr) = perfcollect(temp.path(), &[&["caches", "try"], args, program].concat());
        assert_eq!(found, Some(code), "{args:?}: {stderr}");
        assert!(parts.iter().all(|part| stderr.contains(part)), "{args:?}: {stderr}");
        assert_eq!(stdout, "", "{args:?}");
    };
    check(&["--set", "__main__.g=9"], &program, 1, &["no cache __main__.g", "nearest", "__main__.f"]);
    check(&["--set", "othr=9"], &program, 1, &["no cache othr", "the nearest: __main__.other"]);
    check(&["--set", "__main__.f"], &program, 2, &["NAME=N", "f=200"]);
    check(&["--set", "__main__.f=-1"], &program, 2, &["`-1` is no size"]);
    check(&["--set", "__main__.f=1", "--set", "__main__.f=2"], &program, 2, &["twice", "--each"]);
    check(&["--set", "f=1", "--set", "__main__.f=2"], &program, 2, &["twice", "--each"]);
    check(&["--set", "a.b=1"], &["--", "sh", "-c", "exit 3"], 1, &["no cache a.b", "exit status: 3"]);
    check(&["--set", "a.b=1"], &["--", "no-such-program"], 1, &["no-such-program"]);
    check(&[], &program, 1, &["no recording of this command", "run --cache-trace -- python3 thrash.py", "--set"]);
    assert!(!temp.path().join(".perfcollect").exists(), "nothing was measured");
}

/// Objects, methods and functions of cachetools, by the ends of their names.
const OBJECTS: &str = "
import functools
from cachetools import LRUCache, TTLCache, cached, cachedmethod

store = LRUCache(maxsize=10)

@cached(cache=TTLCache(maxsize=20, ttl=60))
def quiet(n):
    return n

class Shop:
    def __init__(self):
        self.mine = LRUCache(maxsize=3)

    @cachedmethod(lambda self: self.mine)
    def price(self, n):
        return n

@functools.lru_cache(maxsize=4)
def price(n):
    return n

shops = [Shop(), Shop()]
for n in range(30):
    store[n] = n
    store.get(n if n % 3 else -1)
    quiet(n)
    price(n)
    shops[n % 2].price(n)
    if n % 3 == 0:
        quiet(n)
        shops[n % 2].price(n)
print(store.maxsize, len(store), quiet.cache.maxsize, len(quiet.cache), shops[0].mine.maxsize, len(shops[0].mine), price.cache_info().maxsize)
";

#[test]
fn objects_of_cachetools_are_given_sizes_by_the_ends_of_their_names() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("objects.py"), OBJECTS).unwrap();
    let tried = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
        command.args(["caches", "try", "--runs", "2", "-o", "x.perf.zip", "--show-output"]).args(args);
        command.args(["--", "python3", "objects.py"]).current_dir(temp.path()).env("PYTHONPATH", packages());
        let output = command.stdin(Stdio::null()).env_remove("PERFCOLLECT_QUIET").output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, stdout, stderr) =
        tried(&["--set", "store=12", "--set", "quiet=off", "--set", "Shop.price=5", "--set", "__main__.price=7"]);
    assert_eq!(code, Some(0), "{stderr}");
    // What the program itself sees, on either side and in both runs.
    let sizes = |line: &str| stdout.lines().filter(|known| *known == line).count();
    assert_eq!((sizes("10 10 20 20 3 3 4"), sizes("12 12 0 0 5 5 7")), (2, 2), "{stdout}");
    assert!(stdout.contains("of 2 runs") && stdout.contains("--runs 6 gives one"), "{stdout}");
    // Of both runs: every third number is asked for twice, and one that is not there of the store.
    for line in [
        "as it is: __main__.store, 10 entries: 40 of 60 lookups were hits",
        "as it is: __main__.quiet, 20 entries: 20 of 80 lookups were hits",
        "as it is: __main__.Shop.price, 3 entries: 20 of 80 lookups were hits",
        "__main__.price=7: __main__.store, 12 entries: 40 of 60 lookups were hits",
        "__main__.price=7: __main__.quiet, off: 0 of 80 lookups were hits",
        "__main__.price=7: __main__.Shop.price, 5 entries: 20 of 80 lookups were hits",
    ] {
        assert!(stdout.contains(line), "{line}\n{stdout}");
    }
    for (set, parts) in [
        ("price=2", &["price may be any of __main__.Shop.price, __main__.price", "*price"][..]),
        ("store=off", &["__main__.store cannot be off", "__main__.store=1"]),
        ("stored=2", &["no cache stored", "the nearest: __main__.store"]),
    ] {
        let (code, _, stderr) = tried(&["--set", set]);
        assert!(code == Some(1) && parts.iter().all(|part| stderr.contains(part)), "{set}: {stderr}");
    }
    let (code, stdout, stderr) = tried(&["--set", "*price=off"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.lines().any(|line| line == "10 10 20 20 0 0 0"), "{stdout}");
}

#[test]
fn what_a_recording_advises_is_said_and_tried() {
    let temp = thrash();
    let run = ["run", "--quiet", "--cache-trace", "-o", "advice.perf.zip", "--", "python3", "thrash.py"];
    let mut said = String::new();
    // What a miss takes is measured: a machine that is busy with something else may leave it open.
    for _ in 0..3 {
        let (code, _, stderr) = perfcollect(temp.path(), &run);
        assert_eq!(code, Some(0), "{stderr}");
        said = perfcollect(temp.path(), &["caches", "show", "advice.perf.zip"]).1;
        if said.contains("RESIZE to 200") {
            break;
        }
        fs::remove_file(temp.path().join("advice.perf.zip")).unwrap();
    }
    assert!(said.contains("RESIZE to 200"), "{said}");
    let words = ["caches", "try", "--runs", "3", "--from", "advice.perf.zip", "--", "python3", "thrash.py"];
    let (code, stdout, stderr) = perfcollect(temp.path(), &words);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("__main__.f 128 -> 200, RESIZE"), "{stderr}");
    assert!(
        stdout.contains("__main__.f=200: __main__.f, 200 entries: 89,430 of 90,030 lookups were hits (99 %)"),
        "{stdout}"
    );
}
