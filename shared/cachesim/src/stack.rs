//! LRU stack distances, exactly and in one pass over the requests (Mattson et al., 1970).
//!
//! Each key's last use is a bit on a line of slots, newest last; a key's stack distance is the number of bits after its own.
//! Bits are counted in steps. Counts of one step lie together in a word, so that those after one of them are summed at once and
//! without a branch: how many they are cannot be foretold, and to guess wrong costs more than the sum. When the line is full its
//! bits are moved together, so memory is proportional to the distinct keys.

use std::collections::BinaryHeap;
use std::mem::size_of;

/// Slots of a word of bits, and of its steps: a word of eight counts of those, then words of four counts of the step before.
const WORD: usize = 64;
const EIGHT: usize = WORD * 8;
const FOUR: usize = EIGHT * 4;
const SIXTEEN: usize = FOUR * 4;
/// Slots of a group: no more than 16 bits count. Counts of groups are summed one by one.
const GROUP: usize = SIXTEEN * 4;

const FORGOTTEN: u32 = u32::MAX;

/// The order of last uses.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Slot + 1 of each key's last use; 0: never used, `FORGOTTEN`: not since it was forgotten.
    last: Vec<u32>,
    line: Vec<Group>,
    /// Bits of each group.
    counts: Vec<u32>,
    /// The next free slot.
    head: usize,
    /// Bits in the eight words that the head is in: the steps above do not count them before they are full.
    open: u64,
    /// Bits on the line: keys and holes.
    live: usize,
    seen: u64,
    /// Slots of entries that were thrown away: every size that held one has room for one more without evicting.
    holes: BinaryHeap<u32>,
}

/// Slots with the counts of their bits, by how many slots a count is of.
#[derive(Clone, Debug)]
struct Group {
    bits: [u64; GROUP / WORD],
    words: [u64; GROUP / EIGHT],
    eights: [u64; GROUP / FOUR],
    fours: [u64; GROUP / SIXTEEN],
    sixteens: [u64; 1],
}

impl Group {
    const EMPTY: Self = Self {
        bits: [0; GROUP / WORD],
        words: [0; GROUP / EIGHT],
        eights: [0; GROUP / FOUR],
        fours: [0; GROUP / SIXTEEN],
        sixteens: [0; 1],
    };
}

/// The word in which a count is one of four.
#[inline]
fn four<const LEN: usize>(words: &mut [u64; LEN], at: usize) -> &mut u64 {
    &mut words[at / 4 % LEN]
}

/// The bits before a count in such a word.
#[inline]
fn place(at: usize) -> usize {
    at % 4 * 16
}

/// The sum of four counts in a word, which is below 2^16.
#[inline]
fn sum(four: u64) -> u64 {
    four.wrapping_mul(0x0001_0001_0001_0001) >> 48
}

/// The sum of the counts in a word after one of them, which gets `less`.
#[inline]
fn after<const LEN: usize>(words: &mut [u64; LEN], at: usize, less: u64) -> u64 {
    let word = four(words, at);
    let after = *word >> place(at) >> 16;
    *word -= less << place(at);
    sum(after)
}

/// The slot that an entry of `last` means.
fn slot(last: u32) -> Option<usize> {
    if last == FORGOTTEN { None } else { last.checked_sub(1).map(|slot| slot as usize) }
}

impl Stack {
    pub(crate) fn new() -> Self {
        Self {
            last: Vec::new(),
            line: vec![Group::EMPTY],
            counts: vec![0],
            head: 0,
            open: 0,
            live: 0,
            seen: 0,
            holes: BinaryHeap::new(),
        }
    }

    /// Bytes of its tables.
    pub(crate) fn memory(&self) -> usize {
        self.last.capacity() * 4 + self.line.len() * (size_of::<Group>() + 4)
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
    #[inline]
    pub(crate) fn touch(&mut self, key: u32) -> Option<usize> {
        let at = key as usize;
        if at >= self.last.len() {
            self.last.resize(at + 1, 0);
        }
        if self.head == self.line.len() * GROUP {
            self.compact();
        }
        let before = self.last[at];
        self.seen += u64::from(before == 0);
        let slot = slot(before);
        // Sizes too small for this key, but not for the newest hole, fill the hole; larger ones have theirs further down now.
        let hole = self.holes.peek().map(|&hole| hole as usize).filter(|&hole| slot.is_none_or(|slot| slot < hole));
        let distance = match (slot, hole) {
            (Some(slot), None) => Some(self.count::<true>(slot)),
            (None, None) => {
                self.live += 1;
                None
            }
            (slot, Some(hole)) => {
                let distance = slot.map(|slot| self.count::<false>(slot));
                self.count::<true>(hole);
                self.holes.pop();
                self.holes.extend(before.checked_sub(1).filter(|_| slot.is_some()));
                distance
            }
        };
        self.put();
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
            self.count::<true>(slot);
            self.live -= 1;
        }
    }

