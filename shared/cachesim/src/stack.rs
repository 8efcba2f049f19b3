//! LRU stack distances, exactly and in one pass over the requests (Mattson et al., 1970).
//!
//! Each key's last use is a bit on a line of slots, newest last; a key's stack distance is the number of bits after its own.
//! Bits are counted in three steps: in the block of its word, over the blocks of its group, over the groups. All of that
//! stays small enough for the fastest cache, where a tree of counters would not. When the line is full its bits are moved
//! together, so memory is proportional to the distinct keys.

/// Bits in a block; a power of two, and so are the others.
const BLOCK: usize = 256;
const WORDS: usize = BLOCK / 64;
/// Blocks in a group.
const GROUP: usize = 64;

use std::collections::BinaryHeap;

const FORGOTTEN: u32 = u32::MAX;

/// The order of last uses.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Slot + 1 of each key's last use; 0: never used, `FORGOTTEN`: not since it was forgotten.
    last: Vec<u32>,
    words: Vec<u64>,
    blocks: Vec<u32>,
    groups: Vec<u32>,
    /// The next free slot.
    head: usize,
    /// Bits on the line: keys and holes.
    live: usize,
    seen: u64,
    /// Slots of entries that were thrown away: every size that held one has room for one more without evicting.
    holes: BinaryHeap<u32>,
}

/// The slot that an entry of `last` means.
fn slot(last: u32) -> Option<usize> {
    if last == FORGOTTEN { None } else { last.checked_sub(1).map(|slot| slot as usize) }
}

impl Stack {
    pub(crate) fn new() -> Self {
        let mut stack = Self {
            last: Vec::new(),
            words: Vec::new(),
            blocks: Vec::new(),
            groups: Vec::new(),
            head: 0,
            live: 0,
            seen: 0,
            holes: BinaryHeap::new(),
        };
        stack.reserve(BLOCK * GROUP);
        stack
    }

    fn reserve(&mut self, slots: usize) {
        let slots = slots.max(1).div_ceil(BLOCK * GROUP) * BLOCK * GROUP;
        self.words = vec![0; slots / 64];
        self.blocks = vec![0; slots / BLOCK];
        self.groups = vec![0; slots / BLOCK / GROUP];
    }

    /// Bytes of its tables.
    pub(crate) fn memory(&self) -> usize {
        self.last.capacity() * 4 + self.words.len() * 8 + (self.blocks.len() + self.groups.len()) * 4
    }

    /// Distinct keys that were ever used.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Keys that were used and not forgotten.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Notes a use of `key`; how many distinct keys were used since its last, itself not counted. `None`: its first use, or the
    /// first since it was thrown away.
    pub(crate) fn touch(&mut self, key: u32) -> Option<usize> {
        let at = key as usize;
        if at >= self.last.len() {
            self.last.resize(at + 1, 0);
        }
        if self.head == self.words.len() * 64 {
            self.compact();
        }
        let before = self.last[at];
        self.seen += u64::from(before == 0);
        let slot = slot(before);
        let distance = slot.map(|slot| self.after(slot));
        // Sizes too small for this key, but not for the newest hole, fill the hole; larger ones have theirs further down now.
        let hole = self.holes.peek().map(|&hole| hole as usize).filter(|&hole| slot.is_none_or(|slot| slot < hole));
        if hole.is_some() {
            self.holes.pop();
            self.holes.extend(before.checked_sub(1).filter(|_| slot.is_some()));
        }
        if let Some(gone) = hole.or(slot) {
            self.flip(gone, u32::MAX);
            self.live -= 1;
        }
        self.live += 1;
        self.flip(self.head, 1);
        self.head += 1;
        self.last[at] = u32::try_from(self.head).unwrap_or(u32::MAX);
        distance
    }

    /// A key was thrown away.
    pub(crate) fn forget(&mut self, key: u32) {
        if let Some(last) = self.last.get_mut(key as usize)
            && slot(*last).is_some()
        {
            self.holes.push(*last - 1);
            *last = FORGOTTEN;
        }
    }

