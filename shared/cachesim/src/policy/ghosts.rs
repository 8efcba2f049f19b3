//! Policies that remember what they evicted: S3-FIFO and 2Q.
//!
//! Both are as in libCacheSim, but for values that are large beside the cache: it refuses what does not fit the small queue
//! (a tenth of the cache, a quarter in 2Q), and so caches nothing at all in less than twenty entries; here it is let in.
//! Its newer S3-FIFO fills an empty main queue with new keys, which the paper does not do, and which a loop over more keys
//! than fit then hits for ever. `published` is that variant: it gives the miss counts of libCacheSim 0.3.5.

use super::{Rules, share};
use crate::lists::{GHOST, Lists};

const SMALL: u8 = 1;
const MAIN: u8 = 2;

/// Remembers an evicted key in a queue of ghosts of limited weight.
fn remember(lists: &mut Lists, key: u32, room: u64) {
    let weight = lists.weight_of(key);
    lists.unlink(key);
    if u64::from(weight) <= room {
        while lists.weight(GHOST) + u64::from(weight) > room
            && let Some(oldest) = lists.back(GHOST)
        {
            lists.unlink(oldest);
        }
        lists.push_front(GHOST, key, weight);
    }
}

/// Whether a ghost was asked for; it is one no longer.
fn recall(lists: &mut Lists, key: u32) -> bool {
    let ghost = lists.queue(key) == GHOST;
    lists.unlink(key);
    ghost
}

/// S3-FIFO (Yang et al., SOSP 2023): new keys pass through a small queue, and reach the main one if they are used twice more
/// there or come back soon after.
pub(crate) struct S3Fifo {
    room: u64,
    main: u64,
    ghosts: u64,
    /// New keys go to the main queue where the small one is full and nothing was evicted yet.
    filling: bool,
}

impl S3Fifo {
    pub(crate) fn new(room: u64) -> Self {
        Self { room, main: room - share(room, 0.1), ghosts: share(room, 0.9), filling: false }
    }

    pub(crate) fn published(room: u64) -> Self {
        Self { filling: true, ..Self::new(room) }
    }

    fn evict(&mut self, lists: &mut Lists) {
        self.filling = false;
        if lists.weight(MAIN) > self.main || lists.len(SMALL) == 0 {
            Self::evict_main(lists);
        } else {
            self.evict_small(lists);
        }
    }

    fn evict_small(&self, lists: &mut Lists) {
        while let Some(oldest) = lists.back(SMALL) {
            if lists.count(oldest) < 2 {
                remember(lists, oldest, self.ghosts);
                return;
            }
            lists.set_count(oldest, 0);
            lists.shift(oldest, MAIN);
        }
    }

    fn evict_main(lists: &mut Lists) {
        while let Some(oldest) = lists.back(MAIN) {
            let Some(count) = lists.count(oldest).checked_sub(1) else {
                lists.unlink(oldest);
                return;
            };
            lists.set_count(oldest, count);
            lists.refresh(oldest);
        }
    }
}

impl Rules for S3Fifo {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        lists.set_count(key, (lists.count(key) + 1).min(3));
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        let mut queue = if recall(lists, key) { MAIN } else { SMALL };
        while lists.weight(SMALL) + lists.weight(MAIN) + u64::from(weight) > self.room
            && lists.len(SMALL) + lists.len(MAIN) > 0
        {
            self.evict(lists);
        }
        if self.filling && lists.weight(SMALL) + u64::from(weight) > self.room - self.main {
            queue = MAIN;
        }
        lists.set_count(key, 0);
        lists.push_front(queue, key, weight);
    }

    fn refuse(&mut self, lists: &mut Lists, key: u32) {
        lists.unlink(key);
    }
}

/// 2Q (Johnson and Shasha, VLDB 1994): a first queue in order of arrival, ghosts of what left it, and LRU for those that come
/// back.
pub(crate) struct TwoQ {
    room: u64,
    small: u64,
    ghosts: u64,
}

impl TwoQ {
    pub(crate) fn new(room: u64) -> Self {
        Self { room, small: share(room, 0.25), ghosts: share(room, 0.5) }
    }

    fn evict(&self, lists: &mut Lists) {
        let (small, main) = (lists.back(SMALL), lists.back(MAIN));
        match (small, main) {
            (Some(oldest), _) if lists.weight(SMALL) > self.small => remember(lists, oldest, self.ghosts),
            (_, Some(oldest)) => lists.unlink(oldest),
            (Some(oldest), None) => remember(lists, oldest, self.ghosts),
            (None, None) => {}
        }
    }
}

impl Rules for TwoQ {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        if lists.queue(key) == MAIN {
            lists.refresh(key);
        }
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        let returns = recall(lists, key);
        while lists.weight(SMALL) + lists.weight(MAIN) + u64::from(weight) > self.room
            && lists.len(SMALL) + lists.len(MAIN) > 0
        {
            self.evict(lists);
        }
        if !returns {
            lists.push_front(SMALL, key, weight);
            return;
        }
        while lists.weight(MAIN) + u64::from(weight) > self.room - self.small
            && let Some(oldest) = lists.back(MAIN)
        {
            lists.unlink(oldest);
        }
        lists.push_front(MAIN, key, weight);
    }

    fn refuse(&mut self, lists: &mut Lists, key: u32) {
        lists.unlink(key);
    }
}
