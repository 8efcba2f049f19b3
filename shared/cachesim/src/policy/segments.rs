//! Segmented LRU (Karedla et al., 1994): a hit takes a key one segment up, and what overflows a segment falls one down.
//!
//! Four equal segments, as in libCacheSim; while the cache fills, new keys go to the lowest segment that has room.

use super::Rules;
use crate::lists::Lists;

pub(crate) struct Slru {
    room: u64,
    segments: u8,
    each: u64,
}

impl Slru {
    pub(crate) fn new(room: u64, segments: u8) -> Self {
        let segments = u8::try_from(room).unwrap_or(segments).clamp(1, segments.min(8));
        Self { room, segments, each: room / u64::from(segments) }
    }

    fn used(&self, lists: &Lists) -> u64 {
        (1..=self.segments).map(|segment| lists.weight(segment)).sum()
    }

    fn evict(&self, lists: &mut Lists) -> bool {
        let oldest = (1..=self.segments).find_map(|segment| lists.back(segment));
        oldest.inspect(|&oldest| lists.unlink(oldest)).is_some()
    }

    /// Lets a segment's overflow fall, and that of those below it falls on. Without any, the lowest may stay too full: the
    /// parts that other segments do not use are its own.
    fn cool(&self, lists: &mut Lists, segment: u8) {
        for segment in (1..=segment).rev() {
            if lists.weight(segment) <= self.each {
                return;
            }
            while lists.weight(segment) > self.each {
                match lists.back(segment) {
                    Some(oldest) if segment > 1 => lists.shift(oldest, segment - 1),
                    _ => _ = self.evict(lists),
                }
            }
        }
    }
}

impl Rules for Slru {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        let segment = lists.queue(key);
        if segment == self.segments {
            lists.refresh(key);
        } else {
            lists.shift(key, segment + 1);
            self.cool(lists, segment + 1);
        }
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        let more = u64::from(weight);
        // What is larger than a segment could not stay in any.
        if more > self.each {
            return;
        }
        while self.used(lists) + more > self.room && self.evict(lists) {}
        let free = (1..=self.segments).find(|&segment| lists.weight(segment) + more <= self.each);
        lists.push_front(free.unwrap_or(1), key, weight);
    }
}
