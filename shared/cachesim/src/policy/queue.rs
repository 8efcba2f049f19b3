//! Policies of one queue: LRU, FIFO, CLOCK (FIFO with reinsertion) and SIEVE.

use super::Rules;
use crate::lists::Lists;

const QUEUE: u8 = 1;

/// LRU and FIFO: the oldest leaves; in LRU a hit makes a key the newest.
pub(crate) struct Queue {
    room: u64,
    refresh: bool,
}

impl Queue {
    pub(crate) fn lru(room: u64) -> Self {
        Self { room, refresh: true }
    }

    pub(crate) fn fifo(room: u64) -> Self {
        Self { room, refresh: false }
    }
}

impl Rules for Queue {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        if self.refresh {
            lists.refresh(key);
        }
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        while lists.weight(QUEUE) + u64::from(weight) > self.room
            && let Some(oldest) = lists.back(QUEUE)
        {
            lists.unlink(oldest);
        }
        lists.push_front(QUEUE, key, weight);
    }
}

/// CLOCK: the oldest leaves, unless it was used since it was last looked at: then it goes round once more.
pub(crate) struct Clock {
    room: u64,
}

impl Clock {
    pub(crate) fn new(room: u64) -> Self {
        Self { room }
    }
}

impl Rules for Clock {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        lists.set_count(key, 1);
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        while lists.weight(QUEUE) + u64::from(weight) > self.room
            && let Some(oldest) = lists.back(QUEUE)
        {
            if lists.count(oldest) > 0 {
                lists.set_count(oldest, 0);
                lists.refresh(oldest);
            } else {
                lists.unlink(oldest);
            }
        }
        lists.set_count(key, 0);
        lists.push_front(QUEUE, key, weight);
    }
}

/// SIEVE (Zhang et al., NSDI 2024): a hand goes from old to new, clears the mark of what was used and evicts what was not;
/// nothing moves.
pub(crate) struct Sieve {
    room: u64,
    /// Where the hand stands; `None`: at the oldest.
    hand: Option<u32>,
}

impl Sieve {
    pub(crate) fn new(room: u64) -> Self {
        Self { room, hand: None }
    }

    fn evict(&mut self, lists: &mut Lists) {
        let mut at = self.hand.or_else(|| lists.back(QUEUE));
        while let Some(key) = at.filter(|&key| lists.count(key) > 0) {
            lists.set_count(key, 0);
            at = lists.newer(key).or_else(|| lists.back(QUEUE));
        }
        if let Some(key) = at {
            self.hand = lists.newer(key);
            lists.unlink(key);
        }
    }
}

impl Rules for Sieve {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        lists.set_count(key, 1);
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        while lists.weight(QUEUE) + u64::from(weight) > self.room && lists.len(QUEUE) > 0 {
            self.evict(lists);
        }
        lists.set_count(key, 0);
        lists.push_front(QUEUE, key, weight);
    }

    fn remove(&mut self, lists: &mut Lists, key: u32) {
        if self.hand == Some(key) {
            self.hand = lists.newer(key);
        }
        lists.unlink(key);
    }
}
