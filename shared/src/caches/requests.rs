//! Recorded keys as the requests that a simulator takes.

use crate::model::{KeyTrace, Lookup};
use perfcollect_cachesim::{Removal, Trace};

/// The requests of a trace with what the program removed between them. Those that failed are left out: nothing was kept,
/// whatever the size, so that only the number of requests knows of them.
#[must_use]
pub fn requests(recorded: &KeyTrace) -> Trace {
    let mut trace = Trace { distinct: u32::try_from(recorded.hashes.len()).unwrap_or(u32::MAX), ..Trace::default() };
    for ((&kind, &key), &time) in recorded.kind.iter().zip(&recorded.key).zip(&recorded.t_ns) {
        let before = trace.keys.len();
        match kind {
            Lookup::Invalidated => trace.removals.push(Removal { before, key: Some(key) }),
            Lookup::Cleared => trace.removals.push(Removal { before, key: None }),
            Lookup::Failed => {}
            Lookup::Hit | Lookup::Miss | Lookup::Expired | Lookup::Call => {
                trace.keys.push(key);
                trace.times.push(time);
            }
        }
    }
    trace
}

/// Part of the keys that was recorded: above 0, and 1 for a trace that does not tell.
#[must_use]
pub fn recorded_part(recorded: &KeyTrace) -> f64 {
    if recorded.rate > 0.0 { recorded.rate.min(1.0) } else { 1.0 }
}
