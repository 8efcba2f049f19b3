//! What is written is read.

use crate::world::{bundle, dump, dump_sorted};
use perfcollect_shared::bundle::{read, read_manifest, write};
use perfcollect_shared::model::MemberKind;

#[test]
fn a_bundle_is_read_as_it_was_written() {
    let written = bundle();
    let bytes = write(&written).expect("writes");
    let read = read(&bytes).expect("reads");
    assert_eq!(read.reading, []);
    assert_eq!(read.timeline, written.timeline);
    assert_eq!(read.profiles.len(), 2);
    assert_eq!(dump(&read.profiles[0]), dump(&written.profiles[0]));
    assert_eq!(dump_sorted(&read.profiles[1]), dump_sorted(&written.profiles[1]));
    assert_eq!(read_manifest(&bytes).as_ref(), Ok(&read.manifest));
}

#[test]
fn equal_bundles_give_equal_bytes_also_after_reading() {
    let bytes = write(&bundle()).expect("writes");
    assert_eq!(bytes, write(&bundle()).expect("writes"));
    let again = write(&read(&bytes).expect("reads")).expect("writes");
    let third = write(&read(&again).expect("reads")).expect("writes");
    assert_eq!(again, third);
}

#[test]
fn the_manifest_lists_every_member_with_size_and_hash() {
    let bytes = write(&bundle()).expect("writes");
    let manifest = read_manifest(&bytes).expect("reads");
    let members: Vec<_> = manifest.members.iter().map(|member| (member.path.as_str(), member.kind)).collect();
    assert_eq!(
        members,
        [
            ("profiles/cpu.pb.gz", MemberKind::Profile),
            ("profiles/cpu.order.gz", MemberKind::Order),
            ("profiles/wall.pb.gz", MemberKind::Profile),
            ("timeline.jsonl", MemberKind::Timeline),
        ]
    );
    assert!(manifest.members.iter().all(|member| member.sha256.as_ref().is_some_and(|hash| hash.len() == 64)));
}
