//! Wall time: programs that wait for known reasons and tell how long, recorded by the real binary.

use crate::native::{build, open, report};
use perfcollect_shared::derive::lanes::{Cell, State, lanes};
use perfcollect_shared::model::{Bundle, FunctionKind, Profile, WaitReason};
use perfcollect_shared::units::Nanos;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const PERFCOLLECT: &str = env!("CARGO_BIN_EXE_perfcollect");

struct Recording {
    path: PathBuf,
    bundle: Bundle,
    /// What the program measured of its functions, in seconds.
    truth: BTreeMap<String, f64>,
    _folder: TempDir,
}

fn program(name: &str) -> String {
    format!("{}/../tests/data/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn record(options: &[&str], command: &[&str]) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wall.perf.zip");
    let mut run = Command::new(PERFCOLLECT);
    run.args(["run", "--quiet", "-o"]).arg(&path).args(options).arg("--").args(command);
    let output = run.output().unwrap();
    assert!(output.status.success(), "{run:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stderr);
    let truth = text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    Recording { bundle: open(&path), path, truth, _folder: folder }
}

impl Recording {
    fn profile(&self, name: &str) -> &Profile {
        let found = self.bundle.profiles.iter().find(|profile| profile.info.name == name);
        found.unwrap_or_else(|| panic!("no profile {name}"))
    }

    /// Seconds of wall time with this function in the stack: all, and by reason where it waited.
    fn wall(&self, function: &str) -> (f64, BTreeMap<&str, f64>) {
        let profile = self.profile("wall");
        let (mut all, mut reasons) = (0.0, BTreeMap::new());
        for row in 0..profile.samples.len() {
            let names: Vec<_> = names(profile, row);
            if names.iter().any(|&(name, _)| name == function) {
                let seconds = profile.samples.weight[row].as_secs_f64();
                all += seconds;
                if names[0].1 == FunctionKind::Waiting {
                    *reasons.entry(names[0].0).or_default() += seconds;
                }
            }
        }
        (all, reasons)
    }

    /// The function took as long as it says itself, and waited for this reason, a processor left aside.
    fn check(&self, function: &str, reason: WaitReason) {
        let (all, reasons) = self.wall(function);
        let truth = self.truth[function];
        // Looks are 10 ms apart, one at each end.
        let close = |seconds: f64, expect: f64| (seconds - expect).abs() < 0.03 + 0.1 * expect;
        assert!(close(all, truth), "{function} took {truth} s, its wall time is {all} s: {reasons:?}");
        let waited = reasons.get(reason.function()).copied().unwrap_or(0.0);
        let ready = reasons.get(WaitReason::Ready.function()).copied().unwrap_or(0.0);
        assert!(waited > 0.2 && close(waited + ready, truth), "{function} took {truth} s: {reasons:?}");
    }
}

/// Function and kind of each frame of a sample, leaf first.
fn names(profile: &Profile, row: usize) -> Vec<(&str, FunctionKind)> {
    let frames = profile.stacks.frames(profile.samples.stack[row]);
    let functions = frames.map(|frame| profile.frame_function(frame));
    functions.map(|id| (profile.function_name(id), profile.function(id).kind)).collect()
}

/// What ran is in both profiles, what waited in one; every thread has all of its life.
fn check_sums(recording: &Recording) {
    let (cpu, wall) = (recording.profile("cpu"), recording.profile("wall"));
    let waits = |profile: &Profile, row: usize| names(profile, row)[0].1 == FunctionKind::Waiting;
    assert!((0..cpu.samples.len()).all(|row| !waits(cpu, row)), "CPU time has no waits");
    let ran: Nanos = (0..wall.samples.len()).filter(|row| !waits(wall, *row)).map(|row| wall.samples.weight[row]).sum();
    assert_eq!(ran, cpu.samples.total_weight(), "the same time on processors in both");
    let main = recording.bundle.timeline.processes[0].pid;
    let of_main = (0..wall.samples.len()).filter(|&row| wall.threads.get(wall.samples.thread[row]).tid == main);
    let lived: Nanos = of_main.map(|row| wall.samples.weight[row]).sum();
    let run = recording.bundle.manifest.wall_ns.unwrap();
    let off = (lived.as_secs_f64() - run.as_secs_f64()).abs();
    assert!(off < 0.05 + 0.05 * run.as_secs_f64(), "the main thread lived {run:?}, has {lived:?}");
}

#[test]
fn python_waits_are_named_under_the_functions_that_wait() {
    let recording = record(&["--clock", "wall"], &["python3", &program("waits.py")]);
    recording.check("sleeps", WaitReason::Sleeping);
    recording.check("wants_lock", WaitReason::Lock);
    recording.check("reads_pipe", WaitReason::Io);
    recording.check("waits_for_child", WaitReason::Child);
    recording.check("reads_network", WaitReason::Network);
    let (computes, reasons) = recording.wall("computes");
    let waited: f64 =
        reasons.iter().filter(|(reason, _)| **reason != WaitReason::Ready.function()).map(|(_, s)| s).sum();
    assert!(computes > 0.2 && waited < 0.05, "{computes} {reasons:?}");
    check_sums(&recording);
}

fn check_c(flags: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let program = build("waits.c", &folder, flags);
    let recording = record(&["--clock", "wall", "--no-python"], &[program.to_str().unwrap()]);
    recording.check("sleeps", WaitReason::Sleeping);
    recording.check("wants_lock", WaitReason::Lock);
    recording.check("reads_pipe", WaitReason::Io);
    check_sums(&recording);
    let (main, _) = recording.wall("main");
    let run = recording.bundle.manifest.wall_ns.unwrap().as_secs_f64();
    assert!(main > 0.85 * run, "stacks reach main: {main} of {run} s");
}

#[test]
fn c_waits_are_named_without_frame_pointers() {
    check_c(&[]);
}

#[test]
fn c_waits_are_named_where_only_frame_pointers_lead_on() {
    check_c(&["-O0", "-fno-omit-frame-pointer"]);
}

#[test]
fn threads_that_wait_for_the_interpreter_say_so() {
    let recording = record(&["--clock", "wall"], &["python3", &program("gil.py")]);
    let (all, reasons) = recording.wall("computes");
    let gil = reasons.get(WaitReason::Gil.function()).copied().unwrap_or(0.0);
    let ready = reasons.get(WaitReason::Ready.function()).copied().unwrap_or(0.0);
    let lock = reasons.get(WaitReason::Lock.function()).copied().unwrap_or(0.0);
    assert!((1.9..3.2).contains(&all), "three threads of 0.8 s: {all} {reasons:?}");
    // One of three runs, or is ready to.
    assert!(gil > 0.25 * (all - ready) && lock < 0.05 * all, "{all} {reasons:?}");
}

#[test]
fn lanes_show_what_a_thread_did_when() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("waits.c", &folder, &[]);
    let recording = record(&["--clock", "wall", "--no-python"], &[program.to_str().unwrap()]);
    let run = recording.bundle.manifest.wall_ns.unwrap();
    let lanes = lanes(&recording.bundle, (Nanos::ZERO, run), 20);
    assert!(lanes.waits_known);
    let main = &lanes.processes[0].threads[0];
    let most = |from: usize, to: usize, states: &[State]| -> f32 {
        let sum = |cell: &Cell| states.iter().map(|&state| cell.of(state)).sum::<f32>();
        main.cells[from..to].iter().map(sum).fold(0.0, f32::max)
    };
    let running = [State::Running, State::Waiting(WaitReason::Ready)];
    assert!(most(0, 2, &running) > 0.8, "it began with work: {:?}", main.cells);
    assert!(most(17, 20, &[State::Waiting(WaitReason::Io)]) > 0.5, "and ended in a read: {:?}", main.cells);
}

