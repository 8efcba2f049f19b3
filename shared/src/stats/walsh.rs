//! Hodges and Lehmann's estimate and its interval from Walsh averages (Hollander and Wolfe, "Nonparametric Statistical
//! Methods", 3.2 and 3.3).

use super::normal;

/// An estimate and the interval around it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Median of the Walsh averages of differences, with the interval of Wilcoxon's signed-rank test at `confidence`.
/// `None` for no differences; the interval is infinite where there are too few for any.
#[must_use]
pub fn walsh(differences: &[f64], confidence: f64) -> Option<Interval> {
    let n = differences.len();
    if n == 0 {
        return None;
    }
    let mut averages: Vec<f64> =
        (0..n).flat_map(|i| (i..n).map(move |j| f64::midpoint(differences[i], differences[j]))).collect();
    averages.sort_unstable_by(f64::total_cmp);
    let m = averages.len();
    let value = f64::midpoint(averages[(m - 1) / 2], averages[m / 2]);
    let (n, half) = (count(n), count(m) / 2.0);
    let z = -normal::quantile((1.0 - confidence) / 2.0);
    let rank = half - 0.5 - z * (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
    if rank < 0.0 {
        return Some(Interval { value, low: f64::NEG_INFINITY, high: f64::INFINITY });
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank among the averages")]
    let k = rank as usize;
    Some(Interval { value, low: averages[k], high: averages[m - 1 - k] })
}

/// A number of values as a float.
#[expect(clippy::cast_precision_loss, reason = "no sample has 2^53 values")]
pub(super) fn count(n: usize) -> f64 {
    n as f64
}
