//! `run --python lines`: hits against a count by hand and against Python's own `trace`.

use crate::python::{Recording, interpreters, program, record};
use perfcollect_shared::model::LineCount;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Rows of the program's own file, over all processes.
fn hits(recording: &Recording, file: &str) -> BTreeMap<u32, u64> {
    let mut sums = BTreeMap::new();
    for row in recording.bundle.lines.iter().filter(|row| row.file.ends_with(file)) {
        *sums.entry(row.line).or_default() += row.hits;
    }
    sums
}

/// The comments of `lines.py`: how often their line runs.
fn by_hand() -> BTreeMap<u32, u64> {
    let text = fs::read_to_string(program("lines.py")).unwrap();
    let count = |line: &str| line.rsplit_once("  # ").and_then(|(_, number)| number.parse().ok());
    (1..).zip(text.lines()).filter_map(|(number, line)| Some((number, count(line)?))).collect()
}

fn row(recording: &Recording, line: u32) -> &LineCount {
    recording.bundle.lines.iter().find(|row| row.line == line && row.file.ends_with("lines.py")).expect("it ran")
}

#[test]
fn hits_are_those_counted_by_hand_in_threads_too() {
    let expect = by_hand();
    assert!(expect.len() > 20);
    for python in interpreters() {
        let python = python.to_str().unwrap();
        let recording = record(&["--python", "lines"], &[python, &program("lines.py"), "--threads"]);
        let found = hits(&recording, "lines.py");
        for (line, hits) in &expect {
            assert_eq!(found.get(line), Some(hits), "{python}, line {line}");
        }
        assert_eq!(recording.agent_failures(), Vec::<String>::new(), "{python}");
        let own = |row: &LineCount| row.file.ends_with("lines.py");
        assert!(recording.bundle.lines.iter().all(own), "only the program's own files are counted");
    }
}

#[test]
fn hits_are_those_of_the_trace_module() {
    let folder = tempfile::tempdir().unwrap();
    let mut trace = Command::new("python3");
    trace.args(["-m", "trace", "--count", "-C"]).arg(folder.path()).arg(program("lines.py"));
    assert!(trace.output().unwrap().status.success());
    let cover = fs::read_to_string(folder.path().join("lines.cover")).unwrap();
    let count = |line: &str| line.trim_start().split_once(": ").and_then(|(number, _)| number.parse::<u64>().ok());
    let expect: BTreeMap<u32, u64> = (1..).zip(cover.lines()).filter_map(|(n, line)| Some((n, count(line)?))).collect();
    assert!(expect.len() > 30, "{cover}");
    let recording = record(&["--python", "lines"], &["python3", &program("lines.py")]);
    assert_eq!(hits(&recording, "lines.py"), expect);
}

#[test]
fn total_time_holds_calls_and_self_time_does_not() {
    let recording = record(&["--python", "lines"], &["python3", &program("lines.py")]);
    // Line 46 calls slow(), whose loop is lines 41 and 42; line 60 calls what calls it.
    let (call, outer) = (row(&recording, 46), row(&recording, 60));
    let inside: u64 = [41, 42].map(|line| row(&recording, line).self_ns.0).iter().sum();
    assert!(call.total_ns.0 >= inside && call.self_ns.0 < inside / 10, "{call:?} {inside}");
    assert!(outer.total_ns >= call.total_ns && outer.self_ns < call.total_ns, "{outer:?}");
}

#[test]
fn lines_before_an_exit_without_goodbye_are_kept() {
    let mut run = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("x.perf.zip");
    run.args(["run", "--quiet", "--python", "lines", "-o"]).arg(&target);
    run.args(["--", "python3", &program("lines.py"), "--exit", "3"]);
    assert_eq!(run.status().unwrap().code(), Some(3));
    let bundle = perfcollect_shared::bundle::read(&fs::read(&target).unwrap()).unwrap();
    assert!(bundle.lines.iter().any(|row| row.line == 60 && row.hits == 1 && row.total_ns.0 > 0));
}

fn script(folder: &Path, text: &str) -> String {
    let path = folder.join("script.py");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_debugger_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = "import sys\nseen = []\ndef tracer(frame, event, arg):\n    seen.append(event)\n    return tracer\n\
                sys.settrace(tracer)\ndef f():\n    return 1\nf()\nsys.settrace(None) if '-x' in sys.argv else None\n\
                print(seen.count('line'), sys.gettrace() is tracer)\n";
    let script = script(folder.path(), text);
    let plain = Command::new("python3").arg(&script).output().unwrap();
    let recording = record(&["--python", "lines"], &["python3", &script]);
    assert_eq!(String::from_utf8_lossy(&recording.output.stdout), String::from_utf8_lossy(&plain.stdout));
    let version =
        Command::new("python3").args(["-c", "import sys; print(sys.version_info >= (3, 12))"]).output().unwrap();
    let failures = recording.agent_failures();
    if version.stdout.starts_with(b"True") {
        assert_eq!(failures, Vec::<String>::new());
    } else {
        assert!(matches!(&failures[..], [reason] if reason.contains("trace function")), "{failures:?}");
    }
}

#[test]
fn generators_forks_and_exceptions_keep_calls_apart() {
    let folder = tempfile::tempdir().unwrap();
    let text = "import os\ndef gen():\n    try:\n        yield 1\n        yield 2\n    finally:\n        pass\n\
                g = gen()\nnext(g)\ng.throw(KeyError) if False else g.close()\n\
                def child():\n    x = 1\n    return x\npid = os.fork()\nif pid == 0:\n    child()\n    os._exit(0)\n\
                os.waitpid(pid, 0)\nchild()\n";
    let script = script(folder.path(), text);
    let recording = record(&["--python", "lines"], &["python3", &script]);
    let found = hits(&recording, "script.py");
    let expect = [(4, 1), (7, 1), (12, 2), (13, 2), (14, 1), (16, 1), (17, 1), (18, 1), (19, 1)];
    for (line, hits) in expect {
        assert_eq!(found.get(&line), Some(&hits), "line {line} of {found:?}");
    }
    assert_eq!(found.get(&5), None, "{found:?}");
    let pids: std::collections::BTreeSet<u32> = recording.bundle.lines.iter().map(|row| row.pid).collect();
    assert_eq!(pids.len(), 2);
}
