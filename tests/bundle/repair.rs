//! Damaged files give back what is whole.

use crate::world::{bundle, dump};
use perfcollect_shared::bundle::{ReadError, read, repair, write};
use perfcollect_shared::model::{Bundle, Warning};

fn whole() -> Vec<u8> {
    write(&bundle()).expect("writes")
}

fn find(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).position(|window| window == text.as_bytes()).expect("is there")
}

#[test]
fn a_whole_file_is_left_as_it_is() {
    let bytes = whole();
    assert_eq!(repair(&bytes), read(&bytes));
}

#[test]
fn a_file_without_its_directory_gives_everything_back() {
    let bytes = whole();
    let directory = find(&bytes, "PK\x01\x02");
    let repaired = repair(&bytes[..directory]).expect("all members are there");
    assert_eq!(dump(&repaired.profiles[0]), dump(&bundle().profiles[0]));
    assert_eq!(repaired.profiles.len(), 2);
    assert_eq!(repaired.timeline, bundle().timeline);
    assert_eq!(repaired.manifest.command, bundle().manifest.command);
    assert!(repaired.manifest.partial);
    assert!(matches!(&repaired.manifest.warnings[..], [Warning::Partial { .. }]), "{:?}", repaired.manifest.warnings);
    let again = read(&write(&repaired).expect("writes")).expect("reads");
    assert_eq!(again.reading, []);
    assert!(again.manifest.partial);
}

#[test]
fn a_file_that_ends_in_the_second_profile_keeps_the_first() {
    let bytes = whole();
    let repaired = repair(&bytes[..find(&bytes, "profiles/wall.pb.gz") + 60]).expect("the first is there");
    assert_eq!(repaired.profiles.len(), 1);
    assert_eq!(dump(&repaired.profiles[0]), dump(&bundle().profiles[0]));
    let damaged: Vec<&str> = repaired
        .manifest
        .warnings
        .iter()
        .filter_map(|warning| match warning {
            Warning::DamagedMember { member, .. } => Some(member.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(damaged, ["profiles/wall.pb.gz", "timeline.jsonl"]);
}

#[test]
fn a_file_that_ends_in_the_timeline_keeps_its_lines() {
    let bytes = whole();
    let data = find(&bytes, "timeline.jsonl") + "timeline.jsonl".len();
    let directory = find(&bytes, "PK\x01\x02");
    let repaired = repair(&bytes[..data + (directory - data) * 9 / 10]).expect("profiles are there");
    assert_eq!(repaired.profiles.len(), 2);
    let written = bundle();
    let lines = repaired.timeline.samples.len();
    assert!((1..6).contains(&lines), "{lines}");
    assert_eq!(repaired.timeline.samples[..], written.timeline.samples[..lines]);
}

#[test]
fn without_a_manifest_the_samples_are_still_there() {
    let mut bytes = whole();
    let manifest = find(&bytes, "manifest.json") + "manifest.json".len();
    bytes[manifest + 20..manifest + 60].fill(0xff);
    let error = read(&bytes).expect_err("the manifest is damaged");
    assert!(matches!(error, ReadError::Manifest { .. }), "{error}");
    let repaired = repair(&bytes).expect("members are there");
    assert_eq!(repaired.profiles.len(), 2);
    let samples = |bundle: &Bundle| dump(&bundle.profiles[0]).split_once('\n').map(|(_info, rows)| rows.to_owned());
    assert_eq!(samples(&repaired), samples(&bundle()));
    assert_eq!(repaired.profiles[0].info.lost, None, "what is not known is not 0");
    assert_eq!(repaired.timeline, bundle().timeline);
    assert!(repaired.manifest.partial && repaired.manifest.id.is_empty());
}

#[test]
fn a_member_with_a_damaged_local_header_is_known_by_its_hash() {
    let bytes = whole();
    let directory = find(&bytes, "PK\x01\x02");
    let mut cut = bytes[..directory].to_vec();
    let name = find(&cut, "profiles/cpu.pb.gz");
    cut[name + 3] ^= 0x20;
    cut[name - 30 + 14] ^= 0xff; // checksum
    cut[name - 30 + 18] ^= 0xff; // size
    let repaired = repair(&cut).expect("members are there");
    assert_eq!(repaired.profiles.len(), 2);
    assert_eq!(dump(&repaired.profiles[0]), dump(&bundle().profiles[0]));
}

#[test]
fn nothing_is_made_of_nothing() {
    assert_eq!(repair(b""), Err(ReadError::Empty));
    assert_eq!(repair(b"PK\x03\x04"), Err(ReadError::NothingRecovered));
    assert_eq!(repair(&vec![0; 100_000]), Err(ReadError::NothingRecovered));
    let bytes = whole();
    assert_eq!(repair(&bytes[..60]), Err(ReadError::NothingRecovered));
}
