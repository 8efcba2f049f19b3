//! All that is said of two or more sides: what `compare` prints.
//!
//! The JSON form is a promise, described in `docs/report-schema.md`.

use super::cases::matched;
use super::explain::{Explanation, explain};
use super::resources::{Resource, resources};
use super::{CacheChange, Comparison, Difference, SessionNoise, all, caches, differences, within};
use crate::bench::{BenchSet, Benchmark};
use crate::derive::diff::{Change, Diff, Options, Stacks, diff};
use crate::derive::selection::{Selected, Selection, selected_rows};
use crate::format;
use crate::model::{Bundle, Profile, WeightKind};
use crate::stats::{Rules, Verdict};
use serde::Serialize;
use std::sync::Arc;

/// Functions in the JSON of a pair of sides, largest difference first.
const FUNCTIONS: usize = 200;
/// More runs than these are not asked of anybody.
const MOST_RUNS: u64 = 1000;

/// One side as it was read.
#[derive(Clone, Debug, Default)]
pub struct Side {
    pub name: String,
    pub sets: Vec<BenchSet>,
    pub bundles: Vec<Bundle>,
}

/// What is asked of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub rules: Rules,
    pub noise: SessionNoise,
    /// Only these metrics; all where empty.
    pub metrics: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub sides: Vec<ReportSide>,
    pub environment: Vec<Difference>,
    pub comparisons: Vec<Comparison>,
    pub functions: Vec<FunctionRow>,
    pub explained: Vec<Explanation>,
    pub resources: Vec<Resource>,
    /// Hit rates of caches.
    pub caches: Vec<CacheChange>,
    pub warnings: Vec<String>,
    /// What would decide what is open: commands.
    pub next: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReportSide {
    pub name: String,
    pub sources: Vec<ReportSource>,
    pub benchmarks: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReportSource {
    pub name: String,
    pub tool: String,
    pub start: Option<String>,
    pub commit: Option<String>,
}

/// A function on two sides, in nanoseconds a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FunctionRow {
    pub benchmark: String,
    pub base: String,
    pub new: String,
    pub name: String,
    pub file: String,
    pub line: u32,
    pub own_code: bool,
    #[serde(rename = "self")]
    pub own: Change,
    pub total: Change,
    /// With what library, runtime and kernel code took that it called.
    pub charged: Change,
    pub samples: [u64; 2],
}

/// Compares each new side with base; without a new side the benchmarks of base with its first.
#[must_use]
pub fn compare(base: &Side, news: &[Side], question: &Question) -> Report {
    let mut report = Report { sides: std::iter::once(base).chain(news).map(side).collect(), ..Report::default() };
    for set in std::iter::once(base).chain(news).flat_map(|side| &side.sets) {
        report.warnings.extend(set.warnings.iter().map(|warning| format!("{}: {warning}", set.source)));
    }
    let wanted = |name: &str| question.metrics.is_empty() || question.metrics.iter().any(|metric| metric == name);
    if news.is_empty() {
        report.comparisons = base.sets.iter().flat_map(|set| within(set, &question.rules)).collect();
        report.comparisons.retain(|comparison| wanted(&comparison.metric));
        stacks_within(&mut report, base, question);
        let pairs = base.sets.iter().flat_map(|set| {
            let others = set.benchmarks.iter().skip(1);
            others.filter_map(|other| Some((set.benchmarks.first()?, other)))
        });
        report.next = next(&report.comparisons, pairs.map(|(a, b)| (b.name.clone(), a, b)).collect());
        return report;
    }
    let sets: Vec<&[BenchSet]> = news.iter().map(|new| new.sets.as_slice()).collect();
    report.comparisons = all(&base.sets, &sets, &question.noise, &question.rules, &wanted);
    for new in news {
        report.environment.extend(differences(&base.sets, &new.sets));
        let (pairs, [gone, fresh]) = matched(&base.sets, &new.sets);
        for (names, side) in [(gone, &base.name), (fresh, &new.name)] {
            if !names.is_empty() {
                report.warnings.push(format!("only in {side}: {}", names.join(", ")));
            }
        }
        for (name, bases, others) in &pairs {
            commands(&mut report.warnings, name, bases, others);
        }
        let [before, after] = [base, new].map(|side| side.bundles.iter().collect::<Vec<_>>());
        let own = resources(&before, &after);
        if !base.bundles.is_empty() && !new.bundles.is_empty() {
            report.resources.extend(own.into_iter().map(|resource| Resource {
                base: base.name.clone(),
                new: new.name.clone(),
                ..resource
            }));
            report.caches.extend(caches(&before, &after).into_iter().map(|change| CacheChange {
                base: base.name.clone(),
                new: new.name.clone(),
                ..change
            }));
            for (name, bases, others) in &pairs {
                let name_of = |side: &[&Benchmark]| side.first().map(|b| b.name.clone()).unwrap_or_default();
                let sides = [(base, name_of(bases)), (new, name_of(others))];
                stacks(&mut report, name, &sides, question);
            }
        }
        let pairs = pairs.iter().filter_map(|(name, a, b)| Some((name.clone(), *a.first()?, *b.first()?)));
        let own: Vec<Comparison> =
            report.comparisons.iter().filter(|c| c.new == super::side_name(&new.sets)).cloned().collect();
        report.next.extend(next(&own, pairs.collect()));
    }
    report.next.dedup();
    report
}

