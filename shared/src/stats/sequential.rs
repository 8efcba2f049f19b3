//! Runs until the answer is clear: group-sequential looks with a level for each, so that looking often does not find
//! differences that are none.
//!
//! The levels are spent as K. K. G. Lan and D. L. `DeMets` (1983) proposed for S. J. Pocock's bounds: by the part t of all
//! pairs, α ln(1 + (e - 1) t) is spent, and each look tests at what was added since the look before. The sum of all is α:
//! by the union bound it holds for any test and any dependence between looks.

use super::ranks::count;
use super::summary::{Summary, summary};
use super::verdict::{Outcome, Rules, Verdict, paired};
use std::f64::consts::E;

/// Pairs (or runs of one benchmark) at the first look; each next look has twice as many.
const FIRST: usize = 10;
/// Pairs at the last look, where nothing else is asked for.
pub const MOST: usize = 320;

/// The plan of a measurement that stops when its answer is clear.
///
/// Measure [`first`](Self::first) pairs, ask, and go on until the number in [`Decision::Go`], until it says
/// [`Decision::Stop`]. Where the measurement has to end before (a limit of time, `^C`), judge what there is by the rules
/// of [`closing`](Self::closing).
#[derive(Clone, Debug, PartialEq)]
pub struct Sequential {
    rules: Rules,
    /// Pairs at each look, and the level that it spends.
    looks: Vec<(usize, f64)>,
}

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision<T> {
    /// Enough: the answer is clear, or this was the last look. Its interval is valid as it stands.
    Stop(T),
    /// Not clear: measure until there are so many pairs (or runs) altogether. `now` is what the latest look said, if one
    /// was due: as valid as the one that stops.
    Go { until: usize, now: Option<T> },
}

impl Sequential {
    /// A plan for at most `most` pairs: looks at 10, 20, 40, … and at `most`. All verdicts together are at the confidence
    /// of the rules; for several new sides use [`Rules::among`].
    #[must_use]
    pub fn new(rules: &Rules, most: usize) -> Self {
        let mut sizes: Vec<usize> =
            std::iter::successors(Some(FIRST), |size| size.checked_mul(2)).take_while(|size| *size < most).collect();
        sizes.push(most.max(1));
        let spent = |pairs: usize| (1.0 - rules.confidence) * ((E - 1.0) * count(pairs) / count(most.max(1))).ln_1p();
        let mut before = 0.0;
        let looks = sizes.into_iter().map(|size| {
            let level = spent(size) - before;
            before = spent(size);
            (size, level)
        });
        Self { rules: *rules, looks: looks.collect() }
    }

    /// Pairs before the first look.
    #[must_use]
    pub fn first(&self) -> usize {
        self.looks[0].0
    }

    /// Pairs at the last look.
    #[must_use]
    pub fn most(&self) -> usize {
        self.looks[self.looks.len() - 1].0
    }

    /// Pairs at the first look that comes after so many; at the last look where none does.
    #[must_use]
    pub fn next(&self, pairs: usize) -> usize {
        self.looks.iter().map(|(size, _)| *size).find(|&size| size > pairs).unwrap_or(self.most())
    }

    /// Whether so many pairs are looked at.
    #[must_use]
    pub fn is_due(&self, pairs: usize) -> bool {
        self.looks.iter().any(|(size, _)| *size == pairs)
    }

    /// The rules of the latest look that so many pairs allow; of the first before it.
    #[must_use]
    pub fn rules(&self, pairs: usize) -> Rules {
        let (_, level) = self.looks.iter().rfind(|(size, _)| *size <= pairs).unwrap_or(&self.looks[0]);
        Rules { confidence: 1.0 - level, ..self.rules }
    }

    /// Judges pairs measured so far: stops when they are slower, faster or the same, or at the last look. Pairs beyond the
    /// latest look wait for the next.
    #[must_use]
    pub fn paired(&self, base: &[f64], new: &[f64]) -> Decision<Outcome> {
        self.look(base.len().min(new.len()), |pairs, rules| {
            let outcome = paired(&base[..pairs], &new[..pairs], rules);
            let clear = outcome.verdict != Verdict::Inconclusive;
            (outcome, clear)
        })
    }

    /// Judges the runs of one benchmark alone: stops when half the width of its median's interval is at most `precision`
    /// of the median (0.01 for 1 %), or at the last look. `None` inside where values are not finite.
    #[must_use]
    pub fn alone(&self, values: &[f64], precision: f64) -> Decision<Option<Summary>> {
        self.look(values.len(), |runs, rules| {
            let summary = summary(&values[..runs], rules.confidence);
            let clear = summary.and_then(|summary| summary.precision()).is_some_and(|reached| reached <= precision);
            (summary, clear)
        })
    }

