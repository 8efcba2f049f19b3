//! Curves of hit rate against size of a trace that may be larger than memory.
//!
//! Requests are read as often as is needed, and handed to simulated caches in pieces: memory is proportional to distinct keys.
//! Only Belady's optimum must know the future and keeps all requests. Must not print.

mod exact;
pub mod render;
mod sampled;
mod source;

pub use source::Source;

use crate::cli::Rate;
use anyhow::{bail, ensure};
use perfcollect_shared::cachesim::{Capacity, Policy};
use serde::Serialize;

/// What is asked of a trace.
#[derive(Clone, Debug)]
pub struct Ask {
    pub policies: Vec<Policy>,
    /// Rising; none: chosen by the trace.
    pub sizes: Vec<u64>,
    pub bytes: bool,
    pub rate: Rate,
}

impl Ask {
    fn capacity(&self, size: u64) -> Capacity {
        if self.bytes { Capacity::Bytes(size) } else { Capacity::Entries(size) }
    }
}

/// The answer, as it is written as JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Curves {
    pub requests: u64,
    /// Distinct keys; of a sample, an estimate.
    pub distinct: u64,
    /// Bytes of all requests; `None` where the trace has no sizes.
    pub bytes: Option<u64>,
    pub curves: Vec<PolicyCurve>,
    /// What the trace is.
    #[serde(skip)]
    pub what: String,
    /// The size that brings most of what LRU can, in entries.
    #[serde(skip)]
    pub knee: Option<u64>,
    /// Sentences about what was met.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// One policy.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyCurve {
    pub policy: &'static str,
    pub points: Vec<Point>,
}

/// One size.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Point {
    /// In entries, or in bytes where that was asked for.
    pub size: u64,
    pub hits: u64,
    pub misses: u64,
    pub miss_ratio: f64,
    /// `None` where the trace has no sizes.
    pub byte_miss_ratio: Option<f64>,
    /// What the miss ratio of the whole trace lies between; `None` where a single sample cannot tell.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Simulates what is asked for.
///
/// # Errors
/// When the trace cannot be read, holds no request, or has no sizes where bytes are asked for.
pub fn curves(source: &mut Source, ask: &Ask) -> anyhow::Result<Curves> {
    if ask.bytes && source.has_sizes()? == Some(false) {
        bail!("the trace has no sizes, so that nothing can be said by bytes; leave --bytes out");
    }
    let part = source.part();
    let mut curves = match ask.rate {
        Rate::Exact if part >= 1.0 => exact::curves(source, ask)?,
        Rate::Exact => sampled::curves(source, ask, 1.0, 1)?,
        Rate::Part(rate) if part >= 1.0 => sampled::curves(source, ask, rate, sampled::SALTS)?,
        Rate::Part(_) => bail!("the trace is a sample already, of {part} of all keys; leave --rate out"),
    };
    ensure!(curves.requests > 0, "the trace holds no request");
    curves.what = source.what();
    Ok(curves)
}

/// Sizes to look at where none are named: ten over three decades up to all there is, and `knee`.
fn chosen_sizes(most: u64, knee: Option<u64>) -> Vec<u64> {
    const STEPS: i32 = 9;
    #[expect(clippy::cast_precision_loss, reason = "sizes are below 2^53")]
    let last = most.max(1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and at most `most`")]
    let size = |step: i32| (last * 1000_f64.powf(f64::from(step - STEPS) / f64::from(STEPS))).round().max(1.0) as u64;
    let mut sizes: Vec<u64> = (0..STEPS).map(size).chain([most.max(1)]).chain(knee).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_sizes_rise_to_everything() {
        assert_eq!(chosen_sizes(0, None), [1]);
        assert_eq!(chosen_sizes(3, Some(2)), [1, 2, 3]);
        let sizes = chosen_sizes(1_000_000, Some(70_000));
        assert_eq!((sizes.len(), sizes[0], sizes[10]), (11, 1000, 1_000_000));
        assert!(sizes.is_sorted() && sizes.contains(&70_000));
    }
}
