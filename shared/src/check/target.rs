//! Targets: a figure of one side within bounds.

use super::{Outcome, Side, Statistic, Status, listed, matches};
use crate::bench::Metric;
use crate::format::metric::name as metric_name;
use crate::format::{measured, plural};
use crate::stats::{mean, mean_interval, percentile, quantile_interval, values_needed};

/// What must lie where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) metric: &'a str,
    pub(super) statistic: Statistic,
    pub(super) max: Option<f64>,
    pub(super) min: Option<f64>,
}

const KIND: &str = "target";

/// One outcome for each benchmark whose name fits.
pub(super) fn outcomes(wanted: &Wanted<'_>, benchmark: &str, confidence: f64, side: Side<'_>) -> Vec<Outcome> {
    let mut names: Vec<&str> = Vec::new();
    for found in side.sets.iter().flat_map(|set| &set.benchmarks) {
        if matches(benchmark, &found.name) && !names.contains(&found.name.as_str()) {
            names.push(&found.name);
        }
    }
    if names.is_empty() {
        let known = listed(side.sets.iter().flat_map(|set| &set.benchmarks).map(|found| found.name.as_str()));
        let why = format!("{} has no benchmark that fits `{benchmark}`; there are: {known}", side.name);
        return vec![Outcome::unknown(KIND, benchmark, wanted.metric, why)];
    }
    names.into_iter().map(|name| of_benchmark(wanted, name, confidence, side)).collect()
}

fn of_benchmark(wanted: &Wanted<'_>, name: &str, confidence: f64, side: Side<'_>) -> Outcome {
    let benchmarks = side.sets.iter().flat_map(|set| &set.benchmarks).filter(|found| found.name == name);
    let metrics: Vec<&Metric> = benchmarks.clone().filter_map(|found| found.metric(wanted.metric)).collect();
    let Some(first) = metrics.first() else {
        let known = listed(benchmarks.flat_map(|found| &found.metrics).map(|metric| metric.name.as_str()));
        let why = format!("{} was not measured; there are: {known}", metric_name(wanted.metric));
        return Outcome::unknown(KIND, name, wanted.metric, why);
    };
    let mut values: Vec<f64> =
        metrics.iter().flat_map(|metric| &metric.values).copied().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let mut outcome =
        Outcome { unit: first.unit, runs: values.len() as u64, ..Outcome::unknown(KIND, name, wanted.metric, "") };
    if values.is_empty() {
        outcome.why = "the source holds no value of a single run, so that nothing is known of the spread".into();
        return outcome;
    }
    let (value, interval) = figure(&values, wanted.statistic, confidence);
    outcome.value = value;
    (outcome.low, outcome.high) = interval;
    outcome.status = status(wanted, interval);
    outcome.why = why(wanted, &outcome, confidence, metrics.len());
    outcome
}

/// The figure of ascending values and its interval. The largest and the smallest are those of the runs that were made: they
/// have no spread.
fn figure(values: &[f64], statistic: Statistic, confidence: f64) -> (Option<f64>, (Option<f64>, Option<f64>)) {
    let (first, last) = (values.first().copied(), values.last().copied());
    match statistic {
        Statistic::Max => (last, (last, last)),
        Statistic::Min => (first, (first, first)),
        Statistic::Mean => {
            let interval = mean_interval(values, confidence);
            (mean(values), (interval.map(|both| both.0), interval.map(|both| both.1)))
        }
        Statistic::Median | Statistic::Quantile(_) => {
            let q = if let Statistic::Quantile(q) = statistic { q } else { 0.5 };
            (Some(percentile(values, q)), quantile_interval(values, q, confidence).unwrap_or_default())
        }
    }
}

fn status(wanted: &Wanted<'_>, (low, high): (Option<f64>, Option<f64>)) -> Status {
    let above = |bound: f64| match (low, high) {
        (_, Some(high)) if high <= bound => Status::Pass,
        (Some(low), _) if low > bound => Status::Fail,
        _ => Status::Unknown,
    };
    let below = |bound: f64| match (low, high) {
        (Some(low), _) if low >= bound => Status::Pass,
        (_, Some(high)) if high < bound => Status::Fail,
        _ => Status::Unknown,
    };
    wanted.max.map(above).into_iter().chain(wanted.min.map(below)).max().unwrap_or_default()
}

