//! What a picture of two sides shows: which colour a frame has, and what is said of it.

use super::scene::Scene;
use crate::state::Shared;
use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::derive::diff::{Change, Diff, Effect, Node, Scale, Width};
use perfcollect_shared::derive::flame_layout::FlameLayout;
use perfcollect_shared::derive::selection::Selected;
use perfcollect_shared::format;
use perfcollect_shared::model::Unit;
use perfcollect_shared::palette::{Palette, Rgb, STEPS, Shade};
use perfcollect_shared::units::Nanos;
use perfcollect_shared::view_state::FlameMode;

/// Two sides and how their frames lie in the tree that is drawn.
pub struct Sides {
    pub diff: Shared<Diff>,
    /// Node of the diff of each node of the picture.
    node: Vec<u32>,
    /// Largest difference of a frame.
    most: f64,
}

impl Sides {
    /// The picture of two sides; `removed`: with what only base has.
    pub fn scene(diff: &Shared<Diff>, removed: bool) -> Scene {
        let picture = diff.picture(if removed { Width::Both } else { Width::New });
        let sizes = diff.nodes.iter().skip(1).filter(|node| coloured(node.total.effect));
        let most = sizes.map(|node| node.total.difference().abs()).fold(0.0, f64::max);
        let selected = Selected {
            tree: diff.tree.clone(),
            row: Vec::new(),
            node: Vec::new(),
            weight: picture.tree.total_weight.first().copied().unwrap_or(Nanos::ZERO),
            count: diff.samples[1],
        };
        Scene {
            profile: Shared::new(diff.profile.clone()),
            selected: Shared::new(selected),
            layout: FlameLayout::merged(&picture.tree),
            tree: Shared::new(picture.tree),
            mode: FlameMode::Merged,
            thread: None,
            colours: Shared::new(Vec::new()),
            sides: Some(Self { diff: diff.clone(), node: picture.node, most }),
        }
    }

    /// Both sides of a node of the picture.
    pub fn of(&self, node: u32) -> &Node {
        &self.diff.nodes[self.node[node as usize] as usize]
    }

    pub fn shade(&self, node: u32) -> Shade {
        let total = &self.of(node).total;
        let step = Shade::step(total.difference(), self.most);
        match total.effect {
            Effect::Worse => Shade::Worse(step),
            Effect::Unknown if total.difference() > 0.0 => Shade::Worse(step),
            Effect::Better | Effect::Unknown => Shade::Better(step),
            Effect::Same => Shade::Same,
            Effect::New => Shade::New,
            Effect::Gone => Shade::Gone,
        }
    }

    /// New frames, and those whose noise is not known.
    pub fn is_hatched(&self, node: u32) -> bool {
        matches!(self.of(node).total.effect, Effect::New | Effect::Unknown)
    }

    /// What both sides cost in all.
    pub fn all(&self) -> String {
        let all = &self.diff.all().total;
        let (base, new) = (amount(all.base, self.diff.scale), amount(all.new, self.diff.scale));
        format!("base {base} · new {new} a run")
    }

    /// The head of the table behind the picture.
    pub const HEADS: [&'static str; 5] = ["base", "new", "difference", "effect", "samples"];

    /// The cells of a node under these.
    pub fn cells(&self, node: u32) -> [String; 5] {
        let Node { total, samples: [before, now], .. } = self.of(node);
        let scale = self.diff.scale;
        let samples = format!("{} / {}", format::count(*before), format::count(*now));
        let words = effect_words(total.effect).to_owned();
        [amount(total.base, scale), amount(total.new, scale), difference(total, scale), words, samples]
    }
}

fn coloured(effect: Effect) -> bool {
    matches!(effect, Effect::Worse | Effect::Better | Effect::Unknown)
}

/// A figure of one side.
pub fn amount(value: f64, scale: Scale) -> String {
    match scale {
        Scale::Absolute => format::measured(value, Unit::Nanoseconds),
        Scale::Proportional => format::share(value),
    }
}

/// A difference with its sign.
pub fn signed(value: f64, scale: Scale) -> String {
    let sign = if value < 0.0 { "-" } else { "+" };
    match scale {
        Scale::Absolute => format!("{sign}{}", format::measured(value.abs(), Unit::Nanoseconds)),
        Scale::Proportional => format!("{sign}{:.1} points", value.abs() * 100.0),
    }
}

/// A difference with its interval.
pub fn difference(change: &Change, scale: Scale) -> String {
    format!("{} [{}, {}]", signed(change.difference(), scale), signed(change.low, scale), signed(change.high, scale))
}

/// What became of a frame, in words.
pub fn effect_words(effect: Effect) -> &'static str {
    match effect {
        Effect::Worse => "worse",
        Effect::Better => "better",
        Effect::Same => "inside noise",
        Effect::New => "new",
        Effect::Gone => "gone",
        Effect::Unknown => "noise unknown",
    }
}