    /// The rules for the last judgement, where no more than these `pairs` will come: at the confidence that the looks
    /// before have left. The end must not have been chosen by what the looks said.
    #[must_use]
    pub fn closing(&self, pairs: usize) -> Rules {
        let before: f64 = self.looks.iter().filter(|(size, _)| *size < pairs).map(|(_, level)| level).sum();
        let left = 1.0 - self.rules.confidence - before;
        let last = self.looks[self.looks.len() - 1].1;
        Rules { confidence: 1.0 - if left > 0.0 { left } else { last }, ..self.rules }
    }

    fn look<T>(&self, have: usize, judge: impl Fn(usize, &Rules) -> (T, bool)) -> Decision<T> {
        let due = self.looks.iter().rposition(|(size, _)| *size <= have);
        let Some(index) = due else { return Decision::Go { until: self.first(), now: None } };
        let (size, level) = self.looks[index];
        let (now, clear) = judge(size, &Rules { confidence: 1.0 - level, ..self.rules });
        match self.looks.get(index + 1) {
            Some(&(until, _)) if !clear => Decision::Go { until, now: Some(now) },
            _ => Decision::Stop(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(level: f64, noise: f64, n: u32) -> Vec<f64> {
        (0..n).map(|i| level * (1.0 + noise * (f64::from(i * 7919 % 101) / 101.0 - 0.5))).collect()
    }

    #[test]
    fn levels_add_up_to_what_the_rules_allow() {
        for most in [1, 5, 10, 11, 40, 100, 320, 5000] {
            let plan = Sequential::new(&Rules::default(), most);
            let all: f64 = plan.looks.iter().map(|(_, level)| level).sum();
            assert!((all - 0.05).abs() < 1e-12, "{most}: {all}");
            assert!(plan.looks.is_sorted_by(|a, b| a.0 < b.0), "{plan:?}");
            assert_eq!(plan.most(), most);
        }
        let sizes: Vec<usize> = Sequential::new(&Rules::default(), MOST).looks.iter().map(|look| look.0).collect();
        assert_eq!(sizes, [10, 20, 40, 80, 160, 320]);
    }

    #[test]
    fn goes_on_until_the_answer_is_clear() {
        let plan = Sequential::new(&Rules::default(), MOST);
        let (base, new) = (series(100.0, 0.02, 320), series(105.0, 0.03, 320));
        assert_eq!(plan.paired(&base[..9], &new[..9]), Decision::Go { until: 10, now: None });
        let Decision::Stop(outcome) = plan.paired(&base[..10], &new[..10]) else { panic!("5 % is clear at once") };
        assert_eq!((outcome.verdict, outcome.runs), (Verdict::Slower, 10));
        let (noisy, same) = (series(100.0, 0.9, 320), series(102.0, 0.9, 320).into_iter().rev().collect::<Vec<_>>());
        let Decision::Go { until, now } = plan.paired(&noisy[..25], &same[..25]) else { panic!("too early") };
        assert_eq!((until, now.map(|outcome| outcome.runs)), (40, Some(20)));
        assert!(matches!(plan.paired(&noisy, &same), Decision::Stop(outcome) if outcome.runs == 320));
    }

    #[test]
    fn one_benchmark_stops_at_the_wanted_precision() {
        let plan = Sequential::new(&Rules::default(), 80);
        let values = series(100.0, 0.2, 80);
        assert!(matches!(plan.alone(&values[..10], 0.01), Decision::Go { until: 20, .. }));
        let Decision::Stop(Some(summary)) = plan.alone(&values, 0.03) else {
            panic!("{:?}", plan.alone(&values, 0.03))
        };
        assert!(summary.precision().is_some_and(|precision| precision <= 0.03), "{summary:?}");
        assert!(matches!(plan.alone(&[7.0; 10], 0.01), Decision::Stop(Some(_))));
    }

    #[test]
    fn an_early_end_spends_what_is_left() {
        let plan = Sequential::new(&Rules::default(), 320);
        assert!((plan.closing(7).confidence - 0.95).abs() < 1e-12);
        let spent: f64 = plan.looks[..2].iter().map(|look| look.1).sum();
        assert!((plan.closing(33).confidence - (0.95 + spent)).abs() < 1e-12);
    }
}
