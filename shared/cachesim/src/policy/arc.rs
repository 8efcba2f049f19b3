//! ARC (Megiddo and Modha, FAST 2003): keys seen once and keys seen again, each with ghosts, and a target that moves to the
//! side whose ghosts are asked for.
//!
//! The target moves by counts also where the capacity is in bytes, as in libCacheSim; the paper knows one size only.

use super::Rules;
use crate::curve::count;
use crate::lists::{GHOST, Lists};

const ONCE: u8 = 1;
const AGAIN: u8 = 2;
const ONCE_GHOSTS: u8 = GHOST;
const AGAIN_GHOSTS: u8 = GHOST + 1;

pub(crate) struct Arc {
    room: u64,
    /// How much of the cache is for keys seen once.
    target: f64,
}

impl Arc {
    pub(crate) fn new(room: u64) -> Self {
        Self { room, target: 0.0 }
    }

    /// Learns from a ghost that was asked for; the queue that it was in, 0 for none.
    fn learn(&mut self, lists: &mut Lists, key: u32) -> u8 {
        let ghost = lists.queue(key);
        let (once, again) = (count(lists.weight(ONCE_GHOSTS)), count(lists.weight(AGAIN_GHOSTS)));
        match ghost {
            ONCE_GHOSTS => self.target = (self.target + (again / once).max(1.0)).min(count(self.room)),
            AGAIN_GHOSTS => self.target = (self.target - (once / again).max(1.0)).max(0.0),
            _ => {}
        }
        lists.unlink(key);
        ghost
    }

    /// Evicts the oldest of one side and keeps its ghost: REPLACE in the paper.
    fn replace(&self, lists: &mut Lists, again: bool) {
        let once = count(lists.weight(ONCE));
        #[expect(clippy::float_cmp, reason = "as in the paper; both are whole but for long divisions")]
        let over = once > self.target || (once == self.target && again);
        let (from, to) = if lists.len(ONCE) > 0 && over || lists.len(AGAIN) == 0 {
            (ONCE, ONCE_GHOSTS)
        } else {
            (AGAIN, AGAIN_GHOSTS)
        };
        if let Some(oldest) = lists.back(from) {
            lists.shift(oldest, to);
        }
    }

    /// Makes room for a key that is new: case IV of the paper.
    fn evict_for_new(&self, lists: &mut Lists, weight: u32) {
        let once = lists.weight(ONCE) + lists.weight(ONCE_GHOSTS);
        if once + u64::from(weight) > self.room {
            if let Some(ghost) = lists.back(ONCE_GHOSTS) {
                lists.unlink(ghost);
                self.replace(lists, false);
            } else if let Some(oldest) = lists.back(ONCE) {
                lists.unlink(oldest);
            } else {
                self.replace(lists, false);
            }
            return;
        }
        let all = once + lists.weight(AGAIN) + lists.weight(AGAIN_GHOSTS);
        if all >= self.room * 2
            && let Some(ghost) = lists.back(AGAIN_GHOSTS)
        {
            lists.unlink(ghost);
        }
        self.replace(lists, false);
    }
}

impl Rules for Arc {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        lists.shift(key, AGAIN);
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        let ghost = self.learn(lists, key);
        while lists.weight(ONCE) + lists.weight(AGAIN) + u64::from(weight) > self.room
            && lists.len(ONCE) + lists.len(AGAIN) > 0
        {
            if ghost == 0 {
                self.evict_for_new(lists, weight);
            } else {
                self.replace(lists, ghost == AGAIN_GHOSTS);
            }
        }
        lists.push_front(if ghost == 0 { ONCE } else { AGAIN }, key, weight);
    }

    fn refuse(&mut self, lists: &mut Lists, key: u32) {
        self.learn(lists, key);
    }
}
