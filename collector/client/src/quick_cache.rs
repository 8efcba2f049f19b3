//! Counters of `quick_cache`, which its feature `stats` keeps.

use crate::{Counters, Source};
use quick_cache::{Lifecycle, Weighter, sync, unsync};
use std::hash::{BuildHasher, Hash};

/// Both kinds name their counters alike, and share no trait that has them.
macro_rules! counted {
    ($cache:expr) => {
        Counters {
            hits: Some($cache.hits()),
            misses: Some($cache.misses()),
            entries: Some($cache.len() as u64),
            capacity: Some($cache.capacity()),
            weight: Some($cache.weight()),
            ..Counters::default()
        }
    };
}

impl<K, V, W, B, L> Source for sync::Cache<K, V, W, B, L>
where
    K: Eq + Hash,
    V: Clone,
    W: Weighter<K, V> + Clone,
    B: BuildHasher + Clone,
    L: Lifecycle<K, V> + Clone,
{
    fn counters(&self) -> Counters {
        counted!(self)
    }
}

impl<K, V, W, B, L> Source for unsync::Cache<K, V, W, B, L>
where
    K: Eq + Hash,
    W: Weighter<K, V>,
    B: BuildHasher,
    L: Lifecycle<K, V>,
{
    fn counters(&self) -> Counters {
        counted!(self)
    }
}
