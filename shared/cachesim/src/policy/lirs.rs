//! LIRS (Jiang and Zhang, SIGMETRICS 2002): keys whose last two uses lie close together keep their place; the rest share one
//! hundredth of the cache.
//!
//! A stack orders all keys by their last use down to the oldest LIR key, ghosts included, and is limited to twice the
//! capacity. libCacheSim's LIRS moves an LIR key out whenever a resident HIR key that has left the stack is hit, which the
//! paper does not do (its case of an HIR block not in the stack leaves all LIR blocks as they are), and refuses values of
//! more than the hundredth. `published` is that variant: it gives the miss counts that libCacheSim's tests hold.

use super::{Rules, share};
use crate::lists::{GHOST, Lists};

/// Keys with a short distance between uses: only in the stack.
const LIR: u8 = 1;
/// Other cached keys, in the order in which they leave.
const HIR: u8 = 2;
/// Keys that are in the stack, but not cached, in the order in which they became so.
const GONE: u8 = GHOST;
/// The one queue of `stack`.
const STACK: u8 = 1;

pub(crate) struct Lirs {
    room: u64,
    hot: u64,
    cold: u64,
    stack: Lists,
    published: bool,
}

impl Lirs {
    pub(crate) fn new(room: u64, published: bool) -> Self {
        let cold = share(room, 0.01).max(1).min(room);
        Self { room, hot: room - cold, cold, stack: Lists::new(), published }
    }

    /// Takes what lies under the oldest LIR key off the stack.
    fn prune(&mut self, lists: &mut Lists) {
        while let Some(bottom) = self.stack.back(STACK).filter(|&bottom| lists.queue(bottom) != LIR)
            && self.stack.len(STACK) > 1
        {
            self.stack.unlink(bottom);
            if lists.queue(bottom) == GONE {
                lists.unlink(bottom);
            }
        }
    }

    /// The oldest LIR key becomes the newest HIR key.
    fn demote(&mut self, lists: &mut Lists) -> bool {
        let Some(bottom) = self.stack.back(STACK).filter(|&bottom| lists.queue(bottom) == LIR) else { return false };
        let weight = lists.weight_of(bottom);
        self.stack.unlink(bottom);
        lists.leave(bottom);
        if u64::from(weight) <= self.cold {
            self.make_cold_room(lists, weight);
            lists.push_front(HIR, bottom, weight);
        }
        self.prune(lists);
        true
    }

    fn make_hot_room(&mut self, lists: &mut Lists, weight: u32) {
        while lists.weight(LIR) + u64::from(weight) > self.hot && self.demote(lists) {}
    }

    fn make_cold_room(&mut self, lists: &mut Lists, weight: u32) {
        while lists.weight(HIR) + u64::from(weight) > self.cold
            && let Some(oldest) = lists.back(HIR)
        {
            if self.stack.queue(oldest) == STACK {
                lists.shift(oldest, GONE);
            } else {
                lists.unlink(oldest);
            }
        }
    }

    /// Puts a key on top of the stack.
    fn raise(&mut self, key: u32, weight: u32) {
        self.stack.admit(key);
        self.stack.unlink(key);
        self.stack.push_front(STACK, key, weight);
    }

    /// Forgets the oldest ghosts of a stack that has grown too high.
    fn limit(&mut self, lists: &mut Lists) {
        while self.stack.weight(STACK) > self.room * 2
            && let Some(ghost) = lists.back(GONE)
        {
            lists.unlink(ghost);
            self.stack.unlink(ghost);
        }
    }

    fn insert_new(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        if lists.weight(LIR) + u64::from(weight) <= self.hot {
            lists.place(LIR, key, weight);
        } else {
            self.make_cold_room(lists, weight);
            // A value larger than the cold part: LIR keys make room for it too.
            while lists.weight(LIR) + lists.weight(HIR) + u64::from(weight) > self.room && self.demote(lists) {
                self.make_cold_room(lists, weight);
            }
            lists.push_front(HIR, key, weight);
        }
        self.raise(key, weight);
        self.prune(lists);
    }
}

impl Rules for Lirs {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        let weight = lists.weight_of(key);
        let stacked = self.stack.queue(key) == STACK;
        if stacked && lists.queue(key) == HIR {
            self.raise(key, weight);
            lists.unlink(key);
            self.make_hot_room(lists, weight);
            lists.place(LIR, key, weight);
            self.prune(lists);
        } else if stacked {
            self.raise(key, weight);
            self.prune(lists);
        } else {
            lists.refresh(key);
            if self.published {
                self.make_hot_room(lists, weight);
            }
            self.raise(key, weight);
        }
        self.limit(lists);
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        let ghost = lists.queue(key) == GONE;
        if !ghost {
            if !self.published || u64::from(weight) <= self.cold.min(self.hot) {
                self.insert_new(lists, key, weight);
            }
        } else if u64::from(weight) <= self.hot {
            self.raise(key, weight);
            lists.unlink(key);
            self.make_hot_room(lists, weight);
            lists.place(LIR, key, weight);
            self.prune(lists);
        } else {
            self.refuse(lists, key);
            self.insert_new(lists, key, weight);
        }
        self.limit(lists);
    }

    fn refuse(&mut self, lists: &mut Lists, key: u32) {
        if lists.queue(key) == GONE {
            lists.unlink(key);
            self.stack.unlink(key);
            self.prune(lists);
        }
    }

    fn remove(&mut self, lists: &mut Lists, key: u32) {
        self.stack.admit(key);
        self.stack.unlink(key);
        if lists.queue(key) == LIR {
            lists.leave(key);
        } else {
            lists.unlink(key);
        }
        self.prune(lists);
    }

    fn memory(&self) -> usize {
        self.stack.memory()
    }
}
