//! One sample of differences: Hodges and Lehmann's estimate, its interval from Walsh averages, and Wilcoxon's signed-rank
//! test (Hollander and Wolfe, "Nonparametric Statistical Methods", 3.1 to 3.3).

use super::ranks::{count, doubled_ranks, kth, rank, sorted};
use super::{Interval, normal};

/// Up to so many differences the distribution of signed ranks is exact; beyond, normal with a correction for continuity.
const EXACT: usize = 25;

/// Median of the Walsh averages of differences, with the interval of Wilcoxon's signed-rank test at `confidence`, in the
/// unit of the differences. `None` for no differences or one that is not finite; the interval is infinite where there are
/// too few for any (fewer than 6 at 95 %). The interval is exact without ties and covers more than asked with them.
/// Takes time in proportion to n ln n.
#[must_use]
pub fn walsh(differences: &[f64], confidence: f64) -> Option<Interval> {
    let n = differences.len();
    if n == 0 || differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let d = sorted(differences);
    let m = n as u64 * (n as u64 + 1) / 2;
    // The sums of two are selected rather than their halves: the same order, one rounding less.
    let at = |k: u64| kth(k, 2.0 * d[0], 2.0 * d[n - 1], |x| sums_at_most(&d, x)) / 2.0;
    let value = f64::midpoint(at((m - 1) / 2), at(m / 2));
    let k = signed_rank(n, 1.0 - confidence);
    let (low, high) = if k == 0 { (f64::NEG_INFINITY, f64::INFINITY) } else { (at(k - 1), at(m - k)) };
    Some(Interval { value, low, high })
}

/// How many sums of two of the sorted numbers, each with itself too, are not above `x`.
fn sums_at_most(d: &[f64], x: f64) -> u64 {
    let (mut found, mut end) = (0, d.len());
    for (i, first) in d.iter().enumerate() {
        while end > i && first + d[end - 1] > x {
            end -= 1;
        }
        if end <= i {
            break;
        }
        found += (end - i) as u64;
    }
    found
}

/// Powers of any exponent would bring tables into the page.
fn power_of_two(n: usize) -> f64 {
    (0..n).fold(1.0, |power, _| power * 2.0)
}

/// Number of the smallest and of the largest Walsh averages, counted from 1, that bound the interval: as many as there are
/// rank sums with a two-sided p below `alpha`; 0 where there is none.
fn signed_rank(n: usize, alpha: f64) -> u64 {
    let size = count(n);
    if n <= EXACT {
        let ranks: Vec<usize> = (1..=n).collect();
        let all = power_of_two(n);
        let mut below = 0.0;
        let sums = subsets(&ranks);
        return sums
            .iter()
            .take_while(|ways| {
                below += **ways;
                2.0 * below / all < alpha
            })
            .count() as u64;
    }
    let half = size * (size + 1.0) / 4.0;
    let sd = (size * (size + 1.0) * (2.0 * size + 1.0) / 24.0).sqrt();
    rank((half - 0.5 + normal::quantile(alpha / 2.0) * sd + 1.0).max(0.0))
}

/// For each sum, from 0 to that of all ranks, how many subsets of the ranks have it.
fn subsets(ranks: &[usize]) -> Vec<f64> {
    let mut ways = vec![0.0; ranks.iter().sum::<usize>() + 1];
    ways[0] = 1.0;
    let mut top = 0;
    for &rank in ranks {
        top += rank;
        for sum in (rank..=top).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    ways
}

/// Two-sided p of Wilcoxon's signed-rank test: how likely so one-sided differences are if each had its sign by a toss.
/// Exact for up to 25 differences, also with ties (mean ranks); zeros take ranks but no side (J. W. Pratt, 1959). `None`
/// without differences or with one that is not finite.
#[must_use]
pub fn signed_rank_p(differences: &[f64]) -> Option<f64> {
    if differences.is_empty() || differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let ranked = doubled_ranks(&sizes).into_iter().zip(differences).filter(|(_, d)| **d != 0.0);
    let (ranks, signs): (Vec<usize>, Vec<bool>) = ranked.map(|(rank, d)| (rank, *d > 0.0)).unzip();
    let all: usize = ranks.iter().sum();
    let up: usize = ranks.iter().zip(signs).filter_map(|(&rank, up)| up.then_some(rank)).sum();
    let less = up.min(all - up);
    if differences.len() <= EXACT {
        let below: f64 = subsets(&ranks)[..=less].iter().sum();
        return Some((2.0 * below / power_of_two(ranks.len())).min(1.0));
    }
    let sd = ranks.iter().map(|&rank| count(rank).powi(2) / 4.0).sum::<f64>().sqrt() / 2.0;
    let off = count(all) / 4.0 - count(less) / 2.0 - 0.5;
    Some(if off <= 0.0 { 1.0 } else { normal::two_sided(off / sd) })
}
