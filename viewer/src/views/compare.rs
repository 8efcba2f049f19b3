//! The view "Compare": what differs between two recordings, or two benchmarks of one, and how sure that is.
//!
//! Sides are the bundles that the address names, the base first, or the benchmarks of one bundle. Everything but the column
//! of each side is about two of them.

mod caches;
mod functions;
mod picture;
mod settings;
mod sides;
mod verdicts;

use super::ViewDef;
use crate::derived::chosen_profile;
use crate::state::{Session, Shared};
use crate::ui::dom::view;
use crate::ui::flame_canvas::sides::signed;
use crate::ui::memo::Memo;
use crate::ui::warnings::warnings;
use leptos::prelude::*;
use perfcollect_shared::bench::BenchSet;
use perfcollect_shared::compare::{self, Comparison, SessionNoise};
use perfcollect_shared::derive::diff::{Diff, Effect, FunctionChange, Options, Scale, Stacks, diff};
use perfcollect_shared::derive::selection::{Selection, selected_rows};
use perfcollect_shared::format;
use perfcollect_shared::model::Bundle;
use perfcollect_shared::stats::Rules;
use perfcollect_shared::view_state::CompareScale;
use sides::Side;

pub const VIEW: ViewDef = ViewDef { id: super::COMPARE, title: "Compare", key: '8', available, render };

/// Benchmarks of one bundle are sides without a second file.
fn available(bundle: &Bundle) -> bool {
    bundle.manifest.benchmarks.len() > 1
}

/// What the parts of the view share.
#[derive(Clone, Copy)]
struct Model {
    session: Session,
    /// Every side that is read, the base first.
    sides: Memo<Vec<Side>>,
    /// The two that are shown: places among the sides.
    pair: Memo<Option<(usize, usize)>>,
    /// Of every side with the base.
    comparisons: Memo<Shared<Vec<Comparison>>>,
    diff: Memo<Option<Result<Shared<Diff>, String>>>,
}

impl Model {
    fn new(session: Session) -> Self {
        let sides = Memo::new(move || sides::ready(session));
        let pair = Memo::new(move || {
            let count = sides.with(Vec::len);
            let asked = session.view.with(|view| view.compare.sides);
            let asked = asked.filter(|&(base, new)| base < count && new < count && base != new);
            (count > 1).then(|| asked.unwrap_or((0, 1)))
        });
        let comparisons = Memo::new(move || {
            let found = pair.get().map(|(base, _)| sides.with(|sides| compared(sides, base)));
            Shared::new(found.unwrap_or_default())
        });
        let asked = Memo::new(move || {
            // Times and processes of one recording mean nothing in another.
            let own = session.derived.selection.get();
            session.view.with(|view| {
                let scale = match view.compare.scale {
                    CompareScale::Absolute => Scale::Absolute,
                    CompareScale::Proportional => Scale::Proportional,
                };
                (scale, view.clock.clone(), Selection { range: None, pid: None, tid: None, ..own })
            })
        });
        let diff = Memo::new(move || {
            let (base, new) = pair.get()?;
            let (scale, clock, selection) = asked.get();
            sides.with(|sides| Some(stacks(sides.get(base)?, sides.get(new)?, &clock, &selection, scale)))
        });
        Self { session, sides, pair, comparisons, diff }
    }

    /// The comparisons of the two that are shown.
    fn shown(self) -> Vec<Comparison> {
        let new = self.two().map(|(_, new)| new.name).unwrap_or_default();
        self.comparisons.with(|all| all.iter().filter(|one| one.new == new).cloned().collect())
    }

    /// The two sides themselves.
    fn two(self) -> Option<(Side, Side)> {
        let (base, new) = self.pair.get()?;
        self.sides.with(|sides| Some((sides.get(base)?.clone(), sides.get(new)?.clone())))
    }
}

/// Verdicts of every side against the base, judged together as the terminal does.
fn compared(sides: &[Side], base: usize) -> Vec<Comparison> {
    let rules = Rules::default();
    let Some(first) = sides.get(base) else { return Vec::new() };
    if first.benchmark.is_some() {
        let mut set = BenchSet::of_bundle(&first.bundle, &first.name);
        set.benchmarks.swap(0, base);
        return compare::within(&set, &rules);
    }
    let others = sides.iter().enumerate().filter(|&(index, _)| index != base);
    let news: Vec<[BenchSet; 1]> = others.map(|(_, side)| [side.set()]).collect();
    let news: Vec<&[BenchSet]> = news.iter().map(<[BenchSet; 1]>::as_slice).collect();
    compare::all(&[first.set()], &news, &SessionNoise::default(), &rules, &|_| true)
}

