//! Gates on functions: their share of the CPU time, and their change against base.

use super::{Functions, Outcome, Side, Status, matches};
use crate::compare::SessionNoise;
use crate::derive::diff::{Diff, Effect, FunctionChange, Options, Stacks, diff};
use crate::derive::selection::{Selected, Selection, selected_rows};
use crate::format::{measured, plural, share as percent};
use crate::model::{Bundle, Profile, Unit, WeightKind};
use crate::stats::{self, Rules, mean, summary};

const SHARE: &str = "function";
const SLOWER: &str = "function_regression";
/// Runs from which on they show themselves how they differ.
const RUNS: usize = 6;
/// Functions below this share of either side are not looked at when a pattern fits many: they are always inside the noise.
const SMALLEST: f64 = 0.01;
/// Most functions that one gate tells of.
const LISTED: usize = 20;
/// Relative standard deviation between sessions where nothing is known; see `compare::SessionNoise`.
const ASSUMED_NOISE: f64 = 0.015;

/// Time of one run: in the functions, and in all of it.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    inside: f64,
    whole: f64,
}

/// Whether the functions take more than `max`, a part of the CPU time or nanoseconds a run.
pub(super) fn share(functions: &Functions, max: f64, unit: Unit, confidence: f64, side: Side<'_>) -> Outcome {
    let unknown = |why: String| Outcome { unit, ..Outcome::unknown(SHARE, functions.describe(), "", why) };
    let profiles: Vec<(&Bundle, &Profile)> =
        side.bundles.iter().filter_map(|bundle| Some((bundle, cpu_profile(bundle)?))).collect();
    if profiles.is_empty() {
        return unknown(format!(
            "{} holds no stacks; record them with `perfcollect run` or `bench --profile`",
            side.name
        ));
    }
    let mut parts = Vec::new();
    let (mut sum, mut squares, mut seen) = (0.0, 0.0, false);
    for (bundle, profile) in profiles {
        let inside = stacks_inside(profile, functions);
        seen |= inside.iter().any(|&inside| inside);
        for (weight, &count) in profile.samples.weight.iter().zip(&profile.samples.count) {
            sum += weight.as_f64();
            squares += weight.as_f64().powi(2) / f64::from(count.max(1));
        }
        parts.extend(parts_of(bundle, profile, &inside));
    }
    parts.retain(|part| part.whole > 0.0);
    if !seen {
        return unknown(format!("no function that fits `{}` was seen in any stack", functions.describe()));
    }
    if parts.is_empty() || squares <= 0.0 {
        return unknown("no sample belongs to a run that counts".into());
    }
    let value = |part: &Part| if unit == Unit::Ratio { part.inside / part.whole } else { part.inside };
    let values: Vec<f64> = parts.iter().map(value).collect();
    let whole = mean(&parts.iter().map(|part| part.whole).collect::<Vec<_>>()).unwrap_or_default();
    let inside = mean(&parts.iter().map(|part| part.inside).collect::<Vec<_>>()).unwrap_or_default();
    let by_runs = summary(&values, confidence).filter(|_| values.len() >= RUNS);
    let (figure, low, high) = by_runs.map_or_else(
        || {
            let scale = if unit == Unit::Ratio { 1.0 } else { whole };
            let (low, high) = wilson(inside / whole, sum * sum / squares, confidence);
            (inside / whole * scale, Some(low * scale), Some(high * scale))
        },
        |runs| (runs.median, runs.low, runs.high),
    );
    let status = match (low, high) {
        (_, Some(high)) if high <= max => Status::Pass,
        (Some(low), _) if low > max => Status::Fail,
        _ => Status::Unknown,
    };
    let told = |value: Option<f64>| value.map_or_else(|| "?".into(), |value| measured(value, unit));
    let runs = plural(parts.len() as u64, "run");
    let from = if by_runs.is_some() { runs } else { format!("{runs}, of which only the error of sampling is known") };
    let more = if status == Status::Unknown {
        ": the interval lies on both sides of the bound; more runs narrow it"
    } else {
        ""
    };
    let why = format!("{} [{}, {}] from {from}{more}", told(Some(figure)), told(low), told(high));
    let runs = parts.len() as u64;
    Outcome { status, value: Some(figure), low, high, runs, why, ..unknown(String::new()) }
}

