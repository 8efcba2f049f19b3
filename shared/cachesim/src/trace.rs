//! Requests to simulate: dense keys with sizes and times, and the table that makes keys dense.

/// Requests in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Keys as numbers from 0 on; see [`Interner`].
    pub keys: Vec<u32>,
    /// One more than the largest key.
    pub distinct: u32,
    /// Bytes of each request's value; empty: 1 each.
    pub sizes: Vec<u32>,
    /// When, in nanoseconds from any start; empty: not known, and nothing expires.
    pub times: Vec<u64>,
    /// What the program itself threw out of its cache, in the order of `before`.
    pub removals: Vec<Removal>,
}

/// The program deleted one entry, or cleared its cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Position of the first request after it.
    pub before: usize,
    /// `None`: everything.
    pub key: Option<u32>,
}

impl Trace {
    /// A trace of keys alone, which are already dense.
    pub fn new(keys: Vec<u32>) -> Self {
        let distinct = keys.iter().max().map_or(0, |largest| largest + 1);
        Self { keys, distinct, ..Self::default() }
    }

    /// A trace of keys that are any numbers.
    pub fn of_ids(ids: impl IntoIterator<Item = u64>) -> Self {
        let mut interner = Interner::default();
        Self::new(ids.into_iter().map(|id| interner.intern(id)).collect())
    }

    /// Bytes of the value behind a request.
    pub fn size(&self, at: usize) -> u32 {
        self.sizes.get(at).copied().unwrap_or(1)
    }

    /// When a request was made; 0 where that is not known.
    pub fn time(&self, at: usize) -> u64 {
        self.times.get(at).copied().unwrap_or(0)
    }
}

/// Gives each id that it meets the next number: memory is proportional to distinct ids.
///
/// Open addressing with half the slots free; ids need not be hashes.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    /// Number + 1 of the id in a slot, 0 for an empty one.
    slots: Vec<u32>,
    ids: Vec<u64>,
}

/// Spreads the bits of an id over all of a word.
pub(crate) fn mix(id: u64) -> u64 {
    let folded = (id ^ (id >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (folded ^ (folded >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

impl Interner {
    /// The dense number of `id`: a new one if it was never met.
    ///
    /// # Panics
    /// Past four thousand million distinct ids, which no memory holds.
    pub fn intern(&mut self, id: u64) -> u32 {
        if self.ids.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mut slot = self.slot(id);
        loop {
            let number = self.slots[slot];
            if number == 0 {
                self.ids.push(id);
                let number = u32::try_from(self.ids.len()).expect("fewer than 2^32 distinct ids");
                self.slots[slot] = number;
                return number - 1;
            }
            if self.ids[number as usize - 1] == id {
                return number - 1;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// Ids that were met.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none was met.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids by number.
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Where an id is looked for first: the top bits of its hash.
    fn slot(&self, id: u64) -> usize {
        let bits = self.slots.len().trailing_zeros();
        usize::try_from(mix(id) >> (64 - bits)).unwrap_or(0)
    }

    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(16);
        self.slots = vec![0; len];
        for (number, &id) in (1..).zip(&self.ids) {
            let mut slot = self.slot(id);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (len - 1);
            }
            self.slots[slot] = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn ids_become_numbers_in_the_order_of_their_first_use() {
        let mut interner = Interner::default();
        let mut naive = HashMap::new();
        let mut state = 7u64;
        for step in 0..20_000u64 {
            state = mix(state.wrapping_add(step));
            // Small numbers, multiples of a large power of two, and noise.
            let id = match step % 3 {
                0 => state % 500,
                1 => (state % 300) << 52,
                _ => state % 3000 * 0x0001_0001_0001,
            };
            let next = u32::try_from(naive.len()).unwrap();
            assert_eq!(interner.intern(id), *naive.entry(id).or_insert(next));
        }
        assert_eq!(interner.len(), naive.len());
        assert!(interner.ids().iter().enumerate().all(|(at, id)| naive[id] as usize == at));
        assert_eq!(interner.intern(u64::MAX) as usize, naive.len());
    }
}
