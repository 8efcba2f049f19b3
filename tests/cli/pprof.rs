//! The pprof member, read by a reader that shares no code with ours: `unzip`, `gzip` and the `pprof` crate's messages.

use crate::bundles::Place;
use perfcollect_shared::bundle::{read, write};
use perfcollect_shared::model::{
    Bundle, FrameSpec, FunctionSpec, Profile, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec,
};
use perfcollect_shared::units::Nanos;
use pprof::protos::{self, Message};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// `main -> parse (with scan inlined)`, twice in one thread and once in another, and `main` alone.
fn profile() -> Profile {
    let mut builder = ProfileBuilder::new();
    let module = builder.module("/home/u/app", "c0ffee");
    let mut frame = |name: &str, line, inlined, address| {
        let spec = FunctionSpec { name, system_name: &format!("_Z{name}"), file: "app.cc", start_line: 7, module };
        let function = builder.function(spec);
        builder.frame(FrameSpec { function, line, inlined, address })
    };
    let frames = [frame("main", 8, false, 0x10), frame("parse", 9, false, 0x20), frame("scan", 11, true, 0x20)];
    let main = builder.stack(None, frames[0]);
    let parse = builder.stack(Some(main), frames[1]);
    let scan = builder.stack(Some(parse), frames[2]);
    let first = builder.thread(ThreadSpec { pid: 40, tid: 41, name: "worker", process: "app" });
    let second = builder.thread(ThreadSpec { pid: 40, tid: 42, name: "other", process: "app" });
    for (time, stack, thread) in [(1, scan, first), (2, scan, second), (3, main, first), (4, scan, first)] {
        builder.sample(SampleSpec { time: Some(Nanos(time)), stack, thread, weight: Nanos(2_000_000), count: 1 });
    }
    let info = ProfileInfo { name: "cpu".into(), rate_hz: Some(500.0), ..Default::default() };
    builder.finish(info).expect("a profile")
}

/// What `unzip` and `gzip` make of a member.
pub(crate) fn unpack(bundle: &Path, member: &str) -> protos::Profile {
    let output = Command::new("sh")
        .args(["-c", "unzip -p \"$0\" \"$1\" | gzip -dc"])
        .args([bundle.as_os_str(), member.as_ref()])
        .output()
        .expect("sh starts");
    assert!(output.status.success() && !output.stdout.is_empty(), "needs unzip: sudo apt-get install unzip gzip");
    protos::Profile::decode(&output.stdout[..]).expect("a profile.proto")
}

#[test]
fn an_independent_reader_finds_what_was_recorded() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("x.perf.zip");
    let mut bundle = Bundle { profiles: vec![Arc::new(profile())], ..Default::default() };
    bundle.manifest.start = "2026-11-21T07:10:00.5Z".into();
    bundle.manifest.wall_ns = Some(Nanos(9_000_000));
    fs::write(&path, write(&bundle).expect("writes")).expect("writes");

    let read = unpack(&path, "profiles/cpu.pb.gz");
    let text = |index: i64| read.string_table[usize::try_from(index).expect("an index")].as_str();
    let types: Vec<_> = read.sample_type.iter().map(|t| (text(t.ty), text(t.unit))).collect();
    assert_eq!(types, [("samples", "count"), ("cpu", "nanoseconds")]);
    assert_eq!((read.period, read.duration_nanos), (2_000_000, 9_000_000));
    assert_eq!(read.time_nanos, 1_795_245_000_500_000_000);
    assert_eq!(text(read.default_sample_type), "cpu");
    let mapping = &read.mapping[0];
    assert_eq!((text(mapping.filename), text(mapping.build_id)), ("/home/u/app", "c0ffee"));

    let function = |id: u64| read.function.iter().find(|function| function.id == id).expect("a function");
    let location = |id: &u64| read.location.iter().find(|location| location.id == *id).expect("a location");
    let mut rows: Vec<String> = Vec::new();
    for sample in &read.sample {
        let frames = sample.location_id.iter().map(location).map(|location| {
            assert_eq!(location.mapping_id, mapping.id);
            let lines = location.line.iter().map(|line| {
                let function = function(line.function_id);
                assert_eq!((text(function.filename), function.start_line), ("app.cc", 7));
                assert_eq!(text(function.system_name), format!("_Z{}", text(function.name)));
                format!("{}:{}", text(function.name), line.line)
            });
            format!("{}@{:#x}", lines.collect::<Vec<_>>().join("<"), location.address)
        });
        let frames = frames.collect::<Vec<_>>().join(" ");
        let labels = sample.label.iter().map(|label| match label.str {
            0 => format!("{}={}", text(label.key), label.num),
            value => format!("{}={}", text(label.key), text(value)),
        });
        rows.push(format!("{:?} {frames} {}", sample.value, labels.collect::<Vec<_>>().join(" ")));
    }
    rows.sort();
    assert_eq!(
        rows,
        [
            "[1, 2000000] main:8@0x10 pid=40 tid=41 thread=worker process=app",
            "[1, 2000000] scan:11<parse:9@0x20 main:8@0x10 pid=40 tid=42 thread=other process=app",
            "[2, 4000000] scan:11<parse:9@0x20 main:8@0x10 pid=40 tid=41 thread=worker process=app",
        ]
    );
}

