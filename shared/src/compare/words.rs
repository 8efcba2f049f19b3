//! Sentences about verdicts, said the same by the terminal and the page.

use super::{Carrier, Comparison, Explanation};
use crate::derive::diff::Effect;
use crate::format::metric::name as metric_words;
use crate::format::{difference, measured, share};
use crate::model::Unit;
use crate::stats::Verdict;

/// A comparison's difference with its interval: `12 % [9, 15]`; `–` where there is none.
#[must_use]
pub fn difference_words(comparison: &Comparison) -> String {
    let Some(ratio) = comparison.ratio else { return crate::format::NOT_MEASURED.into() };
    difference(ratio, comparison.low.zip(comparison.high))
}

/// `slower by 12 % [9, 15]`, `same within 2 %`, `undecided, -1 % [-6, 4]`; of memory `more`, `less`.
#[must_use]
pub fn verdict_words(comparison: &Comparison) -> String {
    let time = comparison.metric.ends_with("_ns") || comparison.metric.contains("second");
    let (worse, better) = if time { ("slower", "faster") } else { ("worse", "better") };
    let up = comparison.ratio.is_some_and(|ratio| ratio >= 1.0);
    let size = || {
        let (Some(ratio), interval) = (comparison.ratio, comparison.low.zip(comparison.high)) else {
            return String::new();
        };
        // A decrease is said as a positive number.
        if up {
            difference(ratio, interval)
        } else {
            difference(2.0 - ratio, interval.map(|(low, high)| (2.0 - high, 2.0 - low)))
        }
    };
    match comparison.verdict {
        Verdict::Slower => format!("{worse} by {}", size()),
        Verdict::Faster => format!("{better} by {}", size()),
        Verdict::Same => format!("the same within {}", share(comparison.margin)),
        Verdict::Inconclusive if comparison.incomparable => "not comparable".into(),
        Verdict::Inconclusive if comparison.ratio.is_none() => "no verdict: a side has no value above 0".into(),
        Verdict::Inconclusive if comparison.low.zip(comparison.high).is_none() => {
            format!("no verdict ({}, too few runs)", difference_words(comparison))
        }
        Verdict::Inconclusive => format!("undecided, {}", difference_words(comparison)),
    }
}

/// The sentence about one benchmark on two sides, from the comparisons of its metrics: `slower by 12 % [9, 15] in wall
/// time; CPU time agrees (11 % [10, 13])`.
#[must_use]
pub fn headline(comparisons: &[&Comparison]) -> String {
    let of = |metric: &str| comparisons.iter().copied().find(|comparison| comparison.metric == metric);
    let first = of("wall_ns").or_else(|| of("cpu_ns")).or_else(|| comparisons.first().copied());
    let Some(first) = first else { return "nothing to compare".into() };
    programs_words(first) + &headline_of(first, of("cpu_ns"))
}

/// `old.py and new.py are different programs: `, where the sides ran different ones.
#[must_use]
pub fn programs_words(comparison: &Comparison) -> String {
    comparison
        .programs
        .as_ref()
        .map_or_else(String::new, |[base, new]| format!("{base} and {new} are different programs: "))
}

fn headline_of(first: &Comparison, cpu: Option<&Comparison>) -> String {
    if first.incomparable {
        return first.notes.first().cloned().unwrap_or_else(|| "not comparable".into());
    }
    let said =
        |comparison: &Comparison| format!("{} in {}", verdict_words(comparison), metric_words(&comparison.metric));
    let Some(cpu) = cpu.filter(|cpu| cpu.metric != first.metric) else { return said(first) };
    let decided = |comparison: &Comparison| comparison.verdict != Verdict::Inconclusive;
    match (first.verdict, cpu.verdict) {
        (a, b) if a == b && decided(first) => {
            format!("{}; CPU time agrees ({})", said(first), difference_words(cpu))
        }
        (Verdict::Slower, Verdict::Same) => {
            format!("{}, but not in CPU time ({}): it waits longer", said(first), difference_words(cpu))
        }
        _ if !decided(first) && decided(cpu) => {
            format!("{}; wall time is undecided ({})", said(cpu), difference_words(first))
        }
        _ => format!("{}; CPU time: {}", said(first), verdict_words(cpu)),
    }
}

/// What carries a difference: `8.4 points of CPU time come from main ▸ parse, 70 % [62, 79] of the difference`.
#[must_use]
pub fn explanation_words(explanation: &Explanation) -> String {
    let total = &explanation.total;
    let metric = metric_words(&explanation.metric);
    if total.base <= 0.0 {
        return format!("base has no {metric} in its stacks");
    }
    let points = |ns: f64| significant_points(ns / total.base * 100.0);
    let whole = points(total.difference());
    if total.effect == Effect::Same {
        return format!("{metric} of the stacks differs by {whole} %, which is not more than noise");
    }
    let noise = if explanation.noise_unknown { " (one run a side: noise is unknown)" } else { "" };
    match explanation.carriers.first() {
        Some(carrier) => format!(
            "{} points of {metric} come from {}{}{noise}",
            points(carrier.difference_ns),
            path_words(carrier),
            share_words(carrier).map_or_else(String::new, |share| format!(", {share} of the difference")),
        ),
        None => format!("{metric} of the stacks differs by {whole} %, but no function alone by more than noise{noise}"),
    }
}

/// A carrier's share of the difference with its interval: `87 % [75, 99]`.
#[must_use]
pub fn share_words(carrier: &Carrier) -> Option<String> {
    let whole = |part: f64| format!("{:.0}", part * 100.0);
    let (low, high) = carrier.share_low.zip(carrier.share_high)?;
    Some(format!("{} % [{}, {}]", whole(carrier.share?), whole(low), whole(high)))
}

/// The own frames to a carrier, at most the last four: `main ▸ parse ▸ alloc`.
#[must_use]
pub fn path_words(carrier: &Carrier) -> String {
    let path = if carrier.own_path.is_empty() { &carrier.path } else { &carrier.own_path };
    let from = path.len().saturating_sub(4);
    let mut names: Vec<&str> = path[from..].iter().map(String::as_str).collect();
    if names.last() != Some(&carrier.name.as_str()) {
        names.push(&carrier.name);
    }
    format!("{}{}", if from > 0 { "… ▸ " } else { "" }, names.join(" ▸ "))
}

/// A difference in nanoseconds with its interval: `+12.3 ms [10.1, 14.5]`.
#[must_use]
pub fn change_words(difference: f64, low: f64, high: f64) -> String {
    let column = crate::format::FigureColumn::new(Unit::Nanoseconds, &[difference, low, high]);
    let cell = |value: f64| {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", column.cell(value.abs()))
    };
    let sign = if difference > 0.0 { "+" } else { "" };
    format!("{sign}{} {} [{}, {}]", cell(difference), column.unit, cell(low), cell(high))
}

/// A figure of a comparison's side.
#[must_use]
pub fn value_words(value: Option<f64>, metric: &str) -> String {
    let unit = crate::model::MetricInfo::of_name(metric).unit;
    value.map_or_else(|| crate::format::NOT_MEASURED.into(), |value| measured(value, unit))
}

fn significant_points(points: f64) -> String {
    if points.abs() < 9.95 { format!("{points:.1}") } else { format!("{points:.0}") }
}
