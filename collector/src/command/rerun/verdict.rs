//! Whether the second recording says what the first did.

use crate::exit_code::ExitCode;
use perfcollect_shared::bench::BenchSet;
use perfcollect_shared::compare::{Comparison, SessionNoise, sets};
use perfcollect_shared::format::metric::name as metric_name;
use perfcollect_shared::format::{difference, measured, share};
use perfcollect_shared::model::{Bundle, MetricInfo};
use perfcollect_shared::report::{ReportFunction, report};
use perfcollect_shared::stats::{Rules, Verdict};

/// Functions that are compared.
const TOP: usize = 3;
/// With fewer samples on a side functions are not compared.
const ENOUGH: u64 = 100;
/// Smallest share that makes a function one of those that matter, and the difference in it that is no chance.
const MATTERS: f64 = 0.1;

/// The answer: lines for people, and the exit code.
pub(super) struct Answer {
    pub(super) lines: Vec<String>,
    pub(super) code: ExitCode,
}

/// Compares the recording of then with the one of now.
pub(super) fn verdict(then: &Bundle, now: &Bundle, margin: f64) -> Answer {
    let (base, new) = (BenchSet::of_bundle(then, "then"), BenchSet::of_bundle(now, "now"));
    let rules = Rules { margin, ..Rules::default() };
    let comparisons = sets(&[base], &[new], &SessionNoise::default(), &rules);
    let (mut lines, mut differs, mut open) = (Vec::new(), Vec::new(), Vec::new());
    exits(then, now, &mut lines, &mut differs, &mut open);
    let mut decided = 0;
    for comparison in &comparisons {
        if comparison.is_primary() || comparison.metric == "rss_bytes" {
            lines.push(line(comparison));
        }
        let name = metric_name(&comparison.metric);
        match comparison.verdict {
            _ if !comparison.is_primary() => {}
            Verdict::Same => decided += 1,
            Verdict::Slower => differs.push(format!("{name} is slower")),
            Verdict::Faster => differs.push(format!("{name} is faster")),
            Verdict::Inconclusive => open.push(reason(comparison, name)),
        }
    }
    if decided == 0 && open.is_empty() && differs.is_empty() {
        open.push("neither wall nor CPU time was measured on both sides".to_owned());
    }
    functions(then, now, &mut lines, &mut differs);
    let (code, last) = match (differs.is_empty(), open.is_empty()) {
        (false, _) => (ExitCode::GATE_FAILED, format!("differs: {}", differs.join("; "))),
        (true, false) => (ExitCode::UNDECIDED, format!("cannot tell: {}", open.join("; "))),
        (true, true) => (ExitCode::FINE, "reproduces: within the margin, it is as it was".to_owned()),
    };
    lines.push(last);
    Answer { lines, code }
}

fn exits(then: &Bundle, now: &Bundle, lines: &mut Vec<String>, differs: &mut Vec<String>, open: &mut Vec<String>) {
    let status = |bundle: &Bundle| bundle.manifest.exit.status();
    let text = |status: Option<i32>| status.map_or_else(|| "not seen".to_owned(), |status| status.to_string());
    let (a, b) = (status(then), status(now));
    lines.push(format!("{:<11} {} then, {} now", "exit", text(a), text(b)));
    match (a, b) {
        (Some(a), Some(b)) if a != b => differs.push(format!("it ended with {b}, not {a}")),
        (Some(_), Some(_)) => {}
        _ => open.push("how it ended was not seen on both sides".to_owned()),
    }
}

fn line(comparison: &Comparison) -> String {
    let unit = MetricInfo::of_name(&comparison.metric).unit;
    let value = |value: Option<f64>| value.map_or_else(|| "not measured".to_owned(), |value| measured(value, unit));
    let change = comparison
        .ratio
        .map_or_else(String::new, |ratio| format!(": {}", difference(ratio, comparison.low.zip(comparison.high))));
    let verdict = match comparison.verdict {
        Verdict::Slower if comparison.metric.ends_with("_bytes") => "more",
        Verdict::Faster if comparison.metric.ends_with("_bytes") => "less",
        Verdict::Slower => "slower",
        Verdict::Faster => "faster",
        Verdict::Same => "the same",
        Verdict::Inconclusive => "cannot tell",
    };
    let (then, now) = (value(comparison.base_value), value(comparison.new_value));
    format!("{:<11} {then} then, {now} now{change}, {verdict}", metric_name(&comparison.metric))
}