#[test]
fn reports_name_waits_and_never_mix_clocks() {
    let recording = record(&["--clock", "wall"], &["python3", &program("waits.py")]);
    let json = report(&recording.path);
    assert_eq!((json["clock"].as_str(), json["profiles"][1]["weight"].as_str()), (Some("cpu"), Some("wall")));
    let functions = json["functions"].as_array().unwrap();
    assert!(functions.iter().all(|function| function["kind"] != "waiting"), "functions by CPU have no waits");
    let waits = json["waiting"]["functions"].as_array().unwrap();
    let found = waits.iter().find(|wait| wait["name"] == "reads_pipe").unwrap();
    assert_eq!(found["reason"], "[waiting: I/O]");
    let text = |clock: &str| {
        let output =
            Command::new(PERFCOLLECT).args(["report", "--clock", clock]).arg(&recording.path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(text("cpu").contains("(wall, not CPU)\n"), "{}", text("cpu"));
    assert!(text("wall").contains("functions by wall time"), "{}", text("wall"));
}

#[test]
fn without_wall_times_there_is_no_report_of_them() {
    let recording = record(&["--no-python"], &["sleep", "0.1"]);
    assert!(recording.bundle.profiles.iter().all(|profile| profile.info.name != "wall"));
    let output = Command::new(PERFCOLLECT).args(["report", "--clock", "wall"]).arg(&recording.path).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("has no wall times") && text.contains("--clock wall -- COMMAND"), "{text}");
    assert!(report(&recording.path)["waiting"].is_null());
}

/// Its waits are seen, where it waits is not, and that is said.
#[test]
fn a_program_that_may_not_be_looked_at_waits_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (program, perfcollect) = (build("hidden.c", &folder, &[]), folder.path().join("perfcollect"));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::copy(PERFCOLLECT, &perfcollect).unwrap();
    let target = folder.path().join("hidden.perf.zip");
    // An ordinary user: root may look at everything.
    let user = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let root = nix::unistd::geteuid().is_root();
    let mut run = if root { Command::new("setpriv") } else { Command::new("env") };
    run.args(user.iter().filter(|_| root)).arg(&perfcollect).args(["run", "--quiet", "--clock", "wall", "-o"]);
    let output = run.arg(&target).arg("--").arg(&program).current_dir(folder.path()).output().unwrap();
    assert!(
        output.status.success(),
        "{run:?}: {}; apt-get install util-linux",
        String::from_utf8_lossy(&output.stderr)
    );
    let json = report(&target);
    // On a busy machine it waits for a processor as well; that is known.
    let waits = json["waiting"]["functions"].as_array().unwrap();
    let unplaced = |wait: &&serde_json::Value| wait["reason"] == "[waiting]" && wait["name"] == "";
    let wait = waits.iter().find(unplaced).unwrap_or_else(|| panic!("{waits:?}"));
    assert!(wait["ns"].as_f64().unwrap() > 0.35e9, "{wait}");
    let told = json["warnings"].as_array().unwrap().iter().find(|warning| warning["code"] == "waiting_unavailable");
    assert!(told.unwrap()["message"].as_str().unwrap().contains("has protected itself"), "{told:?}");
}

