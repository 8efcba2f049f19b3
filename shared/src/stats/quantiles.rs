//! Intervals of one sample: of a quantile and of the mean.

use super::ranks::count;
use super::{mean, normal};

/// Interval of the `q`-quantile at `confidence` from order statistics, without any assumption on the distribution (Conover,
/// "Practical Nonparametric Statistics", 3rd edition, 3.2): each tail has at most half of what is left. A side that so few values
/// do not bound is `None`. `sorted` ascends; `None` for no values.
#[must_use]
pub fn quantile_interval(sorted: &[f64], q: f64, confidence: f64) -> Option<(Option<f64>, Option<f64>)> {
    let n = sorted.len();
    if n == 0 || q <= 0.0 || q >= 1.0 {
        return None;
    }
    let tail = (1.0 - confidence) / 2.0;
    let cumulative = binomial_cumulative(n, q);
    // x_(l) with the largest l whose P(X < l) is at most the tail, x_(u) with the smallest u whose P(X >= u) is.
    let low = (1..=n).rev().find(|&rank| cumulative[rank - 1] <= tail);
    let high = (1..=n).find(|&rank| 1.0 - cumulative[rank - 1] <= tail);
    Some((low.map(|rank| sorted[rank - 1]), high.map(|rank| sorted[rank - 1])))
}

/// P(X <= k) for k in 0..=n, X binomial.
fn binomial_cumulative(n: usize, q: f64) -> Vec<f64> {
    let mut log_choose = 0.0;
    let mut sum = 0.0;
    let mut cumulative = Vec::with_capacity(n + 1);
    for k in 0..=n {
        if k > 0 {
            log_choose += (count(n - k + 1) / count(k)).ln();
        }
        sum += (log_choose + count(k) * q.ln() + count(n - k) * (1.0 - q).ln()).exp();
        cumulative.push(sum);
    }
    cumulative
}

/// Values from which on the `q`-quantile is bounded from above, and from below.
#[must_use]
pub fn values_needed(q: f64, confidence: f64) -> (u64, u64) {
    let tail = (1.0 - confidence) / 2.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number; saturates")]
    let needed = |part: f64| (tail.ln() / part.ln()).ceil() as u64;
    (needed(q), needed(1.0 - q))
}

/// Student's interval of the mean; `None` for fewer than six values, of which nobody can tell how they are spread.
#[must_use]
pub fn mean_interval(values: &[f64], confidence: f64) -> Option<(f64, f64)> {
    let mean = mean(values)?;
    if values.len() < 6 {
        return None;
    }
    let n = count(values.len());
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = student_quantile(1.0 - (1.0 - confidence) / 2.0, n - 1.0) * (variance / n).sqrt();
    Some((mean - half, mean + half))
}

/// Quantile of Student's distribution from that of the normal one (Abramowitz and Stegun, 26.7.5, to the fourth term): right to
/// 0.1 % from five degrees of freedom on at 95 %.
fn student_quantile(p: f64, freedom: f64) -> f64 {
    let x = normal::quantile(p);
    let terms = [
        (x.powi(3) + x) / 4.0,
        (5.0 * x.powi(5) + 16.0 * x.powi(3) + 3.0 * x) / 96.0,
        (3.0 * x.powi(7) + 19.0 * x.powi(5) + 17.0 * x.powi(3) - 15.0 * x) / 384.0,
        (79.0 * x.powi(9) + 776.0 * x.powi(7) + 1482.0 * x.powi(5) - 1920.0 * x.powi(3) - 945.0 * x) / 92160.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) / freedom) + x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(n: u32, q: f64) -> (Option<f64>, Option<f64>) {
        let values: Vec<f64> = (1..=n).map(f64::from).collect();
        quantile_interval(&values, q, 0.95).unwrap()
    }

    /// Ranks of R's `qbinom`-based tables in Conover, and of `scipy.stats.quantile_test(...).confidence_interval()`.
    #[test]
    fn ranks_are_those_of_the_binomial_distribution() {
        assert_eq!(ranks(5, 0.5), (None, None));
        assert_eq!(ranks(6, 0.5), (Some(1.0), Some(6.0)));
        assert_eq!(ranks(10, 0.5), (Some(2.0), Some(9.0)));
        assert_eq!(ranks(100, 0.5), (Some(40.0), Some(61.0)));
        assert_eq!(ranks(20, 0.99), (Some(19.0), None));
        assert_eq!(ranks(71, 0.95).1, None);
        assert_eq!(ranks(72, 0.95).1, Some(72.0));
    }

    #[test]
    fn numbers_of_runs_that_bound_a_percentile() {
        assert_eq!(values_needed(0.95, 0.95).0, 72);
        assert_eq!(values_needed(0.99, 0.95).0, 368);
        assert_eq!(values_needed(0.5, 0.95), (6, 6));
    }

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (freedom, expect) in [(5.0, 2.5706), (9.0, 2.2622), (29.0, 2.0452), (1e6, 1.95997)] {
            assert!((student_quantile(0.975, freedom) / expect - 1.0).abs() < 1e-3, "{freedom}");
        }
    }
}
