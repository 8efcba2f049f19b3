//! `PERFCOLLECT_EVENTS`: programs that tell what their caches count, in Python and in Rust.

use crate::bundles::Place;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, CacheRecord, CacheScope, CounterSource};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn record(place: &Place, command: &[&str]) -> (Bundle, Output) {
    let arguments = [&["run", "-q", "-o", "x.perf.zip", "--"], command].concat();
    let output = place.command(&arguments).env_remove("PERFCOLLECT_EVENTS").output().unwrap();
    (bundle::read(&fs::read(place.path().join("x.perf.zip")).unwrap()).unwrap(), output)
}

/// What programs reported; the rest is of other tests.
fn reported(bundle: &Bundle) -> Vec<&CacheRecord> {
    bundle.caches.iter().filter(|record| record.source == CounterSource::Reported).collect()
}

const REPORTER: &str = r#"
import json, os, sys, time

def say(**fields):
    line = {"kind": "cache", "pid": os.getpid(), "t_ns": time.monotonic_ns(), **fields}
    with open(os.environ["PERFCOLLECT_EVENTS"], "ab", buffering=0) as file:
        file.write(json.dumps(line).encode() + b"\n")

for step in range(1, 6):
    say(name="app.größe", library="own", file="app.py", line=7, hits=step * 10, misses=step, entries=step, capacity=8)
    time.sleep(0.01)
say(name="plain", hits=3)
if not (child := os.fork()):
    say(name="app.größe", library="own", file="app.py", line=7, hits=1, misses=1)
    os._exit(0)
os.waitpid(child, 0)
with open(os.environ["PERFCOLLECT_EVENTS"], "ab", buffering=0) as file:
    file.write(b"damaged\n" + b"y" * 100000 + b'\n{"kind":"span"}\n{"kind":"cache","name":"x","hits":-1}\n{"kind":"cache","na')
sys.exit(4)
"#;

#[test]
fn lines_of_any_program_become_caches() {
    let place = Place::new();
    fs::write(place.path().join("reporter.py"), REPORTER).unwrap();
    let (bundle, output) = record(&place, &["python3", "reporter.py"]);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(4), &b""[..]));
    let caches = reported(&bundle);
    assert_eq!(caches.len(), 3, "{caches:?}");
    let of = |hits: u64| *caches.iter().find(|record| record.hits == Some(hits)).unwrap();
    let (parent, child, plain) = (of(50), of(1), of(3));
    assert_eq!((parent.name.as_str(), parent.library.as_str(), parent.line), ("app.größe", "own", Some(7)));
    assert_eq!(
        (parent.misses, parent.requests, parent.entries, parent.capacity),
        (Some(5), Some(55), Some(5), Some(8))
    );
    assert_eq!((parent.scope, parent.evictions, parent.resets), (CacheScope::Object, None, 0));
    assert_eq!(parent.series.hits, [10, 20, 30, 40, 50].map(Some));
    let wall = bundle.manifest.wall_ns.unwrap();
    assert!(parent.series.t_ns.is_sorted() && *parent.series.t_ns.last().unwrap() <= wall.0, "{parent:?} {wall:?}");
    assert!(child.pid != parent.pid && child.name == parent.name && child.file == parent.file, "{child:?}");
    assert_eq!((plain.library.as_str(), plain.misses, plain.requests), ("reported", None, None));
    let said: Vec<String> = bundle.warnings().map(perfcollect_shared::report::warning_text).collect();
    let said = said.join("\n");
    for part in [
        "5 lines of PERFCOLLECT_EVENTS",
        "first line 8",
        "2 no JSON",
        "1 longer than 64 KiB",
        "1 of a kind",
        "1 with a field",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_program_that_gave_up_its_rights_can_report() {
    let place = Place::new();
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(place.path(), open).unwrap();
    let script = r#"echo '{"kind":"cache","name":"a","hits":1}' >>"$PERFCOLLECT_EVENTS""#;
    let (bundle, output) = record(&place, &["setpriv", "--reuid", "65534", "--clear-groups", "sh", "-c", script]);
    assert!(output.status.success() && reported(&bundle).len() == 1, "{}", String::from_utf8_lossy(&output.stderr));
}

/// Builds the example of the crate for programs.
fn example() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let arguments =
        ["build", "-q", "-p", "perfcollect-client", "--example", "caches", "--features", "moka,quick_cache"];
    let built = Command::new(env!("CARGO")).args(arguments).current_dir(workspace).status();
    assert!(built.unwrap().success(), "cargo {}", arguments.join(" "));
    let target = Path::new(env!("CARGO_BIN_EXE_perfcollect")).parent().unwrap().parent().unwrap();
    target.join("debug/examples/caches")
}

#[test]
fn a_rust_program_reports_moka_quick_cache_and_its_own() {
    let place = Place::new();
    let program = example();
    let alone = Command::new(&program).env_remove("PERFCOLLECT_EVENTS").current_dir(place.path()).output().unwrap();
    assert!(alone.status.success() && alone.stdout.is_empty() && alone.stderr.is_empty(), "{alone:?}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "nothing is written outside of a recording");
    let (bundle, output) = record(&place, &[program.to_str().unwrap()]);
    assert!(output.status.success());
    let caches = reported(&bundle);
    let seen: Vec<_> =
        caches.iter().map(|c| (c.library.as_str(), c.name.as_str(), c.hits, c.misses, c.entries)).collect();
    // 20 + 21 + … + 29 lookups of 29 keys, and three more of the first.
    let expect = [
        ("moka", "app.users", Some(219), Some(29), Some(29)),
        ("own", "app.own", Some(216), Some(29), None),
        ("quick_cache", "app.pages", Some(216), Some(29), Some(29)),
    ];
    assert_eq!(seen, expect);
    let evictions: Vec<_> = caches.iter().map(|cache| (cache.evictions, cache.expired)).collect();
    assert_eq!(evictions, [(Some(0), Some(0)), (None, None), (None, None)], "0 is not what is not known");
    for cache in caches {
        assert!(cache.file.as_deref().is_some_and(|file| file.ends_with("examples/caches.rs")), "{cache:?}");
        assert!(cache.series.t_ns.len() >= 10 && cache.series.hits[0] == Some(0), "{cache:?}");
        assert_eq!((cache.resets, cache.instances, cache.pid.is_some()), (0, None, true));
    }
}
