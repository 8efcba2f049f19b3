//! What is said of runs and of the difference between two benchmarks.

use super::{Distribution, metric_name};
use crate::compare::Comparison;
use crate::format::{self, difference, measured, plural};
use crate::model::{Better, Bundle, Unit};
use crate::stats::{self, Method, Verdict};

/// What writes warnings of failed and stopped runs itself.
const TOOL: &str = "perfcollect";

/// The verdict in a word that suits the metric.
#[must_use]
pub fn verdict(verdict: Verdict, unit: Unit, better: Better) -> &'static str {
    match (verdict, unit, better) {
        (Verdict::Same, ..) => "same",
        (Verdict::Inconclusive, ..) => "inconclusive",
        (Verdict::Slower, Unit::Nanoseconds, Better::Lower) => "slower",
        (Verdict::Faster, Unit::Nanoseconds, Better::Lower) => "faster",
        (Verdict::Slower, _, Better::Lower) | (Verdict::Faster, _, Better::Higher) => "more",
        (Verdict::Faster, _, Better::Lower) | (Verdict::Slower, _, Better::Higher) => "less",
    }
}

/// One benchmark alone: its median and how sure that is.
#[must_use]
pub fn one(found: &Distribution, metric: &str, unit: Unit) -> String {
    let (name, what) = (&found.name, metric_name(metric));
    let Some(summary) = found.summary else { return format!("No run of {name} measured {what}") };
    let median = measured(summary.median, unit);
    let runs = plural(summary.n, "run");
    match (summary.n, summary.low.zip(summary.high)) {
        (1, _) => format!("{name}: {median} of {what} in its only run, which says nothing of the next"),
        (_, Some((low, high))) => {
            format!("{name}: {median} [{}, {}] of {what}, median of {runs}", measured(low, unit), measured(high, unit))
        }
        (_, None) => format!("{name}: {median} of {what}, median of {runs}, too few for an interval"),
    }
}

/// Two benchmarks: which takes more, by how much and how sure that is.
#[must_use]
pub fn comparison(found: &Comparison, unit: Unit, better: Better) -> String {
    let (base, new, what) = (&found.base, &found.new, metric_name(&found.metric));
    let sides = sides(found);
    let takes = if unit == Unit::Nanoseconds { "takes" } else { "has" };
    let margin = format::margin(found.margin);
    let Some(ratio) = found.ratio.filter(|_| !found.incomparable) else {
        return format!("{new} and {base} cannot be compared by {what}: {}", found.notes.join("; "));
    };
    let interval = interval(found);
    let by = difference(ratio, interval);
    let less = difference(2.0 - ratio, interval.map(|(low, high)| (2.0 - high, 2.0 - low)));
    let (amount, more) = if ratio < 1.0 { (less, "less") } else { (by.clone(), "more") };
    match found.verdict {
        Verdict::Same => format!("{new} and {base} are the same in {what} within {margin}: {by}, {sides}"),
        Verdict::Inconclusive if found.below_margin => {
            format!("{new} {takes} {more} {what} than {base}, but perhaps not {margin} {more}: {by}, {sides}")
        }
        Verdict::Inconclusive => {
            format!("Whether {new} and {base} differ by {margin} in {what} is open: {by}, {sides}")
        }
        Verdict::Slower if unit == Unit::Nanoseconds && better == Better::Lower => {
            format!("{new} is {amount} slower than {base} ({what}, {sides})")
        }
        Verdict::Faster if unit == Unit::Nanoseconds && better == Better::Lower => {
            format!("{new} is faster than {base}: {amount} {more} {what}, {sides}")
        }
        Verdict::Slower | Verdict::Faster => format!("{new} {takes} {amount} {more} {what} than {base}, {sides}"),
    }
}

/// The interval of a comparison where it has both ends.
fn interval(found: &Comparison) -> Option<(f64, f64)> {
    found.low.filter(|&low| low > 0.0).zip(found.high.filter(|high| high.is_finite()))
}

/// How many values are behind it.
fn sides(found: &Comparison) -> String {
    match found.method {
        Method::Paired => plural(found.runs, "pair"),
        _ => format!("{} a side", plural(found.runs, "run")),
    }
}

/// What is true of all benchmarks by one metric.
#[must_use]
pub fn sentence(all: &[Distribution], comparisons: &[&Comparison], metric: &str, unit: Unit, better: Better) -> String {
    match (all, comparisons) {
        ([], _) => "No benchmark is left".into(),
        ([only], _) => one(only, metric, unit),
        (_, [only]) => comparison(only, unit, better),
        (_, []) => format!(
            "{}, none of which can be compared by {}",
            plural(all.len() as u64, "benchmark"),
            metric_name(metric)
        ),
        (_, [first, ..]) => {
            let kinds = [Verdict::Slower, Verdict::Faster, Verdict::Same, Verdict::Inconclusive];
            let counts = kinds.into_iter().filter_map(|kind| {
                let count = comparisons.iter().filter(|one| one.verdict == kind).count();
                (count > 0).then(|| format!("{count} {}", verdict(kind, unit, better)))
            });
            let counts = counts.collect::<Vec<_>>().join(", ");
            format!("Against {}, by {}: {counts}", first.base, metric_name(metric))
        }
    }
}

