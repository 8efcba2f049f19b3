//! Code that programs compile while they run: Node's functions by name, and nothing left behind.

use crate::native::{column, open, report, source};
use perfcollect_shared::model::{Bundle, Warning};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const PERFCOLLECT: &str = env!("CARGO_BIN_EXE_perfcollect");

fn perfcollect(options: &[&str], bundle: &Path, command: &[&str]) -> Command {
    let mut run = Command::new(PERFCOLLECT);
    run.args(["run", "--quiet", "--no-python", "--rate", "999"]).args(options).arg("-o").arg(bundle);
    run.arg("--").args(command).env_remove("NODE_OPTIONS");
    run
}

fn output(command: &mut Command) -> Output {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done
}

/// What was set for programs that compile code while they run; what Python programs find is always set.
fn compilers(bundle: &Bundle) -> Vec<String> {
    bundle.manifest.settings.injected.iter().filter(|set| *set != "PYTHONPATH").cloned().collect()
}

/// Perf maps of processes of the recording that are still there.
fn maps_left(bundle: &Bundle) -> Vec<PathBuf> {
    let maps = bundle.timeline.processes.iter().map(|process| PathBuf::from(format!("/tmp/perf-{}.map", process.pid)));
    maps.filter(|map| map.exists()).collect()
}

#[test]
fn a_split_of_70_20_10_in_node() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("split.perf.zip");
    let program = source("split.js").canonicalize().unwrap();
    let done = output(&mut perfcollect(&[], &bundle, &["node", program.to_str().unwrap(), "3"]));
    let truth: Value = serde_json::from_slice(&done.stderr).unwrap();
    let report = report(&bundle);
    let shares = column(&report, "self_share");
    // The program knows the times of its own functions; how much Node itself does beside them depends on the machine.
    let names = ["hot70", "warm20", "cool10"];
    let all = names.map(|name| shares.get(name).copied().unwrap_or(0.0)).iter().sum::<f64>();
    let known = names.map(|name| truth[name].as_f64().unwrap()).iter().sum::<f64>();
    assert!(all > 0.85, "{all} in {shares:?}");
    for name in names {
        let (got, share) = (shares.get(name).copied().unwrap_or(0.0) / all, truth[name].as_f64().unwrap() / known);
        assert!((got - share).abs() < 0.03, "{name}: {got} instead of {share} in {shares:?}");
    }
    let hot = report["functions"].as_array().unwrap().iter().find(|f| f["name"] == "hot70").unwrap();
    assert_eq!((&hot["file"], &hot["line"]), (&program.to_str().unwrap().into(), &5.into()), "{hot}");
    assert_eq!(
        (&hot["language"], &hot["module"], &hot["kind"]),
        (&"javascript".into(), &"[jit]".into(), &"own".into())
    );
    // Callers that are only interpreted have names too, down to the file itself.
    let totals = column(&report, "total_share");
    let of_script = |f: &&Value| f["name"] == "<module>" && f["file"] == hot["file"];
    let script = report["functions"].as_array().unwrap().iter().find(of_script).expect("the file itself is a function");
    assert!(script["total_share"].as_f64().unwrap() > 0.9, "{script}");
    // Only what starts Node from its snapshot shares one nameless trampoline; a loaded machine may sample some of that.
    let nameless = totals.get("Builtins_InterpreterEntryTrampoline").copied().unwrap_or(0.0);
    assert!(nameless < 0.1, "{nameless} in {totals:?}");
    assert!(totals.iter().any(|(name, &share)| name.starts_with("node::") && share > 0.9), "{totals:?}");

    let recorded = open(&bundle);
    let set = compilers(&recorded);
    assert!(set.len() == 1 && set[0].starts_with("NODE_OPTIONS=--perf-basic-prof-only-functions"), "{set:?}");
    let said =
        recorded.manifest.warnings.iter().any(|w| matches!(w, Warning::Injected { what } if what.contains(&set[0])));
    assert!(said, "{:?}", recorded.manifest.warnings);
    assert_eq!(maps_left(&recorded), [] as [PathBuf; 0]);
}

