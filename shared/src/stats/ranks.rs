//! Order and ranks of numbers, and the selection of one among very many without writing them down.

use crate::order::Order;

/// A number of values as a float.
#[expect(clippy::cast_precision_loss, reason = "no sample has 2^53 values")]
pub(super) fn count(n: usize) -> f64 {
    n as f64
}

/// A rank that a formula gave, counted from 1: 0 where it is below 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as casts saturate, and ranks are small")]
pub(super) fn rank(of: f64) -> u64 {
    of.floor() as u64
}

/// Equal as numbers; finite numbers only.
pub(super) fn equal(a: f64, b: f64) -> bool {
    a - b == 0.0
}

/// Sorted from the smallest.
pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.order_by(f64::total_cmp);
    values
}

/// Median of sorted values; NaN of none.
pub(super) fn median(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    if n == 0 { f64::NAN } else { f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]) }
}

/// Between the two nearest of sorted values, in proportion (type 7 of Hyndman and Fan, the usual one). `part` is 0 to 1; there
/// must be a value.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
#[must_use]
pub fn percentile(sorted: &[f64], part: f64) -> f64 {
    let at = part * count(sorted.len() - 1);
    let index = at.floor() as usize;
    let (low, high) = (sorted[index], sorted[(index + 1).min(sorted.len() - 1)]);
    low + (high - low) * at.fract()
}

/// Twice the mean rank of each value, counted from 1: whole numbers, also with ties.
pub(super) fn doubled_ranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.order_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut start = 0;
    for group in order.chunk_by(|&a, &b| equal(values[a], values[b])) {
        let end = start + group.len();
        for &index in group {
            ranks[index] = start + 1 + end;
        }
        start = end;
    }
    ranks
}

/// Sum of t³ - t over groups of `t` equal values.
pub(super) fn ties(sorted: &[f64]) -> f64 {
    let groups = sorted.chunk_by(|a, b| equal(*a, *b)).map(|group| count(group.len()));
    groups.map(|t| t * t * t - t).sum()
}

/// The `k`-th smallest, from 0, of numbers of which nothing but `at_most(x)`, how many are not above `x`, is known. Bisects
/// the representable numbers between `low` and `high` (which must hold all of them), so that the answer is one of the
/// numbers exactly, after at most 64 countings.
pub(super) fn kth(k: u64, low: f64, high: f64, at_most: impl Fn(f64) -> u64) -> f64 {
    let (mut low, mut high) = (key(low), key(high));
    while low < high {
        let middle = low + (high - low) / 2;
        if at_most(value(middle)) > k { high = middle } else { low = middle + 1 }
    }
    value(low) + 0.0 // -0 becomes 0
}

/// Numbers that are ordered as the floats are.
fn key(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn value(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}