    /// Takes a key out of the order, as if it had never been there.
    pub(crate) fn drop_key(&mut self, key: u32) {
        if let Some(slot) = self.last.get(key as usize).and_then(|&last| slot(last)) {
            self.last[key as usize] = FORGOTTEN;
            self.flip(slot, u32::MAX);
            self.live -= 1;
        }
    }

    /// Every key was thrown away.
    pub(crate) fn clear(&mut self) {
        self.last.iter_mut().filter(|last| **last != 0).for_each(|last| *last = FORGOTTEN);
        self.reserve(0);
        self.holes.clear();
        (self.head, self.live) = (0, 0);
    }

    /// Turns a bit over and adds `by` (1 or -1) to the counters above it.
    fn flip(&mut self, slot: usize, by: u32) {
        self.words[slot / 64] ^= 1 << (slot % 64);
        let block = &mut self.blocks[slot / BLOCK];
        *block = block.wrapping_add(by);
        let group = &mut self.groups[slot / BLOCK / GROUP];
        *group = group.wrapping_add(by);
    }

    /// Bits after a slot.
    fn after(&self, slot: usize) -> usize {
        let (block, group) = (slot / BLOCK, slot / BLOCK / GROUP);
        let (word, newest) = (slot / 64, self.head - 1);
        let mut count = (self.words[word] >> (slot % 64) >> 1).count_ones();
        count += self.words[word + 1..(block + 1) * WORDS].iter().map(|word| word.count_ones()).sum::<u32>();
        let last_block = ((group + 1) * GROUP).min(newest / BLOCK + 1);
        count += self.blocks[block + 1..last_block.max(block + 1)].iter().sum::<u32>();
        let last_group = newest / BLOCK / GROUP + 1;
        count += self.groups[group + 1..last_group.max(group + 1)].iter().sum::<u32>();
        count as usize
    }

    /// Moves the bits together at the start of a line that has as many free slots as bits.
    fn compact(&mut self) {
        let mut before = Vec::with_capacity(self.words.len());
        let mut sum = 0u32;
        for word in &self.words {
            before.push(sum);
            sum += word.count_ones();
        }
        let moved = |slot: usize| {
            let below = (1u64 << (slot % 64)) - 1;
            before[slot / 64] + (self.words[slot / 64] & below).count_ones()
        };
        for last in &mut self.last {
            if let Some(slot) = slot(*last) {
                *last = moved(slot) + 1;
            }
        }
        self.holes = self.holes.iter().map(|&hole| moved(hole as usize)).collect();
        self.reserve((self.live + 1) * 2);
        self.head = self.live;
        for (at, word) in self.words.iter_mut().enumerate() {
            *word = match self.live.saturating_sub(at * 64) {
                64.. => u64::MAX,
                bits => (1 << bits) - 1,
            };
        }
        let fill = |counts: &mut [u32], each: usize, live: usize| {
            for (at, count) in counts.iter_mut().enumerate() {
                *count = u32::try_from(live.saturating_sub(at * each).min(each)).unwrap_or(u32::MAX);
            }
        };
        fill(&mut self.blocks, BLOCK, self.live);
        fill(&mut self.groups, BLOCK * GROUP, self.live);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::mix;

    #[test]
    fn distances_are_those_of_a_list() {
        let mut stack = Stack::new();
        let mut list: Vec<u32> = Vec::new();
        let mut state = 1;
        for step in 0..60_000u64 {
            state = mix(state + step);
            // Some keys often, most rarely, and the number of keys grows past what one line holds.
            let keys = 1 + if state % 4 == 0 { 10 } else { step / 40 };
            let key = u32::try_from((state >> 8) % keys).unwrap();
            let place = list.iter().rev().position(|&other| other == key);
            assert_eq!(stack.touch(key), place, "step {step}");
            if let Some(place) = place {
                list.remove(list.len() - 1 - place);
            }
            list.push(key);
            assert_eq!(stack.live(), list.len());
        }
        assert!(stack.memory() < 64 * 1024, "{}", stack.memory());
    }
}
