//! Members of traced memory, counted lines and captured source: as they were, or said to be damaged.

use crate::world::{alloc, dump, traced};
use crate::zips::{members, with_manifest, with_member, zip};
use perfcollect_shared::bundle::pprof::{Span, decode, encode};
use perfcollect_shared::bundle::{read, repair, write};
use perfcollect_shared::model::{KeyTrace, MemberKind, Profile, Warning, WeightKind};
use perfcollect_shared::units::Bytes;
use serde_json::json;

fn whole() -> Vec<u8> {
    write(&traced()).expect("writes")
}

fn unhashed() -> Vec<u8> {
    with_manifest(&whole(), |manifest| {
        for member in manifest["members"].as_array_mut().expect("a list") {
            member["sha256"] = json!(null);
        }
    })
}

#[test]
fn all_of_it_is_read_as_it_was_written() {
    let (bytes, written) = (whole(), traced());
    let read = read(&bytes).expect("reads");
    assert_eq!(read.reading, []);
    assert_eq!((&read.memory, &read.lines, &read.source), (&written.memory, &written.lines, &written.source));
    assert_eq!((&read.calls, &read.caches, &read.keys), (&written.calls, &written.caches, &written.keys));
    assert_eq!(dump(read.alloc_profile().expect("the profile alloc")), dump(&alloc()));
    let again = write(&read).expect("writes");
    assert_eq!(again, write(&perfcollect_shared::bundle::read(&again).expect("reads")).expect("writes"));
    let kinds: Vec<MemberKind> = read.manifest.members.iter().map(|member| member.kind).collect();
    let last = [MemberKind::Timeline, MemberKind::Memory, MemberKind::Calls, MemberKind::Lines, MemberKind::Source];
    assert_eq!(
        (&kinds[5..10], &kinds[10..]),
        (&last[..], &[MemberKind::Caches, MemberKind::Keys, MemberKind::Keys][..])
    );
}

/// What `go tool pprof` shows must be the memory at the end, not a sum over snapshots.
#[test]
fn the_pprof_member_holds_the_last_snapshot_of_each_process() {
    let profile = alloc();
    let info = profile.info.clone();
    let read = decode(&encode(&profile, Span::default()), info.clone(), None).expect("valid");
    assert_eq!(read.info.weight, WeightKind::Bytes);
    assert_eq!((read.samples.total_weight().0, read.samples.total_count()), (700, 4));
    let again = decode(&encode(&read, Span::default()), info, None).expect("valid");
    assert_eq!(again.samples.total_weight().0, 700);
}

#[test]
fn without_the_order_columns_the_end_is_still_known() {
    let read = read(&with_member(&whole(), "profiles/alloc.order.gz", |_| Vec::new())).expect("reads");
    assert!(
        matches!(&read.reading[..], [Warning::DamagedMember { member, .. }] if member == "profiles/alloc.order.gz")
    );
    let profile = read.alloc_profile().expect("the profile alloc");
    assert_eq!((profile.samples.time.as_ref(), profile.samples.total_weight().0), (None, 700));
}

#[test]
fn columns_that_do_not_end_in_the_last_snapshot_are_refused() {
    let check = |change: &dyn Fn(&mut Profile), fits: bool| {
        let mut other = traced();
        let mut profile = alloc();
        change(&mut profile);
        other.profiles[2] = std::sync::Arc::new(profile);
        let foreign = members(&write(&other).expect("writes"));
        let foreign = &foreign.iter().find(|(name, _)| name == "profiles/alloc.order.gz").expect("is there").1;
        let read = read(&with_member(&unhashed(), "profiles/alloc.order.gz", |_| foreign.clone())).expect("reads");
        assert_eq!(read.reading.is_empty(), fits, "{:?}", read.reading);
        assert_eq!(read.profiles[2].samples.time.is_some(), fits);
    };
    check(&|_| {}, true);
    check(&|profile| profile.samples.weight[0].0 += 1, true);
    check(&|profile| profile.samples.weight[3].0 += 1, false);
    check(&|profile| profile.samples.count[4] += 1, false);
}

#[test]
fn columns_of_time_are_not_taken_for_bytes() {
    let members = members(&unhashed());
    let of = |name: &str| members.iter().find(|(known, _)| known == name).expect("is there").1.clone();
    let check = |from: &str, to: &str| {
        let read = read(&with_member(&unhashed(), to, |_| of(from))).expect("reads");
        assert!(matches!(&read.reading[..], [Warning::DamagedMember { member, .. }] if member == to), "{to}");
    };
    check("profiles/cpu.order.gz", "profiles/alloc.order.gz");
    check("profiles/alloc.order.gz", "profiles/cpu.order.gz");
}

