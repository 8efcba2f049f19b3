//! Native stacks: programs whose split of CPU time is known, recorded by the real binary.

use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, KERNEL_NOT_SAMPLED, Profile};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const PERFCOLLECT: &str = env!("CARGO_BIN_EXE_perfcollect");

pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/programs").join(name)
}

pub(crate) fn run(command: &mut Command, to_install: &str) -> Output {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {to_install}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done
}

/// Builds a test program as one that ships: optimised, without frame pointers.
pub(crate) fn build(name: &str, folder: &TempDir, flags: &[&str]) -> PathBuf {
    let (stem, extension) = name.split_once('.').unwrap();
    let program = folder.path().join(stem);
    let (compiler, fixed): (&str, &[&str]) = match extension {
        "c" => ("gcc", &["-O2", "-fomit-frame-pointer", "-pthread"]),
        "cpp" => ("g++", &["-O2", "-fomit-frame-pointer"]),
        _ => ("rustc", &["-O"]),
    };
    let mut command = Command::new(compiler);
    command.args(fixed).args(flags).arg("-o").arg(&program).arg(source(name));
    run(&mut command, "run: apt-get install gcc g++");
    program
}

/// Records a command at 999 Hz, natively only.
fn record(folder: &TempDir, command: &[&str]) -> (PathBuf, Output) {
    let bundle = folder.path().join("recorded.perf.zip");
    let mut run_it = Command::new(PERFCOLLECT);
    run_it.args(["run", "--quiet", "--no-python", "--rate", "999", "-o"]).arg(&bundle).arg("--").args(command);
    let done = run(&mut run_it, "");
    (bundle, done)
}

pub(crate) fn report(bundle: &Path) -> Value {
    let done = run(Command::new(PERFCOLLECT).arg("report").arg(bundle).args(["--format", "json"]), "");
    serde_json::from_slice(&done.stdout).unwrap()
}

pub(crate) fn open(path: &Path) -> Bundle {
    bundle::read(&fs::read(path).unwrap()).unwrap()
}

/// A column of the report's functions by name, only those of the program itself.
pub(crate) fn column(report: &Value, column: &str) -> BTreeMap<String, f64> {
    let mut shares = BTreeMap::new();
    for function in report["functions"].as_array().unwrap() {
        let share = shares.entry(function["name"].as_str().unwrap().to_owned()).or_insert(0.0_f64);
        *share = share.max(function[column].as_f64().unwrap());
    }
    shares
}

/// Asserts that shares of CPU time come out within three points, from enough samples to say so.
fn check_split(report: &Value, what: &str, expect: &[(&str, f64)]) {
    let profile = &report["profiles"][0];
    assert!(profile["samples"].as_u64().unwrap() >= 1500, "{profile}");
    assert_eq!(profile["lost"], 0, "{profile}");
    let shares = column(report, what);
    for &(name, share) in expect {
        let got = shares.get(name).copied().unwrap_or(0.0);
        assert!((got - share).abs() < 0.03, "{name}: {got} instead of {share} in {shares:?}");
    }
}

/// The names of functions on the stacks of each process and thread.
pub(crate) fn functions_by_thread(profile: &Profile) -> BTreeMap<(u32, String), BTreeSet<String>> {
    let mut found: BTreeMap<(u32, String), BTreeSet<String>> = BTreeMap::new();
    for (&stack, &thread) in profile.samples.stack.iter().zip(&profile.samples.thread) {
        let thread = &profile.threads.rows[thread.index()];
        let names = found.entry((thread.pid, profile.string(thread.name).to_owned())).or_default();
        let mut next = Some(stack);
        while let Some(row) = next {
            names.insert(profile.function_name(profile.frame_function(profile.stacks.frame(row))).to_owned());
            next = profile.stacks.prefix(row);
        }
    }
    found
}

#[test]
fn a_split_of_70_20_10_without_frame_pointers() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("split.c", &folder, &[]);
    let (bundle, done) = record(&folder, &[program.to_str().unwrap(), "3"]);
    let truth: Value = serde_json::from_slice(&done.stderr).unwrap();
    let truth: Vec<(&str, f64)> =
        ["hot70", "warm20", "cool10"].map(|name| (name, truth[name].as_f64().unwrap())).to_vec();
    let report = report(&bundle);
    check_split(&report, "self_share", &truth);
    check_split(&report, "total_share", &[("main", 1.0), ("spread", 1.0)]);
}