#[test]
fn unzip_finds_no_fault_in_a_bundle() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("x.perf.zip");
    let bundle = Bundle { profiles: vec![Arc::new(profile())], ..Default::default() };
    fs::write(&path, write(&bundle).expect("writes")).expect("writes");
    let output = Command::new("unzip").arg("-t").arg(&path).output();
    let output = output.expect("needs unzip: sudo apt-get install unzip");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for member in ["manifest.json", "profiles/cpu.pb.gz", "profiles/cpu.order.gz"] {
        assert!(text.contains(member), "{text}");
    }
}

/// Self time of each function as a reader without our code sums it up.
fn self_ns(read: &protos::Profile) -> BTreeMap<String, i64> {
    let text = |index: i64| read.string_table[usize::try_from(index).expect("an index")].clone();
    let locations: BTreeMap<u64, u64> =
        read.location.iter().map(|location| (location.id, location.line[0].function_id)).collect();
    let names: BTreeMap<u64, String> =
        read.function.iter().map(|function| (function.id, text(function.name))).collect();
    let mut sums = BTreeMap::new();
    for sample in &read.sample {
        *sums.entry(names[&locations[&sample.location_id[0]]].clone()).or_insert(0) += sample.value[1];
    }
    sums
}

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/bundle/v1.perf.zip");

/// FORMAT.md is enough: the script knows nothing else.
#[test]
fn a_reader_written_from_the_description_finds_the_same() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/bundle/reader.py");
    let output = Command::new("python3").args([script, RECORDING]).output();
    let output = output.expect("needs python3: sudo apt-get install python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let ours = read(&fs::read(RECORDING).expect("the recording")).expect("a bundle");
    let profile = ours.main_profile().expect("a profile");
    let times = profile.samples.time.as_ref().expect("times");
    let order = &found["profiles"]["cpu"]["order"];
    assert_eq!(order["samples"], profile.samples.len());
    assert_eq!((&order["first_ns"], &order["last_ns"]), (&times[0].0.into(), &times[times.len() - 1].0.into()));
    assert_eq!(order["weight_ns"], profile.samples.total_weight().0);
    let foreign = self_ns(&unpack(Path::new(RECORDING), "profiles/cpu.pb.gz"));
    assert_eq!(found["profiles"]["cpu"]["self_ns"], serde_json::to_value(foreign).expect("JSON"));
    assert_eq!(found["timeline"]["sample"], ours.timeline.samples.len());
    assert_eq!(found["timeline"]["process"], ours.timeline.processes.len());
}

#[test]
fn both_readers_sum_up_a_real_recording_alike() {
    let foreign = self_ns(&unpack(Path::new(RECORDING), "profiles/cpu.pb.gz"));
    let place = Place::new();
    let report = place.json(&["report", RECORDING, "--format", "json"]);
    let mut ours: BTreeMap<String, i64> = BTreeMap::new();
    for function in report["functions"].as_array().expect("a list") {
        *ours.entry(function["name"].as_str().expect("a name").to_owned()).or_insert(0) +=
            function["self_ns"].as_i64().expect("a number");
    }
    ours.retain(|_, self_ns| *self_ns > 0);
    assert_eq!(ours, foreign);
    assert!(foreign.len() > 10 && foreign["hot70"] > 600_000_000, "{foreign:?}");
}