/// What makes the figures doubtful: how runs ended, and what statistics finds in times one after the other. What else the
/// machine did is in the warnings of who measured.
#[must_use]
pub fn doubts(bundle: &Bundle, all: &[Distribution], unit: Unit) -> Vec<String> {
    let mut doubts = Vec::new();
    for found in all.iter().filter(|_| unit == Unit::Nanoseconds) {
        doubts.extend(stats::findings(&found.values).iter().map(|finding| format!("{}: {finding}", found.name)));
    }
    // Our own recordings say so in their warnings.
    let foreign = bundle.manifest.tool.name != TOOL;
    for found in all.iter().filter(|_| foreign) {
        let failed: u64 = found.exits.iter().filter(|(exit, _)| exit.status() != Some(0)).map(|(_, runs)| runs).sum();
        let runs: u64 = found.exits.iter().map(|(_, runs)| runs).sum();
        if failed > 0 {
            doubts.push(format!(
                "{}: {failed} of {} ended with an error and count all the same",
                found.name,
                plural(runs, "run")
            ));
        }
        if found.timed_out > 0 {
            let stopped = plural(found.timed_out, "run");
            doubts.push(format!("{}: {stopped} took too long, were stopped and count nowhere", found.name));
        }
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Exit;
    use crate::stats::summary;

    fn compared(ratio: f64, low: f64, high: f64, verdict: Verdict) -> Comparison {
        Comparison {
            base: "a".into(),
            new: "b".into(),
            metric: "wall_ns".into(),
            ratio: Some(ratio),
            low: Some(low),
            high: Some(high),
            margin: 0.02,
            verdict,
            runs: 30,
            method: Method::Paired,
            ..Comparison::default()
        }
    }

    #[test]
    fn a_difference_is_told_with_its_interval() {
        let check = |found: &Comparison, expect: &str| {
            assert_eq!(comparison(found, Unit::Nanoseconds, Better::Lower), expect);
        };
        check(&compared(1.12, 1.09, 1.15, Verdict::Slower), "b is 12 % [9.0, 15] slower than a (wall time, 30 pairs)");
        check(
            &compared(0.88, 0.85, 0.91, Verdict::Faster),
            "b is faster than a: 12 % [9.0, 15] less wall time, 30 pairs",
        );
        check(
            &compared(0.996, 0.988, 1.003, Verdict::Same),
            "b and a are the same in wall time within 2 %: -0.4 % [-1.2, 0.3], 30 pairs",
        );
        let open = Comparison {
            method: Method::Independent,
            runs: 1,
            ..compared(1.1, 0.0, f64::INFINITY, Verdict::Inconclusive)
        };
        check(&open, "Whether b and a differ by 2 % in wall time is open: 10 %, 1 run a side");
        let below = Comparison { below_margin: true, ..compared(1.03, 1.01, 1.05, Verdict::Inconclusive) };
        check(&below, "b takes more wall time than a, but perhaps not 2 % more: 3.0 % [1.0, 5.0], 30 pairs");
    }

    #[test]
    fn memory_is_not_slow() {
        let found = Comparison { metric: "rss_bytes".into(), ..compared(1.5, 1.4, 1.6, Verdict::Slower) };
        let words = comparison(&found, Unit::Bytes, Better::Lower);
        assert_eq!(words, "b has 50 % [40, 60] more peak memory than a, 30 pairs");
        let rate = Comparison { metric: "requests".into(), ..compared(0.5, 0.4, 0.6, Verdict::Slower) };
        let words = comparison(&rate, Unit::PerSecond, Better::Higher);
        assert_eq!(words, "b has 50 % [40, 60] less requests than a, 30 pairs");
    }

    #[test]
    fn a_benchmark_alone_says_how_sure_its_median_is() {
        let check = |values: &[f64], expect: &str| {
            let found = Distribution {
                name: "a".into(),
                values: values.to_vec(),
                summary: summary(values, 0.95),
                ..Distribution::default()
            };
            assert_eq!(one(&found, "wall_ns", Unit::Nanoseconds), expect);
        };
        check(&[], "No run of a measured wall time");
        check(&[2e6], "a: 2.00 ms of wall time in its only run, which says nothing of the next");
        check(&[2e6, 4e6], "a: 3.00 ms of wall time, median of 2 runs, too few for an interval");
        check(&[1e6, 2e6, 3e6, 4e6, 5e6, 6e6], "a: 3.50 ms [1.00 ms, 6.00 ms] of wall time, median of 6 runs");
    }

    #[test]
    fn what_went_wrong_is_told() {
        let bundle = Bundle::default();
        let ended = |code| Exit { code: Some(code), ..Exit::default() };
        let all = [Distribution {
            name: "a".into(),
            exits: vec![(ended(0), 28), (ended(3), 2)],
            timed_out: 1,
            ..Distribution::default()
        }];
        let told = doubts(&bundle, &all, Unit::Nanoseconds).join("\n");
        assert!(told.contains("a: 2 of 30 runs ended with an error"), "{told}");
        assert!(told.contains("1 run took too long"), "{told}");
    }
}
