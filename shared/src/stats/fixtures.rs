//! Our numbers against scipy's, and against definitions by brute force: `tests/data/stats/make.py` made the files.

use super::anytime::ln_evidence;
use super::normal::{cdf, ln_gamma, quantile};
use super::summary::order_statistic;
use super::warnings::spearman;
use super::{Interval, benjamini_hochberg, rank_sum_p, shift, signed_rank_p, summary, walsh};
use serde::Deserialize;

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("../../../tests/data/stats/", $name, ".json")))
            .expect("the file is as make.py writes it")
    };
}

/// Fails unless two numbers differ by less than a part of them.
#[track_caller]
fn near(ours: f64, theirs: f64, part: f64) {
    assert!((ours - theirs).abs() <= part * theirs.abs().max(1e-300), "ours {ours:e}, theirs {theirs:e}");
}

#[track_caller]
fn near_option(ours: Option<f64>, theirs: Option<f64>) {
    assert_eq!(ours.is_some(), theirs.is_some(), "ours {ours:?}, theirs {theirs:?}");
    near(ours.unwrap_or_default(), theirs.unwrap_or_default(), 1e-12);
}

#[derive(Deserialize)]
struct Normal {
    cdf: Vec<(f64, f64)>,
    quantile: Vec<(f64, f64)>,
    ln_gamma: Vec<(f64, f64)>,
}

#[test]
fn normal_and_gamma() {
    let normal: Normal = fixture!("normal");
    for (x, theirs) in normal.cdf {
        assert!((cdf(x) - theirs).abs() < 1e-14);
        near(cdf(x), theirs, 1e-7);
    }
    for (p, theirs) in normal.quantile {
        assert!((quantile(p) - theirs).abs() < 1e-9 * theirs.abs().max(1.0), "{p}: {} {theirs}", quantile(p));
    }
    for (x, theirs) in normal.ln_gamma {
        assert!((ln_gamma(x) - theirs).abs() < 1e-12 * theirs.abs().max(1.0), "{x}: {} {theirs}", ln_gamma(x));
    }
    assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    assert!(quantile(f64::NAN).is_nan() && quantile(-0.1).is_nan() && quantile(1.1).is_nan());
}

/// A test and its interval; no bounds where there are too few values.
#[derive(Deserialize)]
struct Tested {
    #[serde(default)]
    d: Vec<f64>,
    #[serde(default)]
    a: Vec<f64>,
    #[serde(default)]
    b: Vec<f64>,
    #[serde(default)]
    confidence: f64,
    p: f64,
    #[serde(default)]
    point: f64,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Deserialize)]
struct Tests {
    plain: Vec<Tested>,
    ties: Vec<Tested>,
}

#[track_caller]
fn same_interval(ours: Option<Interval>, theirs: &Tested) {
    let ours = ours.expect("there are values");
    let close = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-12, "ours {ours}, theirs {theirs}");
    close(ours.value, theirs.point);
    match theirs.low.zip(theirs.high) {
        Some((low, high)) => {
            close(ours.low, low);
            close(ours.high, high);
        }
        None => assert_eq!((ours.low, ours.high), (f64::NEG_INFINITY, f64::INFINITY)),
    }
}

#[test]
fn signed_ranks() {
    let tests: Tests = fixture!("signed_rank");
    assert!(tests.plain.len() > 50 && tests.ties.len() > 15);
    for test in &tests.plain {
        near(signed_rank_p(&test.d).expect("values"), test.p, 1e-9);
        same_interval(walsh(&test.d, test.confidence), test);
    }
    for test in &tests.ties {
        near(signed_rank_p(&test.d).expect("values"), test.p, 1e-9);
    }
}

#[test]
fn rank_sums() {
    let tests: Tests = fixture!("rank_sum");
    assert!(tests.plain.len() > 20 && tests.ties.len() > 10);
    for test in &tests.plain {
        near(rank_sum_p(&test.a, &test.b).expect("values"), test.p, 1e-9);
        same_interval(shift(&test.a, &test.b, test.confidence), test);
    }
    for test in &tests.ties {
        near(rank_sum_p(&test.a, &test.b).expect("values"), test.p, 1e-9);
    }
}

#[derive(Deserialize)]
struct Other {
    order_statistic: Vec<(usize, f64, usize)>,
    discovery: Vec<Discovery>,
    spearman: Vec<Spearman>,
    summary: Vec<Summed>,
    evidence: Vec<(usize, usize, f64)>,
}

#[derive(Deserialize)]
struct Discovery {
    p: Vec<f64>,
    adjusted: Vec<f64>,
}

#[derive(Deserialize)]
struct Spearman {
    x: Vec<f64>,
    rho: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Summed {
    x: Vec<f64>,
    median: f64,
    mean: f64,
    stddev: Option<f64>,
    mad: f64,
    q1: f64,
    q3: f64,
    p95: Option<f64>,
}

#[test]
fn ranks_of_the_median_and_summaries() {
    let other: Other = fixture!("other");
    for (n, alpha, k) in other.order_statistic {
        assert_eq!(order_statistic(n, alpha).unwrap_or(0), k, "{n} {alpha}");
    }
    for theirs in other.summary {
        let ours = summary(&theirs.x, 0.95).expect("values");
        near(ours.median, theirs.median, 1e-12);
        near(ours.mean, theirs.mean, 1e-12);
        near_option(ours.stddev, theirs.stddev);
        near(ours.mad, theirs.mad, 1e-12);
        near(ours.q1, theirs.q1, 1e-12);
        near(ours.q3, theirs.q3, 1e-12);
        near_option(ours.p95, theirs.p95);
        assert_eq!(ours.low.is_some(), theirs.x.len() >= 6);
    }
    assert_eq!(summary(&[], 0.95), None);
    assert_eq!(summary(&[1.0, f64::INFINITY], 0.95), None);
}

#[test]
fn rates_correlations_and_evidence() {
    let other: Other = fixture!("other");
    for test in other.discovery {
        let p: Vec<Option<f64>> = test.p.iter().copied().map(Some).collect();
        for (ours, theirs) in benjamini_hochberg(&p, 0.05).adjusted.into_iter().zip(test.adjusted) {
            near(ours.expect("each has a p"), theirs, 1e-12);
        }
    }
    for test in other.spearman {
        let (rho, p) = spearman(&test.x);
        assert!((rho - test.rho).abs() < 1e-12);
        // Wallace's approximation of Student's distribution is good to a few percent of p.
        near(p, test.p, if test.p > 1e-6 { 0.05 } else { 0.5 });
    }
    for (n, k, theirs) in other.evidence {
        assert!((ln_evidence(k, n) - theirs).abs() < 1e-9 * theirs.abs().max(1.0), "{n} {k}");
    }
}
