//! The shape of stacks: `--max-depth` and `--threads`.

use crate::native::{build, column, open, report};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn record(folder: &TempDir, program: &Path, options: &[&str]) -> PathBuf {
    let bundle = folder.path().join("shaped.perf.zip");
    let mut run = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    run.args(["run", "--quiet", "--no-python", "--rate", "999"]).args(options).arg("-o").arg(&bundle);
    let done = run.arg("--").arg(program).arg("0.7").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    bundle
}

#[test]
fn a_limit_of_depth_keeps_the_leaf_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = record(&folder, &build("split.c", &folder, &[]), &["--max-depth", "2"]);
    let report = report(&bundle);
    let totals = column(&report, "total_share");
    assert!(totals["hot70"] > 0.6 && totals["spread"] > 0.9, "{totals:?}");
    assert!(totals.get("main").is_none_or(|&share| share < 0.05), "{totals:?}");
    let profile = &report["profiles"][0];
    assert!(profile["truncated_stacks"].as_u64() > Some(500), "{profile}");
    let told = report["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "truncated_stacks");
    assert!(told, "{}", report["warnings"]);
    let recorded = open(&bundle);
    let deepest = |profile: &perfcollect_shared::model::Profile| {
        profile.samples.stack.iter().map(|&stack| profile.stacks.frames(stack).count()).max()
    };
    assert_eq!(deepest(&recorded.profiles[0]), Some(2));
    assert_eq!(recorded.manifest.settings.max_depth, Some(2));
}

#[test]
fn threads_are_the_roots_of_their_stacks() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = record(&folder, &build("family.c", &folder, &[]), &["--threads"]);
    let totals = column(&report(&bundle), "total_share");
    let share = |start: &str| -> f64 { totals.iter().filter(|(n, _)| n.starts_with(start)).map(|(_, s)| s).sum() };
    assert!((share("process ") - 1.0).abs() < 0.001 && (share("thread ") - 1.0).abs() < 0.001, "{totals:?}");
    assert!((share("thread worker (") - 0.25).abs() < 0.05, "{totals:?}");
    assert!((share("process family (") - 1.0).abs() < 0.05, "{totals:?}");
}
