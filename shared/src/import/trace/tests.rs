//! Each kind of trace from a few bytes, and each way in which one can be bad.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Cursor, Write as _};

type Read1 = (Vec<Request>, Vec<String>, Format);

fn read_with(bytes: &[u8], options: &Options) -> Result<Read1, String> {
    let all = || {
        let mut reader = TraceReader::open(Box::new(Cursor::new(bytes.to_vec())), options)?;
        let mut requests = Vec::new();
        while let Some(request) = reader.next_request()? {
            requests.push(request);
        }
        Ok((requests, reader.notes(), reader.format()))
    };
    all().map_err(|error: ImportError| error.to_string())
}

fn read(bytes: &[u8]) -> Result<Read1, String> {
    read_with(bytes, &Options::default())
}

fn ids(bytes: &[u8]) -> Vec<u64> {
    read(bytes).expect("reads").0.iter().map(|request| request.id).collect()
}

fn refused(bytes: &[u8], reason: &str) {
    let error = read(bytes).expect_err(reason);
    assert!(error.contains(reason), "{error}");
}

fn record(time: u32, id: u64, size: u32, next: i64) -> Vec<u8> {
    let (time, id, size, next) = (time.to_le_bytes(), id.to_le_bytes(), size.to_le_bytes(), next.to_le_bytes());
    [&time[..], &id, &size, &next].concat()
}

fn oracle() -> Vec<u8> {
    [record(1, u64::MAX, 10, 3), record(1, 5, 0, -1), record(2, u64::MAX, 30, i64::MAX)].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("compresses");
    encoder.finish().expect("compresses")
}

#[test]
fn records_of_libcachesim() {
    let (requests, notes, format) = read(&oracle()).expect("reads");
    assert_eq!(format, Format::OracleGeneral);
    let first = Request { id: u64::MAX, size: 10, time_ns: Some(1_000_000_000), next: Some(3) };
    assert_eq!((requests.len(), requests[0], requests[2].next), (3, first, Some(-1)));
    assert_eq!(notes, ["1 request of 0 bytes: they count as requests and take no room"]);
}

#[test]
fn a_cut_is_said_with_its_place_and_taken_only_where_that_is_asked() {
    let cut = &oracle()[..60];
    refused(
        cut,
        "the trace is cut: it ends 12 bytes into a record of 24, after 2 whole requests (48 bytes of content)",
    );
    refused(cut, "take the whole ones with --partial");
    let options = Options { partial: true, ..Options::default() };
    let (requests, notes, _) = read_with(cut, &options).expect("the whole ones");
    assert!(requests.len() == 2 && notes[0].contains("12 bytes into a record"), "{notes:?}");
    let many = record(1, 7, 1, -1).repeat(5000);
    let packed = gzip(&many);
    for end in [packed.len() - 1, packed.len() - 9, packed.len() / 2, 20] {
        let error = read(&packed[..end]).expect_err("cut");
        assert!(error.contains("the gzip stream is cut"), "{end}: {error}");
    }
    refused(b"time,id,size\n1,a,5\n2,b", "the trace is cut: it ends in line 3 of 2 columns, after 1 whole request");
}

#[test]
fn negative_sizes_are_errors_with_their_place() {
    refused(&[oracle(), record(3, 1, 0xffff_fff0, -1)].concat(), "record 4 at byte 72: its size is negative (-16)");
    refused(b"id,size\n7,100\n8,-5\n", "line 3: its size is negative (-5)");
    refused(b"id,size\n7,100\n8,x\n", "line 3: its size is no number of bytes (`x`)");
    refused(b"id,size\n7,5000000000\n", "line 2: a size of 5000000000 bytes is above the 4 GiB");
    refused(b"id,size\n7,100\n8\n9,1\n", "line 3: it has 1 columns, and column 2 is needed: `8`");
    refused(b"id,size\n,100\n", "line 2: its id is empty");
}

#[test]
fn ids_of_any_kind_are_told_apart() {
    assert_eq!(ids(b"5\n\n-1\r\n18446744073709551615\n5\n"), [5, u64::MAX, u64::MAX, 5]);
    let (requests, notes, format) =
        read(b"7\n99999999999999999999\n99999999999999999998\n99999999999999999999\n").expect("reads");
    assert_eq!(format, Format::Txt);
    assert_eq!((requests[1], requests[1] == requests[2]), (requests[3], false));
    assert!(
        notes[0].starts_with("3 requests (the first in line 2) have an id that is text or a number above 64"),
        "{notes:?}"
    );
    let (requests, _, _) = read("http://a/ä b\nhttp://a/c\nhttp://a/ä b".as_bytes()).expect("reads");
    assert!(requests[0].id == requests[2].id && requests[0].id != requests[1].id);
}

