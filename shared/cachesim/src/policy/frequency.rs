//! LFU: the least often used since it was put in leaves, of several the one that has been so for longest.
//!
//! All keys are in one queue, rarest at its old end; runs of equal frequency know their newest key. So every step takes
//! constant time, and memory follows the keys, not the largest frequency (Shah et al., 2010).

use super::Rules;
use crate::lists::Lists;

const QUEUE: u8 = 1;
const NONE: u32 = u32::MAX;

/// Keys of equal frequency, next to each other in the queue.
#[derive(Clone, Copy)]
struct Run {
    uses: u32,
    /// Its newest key.
    last: u32,
    len: u32,
    rarer: u32,
    oftener: u32,
}

pub(crate) struct Lfu {
    room: u64,
    /// The run of each cached key.
    run: Vec<u32>,
    runs: Vec<Run>,
    free: Vec<u32>,
    rarest: u32,
}

impl Lfu {
    pub(crate) fn new(room: u64) -> Self {
        Self { room, run: Vec::new(), runs: Vec::new(), free: Vec::new(), rarest: NONE }
    }

    /// The run of a frequency that is to stand after `rarer`: the one that stands there, or a new one.
    fn run_after(&mut self, rarer: u32, uses: u32) -> u32 {
        let next = if rarer == NONE { self.rarest } else { self.runs[rarer as usize].oftener };
        if next != NONE && self.runs[next as usize].uses == uses {
            return next;
        }
        let run = Run { uses, last: NONE, len: 0, rarer, oftener: next };
        let at = self.free.pop().unwrap_or_else(|| {
            self.runs.push(run);
            u32::try_from(self.runs.len() - 1).unwrap_or(NONE)
        });
        self.runs[at as usize] = run;
        self.join(rarer, at);
        self.join(at, next);
        at
    }

    fn join(&mut self, rarer: u32, oftener: u32) {
        match self.runs.get_mut(rarer as usize) {
            Some(run) => run.oftener = oftener,
            None => self.rarest = oftener,
        }
        if let Some(run) = self.runs.get_mut(oftener as usize) {
            run.rarer = rarer;
        }
    }

    /// Puts a key at the newest end of `run`, which stands after `rarer`.
    fn enter(&mut self, lists: &mut Lists, run: u32, key: u32, weight: u32) {
        let Run { last, rarer, .. } = self.runs[run as usize];
        let beside = if last == NONE { self.runs.get(rarer as usize).map(|run| run.last) } else { Some(last) };
        lists.insert_newer(QUEUE, key, weight, beside);
        let run_of = &mut self.runs[run as usize];
        run_of.last = key;
        run_of.len += 1;
        if key as usize >= self.run.len() {
            self.run.resize(key as usize + 1, NONE);
        }
        self.run[key as usize] = run;
    }

    /// Takes a key out of its run; the run if something is left of it, else the one before.
    fn leave(&mut self, lists: &mut Lists, key: u32) -> u32 {
        let at = self.run[key as usize];
        let Run { rarer, oftener, .. } = self.runs[at as usize];
        let run = &mut self.runs[at as usize];
        run.len -= 1;
        let left = if run.len == 0 {
            self.join(rarer, oftener);
            self.free.push(at);
            rarer
        } else {
            if run.last == key {
                run.last = lists.older(key).unwrap_or(NONE);
            }
            at
        };
        lists.unlink(key);
        left
    }
}

impl Rules for Lfu {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        let weight = lists.weight_of(key);
        let uses = self.runs[self.run[key as usize] as usize].uses + 1;
        let rarer = self.leave(lists, key);
        let run = self.run_after(rarer, uses);
        self.enter(lists, run, key, weight);
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        while lists.weight(QUEUE) + u64::from(weight) > self.room
            && let Some(rarest) = lists.back(QUEUE)
        {
            self.leave(lists, rarest);
        }
        let run = self.run_after(NONE, 1);
        self.enter(lists, run, key, weight);
    }

    fn remove(&mut self, lists: &mut Lists, key: u32) {
        self.leave(lists, key);
    }

    fn memory(&self) -> usize {
        (self.run.capacity() + self.free.capacity()) * 4 + self.runs.capacity() * size_of::<Run>()
    }
}
