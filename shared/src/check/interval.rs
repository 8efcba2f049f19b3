//! Intervals of one sample: of a quantile and of the mean.

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
    #[expect(clippy::cast_precision_loss, reason = "no sample has 2^53 values")]
    let float = |value: usize| value as f64;
    let mut log_choose = 0.0;
    let mut sum = 0.0;
    let mut cumulative = Vec::with_capacity(n + 1);
    for k in 0..=n {
        if k > 0 {
            log_choose += (float(n - k + 1) / float(k)).ln();
        }
        sum += (log_choose + float(k) * q.ln() + float(n - k) * (1.0 - q).ln()).exp();
        cumulative.push(sum);
    }
    cumulative
}