#[test]
fn lines_of_lirs_may_be_marks_but_nothing_else() {
    let (requests, notes, format) = read(b"0\r\n1\r\n*\r\n1\r\n").expect("reads");
    assert_eq!((requests.len(), format, &notes[0][..]), (3, Format::Lirs, "1 line of * were passed over"));
    refused(b"0\n*\n99999999999999999999\n", "line 3: `99999999999999999999` is neither a number of 64 bits nor *");
}

#[test]
fn keys_of_cache2k_have_their_most_significant_byte_first() {
    let bytes: Vec<u8> = [3_u32, 70_000, 3, 1].iter().flat_map(|key| key.to_be_bytes()).collect();
    assert_eq!((ids(&bytes), read(&bytes).expect("reads").2), (vec![3, 70_000, 3, 1], Format::Cache2k));
    refused(&bytes[..14], "it ends 2 bytes into a record of 4, after 3 whole requests");
}

#[test]
fn columns_go_by_their_names() {
    let (requests, _, format) = read(b"version,time,op,size,lbn\n1,20,2a,512,42\n1,21,2a,1024,43\n").expect("reads");
    assert_eq!(format, Format::Csv);
    let first = Request { id: 42, size: 512, time_ns: Some(20_000_000_000), next: None };
    assert_eq!((requests[0], requests[1].size), (first, 1024));
    let (requests, _, _) =
        read(b"# clock_time, object_id, object_size, next_access_vtime\n5, 9, 30, 2\n6, 9, 30, -1\n").expect("reads");
    assert_eq!((requests[0].next, requests[1].next, requests[1].id), (Some(2), Some(-1), 9));
    let (requests, _, _) =
        read(b"\xef\xbb\xbfKey;Bytes\n\"a;b\";1\n").map_or((vec![], vec![], Format::Csv), |read| read);
    assert!(requests.is_empty(), "a quoted delimiter is not understood, and not guessed at");
    refused(
        b"1,2,3\n4,5,6\n",
        "line 1 (`1,2,3`) names no column of ids; say which is which, counted from 1: --columns",
    );
    refused(b"colour,shape\nred,round\n", "names no column of ids");
}

#[test]
fn columns_go_by_their_numbers_where_those_are_said() {
    let columns = Columns::parse("time-col=1,obj-id-col=2,obj-size-col=3,delimiter=,").expect("parses");
    let options = Options { columns: Some(columns), ..Options::default() };
    let (requests, _, _) = read_with(b"1,20,30\n2,21,31\n", &options).expect("reads");
    assert_eq!((requests[0].id, requests[1].size), (20, 31));
    let (requests, _, _) = read_with(b"when,what,much\n1,20,30\n", &options).expect("reads");
    assert_eq!((requests.len(), requests[0].id), (1, 20));
    let spaced = Columns::parse("id=2,header=false,delimiter=space").expect("parses");
    let options = Options { columns: Some(spaced), ..Options::default() };
    assert_eq!(read_with(b"a   b c\nd e f\n", &options).expect("reads").0.len(), 2);
    for (text, wrong) in [
        ("size=3", "column of ids is missing"),
        ("id=0", "count from 1"),
        ("id=x", "`x` is no column"),
        ("id=1,colour=2", "`colour` is no part"),
        ("id", "`id` is not NAME=NUMBER"),
        ("id=1,delimiter=ab", "`ab` is no delimiter"),
        ("id=1,header=perhaps", "neither true nor false"),
    ] {
        assert!(Columns::parse(text).is_err_and(|error| error.contains(wrong)), "{text}");
    }
}

#[test]
fn twitter_lines_count_where_they_ask_for_a_key() {
    let text = b"0,nz:u:a,8,100,1,get,0\n0,nz:u:a,8,100,1,set,3600\n1,x,y,2,5,7,gets,0\n1,b,1,0,2,delete,0\n";
    let (requests, notes, format) = read(text).expect("reads");
    assert_eq!(format, Format::Twitter);
    let sizes: Vec<u32> = requests.iter().map(|request| request.size).collect();
    assert_eq!(sizes, [108, 7], "the second key holds a comma");
    assert!(notes.iter().any(|note| note.starts_with("2 lines of writes and deletes are no lookups")), "{notes:?}");
}

