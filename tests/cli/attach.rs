//! `attach`: programs that ran before, recorded without being touched.

use crate::native::{build, column, functions_by_thread, open, report, source};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use perfcollect_shared::model::Exit;
use perfcollect_shared::units::Nanos;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const PERFCOLLECT: &str = env!("CARGO_BIN_EXE_perfcollect");

fn attach(pid: u32, options: &[&str], bundle: &Path) -> Command {
    let mut command = Command::new(PERFCOLLECT);
    command.args(["attach", &pid.to_string(), "--rate", "999"]).args(options).arg("-o").arg(bundle);
    command.env_remove("PERFCOLLECT_QUIET").stderr(Stdio::piped());
    command
}

/// Starts it and waits until it records.
fn attached(command: &mut Command) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.starts_with("perfcollect: recording process "), "{line}");
    (child, said)
}

fn end(mut child: Child, mut said: BufReader<std::process::ChildStderr>) -> String {
    let mut text = String::new();
    said.read_to_string(&mut text).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {text}");
    text
}

/// A program at work, that has said its first line.
fn household(program: &Path) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    expect(&mut said, "ready\n");
    (child, said)
}

fn expect(said: &mut impl BufRead, line: &str) {
    let mut got = String::new();
    said.read_line(&mut got).unwrap();
    assert_eq!(got, line);
}

#[test]
fn a_running_python_program_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("python.perf.zip");
    let program = source("split.py");
    let mut python = Command::new("python3");
    python.arg(&program).args(["--seconds", "4"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let python = python.spawn().unwrap();
    // It has used some time when we come.
    while cpu_ticks(python.id()) < 50 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = python.id();
    let (attaching, said) = attached(&mut attach(pid, &[], &bundle));
    let Output { status, stdout, stderr } = python.wait_with_output().unwrap();
    let text = end(attaching, said);
    assert!(text.contains(&format!("attached to process {pid}")), "{text}");
    assert!(status.success() && String::from_utf8_lossy(&stdout).starts_with("results "), "{stdout:?}");
    assert_eq!(String::from_utf8_lossy(&stderr).lines().count(), 1, "nothing is added to what it says");

    let report = report(&bundle);
    let shares = column(&report, "self_share");
    let all: f64 = ["hot70", "warm20", "cool10"].iter().filter_map(|name| shares.get(*name)).sum();
    for (name, share) in [("hot70", 0.7), ("warm20", 0.2), ("cool10", 0.1)] {
        let got = shares.get(name).copied().unwrap_or(0.0) / all;
        assert!((got - share).abs() < 0.03, "{name}: {got} in {shares:?}");
    }
    assert!(all > 0.9, "{shares:?}");
    let manifest = open(&bundle).manifest;
    assert_eq!(manifest.attached.map(|attached| attached.pid), Some(pid));
    assert_eq!((manifest.exit, manifest.partial), (Exit::default(), false), "{:?}", manifest.warnings);
    assert!(manifest.command.iter().any(|word| word.ends_with("split.py")), "{:?}", manifest.command);
    // What it used before we came is not ours, neither in sums nor in samples.
    let cpu = manifest.cpu_ns.unwrap();
    assert!(cpu > Nanos::SECOND && cpu < Nanos(3_700_000_000), "{cpu:?}");
    let weight = report["profiles"][0]["weight_ns"].as_u64().unwrap();
    assert!(weight > cpu.0 / 10 * 9 && weight < cpu.0 / 10 * 11, "{weight} of {cpu:?}");
}

/// User and system time of a process in clock ticks.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn threads_and_children_of_before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("household.perf.zip");
    let (mut target, mut said) = household(&build("household.c", &folder, &[]));
    let (attaching, told) = attached(&mut attach(target.id(), &["--no-python"], &bundle));
    target.stdin.as_mut().unwrap().write_all(b"more\n").unwrap();
    expect(&mut said, "more\n");
    std::thread::sleep(std::time::Duration::from_secs(2));
    kill(Pid::from_raw(i32::try_from(attaching.id()).unwrap()), Signal::SIGINT).unwrap();
    end(attaching, told);
    assert!(target.try_wait().unwrap().is_none(), "Ctrl-C is for perfcollect, the program goes on");
    drop(target.stdin.take());
    assert_eq!(target.wait().unwrap().code(), Some(3));

    let recorded = open(&bundle);
    let by_thread = functions_by_thread(&recorded.profiles[0]);
    let of = |function: &str| by_thread.iter().find(|(_, names)| names.contains(function)).map(|(thread, _)| thread);
    let parent = target.id();
    let work = ["work_of_old_thread", "work_of_old_child", "work_of_new_thread", "work_of_new_child"];
    let pids: Vec<u32> =
        work.iter().map(|name| of(name).unwrap_or_else(|| panic!("no {name} in {by_thread:?}")).0).collect();
    assert!(pids[0] == parent && pids[2] == parent && pids[1] != parent && pids[3] != parent, "{pids:?}");
    assert_eq!(pids.iter().collect::<BTreeSet<_>>().len(), 3, "{pids:?}");
    assert_eq!(of("work_of_old_thread").unwrap().1, "old-worker");
    // Each was at work all the time; none counts twice.
    let profile = &recorded.profiles[0];
    let weight: u64 = profile.samples.weight.iter().map(|weight| weight.0).sum();
    let cpu = recorded.manifest.cpu_ns.unwrap();
    assert!(weight > cpu.0 / 100 * 93 && weight < cpu.0 / 100 * 107, "{weight} of {cpu:?}");
    let codes: Vec<_> = report(&bundle)["warnings"].as_array().unwrap().iter().map(|w| w["code"].to_string()).collect();
    assert!(!codes.iter().any(|code| code.contains("survivors")), "{codes:?}");
}

