//! Real traces of other tools, from the folder that `PERFCOLLECT_CORPUS` names.

use super::corpus::corpus;
use perfcollect_shared::import::trace::{Format, Options, TraceReader};
use std::collections::HashSet;
use std::fs::File;

/// Requests, distinct ids and bytes of a trace.
fn read(name: &str) -> Option<(u64, usize, u64, Format)> {
    let path = corpus()?.join("cache-trace").join(name);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = TraceReader::open(Box::new(file), &Options::default()).unwrap();
    let (mut requests, mut bytes, mut ids) = (0, 0, HashSet::new());
    while let Some(request) = reader.next_request().unwrap() {
        requests += 1;
        bytes += u64::from(request.size);
        ids.insert(request.id);
    }
    Some((requests, ids.len(), bytes, reader.format()))
}

#[test]
fn every_trace_has_the_requests_that_its_owner_counts() {
    // The two files of one trace differ in sizes: `awk -F, '{s += $4}'` has the sum of the second.
    for (name, requests, distinct, bytes, format) in [
        (
            "libcachesim__cloudPhysicsIO.oracleGeneral.bin.gz",
            113_872,
            48_974,
            Some(4_368_040_448),
            Format::OracleGeneral,
        ),
        ("libcachesim__cloudPhysicsIO.csv.gz", 113_872, 48_974, Some(4_205_978_112), Format::Csv),
        ("caffeine__cache2k_web07.trace.xz", 76_118, 20_484, None, Format::Cache2k),
        ("caffeine__lirs_loop.trace.gz", 505_500, 1_011, None, Format::Txt),
        ("caffeine__lirs_multi1.trace.gz", 15_858, 2_606, None, Format::Txt),
        ("caffeine__lirs_multi3.trace.gz", 30_241, 7_454, None, Format::Txt),
        ("caffeine__lirs_sprite.trace.gz", 133_996, 7_075, None, Format::Txt),
        ("caffeine__lirs_cs.trace.gz", 6_781, 1_409, None, Format::Lirs),
        ("caffeine__lirs_gli.trace.gz", 6_015, 2_529, None, Format::Txt),
        ("caffeine__lirs_ps.trace.gz", 10_448, 3_083, None, Format::Txt),
        ("caffeine__lirs_cpp.trace.gz", 9_047, 1_223, None, Format::Txt),
        ("caffeine__lirs_zigzag.trace.gz", 52_001, 2_001, None, Format::Txt),
        ("caffeine__lirs_backf.trace.gz", 9_000, 751, None, Format::Txt),
    ] {
        let Some(found) = read(name) else { return };
        assert_eq!(found, (requests, distinct, bytes.unwrap_or(requests), format), "{name}");
    }
}
