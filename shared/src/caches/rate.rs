//! A hit rate and how sure it is.

use super::real;
use crate::model::CacheSeries;
use crate::stats::Interval;
use serde::Serialize;

/// 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_964;
/// Processes, or moments, below which their spread says nothing.
const LEAST_PARTS: usize = 5;
/// Parts that a series is put into: longer ones depend less on each other.
const PARTS: usize = 30;

/// A hit rate with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub rate: Interval,
    pub by: RateBy,
}

/// How an interval was made. Requests are not independent of each other, so that one from their mere number is too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RateBy {
    /// From the number of requests: right only if calls were independent.
    Independent,
    /// From how parts of the recording differ, by the counters over time.
    Series,
    /// From how processes differ.
    Processes,
    /// From how parts of the recorded keys differ.
    Trace,
}

impl RateBy {
    /// What to put behind an interval.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Independent => "if calls were independent",
            Self::Series => "by parts of the run",
            Self::Processes => "by processes",
            Self::Trace => "by blocks of the trace",
        }
    }
}

/// Hits and requests of each process, and their counters over time.
pub(super) fn rate(processes: &[(u64, u64)], series: &[&CacheSeries]) -> Option<Rate> {
    let hits: u64 = processes.iter().map(|part| part.0).sum();
    let requests: u64 = processes.iter().map(|part| part.1).sum();
    let independent = wilson(hits, requests)?;
    let wider = |parts: &[(u64, u64)]| {
        let spread = spread(parts)?;
        Some(Interval { low: spread.low.min(independent.low), high: spread.high.max(independent.high), ..independent })
    };
    if let Some(rate) = wider(processes) {
        return Some(Rate { rate, by: RateBy::Processes });
    }
    // Of one process only: those of several overlap in time.
    if let [series] = series
        && let Some(rate) = wider(&parts(series))
    {
        return Some(Rate { rate, by: RateBy::Series });
    }
    Some(Rate { rate: independent, by: RateBy::Independent })
}

/// Wilson's score interval (E. B. Wilson 1927, JASA 22:209-212); `None` of nothing.
pub(super) fn wilson(hits: u64, requests: u64) -> Option<Interval> {
    let n = real(requests);
    let p = real(hits) / n;
    if requests == 0 || hits > requests {
        return None;
    }
    let center = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(Interval { value: p, low: (center - half).max(0.0), high: (center + half).min(1.0) })
}

/// Interval of a ratio of sums, from how its parts differ (W. G. Cochran 1977, Sampling Techniques, 6.3).
fn spread(parts: &[(u64, u64)]) -> Option<Interval> {
    let parts: Vec<(f64, f64)> =
        parts.iter().filter(|part| part.1 > 0).map(|&(hits, requests)| (real(hits), real(requests))).collect();
    if parts.len() < LEAST_PARTS {
        return None;
    }
    let (hits, requests) = parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    let p = hits / requests;
    let residuals: f64 = parts.iter().map(|(hits, requests)| (hits - p * requests) * (hits - p * requests)).sum();
    let k = real(parts.len() as u64);
    let half = student(k - 1.0) * (k / (k - 1.0) * residuals).sqrt() / requests;
    Some(Interval { value: p, low: (p - half).max(0.0), high: (p + half).min(1.0) })
}

/// 97.5 % quantile of Student's distribution (Abramowitz and Stegun, 26.7.5): 3 % too small with two degrees of freedom, right
/// to 0.5 % from four on.
pub(super) fn student(freedom: f64) -> f64 {
    Z + (2.372 + (2.822 + 2.556 / freedom) / freedom) / freedom
}

/// Hits and requests of parts of a series, of about equal numbers of readings.
fn parts(series: &CacheSeries) -> Vec<(u64, u64)> {
    let mut sums: Vec<(u64, u64)> = Vec::new();
    for (hits, misses) in series.hits.iter().zip(&series.misses) {
        if let (Some(hits), Some(misses)) = (hits, misses)
            && sums.last().is_none_or(|last| last.0 + last.1 < hits + misses)
        {
            sums.push((*hits, *misses));
        }
    }
    let step = sums.len().div_ceil(PARTS).max(1);
    let mut before = (0, 0);
    let mut parts = Vec::new();
    for chunk in sums.chunks(step) {
        let Some(&last) = chunk.last() else { continue };
        let (hits, misses) = (last.0.saturating_sub(before.0), last.1.saturating_sub(before.1));
        parts.push((hits, hits + misses));
        before = last;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(interval: Interval) -> String {
        format!("{:.3} [{:.3}, {:.3}]", interval.value, interval.low, interval.high)
    }

    #[test]
    fn intervals_are_those_of_the_books() {
        let check = |hits, requests, expect: &str| {
            assert_eq!(wilson(hits, requests).map(text).unwrap_or_default(), expect, "{hits} of {requests}");
        };
        check(1234, 1447, "0.853 [0.834, 0.870]");
        check(19, 100, "0.190 [0.125, 0.278]");
        check(3, 10, "0.300 [0.108, 0.603]");
        check(0, 20, "0.000 [0.000, 0.161]");
        check(0, 0, "");
        check(2, 1, "");
        for (freedom, expect) in [(4.0, 2.776), (9.0, 2.262), (29.0, 2.045), (1e9, 1.960)] {
            assert!((student(freedom) / expect - 1.0).abs() < 0.005, "{freedom}");
        }
    }

    #[test]
    fn parts_of_a_run_that_differ_widen_the_interval() {
        // All hits come in the second half: independent calls would never do that.
        let mut series = CacheSeries::default();
        for moment in 0..=20u64 {
            series.t_ns.push(moment);
            series.hits.push(Some(100 * moment.saturating_sub(10)));
            series.misses.push(Some(100 * moment.min(10)));
        }
        let found = rate(&[(1000, 2000)], &[&series]).unwrap();
        assert_eq!(found.by, RateBy::Series);
        assert!(found.rate.low < 0.3 && found.rate.high > 0.7, "{}", text(found.rate));
        let alone = rate(&[(1000, 2000)], &[]).unwrap();
        assert_eq!((alone.by, text(alone.rate)), (RateBy::Independent, "0.500 [0.478, 0.522]".into()));
        let workers: Vec<(u64, u64)> = (0..6).map(|process| (process * 100, 600)).collect();
        assert_eq!(rate(&workers, &[]).unwrap().by, RateBy::Processes);
    }

    #[test]
    fn a_server_that_was_away_is_no_part() {
        let series = CacheSeries {
            t_ns: vec![0, 1, 2],
            hits: vec![Some(0), None, Some(5)],
            misses: vec![Some(0), None, Some(5)],
            ..Default::default()
        };
        assert_eq!(parts(&series), [(0, 0), (5, 10)]);
    }
}