fn reason(comparison: &Comparison, name: &str) -> String {
    let notes = comparison.notes.join(", ");
    match comparison.detectable {
        _ if comparison.incomparable => notes,
        Some(detectable) => format!("{name} differs by less than {} or not at all", share(detectable)),
        None if notes.is_empty() => format!("there are too few runs to judge {name}"),
        None => format!("{name}: {notes}"),
    }
}

/// The functions with most time of then and of now must have about the same share on both sides.
fn functions(then: &Bundle, now: &Bundle, lines: &mut Vec<String>, differs: &mut Vec<String>) {
    let samples = |bundle: &Bundle| bundle.main_profile().map_or(0, |profile| profile.info.samples);
    if samples(then).min(samples(now)) < ENOUGH {
        lines.push(format!("{:<11} too few samples to compare them", "functions"));
        return;
    }
    let (a, b) = (report(then).functions, report(now).functions);
    let mut told: Vec<(&str, f64, f64)> = Vec::new();
    for function in a.iter().take(TOP).chain(b.iter().take(TOP)) {
        let of = |side: &[ReportFunction]| -> f64 {
            side.iter().filter(|other| other.name == function.name).map(|other| other.self_share).sum()
        };
        let (before, after) = (of(&a), of(&b));
        if f64::max(before, after) >= MATTERS && told.iter().all(|(name, ..)| *name != function.name) {
            told.push((&function.name, before, after));
        }
    }
    for (name, before, after) in told {
        let name = super::show::visible(name);
        lines.push(format!("{:<11} {name}: {} then, {} now", "function", share(before), share(after)));
        if (before - after).abs() >= MATTERS {
            differs.push(format!("{name} has {} of the time, not {}", share(after), share(before)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perfcollect_shared::model::{Exit, Manifest, Run};
    use perfcollect_shared::units::Nanos;
    use perfcollect_shared::{merge, testing};
    use std::sync::Arc;

    /// Ten runs of about so many ms, with the picture as stacks of each.
    fn bundle(ms: f64, code: i32, picture: &str) -> Bundle {
        let part = |index: u32| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few milliseconds")]
            let time = Some(Nanos((ms * (1.0 + f64::from(index % 5) * 0.0005) * 1e6) as u64));
            let exit = Exit { code: Some(code), signal: None };
            let manifest = Manifest { exit, wall_ns: time, cpu_ns: time, ..Manifest::default() };
            let profiles = vec![Arc::new(testing::profile(picture))];
            (Bundle { manifest, profiles, ..Bundle::default() }, Run { benchmark: "x".into(), ..Run::default() })
        };
        merge::runs((0..10).map(part)).unwrap()
    }

    const STACKS: &str = "A A A A A A A A A A\nB B B B B B C C C C";

    fn check(now: &Bundle, margin: f64, code: ExitCode, last: &str) {
        let answer = verdict(&bundle(100.0, 0, STACKS), now, margin);
        let text = answer.lines.join("\n");
        assert_eq!(answer.code, code, "{text}");
        assert!(answer.lines.last().unwrap().starts_with(last), "{text}");
    }

    #[test]
    fn it_reproduces_differs_or_cannot_be_told() {
        check(&bundle(100.1, 0, STACKS), 0.1, ExitCode::FINE, "reproduces");
        check(
            &bundle(150.0, 0, STACKS),
            0.1,
            ExitCode::GATE_FAILED,
            "differs: wall time is slower; CPU time is slower",
        );
        check(&bundle(100.1, 3, STACKS), 0.1, ExitCode::GATE_FAILED, "differs: it ended with 3, not 0");
        // Two sessions of the same program differ by more than 0.1 %.
        check(&bundle(100.1, 0, STACKS), 0.001, ExitCode::UNDECIDED, "cannot tell: ");
        let moved = "A A A A A A A A A A\nB B B C C C C C C C";
        check(&bundle(100.1, 0, moved), 0.1, ExitCode::GATE_FAILED, "differs: B has 30 % of the time, not 60 %; C has");
    }

    #[test]
    fn one_run_tells_nothing_of_times() {
        let mut one = bundle(100.0, 0, STACKS);
        one.runs = Arc::default();
        check(&one, 0.1, ExitCode::UNDECIDED, "cannot tell: ");
    }
}
