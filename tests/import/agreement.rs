//! What the tools themselves say of their own examples, beside what we say: see docs/comparisons.md.

use super::corpus::corpus;
use super::read;
use perfcollect_shared::bench::{BenchSet, Metric};
use perfcollect_shared::stats::{Method, Rules, independent, rank_sum_p, summary};
use std::fs;
use std::path::Path;

fn metric<'a>(set: &'a BenchSet, benchmark: &str, name: &str) -> &'a Metric {
    let found = set.benchmarks.iter().find(|other| other.name == benchmark);
    found.and_then(|found| found.metric(name)).unwrap_or_else(|| panic!("{benchmark} {name}"))
}

fn near(a: f64, b: f64, by: f64) -> bool {
    (a - b).abs() <= by
}

/// benchstat: Mann and Whitney's test, exact for small samples. Values of golang/go#19634 and its printed p.
#[test]
fn benchstat_of_five_values_a_side() {
    let (before, after) = ([115.0, 114.0, 115.0, 115.0, 115.0], [78.8; 5]);
    let p = rank_sum_p(&before, &after).unwrap();
    assert!(near(p, 0.008, 0.0005), "{p}");
    // It needs 6 values for the median's interval, as we do.
    assert_eq!(summary(&before, 0.95).unwrap().low, None);
}

/// google benchmark's compare.py calls scipy.stats.mannwhitneyu; values and p of its own unit test (test3).
#[test]
fn google_compares_without_ties_are_ours() {
    let check = |a: &[f64], b: &[f64], expected: f64| {
        let p = rank_sum_p(a, b).unwrap();
        assert!(near(p, expected, 1e-12), "{a:?} {b:?}: {p}, not {expected}");
    };
    check(&[90.0, 86.0], &[89.0, 72.0], 0.666_666_666_666_666_6);
    check(&[9.0, 8.0], &[10.0, 7.0], 1.0);
    check(&[80.0, 77.0], &[75.0, 66.6, 1.0], 0.2);
    // With ties scipy takes the normal approximation, whatever the size (0.7671). We count arrangements, and twice those of
    // the smaller tail (4 of 10), since ties make the tails differ; benchstat mirrors the lower one (0.6).
    check(&[8.0, 8.0], &[7.0, 4.54, 800.0], 0.8);
    // It says "different" at p < 0.05 alone; so few values can never give that, and we say so.
    assert_eq!(independent(&[90.0, 86.0], &[89.0, 72.0], &Rules::default()).method, Method::None);
}

/// A row of benchstat's table: name, median, part of the interval, median, part, change in percent, p, n.
struct Row {
    name: String,
    sides: [(f64, f64); 2],
    change: Option<f64>,
    p: f64,
    n: usize,
}

fn scaled(text: &str) -> Option<f64> {
    let factors = [("n", 1e-9), ("µ", 1e-6), ("m", 1e-3), ("Mi", 1_048_576.0), ("Gi", 1_073_741_824.0), ("Ki", 1024.0)];
    let known = factors.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = known.unwrap_or((text, &1.0));
    Some(number.parse::<f64>().ok()? * factor)
}

fn row(line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, a, "±", of_a, b, "±", of_b, change, p, n, ..] = words.as_slice() else { return None };
    let part = |text: &str| text.trim_end_matches('%').parse::<f64>().ok();
    Some(Row {
        name: (*name).to_owned(),
        sides: [(scaled(a)?, part(of_a)?), (scaled(b)?, part(of_b)?)],
        change: part(change),
        p: p.strip_prefix("(p=")?.parse().ok()?,
        n: n.strip_prefix("n=")?.trim_end_matches(')').parse().ok()?,
    })
}

