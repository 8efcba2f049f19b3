//! Miss counts that others published.
#![expect(clippy::unreadable_literal, reason = "tables to compare with the published ones")]

use crate::corpus::{cloud_physics, lirs};
use perfcollect_cachesim::{Capacity, Policy, Simulator, Trace, lru_curve, simulate};

const MIB: u64 = 1 << 20;

/// Misses of libCacheSim's own tests at 128, 256, … 1024 MiB (`test_evictionAlgo.c` at aa0fc40).
const LIBCACHESIM: [(Policy, [u64; 8]); 9] = [
    (Policy::Lru, [93374, 89783, 83572, 81722, 72494, 72104, 71972, 71704]),
    (Policy::Fifo, [93403, 89386, 84387, 84025, 72498, 72228, 72182, 72140]),
    (Policy::Clock, [93313, 89775, 83411, 81328, 74815, 72283, 71927, 64456]),
    (Policy::Sieve, [91699, 86720, 78578, 76707, 69945, 66221, 64445, 64376]),
    (Policy::Arc, [90252, 85861, 78168, 74297, 67381, 65685, 64439, 64772]),
    (Policy::S3Fifo, [89307, 82387, 77041, 76791, 71300, 70343, 70455, 70355]),
    (Policy::Slru, [89624, 86725, 82781, 80203, 75388, 65645, 59035, 56063]),
    (Policy::Lirs, [89819, 79237, 73143, 70363, 68405, 64494, 58640, 53924]),
    (Policy::Belady, [79256, 70724, 65481, 61594, 59645, 57599, 50873, 48974]),
];

/// Misses of a policy, or of what libCacheSim has for it where that is another.
fn misses(trace: &Trace, policy: Policy, capacity: Capacity, published: bool) -> u64 {
    let Some(mut simulator) = Simulator::published(policy, capacity).filter(|_| published) else {
        return simulate(trace, policy, capacity, None).misses;
    };
    simulator.run(trace);
    simulator.outcome().misses
}

#[test]
fn misses_by_bytes_are_those_of_libcachesim() {
    let Some(trace) = cloud_physics() else { return };
    assert_eq!((trace.keys.len(), trace.distinct), (113_872, 48_974));
    for (policy, expected) in LIBCACHESIM {
        let published = matches!(policy, Policy::Slru | Policy::Lirs);
        let sizes = (1..=8).map(|step| Capacity::Bytes(step * 128 * MIB));
        let found: Vec<u64> = sizes.map(|size| misses(&trace, policy, size, published)).collect();
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

/// Policies in the columns of `LIRS`.
const COLUMNS: [Policy; 7] =
    [Policy::Lru, Policy::Fifo, Policy::Clock, Policy::Sieve, Policy::S3Fifo, Policy::Arc, Policy::Lfu];

type Sizes = [u64; 3];

/// Requests, sizes and misses of libCacheSim's package for Python on the traces of the LIRS authors.
const LIRS: [(&str, usize, Sizes, [Sizes; 7]); 10] = [
    (
        "backf",
        9000,
        [50, 100, 200],
        [
            [8450, 7900, 6800],
            [8450, 7900, 6800],
            [8450, 7900, 6800],
            [8450, 7900, 6800],
            [8945, 8890, 8780],
            [8499, 7999, 6999],
            [8460, 7910, 6810],
        ],
    ),
    (
        "cpp",
        9047,
        [20, 50, 100],
        [
            [8991, 8209, 2740],
            [8986, 8078, 4086],
            [8991, 8125, 2591],
            [8278, 5039, 2756],
            [7525, 4856, 2126],
            [7447, 5987, 2077],
            [8278, 5039, 2762],
        ],
    ),
    (
        "cs",
        6781,
        [100, 400, 1000],
        [
            [6657, 6657, 6657],
            [6657, 6657, 6657],
            [6657, 6657, 6657],
            [6657, 6657, 6657],
            [6346, 5313, 4111],
            [6657, 6657, 6657],
            [6657, 6657, 6657],
        ],
    ),
    (
        "gli",
        6015,
        [600, 1200, 2000],
        [
            [5952, 4738, 2562],
            [5953, 5345, 3134],
            [5941, 4135, 2562],
            [5930, 3530, 2562],
            [3863, 3005, 2562],
            [5930, 3856, 2562],
            [5930, 3530, 2562],
        ],
    ),
    (
        "loop",
        505500,
        [200, 600, 1000],
        [
            [505500, 505500, 505500],
            [505500, 505500, 505500],
            [505500, 505500, 505500],
            [505500, 505500, 505500],
            [415680, 367593, 53577],
            [505500, 505500, 505500],
            [505500, 505500, 505500],
        ],
    ),
    (
        "multi1",
        15858,
        [500, 1000, 2000],
        [
            [8483, 8210, 2662],
            [9401, 8755, 4135],
            [8345, 8154, 2670],
            [8044, 7970, 2659],
            [7097, 6146, 2637],
            [8025, 7969, 2659],
            [8044, 7970, 2659],
        ],
    ),
    (
        "multi3",
        30241,
        [1000, 2000, 4000],
        [
            [18840, 16756, 10246],
            [20270, 18249, 11528],
            [18817, 16289, 10664],
            [18399, 16120, 10419],
            [14706, 12370, 8766],
            [16812, 16111, 9254],
            [18399, 16120, 10419],
        ],
    ),
    (
        "ps",
        10448,
        [1000, 2000, 3000],
        [
            [5376, 3084, 3084],
            [6009, 4230, 3084],
            [4954, 4019, 3083],
            [4953, 4953, 3083],
            [3627, 3402, 3083],
            [4953, 4027, 3083],
            [4953, 4953, 3083],
        ],
    ),
    (
        "sprite",
        133996,
        [100, 400, 1000],
        [
            [105079, 39162, 12544],
            [104111, 45372, 17093],
            [104662, 39638, 12992],
            [100686, 47666, 17459],
            [94919, 38480, 14328],
            [99611, 40173, 13795],
            [125327, 94758, 51933],
        ],
    ),
    (
        "zigzag",
        52001,
        [200, 600, 1000],
        [
            [47026, 37026, 27026],
            [47026, 37026, 27026],
            [47026, 37026, 27026],
            [47026, 37026, 27026],
            [51526, 50526, 49526],
            [47236, 37636, 28025],
            [47026, 37026, 27026],
        ],
    ),
];

#[test]
fn misses_of_the_lirs_traces_are_those_of_libcachesim() {
    for (name, requests, sizes, expected) in LIRS {
        let Some(trace) = lirs(name) else { return };
        assert_eq!(trace.keys.len(), requests, "{name}");
        for (policy, expected) in COLUMNS.into_iter().zip(expected) {
            let found = sizes.map(|size| misses(&trace, policy, Capacity::Entries(size), policy == Policy::S3Fifo));
            assert_eq!(found, expected, "{name} {policy:?}");
        }
    }
}
