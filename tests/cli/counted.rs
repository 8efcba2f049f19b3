//! Events beside the clock: counts of processes against those of the kernel, and the functions that they happened in.

use crate::bundles::Place;
use crate::native::build;
use perfcollect_shared::bundle::pprof;
use perfcollect_shared::model::{ProfileInfo, WeightKind};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// A program and its child that touch so many pages, recorded; the report, and the page faults that each process says of itself.
fn record(place: &Place, pages: [&str; 2], events: &str) -> (Value, Vec<(u64, u64)>) {
    let folder = tempfile::tempdir().unwrap();
    let program = build("pages.c", &folder, &["-g"]);
    let program = program.to_str().unwrap();
    let run = ["run", "-q", "--no-python", "--events", events, "-o", "x.perf.zip", "--", program, pages[0], pages[1]];
    let said = place.stdout(&run);
    let row = |line: &str| {
        let (pid, faults) = line.split_once(' ').unwrap();
        (pid.parse().unwrap(), faults.parse().unwrap())
    };
    (place.json(&["report", "x.perf.zip", "--format", "json"]), said.lines().map(row).collect())
}

fn event<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["events"].as_array().unwrap().iter().find(|event| event["name"] == name).unwrap()
}

#[test]
fn page_faults_are_those_of_the_kernel_in_the_function_that_touches_pages() {
    let place = Place::new();
    let (report, own) = record(&place, ["150000", "60000"], "page-faults,context-switches");
    let faults = event(&report, "page-faults");
    let share = |name: &str| {
        let row = faults["functions"].as_array().unwrap().iter().find(|row| row["name"] == name);
        row.map_or(0.0, |row| row["total_share"].as_f64().unwrap())
    };
    assert!(share("touch") > 0.9 && share("compute") < 0.02, "{faults:#}");
    if report["profiles"][0]["lost"] != 0 {
        assert_eq!(faults["count"], Value::Null, "where records were lost nobody knows");
        return;
    }
    assert_eq!(own.len(), 2);
    for (pid, expect) in own {
        let process = faults["processes"].as_array().unwrap().iter().find(|row| row["pid"] == pid).unwrap();
        let count = process["count"].as_u64().unwrap();
        assert!(count.abs_diff(expect) < 300 + expect / 100, "{expect}: {process}");
        assert_eq!(process["enabled_ns"], process["running_ns"], "nothing shares a counter of the kernel");
    }
    // The profile holds just what was counted.
    let folded = place.stdout(&["export", "x.perf.zip", "--to", "folded", "--metric", "page-faults", "-o", "-"]);
    let weight = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    let sum: u64 = folded.lines().map(weight).sum();
    assert!(sum.abs_diff(faults["count"].as_u64().unwrap()) < 3_000, "{sum}: rounded for each sample, {faults:#}");
    let touching: u64 = folded.lines().filter(|line| line.contains(";touch")).map(weight).sum();
    assert!(touching * 10 > sum * 9, "{folded}");
    place.stdout(&["export", "x.perf.zip", "--to", "pprof", "--metric", "page-faults", "-o", "x.pb.gz"]);
    let info = ProfileInfo { name: "page-faults".into(), weight: WeightKind::Events, ..ProfileInfo::default() };
    let read = pprof::decode(&fs::read(place.path().join("x.pb.gz")).unwrap(), info, None).unwrap();
    assert_eq!(read.samples.total_weight().0, sum);
    let text = place.stdout(&["report", "x.perf.zip"]);
    assert!(text.contains("page-faults: ") && text.contains(" in 2 processes, "), "{text}");
}