/// Wilson's score interval of a share that was seen in `n` samples; see `derive::interval`.
fn wilson(share: f64, n: f64, confidence: f64) -> (f64, f64) {
    let z = stats::quantile(1.0 - (1.0 - confidence) / 2.0);
    let p = share.clamp(0.0, 1.0);
    let z2 = z * z;
    let center = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    ((center - half).max(0.0), (center + half).min(1.0))
}

fn cpu_profile(bundle: &Bundle) -> Option<&Profile> {
    bundle.main_profile().map(AsRef::as_ref).filter(|profile| profile.info.weight == WeightKind::Cpu)
}

fn fits(profile: &Profile, function: crate::model::FunctionId, wanted: &Functions) -> bool {
    let name = wanted.name.as_deref().is_none_or(|pattern| matches(pattern, profile.function_name(function)));
    name && wanted.file.as_deref().is_none_or(|pattern| fits_file(pattern, profile.function_file(function)))
}

/// A pattern that does not begin at the root fits anywhere in a path.
fn fits_file(pattern: &str, file: &str) -> bool {
    if file.is_empty() {
        return false;
    }
    let anywhere = format!("**/{pattern}");
    matches(pattern, file) || (!pattern.starts_with('/') && matches(&anywhere, file))
}

/// Whether each stack is in the functions: anywhere, or with its leaf.
fn stacks_inside(profile: &Profile, wanted: &Functions) -> Vec<bool> {
    let functions: Vec<bool> = (0..profile.functions.len())
        .map(|index| fits(profile, crate::model::FunctionId::from_index(index), wanted))
        .collect();
    (0..profile.stacks.len())
        .map(|index| {
            let frames = profile.stacks.frames(crate::model::StackId::from_index(index));
            let looked_at = if wanted.own { 1 } else { usize::MAX };
            frames.take(looked_at).any(|frame| functions[profile.frame_function(frame).index()])
        })
        .collect()
}

/// Time by run where samples can be told apart by their times, else of the whole recording.
fn parts_of(bundle: &Bundle, profile: &Profile, inside: &[bool]) -> Vec<Part> {
    let samples = &profile.samples;
    let mut starts: Vec<(u64, bool)> = bundle.runs.iter().filter_map(|run| Some((run.t_ns?.0, run.counts()))).collect();
    starts.sort_unstable();
    let times = samples.time.as_ref().filter(|_| !starts.is_empty() && starts.len() == bundle.runs.len());
    let mut parts = vec![Part::default(); starts.len().max(1)];
    for row in 0..samples.len() {
        let place = match times {
            Some(times) => match starts.partition_point(|(start, _)| *start <= times[row].0).checked_sub(1) {
                Some(run) if starts[run].1 => run,
                _ => continue,
            },
            None => 0,
        };
        let weight = samples.weight[row].as_f64();
        parts[place].whole += weight;
        if inside[samples.stack[row].index()] {
            parts[place].inside += weight;
        }
    }
    if times.is_none() && bundle.runs.len() > 1 {
        // Times of several runs that cannot be told apart: their mean is one value.
        #[expect(clippy::cast_precision_loss, reason = "no bundle has 2^53 runs")]
        let runs = bundle.runs.len() as f64;
        for part in &mut parts {
            *part = Part { inside: part.inside / runs, whole: part.whole / runs };
        }
    }
    parts
}

