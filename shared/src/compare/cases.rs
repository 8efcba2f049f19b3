//! Which values are compared with which, how, and all verdicts of a report together.
//!
//! Designs are those of `statistics` A to D: pairs of one session, groups of one session, sessions, and one process that
//! measured many times.

use super::environment::{differences, side_name};
use super::noise::floor;
use super::{Comparison, PRIMARY, SessionNoise};
use crate::bench::{BenchSet, Benchmark, Metric};
use crate::model::Better;
use crate::stats::{self, Method, Outcome, Rules, SESSIONS, Verdict, median};
use std::collections::BTreeMap;

/// One comparison before it is judged.
struct Case {
    benchmark: String,
    sides: [String; 2],
    /// All values of a side: one metric for each session.
    base: Vec<Metric>,
    new: Vec<Metric>,
    design: Design,
    decides: bool,
    /// Of base and of new, where each side ran another.
    programs: Option<[String; 2]>,
    notes: Vec<String>,
    incomparable: bool,
}

enum Design {
    /// Both sides were measured in one session.
    Session,
    /// Sides were measured in different ones, which differ by this much.
    Sessions { sd: f64, note: String },
}

/// Compares the benchmarks of one set with its first, by pairs where they were run in blocks.
#[must_use]
pub fn within(set: &BenchSet, rules: &Rules) -> Vec<Comparison> {
    let Some((base, others)) = set.benchmarks.split_first() else { return Vec::new() };
    judge(others.iter().flat_map(|new| cases_of(base, new)).collect(), rules)
}

/// Compares every metric that two benchmarks of one session have.
#[must_use]
pub fn benchmarks(base: &Benchmark, new: &Benchmark, rules: &Rules) -> Vec<Comparison> {
    judge(cases_of(base, new), rules)
}

/// Compares two sides that were measured in different sessions. A side is one session or several.
#[must_use]
pub fn sets(base: &[BenchSet], new: &[BenchSet], noise: &SessionNoise, rules: &Rules) -> Vec<Comparison> {
    all(base, &[new], noise, rules, &|_| true)
}

/// Compares each new side with base, judges all together, and only the metrics that are wanted.
#[must_use]
pub fn all(
    base: &[BenchSet],
    news: &[&[BenchSet]],
    noise: &SessionNoise,
    rules: &Rules,
    wanted: &dyn Fn(&str) -> bool,
) -> Vec<Comparison> {
    let mut cases = Vec::new();
    for new in news {
        let mut own = cases_of_sets(base, new, noise);
        own.retain(|case| case.base.iter().any(|metric| wanted(&metric.name)));
        cases.append(&mut own);
    }
    judge(cases, rules)
}

fn cases_of(base: &Benchmark, new: &Benchmark) -> Vec<Case> {
    let first = base.metrics.first().map(|metric| metric.name.as_str());
    let both = base.metrics.iter().filter_map(|metric| Some((metric, new.metric(&metric.name)?)));
    both.map(|(a, b)| Case {
        benchmark: base.name.clone(),
        sides: [base.name.clone(), new.name.clone()],
        decides: decides(base, &a.name, first),
        base: vec![a.clone()],
        new: vec![b.clone()],
        design: Design::Session,
        programs: None,
        notes: Vec::new(),
        incomparable: false,
    })
    .collect()
}

/// Wall and CPU time decide; where a benchmark has neither, its first metric does.
fn decides(benchmark: &Benchmark, metric: &str, first: Option<&str>) -> bool {
    let has_primary = PRIMARY.iter().any(|name| benchmark.metric(name).is_some());
    if has_primary { PRIMARY.contains(&metric) } else { first == Some(metric) }
}

/// A benchmark of a side, wherever in its sets.
fn of_side(sets: &[BenchSet]) -> Vec<(String, Vec<&Benchmark>)> {
    // A group of recordings of one command each is one benchmark, whatever the command is called.
    if sets.iter().all(|set| set.benchmarks.len() == 1) {
        let all: Vec<&Benchmark> = sets.iter().filter_map(|set| set.benchmarks.first()).collect();
        return all.first().map(|first| (first.name.clone(), all.clone())).into_iter().collect();
    }
    let mut order = Vec::new();
    let mut by_name: BTreeMap<&str, Vec<&Benchmark>> = BTreeMap::new();
    for benchmark in sets.iter().flat_map(|set| &set.benchmarks) {
        let known = by_name.entry(&benchmark.name).or_default();
        if known.is_empty() {
            order.push(benchmark.name.as_str());
        }
        known.push(benchmark);
    }
    order.into_iter().filter_map(|name| Some((name.to_owned(), by_name.remove(name)?))).collect()
}