#[test]
fn what_is_no_trace_is_refused() {
    refused(b"", "the file is empty");
    refused(b"\n\n \n", "the file holds empty lines only");
    refused(b"{\"hits\": 1}", "this is no trace of cache requests; say which it is with --trace-format");
    refused(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\xff\xfe", "this is no trace that can be told by its content");
    refused(&gzip(b""), "the file is empty");
    refused(b"id,size\n", "the trace (csv) holds no request");
    refused(&[b"1".repeat(2 << 20)].concat(), "longer than 1 MiB");
}

#[test]
fn a_corrupt_stream_is_an_error_even_where_a_part_would_do() {
    let many: Vec<u8> = (0..20_000_u64).flat_map(|id| record(1, id * 77 % 1000, 1, -1)).collect();
    let mut packed = gzip(&many);
    let middle = packed.len() / 2;
    packed[middle..middle + 40].fill(0xa5);
    let options = Options { partial: true, ..Options::default() };
    let error = read_with(&packed, &options).expect_err("corrupt");
    assert!(error.contains("the gzip stream is damaged after") && error.contains("copy the file again"), "{error}");
}

/// `zstd -1 --check` of three ids, a frame to pass over, and the same again.
#[test]
fn frames_of_zstd_follow_each_other() {
    let mut bytes = ZSTD.to_vec();
    bytes.extend([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    bytes.extend(ZSTD);
    assert_eq!(ids(&bytes), [1, 22, 333, 1, 22, 333]);
    let cut = read(&bytes[..bytes.len() - 2]).expect_err("cut");
    assert!(cut.contains("the zstd stream is cut: it ends after"), "{cut}");
    let mut flipped = ZSTD.to_vec();
    *flipped.last_mut().expect("not empty") ^= 1;
    refused(&flipped, "its checksum is wrong");
}

/// `xz` of three ids.
#[test]
fn streams_of_xz_follow_each_other() {
    assert_eq!(ids(&[XZ, XZ].concat()), [1, 22, 333, 1, 22, 333]);
    let cut = read(&XZ[..XZ.len() - 15]).expect_err("cut");
    assert!(cut.contains("the xz stream is cut: it ends after"), "{cut}");
    let mut flipped = XZ.to_vec();
    flipped[27] ^= 1;
    refused(&flipped, "the xz stream is damaged after");
}

#[test]
fn nothing_makes_it_panic() {
    for whole in [oracle(), gzip(&oracle()), ZSTD.to_vec(), XZ.to_vec(), b"id,size\n7,1\n8,2".to_vec()] {
        for cut in 0..whole.len() {
            read(&whole[..cut]).ok();
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            read(&flipped).ok();
        }
    }
}

#[test]
fn what_a_trace_tells_of_its_future_is_checked() {
    let check = |nexts: &[(u32, i64)]| {
        let mut check = NextCheck::default();
        for &(key, next) in nexts {
            check.request(key, next);
        }
        check.note_of()
    };
    assert_eq!(check(&[(0, 3), (1, -1), (0, -1)]), None, "counted from 1");
    assert_eq!(check(&[(0, 2), (1, -1), (0, -1)]), None, "counted from 0");
    assert!(check(&[(0, 3), (1, 4), (0, -1), (1, 9)]).is_some_and(|note| note.contains("later uses of 1 key")));
    assert!(check(&[(0, 3), (1, 5), (0, -1), (1, -1)]).is_some_and(|note| note.contains("the first: request 4")));
}

const ZSTD: &[u8] = &[
    0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x48, 0x49, 0x00, 0x00, 0x31, 0x0a, 0x32, 0x32, 0x0a, 0x33, 0x33, 0x33, 0x0a, 0xf5,
    0x47, 0x7b, 0x68,
];
const XZ: &[u8] = &[
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00,
    0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x08, 0x31, 0x0a, 0x32, 0x32, 0x0a, 0x33, 0x33, 0x33, 0x0a, 0x00, 0x00,
    0x00, 0x00, 0x19, 0xd5, 0x36, 0x65, 0xc9, 0x04, 0x8a, 0x1c, 0x00, 0x01, 0x21, 0x09, 0x6c, 0x18, 0xc5, 0xd5, 0x1f,
    0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
];
