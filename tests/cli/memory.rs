//! `run --python alloc`: memory against a program that knows what it keeps, and against tracemalloc itself.

use crate::python::{Recording, interpreters, program, record};
use perfcollect_shared::derive::memory::{FunctionMemory, Memory, memory};
use perfcollect_shared::derive::selection::Selection;
use perfcollect_shared::model::{SnapshotReason, Warning};
use perfcollect_shared::units::Bytes;
use std::process::Command;

const MIB: f64 = (1 << 20) as f64;

fn derived(recording: &Recording, selection: &Selection) -> Memory {
    memory(recording.bundle.alloc_profile().expect("the profile alloc"), &recording.bundle.memory, selection)
}

fn function(recording: &Recording, memory: &Memory, name: &str) -> FunctionMemory {
    let profile = recording.bundle.alloc_profile().expect("the profile alloc");
    let found = memory.functions.iter().find(|row| profile.function_name(row.function) == name);
    *found.unwrap_or_else(|| panic!("no {name}"))
}

fn near(found: f64, expect: f64, tolerance: f64, what: &str) {
    assert!((found - expect).abs() <= expect * tolerance, "{what}: {found} instead of {expect}");
}

/// What tracemalloc said in the program: current and peak bytes.
fn traced(recording: &Recording) -> (f64, f64) {
    let text = String::from_utf8_lossy(&recording.output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("traced ")).unwrap_or_else(|| panic!("{text}"));
    let (current, peak) = line.split_once(' ').expect("two numbers");
    (current.parse().unwrap(), peak.parse().unwrap())
}

#[test]
fn a_leak_is_found_where_it_is_and_the_peak_is_tracemallocs() {
    for python in interpreters() {
        let python = python.to_str().unwrap();
        let recording = record(&["--python", "alloc"], &[python, &program("leak.py"), "24"]);
        let memory = derived(&recording, &Selection::default());
        let remember = function(&recording, &memory, "remember");
        near(remember.own.end.as_f64(), 24.0 * MIB, 0.02, python);
        near(u32::try_from(remember.own.growth.bytes).unwrap().into(), 24.0 * MIB, 0.02, python);
        assert_eq!(remember.own.growth.grew + remember.own.growth.shrank, remember.own.growth.grew, "{remember:?}");
        let scratch = memory
            .functions
            .iter()
            .find(|row| recording.bundle.alloc_profile().unwrap().function_name(row.function) == "scratch");
        assert!(scratch.is_none_or(|scratch| scratch.own.end < Bytes(100_000)), "{scratch:?}");
        let (current, peak) = traced(&recording);
        near(memory.total.end.as_f64(), current, 0.05, python);
        near(memory.processes[0].peak.unwrap().as_f64(), peak, 0.05, python);
        assert!(peak > 1.3 * current, "the program uses memory for a moment");
        for (point, total) in memory.points.iter().zip(recording.bundle.memory.iter()) {
            assert_eq!(point.process_bytes, total.current_bytes, "stacks add up to all traced memory");
        }
        assert_eq!(recording.bundle.memory.last().map(|total| total.reason), Some(SnapshotReason::Exit));
        assert_eq!(recording.agent_failures(), Vec::<String>::new(), "{python}");
    }
}

#[test]
fn a_forked_child_counts_its_own_memory_only() {
    let recording = record(&["--python", "alloc"], &["python3", &program("leak.py"), "16", "--fork"]);
    let whole = derived(&recording, &Selection::default());
    let [parent, child] = &whole.processes[..] else { panic!("{:?}", whole.processes) };
    let of = |pid| {
        let memory = derived(&recording, &Selection { pid: Some(pid), ..Selection::default() });
        function(&recording, &memory, "remember").own.end.as_f64()
    };
    near(of(parent.pid), 16.0 * MIB, 0.02, "parent");
    near(of(child.pid), 8.0 * MIB, 0.02, "child");
}

