//! W-TinyLFU (Einziger et al., ACM TOS 2017): a small LRU window before a segmented LRU that lets in only what is used more
//! often than what it would push out.
//!
//! As in Caffeine the window is 1 %, four fifths of the rest are protected, counts end at 15 and are halved after ten uses
//! for each entry. Other than there, counts are exact (keys are dense, so no sketch must stand for them), the window does not
//! adapt, and a tie is never broken at random.

use super::{Rules, share};
use crate::lists::Lists;

const WINDOW: u8 = 1;
const PROBATION: u8 = 2;
const PROTECTED: u8 = 3;
const MOST: u32 = 15;

pub(crate) struct WTinyLfu {
    room: u64,
    window: u64,
    protected: u64,
    /// Uses of each key, at most `MOST`, and the era in which that was true: they halve with each era since.
    uses: Vec<(u32, u32)>,
    era: u32,
    added: u64,
}

fn used(lists: &Lists) -> u64 {
    lists.weight(WINDOW) + lists.weight(PROBATION) + lists.weight(PROTECTED)
}

impl WTinyLfu {
    pub(crate) fn new(room: u64) -> Self {
        let window = share(room, 0.01).max(1).min(room);
        Self { room, window, protected: share(room - window, 0.8), uses: Vec::new(), era: 0, added: 0 }
    }

    fn uses(&self, key: u32) -> u32 {
        self.uses.get(key as usize).map_or(0, |&(uses, era)| uses.checked_shr(self.era - era).unwrap_or(0))
    }

    fn count(&mut self, lists: &Lists, key: u32) {
        let uses = self.uses(key);
        if key as usize >= self.uses.len() {
            self.uses.resize(key as usize + 1, (0, 0));
        }
        self.uses[key as usize] = ((uses + 1).min(MOST), self.era);
        self.added += 1;
        // Halved after ten uses for each entry of a full cache; one that is not full yet has nothing to choose.
        let entries = lists.len(WINDOW) + lists.len(PROBATION) + lists.len(PROTECTED);
        if used(lists) * 2 > self.room && self.added >= u64::from(entries) * 10 {
            self.era += 1;
            self.added /= 2;
        }
    }

    /// Makes room: what leaves the window must be used more often than the oldest of the main part to stay.
    fn settle(&mut self, lists: &mut Lists) {
        while lists.weight(WINDOW) > self.window
            && let Some(candidate) = lists.back(WINDOW)
        {
            lists.shift(candidate, PROBATION);
            while used(lists) > self.room {
                let victim = lists.back(PROBATION).filter(|&victim| victim != candidate).or(lists.back(PROTECTED));
                match victim {
                    Some(victim) if self.uses(candidate) > self.uses(victim) => lists.unlink(victim),
                    _ => {
                        lists.unlink(candidate);
                        break;
                    }
                }
            }
        }
        while used(lists) > self.room
            && let Some(oldest) = [PROBATION, PROTECTED, WINDOW].into_iter().find_map(|queue| lists.back(queue))
        {
            lists.unlink(oldest);
        }
    }
}

impl Rules for WTinyLfu {
    fn hit(&mut self, lists: &mut Lists, key: u32) {
        self.count(lists, key);
        if lists.queue(key) != PROBATION {
            lists.refresh(key);
            return;
        }
        lists.shift(key, PROTECTED);
        while lists.weight(PROTECTED) > self.protected
            && let Some(oldest) = lists.back(PROTECTED)
        {
            lists.shift(oldest, PROBATION);
        }
    }

    fn insert(&mut self, lists: &mut Lists, key: u32, weight: u32) {
        self.count(lists, key);
        lists.push_front(WINDOW, key, weight);
        self.settle(lists);
    }

    fn memory(&self) -> usize {
        self.uses.capacity() * size_of::<(u32, u32)>()
    }
}
