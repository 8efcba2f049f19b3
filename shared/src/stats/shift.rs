//! Two groups: Hodges and Lehmann's shift, its interval, and the test of Mann, Whitney and Wilcoxon (Hollander and Wolfe,
//! "Nonparametric Statistical Methods", 4.1 to 4.3).

use super::ranks::{count, doubled_ranks, kth, rank, sorted, ties};
use super::{Interval, normal};
use crate::order::Order;

/// Up to so many pairs of one value of each group the distribution is exact; beyond, normal with corrections for ties and
/// continuity.
const EXACT: usize = 400;

/// Median of all differences new minus base, with the interval of Mann and Whitney's test at `confidence`. `None` where a
/// group is empty or a value is not finite; the interval is infinite where there are too few values for any (fewer than 4
/// and 4 at 95 %). Takes time in proportion to n ln n.
#[must_use]
pub fn shift(base: &[f64], new: &[f64], confidence: f64) -> Option<Interval> {
    if base.is_empty() || new.is_empty() || base.iter().chain(new).any(|x| !x.is_finite()) {
        return None;
    }
    let (a, b) = (sorted(base), sorted(new));
    let m = a.len() as u64 * b.len() as u64;
    let (least, most) = (b[0] - a[a.len() - 1], b[b.len() - 1] - a[0]);
    let at = |k: u64| kth(k, least, most, |x| differences_at_most(&a, &b, x));
    let value = f64::midpoint(at((m - 1) / 2), at(m / 2));
    let k = rank_sum(&a, &b, 1.0 - confidence);
    let (low, high) = if k == 0 { (f64::NEG_INFINITY, f64::INFINITY) } else { (at(k - 1), at(m - k)) };
    Some(Interval { value, low, high })
}

/// How many differences between sorted numbers of the second and the first group are not above `x`.
fn differences_at_most(a: &[f64], b: &[f64], x: f64) -> u64 {
    let (mut found, mut end) = (0, 0);
    for first in a {
        while end < b.len() && b[end] - first <= x {
            end += 1;
        }
        found += end as u64;
    }
    found
}

/// Number of the smallest and of the largest differences, counted from 1, that bound the interval; 0 where there is none.
fn rank_sum(a: &[f64], b: &[f64], alpha: f64) -> u64 {
    let pairs = count(a.len()) * count(b.len());
    if a.len() * b.len() <= EXACT {
        let ways = counts(a.len(), b.len());
        let all: f64 = ways.iter().sum();
        let mut below = 0.0;
        return ways
            .iter()
            .take_while(|ways| {
                below += **ways;
                2.0 * below / all < alpha
            })
            .count() as u64;
    }
    rank((pairs / 2.0 - 0.5 + normal::quantile(alpha / 2.0) * deviation(a, b) + 1.0).max(0.0))
}

/// Standard deviation of the number of pairs with the higher value in the second group, if there is no difference.
fn deviation(a: &[f64], b: &[f64]) -> f64 {
    let pooled = sorted(&[a, b].concat());
    let n = count(pooled.len());
    (count(a.len()) * count(b.len()) / 12.0 * (n + 1.0 - ties(&pooled) / (n * (n - 1.0)))).max(0.0).sqrt()
}

/// For each number of pairs with the higher value in the second group, in how many orders of all values it happens: the
/// coefficients of the Gaussian binomial.
fn counts(n: usize, m: usize) -> Vec<f64> {
    let mut ways = vec![0.0; n * m + 1];
    ways[0] = 1.0;
    for i in 1..=n {
        for sum in (m + i..ways.len()).rev() {
            ways[sum] -= ways[sum - m - i];
        }
        for sum in i..ways.len() {
            ways[sum] += ways[sum - i];
        }
    }
    ways
}

/// Two-sided p of Mann and Whitney's test: how likely so uneven groups are if values had come into them by chance. Exact,
/// also with ties (mean ranks), where the product of the sizes is at most 400. `None` where a group is empty or a value is
/// not finite.
#[must_use]
pub fn rank_sum_p(base: &[f64], new: &[f64]) -> Option<f64> {
    if base.is_empty() || new.is_empty() || base.iter().chain(new).any(|x| !x.is_finite()) {
        return None;
    }
    let (few, many) = if base.len() <= new.len() { (base, new) } else { (new, base) };
    let ranks = doubled_ranks(&[few, many].concat());
    let sum: usize = ranks[..few.len()].iter().sum();
    // Twice the number of pairs in which the smaller group has the higher value.
    let (n, m) = (few.len(), many.len());
    let higher = sum - n * (n + 1);
    if n * m <= EXACT {
        // With ties the two tails differ.
        let ways = subsets_of(n, &ranks);
        let all: f64 = ways.iter().sum();
        let (below, above): (f64, f64) = (ways[..=sum].iter().sum(), ways[sum..].iter().sum());
        return Some((2.0 * below.min(above) / all).min(1.0));
    }
    let less = higher.min(2 * n * m - higher);
    let off = count(n) * count(m) / 2.0 - count(less) / 2.0 - 0.5;
    Some(if off <= 0.0 { 1.0 } else { normal::two_sided(off / deviation(base, new)) })
}

/// For each sum, how many subsets of `size` of the ranks have it.
fn subsets_of(size: usize, ranks: &[usize]) -> Vec<f64> {
    let most = sorted_sum(size, ranks);
    let mut ways = vec![vec![0.0; most + 1]; size + 1];
    ways[0][0] = 1.0;
    for &rank in ranks {
        for taken in (1..=size).rev() {
            let (fewer, more) = ways.split_at_mut(taken);
            let (from, to) = (&fewer[taken - 1], &mut more[0]);
            for sum in rank..=most {
                to[sum] += from[sum - rank];
            }
        }
    }
    ways.swap_remove(size)
}

/// The largest sum of `size` of the ranks.
fn sorted_sum(size: usize, ranks: &[usize]) -> usize {
    let mut ranks = ranks.to_vec();
    ranks.order();
    ranks.iter().rev().take(size).sum()
}

/// Whether so many values a side could show a difference at all at this `alpha`.
pub(super) fn enough(n: usize, m: usize, alpha: f64) -> bool {
    if n == 0 || m == 0 {
        return false;
    }
    // 2 / C(n + m, n), the smallest p that there is.
    let few = n.min(m);
    let ways = (1..=few).map(|i| (count(n + m - few) + count(i)) / count(i));
    2.0 / ways.product::<f64>() < alpha
}
