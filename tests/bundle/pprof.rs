//! Profiles as other programs write them, message by message, and as enemies do.

use crate::world::{dump, dump_sorted, profile, untimed};
use perfcollect_shared::bundle::pprof::{DecodeError, Fault, Span, decode, encode};
use perfcollect_shared::model::{Profile, ProfileInfo, WeightKind};
use prost::encoding::{WireType, encode_key, encode_varint};
use std::io::Read as _;

/// A message under construction.
#[derive(Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(mut self, tag: u32, value: u64) -> Self {
        encode_key(tag, WireType::Varint, &mut self.0);
        encode_varint(value, &mut self.0);
        self
    }

    fn bytes(mut self, tag: u32, bytes: &[u8]) -> Self {
        encode_key(tag, WireType::LengthDelimited, &mut self.0);
        encode_varint(bytes.len() as u64, &mut self.0);
        self.0.extend_from_slice(bytes);
        self
    }

    fn message(self, tag: u32, message: &Self) -> Self {
        self.bytes(tag, &message.0)
    }
}

fn value_type(what: u64, unit: u64) -> Message {
    Message::default().number(1, what).number(2, unit)
}

const STRINGS: [&str; 8] = ["", "wall", "microseconds", "main", "go.go", "samples", "count", "/bin/app"];

/// As Go might write it: samples before strings, numbers not packed, large ids, values in another order, a field of
/// the future, a fixed-width field, no mapping for one location.
fn foreign() -> Message {
    let location = |id: u64, mapping: u64, address: u64, line: i64| {
        let line = Message::default().number(1, 1 << 60).number(2, line.cast_unsigned());
        Message::default().number(1, id).number(2, mapping).number(3, address).message(4, &line)
    };
    let sample = Message::default().number(1, u64::MAX).number(1, 1 << 40).number(2, 30).number(2, 3);
    let mapping = [(1, 9), (2, 0x40_0000), (3, 0x50_0000), (4, 0x1000), (5, 7)];
    let mapping = mapping.into_iter().fold(Message::default(), |m, (tag, value)| m.number(tag, value));
    let mut message = Message::default()
        .message(2, &sample)
        .message(1, &value_type(1, 2))
        .message(1, &value_type(5, 6))
        .message(3, &mapping)
        .message(4, &location(u64::MAX, 9, 0x40_0010, 5))
        .message(4, &location(1 << 40, 0, 77, -1))
        .message(5, &Message::default().number(1, 1 << 60).number(2, 3).number(4, 4))
        .number(99, 5);
    encode_key(98, WireType::SixtyFourBit, &mut message.0);
    message.0.extend_from_slice(&[1; 8]);
    STRINGS.iter().fold(message, |message, text| message.bytes(6, text.as_bytes()))
}

fn read(bytes: &[u8]) -> Result<Profile, DecodeError> {
    decode(bytes, ProfileInfo { name: "x".into(), ..Default::default() }, None)
}

#[test]
fn a_foreign_profile_is_read() {
    let profile = read(&foreign().0).expect("valid");
    assert_eq!(profile.info.weight, WeightKind::Wall);
    assert_eq!(profile.info.samples, 3);
    assert_eq!(profile.samples.total_weight().0, 30_000);
    let text = dump(&profile);
    let sample = text.lines().nth(1).expect("one sample");
    assert_eq!(sample, "None 0/0 / 3x 30000 < main|main|go.go:0:5||/bin/app+0x1010 < main|main|go.go:0:0||+0x4d");
}

#[test]
fn packed_or_not_and_gzip_or_not_say_the_same() {
    let packed = |sample: Message| {
        let mut bytes = foreign().0;
        let length = usize::from(bytes[1]) + 2;
        bytes.drain(..length);
        Message::default().message(2, &sample).0.into_iter().chain(bytes).collect::<Vec<u8>>()
    };
    let mut ids = Vec::new();
    encode_varint(u64::MAX, &mut ids);
    encode_varint(1 << 40, &mut ids);
    let bytes = packed(Message::default().bytes(2, &[30, 3]).bytes(1, &ids));
    let expect = dump(&read(&foreign().0).expect("valid"));
    assert_eq!(dump(&read(&bytes).expect("valid")), expect);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &bytes).expect("compresses");
    assert_eq!(dump(&read(&gzip.finish().expect("compresses")).expect("valid")), expect);
}

