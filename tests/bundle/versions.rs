//! Older bundles open, newer ones are refused with a way out, and what a version does not know is left alone.

use crate::world::{bundle, dump};
use crate::zips::{members, with_manifest, zip};
use perfcollect_shared::bundle::{ReadError, read, read_manifest, repair, write};
use perfcollect_shared::model::{FORMAT_VERSION, MemberKind, Warning};
use serde_json::json;

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