#[test]
fn a_duration_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("short.perf.zip");
    let (mut target, _said) = household(&build("household.c", &folder, &[]));
    let done = attach(target.id(), &["--quiet", "--duration", "300ms"], &bundle).output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    assert!(target.try_wait().unwrap().is_none());
    let manifest = open(&bundle).manifest;
    assert!(manifest.wall_ns.unwrap() >= Nanos(300_000_000), "{manifest:?}");
    assert!(manifest.cpu_ns.unwrap() < Nanos(manifest.wall_ns.unwrap().0 * 3), "{manifest:?}");
    drop(target.stdin.take());
    assert_eq!(target.wait().unwrap().code(), Some(3));
}

fn refusal(pid: u32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let done = attach(pid, &[], &folder.path().join("no.perf.zip")).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    String::from_utf8(done.stderr).unwrap()
}

#[test]
fn what_cannot_be_attached_to_is_said() {
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    assert_eq!(refusal(gone.id()), format!("perfcollect: there is no process {}\n", gone.id()));

    let mut zombie = Command::new("true").spawn().unwrap();
    while !fs::read_to_string(format!("/proc/{}/stat", zombie.id())).unwrap().contains(") Z ") {
        std::thread::yield_now();
    }
    assert!(refusal(zombie.id()).contains("has ended"));
    zombie.wait().unwrap();

    let tid = nix::unistd::gettid().as_raw().unsigned_abs();
    let process = std::process::id();
    assert!(refusal(tid).contains(&format!("run: perfcollect attach {process}")), "a thread of this test");
}

/// Another user's process needs more rights, and the one command that brings them is said.
#[test]
fn the_process_of_another_user() {
    if !nix::unistd::geteuid().is_root() {
        let said = refusal(1);
        assert!(said.contains("run: sudo perfcollect attach 1"), "{said}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let copy: PathBuf = folder.path().join("perfcollect");
    fs::copy(PERFCOLLECT, &copy).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&copy);
    let pid = std::process::id();
    let done = command.args(["attach", &pid.to_string(), "-o"]).arg(folder.path().join("x.zip")).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1));
    assert!(said.contains("belongs to root") && said.contains(&format!("sudo perfcollect attach {pid}")), "{said}");
}