#[test]
fn a_program_that_uses_tracemalloc_itself_is_not_disturbed() {
    let command = ["python3", &program("leak.py"), "4", "--own-tracemalloc"];
    let plain = Command::new(command[0]).args(&command[1..]).output().unwrap();
    let recording = record(&["--python", "alloc"], &command);
    assert_eq!(recording.output.stdout, plain.stdout);
    let cost = |warning: &Warning| matches!(warning, Warning::Injected { what } if what.contains("tracemalloc"));
    assert!(recording.bundle.manifest.warnings.iter().any(cost), "what tracing costs is not measured, so it is said");
    assert!(String::from_utf8_lossy(&plain.stdout).contains("own True"));
    let failures = recording.agent_failures();
    assert!(matches!(&failures[..], [reason] if reason.contains("stopped tracemalloc")), "{failures:?}");
}

#[test]
fn what_a_killed_program_had_told_is_kept() {
    let recording =
        record(&["--python", "alloc"], &["sh", "-c", &format!("python3 {} 24 --kill; true", program("leak.py"))]);
    let totals = &recording.bundle.memory;
    assert!(totals.iter().all(|total| total.reason != SnapshotReason::Exit) && !totals.is_empty(), "{totals:?}");
    let cut = |warning: &Warning| matches!(warning, Warning::AgentCut { .. });
    assert!(recording.bundle.manifest.warnings.iter().any(cut), "{:?}", recording.bundle.manifest.warnings);
}

#[test]
fn the_report_and_the_summary_tell_of_growth() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("leak.perf.zip");
    let perfcollect = || Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    let mut run = perfcollect();
    run.args(["run", "--python", "alloc", "-o"]).arg(&target).args(["--", "python3", &program("leak.py"), "8"]);
    let output = run.env_remove("PERFCOLLECT_QUIET").output().unwrap();
    let summary = String::from_utf8_lossy(&output.stderr);
    let line = summary.lines().find(|line| line.contains("Python memory:")).unwrap_or_else(|| panic!("{summary}"));
    assert!(line.contains("most growth: remember") && line.contains("leak.py:18") && line.contains("+8"), "{line}");
    let text = perfcollect().arg("report").arg(&target).output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&text).contains("Python memory by allocating line"));
    let json = perfcollect().arg("report").arg(&target).args(["--format", "json"]).output().unwrap().stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let site = &json["memory"]["sites"][0];
    assert_eq!((site["name"].as_str(), site["line"].as_u64()), (Some("remember"), Some(18)), "{site}");
    assert!(json["memory"]["peak_bytes"].as_u64() > json["memory"]["end_bytes"].as_u64());
    assert_eq!(json["lines"], serde_json::Value::Null);
}

/// What `go tool pprof` reads: the memory at the end, by objects and bytes.
#[test]
fn the_pprof_member_is_a_heap_profile() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("leak.perf.zip");
    let mut run = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    run.args(["run", "--quiet", "--python", "alloc", "-o"]).arg(&target).args([
        "--",
        "python3",
        &program("leak.py"),
        "8",
    ]);
    assert!(run.output().unwrap().status.success());
    let profile = crate::pprof::unpack(&target, "profiles/alloc.pb.gz");
    let text = |index: i64| profile.string_table[usize::try_from(index).unwrap()].as_str();
    let types: Vec<(&str, &str)> = profile.sample_type.iter().map(|kind| (text(kind.ty), text(kind.unit))).collect();
    assert_eq!(types, [("inuse_objects", "count"), ("inuse_space", "bytes")]);
    let read = perfcollect_shared::bundle::read(&std::fs::read(&target).unwrap()).unwrap();
    let bytes: i64 = profile.sample.iter().map(|sample| sample.value[1]).sum();
    assert_eq!(Some(bytes.unsigned_abs()), read.memory.last().map(|total| total.current_bytes.0));
}

#[test]
fn stacks_are_as_deep_as_asked_for() {
    let deepest = |options: &[&str]| {
        let recording = record(options, &["python3", &program("leak.py"), "4"]);
        let profile = recording.bundle.alloc_profile().expect("the profile alloc").clone();
        let depth = |row: usize| profile.stacks.frames(profile.samples.stack[row]).count();
        (0..profile.samples.len()).map(depth).max()
    };
    assert_eq!(deepest(&["--python", "alloc", "--alloc-depth", "2"]), Some(2));
    assert!(deepest(&["--python", "alloc"]) > Some(3));
}