#[test]
fn each_damaged_member_is_a_warning_and_the_rest_is_read() {
    for member in ["memory.jsonl", "calls.jsonl", "lines.jsonl", "source.jsonl", "caches.jsonl"] {
        let read =
            read(&with_member(&whole(), member, |content| content[..content.len() / 2].to_vec())).expect("reads");
        let [Warning::DamagedMember { member: named, reason }] = &read.reading[..] else {
            panic!("{:?}", read.reading);
        };
        assert!(named == member && reason.contains("SHA-256"), "{reason}");
        let left = [
            read.memory.is_empty(),
            read.calls.is_empty(),
            read.lines.is_empty(),
            read.source.is_empty(),
            read.caches.is_empty(),
        ];
        assert_eq!(left.iter().filter(|&&empty| empty).count(), 1, "{member}");
    }
}

#[test]
fn damaged_lines_are_counted_and_strange_fields_passed_over() {
    for member in ["memory.jsonl", "calls.jsonl", "lines.jsonl", "source.jsonl", "caches.jsonl"] {
        let bytes = with_member(&unhashed(), member, |content| {
            let text = String::from_utf8(content.to_vec()).expect("text");
            let (first, second) = text.split_once('\n').expect("two lines");
            let newer = first.replacen('{', "{\"of a newer version\":[1],", 1);
            let wrong = second.replacen(":7", ":-7", 1).replacen(":40", ":-40", 1);
            format!("{newer}\r\n{}\n\n{wrong}\n[]\n", &second[..second.len() / 2]).into_bytes()
        });
        let read = read(&bytes).expect("reads");
        assert!(
            matches!(&read.reading[..], [Warning::SkippedLines { count: 3, first_line: 2, member: named, .. }] if named == member),
            "{:?}",
            read.reading
        );
        let rows = read.memory.len() + read.calls.len() + read.lines.len() + read.source.len() + read.caches.len();
        assert_eq!(rows, 9);
    }
}

#[test]
fn a_damaged_trace_of_keys_is_a_warning_and_the_other_is_read() {
    type Damage = fn(&[u8]) -> Vec<u8>;
    let of_another_kind: Damage = |_| {
        let members = members(&whole());
        members.iter().find(|(name, _)| name == "profiles/cpu.order.gz").expect("is there").1.clone()
    };
    let cases: [(Damage, &str); 3] = [
        (|content| content[..content.len() / 2].to_vec(), "ends too early"),
        (|_| Vec::new(), "gzip"),
        (of_another_kind, "mark of a trace of keys"),
    ];
    for (damage, wrong) in cases {
        let read = read(&with_member(&unhashed(), "keys/7-0.gz", damage)).expect("reads");
        let [Warning::DamagedMember { member, reason }] = &read.reading[..] else { panic!("{:?}", read.reading) };
        assert!(member == "keys/7-0.gz" && reason.contains(wrong), "{reason}");
        assert_eq!(read.keys, traced().keys[1..]);
    }
}

#[test]
fn traces_of_keys_that_no_reader_would_take_are_not_written() {
    let check = |change: fn(&mut KeyTrace), wrong: &str| {
        let mut bundle = traced();
        change(std::sync::Arc::make_mut(&mut bundle.keys[1]));
        let error = write(&bundle).expect_err(wrong).to_string();
        assert!(error.contains(wrong), "{error}");
    };
    check(|trace| trace.name = "../x".into(), "\"../x\" has a name that cannot be a file name");
    check(|trace| trace.name = "7-0".into(), "\"7-0\" is there twice");
    check(|trace| trace.key[2] = 2, "\"7-1\" names a key that it does not have");
}

#[test]
fn a_newer_reason_of_a_snapshot_is_read() {
    let bytes = with_member(&unhashed(), "memory.jsonl", |content| {
        String::from_utf8(content.to_vec()).expect("text").replace("\"exit\"", "\"asked\"").into_bytes()
    });
    let read = read(&bytes).expect("reads");
    assert_eq!((read.reading.len(), read.memory[1].current_bytes), (0, Bytes(700)));
}

#[test]
fn without_its_directory_and_manifest_a_file_gives_them_back() {
    let bytes = whole();
    let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").expect("is there");
    let manifest = bytes.windows(13).position(|window| window == b"manifest.json").expect("is there") + 13;
    let mut damaged = bytes[..directory].to_vec();
    damaged[manifest + 20..manifest + 60].fill(0xff);
    let (repaired, written) = (repair(&damaged).expect("members are there"), traced());
    assert_eq!(
        (&repaired.memory, &repaired.lines, &repaired.source, &repaired.caches),
        (&written.memory, &written.lines, &written.source, &written.caches)
    );
    assert_eq!(repaired.keys, written.keys);
    assert_eq!(repaired.alloc_profile().map(|profile| profile.samples.clone()), Some(alloc().samples));
}

#[test]
fn a_bomb_of_source_is_refused() {
    let zeros = vec![0_u8; 80 << 20];
    let bytes = with_member(&unhashed(), "source.jsonl", |_| zeros.clone());
    assert!(read(&zip(&members(&bytes))).is_err());
}
