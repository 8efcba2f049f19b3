//! Python programs: shares against the program's own clock, threads, children, interpreters, cProfile.

use perfcollect_shared::model::{Bundle, FunctionKind, PYTHON_MODULE, Profile, Warning};
use perfcollect_shared::units::Nanos;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Programs that work on a known split.
pub(crate) fn program(name: &str) -> String {
    format!("{}/../tests/data/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) struct Recording {
    pub(crate) output: Output,
    pub(crate) bundle: Bundle,
}

/// Records a command with the real binary and reads the bundle.
pub(crate) fn record(options: &[&str], command: &[&str]) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("python.perf.zip");
    let mut run = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    run.args(["run", "--quiet", "-o"]).arg(&target).args(options).arg("--").args(command);
    let output = run.output().unwrap();
    assert!(output.status.success(), "{run:?}: {}", String::from_utf8_lossy(&output.stderr));
    let bundle = perfcollect_shared::bundle::read(&std::fs::read(&target).unwrap()).unwrap();
    Recording { output, bundle }
}

impl Recording {
    /// Reasons for which recording inside Python did not work.
    pub(crate) fn agent_failures(&self) -> Vec<String> {
        let reason = |warning: &Warning| match warning {
            Warning::AgentFailed { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.bundle.manifest.warnings.iter().filter_map(reason).collect()
    }

    fn profile(&self) -> &Profile {
        self.bundle.main_profile().expect("the recording has a profile")
    }

    /// The last line of stderr as the program's own figures.
    fn truth(&self) -> BTreeMap<String, f64> {
        let text = String::from_utf8_lossy(&self.output.stderr);
        let line = text.lines().last().unwrap_or_else(|| panic!("no figures of the program in {text:?}"));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Weight of all samples with a Python function of this name, and of all.
    fn weight_of(&self, name: &str) -> (Nanos, Nanos) {
        let profile = self.profile();
        let has =
            |row: &usize| names(profile, *row).iter().any(|&(found, module)| found == name && module == PYTHON_MODULE);
        let rows = (0..profile.samples.len()).filter(has);
        (rows.map(|row| profile.samples.weight[row]).sum(), profile.samples.total_weight())
    }

    fn share_of(&self, name: &str) -> f64 {
        let (weight, all) = self.weight_of(name);
        weight.share_of(all)
    }

    /// Processes with samples in this Python function.
    fn processes_of(&self, name: &str) -> BTreeSet<u32> {
        let profile = self.profile();
        let rows =
            (0..profile.samples.len()).filter(|row| names(profile, *row).iter().any(|&(found, _)| found == name));
        rows.map(|row| profile.threads.get(profile.samples.thread[row]).pid).collect()
    }

    fn warnings(&self) -> String {
        self.bundle.warnings().map(|warning| format!("{warning:?}")).collect::<Vec<_>>().join("\n")
    }
}

/// Function and module of each frame of a sample, leaf first.
fn names(profile: &Profile, row: usize) -> Vec<(&str, &str)> {
    let frames = profile.stacks.frames(profile.samples.stack[row]);
    let functions = frames.map(|frame| profile.frame_function(frame));
    functions.map(|id| (profile.function_name(id), profile.function_module(id))).collect()
}

/// Each function's share of the work is within 3 points of what the program measured of itself. The work is all that
/// runs in `whole`: what a starting interpreter or a shim before it takes is not the program's to know.
fn check_shares(recording: &Recording, functions: &[&str], whole: &[&str]) {
    let truth = recording.truth();
    let all: Nanos = whole.iter().map(|name| recording.weight_of(name).0).sum();
    let measured: f64 = functions.iter().map(|name| truth[*name]).sum();
    for name in functions {
        let (share, expect) = (recording.weight_of(name).0.share_of(all), truth[*name] / measured);
        let far = (share - expect).abs() > 0.03;
        assert!(!far, "{name}: {share:.4}, the program says {expect:.4}\n{}", recording.warnings());
    }
}

/// Interpreters to try: `python3`, the system's own, and those named in `PERFCOLLECT_TEST_PYTHONS` (with colons).
pub(crate) fn interpreters() -> Vec<PathBuf> {
    let more = std::env::var_os("PERFCOLLECT_TEST_PYTHONS").unwrap_or_default();
    let mut found = vec![PathBuf::from("python3"), PathBuf::from("/usr/bin/python3")];
    found.extend(std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty()));
    let mut seen = BTreeSet::new();
    found.retain(|path| real_path(path).is_some_and(|real| seen.insert(real)));
    assert!(!found.is_empty(), "no Python: apt-get install python3");
    found
}

/// Where an interpreter's binary really lies, whatever shims are before it.
fn real_path(python: &Path) -> Option<String> {
    let output = Command::new(python).args(["-c", "import os, sys; print(os.path.realpath(sys.executable))"]).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn a_known_split_comes_out_within_three_points() {
    let recording = record(&[], &["python3", &program("split.py"), "--seconds", "5"]);
    let samples = recording.profile().info.samples;
    assert!(samples >= 1_500, "{samples} samples\n{}", recording.warnings());
    check_shares(&recording, &["hot70", "warm20", "cool10"], &["main"]);
}

#[test]
fn python_stacks_alone_come_out_within_three_points() {
    let recording = record(&["--no-native", "--rate", "250"], &["python3", &program("split.py"), "--seconds", "5"]);
    let samples = recording.profile().info.samples;
    assert!(samples >= 1_000, "{samples} samples\n{}", recording.warnings());
    check_shares(&recording, &["hot70", "warm20", "cool10"], &["main"]);
}

#[test]
fn threads_come_out_within_three_points_and_have_their_names() {
    let recording = record(&[], &["python3", &program("threads.py")]);
    let functions = ["half50", "third30", "fifth20"];
    check_shares(&recording, &functions, &functions);
    let profile = recording.profile();
    for row in 0..profile.samples.len() {
        let thread = profile.string(profile.threads.get(profile.samples.thread[row]).name);
        let names = names(profile, row);
        let worker = names.iter().find(|(name, _)| ["half50", "third30", "fifth20"].contains(name));
        assert!(worker.is_none_or(|(name, _)| *name == thread), "{names:?} in thread {thread}");
    }
}

#[test]
fn children_of_all_kinds_have_their_own_stacks() {
    let recording = record(&[], &["python3", &program("children.py"), "--seconds", "0.6"]);
    let functions = ["in_fork", "in_multiprocessing_fork", "in_multiprocessing_spawn", "in_subprocess"];
    let mut processes = BTreeSet::new();
    for name in functions {
        let found = recording.processes_of(name);
        assert_eq!(found.len(), 1, "{name} in processes {found:?}\n{}", recording.warnings());
        processes.extend(found);
        let share = recording.share_of(name);
        assert!(share > 0.15, "{name} has {share:.3} of the CPU time");
    }
    assert_eq!(processes.len(), functions.len(), "{processes:?}");
}

#[test]
fn every_interpreter_can_be_read() {
    for python in interpreters() {
        let python = python.to_str().unwrap();
        let recording = record(&[], &[python, &program("split.py"), "--seconds", "1.5"]);
        let share = recording.weight_of("hot70").0.share_of(recording.weight_of("main").0);
        assert!((share - 0.7).abs() < 0.12, "{python}: hot70 has {share:.3}\n{}", recording.warnings());
        let profile = recording.profile();
        let hot = profile.functions.rows.iter().find(|function| profile.string(function.name) == "hot70").unwrap();
        assert!(hot.start_line > 0, "{python}: no line of definition");
        assert_eq!(hot.kind, FunctionKind::Own, "{python}");
        let same = profile.functions.rows.iter().filter(|function| profile.string(function.name) == "hot70");
        assert_eq!(same.count(), 1, "{python}: a function has fallen apart");
    }
}

#[test]
fn compiling_a_folder_shows_the_compiler() {
    let folder = tempfile::tempdir().unwrap();
    for copy in 0..25 {
        for name in ["orders.py", "split.py", "children.py", "ladder.py", "threads.py"] {
            std::fs::copy(program(name), folder.path().join(format!("copy{copy}_{name}"))).unwrap();
        }
    }
    let recording = record(&[], &["python3", "-m", "compileall", "-qf", folder.path().to_str().unwrap()]);
    let share = recording.share_of("compile_dir");
    assert!(share > 0.3, "compile_dir has {share:.3}\n{}", recording.warnings());
}

#[test]
fn extensions_are_below_the_python_functions_that_call_them() {
    let recording = record(&[], &["python3", &program("orders.py"), "--orders", "15000"]);
    let profile = recording.profile();
    let below = |python: &str, module: &str| {
        (0..profile.samples.len()).any(|row| {
            let names = names(profile, row);
            let native =
                names.iter().rposition(|(_, found)| found.rsplit('/').next().unwrap_or("").starts_with(module));
            native.is_some_and(|native| {
                names[native + 1..].iter().any(|(name, _)| *name == python)
                    && names.last().is_some_and(|(name, module)| *name == "<module>" && *module == PYTHON_MODULE)
            })
        })
    };
    assert!(below("check", "zlib."), "the compression of `check` is not below it\n{}", recording.warnings());
    assert!(below("store", "_sqlite3."), "the database of `store` is not below it\n{}", recording.warnings());
    let interpreter = (0..profile.samples.len()).filter(|row| {
        let names = names(profile, *row);
        names.iter().any(|(_, module)| *module == PYTHON_MODULE)
            && names.iter().any(|(name, _)| name.contains("PyEval_EvalFrame"))
    });
    assert_eq!(interpreter.count(), 0, "the interpreter's loop is shown beside the Python functions it ran");
}

#[test]
fn the_program_says_what_it_says_without_us() {
    let plain = Command::new("python3").args([&program("orders.py"), "--orders", "3000"]).output().unwrap();
    let recording = record(&[], &["python3", &program("orders.py"), "--orders", "3000"]);
    assert_eq!(String::from_utf8_lossy(&plain.stdout), String::from_utf8_lossy(&recording.output.stdout));
    assert_eq!(String::from_utf8_lossy(&plain.stderr), String::from_utf8_lossy(&recording.output.stderr));
}

#[test]
fn functions_come_in_the_order_that_cprofile_gives() {
    const FUNCTIONS: [&str; 5] = ["encode", "distances", "find", "order", "primes"];
    let oracle = "import cProfile, json, pstats, runpy, sys, time\n\
                  path, functions = sys.argv[1], sys.argv[2].split(',')\n\
                  sys.argv = [path, '--rounds', '1']\n\
                  profile = cProfile.Profile(time.process_time)\n\
                  profile.runcall(runpy.run_path, path, run_name='__main__')\n\
                  stats = pstats.Stats(profile).stats\n\
                  times = {key[2]: row[3] for key, row in stats.items() if key[0] == path}\n\
                  print(json.dumps(sorted(functions, key=times.get, reverse=True)))\n";
    let ladder = program("ladder.py");
    // A machine that pauses in one round of either bends the order; what is wrong by itself is wrong in all three tries.
    let mut faults = Vec::new();
    for _ in 0..3 {
        let output = Command::new("python3").args(["-c", oracle, &ladder, &FUNCTIONS.join(",")]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let expect: Vec<String> = serde_json::from_str(text.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        let recording = record(&[], &["python3", &ladder]);
        let mut found = FUNCTIONS;
        found.sort_by_key(|name| std::cmp::Reverse(recording.weight_of(name).0));
        if found.to_vec() == expect {
            return;
        }
        let shares: Vec<_> = found.iter().map(|name| (name, recording.share_of(name))).collect();
        faults.push(format!("{shares:?}, not {expect:?}\n{}", recording.warnings()));
    }
    panic!("{}", faults.join("\n"));
}