#[test]
fn an_event_that_is_refused_is_said_and_the_rest_recorded() {
    let place = Place::new();
    let (report, _) = record(&place, ["20000", "0"], "llc,major-faults,LLC-load-misses");
    let misses = event(&report, "LLC-load-misses");
    let warnings = report["warnings"].as_array().unwrap();
    let told = warnings.iter().find(|warning| warning["code"] == "event" && warning["what"] == "LLC-load-misses");
    if misses["samples"].is_null() {
        let told = told.unwrap_or_else(|| panic!("{warnings:?}"));
        assert!(told["message"].as_str().unwrap().starts_with("LLC-load-misses: not counted: "), "{told}");
        assert!(!told["fix"].as_str().unwrap().is_empty(), "{told}");
        assert_eq!((&misses["count"], &misses["processes"]), (&Value::Null, &serde_json::json!([])));
    }
    assert_eq!(report["events"].as_array().unwrap().len(), 2, "one that is asked for twice is one");
    assert!(!event(&report, "major-faults")["samples"].is_null());
}

#[test]
fn names_are_checked_before_anything_runs() {
    let place = Place::new();
    let refused = |options: &[&str]| {
        let done = place.run(&[&["run"], options, &["--", "touch", "ran"]].concat());
        assert_eq!(done.status.code(), Some(2), "{options:?}");
        String::from_utf8(done.stderr).unwrap()
    };
    let said = refused(&["--events", "page-fault"]);
    assert!(said.contains("did you mean page-faults?") && said.contains("LLC-load-misses (llc)"), "{said}");
    let said = refused(&["--events", "llc", "--no-native"]);
    assert!(said.contains("--no-native"), "{said}");
    assert!(!place.path().join("ran").exists());
}

#[test]
fn several_runs_have_the_counts_of_each() {
    let place = Place::new();
    place.stdout(&["run", "-q", "--runs", "2", "--events", "page-faults", "-o", "x.perf.zip", "--", "true"]);
    let report = place.json(&["report", "x.perf.zip", "--format", "json"]);
    assert_eq!(event(&report, "page-faults")["processes"].as_array().unwrap().len(), 2, "{report:#}");
    let said = place.failure(1, &["export", "x.perf.zip", "--to", "folded", "--metric", "nonsense", "-o", "-"]);
    assert!(said.contains("it has cpu, page-faults"), "{said}");
    let said = place.failure(1, &["export", "x.perf.zip", "--metric", "page-faults", "-o", "x.html"]);
    assert!(said.contains("folded and pprof do"), "{said}");
}

#[test]
fn what_was_counted_when_perfcollect_was_killed_is_recovered() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let program = build("pages.c", &folder, &["-g"]);
    let script = "\"$0\" 60000; read end";
    let run = ["run", "-q", "--no-python", "--events", "page-faults", "-o", "x.perf.zip", "--", "sh", "-c", script];
    let mut command = place.command(&run);
    command.arg(&program).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The shell ends when this is closed.
    let stdin = child.stdin.take();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (pid, expect) = line.trim().split_once(' ').unwrap();
    let (pid, expect): (u64, u64) = (pid.parse().unwrap(), expect.parse().unwrap());
    let told = |line: &str| {
        let of_it = line.contains(&format!("\"pid\":{pid},")) && line.contains("\"count\":");
        of_it && !line.contains("\"count\":null")
    };
    let spool = place.path().join("x.perf.zip.spool/native.jsonl");
    let until = Instant::now() + Duration::from_mins(1);
    while !fs::read_to_string(&spool).unwrap_or_default().lines().any(told) && Instant::now() < until {
        thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdin);
    place.stdout(&["recover", "x.perf.zip.spool"]);
    let report = place.json(&["report", "x.perf.zip", "--format", "json"]);
    if report["profiles"][0]["lost"] != 0 {
        return;
    }
    let faults = event(&report, "page-faults");
    let processes = faults["processes"].as_array().unwrap();
    let process = processes.iter().find(|row| row["pid"] == pid).unwrap_or_else(|| panic!("{faults:#}"));
    let count = process["count"].as_u64().unwrap_or_else(|| panic!("{process}"));
    assert!(count.abs_diff(expect) < 300 + expect / 100, "{expect}: {process}");
}