/// Whether functions became slower than in base.
pub(super) fn slower(
    functions: &Functions,
    rules: &Rules,
    noise: &SessionNoise,
    new: Side<'_>,
    base: Option<Side<'_>>,
) -> Vec<Outcome> {
    let unknown = |why: String| vec![Outcome::unknown(SLOWER, functions.describe(), "", why)];
    let Some(base) = base else {
        return unknown("there is nothing to compare with; name a base with --against".into());
    };
    let (base_rows, new_rows) = (selected(base), selected(new));
    if base_rows.is_empty() || new_rows.is_empty() {
        let side = if base_rows.is_empty() { base.name } else { new.name };
        return unknown(format!("{side} holds no stacks; record them with `perfcollect run` or `bench --profile`"));
    }
    let options = Options {
        margin: rules.margin,
        confidence: rules.confidence,
        session_noise: noise.given.unwrap_or(ASSUMED_NOISE),
        ..Options::default()
    };
    match diff(&sources(&base_rows), &sources(&new_rows), &options) {
        Err(error) => unknown(error.to_string()),
        Ok(diff) => of_diff(functions, rules, &diff),
    }
}

fn selected(side: Side<'_>) -> Vec<(&Bundle, &Profile, Selected)> {
    let profiles = side.bundles.iter().filter_map(|bundle| Some((bundle, cpu_profile(bundle)?)));
    profiles.map(|(bundle, profile)| (bundle, profile, selected_rows(profile, &Selection::default()))).collect()
}

fn sources<'a>(rows: &'a [(&'a Bundle, &'a Profile, Selected)]) -> Vec<Stacks<'a>> {
    let stacks = |(bundle, profile, selected): &'a (&'a Bundle, &'a Profile, Selected)| Stacks {
        profile,
        selected,
        runs: &bundle.runs,
        benchmark: None,
    };
    rows.iter().map(stacks).collect()
}

fn of_diff(wanted: &Functions, rules: &Rules, diff: &Diff) -> Vec<Outcome> {
    let all = diff.all().total;
    let fitting: Vec<&FunctionChange> =
        diff.functions.iter().filter(|row| fits(&diff.profile, row.function, wanted)).collect();
    let many = fitting.len() > 1;
    let change = |row: &FunctionChange| if wanted.own { row.own } else { row.total };
    let mut chosen: Vec<&FunctionChange> = fitting
        .iter()
        .copied()
        .filter(|row| {
            let one = change(row);
            !many || one.base >= SMALLEST * all.base || one.new >= SMALLEST * all.new
        })
        .collect();
    chosen.sort_by(|a, b| change(b).difference().total_cmp(&change(a).difference()));
    if chosen.is_empty() {
        let why = match fitting.len() {
            0 => format!("no function that fits `{}` was seen on either side", wanted.describe()),
            _ => {
                "none of the functions that fit takes 1 % of the time on either side: too little to say anything".into()
            }
        };
        return vec![Outcome::unknown(SLOWER, wanted.describe(), "", why)];
    }
    // Failures come first by their size; whether the rest holds is still decided by all of it.
    let mut found: Vec<Outcome> = chosen.iter().map(|row| of_function(row, change(row), rules, diff)).collect();
    found.sort_by_key(|outcome| std::cmp::Reverse(outcome.status));
    found.truncate(LISTED);
    found
}

