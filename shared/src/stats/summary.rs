//! One sample in a few numbers.

use super::normal::ln_gamma;
use super::ranks::{self, count, percentile, sorted};
use serde::Serialize;

/// Values from which on a 95th percentile is more than a guess.
const ENOUGH_FOR_P95: usize = 60;

/// A sample in a few numbers, all in the unit of its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub n: u64,
    pub median: f64,
    /// Interval of the median from order statistics; `None` with too few values (below 6 at 95 %).
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub mean: f64,
    /// With n - 1; `None` of one value.
    pub stddev: Option<f64>,
    pub min: f64,
    pub max: f64,
    /// Median of the distances from the median; not scaled.
    pub mad: f64,
    /// 25th and 75th percentile.
    pub q1: f64,
    pub q3: f64,
    /// 95th percentile; `None` below 60 values.
    pub p95: Option<f64>,
}

impl Summary {
    /// Half the width of the median's interval as a part of the median: its relative precision, if it has one.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        let (low, high) = self.low.zip(self.high)?;
        (self.median > 0.0).then(|| (high - low) / 2.0 / self.median)
    }
}

/// Sums up values; the median's interval is at `confidence`. `None` without values or with one that is not finite.
#[must_use]
pub fn summary(values: &[f64], confidence: f64) -> Option<Summary> {
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let x = sorted(values);
    let n = x.len();
    let middle = ranks::median(&x);
    let mean = x.iter().sum::<f64>() / count(n);
    let squares: f64 = x.iter().map(|value| (value - mean).powi(2)).sum();
    let off: Vec<f64> = x.iter().map(|value| (value - middle).abs()).collect();
    let k = order_statistic(n, 1.0 - confidence);
    Some(Summary {
        n: n as u64,
        median: middle,
        low: k.map(|k| x[k - 1]),
        high: k.map(|k| x[n - k]),
        mean,
        stddev: (n > 1).then(|| (squares / (count(n) - 1.0)).sqrt()),
        min: x[0],
        max: x[n - 1],
        mad: ranks::median(&sorted(&off)),
        q1: percentile(&x, 0.25),
        q3: percentile(&x, 0.75),
        p95: (n >= ENOUGH_FOR_P95).then(|| percentile(&x, 0.95)),
    })
}

/// Median of values in any order; `None` of none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| ranks::median(&sorted(values)))
}

/// Arithmetic mean; `None` of no values.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / count(values.len()))
}

/// The number k, counted from 1, with which the k-th smallest and the k-th largest of `n` values bound their median: the
/// largest with P(Binomial(n, 1/2) < k) not above half of `alpha` (Conover, "Practical Nonparametric Statistics", 3.2).
/// `None` where there is none.
pub(super) fn order_statistic(n: usize, alpha: f64) -> Option<usize> {
    let size = count(n);
    // Further out than this the sum is too small to be seen beside any alpha.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank; as casts saturate")]
    let first = (size / 2.0 - 20.0 * size.sqrt()).max(0.0) as usize;
    let all = ln_gamma(size + 1.0) - size * std::f64::consts::LN_2;
    let mut below = 0.0;
    let k = (first..n)
        .take_while(|&i| {
            below += (all - ln_gamma(count(i) + 1.0) - ln_gamma(count(n - i) + 1.0)).exp();
            below <= alpha / 2.0
        })
        .count();
    (k > 0).then_some(first + k)
}