#[test]
fn callers_of_a_shared_leaf_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("shared_leaf.c", &folder, &[]);
    let (bundle, done) = record(&folder, &[program.to_str().unwrap(), "3"]);
    let truth: Value = serde_json::from_slice(&done.stderr).unwrap();
    let mut expect: Vec<(&str, f64)> =
        ["caller70", "caller20", "caller10"].map(|name| (name, truth[name].as_f64().unwrap())).to_vec();
    expect.push(("leaf", 1.0));
    check_split(&report(&bundle), "total_share", &expect);
}

#[test]
fn threads_and_inlined_calls_of_rust() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("threads.rs", &folder, &["-g"]);
    let (bundle, _) = record(&folder, &[program.to_str().unwrap(), "3"]);
    let report = report(&bundle);
    let totals = column(&report, "total_share");
    let selves = column(&report, "self_share");
    assert!(selves.get("threads::mix").is_some_and(|&share| share > 0.9), "{selves:?}");
    let (busy, lazy) = (totals["threads::busy"], totals["threads::lazy"]);
    assert!((busy / (busy + lazy) - 0.75).abs() < 0.03, "{busy} and {lazy}");

    let functions = report["functions"].as_array().unwrap();
    let mix = functions.iter().find(|f| f["name"] == "threads::mix").unwrap();
    assert!(mix["file"].as_str().unwrap().ends_with("threads.rs"), "{mix}");
    let text = fs::read_to_string(source("threads.rs")).unwrap();
    let line = text.lines().position(|line| line.starts_with("fn mix(")).unwrap() + 1;
    assert_eq!(mix["line"], line, "{mix}");

    let recorded = open(&bundle);
    let profile = &recorded.profiles[0];
    assert!(profile.frames.rows.iter().any(|frame| frame.inlined && frame.line > 0));
    let threads: BTreeSet<_> = functions_by_thread(profile).into_keys().map(|(_, name)| name).collect();
    assert!(threads.contains("busy") && threads.contains("lazy"), "{threads:?}");
}

#[test]
fn names_of_cpp_are_readable() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("shapes.cpp", &folder, &[]);
    let (bundle, _) = record(&folder, &[program.to_str().unwrap(), "1"]);
    let totals = column(&report(&bundle), "total_share");
    let share = |name: &str| totals.iter().find(|(n, _)| n.starts_with(name)).map_or(0.0, |(_, &share)| share);
    assert!(share("shapes::Accumulator<unsigned long>::add(") > 0.9, "{totals:?}");
    assert!(share("shapes::Circle::draw(") > 0.9, "{totals:?}");
    let recorded = open(&bundle);
    let profile = &recorded.profiles[0];
    let mangled =
        profile.functions.rows.iter().any(|f| profile.string(f.system_name).starts_with("_ZNK6shapes6Circle4draw"));
    assert!(mangled, "the symbol is kept beside the name");
}

#[test]
fn threads_forks_and_executed_children_are_all_there() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("family.c", &folder, &[]);
    let (bundle, _) = record(&folder, &[program.to_str().unwrap(), "0.6"]);
    let report = report(&bundle);
    let shares = column(&report, "self_share");
    for name in ["work_of_main", "work_of_thread", "work_of_fork", "work_of_exec"] {
        assert!((shares[name] - 0.25).abs() < 0.03, "{shares:?}");
    }
    let recorded = open(&bundle);
    let by_thread = functions_by_thread(&recorded.profiles[0]);
    let pids: BTreeSet<u32> = by_thread.keys().map(|(pid, _)| *pid).collect();
    assert_eq!(pids.len(), 3, "{by_thread:?}");
    let worker = by_thread.iter().find(|((_, name), _)| name == "worker").expect("the thread has its name");
    assert!(worker.1.contains("work_of_thread") && !worker.1.contains("main"), "{worker:?}");
}

#[test]
fn children_that_live_shorter_than_a_look_have_names() {
    let folder = tempfile::tempdir().unwrap();
    let script = "i=0; while [ $i -lt 60 ]; do /bin/true; i=$((i+1)); done; (:); (:)";
    let (bundle, _) = record(&folder, &["sh", "-c", script]);
    let processes = &open(&bundle).timeline.processes;
    let count = |name: &str| processes.iter().filter(|process| process.name == name).count();
    assert_eq!(count(""), 0, "{processes:?}");
    assert_eq!((count("true"), processes.len()), (60, 63), "{processes:?}");
    assert!(processes.iter().all(|process| process.end_ns.is_some()), "{processes:?}");
}