/// The command that would decide what is open, one for each benchmark.
fn next(comparisons: &[Comparison], pairs: Vec<(String, &Benchmark, &Benchmark)>) -> Vec<String> {
    let open = |c: &&Comparison| c.is_primary() && c.verdict == Verdict::Inconclusive;
    let mut steps = Vec::new();
    for (name, base, new) in pairs {
        let own: Vec<&Comparison> =
            comparisons.iter().filter(open).filter(|c| c.benchmark == name || c.new == name).collect();
        if own.is_empty() || base.command.is_empty() || new.command.is_empty() {
            continue;
        }
        let line = |benchmark: &Benchmark| format::command_line(&benchmark.command);
        let runs = own.iter().filter_map(|c| c.runs_needed).min().filter(|runs| *runs <= MOST_RUNS);
        let runs = runs.map_or_else(String::new, |runs| format!(" --runs {runs}"));
        if base.command == new.command {
            steps.push(format!(
                "{name}: both sides ran `{}`; keep both builds and run them in turns: perfcollect bench{runs} OLD NEW",
                line(base)
            ));
        } else {
            let word = |benchmark: &Benchmark| format::shell_word(&line(benchmark));
            steps.push(format!("{name}: perfcollect bench{runs} {} {}", word(base), word(new)));
        }
    }
    steps
}

fn side(side: &Side) -> ReportSide {
    let source = |set: &BenchSet| ReportSource {
        name: set.source.clone(),
        tool: set.tool.clone(),
        start: set.start.clone(),
        commit: set.commit.clone(),
    };
    let mut benchmarks: Vec<String> = Vec::new();
    for benchmark in side.sets.iter().flat_map(|set| &set.benchmarks) {
        if !benchmarks.contains(&benchmark.name) {
            benchmarks.push(benchmark.name.clone());
        }
    }
    ReportSide { name: side.name.clone(), sources: side.sets.iter().map(source).collect(), benchmarks }
}

fn commands(warnings: &mut Vec<String>, name: &str, base: &[&Benchmark], new: &[&Benchmark]) {
    let Some((base, new)) = base.first().zip(new.first()) else { return };
    if base.command != new.command && !base.command.is_empty() && !new.command.is_empty() {
        let (base, new) = (format::command_line(&base.command), format::command_line(&new.command));
        warnings.push(format!("{name}: the commands differ: `{base}` and `{new}`"));
    }
}

/// The arms of a recording of several benchmarks.
fn stacks_within(report: &mut Report, base: &Side, question: &Question) {
    let [bundle] = base.bundles.as_slice() else { return };
    let Some((first, others)) = bundle.manifest.benchmarks.split_first() else { return };
    if bundle.main_profile().is_none_or(|profile| profile.samples.is_empty()) {
        return;
    }
    for other in others {
        stacks(report, &first.name, &[(base, first.name.clone()), (base, other.name.clone())], question);
    }
}