/// A benchmark's name and what it is in each session of base and of new.
type Match<'a> = (String, Vec<&'a Benchmark>, Vec<&'a Benchmark>);

/// Benchmarks of both sides: by name, else by command, else the only one of each; and the names of the rest.
pub(super) fn matched<'a>(base: &'a [BenchSet], new: &'a [BenchSet]) -> (Vec<Match<'a>>, [Vec<String>; 2]) {
    let (base, mut new) = (of_side(base), of_side(new));
    let only = base.len() == 1 && new.len() == 1;
    let (mut both, mut alone) = (Vec::new(), Vec::new());
    let mut rest = Vec::new();
    for (name, benchmarks) in base {
        match new.iter().position(|(other, _)| *other == name) {
            Some(at) => both.push((name, benchmarks, new.remove(at).1)),
            None => rest.push((name, benchmarks)),
        }
    }
    for (name, benchmarks) in rest {
        let command = benchmarks.first().map(|benchmark| benchmark.command.as_slice()).unwrap_or_default();
        let same = |other: &Vec<&Benchmark>| {
            other.first().is_some_and(|other| !command.is_empty() && other.command == command)
        };
        match new.iter().position(|(_, others)| same(others)).or(only.then_some(0)).filter(|&at| at < new.len()) {
            Some(at) => both.push((name, benchmarks, new.remove(at).1)),
            None => alone.push(name),
        }
    }
    (both, [alone, new.into_iter().map(|(name, _)| name).collect()])
}

fn cases_of_sets(base: &[BenchSet], new: &[BenchSet], noise: &SessionNoise) -> Vec<Case> {
    let decisive: Vec<String> = differences(base, new)
        .iter()
        .filter(|difference| difference.decisive)
        .map(|d| format!("not comparable: {} is {} in base and {} in new", d.field, d.base_value, d.new_value))
        .collect();
    let sides = [side_name(base), side_name(new)];
    let paid = recorded_apart(base, new);
    let mut cases = Vec::new();
    for (name, bases, news) in matched(base, new).0 {
        let Some((first, other)) = bases.first().zip(news.first()) else { continue };
        let mut notes = decisive.clone();
        let parameters = |benchmark: &Benchmark| {
            let all: Vec<String> = benchmark.parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
            all.join(" ")
        };
        if first.parameters != other.parameters && first.name == other.name {
            notes.push(format!(
                "not comparable: parameters are {} in base and {} in new",
                parameters(first),
                parameters(other)
            ));
        }
        for metric in &first.metrics {
            let of = |side: &[&Benchmark]| -> Vec<Metric> {
                side.iter().filter_map(|benchmark| benchmark.metric(&metric.name)).cloned().collect()
            };
            let (base_values, new_values) = (of(&bases), of(&news));
            let Some(partner) = new_values.first() else { continue };
            let mut notes = notes.clone();
            if (partner.unit, partner.better) != (metric.unit, metric.better) {
                notes.push("not comparable: the two sides measure in different units".into());
            }
            let (sd, note) = match base.first() {
                Some(like) => noise.of(&name, &metric.name, like),
                None => continue,
            };
            cases.push(Case {
                benchmark: name.clone(),
                sides: sides.clone(),
                decides: decides(first, &metric.name, first.metrics.first().map(|metric| metric.name.as_str())),
                base: base_values,
                new: new_values,
                design: Design::Sessions { sd, note },
                programs: programs_apart(first, other),
                incomparable: !notes.is_empty(),
                notes: notes.into_iter().chain(paid.clone()).collect(),
            });
        }
    }
    cases
}

/// What is to be known where only one side was measured while its stacks were sampled.
fn recorded_apart(base: &[BenchSet], new: &[BenchSet]) -> Option<String> {
    let recorded = |side: &[BenchSet]| side.iter().any(|set| set.recorded);
    let one = match (recorded(base), recorded(new)) {
        (true, false) => "base",
        (false, true) => "new",
        _ => return None,
    };
    Some(format!("only {one} was recorded with stacks: its times hold what recording costs, those of the other do not"))
}