#[test]
fn a_program_that_is_deleted_meanwhile_has_names() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("split.c", &folder, &[]);
    let script = format!("{0} 1 & sleep 0.5; rm {0}; wait", program.display());
    let (bundle, _) = record(&folder, &["sh", "-c", &script]);
    assert!(!program.exists());
    assert!(column(&report(&bundle), "self_share")["hot70"] > 0.6);
}

#[test]
fn a_stripped_program_is_not_given_wrong_names() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("split.c", &folder, &["-s"]);
    let (bundle, _) = record(&folder, &[program.to_str().unwrap(), "1"]);
    let report = report(&bundle);
    let shares = column(&report, "self_share");
    assert!(shares["[split]"] > 0.9, "{shares:?}");
    let codes: Vec<_> = report["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"unsymbolicated"), "{codes:?}");
    // Unwinding needs no symbols: the C library, which has some, is still the root of all stacks.
    assert!(column(&report, "total_share").iter().any(|(name, &s)| name.contains("libc_start") && s > 0.9), "{report}");
}

#[test]
fn an_ordinary_user_sees_the_same_functions() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("split.c", &folder, &[]);
    // The build folder may be closed to others.
    let copy = folder.path().join("perfcollect");
    fs::copy(PERFCOLLECT, &copy).unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).unwrap();
    let bundle = out.join("user.perf.zip");
    let script = format!("{} 2; head -c 3000000000 /dev/zero | cat >/dev/null", program.display());

    let root = nix::unistd::geteuid().is_root();
    let mut command = if root { Command::new("setpriv") } else { Command::new("env") };
    if root {
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    }
    command.arg(&copy).args(["run", "--quiet", "--no-python", "--rate", "999", "-o"]).arg(&bundle);
    run(command.args(["--", "sh", "-c", &script]), "run: apt-get install util-linux");

    let report = report(&bundle);
    let selves = column(&report, "self_share");
    let paranoid: i32 = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap().trim().parse().unwrap();
    let codes: Vec<_> = report["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
    if paranoid >= 3 {
        assert!(codes.contains(&"native_unavailable"), "{codes:?}");
        return;
    }
    let split = ["hot70", "warm20", "cool10"].map(|name| selves[name]);
    let all: f64 = split.iter().sum();
    for (got, share) in split.iter().zip([0.7, 0.2, 0.1]) {
        assert!((got / all - share).abs() < 0.03, "{selves:?}");
    }
    if paranoid == 2 {
        assert!(selves[KERNEL_NOT_SAMPLED] > 0.05, "{selves:?}");
        assert!(codes.contains(&"kernel_not_sampled"), "{codes:?}");
    }
}

#[test]
fn perf_itself_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("shared_leaf.c", &folder, &[]);
    let data = folder.path().join("perf.data");
    let mut perf = Command::new("perf");
    perf.args(["record", "-q", "-F", "999", "-e", "cpu-clock:u", "-g", "--call-graph", "dwarf,8192", "-o"]).arg(&data);
    run(perf.arg(&program).arg("2"), "run: apt-get install linux-perf");
    let mut perf = Command::new("perf");
    perf.args(["report", "--stdio", "--children", "-g", "none", "-F", "overhead_children,sym", "-i"]).arg(&data);
    let listed = run(&mut perf, "");
    let theirs: BTreeMap<String, f64> = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|line| {
            let mut parts = line.split_whitespace();
            let share: f64 = parts.next()?.strip_suffix('%')?.parse().ok()?;
            Some((parts.nth(1)?.to_owned(), share / 100.0))
        })
        .collect();

    let (bundle, _) = record(&folder, &[program.to_str().unwrap(), "2"]);
    let ours = column(&report(&bundle), "total_share");
    for name in ["main", "leaf", "caller70", "caller20", "caller10"] {
        // Two recordings of 2,000 samples each: three standard deviations of their difference, and a point for ours
        // being of all time and perf's of user time only.
        let share = ours[name];
        let chance = 3.0 * (2.0 * share * (1.0 - share) / 2000.0).sqrt() + 0.01;
        assert!((share - theirs[name]).abs() < chance, "{name}: {share}, perf says {theirs:?}");
    }
}
