//! `perfcollect recover` on spools that a kill left behind and on damaged bundle files.

use nix::fcntl::{Flock, FlockArg};
use perfcollect::spool::{self, LineWriter, RawFrame, StackWriter};
use perfcollect_shared::bundle::{read, write};
use perfcollect_shared::model::{Exit, Manifest, Process, ResourceSample, TimelineLine, Tool, Warning};
use perfcollect_shared::units::Nanos;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn recover(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_perfcollect"))
        .arg("recover")
        .args(args)
        .current_dir(folder)
        .output()
        .expect("perfcollect starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

/// The spool of a recording that was killed in the middle of a line.
fn killed(library: &Path, name: &str) -> PathBuf {
    let spool = spool::folder_of(&library.join(name));
    fs::create_dir_all(&spool).expect("a folder");
    File::create(spool.join(spool::LOCK)).expect("a lock file");
    let manifest = Manifest {
        format: 1,
        id: "01JABCDEFGHJKMNPQRSTVWXYZ0".into(),
        tool: Tool { name: "perfcollect".into(), version: "0.1.0".into() },
        command: vec!["sleep".into(), "9".into()],
        start: "2026-11-21T07:10:00Z".into(),
        ..Default::default()
    };
    fs::write(spool.join(spool::MANIFEST), serde_json::to_vec(&manifest).expect("JSON")).expect("writes");
    let mut timeline = LineWriter::create(&spool.join(spool::TIMELINE)).expect("a file");
    timeline.push(&TimelineLine::Process(Process { pid: 5, name: "sleep".into(), ..Default::default() }));
    for t in 0..4 {
        let sample = ResourceSample { t_ns: Nanos(t * 100_000_000), pid: 5, threads: 1, ..Default::default() };
        timeline.push(&TimelineLine::Sample(sample));
    }
    assert!(timeline.finish().is_none());
    let mut stacks = StackWriter::create(&spool.join(spool::PYTHON)).expect("a file");
    let named = |name: &str| RawFrame::Named {
        module: "[python]".into(),
        name: name.into(),
        file: "/home/u/a.py".into(),
        start_line: 3,
        line: 4,
    };
    let root = stacks.frame(named("<module>"));
    let leaf = stacks.frame(named("work"));
    let root = stacks.stack(None, root);
    let leaf = stacks.stack(Some(root), leaf);
    let thread = stacks.thread(5, 5, || ("MainThread".into(), "sleep".into()));
    for time in 0..10 {
        stacks.sample(Nanos(time * 10_000_000), Some(leaf), thread, Nanos(10_000_000));
    }
    assert!(stacks.finish().is_none());
    let mut cut = fs::read(spool.join(spool::PYTHON)).expect("reads");
    cut.truncate(cut.len() - 4);
    fs::write(spool.join(spool::PYTHON), cut).expect("writes");
    spool
}

#[test]
fn a_spool_becomes_a_partial_bundle_beside_it() {
    let temp = tempfile::tempdir().expect("a folder");
    let spool = killed(temp.path(), "0001-sleep-aaaaaa.perf.zip");
    let (code, stdout, stderr) = recover(temp.path(), &["0001-sleep-aaaaaa.perf.zip.spool"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("recovered 9 stack samples and 4 resource samples into"), "{stdout}");
    assert!(!spool.exists());
    let bytes = fs::read(temp.path().join("0001-sleep-aaaaaa.perf.zip")).expect("the bundle");
    let bundle = read(&bytes).expect("a whole bundle");
    assert_eq!(bundle.reading, []);
    assert!(bundle.manifest.partial);
    assert_eq!(bundle.manifest.exit, Exit::default());
    assert!(bundle.manifest.warnings.iter().any(|warning| matches!(warning, Warning::Partial { .. })));
    assert_eq!(bundle.profiles[0].samples.total_count(), 9);
}

#[test]
fn a_spool_that_is_still_recorded_is_left_alone() {
    let temp = tempfile::tempdir().expect("a folder");
    let spool = killed(temp.path(), "live.perf.zip");
    let lock = File::open(spool.join(spool::LOCK)).expect("the lock");
    let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno).expect("is free");
    let (code, _, stderr) = recover(temp.path(), &["live.perf.zip.spool/"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("is still being recorded"), "{stderr}");
    assert!(spool.join(spool::PYTHON).exists() && !temp.path().join("live.perf.zip").exists());
    drop(lock);
    assert_eq!(recover(temp.path(), &["live.perf.zip.spool/"]).0, Some(0));
}

#[test]
fn without_an_argument_every_dead_spool_of_the_library_is_recovered() {
    let temp = tempfile::tempdir().expect("a folder");
    let library = temp.path().join(".perfcollect");
    let (code, stdout, stderr) = recover(temp.path(), &[]);
    assert_eq!((code, stdout.as_str()), (Some(0), "nothing to recover in .perfcollect\n"), "{stderr}");
    killed(&library, "0001-a-aaaaaa.perf.zip");
    let live = killed(&library, "0002-b-bbbbbb.perf.zip");
    let broken = killed(&library, "0003-c-cccccc.perf.zip");
    killed(&library, "0004-d-dddddd.perf.zip");
    let lock = File::open(live.join(spool::LOCK)).expect("the lock");
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno).expect("is free");
    fs::write(broken.join(spool::MANIFEST), "{").expect("writes");
    let (code, stdout, stderr) = recover(temp.path(), &[]);
    assert_eq!(code, Some(1), "one of them is broken");
    assert_eq!(stdout.lines().count(), 2, "{stdout}");
    assert!(stderr.contains("perfcollect: ") && stderr.contains("0003-c-cccccc"), "{stderr}");
    assert!(library.join("0001-a-aaaaaa.perf.zip").exists() && library.join("0004-d-dddddd.perf.zip").exists());
    assert!(live.exists() && broken.exists(), "what could not be recovered is kept");
}

/// A whole bundle, made by recovering a spool.
fn whole(folder: &Path) -> Vec<u8> {
    killed(folder, "x.perf.zip");
    assert_eq!(recover(folder, &["x.perf.zip.spool"]).0, Some(0));
    fs::read(folder.join("x.perf.zip")).expect("the bundle")
}

#[test]
fn a_file_without_its_end_gives_back_its_members() {
    let temp = tempfile::tempdir().expect("a folder");
    let bytes = whole(temp.path());
    fs::write(temp.path().join("x.perf.zip"), &bytes[..bytes.len() - 40]).expect("writes");
    let (code, stdout, stderr) = recover(temp.path(), &["x.perf.zip"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout, "recovered 9 stack samples and 4 resource samples into x-recovered.perf.zip\n");
    let recovered = read(&fs::read(temp.path().join("x-recovered.perf.zip")).expect("the bundle")).expect("whole");
    assert_eq!(recovered.reading, []);
    assert!(recovered.manifest.partial);
    assert_eq!(fs::metadata(temp.path().join("x.perf.zip")).expect("stays").len(), bytes.len() as u64 - 40);

    let (code, _, stderr) = recover(temp.path(), &["x.perf.zip"]);
    assert_eq!(code, Some(1), "nothing is overwritten unasked");
    assert!(stderr.contains("x-recovered.perf.zip is there already; name another file with -o FILE"), "{stderr}");
    assert_eq!(recover(temp.path(), &["x.perf.zip", "-o", "y.zip"]).0, Some(0));
}

#[test]
fn a_damaged_profile_is_named_and_the_rest_recovered() {
    let temp = tempfile::tempdir().expect("a folder");
    let mut bytes = whole(temp.path());
    let name = b"profiles/cpu.pb.gz";
    let at = bytes.windows(name.len()).position(|window| window == name).expect("is there");
    bytes[at + name.len() + 30] ^= 1;
    fs::write(temp.path().join("x.perf.zip"), bytes).expect("writes");
    let (code, stdout, stderr) = recover(temp.path(), &["x.perf.zip"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("recovered 0 stack samples and 4 resource samples"), "{stdout}");
    assert!(stderr.starts_with("perfcollect: ") && stderr.contains("profiles/cpu.pb.gz"), "{stderr}");
}

#[test]
fn a_lost_manifest_gets_a_new_id_and_summary() {
    let temp = tempfile::tempdir().expect("a folder");
    let mut bytes = whole(temp.path());
    let at = bytes.windows(13).position(|window| window == b"manifest.json").expect("is there");
    bytes[at + 33] ^= 0xff;
    fs::write(temp.path().join("x.perf.zip"), bytes).expect("writes");
    let (code, _, stderr) = recover(temp.path(), &["x.perf.zip"]);
    assert_eq!(code, Some(0), "{stderr}");
    let recovered = read(&fs::read(temp.path().join("x-recovered.perf.zip")).expect("the bundle")).expect("whole");
    assert_eq!(recovered.manifest.id.len(), 26);
    assert_eq!(recovered.manifest.summary.samples, 9);
    assert_eq!(recovered.manifest.summary.top[0].name, "work");
    assert_eq!(write(&recovered).map(|bytes| bytes.len() > 100).ok(), Some(true));
}

#[test]
fn what_cannot_be_recovered_is_said() {
    let temp = tempfile::tempdir().expect("a folder");
    whole(temp.path());
    let (code, stdout, _) = recover(temp.path(), &["x.perf.zip"]);
    assert_eq!((code, stdout.as_str()), (Some(0), "x.perf.zip is whole: there is nothing to recover\n"));
    fs::write(temp.path().join("noise.zip"), [7; 5000]).expect("writes");
    let (code, _, stderr) = recover(temp.path(), &["noise.zip"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("cannot recover noise.zip: nothing could be recovered"), "{stderr}");
    let (code, _, stderr) = recover(temp.path(), &["nowhere"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("there is no file or folder nowhere"), "{stderr}");
}
