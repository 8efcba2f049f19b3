//! Nothing that a file holds makes a reader panic, lie or swallow the machine.

use crate::world::{bundle, dump, dump_sorted, traced};
use crate::zips::{members, with_manifest, with_member, zip};
use flate2::Compression;
use flate2::write::GzEncoder;
use perfcollect_shared::bundle::{Limits, ReadError, read, read_manifest, read_with_limits, repair, write};
use perfcollect_shared::model::{Bundle, Warning};
use serde_json::json;
use std::io::Write as _;

fn whole() -> Vec<u8> {
    write(&bundle()).expect("writes")
}

/// Says the same as what was written, in every part.
fn equal(read: &Bundle, written: &Bundle) -> bool {
    let profiles = |bundle: &Bundle| -> Vec<String> {
        bundle.profiles.iter().map(|p| if p.samples.time.is_some() { dump(p) } else { dump_sorted(p) }).collect()
    };
    let rows = |bundle: &Bundle| {
        let keys = bundle.keys.clone();
        (bundle.memory.clone(), bundle.lines.clone(), bundle.source.clone(), bundle.caches.clone(), keys)
    };
    read.manifest == written.manifest
        && read.timeline == written.timeline
        && rows(read) == rows(written)
        && profiles(read) == profiles(written)
}

