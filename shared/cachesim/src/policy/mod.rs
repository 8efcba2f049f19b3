//! The rules of each policy: what a hit moves, and what leaves to make room.

mod arc;
mod belady;
mod frequency;
mod ghosts;
mod lirs;
mod queue;
mod segments;
mod tinylfu;

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
        Policy::S3Fifo => Box::new(ghosts::S3Fifo::new(room)),
        Policy::TwoQ => Box::new(ghosts::TwoQ::new(room)),
        Policy::Arc => Box::new(arc::Arc::new(room)),
        Policy::Slru => Box::new(segments::Slru::new(room, 4)),
        Policy::Lfu => Box::new(frequency::Lfu::new(room)),
        Policy::WTinyLfu => Box::new(tinylfu::WTinyLfu::new(room)),
        Policy::Lirs => Box::new(lirs::Lirs::new(room, false)),
        Policy::Belady => return None,
    })
}

/// The rules of Belady's optimum.
pub(crate) fn belady<'t>(capacity: Capacity, future: &'t Future<'t>) -> Box<dyn Rules + Send + 't> {
    Box::new(belady::Belady::new(capacity.room(), future))
}

/// What libCacheSim has for a policy, where it is another than ours.
pub(crate) fn published<'t>(policy: Policy, capacity: Capacity) -> Option<Box<dyn Rules + Send + 't>> {
    let room = capacity.room();
    match policy {
        Policy::S3Fifo => Some(Box::new(ghosts::S3Fifo::published(room))),
        Policy::Slru => Some(Box::new(segments::Slru::new(room, 5))),
        Policy::Lirs => Some(Box::new(lirs::Lirs::new(room, true))),
        _ => None,
    }
}

/// A part of the room, rounded down.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a positive number")]
fn share(room: u64, part: f64) -> u64 {
    (crate::curve::count(room) * part) as u64
}
