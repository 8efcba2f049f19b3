//! Steps of the simulator on one trace of its own, for `tests/bench/caches_page.py`: as a module in the browser, where JavaScript
//! takes the time, and natively, where a line on the standard input is a step, answered with seconds and a check sum.
//!
//! Step 0 makes the trace; then the policies in their order, then the exact curve, SHARDS of a fixed rate (of dense keys, and fed
//! one request at a time) and SHARDS of a fixed size.

use perfcollect_cachesim::shards::{self, FixedRate};
use perfcollect_cachesim::{Capacity, Policy, Trace, lru_curve, simulate};
use std::cell::RefCell;

const REQUESTS: u32 = 2_000_000;
const KEYS: u32 = 1_000_000;
/// Such that a sample has some nine thousand keys.
const RATE: f64 = 0.03;

/// Zipf(1.0): the n-th key as often as 1/n.
fn zipf() -> Trace {
    let mut sum = 0.0;
    let mut below: Vec<f64> = Vec::new();
    for rank in 1..=KEYS {
        sum += 1.0 / f64::from(rank);
        below.push(sum);
    }
    let mut state = 7u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = f64::from((state >> 32) as u32) / 4_294_967_296.0;
        below.partition_point(|&below| below < part * sum) as u64
    };
    Trace::of_ids((0..REQUESTS).map(|_| draw()))
}

thread_local! {
    static TRACE: RefCell<Trace> = RefCell::new(Trace::default());
}

/// Does a step; what comes out is the same everywhere.
#[expect(unsafe_code, reason = "JavaScript finds it by its name")]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn run(step: u32) -> f64 {
    if step == 0 {
        TRACE.replace(zipf());
    }
    TRACE.with_borrow(|trace| {
        let size = u64::from(trace.distinct / 10);
        let policy = step.checked_sub(1).and_then(|at| Policy::ALL.get(at as usize));
        let hits = |curve: &perfcollect_cachesim::Curve| curve.hits(size);
        match (policy, step) {
            (_, 0) => f64::from(trace.distinct),
            (Some(&policy), _) => simulate(trace, policy, Capacity::Entries(size), None).hit_rate().unwrap_or(0.0),
            (_, 13) => hits(&lru_curve(trace)),
            (_, 14) => hits(&shards::fixed_rate(trace, RATE, 1)),
            (_, 15) => {
                let mut samples = FixedRate::new(RATE, 1);
                trace.keys.iter().for_each(|&key| samples.request(u64::from(key)));
                hits(&samples.curve())
            }
            _ => hits(&shards::fixed_size(trace, 10_000, 1)),
        }
    })
}