/// Class of an effect in the style sheet.
pub fn effect_class(effect: Effect) -> &'static str {
    match effect {
        Effect::Worse => "worse",
        Effect::Better => "better",
        Effect::New => "new",
        Effect::Same | Effect::Gone | Effect::Unknown => "same",
    }
}

/// What is said of the frame under the pointer.
pub fn tooltip(scene: &Scene, sides: &Sides, index: usize) -> AnyView {
    let node = sides.of(scene.layout.node(index));
    let (diff, scale) = (&sides.diff, sides.diff.scale);
    let place = scene.function(index).map(|function| scene.place(function));
    let [before, now] = node.samples.map(format::count);
    let runs = format!("{before} in {} / {now} in {}", plural_runs(diff.runs[0]), plural_runs(diff.runs[1]));
    let fact = |name: &'static str, value: String| view! { <dt>{name}</dt> <dd>{value}</dd> }.into_any();
    let facts = [
        fact("base", amount(node.total.base, scale)),
        fact("new", amount(node.total.new, scale)),
        fact("difference", difference(&node.total, scale)),
        fact("of itself", difference(&node.own, scale)),
        fact("samples", runs),
    ];
    let words = effect_words(node.total.effect);
    view! {
        <p class="name">{scene.name(index).to_owned()}</p>
        <p class="muted">{place} " · " <span class=effect_class(node.total.effect)>{words}</span></p>
        <dl>{facts.into_iter().collect_view()}</dl>
    }
    .into_any()
}

fn plural_runs(runs: u64) -> String {
    format::plural(runs, "run")
}

/// What is read out of the frame that the keys reached.
pub fn announced(scene: &Scene, sides: &Sides, index: usize) -> String {
    let node = sides.of(scene.layout.node(index));
    let (words, change) = (effect_words(node.total.effect), difference(&node.total, sides.diff.scale));
    format!("{}, {words}, {change}", scene.name(index))
}

/// The colours with their scale in numbers.
pub fn legend(scene: &Scene, sides: &Sides, dark: bool) -> AnyView {
    let effects = Palette::new(dark).effects;
    let diff = &sides.diff;
    let swatch = |shade: Shade, hatched: bool, words: String| {
        let class = if hatched { "swatch hatched" } else { "swatch" };
        let Rgb(red, green, blue) = effects[shade.index()].fill;
        let colour = format!("rgb({red} {green} {blue})");
        view! { <li><span class=class style:background-color=colour></span> {words}</li> }.into_any()
    };
    let unknown = diff.noise_unknown;
    let edge = |step: usize, sign: f64| {
        let part = f64::from(u32::try_from(step).unwrap_or(0)) / f64::from(u32::try_from(STEPS).unwrap_or(1));
        signed(sign * part * sides.most, diff.scale)
    };
    let drawn: Vec<Effect> = (0..scene.tree.len()).map(|node| sides.effect(node)).collect();
    let has = |effect: Effect| drawn.contains(&effect);
    let mut items = Vec::new();
    if sides.most > 0.0 {
        let better = (1..=STEPS).rev().map(|step| swatch(Shade::Better(step), unknown, edge(step, -1.0)));
        items.extend(better);
    }
    items.push(swatch(Shade::Same, false, "inside noise".to_owned()));
    if sides.most > 0.0 {
        items.extend((1..=STEPS).map(|step| swatch(Shade::Worse(step), unknown, edge(step, 1.0))));
    }
    if has(Effect::New) {
        items.push(swatch(Shade::New, true, "new".to_owned()));
    }
    if has(Effect::Gone) {
        items.push(swatch(Shade::Gone, false, "gone, as wide as it was".to_owned()));
    }
    let per = if diff.scale == Scale::Absolute { "a run" } else { "of all that a run was sampled in" };
    let words = format!("Up to so much {per}:");
    view! { <div class="flame-legend"><span>{words}</span> <ul class="scale">{items}</ul></div> }.into_any()
}

impl Sides {
    fn effect(&self, node: usize) -> Effect {
        self.diff.nodes[self.node[node] as usize].total.effect
    }
}
