//! Older bundles open, newer ones are refused with a way out, and what a version does not know is left alone.

use crate::world::{bundle, dump};
use crate::zips::{members, with_manifest, zip};
use perfcollect_shared::bundle::{ReadError, read, read_manifest, repair, write};
use perfcollect_shared::model::{FORMAT_VERSION, Language, MemberKind, Warning};
use serde_json::json;

/// A recording of a shell with a C and a Python program, both of 70/20/10 %, as version 1 was first written.
static V1: &[u8] = include_bytes!("../data/bundle/v1.perf.zip");

#[test]
fn a_bundle_of_format_1_opens() {
    let read = read(V1).expect("reads");
    assert_eq!(read.reading, []);
    assert_eq!(read.manifest.format, 1);
    assert_eq!(read.manifest.label.as_deref(), Some("fixture"));
    assert_eq!(read.manifest.command[2], "./split 0.4 & /usr/bin/python3 split.py --seconds 0.6; wait; exit 3");
    assert_eq!(read.manifest.exit.status(), Some(3));
    assert_eq!(read.timeline.processes.len(), 3);
    assert_eq!(read.timeline.samples.len() as u64, read.manifest.summary.resource_samples);
    let profile = read.main_profile().expect("a profile");
    assert_eq!(profile.samples.total_count(), 511);
    assert!(profile.samples.time.is_some());
    let self_ns = |name: &str, language: Language| -> u64 {
        let is_leaf = |row: &usize| {
            let function = profile.frame_function(profile.stacks.frame(profile.samples.stack[*row]));
            profile.function_name(function) == name && profile.language(function) == language
        };
        (0..profile.samples.len()).filter(is_leaf).map(|row| profile.samples.weight[row].0).sum()
    };
    for top in &read.manifest.summary.top[..6] {
        let language = if top.file.contains("split.py") { Language::Python } else { Language::Native };
        assert_eq!(self_ns(&top.name, language), top.self_ns.0, "{}", top.name);
    }
    let again = perfcollect_shared::bundle::read(&write(&read).expect("writes")).expect("reads");
    assert_eq!(dump(&again.profiles[0]), dump(profile));
    assert_eq!(again.timeline, read.timeline);
}

#[test]
fn a_newer_format_is_refused_with_what_to_do() {
    let bytes = with_manifest(&write(&bundle()).expect("writes"), |manifest| {
        manifest["format"] = json!(FORMAT_VERSION + 1);
        manifest["exit"] = json!("of another type");
    });
    let newer = ReadError::Newer { found: FORMAT_VERSION + 1, known: FORMAT_VERSION };
    assert_eq!(read(&bytes), Err(newer.clone()));
    assert_eq!(read_manifest(&bytes), Err(newer.clone()));
    assert_eq!(repair(&bytes), Err(newer.clone()));
    let text = newer.to_string();
    assert!(text.contains("newer perfcollect opens it"), "{text}");
}

#[test]
fn format_0_was_never_written() {
    let bytes = with_manifest(&write(&bundle()).expect("writes"), |manifest| manifest["format"] = json!(0));
    assert!(matches!(read(&bytes), Err(ReadError::Upgrade { found: 0, .. })));
}

#[test]
fn unknown_members_fields_kinds_and_warnings_are_no_error() {
    let plain = write(&bundle()).expect("writes");
    let mut members = members(&with_manifest(&plain, |manifest| {
        manifest["moon"] = json!({"phase": 3});
        manifest["environment"]["aura"] = json!("green");
        manifest["warnings"] = json!([{"code": "aliens", "seen": 3}]);
        let known = manifest["members"].as_array_mut().expect("a list");
        known.push(json!({"path": "dreams.bin", "kind": "dreams", "bytes": 3, "sha256": null}));
    }));
    members.push(("dreams.bin".into(), b"zzz".to_vec()));
    members.push(("notes/readme.txt".into(), b"hello".to_vec()));
    let read = read(&zip(&members)).expect("reads");
    assert_eq!(read.reading, []);
    assert_eq!(read.manifest.warnings, [Warning::Unknown]);
    assert_eq!(read.manifest.members.last().map(|member| member.kind), Some(MemberKind::Other));
    assert_eq!(dump(&read.profiles[0]), dump(&bundle().profiles[0]));
}

#[test]
fn a_manifest_with_the_required_fields_only_is_a_bundle() {
    let manifest = json!({
        "format": 1, "id": "01J", "tool": {"name": "x", "version": "1"}, "command": ["true"], "cwd": "/",
        "exit": {"code": 0, "signal": null}, "start": "2026-01-01T00:00:00Z",
    });
    let bytes = zip(&[("manifest.json".into(), serde_json::to_vec(&manifest).expect("JSON"))]);
    let read = read(&bytes).expect("reads");
    assert_eq!(read.reading, []);
    assert!(read.profiles.is_empty() && read.timeline.samples.is_empty());
    assert_eq!(read.manifest.wall_ns, None);
}
