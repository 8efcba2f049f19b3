//! The sampler on real programs, without the rest of a recording.

use super::*;
use crate::spool::{RawFrame, RawStacks};
use perfcollect_shared::model::TOO_SHORT;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Runs a shell command under the sampler, from its `exec` on.
fn record(command: &str, rate_hz: u32) -> (RawStacks, PerfOutcome) {
    record_events(command, rate_hz, Vec::new())
}

fn record_events(command: &str, rate_hz: u32, events: Vec<&'static Event>) -> (RawStacks, PerfOutcome) {
    let spool = tempfile::tempdir().unwrap();
    let script = format!("read go; exec {command}");
    let mut shell = Command::new("sh").arg("-c").arg(&script).stdin(Stdio::piped()).spawn().unwrap();
    let clock = Clock::new();
    let tree = ProcessTree::new(shell.id(), clock.clone());
    let settings = PerfSettings { rate_hz, events, clock };
    let mut sampler = PerfSampler::arm(shell.id(), &settings, spool.path(), tree).unwrap();
    sampler.start();
    shell.stdin.take().unwrap().write_all(b"go\n").unwrap();
    assert!(shell.wait().unwrap().success());
    let outcome = sampler.finish();
    (RawStacks::read(&spool.path().join(spool::NATIVE)).unwrap(), outcome)
}

fn build(source: &str, folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/programs").join(source);
    let program = folder.join("program");
    let built = Command::new("gcc").args(["-O2", "-fomit-frame-pointer", "-o"]).arg(&program).arg(source).status();
    assert!(built.expect("gcc is needed: apt-get install gcc").success());
    program
}

/// Depth of each sample's stack, and how many samples have it.
fn depths(raw: &RawStacks) -> BTreeMap<usize, usize> {
    let mut depths = BTreeMap::new();
    for sample in &raw.samples {
        let depth = std::iter::successors(sample.stack, |&row| raw.stacks[row as usize].0).count();
        *depths.entry(depth).or_default() += 1;
    }
    depths
}

#[test]
fn stacks_without_frame_pointers_reach_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("split.c", folder.path());
    let (raw, outcome) = record(&format!("{} 0.5 2>/dev/null", program.display()), 999);
    assert!(raw.samples.len() > 300, "{} samples", raw.samples.len());
    assert_eq!(raw.counts.lost, 0);
    assert!(outcome.write_error.is_none());
    assert!(raw.modules.iter().any(|(path, id)| Path::new(path) == program && !id.is_empty()), "{:?}", raw.modules);
    // _start, __libc_start_main, __libc_start_call_main, main, spread, hot70
    let deep: usize = depths(&raw).range(5..).map(|(_, count)| count).sum();
    assert!(deep * 100 > raw.samples.len() * 95, "{:?} {:?}", depths(&raw), raw.counts);
    assert!(raw.frames.iter().any(|frame| matches!(frame, RawFrame::Native(..))));
}

#[test]
fn children_and_threads_are_followed() {
    let (raw, _outcome) = record("sh -c 'for i in 1 2 3; do yes | head -c 30000000 | md5sum >/dev/null; done'", 999);
    let names: BTreeMap<_, _> = raw.threads.iter().map(|t| (t.process.as_str(), t.pid)).collect();
    for name in ["yes", "head", "md5sum"] {
        assert!(names.contains_key(name), "{names:?}");
    }
}

#[test]
fn cpu_time_of_processes_too_short_to_sample_is_kept() {
    // 50 Hz: `true` never lives for 20 ms of CPU time, so that it would not be there at all.
    let (raw, _outcome) = record("sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; done'", 50);
    let short = raw.frames.iter().position(|f| matches!(f, RawFrame::Named { name, .. } if name == TOO_SHORT));
    let short = u32::try_from(short.expect("a frame for it")).unwrap();
    let of_true = raw.samples.iter().filter(|sample| {
        let is_short = sample.stack.is_some_and(|row| raw.stacks[row as usize].1 == short);
        is_short && raw.threads[sample.thread as usize].process == "true"
    });
    let cpu_ns: u64 = of_true.map(|sample| sample.weight.0).sum();
    assert!(cpu_ns > 10 * 50_000, "{cpu_ns} ns in ten processes");
}
