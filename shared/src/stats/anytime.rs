//! Runs without a planned end: evidence that holds at every moment, however often it is looked at.
//!
//! The signs of differences are bet on, with J. Jeffreys's mixture over the odds; by J. Ville's inequality the wealth
//! exceeds 1/α with probability at most α at any time, if the differences have median 0 (S. R. Howard and A. Ramdas,
//! "Sequential estimation of quantiles", 2022; A. Ramdas and others, "Game-theoretic statistics", 2023).

use super::Interval;
use super::normal::ln_gamma;
use super::ranks::{count, median};
use super::verdict::{Method, Outcome, Rules, differences, judge, nothing};

/// Pairs as they come, with an outcome that is valid after each.
#[derive(Clone, Debug, PartialEq)]
pub struct Anytime {
    rules: Rules,
    /// Logarithms of new over base, sorted.
    differences: Vec<f64>,
    /// Differences above and below zero.
    above: usize,
    below: usize,
    /// Logarithm of the largest evidence so far.
    evidence: f64,
    /// Order statistic, from 1, that bounds the interval; 0 for none yet.
    rank: usize,
    low: f64,
    high: f64,
    /// A pair had no ratio.
    broken: bool,
}

impl Anytime {
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self {
            rules: *rules,
            differences: Vec::new(),
            above: 0,
            below: 0,
            evidence: 0.0,
            rank: 0,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            broken: false,
        }
    }

    /// Takes the next pair.
    pub fn push(&mut self, base: f64, new: f64) {
        let Some(difference) = differences(&[base], &[new]).map(|of| of[0]) else {
            self.broken = true;
            return;
        };
        let at = self.differences.partition_point(|other| *other < difference);
        self.differences.insert(at, difference);
        self.above += usize::from(difference > 0.0);
        self.below += usize::from(difference < 0.0);
        self.evidence = self.evidence.max(ln_evidence(self.above, self.above + self.below));
        let n = self.differences.len();
        let enough = -(1.0 - self.rules.confidence).ln();
        while 2 * (self.rank + 1) <= n && ln_evidence(self.rank, n) >= enough {
            self.rank += 1;
        }
        if self.rank > 0 {
            let (low, high) = (self.differences[self.rank - 1], self.differences[n - self.rank]);
            // All intervals together hold at the level; where they have nothing in common, the latest still holds.
            let (low, high) = (low.max(self.low), high.min(self.high));
            if low <= high {
                (self.low, self.high) = (low, high);
            }
        }
    }

    /// How many times likelier the signs so far are under a difference than under none, at its largest: 20 and more is as
    /// good as p = 0.05, at any moment.
    #[must_use]
    pub fn evidence(&self) -> f64 {
        self.evidence.exp()
    }

    /// What may be said now. The measurement may stop as soon as the verdict is clear, or go on: both are valid.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let n = self.differences.len();
        if n == 0 || self.broken {
            return nothing(n, &self.rules);
        }
        let value = median(&self.differences).clamp(self.low, self.high);
        let interval = Interval { value, low: self.low, high: self.high };
        let outcome = judge(interval, Method::Signs, n, &self.rules);
        // The formulas for these belong to a test at one moment.
        Outcome { p: Some((-self.evidence).exp().min(1.0)), detectable: None, needed: None, ..outcome }
    }
}

/// Logarithm of 2^n B(k + 1/2, n - k + 1/2) / B(1/2, 1/2), for `k` of `n` signs being plus.
pub(super) fn ln_evidence(k: usize, n: usize) -> f64 {
    let (plus, minus) = (count(k) + 0.5, count(n - k) + 0.5);
    count(n) * std::f64::consts::LN_2 + ln_gamma(plus) + ln_gamma(minus)
        - ln_gamma(count(n) + 1.0)
        - std::f64::consts::PI.ln()
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn evidence_is_that_of_the_formula() {
        // 2^10 B(10.5, 0.5) / B(0.5, 0.5), from scipy.special.betaln.
        assert!((ln_evidence(10, 10).exp() - 180.425_781_25).abs() < 1e-6, "{}", ln_evidence(10, 10).exp());
        assert!((ln_evidence(0, 0)).abs() < 1e-12);
        // Fair bets: the mean over all outcomes of the next n tosses is 1.
        let mean: f64 = (0..=12u32)
            .map(|k| {
                let ways = ln_gamma(13.0) - ln_gamma(f64::from(k) + 1.0) - ln_gamma(f64::from(12 - k) + 1.0);
                (ways - 12.0 * std::f64::consts::LN_2 + ln_evidence(k as usize, 12)).exp()
            })
            .sum();
        assert!((mean - 1.0).abs() < 1e-12, "{mean}");
    }

    #[test]
    fn stops_when_sure_and_its_interval_leaves_out_1_with_its_p() {
        let mut run = Anytime::new(&Rules::default());
        assert_eq!(run.outcome().verdict, Verdict::Inconclusive);
        for i in 0..8u32 {
            run.push(100.0, 105.0 + f64::from(i % 3) / 10.0);
            let outcome = run.outcome();
            let excludes = outcome.ratio.is_some_and(|ratio| ratio.low > 1.0);
            assert_eq!(excludes, run.evidence() >= 20.0, "{i}: {outcome:?}");
            assert_eq!(excludes, outcome.p.is_some_and(|p| p <= 0.05));
        }
        assert_eq!(run.outcome().verdict, Verdict::Slower);
        run.push(100.0, f64::NAN);
        assert_eq!(run.outcome().verdict, Verdict::Inconclusive);
    }
}