/// The programs of two sides, where they are not the same.
fn programs_apart(base: &Benchmark, new: &Benchmark) -> Option<[String; 2]> {
    let [one, other] = [base, new].map(|benchmark| crate::format::program(&benchmark.command));
    (one != other && !base.command.is_empty() && !new.command.is_empty()).then_some([one, other])
}

/// All verdicts of a report: those that decide hold together, so that of those called different few are chance.
fn judge(cases: Vec<Case>, rules: &Rules) -> Vec<Comparison> {
    let judged: Vec<usize> =
        (0..cases.len()).filter(|&index| cases[index].decides && !cases[index].incomparable).collect();
    let mut outcomes: Vec<Outcome> = cases.iter().map(|case| case.outcome(rules).0).collect();
    let mut deciding: Vec<Outcome> = judged.iter().map(|&index| outcomes[index]).collect();
    let selection = stats::together(&mut deciding, rules, |at, rules| cases[judged[at]].outcome(rules).0);
    let mut by_chance = vec![false; cases.len()];
    for (at, &index) in judged.iter().enumerate() {
        let different = matches!(outcomes[index].verdict, Verdict::Slower | Verdict::Faster);
        by_chance[index] = different && !selection.selected[at];
        outcomes[index] = deciding[at];
    }
    let many = judged.len();
    cases
        .into_iter()
        .zip(outcomes)
        .zip(by_chance)
        .map(|((case, outcome), by_chance)| case.comparison(&outcome, by_chance.then_some(many), rules))
        .collect()
}

impl Case {
    fn outcome(&self, rules: &Rules) -> (Outcome, Vec<String>) {
        match (&self.design, self.base.as_slice(), self.new.as_slice()) {
            (Design::Session, [base], [new]) => in_session(base, new, rules),
            (Design::Sessions { sd, note }, ..) => across_sessions(&self.base, &self.new, *sd, note, rules),
            _ => (Outcome { method: Method::None, ..Outcome::default() }, Vec::new()),
        }
    }

    fn comparison(self, outcome: &Outcome, by_chance: Option<usize>, rules: &Rules) -> Comparison {
        let (_, mut notes) = self.outcome(rules);
        let first = self.base.first().cloned().unwrap_or_default();
        let verdict = match (first.better, outcome.verdict) {
            (Better::Higher, Verdict::Slower) => Verdict::Faster,
            (Better::Higher, Verdict::Faster) => Verdict::Slower,
            (_, verdict) => verdict,
        };
        if let Some(many) = by_chance {
            notes.push(format!("among {many} comparisons, chance alone brings up such a difference"));
        }
        let value = |metrics: &[Metric]| {
            let values: Vec<f64> = metrics.iter().filter_map(central).collect();
            median(&values)
        };
        let mut comparison = Comparison {
            base_value: value(&self.base),
            new_value: value(&self.new),
            benchmark: self.benchmark,
            metric: first.name.clone(),
            ratio: outcome.ratio.map(|ratio| ratio.value),
            low: outcome.ratio.map(|ratio| ratio.low).filter(|low| *low > 0.0),
            high: outcome.ratio.map(|ratio| ratio.high).filter(|high| high.is_finite()),
            confidence: if outcome.confidence > 0.0 { outcome.confidence } else { rules.confidence },
            margin: rules.margin,
            verdict,
            floor: match (self.base.as_slice(), self.new.as_slice()) {
                ([base], [new]) => floor(base, new, outcome.method, rules),
                _ => None,
            },
            detectable: outcome.detectable,
            runs: outcome.runs,
            runs_needed: outcome.needed,
            p: outcome.p,
            method: outcome.method,
            below_margin: outcome.below_margin,
            programs: self.programs,
            incomparable: self.incomparable,
            notes: self.notes,
            ..Comparison::default()
        };
        [comparison.base, comparison.new] = self.sides;
        comparison.notes.append(&mut notes);
        if comparison.incomparable {
            // The ratio is a fact; what it means is not known.
            comparison.verdict = Verdict::Inconclusive;
            (comparison.low, comparison.high, comparison.p) = (None, None, None);
            (comparison.detectable, comparison.runs_needed, comparison.below_margin) = (None, None, false);
            comparison.method = Method::None;
        }
        comparison
    }
}

