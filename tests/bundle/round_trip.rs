//! What is written is read.

use crate::world::{bundle, dump, dump_sorted};
use perfcollect_shared::bundle::{read, read_manifest, write};
use perfcollect_shared::model::{
    Bundle, FrameSpec, FunctionSpec, MemberKind, Profile, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec,
};
use perfcollect_shared::units::Nanos;
use std::sync::Arc;

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

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Few names and places, so that rows are equal, nearly equal and nested in every way.
fn random_profile(seed: u64) -> Profile {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut builder = ProfileBuilder::new();
    let modules = [("", ""), ("/bin/a", "aa"), ("/bin/a", "bb"), ("[python]", "")]
        .map(|(path, build_id)| builder.module(path, build_id));
    let even = random.below(2) == 0;
    let timed = random.below(4) > 0;
    for _ in 0..random.below(60) {
        let (mut stack, mut owner) = (None, (modules[0], 0));
        for depth in 0..=random.below(6) {
            let inlined = depth > 0 && random.below(3) == 0;
            if !inlined {
                let module = modules[usize::try_from(random.below(4)).expect("small")];
                owner = (module, random.below(3) << (random.below(2) * 40));
            }
            let name = ["f", "g", "<module>", "a;b", "", "ü"][usize::try_from(random.below(6)).expect("small")];
            let spec = FunctionSpec {
                name,
                system_name: ["", name, "_Zf"][usize::try_from(random.below(3)).expect("small")],
                file: ["", "a.c"][usize::try_from(random.below(2)).expect("small")],
                start_line: u32::try_from(random.below(2)).expect("small"),
                module: owner.0,
            };
            let function = builder.function(spec);
            let line = u32::try_from(random.below(2)).expect("small");
            let frame = builder.frame(FrameSpec { function, line, inlined, address: owner.1 });
            stack = Some(builder.stack(stack, frame));
        }
        let pid = u32::try_from(random.below(3)).expect("small");
        let name = if pid == 0 { "" } else { ["", "t"][usize::try_from(random.below(2)).expect("small")] };
        let thread = builder.thread(ThreadSpec { pid, tid: pid * 2, name, process: name });
        let weight = Nanos(if even { 7 } else { random.below(1 << 40) });
        builder.sample(SampleSpec {
            time: timed.then_some(Nanos(random.below(1 << 20))),
            stack: stack.expect("at least one frame"),
            thread,
            weight,
            count: if timed { 1 } else { u32::try_from(random.below(9)).expect("small") },
        });
    }
    builder.finish(ProfileInfo { name: "cpu".into(), ..Default::default() }).expect("a valid profile")
}

#[test]
fn random_profiles_come_back_as_they_were() {
    for seed in 0..400 {
        let profile = random_profile(seed);
        let timed = profile.samples.time.is_some();
        let written = Bundle { profiles: vec![Arc::new(profile)], ..Default::default() };
        let read = read(&write(&written).expect("writes")).expect("reads");
        assert_eq!(read.reading, [], "seed {seed}");
        if timed {
            assert_eq!(dump(&read.profiles[0]), dump(&written.profiles[0]), "seed {seed}");
        } else {
            assert_eq!(sums(&read.profiles[0]), sums(&written.profiles[0]), "seed {seed}");
        }
    }
}

/// Lines of a profile without times, equal stacks and threads summed up.
fn sums(profile: &Profile) -> std::collections::BTreeMap<String, (u64, u64)> {
    let mut sums = std::collections::BTreeMap::new();
    for line in dump(profile).lines().skip(1) {
        let (head, stack) = line.split_once(" < ").expect("a stack");
        let mut words = head.rsplitn(3, ' ');
        let weight: u64 = words.next().and_then(|word| word.parse().ok()).expect("a weight");
        let count: u64 = words.next().and_then(|word| word.strip_suffix('x')?.parse().ok()).expect("a count");
        let sum: &mut (u64, u64) = sums.entry(format!("{} < {stack}", words.next().expect("a thread"))).or_default();
        sum.0 += count;
        sum.1 += weight;
    }
    sums
}
