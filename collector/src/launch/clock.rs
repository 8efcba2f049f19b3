//! The time of a recording.

use nix::time::{ClockId, clock_gettime};
use perfcollect_shared::units::Nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Time since the start of the recording. All clones share one start.
///
/// It is `CLOCK_MONOTONIC`, the same clock that perf samples are told to carry.
#[derive(Clone, Debug)]
pub struct Clock {
    start_ns: Arc<AtomicU64>,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { start_ns: Arc::new(AtomicU64::new(monotonic_ns())) }
    }

    /// Starts anew: called once, when the program is let go. What came before then counts as time 0.
    pub fn restart(&self) {
        self.start_ns.store(monotonic_ns(), Ordering::Relaxed);
    }

    /// The start as a reading of `CLOCK_MONOTONIC` in nanoseconds.
    #[must_use]
    pub fn start_ns(&self) -> u64 {
        self.start_ns.load(Ordering::Relaxed)
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.at(monotonic_ns())
    }

    /// A reading of `CLOCK_MONOTONIC` in nanoseconds as time since the start; 0 where it is earlier.
    #[must_use]
    pub fn at(&self, monotonic_ns: u64) -> Nanos {
        Nanos(monotonic_ns.saturating_sub(self.start_ns.load(Ordering::Relaxed)))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// `CLOCK_MONOTONIC` in nanoseconds; Linux has always had it, so a failure can only read as 0.
#[must_use]
pub fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
    })
}
