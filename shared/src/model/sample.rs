//! Samples in columns of equal length.

use super::ids::{StackId, ThreadId};
use crate::units::Nanos;

/// What was seen: where, in which thread, and how much it stands for.
///
/// Invariant: all columns are equally long. With times, rows are raw samples in order of time and each `count` is 1;
/// without, rows are sums over equal (stack, thread).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleTable {
    pub stack: Vec<StackId>,
    pub thread: Vec<ThreadId>,
    /// What a row stands for, in the unit of the profile's weight.
    pub weight: Vec<Nanos>,
    /// Raw samples behind a row.
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