/// Compares the stacks of a benchmark on two sides.
fn stacks(report: &mut Report, benchmark: &str, sides: &[(&Side, String); 2], question: &Question) {
    let options = Options {
        margin: question.rules.margin,
        confidence: question.rules.confidence,
        session_noise: question.noise.given.unwrap_or(Options::default().session_noise),
        ..Options::default()
    };
    let names = [0, 1].map(|at| {
        let (side, name) = &sides[at];
        if std::ptr::eq(sides[0].0, sides[1].0) { name.clone() } else { side.name.clone() }
    });
    match compared(sides, &options) {
        Ok(Some(found)) => {
            let mut explanation = explain(&found);
            benchmark.clone_into(&mut explanation.benchmark);
            [explanation.base, explanation.new] = names.clone();
            report.explained.push(explanation);
            report.functions.extend(functions(&found, benchmark, &names));
        }
        Ok(None) => report.warnings.push(format!(
            "{benchmark}: stacks are not compared, since not both sides have any; `perfcollect bench --profile` and \
             `perfcollect run` record them"
        )),
        Err(problem) => report.warnings.push(format!("{benchmark}: stacks are not compared: {problem}")),
    }
}

fn compared(sides: &[(&Side, String); 2], options: &Options) -> Result<Option<Diff>, String> {
    let has = |weight: WeightKind| {
        sides.iter().all(|(side, _)| {
            !side.bundles.is_empty() && side.bundles.iter().all(|bundle| profile(bundle, weight).is_some())
        })
    };
    let any = |weight: WeightKind| {
        sides.iter().any(|(side, _)| side.bundles.iter().any(|bundle| profile(bundle, weight).is_some()))
    };
    let weight = match () {
        () if has(WeightKind::Cpu) => WeightKind::Cpu,
        () if has(WeightKind::Wall) => WeightKind::Wall,
        () if any(WeightKind::Cpu) && any(WeightKind::Wall) => {
            return Err("one side measured CPU time, the other wall time".into());
        }
        () => return Ok(None),
    };
    let chosen: [Vec<(&Bundle, &Arc<Profile>, Selected)>; 2] = [0, 1].map(|at| {
        let of = |bundle| {
            let profile = profile(bundle, weight)?;
            Some((bundle, profile, selected_rows(profile, &Selection::default())))
        };
        sides[at].0.bundles.iter().filter_map(of).collect()
    });
    let inputs = [0, 1].map(|at| {
        let stacks = |(bundle, profile, selected)| {
            let bundle: &Bundle = bundle;
            // A recording of one benchmark is that one, whatever it is called.
            let benchmark = (bundle.manifest.benchmarks.len() > 1).then_some(sides[at].1.as_str());
            Stacks { profile, selected, runs: &bundle.runs, benchmark }
        };
        chosen[at].iter().map(|(bundle, profile, selected)| stacks((*bundle, profile, selected))).collect::<Vec<_>>()
    });
    diff(&inputs[0], &inputs[1], options).map(Some).map_err(|error| error.to_string())
}

fn profile(bundle: &Bundle, weight: WeightKind) -> Option<&Arc<Profile>> {
    bundle.profiles.iter().find(|profile| profile.info.weight == weight && !profile.samples.is_empty())
}

fn functions(diff: &Diff, benchmark: &str, [base, new]: &[String; 2]) -> Vec<FunctionRow> {
    let row = |function: &crate::derive::diff::FunctionChange| FunctionRow {
        benchmark: benchmark.to_owned(),
        base: base.clone(),
        new: new.clone(),
        name: diff.profile.function_name(function.function).to_owned(),
        file: diff.profile.function_file(function.function).to_owned(),
        line: diff.profile.function(function.function).start_line,
        own_code: diff.profile.function(function.function).kind == crate::model::FunctionKind::Own,
        own: function.own,
        total: function.total,
        charged: function.charged,
        samples: function.samples,
    };
    diff.functions.iter().take(FUNCTIONS).map(row).collect()
}