/// The program records at a rate that no sampler from outside can keep: it says so, everywhere the same.
#[test]
fn a_sampler_that_falls_behind_says_what_it_reached() {
    let options = ["--clock", "wall", "--no-native", "--rate", "9000"];
    let recording = record(&options, &["python3", &program("gil.py")]);
    let json = report(&recording.path);
    for (profile, key) in [("cpu", "python_reached_hz"), ("wall", "reached_hz")] {
        let warnings = json["warnings"].as_array().unwrap();
        let slow = warnings.iter().find(|w| w["code"] == "slow_sampler" && w["profile"] == profile);
        let told = slow.unwrap_or_else(|| panic!("{warnings:?}"))["reached_hz"].as_f64().unwrap();
        let profiles = json["profiles"].as_array().unwrap();
        let entry = profiles.iter().find(|entry| entry["name"] == profile).unwrap();
        let reached = entry[key].as_f64().unwrap();
        assert!(reached < 0.8 * 9_000.0 && (reached - told).abs() < 0.05 * told + 1.0, "{profile} {reached} {told}");
    }
    let line = json["quality"]["line"].as_str().unwrap();
    assert!(line.contains(" of 9,000 Hz reached, "), "{line}");
    assert_eq!(json["quality"]["python_reached_hz"], json["profiles"][0]["python_reached_hz"]);
    assert!(json["quality"]["reached_hz"].is_null() && json["quality"]["asked_hz"].is_null(), "no native sampler");
}

#[test]
fn the_summary_says_how_good_the_recording_is() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("waits.c", &folder, &[]);
    let target = folder.path().join("quality.perf.zip");
    let mut run = Command::new(PERFCOLLECT);
    run.args(["run", "--no-python", "--rate", "999", "-o"]).arg(&target).arg("--").arg(&program);
    let output = run.output().unwrap();
    let quality = report(&target)["quality"].clone();
    let reached = quality["reached_hz"].as_f64().unwrap();
    assert!((reached - 999.0).abs() < 50.0, "{quality}");
    assert_eq!((quality["lost"].as_u64(), quality["own_share"].as_f64()), (Some(0), Some(0.0)));
    let cost = quality["overhead_cpu_share"].as_f64().unwrap();
    let class = if cost < 0.02 {
        "low"
    } else if cost < 0.1 {
        "moderate"
    } else {
        "high"
    };
    assert_eq!(quality["overhead_class"], class);
    let line = format!("perfcollect: quality: {}\n", quality["line"].as_str().unwrap());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(&line) && line.contains(&format!("({class})")), "{line} in {text}");
}
