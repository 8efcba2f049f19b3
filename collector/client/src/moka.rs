//! A moka cache that counts its lookups: moka itself has no counters.

use crate::{Counters, Counts, Source};
use moka::notification::RemovalCause;
use moka::sync::{Cache, CacheBuilder};
use std::borrow::Borrow;
use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// A [`moka::sync::Cache`] beside its counters. Lookups through it are counted, and so are removals; those past it, through
/// [`Self::inner`], are not. Clones are of one cache, as moka's are.
pub struct Counted<K, V, S = std::hash::RandomState> {
    cache: Cache<K, V, S>,
    counts: Arc<Counts>,
}

impl<K, V, S> Clone for Counted<K, V, S> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), counts: Arc::clone(&self.counts) }
    }
}

impl<K, V, S> fmt::Debug for Counted<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl<K, V> Counted<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Builds it, with a listener of removals; a listener that the builder has is replaced.
    #[must_use]
    pub fn build(builder: CacheBuilder<K, V, Cache<K, V>>) -> Self {
        let counts = Arc::new(Counts::new());
        let removed = Arc::clone(&counts);
        let cache = builder.eviction_listener(move |_key, _value, cause| match cause {
            RemovalCause::Size => removed.evicted(),
            RemovalCause::Expired => removed.expired(),
            RemovalCause::Explicit => removed.invalidated(),
            RemovalCause::Replaced => {}
        });
        Self { cache: cache.build(), counts }
    }
}

impl<K, V, S> Counted<K, V, S>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    /// The cache itself.
    #[must_use]
    pub fn inner(&self) -> &Cache<K, V, S> {
        &self.cache
    }

    /// As [`Cache::get`].
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.cache.get(key);
        if found.is_some() {
            self.counts.hit();
        } else {
            self.counts.miss();
        }
        found
    }

    /// As [`Cache::get_with`]. One that waited for another thread's `init` is a hit: it did not compute.
    pub fn get_with(&self, key: K, init: impl FnOnce() -> V) -> V {
        let computed = Cell::new(false);
        let value = self.cache.get_with(key, || {
            computed.set(true);
            init()
        });
        if computed.get() {
            self.counts.miss();
        } else {
            self.counts.hit();
        }
        value
    }

    /// As [`Cache::insert`].
    pub fn insert(&self, key: K, value: V) {
        self.cache.insert(key, value);
    }
}

impl<K, V, S> Source for Counted<K, V, S>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    fn counters(&self) -> Counters {
        // Removals are done later, and counts of entries lag behind until then.
        self.cache.run_pending_tasks();
        let counts = self.counts.counters();
        Counters {
            // The listener hears of each.
            evictions: counts.evictions.or(Some(0)),
            expired: counts.expired.or(Some(0)),
            invalidations: counts.invalidations.or(Some(0)),
            entries: Some(self.cache.entry_count()),
            capacity: self.cache.policy().max_capacity(),
            weight: Some(self.cache.weighted_size()),
            ..counts
        }
    }
}
