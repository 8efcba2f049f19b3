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
    set.benchmarks.iter().skip(1).filter_map(|new| sentence(comparisons, &new.name)).collect()
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
fn sentence(comparisons: &[Comparison], new: &str) -> Option<String> {
    let of = |metric: &str| comparisons.iter().find(|one| one.new == new && one.metric == metric);
    let wall = of("wall_ns")?;
    let base = &wall.base;
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
        assert_eq!(sentence(&all, "b").unwrap(), expect);
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