#[test]
fn workers_and_children_of_node_have_names() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("family.perf.zip");
    output(&mut perfcollect(&[], &bundle, &["sh", "-c", &format!("node {} 0.7; true", source("family.js").display())]));
    let totals = column(&report(&bundle), "total_share");
    for name in ["work_of_main", "work_of_worker", "work_of_child"] {
        let share = totals.get(name).copied().unwrap_or(0.0);
        assert!(share > 0.2 && share < 0.4, "{name}: {share} in {totals:?}");
    }
    let recorded = open(&bundle);
    let processes: BTreeSet<u32> = recorded.profiles[0].threads.rows.iter().map(|thread| thread.pid).collect();
    assert!(processes.len() >= 2, "{processes:?}");
    assert_eq!(maps_left(&recorded), [] as [PathBuf; 0]);
}

#[test]
fn off_touches_nothing_and_options_of_the_user_stay() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("env.perf.zip");
    let show = ["sh", "-c", "echo \"${NODE_OPTIONS-none}\""];
    let shown = |command: &mut Command| String::from_utf8(output(command).stdout).unwrap();
    assert_eq!(shown(&mut perfcollect(&["--jit", "off"], &bundle, &show)), "none\n");
    assert_eq!(compilers(&open(&bundle)), [] as [String; 0]);
    assert_eq!(shown(&mut perfcollect(&["--no-native"], &bundle, &show)), "none\n", "without stacks names are no use");
    let with_own = shown(perfcollect(&[], &bundle, &show).env("NODE_OPTIONS", "--no-warnings"));
    assert!(with_own.starts_with("--no-warnings --perf-basic-prof-only-functions"), "{with_own}");
    assert!(!open(&bundle).manifest.settings.injected[0].contains("no-warnings"), "what the user sets is not stored");
    let own_map = shown(perfcollect(&[], &bundle, &show).env("NODE_OPTIONS", "--perf-basic-prof"));
    assert_eq!(own_map, "--perf-basic-prof\n");
}

#[test]
fn a_map_that_the_user_asked_for_stays() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("own.perf.zip");
    output(&mut perfcollect(&[], &bundle, &["node", "--perf-basic-prof-only-functions", "-e", "0"]));
    let left = maps_left(&open(&bundle));
    assert_eq!(left.len(), 1, "{left:?}");
    fs::remove_file(&left[0]).unwrap();
}

/// A Node that does not know the options would refuse to start.
#[test]
fn an_old_node_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let node = folder.path().join("node");
    fs::write(&node, "#!/bin/sh\ntest -z \"$NODE_OPTIONS\" || exit 9\necho old\n").unwrap();
    fs::set_permissions(&node, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let bundle = folder.path().join("old.perf.zip");
    let done = output(perfcollect(&[], &bundle, &["node"]).env("PATH", path));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "old\n");
    assert_eq!(compilers(&open(&bundle)), [] as [String; 0]);
}

#[test]
fn names_are_found_when_perfcollect_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("killed.perf.zip");
    let program = source("split.js");
    let mut run = perfcollect(&[], &bundle, &["node", program.to_str().unwrap(), "3"]);
    let mut killed = run.stderr(Stdio::null()).spawn().unwrap();
    let spool = folder.path().join("killed.perf.zip.spool");
    let enough = || fs::metadata(spool.join("native.jsonl")).is_ok_and(|data| data.len() > 60_000);
    let deadline = Instant::now() + Duration::from_mins(1);
    while !enough() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    output(Command::new(PERFCOLLECT).arg("recover").arg(&spool));
    let shares = column(&report(&bundle), "self_share");
    assert!(shares.get("hot70").is_some_and(|&share| share > 0.4), "{shares:?}");
    assert_eq!(maps_left(&open(&bundle)), [] as [PathBuf; 0]);
}