#[test]
fn cut_anywhere_it_is_an_error_that_names_recover() {
    let bytes = write(&traced()).expect("writes");
    let written = read(&bytes).expect("reads");
    for cut in 0..bytes.len() {
        let cut_bytes = &bytes[..cut];
        match read(cut_bytes) {
            Ok(read) => assert!(!read.reading.is_empty() || equal(&read, &written), "cut at {cut}"),
            Err(error) if cut > 2 => {
                assert!(error.to_string().contains("perfcollect recover FILE"), "cut at {cut}: {error}");
            }
            Err(_) => {}
        }
        drop(read_manifest(cut_bytes));
        if let Ok(repaired) = repair(cut_bytes) {
            assert!(repaired.manifest.partial || equal(&repaired, &written), "cut at {cut}");
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_an_error_a_warning_or_nothing() {
    let bytes = write(&traced()).expect("writes");
    let written = read(&bytes).expect("reads");
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        if let Ok(read) = read(&flipped) {
            assert!(!read.reading.is_empty() || equal(&read, &written), "byte {place} changed what is said");
        }
        if let Ok(repaired) = repair(&flipped) {
            assert!(repaired.manifest.partial || equal(&repaired, &written), "byte {place} is repaired wrongly");
        }
    }
}

#[test]
fn bytes_that_are_no_zip_are_said_to_be_none() {
    assert_eq!(read(b""), Err(ReadError::Empty));
    assert_eq!(read(b"{\"json\": true}"), Err(ReadError::NotZip));
    assert!(matches!(read(b"PK\x03\x04 and then nothing"), Err(ReadError::Directory { .. })));
    let other = zip(&[("word/document.xml".into(), b"<w/>".to_vec())]);
    assert!(matches!(read(&other), Err(ReadError::NoManifest { .. })));
}

#[test]
fn a_damaged_member_is_a_warning_and_the_rest_is_read() {
    let check = |member: &str, profiles: usize, timed: bool, samples: usize| {
        let bytes = with_member(&whole(), member, |content| content[..content.len() / 2].to_vec());
        let read = read(&bytes).expect("reads");
        let [Warning::DamagedMember { member: named, reason }] = &read.reading[..] else {
            panic!("{:?}", read.reading);
        };
        assert_eq!(named, member);
        assert!(reason.contains("byte") && reason.contains("SHA-256"), "{reason}");
        assert_eq!(read.profiles.len(), profiles, "{member}");
        assert_eq!(read.profiles[0].samples.time.is_some(), timed, "{member}");
        assert_eq!(read.timeline.samples.len(), samples, "{member}");
    };
    check("profiles/cpu.pb.gz", 1, false, 6);
    check("profiles/cpu.order.gz", 2, false, 6);
    check("timeline.jsonl", 2, true, 0);
}

#[test]
fn a_missing_member_is_a_warning() {
    let mut members = members(&whole());
    members.retain(|(name, _)| name != "profiles/wall.pb.gz");
    let read = read(&zip(&members)).expect("reads");
    let reason = "it is missing from the zip".to_owned();
    assert_eq!(read.reading, [Warning::DamagedMember { member: "profiles/wall.pb.gz".into(), reason }]);
}

#[test]
fn without_the_order_columns_the_sums_are_the_same() {
    let bytes = with_member(&whole(), "profiles/cpu.order.gz", |_| Vec::new());
    let read = read(&bytes).expect("reads");
    let (now, then) = (&read.profiles[0].samples, &bundle().profiles[0].samples);
    assert_eq!(now.total_weight(), then.total_weight());
    assert_eq!(now.total_count(), then.total_count());
}

/// With hashes gone, the columns themselves must not be believed.
#[test]
fn order_columns_of_another_profile_are_refused() {
    let bytes = with_manifest(&whole(), |manifest| {
        for member in manifest["members"].as_array_mut().expect("a list") {
            member["sha256"] = json!(null);
        }
    });
    let foreign = members(&bytes).into_iter().find(|(name, _)| name == "profiles/cpu.order.gz").expect("is there");
    let mut members = members(&bytes);
    let manifest = members.iter_mut().find(|(name, _)| name == "manifest.json").expect("is there");
    let text = String::from_utf8(manifest.1.clone()).expect("text");
    manifest.1 = text.replace("profiles/cpu.order.gz", "profiles/wall.order.gz").into_bytes();
    members.retain(|(name, _)| name != "profiles/cpu.order.gz");
    members.push(("profiles/wall.order.gz".into(), foreign.1));
    let read = read(&zip(&members)).expect("reads");
    assert!(
        matches!(&read.reading[..], [Warning::DamagedMember { member, .. }] if member == "profiles/wall.order.gz"),
        "{:?}",
        read.reading
    );
    assert_eq!(read.profiles.len(), 2);
}

#[test]
fn lines_of_the_timeline_that_are_damaged_are_counted() {
    let bytes = with_manifest(&whole(), |manifest| {
        for member in manifest["members"].as_array_mut().expect("a list") {
            member["sha256"] = json!(null);
        }
    });
    let bytes = with_member(&bytes, "timeline.jsonl", |content| {
        let text = String::from_utf8(content.to_vec()).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        let cut = &lines[3][..lines[3].len() / 2];
        [&lines[..3], &[cut, "", "{\"kind\":\"tea\"}"], &lines[4..]].concat().join("\r\n").into_bytes()
    });
    let read = read(&bytes).expect("reads");
    assert!(
        matches!(&read.reading[..], [Warning::SkippedLines { count: 2, first_line: 4, member, .. }] if member == "timeline.jsonl"),
        "{:?}",
        read.reading
    );
    assert_eq!(read.timeline.samples.len(), 5);
}

#[test]
fn names_that_leave_the_bundle_are_refused() {
    for name in ["../evil", "/etc/passwd", "a/../../b", "C:\\x", "a\\..\\b", "a\0b"] {
        let mut members = members(&whole());
        members.push((name.to_owned(), b"x".to_vec()));
        let error = read(&zip(&members)).expect_err(name);
        assert!(matches!(&error, ReadError::BadName { .. }), "{name}: {error}");
    }
}

#[test]
fn two_members_of_one_name_are_refused() {
    let twin = ("timeline.jsonm".to_owned(), b"{}".to_vec());
    let members = [members(&whole()), vec![twin]].concat();
    let mut bytes = zip(&members);
    // The writer refuses duplicates, so the twin is made by renaming it in place.
    while let Some(at) = bytes.windows(14).position(|window| window == b"timeline.jsonm") {
        bytes[at + 13] = b'l';
    }
    assert_eq!(read(&bytes), Err(ReadError::DuplicateNames));
}

#[test]
fn more_members_than_allowed_are_refused() {
    let limits = Limits { members: 4, ..Default::default() };
    let error = read_with_limits(&whole(), &limits).expect_err("five members");
    assert_eq!(error, ReadError::TooManyMembers { members: 5, limit: 4 });
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("compresses");
    encoder.finish().expect("compresses")
}

#[test]
fn a_bomb_is_refused_before_it_grows() {
    let zeros = vec![0_u8; 80 << 20];
    let check = |member: &str, content: &dyn Fn() -> Vec<u8>| {
        let bytes = with_manifest(&whole(), |manifest| {
            for member in manifest["members"].as_array_mut().expect("a list") {
                member["sha256"] = json!(null);
            }
        });
        let bytes = with_member(&bytes, member, |_| content());
        assert!(bytes.len() < 1 << 20, "a small file");
        let error = read(&bytes).expect_err(member);
        assert!(matches!(&error, ReadError::TooLarge { member: named, .. } if named == member), "{error}");
        drop(repair(&bytes));
    };
    check("timeline.jsonl", &|| zeros.clone());
    check("profiles/cpu.pb.gz", &|| gzip(&zeros));
    check("profiles/cpu.order.gz", &|| gzip(&zeros));
}

#[test]
fn sizes_are_limited_for_each_member_and_for_all() {
    let bytes = whole();
    let one = Limits { member_bytes: 300, ..Default::default() };
    assert!(matches!(read_with_limits(&bytes, &one), Err(ReadError::TooLarge { limit: 300, .. })));
    let all = Limits { total_bytes: 4_000, ..Default::default() };
    assert!(matches!(read_with_limits(&bytes, &all), Err(ReadError::TooLarge { .. })));
    let manifest = Limits { manifest_bytes: 100, ..Default::default() };
    let error = read_with_limits(&bytes, &manifest).expect_err("a manifest of more than 100 bytes");
    assert_eq!(error, ReadError::TooLarge { member: "manifest.json".into(), limit: 100 });
}
