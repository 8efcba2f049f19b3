//! Which dense keys are in a sample: those whose hash is in a part of all hashes.

/// Keys whose hashes are compared before any is looked at, and those of them that are passed over together.
const BLOCK: usize = 1024;
const RUN: usize = 16;
/// Keys that are gathered at least before they are told of.
const GATHERED: usize = 1024;
/// Most that are told of at once.
pub(crate) const MOST: usize = GATHERED + BLOCK;

/// 2^32 by the golden ratio, and where hashes begin.
const SPREAD: u32 = 0x9e37_79b9;
const BEGIN: u32 = 0x5bd1_e995;

/// Dense keys are spread by the golden ratio: every run of them, and every comb, has its share in every part, so that a part
/// is nearer to the whole than one by lot would be. One multiplication, and several keys at once.
#[inline]
pub(crate) fn hash(key: u32) -> u32 {
    key.wrapping_mul(SPREAD).wrapping_add(BEGIN)
}

/// A part of all hashes of dense keys: `len` of them from `first` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) first: u32,
    pub(crate) len: u32,
}

impl Part {
    #[inline]
    pub(crate) fn has(self, key: u32) -> bool {
        hash(key).wrapping_sub(self.first) < self.len
    }

    /// Tells `each` what `keep` makes of the place and the key of every request for a key of the part: in their order, and many
    /// at a time, so that what a step waits for is waited for once.
    ///
    /// Few keys are chosen, and none can be foretold: a branch for each would cost more than all else. So blocks of keys are
    /// compared without any, then runs that have none are passed over, and only the rest is looked through.
    #[inline]
    pub(crate) fn choose<T: Copy + Default>(
        self,
        keys: &[u32],
        keep: impl Fn(usize, u32) -> T,
        mut each: impl FnMut(&[T]),
    ) {
        // As signed numbers: others the processor does not compare several at once.
        let begin = BEGIN.wrapping_sub(self.first).wrapping_add(1 << 31);
        let end = self.len.wrapping_add(1 << 31).cast_signed();
        let mut chosen = [T::default(); MOST];
        let mut len = 0;
        let mut marks = [[0u8; RUN]; BLOCK / RUN];
        let mut marked = [0; BLOCK / RUN];
        let (blocks, rest) = keys.as_chunks::<BLOCK>();
        for (at, block) in blocks.iter().enumerate() {
            let (runs, _) = block.as_chunks::<RUN>();
            for (marks, run) in marks.iter_mut().zip(runs) {
                for (mark, &key) in marks.iter_mut().zip(run) {
                    *mark = u8::from(key.wrapping_mul(SPREAD).wrapping_add(begin).cast_signed() < end);
                }
            }
            let mut some = 0;
            for (run, marks) in marks.iter().enumerate() {
                marked[some] = run;
                some += usize::from(*marks != [0; RUN]);
            }
            for &run in &marked[..some] {
                let mut bits = u128::from_le_bytes(marks[run]);
                while bits != 0 {
                    let place = run * RUN + bits.trailing_zeros() as usize / 8;
                    chosen[len] = keep(at * BLOCK + place, block[place]);
                    len += 1;
                    bits &= bits - 1;
                }
            }
            if len >= GATHERED {
                each(&chosen[..len]);
                len = 0;
            }
        }
        for (at, &key) in (keys.len() - rest.len()..).zip(rest) {
            chosen[len] = keep(at, key);
            len += usize::from(self.has(key));
        }
        each(&chosen[..len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::mix;

    #[test]
    fn those_of_the_part_are_chosen_in_their_order() {
        let mut state = 3;
        for round in 0..200u32 {
            let mut random = |below: u64| {
                state = mix(state + 1);
                u32::try_from((state >> 20) % below).unwrap()
            };
            // Parts of none, of few, of most and of nearly all, over the end of all hashes too; lengths around those of blocks.
            let len = [0, 1, 42_949_672, 1 << 28, 1 << 31, u32::MAX][random(6) as usize];
            let part = Part { first: random(1 << 32), len };
            let below = if round % 2 == 0 { 500 } else { 1 << 32 };
            let keys: Vec<u32> = (0..random(5000)).map(|_| random(below)).collect();
            let expected: Vec<(usize, u32)> = keys.iter().copied().enumerate().filter(|one| part.has(one.1)).collect();
            let mut found = Vec::new();
            part.choose(&keys, |at, key| (at, key), |some| found.extend_from_slice(some));
            assert_eq!(found, expected, "{part:?}");
        }
    }
}
