//! Miss counts that others published.

use crate::corpus::{cloud_physics, lirs};
use perfcollect_cachesim::{Capacity, Policy, Trace, lru_curve, simulate};

const MIB: u64 = 1 << 20;

/// Misses of libCacheSim's own tests at 128, 256, … 1024 MiB (`test_evictionAlgo.c` at aa0fc40).
const LIBCACHESIM: [(Policy, [u64; 8]); 5] = [
    (Policy::Lru, [93374, 89783, 83572, 81722, 72494, 72104, 71972, 71704]),
    (Policy::Fifo, [93403, 89386, 84387, 84025, 72498, 72228, 72182, 72140]),
    (Policy::Clock, [93313, 89775, 83411, 81328, 74815, 72283, 71927, 64456]),
    (Policy::Sieve, [91699, 86720, 78578, 76707, 69945, 66221, 64445, 64376]),
    (Policy::Belady, [79256, 70724, 65481, 61594, 59645, 57599, 50873, 48974]),
];

#[test]
fn misses_by_bytes_are_those_of_libcachesim() {
    let Some(trace) = cloud_physics() else { return };
    assert_eq!((trace.keys.len(), trace.distinct), (113_872, 48_974));
    for (policy, expected) in LIBCACHESIM {
        let found = (1..=8).map(|step| simulate(&trace, policy, Capacity::Bytes(step * 128 * MIB), None));
        let found: Vec<u64> = found.map(|outcome| outcome.misses).collect();
        assert_eq!(found, expected, "{policy:?}");
    }
    let outcome = simulate(&trace, Policy::Lru, Capacity::Bytes(128 * MIB), None);
    assert_eq!((outcome.bytes, outcome.miss_bytes), (4_368_040_448, 4_214_303_232));
}

#[test]
fn a_loop_over_more_than_fits_never_hits() {
    let keys: Vec<u32> = (0..505_500).map(|at| at % 1011).collect();
    let curve = lru_curve(&Trace::new(keys.clone()));
    assert_eq!((curve.hits(1000), curve.hits(1010), curve.hits(1011)), (0.0, 0.0, 504_489.0));
    assert_eq!(curve.knee(), Some(1011));
    if let Some(trace) = lirs("loop") {
        assert_eq!(trace, Trace::new(keys));
    }
}