    /// Every key was thrown away.
    pub(crate) fn clear(&mut self) {
        self.last.iter_mut().filter(|last| **last != 0).for_each(|last| *last = FORGOTTEN);
        self.holes.clear();
        self.live = 0;
        self.fill();
    }

    /// Sets the bit of the head, and moves it on.
    #[inline]
    fn put(&mut self) {
        let (group, at) = (&mut self.line[self.head / GROUP], self.head % GROUP);
        group.bits[at / WORD] |= 1 << (at % WORD);
        group.words[at / EIGHT] += 1 << (at / WORD % 8 * 8);
        self.open += 1;
        self.head += 1;
        if self.head.is_multiple_of(EIGHT) {
            let (of, add) = ((self.head - 1) / GROUP, std::mem::take(&mut self.open));
            let group = &mut self.line[of];
            *four(&mut group.eights, at / EIGHT) += add << place(at / EIGHT);
            *four(&mut group.fours, at / FOUR) += add << place(at / FOUR);
            *four(&mut group.sixteens, at / SIXTEEN) += add << place(at / SIXTEEN);
            self.counts[of] += u32::try_from(add).unwrap_or(u32::MAX);
        }
    }

    /// Bits after one, which is taken away if `TAKE`.
    #[inline]
    fn count<const TAKE: bool>(&mut self, slot: usize) -> usize {
        let (of, at, newest) = (slot / GROUP, slot % GROUP, self.head / GROUP);
        let group = &mut self.line[of];
        let closed = slot / EIGHT != self.head / EIGHT;
        let mut count = if closed { self.open } else { 0 };
        let (less, less_above) = (u64::from(TAKE), u64::from(TAKE && closed));
        self.open -= less - less_above;

        let bits = &mut group.bits[at / WORD];
        count += u64::from((*bits >> (at % WORD) >> 1).count_ones());
        *bits ^= less << (at % WORD);
        let (words, place) = (&mut group.words[at / EIGHT], at / WORD % 8 * 8);
        let bytes = *words >> place >> 8;
        count += sum((bytes & 0x00ff_00ff_00ff_00ff) + (bytes >> 8 & 0x00ff_00ff_00ff_00ff));
        *words -= less << place;
        count += after(&mut group.eights, at / EIGHT, less_above);
        count += after(&mut group.fours, at / FOUR, less_above);
        count += after(&mut group.sixteens, at / SIXTEEN, less_above);
        self.counts[of] -= u32::from(TAKE && closed);
        let groups = if of < newest { self.counts[of + 1..].iter().sum::<u32>() } else { 0 };
        usize::try_from(count).unwrap_or(usize::MAX) + groups as usize
    }

    /// Moves the bits together at the start of a line that has as many free slots as bits.
    #[cold]
    fn compact(&mut self) {
        let mut before = Vec::with_capacity(self.line.len() * GROUP / WORD);
        let mut sum = 0u32;
        for bits in self.line.iter().flat_map(|group| &group.bits) {
            before.push(sum);
            sum += bits.count_ones();
        }
        let moved = |slot: usize| {
            let below = (1u64 << (slot % WORD)) - 1;
            before[slot / WORD] + (self.line[slot / GROUP].bits[slot % GROUP / WORD] & below).count_ones()
        };
        for last in &mut self.last {
            if let Some(slot) = slot(*last) {
                *last = moved(slot) + 1;
            }
        }
        self.holes = self.holes.iter().map(|&hole| moved(hole as usize)).collect();
        self.fill();
    }

    /// A line whose first slots have all the bits.
    fn fill(&mut self) {
        let groups = ((self.live + 1) * 2).div_ceil(GROUP);
        self.line = vec![Group::EMPTY; groups];
        self.counts = vec![0; groups];
        (self.head, self.open) = (0, 0);
        (0..self.live).for_each(|_| self.put());
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
