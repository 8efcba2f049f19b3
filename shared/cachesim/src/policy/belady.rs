//! Belady's optimum: what is used again last leaves first.
//!
//! As in the classic algorithm every missed key is put in, even one that is never used again; so it bounds every policy that
//! does so too. By bytes it is no bound but a strong heuristic: the optimum is then NP-hard.
//!
//! A key is due at one request only, so the keys that are cached are a set of positions in the trace, and the one to evict
//! is its largest: a bit set of 64-fold levels finds it in four steps where a heap would need twenty.

use super::Rules;
use crate::Trace;
use crate::lists::Lists;

/// Keys that are used again; not linked, the set of positions orders them.
const DUE: u8 = 1;
/// Keys that are never used again.
const DONE: u8 = 2;
const NEVER: u32 = u32::MAX;

/// When each request's key is asked for next: four bytes a request, beside the trace that is in memory already.
#[derive(Default)]
pub struct Future<'t> {
    keys: &'t [u32],
    next: Vec<u32>,
}

impl<'t> Future<'t> {
    /// Looks through the whole trace, from its end.
    pub fn of(trace: &'t Trace) -> Self {
        let largest = trace.keys.iter().max().map_or(0, |&key| key as usize + 1);
        let mut seen = vec![NEVER; largest];
        let mut next = vec![NEVER; trace.keys.len()];
        for (at, &key) in trace.keys.iter().enumerate().rev() {
            let position = u32::try_from(at).unwrap_or(NEVER);
            next[at] = std::mem::replace(&mut seen[key as usize], position);
        }
        Self { keys: &trace.keys, next }
    }
}

/// A set of positions that knows its largest.
struct Positions {
    /// From the single bits up; a bit of a level says that a word below is not empty.
    levels: Vec<Vec<u64>>,
}

impl Positions {
    fn new(len: usize) -> Self {
        let mut levels = Vec::new();
        let mut words = len.div_ceil(64).max(1);
        loop {
            levels.push(vec![0; words]);
            if words == 1 {
                return Self { levels };
            }
            words = words.div_ceil(64);
        }
    }

    fn insert(&mut self, position: u32) {
        let mut at = position as usize;
        for level in &mut self.levels {
            let word = &mut level[at / 64];
            let known = *word != 0;
            *word |= 1 << (at % 64);
            if known {
                return;
            }
            at /= 64;
        }
    }

    fn remove(&mut self, position: u32) {
        let mut at = position as usize;
        for level in &mut self.levels {
            let word = &mut level[at / 64];
            *word &= !(1 << (at % 64));
            if *word != 0 {
                return;
            }
            at /= 64;
        }
    }

    fn largest(&self) -> Option<usize> {
        let mut at = 0;
        for level in self.levels.iter().rev() {
            at = at * 64 + level[at].checked_ilog2()? as usize;
        }
        Some(at)
    }
}

pub(crate) struct Belady<'t> {
    room: u64,
    future: &'t Future<'t>,
    positions: Positions,
    /// The next use of each cached key.
    due: Vec<u32>,
    /// Position of the present request; the first comes after this one's start.
    now: u32,
}

impl<'t> Belady<'t> {
    pub(crate) fn new(room: u64, future: &'t Future<'t>) -> Self {
        Self { room, future, positions: Positions::new(future.next.len()), due: Vec::new(), now: u32::MAX }
    }

    fn next(&self) -> u32 {
        self.future.next.get(self.now as usize).copied().unwrap_or(NEVER)
    }

    fn put(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        let next = self.next();
        if next == NEVER {
            lists.push_front(DONE, key, weight);
            return;
        }
        lists.place(DUE, key, weight);
        self.positions.insert(next);
        if key as usize >= self.due.len() {
            self.due.resize(key as usize + 1, NEVER);
        }
        self.due[key as usize] = next;
    }

    fn take(&mut self, lists: &mut Lists, key: u32) {
        if lists.queue(key) == DUE {
            self.positions.remove(self.due[key as usize]);
            lists.leave(key);
        } else {
            lists.unlink(key);
        }
    }
}

impl Rules for Belady<'_> {
    fn clock(&mut self) {
        self.now = self.now.wrapping_add(1);
    }

    fn hit(&mut self, lists: &mut Lists, key: u32) {
        let weight = lists.weight_of(key);
        self.take(lists, key);
        self.put(lists, key, weight);
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        while lists.weight(DUE) + lists.weight(DONE) + u64::from(weight) > self.room {
            let last = || self.positions.largest().map(|position| self.future.keys[position]);
            let Some(victim) = lists.back(DONE).or_else(last) else { break };
            self.take(lists, victim);
        }
        self.put(lists, key, weight);
    }

    fn remove(&mut self, lists: &mut Lists, key: u32) {
        self.take(lists, key);
    }

    fn memory(&self) -> usize {
        let bits: usize = self.positions.levels.iter().map(|level| level.len() * 8).sum();
        bits + self.due.capacity() * 4 + self.future.next.len() * 4
    }
}
