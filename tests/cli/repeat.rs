//! `run --runs N`: several recordings in one bundle.

use crate::bundles::Place;
use crate::shell::Shell;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, Run, Warning};
use perfcollect_shared::units::Nanos;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Computes for a while and tells its arguments.
const BUSY: &str =
    "import sys\ndef work():\n    return sum(i * i for i in range(400000))\nwork()\nprint('ran', *sys.argv[1:])";
/// A shell script that counts its runs in the file `n`.
const COUNT: &str = "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n;";

fn read(path: &Path) -> Bundle {
    let bundle = bundle::read(&fs::read(path).unwrap()).unwrap();
    assert_eq!(bundle.reading, []);
    bundle
}

fn start_of(run: &Run) -> Nanos {
    run.t_ns.unwrap()
}

/// Spools and parts that were left behind.
fn left_behind(place: &Place) -> Vec<String> {
    let names = fs::read_dir(place.library()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("spool") || name.contains("part")).collect()
}

#[test]
fn every_run_has_its_row_and_its_samples() {
    let place = Place::new();
    let arguments =
        ["run", "--runs", "4", "--warmup", "1", "--label", "busy", "--tag", "t", "--rate", "999", "-o", "x.zip"];
    let output = place.run(&[&arguments[..], &["--", "python3", "-c", BUSY, "--runs", "9"]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ran --runs 9\n".repeat(5), "with the warm-up");
    assert!(told.contains("in 4 runs") && told.contains("perfcollect: 4 runs: wall "), "{told}");
    assert!(!place.path().join("x.zip.spool").exists());

    let bundle = read(&place.path().join("x.zip"));
    let manifest = &bundle.manifest;
    assert_eq!((manifest.label.as_deref(), &manifest.tags[..]), (Some("busy"), &["t".to_owned()][..]));
    assert_eq!((manifest.settings.runs, manifest.summary.runs, manifest.partial), (Some(4), 4, false));
    assert_eq!(bundle.runs.len(), 5);
    assert!(bundle.runs[0].warmup && bundle.runs[0].t_ns.is_none() && bundle.runs[0].metrics.contains_key("wall_ns"));
    let runs = &bundle.runs[1..];
    assert!(runs.iter().all(|run| !run.warmup && run.exit.code == Some(0) && run.benchmark == "python3"));
    for (name, whole) in [("wall_ns", manifest.wall_ns), ("cpu_ns", manifest.cpu_ns), ("user_ns", manifest.user_ns)] {
        let sum: f64 = runs.iter().map(|run| run.metrics[name]).sum();
        assert!((sum - whole.unwrap().as_f64()).abs() < 8.0, "{name}: {sum} of {whole:?}");
    }

    // Each process lives within one run, and so do its samples.
    let run_at = |time: Nanos| runs.iter().rposition(|run| start_of(run) <= time).unwrap();
    let roots: Vec<usize> = bundle.timeline.processes.iter().map(|process| run_at(process.start_ns)).collect();
    assert_eq!(roots.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    for process in &bundle.timeline.processes {
        assert_eq!(run_at(process.start_ns), run_at(process.end_ns.unwrap()), "{process:?}");
    }
    let profile = bundle.main_profile().unwrap();
    let times = profile.samples.time.as_ref().unwrap();
    for (&time, &thread) in times.iter().zip(&profile.samples.thread) {
        let pid = profile.threads.get(thread).pid;
        let of_pid = bundle.timeline.processes.iter().position(|process| process.pid == pid);
        assert_eq!(of_pid.map(|row| roots[row]), Some(run_at(time)), "process {pid} at {time:?}");
    }
    let sampled: std::collections::BTreeSet<usize> = times.iter().map(|&time| run_at(time)).collect();
    assert_eq!(sampled.len(), 4, "every run was sampled");

    let report = place.json(&["report", "x.zip", "--format", "json"]);
    assert_eq!((&report["runs"]["count"], &report["runs"]["warmups"]), (&4.into(), &1.into()));
    let metrics = &report["runs"]["benchmarks"][0]["metrics"];
    assert_eq!(metrics["wall_ns"]["values"].as_array().unwrap().len(), 4, "{metrics}");
    let text = place.stdout(&["report", "x.zip"]);
    assert!(text.contains(" in 4 runs") && text.contains("\n4 runs: wall "), "{text}");
}

#[test]
fn the_exit_code_is_of_the_first_run_that_failed_and_the_others_go_on() {
    let place = Place::new();
    let script = format!("{COUNT} exit $((n * 3 % 7))");
    let output = place.run(&["run", "-q", "--strict", "--runs", "3", "--", "sh", "-c", &script]);
    assert_eq!((output.status.code(), output.stderr), (Some(3), Vec::new()));
    let path = place.library().join(place.json(&["list", "--format", "json"])["bundles"][0]["name"].as_str().unwrap());
    let codes: Vec<_> = read(&path).runs.iter().map(|run| run.exit.code.unwrap()).collect();
    assert_eq!(codes, [0, 3, 6]);
    let text = place.stdout(&["report"]);
    assert!(text.contains("; 2 of 3 runs failed, the first with exit 3\n"), "{text}");
    assert!(place.stdout(&["list"]).contains(" in 3 runs"));
}

#[test]
fn what_cannot_be_started_is_tried_once_and_leaves_nothing() {
    let place = Place::new();
    fs::write(place.path().join("text"), "no program").unwrap();
    let missing = place.failure(127, &["run", "--runs", "5", "--", "./missing"]);
    assert_eq!(missing.matches("there is no program").count(), 1, "{missing}");
    assert!(place.failure(126, &["run", "--runs", "5", "--", "./text"]).contains("cannot be executed"));
    assert_eq!(left_behind(&place), Vec::<String>::new());
    let vanishes = format!("{COUNT} [ $n -lt 1 ] || rm prog; exit 0");
    fs::write(place.path().join("prog"), format!("#!/bin/sh\n{vanishes}\n")).unwrap();
    place.stdout(&["run", "-q", "--", "chmod", "+x", "prog"]);
    place.failure(127, &["run", "-q", "--runs", "5", "-o", "two.zip", "--", "./prog"]);
    let bundle = read(&place.path().join("two.zip"));
    assert_eq!(bundle.runs.len(), 2, "what was recorded before is kept");
    let told = |warning: &Warning| matches!(warning, Warning::Partial { reason } if reason.contains("2 of 5 runs"));
    assert!(bundle.manifest.partial && bundle.manifest.warnings.iter().any(told), "{:?}", bundle.manifest.warnings);
}

#[test]
fn nonsense_is_usage() {
    let place = Place::new();
    for arguments in [
        &["run", "--runs", "0", "--", "true"][..],
        &["run", "--runs", "many", "--", "true"],
        &["run", "--warmup", "1", "--", "true"],
        &["run", "--runs", "2", "--self-profile", "f", "--", "true"],
    ] {
        assert_eq!(place.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert!(place.failure(125, &["run", "--runs", "2", "-o", ".", "--", "true"]).contains("is a folder"));
}

#[test]
fn each_run_reads_the_same_input() {
    let place = Place::new();
    fs::write(place.path().join("input"), "skipped\nline\n").unwrap();
    let script = "$0 run -q --runs 3 -- cat";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &format!("(read first; {script}) < input"), env!("CARGO_BIN_EXE_perfcollect")]);
    let output = command.current_dir(place.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text, "line\n".repeat(3), "{}", String::from_utf8_lossy(&output.stderr));
    let piped = place.command(&["run", "--runs", "2", "--", "cat"]).stdin(Stdio::piped()).output().unwrap();
    assert!(String::from_utf8_lossy(&piped.stderr).contains("stdin is a pipe, which only the first run can read"));
}

#[test]
fn what_is_recorded_inside_python_is_there_of_each_run() {
    let place = Place::new();
    let modes =
        ["run", "-q", "--strict", "--runs", "3", "--python", "calls,lines", "--clock", "wall", "-o", "x.zip", "--"];
    fs::write(place.path().join("busy.py"), BUSY).unwrap();
    place.stdout(&[&modes[..], &["python3", "busy.py"]].concat());
    let bundle = read(&place.path().join("x.zip"));
    let work: Vec<_> = bundle.calls.iter().filter(|call| call.name == "work").collect();
    assert_eq!(work.iter().map(|call| call.calls).collect::<Vec<_>>(), [1, 1, 1]);
    for call in &work {
        let caller = &bundle.calls[call.callers[0].row as usize];
        assert_eq!((caller.pid, caller.name.as_str()), (call.pid, "<module>"), "rows of callers are moved");
    }
    assert_eq!(bundle.lines.iter().filter(|line| line.file.ends_with("busy.py") && line.line == 3).count(), 3);
    assert!(bundle.profiles.iter().any(|profile| profile.info.name == "wall"));
    let report = place.json(&["report", "x.zip", "--format", "json"]);
    let rows = report["calls"].as_array().unwrap();
    let calls: u64 = rows.iter().filter(|row| row["name"] == "work").map(|row| row["calls"].as_u64().unwrap()).sum();
    assert_eq!(calls, 3);
}

#[test]
fn live_memory_of_runs_is_of_each_alone() {
    let place = Place::new();
    let hold = "import sys\nx = bytearray(30_000_000)\nsys.exit(0)";
    fs::write(place.path().join("hold.py"), hold).unwrap();
    place.stdout(&["run", "-q", "--runs", "3", "--python", "alloc", "-o", "x.zip", "--", "python3", "hold.py"]);
    let memory = &place.json(&["report", "x.zip", "--format", "json"])["memory"];
    let peak = memory["peak_bytes"].as_u64().unwrap();
    assert!((30_000_000..40_000_000).contains(&peak), "{peak}: three runs never lived together");
    assert_eq!(memory["processes"].as_array().unwrap().len(), 3);
}

/// A series whose programs say `ready`.
fn started(place: &Place, script: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = place
        .command(&["run", "-q", "--runs", "3", "-o", "x.zip", "--", "sh", "-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn expect_line(stdout: &mut BufReader<ChildStdout>, text: &str) {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, format!("{text}\n"));
}

#[test]
fn a_signal_ends_the_run_and_the_series_and_keeps_what_there_is() {
    let place = Place::new();
    let script = format!(
        "{COUNT} trap 'echo got; exit 7' TERM; echo ready $n; [ $n -ge 1 ] && while :; do sleep 0.05; done; exit 0"
    );
    let (mut child, mut stdout) = started(&place, &script);
    expect_line(&mut stdout, "ready 0");
    expect_line(&mut stdout, "ready 1");
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("got\n", Some(7)), "once, and no third run");
    let bundle = read(&place.path().join("x.zip"));
    assert_eq!(bundle.runs.len(), 2);
    assert!(bundle.runs[0].metrics.contains_key("wall_ns"));
    assert!(bundle.runs[1].metrics.is_empty(), "a run that was stopped says nothing of the program's times");
    assert!(bundle.manifest.partial);
    let warnings = place.json(&["report", "x.zip", "--format", "json"])["warnings"].to_string();
    assert!(warnings.contains("interrupted: 2 of 3 runs recorded"), "{warnings}");
}

#[test]
fn ctrl_c_ends_the_series_and_ctrl_z_stops_it() {
    let mut shell = Shell::start(24, 80);
    shell.send("$P run -q --runs 3 -- sh -c 'echo rea\"\"dy; exec sleep 100'; echo code=$?\n");
    shell.expect("ready");
    shell.send("\x03");
    shell.expect("code=130");
    shell.send("$P report | grep -c 'interrupted: 1 of 3 runs'\n");
    shell.expect("\n1");
    shell.send("$P run -q --runs 2 -- sh -c 'echo rea\"\"dy; read x; echo g\"\"ot $x; exit 9'; echo code=$?\n");
    shell.expect("ready");
    shell.send("\x1a");
    shell.expect("Stopped");
    shell.send("jobs -l; fg; echo code=$?\n");
    shell.expect("Stopped");
    // What is typed before the program has the terminal may go to the shell.
    shell.until("hello\n", "got hello");
    shell.until("hello\n", "got hello");
    shell.expect("code=9");
}

#[test]
fn a_kill_of_the_series_loses_no_run() {
    let place = Place::new();
    let script = format!("{COUNT} echo ready $n; [ $n -ge 2 ] && sleep 1; echo done $n");
    let (mut child, mut stdout) = started(&place, &script);
    for line in ["ready 0", "done 0", "ready 1", "done 1", "ready 2"] {
        expect_line(&mut stdout, line);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let spool = "x.zip.spool";
    let early = place.run(&["recover", spool]);
    let told = String::from_utf8_lossy(&early.stderr).into_owned();
    if !early.status.success() {
        assert!(told.contains("goes on; recover it when the program has ended"), "{told}");
        expect_line(&mut stdout, "done 2");
        let deadline = Instant::now() + Duration::from_mins(1);
        while !place.run(&["recover", spool]).status.success() {
            assert!(Instant::now() < deadline, "the last run does not end");
            thread::sleep(Duration::from_millis(50));
        }
    }
    assert!(!place.path().join(spool).exists());
    let bundle = read(&place.path().join("x.zip"));
    assert_eq!(bundle.runs.len(), 3, "the last one went on, and was packed by itself");
    assert!(bundle.manifest.partial);
}

#[test]
fn a_kill_of_everything_keeps_the_runs_before_and_the_one_at_hand() {
    let place = Place::new();
    let script = format!("{COUNT} echo ready $n; [ $n -ge 1 ] && sleep 100; exit 0");
    let mut child = place
        .command(&["run", "-q", "--runs", "3", "--", "sh", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    expect_line(&mut stdout, "ready 0");
    expect_line(&mut stdout, "ready 1");
    let children = |pid: u32| fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let recorder: u32 = children(child.id()).trim().parse().unwrap();
    let program: i32 = children(recorder).split_whitespace().next().unwrap().parse().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    kill(Pid::from_raw(i32::try_from(recorder).unwrap()), Signal::SIGKILL).unwrap();
    kill(Pid::from_raw(program), Signal::SIGKILL).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !place.stdout(&["list"]).contains("a recording was cut short") {
        assert!(Instant::now() < deadline, "the kill has no end");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(place.stdout(&["recover"]).contains("recovered "));
    let list = place.json(&["list", "--format", "json"]);
    let bundle = read(&place.path().join(list["bundles"][0]["path"].as_str().unwrap()));
    assert_eq!((bundle.runs.len(), bundle.manifest.partial), (2, true));
    assert_eq!((bundle.runs[0].exit.code, bundle.runs[1].exit.code), (Some(0), None));
    assert!(!bundle.runs[1].metrics.contains_key("wall_ns"));
    assert_eq!(left_behind(&place), Vec::<String>::new());
}
