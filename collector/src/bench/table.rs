//! What was measured, as text: a table of the benchmarks, then each comparison in words.

use crate::terminal::{Column, table};
use perfcollect_shared::bench::{BenchSet, Benchmark};
use perfcollect_shared::compare::Comparison;
use perfcollect_shared::format;
use perfcollect_shared::model::Unit;
use perfcollect_shared::stats::{Summary, Verdict, summary};

/// All of it.
#[must_use]
pub fn text(set: &BenchSet, comparisons: &[Comparison], confidence: f64) -> String {
    let mut text = benchmarks(set, confidence);
    let lines = sentences(set, comparisons);
    if !lines.is_empty() {
        text.push('\n');
        text.extend(lines.into_iter().map(|line| line + "\n"));
    }
    text
}

/// Each comparison in words.
#[must_use]
pub fn sentences(set: &BenchSet, comparisons: &[Comparison]) -> Vec<String> {
    set.benchmarks.iter().skip(1).filter_map(|new| sentence(set, comparisons, &new.name)).collect()
}

fn benchmarks(set: &BenchSet, confidence: f64) -> String {
    let percent = format!("{:.2}", confidence * 100.0);
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    let columns = [
        Column::left("benchmark"),
        Column::right("time"),
        Column::left("interval"),
        Column::right("CPU time"),
        Column::right("peak memory"),
        Column::right("fastest … slowest"),
        Column::right("runs"),
    ];
    let rows: Vec<Vec<String>> = set.benchmarks.iter().map(|benchmark| row(benchmark, confidence)).collect();
    format!("{}medians, with the interval that holds it at {percent} %\n", table(&columns, &rows))
}

fn row(benchmark: &Benchmark, confidence: f64) -> Vec<String> {
    let of = |name: &str| -> Option<Summary> { summary(&benchmark.metric(name)?.values, confidence) };
    let shown = |value: Option<f64>, unit: Unit| {
        value.map_or_else(|| format::NOT_MEASURED.to_owned(), |value| format::measured(value, unit))
    };
    let wall = of("wall_ns");
    let time = |value: f64| format::measured(value, Unit::Nanoseconds);
    let interval = wall.as_ref().and_then(|wall| Some(format!("[{}, {}]", time(wall.low?), time(wall.high?))));
    let range = wall.as_ref().map(|wall| format!("{} … {}", time(wall.min), time(wall.max)));
    let missing = || format::NOT_MEASURED.to_owned();
    vec![
        format::shorten_name(&benchmark.name, 48),
        shown(wall.as_ref().map(|wall| wall.median), Unit::Nanoseconds),
        interval.unwrap_or_else(missing),
        shown(of("cpu_ns").map(|cpu| cpu.median), Unit::Nanoseconds),
        shown(of("rss_bytes").map(|rss| rss.median), Unit::Bytes),
        range.unwrap_or_else(missing),
        wall.map_or(0, |wall| wall.n).to_string(),
    ]
}

/// `b is 12 % [9.0, 15] slower than a; CPU time agrees (11 % [8.0, 14])`.
fn sentence(set: &BenchSet, comparisons: &[Comparison], new: &str) -> Option<String> {
    let of = |metric: &str| comparisons.iter().find(|one| one.new == new && one.metric == metric);
    let wall = of("wall_ns")?;
    let base = &wall.base;
    if let Some(few) = too_few(set, wall) {
        return Some(few);
    }
    let mut text = match wall.verdict {
        Verdict::Slower => format!("{new} is {} slower than {base}", change(wall)),
        Verdict::Faster => format!("{new} is {} faster than {base}", change(wall)),
        Verdict::Same => {
            format!("{new} takes as long as {base}, to {} %: {}", round(wall.margin * 100.0), change(wall))
        }
        Verdict::Inconclusive => format!("whether {new} takes longer than {base} is not clear: {}", open(wall)),
    };
    if let Some(cpu) = of("cpu_ns") {
        let by_cpu = match (wall.verdict == cpu.verdict, cpu.verdict) {
            (true, Verdict::Inconclusive) => "; nor by CPU time".to_owned(),
            (true, _) => format!("; CPU time agrees ({})", change(cpu)),
            (false, Verdict::Slower) => format!("; it uses {} more CPU time", change(cpu)),
            (false, Verdict::Faster) => format!("; it uses {} less CPU time", change(cpu)),
            (false, Verdict::Same) => format!("; CPU time is the same ({})", change(cpu)),
            (false, Verdict::Inconclusive) => format!("; CPU time is not clear: {}", change(cpu)),
        };
        text.push_str(&by_cpu);
    }
    match of("rss_bytes") {
        Some(memory) if memory.verdict == Verdict::Slower => {
            text.extend([format!("; peak memory is {} more", change(memory))]);
        }
        Some(memory) if memory.verdict == Verdict::Faster => {
            text.extend([format!("; peak memory is {} less", change(memory))]);
        }
        _ => {}
    }
    Some(text)
}