/// Pairs where there are blocks, else two groups.
fn in_session(base: &Metric, new: &Metric, rules: &Rules) -> (Outcome, Vec<String>) {
    let (a, b) = pairs(base, new);
    if !a.is_empty() {
        return (stats::paired(&a, &b, rules), Vec::new());
    }
    let note = "not run in turns: drift during the session is not excluded".to_owned();
    (stats::independent(&base.values, &new.values, rules), vec![note])
}

fn across_sessions(base: &[Metric], new: &[Metric], sd: f64, note: &str, rules: &Rules) -> (Outcome, Vec<String>) {
    let medians = |side: &[Metric]| side.iter().filter_map(central).collect::<Vec<f64>>();
    let (base_medians, new_medians) = (medians(base), medians(new));
    let sessions = base_medians.len().min(new_medians.len());
    if sessions >= SESSIONS {
        return (stats::sessions(&base_medians, &new_medians, rules), Vec::new());
    }
    let lone = |side: &[Metric]| side.iter().all(|metric| metric.values.len() < 2 && metric.within.len() < 2);
    let unknown_spread =
        |side: &[Metric]| lone(side) && side.iter().all(|m| m.given.is_none_or(|g| g.stddev.is_none()));
    if sessions < 2 && (unknown_spread(base) || unknown_spread(new)) {
        let ratio = stats::sessions(&base_medians, &new_medians, rules);
        let note = "one run on a side: how much runs differ by themselves is not known; record several (`perfcollect run \
                    --runs 10`, `perfcollect bench`)";
        return (ratio, vec![note.to_owned()]);
    }
    if sessions >= 2 && lone(base) && lone(new) {
        // Each recording is a session, so that they show themselves how sessions differ.
        let pooled = |side: &[f64]| side.to_vec();
        let outcome = stats::independent(&pooled(&base_medians), &pooled(&new_medians), rules);
        let few = format!("{sessions} sessions on a side; five and more are compared as sessions");
        return (outcome, if outcome.method == Method::None { vec![few] } else { Vec::new() });
    }
    let apart = sd * (f64::midpoint(1.0 / float(base.len()), 1.0 / float(new.len()))).sqrt();
    let notes = match sd {
        sd if sd > 0.0 => vec![note.to_owned()],
        _ => vec!["taken as one session: drift between the two sides is not excluded".to_owned()],
    };
    let values = |side: &[Metric]| {
        let own = |metric: &Metric| if metric.values.len() < 2 { metric.within.clone() } else { metric.values.clone() };
        side.iter().flat_map(own).collect::<Vec<f64>>()
    };
    let (a, b) = (values(base), values(new));
    if a.is_empty() || b.is_empty() {
        let error = (relative_error(base).powi(2) + relative_error(new).powi(2)).sqrt();
        let ratio = median(&new_medians).zip(median(&base_medians)).map_or(f64::NAN, |(new, base)| new / base);
        let runs = base.iter().chain(new).filter_map(|metric| metric.given?.n).min().unwrap_or(1);
        return (stats::across(ratio, error, apart, runs, rules), notes);
    }
    let outcome = stats::independent(&a, &b, rules);
    if sd > 0.0 { (stats::widened(&outcome, apart, rules), notes) } else { (outcome, notes) }
}

/// Standard error of the mean that a source gives, relative to it.
fn relative_error(side: &[Metric]) -> f64 {
    let own = |metric: &Metric| {
        let given = metric.given?;
        let n = crate::units::Nanos(given.n.unwrap_or(1).max(1)).as_f64();
        Some(given.stddev? / given.mean.or(given.median)? / n.sqrt())
    };
    side.iter().filter_map(own).fold(0.0, f64::max)
}

/// The one number that stands for a session.
fn central(metric: &Metric) -> Option<f64> {
    let given = metric.given.and_then(|given| given.median.or(given.mean));
    median(&metric.values).or_else(|| median(&metric.within)).or(given)
}

/// Values of blocks that both metrics have, in the same order; empty where there are no blocks.
fn pairs(base: &Metric, new: &Metric) -> (Vec<f64>, Vec<f64>) {
    let mut of_block: BTreeMap<u32, f64> = BTreeMap::new();
    for (&block, &value) in new.blocks.iter().zip(&new.values) {
        of_block.entry(block).or_insert(value);
    }
    let both = base.blocks.iter().zip(&base.values);
    both.filter_map(|(block, &value)| Some((value, of_block.remove(block)?))).unzip()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of sessions")]
fn float(n: usize) -> f64 {
    n.max(1) as f64
}