#[test]
fn samples_without_time_weigh_their_period() {
    let strings = ["", "samples", "count", "cpu", "nanoseconds"];
    let message = Message::default()
        .message(1, &value_type(1, 2))
        .message(11, &value_type(3, 4))
        .number(12, 10_000_000)
        .message(2, &Message::default().bytes(2, &[4]));
    let message = strings.iter().fold(message, |message, text| message.bytes(6, text.as_bytes()));
    let profile = read(&message.0).expect("valid");
    assert_eq!(profile.samples.total_weight().0, 40_000_000);
    assert_eq!(
        profile.function_name(profile.frame_function(profile.stacks.frame(profile.samples.stack[0]))),
        "[unknown]"
    );
}

#[test]
fn a_profile_of_bytes_is_refused_by_what_it_measures() {
    let message = Message::default().message(1, &value_type(1, 2));
    let message = ["", "inuse_space", "bytes"].iter().fold(message, |m, text| m.bytes(6, text.as_bytes()));
    let error = read(&message.0).expect_err("no time");
    assert_eq!(error.fault, Fault::NoTime { types: "inuse_space in bytes".into() });
}

#[test]
fn faults_name_what_and_where() {
    let check = |message: Message, fault: Fault| {
        let error = read(&message.0).expect_err("damaged");
        assert_eq!(error.fault, fault);
        assert!(error.byte > 0 && error.to_string().contains("byte"), "{error}");
    };
    let sample = |locations: &[u64], values: &[u8]| {
        let message = locations.iter().fold(Message::default(), |m, &id| m.number(1, id));
        foreign().message(2, &message.bytes(2, values))
    };
    check(sample(&[5], &[1, 1]), Fault::Missing { what: "location", id: 5 });
    check(sample(&[], &[1]), Fault::Values { values: 1, types: 2 });
    let minus_one = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    check(sample(&[], &[&minus_one[..], &[1]].concat()), Fault::Value { value: -1 });
    check(
        foreign().message(5, &Message::default().number(1, 1 << 60)),
        Fault::Duplicate { what: "function", id: 1 << 60 },
    );
    check(
        foreign().message(3, &Message::default().number(1, 1).number(5, 70)),
        Fault::Missing { what: "string", id: 70 },
    );
    let line = Message::default().number(1, 4);
    check(
        foreign().message(4, &Message::default().number(1, 2).message(4, &line)),
        Fault::Missing { what: "function", id: 4 },
    );
    let mut cut = foreign();
    cut.0.extend_from_slice(&[0x12, 100, 1]);
    check(cut, Fault::Length { length: 100 });
}

#[test]
fn too_deep_and_too_much_inlined_is_refused() {
    let line = Message::default().number(1, 1 << 60);
    let lines = (0..1025).fold(Message::default().number(1, 3), |m, _| m.message(4, &line));
    let error = read(&foreign().message(4, &lines).0).expect_err("1025 inlined calls");
    assert!(matches!(error.fault, Fault::TooMany { limit: 1024, .. }), "{error}");
    let deep = (0..17_000).fold(Message::default(), |m, _| m.number(1, 1 << 40)).bytes(2, &[1, 1]);
    let error = read(&foreign().message(2, &deep).0).expect_err("17,000 frames");
    assert!(matches!(error.fault, Fault::TooMany { limit: 16_384, .. }), "{error}");
}

/// No header, no checksum: only the decoder itself stands between these bytes and a panic.
#[test]
fn every_cut_and_flip_of_a_plain_profile_is_survived() {
    let mut plain = Vec::new();
    let bytes = encode(&profile(), Span::default());
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).expect("whole");
    for cut in 0..plain.len() {
        drop(read(&plain[..cut]));
    }
    for bit in 0..plain.len() * 8 {
        let mut flipped = plain.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        drop(read(&flipped));
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    for profile in [profile(), untimed()] {
        let bytes = encode(&profile, Span::default());
        let read = decode(&bytes, profile.info.clone(), None).expect("valid");
        assert_eq!(read.info, profile.info);
        assert_eq!(read.samples.total_weight(), profile.samples.total_weight());
        assert_eq!(read.threads.rows.len(), profile.threads.rows.len());
        let again = decode(&encode(&read, Span::default()), profile.info.clone(), None).expect("valid");
        assert_eq!(dump_sorted(&again), dump_sorted(&read));
    }
}
