//! Shares of CPU time against what programs measured of themselves: the workloads of tests/bench, in short.
//!
//! Bounds let chance through: three standard deviations of as many independent samples, which samples at even distances
//! spread less than, and a point for what is not chance. Callers taken for each other, children that are missing or
//! interpreters shown in place of their programs are off by ten points and more. Nothing here is about time: a busy machine
//! only makes the runs longer.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const FUNCTIONS: [&str; 3] = ["work_heavy", "work_medium", "work_light"];
/// Standard deviations.
const CHANCE: f64 = 3.0;
/// What is not chance: start and end of threads, the program's own clock calls.
const BIAS: f64 = 0.01;
/// Python stacks are read at moments of their own, and each stands for the native samples near it.
const PYTHON_SAMPLES_FOR_ONE: f64 = 2.0;

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/bench/workloads").join(name)
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run tests/run tools"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Builds a workload without frame pointers, with debug information.
fn build(folder: &TempDir, name: &str, flags: &[&str]) -> String {
    let program = folder.path().join(name.split_once('.').unwrap().0);
    let (compiler, fixed): (&str, &[&str]) = if Path::new(name).extension().is_some_and(|extension| extension == "rs") {
        ("rustc", &["--edition", "2024", "-O", "-g"])
    } else {
        ("gcc", &["-O2", "-g", "-fomit-frame-pointer", "-pthread"])
    };
    done(Command::new(compiler).args(fixed).args(flags).arg("-o").arg(&program).arg(source(name)));
    program.to_str().unwrap().to_owned()
}

/// Shares of the three functions in percent of all CPU time.
struct Shares {
    truth: [f64; 3],
    shown: [f64; 3],
    samples: f64,
    report: Value,
}

/// Records a command; compares the program's own figures with the report's.
fn measure(folder: &TempDir, command: &[&str]) -> Shares {
    let bundle = folder.path().join("accuracy.perf.zip");
    let mut run = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    run.args(["run", "--quiet", "--rate", "999", "-o"]).arg(&bundle).arg("--").args(command);
    let text = String::from_utf8(done(&mut run).stderr).unwrap();
    let line = text.lines().find(|line| line.starts_with("{\"truth\"")).expect("the workload tells its truth");
    let truth: Value = serde_json::from_str(line).unwrap();
    let total = truth["total_ns"].as_f64().unwrap();
    let mut report = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    report.arg("report").arg(&bundle).args(["--format", "json"]);
    let report: Value = serde_json::from_slice(&done(&mut report).stdout).unwrap();
    Shares {
        truth: FUNCTIONS.map(|name| truth["truth"][name].as_f64().unwrap() / total),
        shown: FUNCTIONS.map(|name| total_share(&report, name)),
        samples: report["profiles"][0]["samples"].as_f64().unwrap(),
        report,
    }
}

/// Share of a function, whatever its language puts around the name: `threads::work_heavy`, `work_heavy split.js:4`.
fn total_share(report: &Value, function: &str) -> f64 {
    let part = |c: char| !c.is_alphanumeric() && c != '_';
    let functions = report["functions"].as_array().unwrap().iter();
    let named = functions.filter(|row| {
        let name = row["name"].as_str().unwrap();
        name.split(part).any(|word| word == function) && !name.contains("closure")
    });
    named.map(|row| row["total_share"].as_f64().unwrap()).sum()
}

/// Asserts that each share is right within `CHANCE` and `BIAS`.
fn check(shares: &Shares) {
    if let Some(wrong) = wrong(shares, 1.0) {
        panic!("{wrong}");
    }
}

/// The first share that is not right within `CHANCE` and `BIAS`, where one in `correlated` samples is independent.
fn wrong(shares: &Shares, correlated: f64) -> Option<String> {
    assert!(shares.samples > 700.0, "{} samples say too little", shares.samples);
    FUNCTIONS.iter().zip(shares.truth.iter().zip(&shares.shown)).find_map(|(name, (truth, shown))| {
        let chance = (truth * (1.0 - truth) * correlated / shares.samples).sqrt();
        let bound = BIAS + CHANCE * chance;
        let warnings = &shares.report["warnings"];
        let (all, seen) = (shares.truth, shares.shown);
        ((truth - shown).abs() > bound).then(|| {
            format!("{name}: {shown:.4} shown, {truth:.4} spent, {bound:.4} allowed\n{all:?} {seen:?}\n{warnings}")
        })
    })
}

#[test]
fn c_without_frame_pointers() {
    let folder = tempfile::tempdir().unwrap();
    let program = build(&folder, "split.c", &[]);
    check(&measure(&folder, &[&program, "80"]));
}

#[test]
fn c_whose_callers_share_a_leaf() {
    let folder = tempfile::tempdir().unwrap();
    let program = build(&folder, "split.c", &["-DSHARED"]);
    let shares = measure(&folder, &[&program, "80"]);
    check(&shares);
    assert!(total_share(&shares.report, "leaf") > 0.9, "{}", shares.report);
}

#[test]
fn a_tree_of_forked_and_executed_children_and_threads() {
    let folder = tempfile::tempdir().unwrap();
    let program = build(&folder, "tree.c", &[]);
    let shares = measure(&folder, &[&program, "8"]);
    // Forked children do the heavy work, executed ones and their children the medium, threads the light.
    check(&shares);
}

#[test]
fn rust_functions_that_are_inlined() {
    let folder = tempfile::tempdir().unwrap();
    let program = build(&folder, "inlined.rs", &[]);
    check(&measure(&folder, &[&program, "80"]));
}

#[test]
fn rust_threads() {
    let folder = tempfile::tempdir().unwrap();
    let program = build(&folder, "threads.rs", &[]);
    check(&measure(&folder, &[&program, "80"]));
}

/// A thread that waits for a processor is read where the scheduler stopped it, so that a crowded machine bends single
/// runs by a few points (BENCHMARKS.md): one of three must be right. What is wrong by itself is wrong in all.
fn python(mode: &str, iterations: &str) {
    let folder = tempfile::tempdir().unwrap();
    let split = source("split.py");
    let command = ["python3", split.to_str().unwrap(), mode, iterations];
    let mut faults = Vec::new();
    for _ in 0..3 {
        match wrong(&measure(&folder, &command), PYTHON_SAMPLES_FOR_ONE) {
            None => return,
            Some(fault) => faults.push(fault),
        }
    }
    panic!("{}", faults.join("\n\n"));
}

#[test]
fn python_functions() {
    python("pure", "150");
}

#[test]
fn python_threads() {
    python("threads", "150");
}

#[test]
fn python_with_extensions_in_c() {
    python("extension", "30");
}

#[test]
fn node_functions() {
    let folder = tempfile::tempdir().unwrap();
    let split = source("split.js");
    check(&measure(&folder, &["node", split.to_str().unwrap(), "70"]));
}
