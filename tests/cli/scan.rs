//! `scan`: the real binary on real source, on bad source, and on a recording of what it scanned.

use crate::bundles::Place;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, CacheRecord, CallCount};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::sync::Arc;

const CORE: &str = "import functools

@functools.lru_cache
def area(side):
    return side * side

@functools.cache
def idle(x):
    return x
";

const MAIN: &str = "from app.core import area
for side in range(200):
    area(side % 20)
";

fn app() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.path().join("src/app")).unwrap();
    fs::write(place.path().join("src/app/__init__.py"), "").unwrap();
    fs::write(place.path().join("src/app/core.py"), CORE).unwrap();
    fs::write(place.path().join("main.py"), MAIN).unwrap();
    place
}

/// A scan whose cache folder lies in the place.
fn scanned(place: &Place, arguments: &[&str]) -> Value {
    let mut command = place.command(&["scan", ".", "--format", "json"]);
    let output = command.args(arguments).env("XDG_CACHE_HOME", place.path().join(".store")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn looked_at(scan: &Value) -> (u64, u64) {
    (scan["counts"]["parsed"].as_u64().unwrap(), scan["counts"]["linked"].as_u64().unwrap())
}

#[test]
fn caches_are_told_with_their_places() {
    let place = app();
    let text = place.stdout(&["scan", ".", "--no-cache"]);
    for part in [
        "src/app/core.py:3  app.core.area",
        "128 (default)",
        "called at 1 place, 1 in loops",
        "! unbounded",
        "record a run",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let scan = scanned(&place, &["--no-cache"]);
    let caches = scan["caches"].as_array().unwrap();
    assert_eq!(
        (caches[0]["line"].as_u64(), caches[0]["def_line"].as_u64(), caches[0]["capacity"].as_u64()),
        (Some(3), Some(4), Some(128))
    );
    assert_eq!(caches[0]["sites"]["list"][0]["file"], "main.py");
    assert_eq!(caches[1]["capacity"], Value::Null);
    assert_eq!(caches[1]["unbounded"], true);
}

#[test]
fn only_what_depends_on_a_change_is_looked_at_again() {
    let place = app();
    fs::write(place.path().join("other.py"), "import os\nprint(os.name)\n").unwrap();
    let first = scanned(&place, &[]);
    assert_eq!(looked_at(&first), (4, 4));
    // Files that were written just before the store are not believed by their times alone.
    let again = scanned(&place, &[]);
    assert_eq!(looked_at(&again), (0, 0), "{again}");
    assert_eq!(again["caches"], first["caches"]);

    // A body: nobody else can tell.
    fs::write(place.path().join("src/app/core.py"), CORE.replace("side * side", "side * side * 2")).unwrap();
    assert_eq!(looked_at(&scanned(&place, &[])), (1, 1));
    // A new name in the module: who imports from it may mean another thing now.
    fs::write(place.path().join("src/app/core.py"), format!("{CORE}\ndef more(x): return x\n")).unwrap();
    assert_eq!(looked_at(&scanned(&place, &[])), (1, 2));
    // The same size at once: the times tell.
    fs::write(place.path().join("main.py"), MAIN.replace("20", "30")).unwrap();
    assert_eq!(looked_at(&scanned(&place, &[])), (1, 1));
    let fresh = scanned(&place, &["--no-cache"]);
    let kept = scanned(&place, &[]);
    assert_eq!((&kept["caches"], &kept["candidates"]), (&fresh["caches"], &fresh["candidates"]));
}

#[test]
fn a_damaged_store_is_as_if_there_were_none() {
    let place = app();
    let first = scanned(&place, &[]);
    let folder = place.path().join(".store/perfcollect");
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    }
    let second = scanned(&place, &[]);
    assert_eq!(looked_at(&second), (3, 3));
    assert_eq!(first["caches"], second["caches"]);
}

#[test]
fn bad_input_is_told_and_the_rest_goes_on() {
    let place = app();
    let at = |name: &str| place.path().join(name);
    fs::write(at("two.py"), "print 'two'\n").unwrap();
    fs::write(at("raw.py"), b"# \xff\n").unwrap();
    fs::write(at("latin.py"), b"# coding: latin-1\nimport functools\n@functools.cache\ndef \xe9t\xe9(x): return x\n")
        .unwrap();
    fs::write(at("名前.py"), "import functools\n@functools.cache\ndef 面積(x): return x\n").unwrap();
    fs::create_dir(at("loop")).unwrap();
    symlink(place.path(), at("loop/again")).unwrap();
    fs::create_dir(at("locked")).unwrap();
    fs::write(at("locked/x.py"), "x = 1\n").unwrap();
    fs::set_permissions(at("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    let scan = scanned(&place, &[]);
    fs::set_permissions(at("locked"), fs::Permissions::from_mode(0o755)).unwrap();
    let problems: Vec<(&str, Option<u64>)> = scan["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["file"].as_str().unwrap(), p["line"].as_u64()))
        .collect();
    assert!(problems.contains(&("two.py", Some(1))) && problems.contains(&("raw.py", Some(1))), "{problems:?}");
    // Root may read everything.
    let root = fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    assert!(root || problems.contains(&("locked", None)), "{problems:?}");
    let names: Vec<&str> = scan["caches"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["latin.été", "app.core.area", "app.core.idle", "名前.面積"]);

    let output = place.run(&["scan", "nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot scan nowhere"));
}

/// A bundle in which `area` was counted, `idle` never asked.
fn recording(place: &Place, calls: bool) {
    let file = place.path().canonicalize().unwrap().join("src/app/core.py").display().to_string();
    let record = |name: &str, line, hits, misses, entries| CacheRecord {
        name: format!("app.core.{name}"),
        library: "functools".into(),
        file: Some(file.clone()),
        line: Some(line),
        pid: Some(7),
        requests: Some(hits + misses),
        hits: Some(hits),
        misses: Some(misses),
        entries: Some(entries),
        capacity: (name == "area").then_some(128),
        unbounded: name != "area",
        ..CacheRecord::default()
    };
    let mut bundle = Bundle::default();
    bundle.manifest.id = "01ARZ3NDEKTSV4RRFFQ6900001".into();
    bundle.manifest.start = "2026-11-21T10:00:03Z".into();
    bundle.caches =
        Arc::new(vec![record("area", 3, 180, 20, 20), record("idle", 7, 0, 0, 0), record("lost", 90, 1, 1, 1)]);
    if calls {
        let call =
            CallCount { pid: 7, file, line: 3, name: "area".into(), calls: 20, primitive: 20, ..CallCount::default() };
        bundle.calls = Arc::new(vec![call]);
    }
    place.put("0001-main-aaaaaa.perf.zip", &bundle::write(&bundle).unwrap());
}

#[test]
fn a_recording_says_what_ran_and_never_what_to_remove() {
    let place = app();
    recording(&place, true);
    let scan = scanned(&place, &["--with", "last", "--write-evaluations", "guide"]);
    let [area, idle] = [0, 1].map(|number| &scan["caches"][number]["runtime"]);
    assert_eq!(
        (area["ran"].as_str(), area["hits"].as_u64(), area["calls"].as_u64()),
        (Some("ran"), Some(180), Some(20))
    );
    assert_eq!((idle["ran"].as_str(), idle["hits"].as_u64(), &idle["calls"]), (Some("not_run"), Some(0), &Value::Null));
    assert_eq!(scan["recording"]["undeclared"][0]["line"], 90);
    let text = place.stdout(&["scan", ".", "--with", "last", "--no-cache"]);
    assert!(
        text.contains("ran: 180 hits, 20 misses, 20 entries") && text.contains("another scenario may use it"),
        "{text}"
    );
    assert!(!text.to_lowercase().contains("remove"), "{text}");

    let rows: Value =
        serde_json::from_slice(&fs::read(place.path().join("guide/existing_cache_evaluations.json")).unwrap()).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["recommendation"], "ADJUST_SIZE");
    assert_eq!((rows[0]["suggested_maxsize"].as_u64(), rows[0]["hit_rate_percent"].as_f64()), (Some(40), Some(90.0)));
    assert_eq!((rows[0]["module"].as_str(), rows[0]["function"].as_str()), (Some("app.core"), Some("area")));
}

/// A bundle that says nothing of functions.
fn measurements(place: &Place, name: &str) {
    let mut bundle = Bundle::default();
    bundle.manifest.id = "01ARZ3NDEKTSV4RRFFQ6900002".into();
    bundle.manifest.start = "2026-11-21T11:00:03Z".into();
    place.put(name, &bundle::write(&bundle).unwrap());
}

#[test]
fn the_last_that_tells_of_functions_is_taken() {
    let place = app();
    measurements(&place, "0001-true-bbbbbb.perf.zip");
    let output = place.run(&["scan", ".", "--with", "last", "--no-cache"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("holds neither a profile nor counters of caches;"), "{error}");

    recording(&place, false);
    measurements(&place, "0002-true-cccccc.perf.zip");
    let scan = scanned(&place, &["--with", "last"]);
    assert!(scan["recording"]["file"].as_str().unwrap().ends_with("0001-main-aaaaaa.perf.zip"), "{scan}");
    let output = place.run(&["scan", ".", "--with", "2", "--no-cache"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("0002-true-cccccc"), "{error}");
}

/// Functions that have no cache. With an argument they get one, and what Python counts of it is printed.
const SHOP: &str = "import functools, json, sys

def worth(number):
    total = 0
    for step in range(8_000):
        total += step * number
    return total

def looped(number):
    total = 0
    for step in range(8_000):
        total += step * number
    return total

def scattered(number, more=0):
    total = 0
    for step in range(8_000):
        total += step * number
    return total + more

def different(number):
    total = 0
    for step in range(8_000):
        total += step * number
    return total

def quick(number):
    return sum([step * number for step in range(3) for _ in range(2)])

def falling(number):
    total = 0
    for step in range(20_000):
        total += step
    return total if number < 2 else number + falling(number - 1)

if sys.argv[1:]:
    worth, looped, scattered = [functools.lru_cache(maxsize=128)(each) for each in (worth, looped, scattered)]
for call in range(1_000):
    worth(call % 50)
    looped(call % 129)
    scattered(call * call % 331)
    different(call)
for call in range(100):
    quick(call % 5)
for call in range(10):
    falling(10)
if sys.argv[1:]:
    caches = {'worth': worth, 'looped': looped, 'scattered': scattered}
    print(json.dumps({name: cache.cache_info()[:2] for name, cache in caches.items()}))
";

#[test]
fn a_cache_that_is_not_there_is_recommended_by_what_it_would_have_done() {
    let place = Place::new();
    fs::create_dir(place.path().join("shop")).unwrap();
    let program = "shop/prices.py";
    fs::write(place.path().join(program), SHOP).unwrap();
    let candidates = "--cache-candidates=worth,looped,scattered,different,quick,falling";
    place.stdout(&["run", "--quiet", "--no-native", candidates, "--", "python3", program]);

    let output = place.run(&["scan", ".", "--with", "last", "--write-evaluations", "guide", "--no-cache"]);
    let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success() && text.contains("lru_cache(maxsize=128), simulated: 950 hits, 50 misses;"),
        "{text}"
    );
    for part in [
        "wrote guide/cache_recommendations.json with 2 functions, whose cached_time is simulated",
        "less than 20 % hits (2)",
        "less than 0.1 s in all calls (1)",
        "it calls itself (1)",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    // What Python itself counts with the cache that is proposed.
    let cached = Command::new("python3").args([program, "cached"]).current_dir(place.path()).output().unwrap();
    let counted: Value = serde_json::from_slice(&cached.stdout).unwrap();
    assert_eq!((&counted["worth"][0], &counted["looped"][0]), (&Value::from(950), &Value::from(0)));
    let scan = scanned(&place, &["--with", "last"]);
    for name in ["worth", "looped", "scattered"] {
        let of_name = |candidate: &&Value| candidate["name"] == format!("prices.{name}");
        let candidate = scan["candidates"].as_array().unwrap().iter().find(of_name).unwrap();
        let told = &candidate["runtime"]["simulated"];
        assert_eq!((&told["hits"], &told["misses"]), (&counted[name][0], &counted[name][1]), "{name}");
        assert_eq!((candidate["runtime"]["ran"].as_str(), told["calls"].as_u64()), (Some("ran"), Some(1_000)));
    }

    let file = place.path().join("guide/cache_recommendations.json");
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let wall = scan["recording"]["wall_ns"].as_f64().unwrap() / 1e9;
    for row in &rows {
        let name = row["function"].as_str().unwrap();
        assert!(["worth", "scattered"].contains(&name), "{row}");
        assert_eq!(row["line"].as_u64().unwrap(), line_of(&format!("def {name}(")), "{row}");
        assert_eq!((&row["file"], &row["module"]), (&Value::from(program), &Value::from("prices")));
        let evidence = &row["evidence"];
        assert_eq!((&evidence["hits"], &evidence["misses"]), (&counted[name][0], &counted[name][1]), "{row}");
        let [without, with] = ["baseline_time", "cached_time"].map(|time| evidence[time].as_f64().unwrap());
        let speedup = row["speedup_percent"].as_f64().unwrap();
        assert!((without - wall).abs() < 1e-4 && with < without, "{row}");
        assert!((speedup - (without - with) / without * 100.0).abs() < 0.1, "{row}");
    }

    place.stdout(&["import", "guide/cache_recommendations.json", "-o", "back.perf.zip"]);
    let back = bundle::read(&fs::read(place.path().join("back.perf.zip")).unwrap()).unwrap();
    let worth = back.caches.iter().find(|record| record.name == "prices.worth").unwrap();
    assert_eq!((back.caches.len(), worth.hits, worth.misses, worth.capacity), (2, Some(950), Some(50), Some(128)));
}

fn line_of(text: &str) -> u64 {
    SHOP.lines().position(|line| line.starts_with(text)).unwrap() as u64 + 1
}

#[test]
fn without_keys_no_cache_is_recommended_and_the_command_is_told() {
    let place = app();
    recording(&place, false);
    let write = ["scan", ".", "--with", "last", "--no-cache", "--write-evaluations", "guide"];
    let said = String::from_utf8(place.run(&write).stderr).unwrap();
    assert!(said.contains("was not written: the recording has no keys of functions without a cache"), "{said}");
    assert!(said.contains("`perfcollect run --cache-candidates 'GLOB' -- COMMAND`"), "{said}");
    let file = place.path().join("guide/cache_recommendations.json");
    assert!(!file.exists() && place.path().join("guide/existing_cache_evaluations.json").exists());
    fs::write(&file, "[]").unwrap();
    let said = String::from_utf8(place.run(&write).stderr).unwrap();
    assert!(said.contains("was left as an earlier scan wrote it"), "{said}");
}

/// Real packages whose decorators and calls were told by Python itself: `tests/data/scan/label.py` says how.
#[test]
fn real_packages_are_read_as_python_reads_them() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let packages = root.join("target/scan-packages");
    assert!(packages.is_dir(), "the packages are not installed: tests/run tools");
    let labels = root.join("tests/data/scan/labels.json");
    let output = Command::new("python3")
        .arg(root.join("tests/data/scan/score.py"))
        .args([env!("CARGO_BIN_EXE_perfcollect").as_ref(), packages.as_os_str(), labels.as_os_str()])
        .output()
        .expect("python3 is installed (apt-get install python3)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let score: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (part, recall) in [("caches", 0.99), ("calls", 0.85)] {
        let number = |name: &str| score[part][name].as_f64().unwrap();
        assert!(number("precision") >= 0.97 && number("recall") >= recall, "{score}");
    }
    assert!(score["caches"]["labels"].as_u64().unwrap() + score["calls"]["labels"].as_u64().unwrap() >= 300, "{score}");
}