/// `b was faster than a in 3 of 3 runs (median -89 %), but so few runs give no interval of 95 %; --runs 6 gives one`.
fn too_few(set: &BenchSet, wall: &Comparison) -> Option<String> {
    let (base, new) = (&wall.base, &wall.new);
    let undecided = wall.verdict == Verdict::Inconclusive && wall.low.is_none() && wall.high.is_none();
    let needed = runs_for_an_interval(wall.confidence);
    let ratio = wall.ratio.filter(|_| undecided && wall.runs < needed)?;
    let values = |name: &str| {
        let benchmark = set.benchmarks.iter().find(|benchmark| benchmark.name == name)?;
        Some(benchmark.metric("wall_ns")?.values.as_slice())
    };
    let (a, b) = values(base).zip(values(new))?;
    let faster = a.iter().zip(b).filter(|(a, b)| b < a).count();
    let percent = format!("{:.2}", wall.confidence * 100.0);
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    Some(format!(
        "{new} was faster than {base} in {faster} of {} (median {}), but so few give no interval of {percent} %; --runs {needed} gives one",
        format::plural(wall.runs, "run"),
        format::difference(ratio, None),
    ))
}

/// Pairs from which on signed ranks have an interval of this level: all signs alike are then rare enough.
fn runs_for_an_interval(confidence: f64) -> u64 {
    let rare = |&runs: &u32| 2.0 / f64::from(runs).exp2() <= 1.0 - confidence + 1e-12;
    (1..64).find(rare).unwrap_or(64).into()
}

/// The change in percent with its interval, as a positive number where the verdict says which way it goes.
fn change(comparison: &Comparison) -> String {
    let Some(ratio) = comparison.ratio else { return "not measured".to_owned() };
    let bounds = comparison.low.zip(comparison.high);
    if comparison.verdict == Verdict::Faster {
        let turned = |ratio: f64| 2.0 - ratio;
        return format::difference(turned(ratio), bounds.map(|(low, high)| (turned(high), turned(low))));
    }
    format::difference(ratio, bounds)
}

/// What is known of a comparison that is not decided, and what would decide it.
fn open(comparison: &Comparison) -> String {
    let mut text = change(comparison);
    if let Some(detectable) = comparison.detectable {
        text.extend([format!(
            "; {} find a difference of {} %",
            format::plural(comparison.runs, "run"),
            round(detectable * 100.0)
        )]);
    }
    if let Some(needed) = comparison.runs_needed {
        text.extend([format!(", about {} would find {} %", format::count(needed), round(comparison.margin * 100.0))]);
    }
    text
}

fn round(percent: f64) -> String {
    let text = format!("{percent:.1}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use perfcollect_shared::bench::Metric;

    fn compared(metric: &str, verdict: Verdict, ratio: f64) -> Comparison {
        Comparison {
            base: "a".into(),
            new: "b".into(),
            metric: metric.into(),
            ratio: Some(ratio),
            low: Some(ratio - 0.03),
            high: Some(ratio + 0.03),
            margin: 0.02,
            verdict,
            detectable: Some(0.042),
            runs: 20,
            runs_needed: Some(90),
            ..Comparison::default()
        }
    }

    fn check(wall: (Verdict, f64), cpu: (Verdict, f64), expect: &str) {
        let all = [compared("wall_ns", wall.0, wall.1), compared("cpu_ns", cpu.0, cpu.1)];
        assert_eq!(sentence(&BenchSet::default(), &all, "b").unwrap(), expect);
    }

    #[test]
    fn few_runs_are_said_to_be_few() {
        let benchmark = |name: &str, values: &[f64]| Benchmark {
            name: name.into(),
            metrics: vec![Metric { name: "wall_ns".into(), values: values.to_vec(), ..Metric::default() }],
            ..Benchmark::default()
        };
        let benchmarks = vec![benchmark("a", &[10.0, 11.0, 12.0]), benchmark("b", &[1.0, 12.0, 1.2])];
        let set = BenchSet { benchmarks, ..BenchSet::default() };
        let few = Comparison {
            runs: 3,
            confidence: 0.95,
            low: None,
            high: None,
            ..compared("wall_ns", Verdict::Inconclusive, 0.11)
        };
        let expect = "b was faster than a in 2 of 3 runs (median -89 %), but so few give no interval of 95 %; --runs 6 gives one";
        assert_eq!(sentence(&set, &[few], "b").unwrap(), expect);
        assert_eq!([0.9, 0.95, 0.975, 0.99].map(runs_for_an_interval), [5, 6, 7, 8]);
    }

    #[test]
    fn comparisons_are_said_in_words() {
        check(
            (Verdict::Slower, 1.12),
            (Verdict::Slower, 1.11),
            "b is 12 % [9.0, 15] slower than a; CPU time agrees (11 % [8.0, 14])",
        );
        check(
            (Verdict::Faster, 0.8),
            (Verdict::Same, 1.0),
            "b is 20 % [17, 23] faster than a; CPU time is the same (0 % [-3.0, 3.0])",
        );
        check(
            (Verdict::Inconclusive, 1.01),
            (Verdict::Inconclusive, 1.0),
            "whether b takes longer than a is not clear: 1.0 % [-2.0, 4.0]; 20 runs find a difference of 4.2 %, about 90 \
             would find 2 %; nor by CPU time",
        );
        check(
            (Verdict::Same, 1.0),
            (Verdict::Slower, 1.5),
            "b takes as long as a, to 2 %: 0 % [-3.0, 3.0]; it uses 50 % [47, 53] more CPU time",
        );
    }
}
