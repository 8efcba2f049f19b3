//! The order of runs.

use super::record::Asked;
use fastrand::Rng;

/// Blocks in which each benchmark runs once. Two take turns by a coin; more follow random cyclic Latin squares, so that
/// in as many blocks as there are benchmarks each has every place once.
#[derive(Debug)]
pub struct Schedule {
    random: Rng,
    benchmarks: usize,
    /// Order and shifts of the square that is under way.
    order: Vec<usize>,
    shifts: Vec<usize>,
    next_block: u32,
}

impl Schedule {
    #[must_use]
    pub fn new(benchmarks: usize, seed: u64) -> Self {
        let random = Rng::with_seed(seed);
        Self { random, benchmarks, order: (0..benchmarks).collect(), shifts: Vec::new(), next_block: 1 }
    }

    /// The next block's runs; blocks count from 1.
    pub fn block(&mut self) -> Vec<Asked> {
        let block = self.next_block;
        self.next_block += 1;
        if self.benchmarks == 2 {
            // A coin for each block: its order tells nothing of the next one's.
            let first = u32::from(self.random.bool());
            return [first, 1 - first].map(|benchmark| Asked { benchmark, block }).into();
        }
        let shift = self.shifts.pop().unwrap_or_else(|| {
            self.random.shuffle(&mut self.order);
            self.shifts = (0..self.benchmarks).collect();
            self.random.shuffle(&mut self.shifts);
            self.shifts.pop().unwrap_or(0)
        });
        let places = (0..self.benchmarks).map(|place| self.order[(place + shift) % self.benchmarks]);
        places.map(|benchmark| Asked { benchmark: u32::try_from(benchmark).unwrap_or(u32::MAX), block }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(benchmarks: usize, seed: u64, count: usize) -> Vec<Vec<u32>> {
        let mut schedule = Schedule::new(benchmarks, seed);
        let orders = (1..).take(count).map(|number| {
            let block = schedule.block();
            assert!(block.iter().all(|run| run.block == number));
            block.iter().map(|run| run.benchmark).collect()
        });
        orders.collect()
    }

    #[test]
    fn each_block_holds_every_benchmark_once_in_any_order() {
        for benchmarks in [1, 2, 3, 7] {
            for block in blocks(benchmarks, 5, 50) {
                let mut sorted = block.clone();
                sorted.sort_unstable();
                assert!(sorted.iter().copied().eq(0..u32::try_from(benchmarks).unwrap()), "{block:?}");
            }
        }
    }

    #[test]
    fn either_of_two_begins_about_as_often() {
        let first = blocks(2, 1, 1000).iter().filter(|block| block[0] == 0).count();
        assert!((440..560).contains(&first), "{first} of 1000: 4 standard deviations are 63");
    }

    #[test]
    fn in_a_square_each_has_every_place_once() {
        for square in blocks(5, 3, 40).chunks(5) {
            for place in 0..5 {
                let mut there: Vec<u32> = square.iter().map(|block| block[place]).collect();
                there.sort_unstable();
                assert_eq!(there, [0, 1, 2, 3, 4]);
            }
        }
        assert_ne!(blocks(5, 3, 5), blocks(5, 3, 10)[5..]);
    }

    #[test]
    fn a_seed_tells_the_order() {
        assert_eq!(blocks(3, 9, 20), blocks(3, 9, 20));
        assert_ne!(blocks(3, 9, 20), blocks(3, 10, 20));
    }
}
