//! The rules of each policy: what a hit moves, and what leaves to make room.

mod belady;
mod queue;

pub use belady::Future;

use crate::lists::Lists;
use crate::{Capacity, Policy};

/// What one policy does to the lists. Keys that come here are admitted to the slab.
pub(crate) trait Rules {
    /// A request begins.
    fn clock(&mut self) {}

    /// A cached key is asked for.
    fn hit(&mut self, lists: &mut Lists, key: u32);

    /// A key that is not cached, and not heavier than the capacity, was asked for and is to be put in.
    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32);

    /// A key that is not cached was asked for, and is too heavy to be put in.
    fn refuse(&mut self, _lists: &mut Lists, _key: u32) {}

    /// A cached key goes away for another reason than room.
    fn remove(&mut self, lists: &mut Lists, key: u32) {
        lists.unlink(key);
    }

    /// Bytes of what it keeps beside the lists.
    fn memory(&self) -> usize {
        0
    }
}

/// The rules of a policy that needs no future.
pub(crate) fn rules<'t>(policy: Policy, capacity: Capacity) -> Option<Box<dyn Rules + Send + 't>> {
    let room = capacity.room();
    Some(match policy {
        Policy::Lru => Box::new(queue::Queue::lru(room)),
        Policy::Fifo => Box::new(queue::Queue::fifo(room)),
        Policy::Clock => Box::new(queue::Clock::new(room)),
        Policy::Sieve => Box::new(queue::Sieve::new(room)),
        // The others follow.
        _ => return None,
    })
}

/// The rules of Belady's optimum.
pub(crate) fn belady<'t>(capacity: Capacity, future: &'t Future<'t>) -> Box<dyn Rules + Send + 't> {
    Box::new(belady::Belady::new(capacity.room(), future))
}
