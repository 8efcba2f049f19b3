//! Many comparisons in one report: which differences chance alone would not have brought up.

use super::ranks::count;
use super::verdict::{Outcome, Rules};
use crate::order::Order;

/// What a report of many comparisons may call different.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// For each comparison, whether it is among those selected.
    pub selected: Vec<bool>,
    /// For each comparison, the smallest false discovery rate at which it is selected; `None` where it has no p.
    pub adjusted: Vec<Option<f64>>,
    /// Level of the intervals of those selected: at most the asked part of them misses its true value.
    pub confidence: f64,
}

/// Selects p-values so that of those selected at most the part `q` is expected to be chance (Y. Benjamini and
/// Y. Hochberg, 1995); their intervals hold at the level 1 - R q / m for R selected of m (Y. Benjamini and D. Yekutieli,
/// "False Discovery Rate-Adjusted Multiple Confidence Intervals", 2005). Comparisons without a p take no part.
#[must_use]
pub fn benjamini_hochberg(p: &[Option<f64>], q: f64) -> Selection {
    let mut order: Vec<(f64, usize)> = p.iter().enumerate().filter_map(|(i, p)| Some(((*p)?, i))).collect();
    order.retain(|(p, _)| !p.is_nan());
    order.order_by(|a, b| a.0.total_cmp(&b.0));
    let m = count(order.len());
    let mut adjusted = vec![None; p.len()];
    let mut least = 1.0f64;
    for (place, &(p, index)) in order.iter().enumerate().rev() {
        least = least.min(p * m / count(place + 1));
        adjusted[index] = Some(least);
    }
    let selected: Vec<bool> = adjusted.iter().map(|p| p.is_some_and(|p| p <= q)).collect();
    let chosen = selected.iter().filter(|selected| **selected).count();
    Selection { selected, adjusted, confidence: 1.0 - q * count(chosen.max(1)) / m.max(1.0) }
}

/// Judges the comparisons of one report together: those that are selected again, at the level for their intervals, by
/// `again(index, rules)`; of the others none is called slower or faster, and they keep their intervals.
pub fn together(outcomes: &mut [Outcome], rules: &Rules, again: impl Fn(usize, &Rules) -> Outcome) -> Selection {
    let p: Vec<Option<f64>> = outcomes.iter().map(|outcome| outcome.p).collect();
    let selection = benjamini_hochberg(&p, 1.0 - rules.confidence);
    let rules = Rules { confidence: selection.confidence, ..*rules };
    for (index, outcome) in outcomes.iter_mut().enumerate() {
        if selection.selected[index] {
            *outcome = again(index, &rules);
        } else if outcome.p.is_some() {
            *outcome = outcome.unconfirmed();
        }
    }
    selection
}

#[cfg(test)]
mod tests {
    use super::super::{Verdict, paired};
    use super::*;

    #[test]
    fn selects_by_rank_and_leaves_the_rest_undecided() {
        let p = [Some(0.001), Some(0.04), None, Some(0.9), Some(0.02)];
        let selection = benjamini_hochberg(&p, 0.05);
        assert_eq!(selection.selected, [true, false, false, false, true]);
        assert!((selection.confidence - 0.975).abs() < 1e-12);
        assert_eq!(benjamini_hochberg(&[], 0.05).selected, Vec::<bool>::new());
        let none = benjamini_hochberg(&[Some(0.5), Some(f64::NAN)], 0.05);
        assert_eq!((none.selected, none.adjusted), (vec![false; 2], vec![Some(0.5), None]));
    }

    #[test]
    fn one_lucky_benchmark_among_forty_is_not_slower() {
        let rules = Rules::default();
        let base: [f64; 6] = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2];
        let lucky = base.map(|value| value * 1.05 + value.sin() / 10.0);
        let noise = [101.0, 100.0, 100.1, 99.9, 100.4, 99.6];
        let sides: Vec<[f64; 6]> = (0..40).map(|i| if i == 7 { lucky } else { noise }).collect();
        let mut outcomes: Vec<Outcome> = sides.iter().map(|new| paired(&base, new, &rules)).collect();
        assert_eq!(outcomes[7].verdict, Verdict::Slower);
        together(&mut outcomes, &rules, |index, rules| paired(&base, &sides[index], rules));
        assert_eq!(outcomes[7].verdict, Verdict::Inconclusive);
        // The same result in four of five benchmarks is one.
        let mut few: Vec<Outcome> = (0..4).map(|_| paired(&base, &lucky, &rules)).collect();
        let selection = together(&mut few, &rules, |_, rules| paired(&base, &lucky, rules));
        assert!(few.iter().all(|outcome| outcome.verdict == Verdict::Slower), "{few:?} {selection:?}");
    }
}