/// Each row of a table that benchstat printed of two files.
fn check_benchstat(folder: &Path, old: &str, new: &str, table: &str) -> usize {
    let [old, new] = [old, new].map(|name| read(&folder.join(name)).unwrap().remove(0));
    let text = fs::read_to_string(folder.join(table)).unwrap();
    let (mut unit, mut rows) = ("time_ns", 0);
    for line in text.lines() {
        if line.contains("B/s") {
            unit = "bytes_per_second";
        }
        let Some(row) = row(line) else { continue };
        rows += 1;
        let factor = if unit == "time_ns" { 1e-9 } else { 1.0 };
        let sides = [&old, &new].map(|set| &metric(set, &row.name, unit).values);
        for (values, (median, part)) in sides.iter().zip(row.sides) {
            let summary = summary(values, 0.95).unwrap();
            assert_eq!(values.len(), row.n, "{}", row.name);
            // Four digits are printed.
            assert!(near(summary.median * factor, median, median * 6e-4), "{}: {} {median}", row.name, summary.median);
            let (low, high) = summary.low.zip(summary.high).unwrap();
            let wide = (high - summary.median).max(summary.median - low) / summary.median * 100.0;
            assert!(near(wide, part, 0.51), "{}: ±{wide} %, not {part}", row.name);
        }
        let p = rank_sum_p(sides[0], sides[1]).unwrap();
        // Ties: benchstat's exact distribution counts them as we do.
        assert!(near(p, row.p, 0.0006), "{}: p={p}, not {}", row.name, row.p);
        assert_eq!(p < 0.05, row.change.is_some(), "{}", row.name);
        if let Some(change) = row.change {
            let medians = row.sides[1].0 / row.sides[0].0;
            let outcome = independent(sides[0], sides[1], &Rules::default());
            let ratio = outcome.ratio.unwrap();
            // It prints the ratio of the medians, we the median of all ratios with its interval.

            let theirs = 1.0 + change / 100.0;
            assert!(near(medians, theirs, theirs * 0.002), "{}: {medians} {theirs}", row.name);
            assert!(near(ratio.value, theirs, theirs * 0.025), "{}: {} {change}", row.name, ratio.value);
            // With ties the interval may end at 1 itself where p is just below 0.05.
            assert!(ratio.low >= 1.0 || ratio.high <= 1.0, "{}: {ratio:?}", row.name);
        }
    }
    rows
}

#[test]
fn benchstat_on_its_own_examples() {
    let Some(corpus) = corpus() else { return };
    let rows = check_benchstat(
        &corpus.join("gobench"),
        "benchstat__crc-old.txt",
        "benchstat__crc-new.txt",
        "benchstat__crcIgnore.stdout",
    );
    assert_eq!(rows, 72);
}

/// pyperf: a pooled two-sample t test at 95 % over all values of all processes.
#[test]
fn pyperf_on_its_own_examples() {
    let Some(corpus) = corpus() else { return };
    let file = |name: &str| read(&corpus.join("pyperf").join(name)).unwrap().remove(0);
    let [py36, py37, py38] = ["36", "37", "38"].map(|version| file(&format!("pyperf__mult_list_py{version}.json")));
    let doc = ["2", "3"].map(|version| file(&format!("pyperf__doc_py{version}.json.gz")));
    // Means, their ratio and significance as compare_to prints them.
    let cases = [
        (&doc[0], &doc[1], "timeit", [4.70, 4.22], 1.11, true),
        (&py36, &py37, "[1]*1000", [2.13, 2.09], 1.02, true),
        (&py36, &py38, "[1]*1000", [2.13, 2.13], 1.00, false),
        (&py36, &py37, "[1,2]*1000", [3.70, 5.28], 1.42, true),
        (&py36, &py38, "[1,2]*1000", [3.70, 3.18], 1.16, true),
        (&py36, &py37, "[1,2,3]*1000", [4.61, 6.05], 1.31, true),
        (&py36, &py38, "[1,2,3]*1000", [4.61, 4.17], 1.11, true),
    ];
    for (base, new, name, means, times, significant) in cases {
        let [base, new] = [base, new].map(|set| metric(set, name, "time_ns"));
        let of = |metric: &Metric| summary(&metric.within, 0.95).unwrap();
        for (metric, mean) in [base, new].into_iter().zip(means) {
            assert!(near(of(metric).mean / 1000.0, mean, 0.0051), "{name}: {} {mean}", of(metric).mean);
            assert_eq!((metric.values.len(), metric.within.len()), (20, 60), "{name}: processes and values");
        }
        let ratio = of(base).mean / of(new).mean;
        assert!(near(ratio.max(1.0 / ratio), times, 0.0051), "{name}: {ratio} {times}");
        let t = pooled_t(&base.within, &new.within);
        // The quantile of Student's t for 118 degrees of freedom, as in pyperf's own table (1.98 to three digits).
        assert_eq!(t.abs() > 1.980, significant, "{name}: t = {t}");
        // Ours: a median for each process, and ranks.
        let outcome = independent(&base.values, &new.values, &Rules::default());
        let interval = outcome.ratio.unwrap();
        let excludes = interval.low > 1.0 || interval.high < 1.0;
        assert_eq!(excludes, significant, "{name}: {interval:?}");
    }
}

/// pyperf's `tscore`.
fn pooled_t(a: &[f64], b: &[f64]) -> f64 {
    let [a, b] = [a, b].map(|values| {
        let summary = summary(values, 0.95).unwrap();
        (summary.mean, summary.stddev.unwrap().powi(2), f64::from(u32::try_from(values.len()).unwrap()))
    });
    let pooled = ((a.2 - 1.0) * a.1 + (b.2 - 1.0) * b.1) / (a.2 + b.2 - 2.0);
    (a.0 - b.0) / (pooled * (1.0 / a.2 + 1.0 / b.2)).sqrt()
}
