//! Counters of `quick_cache`, which its feature `stats` keeps.

use crate::{Counters, Source};
use quick_cache::{Lifecycle, Weighter, sync, unsync};
use std::hash::{BuildHasher, Hash};

impl<K, V, W, B, L> Source for sync::Cache<K, V, W, B, L>
where
    K: Eq + Hash,
    V: Clone,
    W: Weighter<K, V> + Clone,
    B: BuildHasher + Clone,
    L: Lifecycle<K, V> + Clone,
{
    fn counters(&self) -> Counters {
        Counters {
            hits: Some(self.hits()),
            misses: Some(self.misses()),
            entries: Some(self.len() as u64),
            capacity: Some(self.capacity()),
            weight: Some(self.weight()),
            ..Counters::default()
        }
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
        Counters {
            hits: Some(self.hits()),
            misses: Some(self.misses()),
            entries: Some(self.len() as u64),
            capacity: Some(self.capacity()),
            weight: Some(self.weight()),
            ..Counters::default()
        }
    }
}