fn why(wanted: &Wanted<'_>, outcome: &Outcome, confidence: f64, sessions: usize) -> String {
    let told = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| measured(value, outcome.unit));
    let observed = matches!(wanted.statistic, Statistic::Max | Statistic::Min);
    let interval = match (observed, outcome.low, outcome.high) {
        (true, ..) | (_, None, None) => String::new(),
        (_, low, high) => format!(" [{}, {}]", told(low), told(high)),
    };
    let runs = plural(outcome.runs, "run");
    let from = if sessions > 1 { format!("{runs} of {}", plural(sessions as u64, "session")) } else { runs.clone() };
    let figure = format!("{}{interval} from {from}", told(outcome.value));
    if outcome.status != Status::Unknown {
        return figure;
    }
    let needed = match wanted.statistic {
        Statistic::Quantile(q) => {
            let (upper, lower) = values_needed(q, confidence);
            wanted.max.map(|_| upper).into_iter().chain(wanted.min.map(|_| lower)).max()
        }
        Statistic::Max | Statistic::Min => None,
        Statistic::Median | Statistic::Mean => Some(values_needed(0.5, confidence).0.max(6)),
    };
    match needed.filter(|&needed| outcome.runs < needed) {
        Some(needed) => format!(
            "{figure}: {runs} cannot bound the {} at {:.0} % confidence, {needed} can",
            wanted.statistic.name(),
            confidence * 100.0
        ),
        None => format!("{figure}: the interval lies on both sides of the bound; more runs narrow it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{BenchSet, Benchmark};
    use crate::model::Unit;

    fn judge(values: &[f64], statistic: Statistic, max: Option<f64>, min: Option<f64>) -> Outcome {
        let unit = Unit::Nanoseconds;
        let metric = Metric { name: "wall_ns".into(), unit, values: values.to_vec(), ..Metric::default() };
        let benchmark = Benchmark { name: "b".into(), metrics: vec![metric], ..Benchmark::default() };
        let sets = [BenchSet { benchmarks: vec![benchmark], ..BenchSet::default() }];
        let wanted = Wanted { metric: "wall_ns", statistic, max, min };
        let mut found = outcomes(&wanted, "*", 0.95, Side { name: "x", sets: &sets, bundles: &[] });
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    fn tens(n: u32) -> Vec<f64> {
        (1..=n).map(|i| f64::from(i) * 1e7).collect()
    }

    #[test]
    fn a_target_holds_where_all_of_its_interval_does() {
        let median = |max: f64| judge(&tens(10), Statistic::Median, Some(max), None).status;
        // Ranks 2 and 9 of 10 bound the median.
        assert_eq!([median(9e7), median(8.9e7), median(2e7), median(1.9e7)].map(|s| s as u8), [0, 1, 1, 2]);
        let least = |min: f64| judge(&tens(10), Statistic::Median, None, Some(min)).status;
        assert_eq!([least(2e7), least(2.1e7), least(9e7), least(9.1e7)].map(|s| s as u8), [0, 1, 1, 2]);
        assert_eq!(judge(&tens(10), Statistic::Median, Some(9e7), Some(9.5e7)).status, Status::Fail);
    }

    #[test]
    fn a_percentile_of_few_runs_is_unknown_and_says_how_many_it_takes() {
        let found = judge(&tens(20), Statistic::Quantile(0.99), Some(1e12), None);
        assert_eq!(found.status, Status::Unknown);
        assert!(found.why.contains("20 runs cannot bound the p99 at 95 % confidence, 368 can"), "{}", found.why);
        // But a bound below the second largest of twenty is surely exceeded.
        assert_eq!(judge(&tens(20), Statistic::Quantile(0.99), Some(1.8e8), None).status, Status::Fail);
        assert_eq!(judge(&tens(400), Statistic::Quantile(0.99), Some(1e12), None).status, Status::Pass);
    }

    #[test]
    fn one_run_says_nothing_of_a_median_and_all_of_its_own_largest() {
        let found = judge(&[1e9], Statistic::Median, Some(1e12), None);
        assert!(
            found.status == Status::Unknown && found.why.contains("1 run cannot bound the median"),
            "{}",
            found.why
        );
        assert_eq!(judge(&[1e9], Statistic::Max, Some(1e9), None).status, Status::Pass);
        assert_eq!(judge(&[1e9, 3e9], Statistic::Max, Some(2e9), None).status, Status::Fail);
    }

    #[test]
    fn what_was_not_measured_is_unknown() {
        let none = judge(&[], Statistic::Max, Some(1e9), None);
        assert_eq!(none.status, Status::Unknown);
        let sets = [BenchSet {
            benchmarks: vec![Benchmark { name: "b".into(), ..Benchmark::default() }],
            ..BenchSet::default()
        }];
        let side = Side { name: "x.json", sets: &sets, bundles: &[] };
        let wanted = Wanted { metric: "hit_ratio", statistic: Statistic::Median, max: None, min: Some(0.9) };
        assert!(outcomes(&wanted, "*", 0.95, side)[0].why.contains("hit_ratio was not measured"));
        assert!(
            outcomes(&wanted, "c*", 0.95, side)[0].why.contains("x.json has no benchmark that fits `c*`; there are: b")
        );
    }

    #[test]
    fn the_mean_has_students_interval() {
        let found = judge(&[10.0, 12.0, 9.0, 11.0, 13.0, 11.0], Statistic::Mean, Some(20.0), None);
        // scipy.stats.t.interval(0.95, 5, loc=11, scale=sem): 9.516 to 12.484.
        assert_eq!(found.status, Status::Pass);
        assert!((found.low.unwrap() - 9.516).abs() < 2e-3 && (found.high.unwrap() - 12.484).abs() < 2e-3, "{found:?}");
    }
}