/// The stacks of two sides as one tree.
fn stacks(base: &Side, new: &Side, clock: &str, selection: &Selection, scale: Scale) -> Result<Shared<Diff>, String> {
    let none = |side: &Side| format!("{} has no stack samples", side.name);
    let profile = |side| chosen_profile(side, clock);
    let (before, after) = (profile(&base.bundle), profile(&new.bundle));
    let (before, after) = (before.ok_or_else(|| none(base))?, after.ok_or_else(|| none(new))?);
    let (first, second) = (selected_rows(before, selection), selected_rows(after, selection));
    let side = |side: &'_ Side| side.benchmark.clone();
    let (one, two) = (side(base), side(new));
    let base = Stacks { profile: before, selected: &first, runs: &base.bundle.runs, benchmark: one.as_deref() };
    let new = Stacks { profile: after, selected: &second, runs: &new.bundle.runs, benchmark: two.as_deref() };
    let options = Options { scale, ..Options::default() };
    diff(&[base], &[new], &options).map(Shared::new).map_err(|error| error.to_string())
}

fn render(session: Session) -> AnyView {
    let model = Model::new(session);
    view! {
        <section class="compare">
            <h1>{move || sentence(model)}</h1>
            {move || [sides::controls(model), sides::states(model), verdicts::section(model), caches::section(model)].collect_view()}
            {picture::section(model)}
            {move || [functions::section(model), settings::section(model), doubt(model), settings::next(model)].collect_view()}
        </section>
    }
    .into_any()
}

/// What is true: the verdict of the metrics that decide, and where the difference comes from.
fn sentence(model: Model) -> String {
    let Some(verdict) = verdicts::sentence(model) else {
        let failed = sides::waiting(model.session).iter().any(|one| one.failed);
        return if failed { "One side is missing" } else { "Reading the other side" }.to_owned();
    };
    match origin(model) {
        Some(origin) => format!("{verdict}; {origin}"),
        None => verdict,
    }
}

/// The function that carries most of the difference.
fn origin(model: Model) -> Option<String> {
    let diff = model.diff.get()?.ok()?;
    let whole = diff.all().total.difference();
    let same_way = |difference: f64| diff.scale == Scale::Proportional || difference * whole > 0.0;
    let carries = |row: &&FunctionChange| row.charged.effect != Effect::Same && same_way(row.charged.difference());
    let first = diff.functions.iter().find(carries)?;
    let name = format::shorten_name(diff.profile.function_name(first.function), 60);
    let [part, whole] = [first.charged.difference(), whole].map(|value| signed(value, diff.scale));
    let unknown = if first.charged.effect == Effect::Unknown { ", though noise is unknown" } else { "" };
    Some(match diff.scale {
        Scale::Absolute => format!("{part} of {whole} a run in sampled stacks is in {name}{unknown}"),
        Scale::Proportional => format!("{part} are in {name}{unknown}"),
    })
}

/// What to know before trusting it.
fn doubt(model: Model) -> AnyView {
    let Some((base, new)) = model.two() else { return ().into_any() };
    let mut doubts = Vec::new();
    let diff = model.diff.get();
    if let Some(Ok(diff)) = &diff {
        if diff.noise_unknown {
            doubts.push("One run a side: how much runs differ by themselves is unknown. Intervals of frames hold the error of counting samples only, and frames that differ by more are hatched.".to_owned());
        }
        if diff.session_noise > 0.0 {
            let percent = format!("{:.1} %", diff.session_noise * 100.0);
            doubts.push(format!("The sides were recorded at different times: intervals of frames hold {percent} besides, which the same program differs by from session to session."));
        }
        if diff.left_out > 0 {
            doubts.push(format!(
                "{} of small weight are left out of the picture.",
                format::plural(diff.left_out as u64, "stack")
            ));
        }
    }
    let restricted = model.session.derived.selection.with(|s| s.range.is_some() || s.pid.is_some() || s.tid.is_some());
    if restricted {
        doubts.push("The range, process or thread that is chosen does not restrict a comparison.".to_owned());
    }
    let mut notes: Vec<String> = model.shown().into_iter().flat_map(|one| one.notes).collect();
    notes.dedup();
    doubts.extend(notes);
    let sources = if std::sync::Arc::ptr_eq(&base.bundle.0, &new.bundle.0) { vec![&base] } else { vec![&base, &new] };
    for side in sources {
        let texts = side
            .bundle
            .warnings()
            .map(|warning| format!("{}: {}", side.name, perfcollect_shared::report::warning_text(warning)));
        doubts.extend(texts);
    }
    warnings(&doubts, std::iter::empty())
}
