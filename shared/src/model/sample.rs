//! Samples in columns of equal length.

use super::ids::{StackId, ThreadId};
use crate::units::Nanos;

/// What was seen: where, in which thread, and how much it stands for.
///
/// Invariant: all columns are equally long. With times, rows are raw samples in order of time and each `count` is 1;
/// without, rows are sums over equal (stack, thread).
///
/// Where the weight is live bytes, a row is what one stack held at the moment of one snapshot: `time` is the snapshot's,
/// `thread` the main thread of its process, `count` the blocks. Rows of one process and time are one snapshot, and sums
/// over several snapshots mean nothing. Without times, rows are the last snapshot of each process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleTable {
    pub stack: Vec<StackId>,
    pub thread: Vec<ThreadId>,
    /// What a row stands for, in the unit of the profile's weight.
    pub weight: Vec<Nanos>,
    /// Raw samples behind a row; blocks where the weight is live bytes.
    pub count: Vec<u32>,
    /// Since the start of the recording, never decreasing; `None` where the bundle has no order columns.
    pub time: Option<Vec<Nanos>>,
}

impl SampleTable {
    #[must_use]
    pub fn len(&self) -> usize {
        self.stack.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// Which rows are of the last snapshot of their thread; all are where there are no times. For live bytes.
    #[must_use]
    pub fn of_last_snapshot(&self) -> Vec<bool> {
        let Some(times) = &self.time else { return vec![true; self.len()] };
        let threads = self.thread.iter().map(|thread| thread.index() + 1).max().unwrap_or(0);
        let mut last = vec![Nanos::ZERO; threads];
        for (thread, &time) in self.thread.iter().zip(times) {
            last[thread.index()] = time;
        }
        self.thread.iter().zip(times).map(|(thread, &time)| last[thread.index()] == time).collect()
    }

    /// Sum of all weights.
    #[must_use]
    pub fn total_weight(&self) -> Nanos {
        self.weight.iter().copied().sum()
    }

    /// Number of raw samples.
    #[must_use]
    pub fn total_count(&self) -> u64 {
        self.count.iter().map(|&n| u64::from(n)).sum()
    }
}
