//! The moments at which a sampler that looks from outside samples.

use std::time::{Duration, Instant};

/// When to sample next: the asked rate, with moments drawn around it so that a program that works in a rhythm of its
/// own is not met at the same beat each time, and slower where it would cost too much.
pub(super) struct Pace {
    period: Duration,
    /// Sampling may take one part in so many of a processor.
    budget: u32,
    due: Instant,
    /// What sampling takes, smoothed.
    cost: Duration,
    random: u64,
}

impl Pace {
    /// The asked period; sampling may take one part in `budget` of a processor. Samplers draw by their own `seed`.
    pub(super) fn new(period: Duration, budget: u32, seed: u32) -> Self {
        let random = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { period, budget, due: Instant::now(), cost: Duration::ZERO, random }
    }

    /// What sampling took this time.
    pub(super) fn took(&mut self, time: Duration) {
        self.cost = if self.cost.is_zero() { time } else { (self.cost * 7 + time) / 8 };
    }

    /// The next moment, and how many the asked rate would have had up to it. `sharing` samplers have the
    /// budget together.
    pub(super) fn next(&mut self, sharing: u64) -> (Instant, u64) {
        let now = Instant::now();
        let sharing = u32::try_from(sharing.max(1)).unwrap_or(u32::MAX);
        let affordable = self.cost.saturating_mul(self.budget).saturating_mul(sharing);
        let steps = affordable.as_nanos() / self.period.as_nanos().max(1) + 1;
        let late = now.saturating_duration_since(self.due).as_nanos() / self.period.as_nanos().max(1);
        let passed = u32::try_from(steps.saturating_add(late)).unwrap_or(u32::MAX);
        self.due += self.period.saturating_mul(passed);
        // Within 30 % of a period of the even beat (xorshift64*, Vigna 2016).
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let draw = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 48;
        let shift = self.period.mul_f64(0.6 * f64::from(u16::try_from(draw).unwrap_or(0)) / 65_536.0);
        let moment = (self.due + shift).checked_sub(self.period.mul_f64(0.3)).unwrap_or(self.due);
        (moment, u64::from(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_the_asked_rate_without_its_beat() {
        let period = Duration::from_millis(10);
        let mut pace = Pace::new(period, 5, 7);
        let start = pace.due;
        let mut passed = 0;
        let mut moments = Vec::new();
        for _ in 0..1_000 {
            let (moment, steps) = pace.next(1);
            passed += steps;
            moments.push(moment.saturating_duration_since(start).as_secs_f64());
        }
        assert!(passed >= 1_000);
        let gaps: Vec<_> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / 999.0;
        assert!((mean - 0.01).abs() < 0.001, "{mean}");
        assert!(gaps.iter().any(|gap| *gap < 0.007) && gaps.iter().any(|gap| *gap > 0.013));
    }

    #[test]
    fn a_dear_read_lowers_the_rate() {
        let mut pace = Pace::new(Duration::from_millis(10), 5, 7);
        pace.took(Duration::from_millis(8));
        assert_eq!(pace.next(1).1, 5);
        assert_eq!(pace.next(2).1, 9);
    }
}