fn of_function(row: &FunctionChange, change: crate::derive::diff::Change, rules: &Rules, diff: &Diff) -> Outcome {
    let time = |value| measured(value, Unit::Nanoseconds);
    let ratio = |value: f64| (change.base > 0.0).then(|| (change.base + value) / change.base);
    let (low, high) = (ratio(change.low), ratio(change.high));
    let status = match change.effect {
        Effect::Worse | Effect::New => Status::Fail,
        Effect::Better | Effect::Gone => Status::Pass,
        Effect::Same if !diff.noise_unknown && high.is_some_and(|high| high < 1.0 + rules.margin) => Status::Pass,
        Effect::Unknown | Effect::Same => Status::Unknown,
    };
    let interval = match low.zip(high) {
        Some((low, high)) => {
            use crate::format::metric::change as worded;
            format!("{} [{}, {}]", worded(change.new / change.base), worded(low), worded(high))
        }
        None => "not seen in base".to_owned(),
    };
    let share = percent(if diff.all().total.new > 0.0 { change.new / diff.all().total.new } else { 0.0 });
    let mut why = format!("{interval}, {} to {} a run ({share} of all)", time(change.base), time(change.new));
    if status == Status::Unknown {
        why.push_str(if diff.noise_unknown {
            "; one run a side does not tell how runs differ: record several, `perfcollect run --runs 10`"
        } else {
            "; inside the noise, but not surely within the margin: more runs narrow it"
        });
    }
    Outcome {
        status,
        kind: SLOWER,
        subject: diff.profile.function_name(row.function).to_owned(),
        value: ratio(change.difference()),
        low,
        high,
        unit: Unit::Ratio,
        runs: diff.runs[0].min(diff.runs[1]),
        why,
        ..Outcome::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use std::sync::Arc;

    fn bundle(picture: &str) -> [Bundle; 1] {
        [Bundle { profiles: vec![Arc::new(testing::profile(picture))], ..Bundle::default() }]
    }

    fn judge(bundles: &[Bundle], name: &str, own: bool, max: f64) -> Outcome {
        let functions = Functions { name: Some(name.into()), file: None, own };
        share(&functions, max, Unit::Ratio, 0.95, Side { name: "x", sets: &[], bundles })
    }

    #[test]
    fn a_share_has_the_interval_of_its_samples() {
        // 100 of 400 samples: Wilson's interval is 21.0 to 29.5 %.
        let picture = format!("{}\n{}{}", "main ".repeat(400), "parse ".repeat(100), "work ".repeat(300));
        let bundles = bundle(&picture);
        assert_eq!(judge(&bundles, "parse", false, 0.30).status, Status::Pass);
        assert_eq!(judge(&bundles, "parse", false, 0.27).status, Status::Unknown);
        assert_eq!(judge(&bundles, "p*", false, 0.20).status, Status::Fail);
        let found = judge(&bundles, "parse", false, 0.30);
        assert!((found.low.unwrap() - 0.2100).abs() < 1e-3 && (found.high.unwrap() - 0.2947).abs() < 1e-3, "{found:?}");
        assert_eq!(judge(&bundles, "main", true, 0.05).status, Status::Pass, "main does nothing itself");
        assert_eq!(judge(&bundles, "main", false, 0.99).status, Status::Fail);
    }

    #[test]
    fn a_function_that_was_never_seen_is_unknown() {
        let found = judge(&bundle("main main"), "prase", false, 0.5);
        assert!(found.status == Status::Unknown && found.why.contains("`prase`"), "{}", found.why);
        assert!(judge(&[], "main", false, 0.5).why.contains("holds no stacks"));
    }

    #[test]
    fn one_run_a_side_cannot_pass_a_regression_of_a_function() {
        let (base, new) = (bundle("main main main main\na a b b"), bundle("main main main main\na a b b"));
        let side = |bundles| Side { name: "x", sets: &[], bundles };
        let functions = Functions { name: Some("a".into()), ..Functions::default() };
        let noise = SessionNoise::default();
        let found = slower(&functions, &Rules::default(), &noise, side(&new), Some(side(&base)));
        assert_eq!(found.iter().map(|one| one.status).collect::<Vec<_>>(), [Status::Unknown], "{found:?}");
        assert!(slower(&functions, &Rules::default(), &noise, side(&new), None)[0].why.contains("--against"));
    }

    #[test]
    fn files_fit_anywhere_in_a_path() {
        assert!(fits_file("src/*.rs", "/home/u/app/src/a.rs") && !fits_file("src/*.rs", "/home/u/app/src/deep/a.rs"));
        assert!(fits_file("/home/**", "/home/u/a.rs") && !fits_file("*", ""));
    }
}
