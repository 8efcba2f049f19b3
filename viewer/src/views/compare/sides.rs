//! The sides of a comparison: which there are, which two are shown, and what is still missing.

use super::Model;
use crate::load::{LibraryState, Load};
use crate::state::{Session, Shared};
use crate::ui::choices::{Choice, select};
use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::bench::BenchSet;
use perfcollect_shared::format;
use perfcollect_shared::model::Bundle;
use perfcollect_shared::units::Bytes;

/// One side: a bundle, or one benchmark of it.
#[derive(Clone, PartialEq)]
pub(super) struct Side {
    pub(super) name: String,
    pub(super) bundle: Shared<Bundle>,
    pub(super) benchmark: Option<String>,
}

/// A side that is not there yet.
#[derive(Clone, PartialEq)]
pub(super) struct Waiting {
    words: String,
    pub(super) failed: bool,
    /// Part that is read.
    share: Option<f64>,
}

impl Side {
    /// What was measured on this side.
    pub(super) fn set(&self) -> BenchSet {
        let mut set = BenchSet::of_bundle(&self.bundle, &self.name);
        if let Some(only) = &self.benchmark {
            set.benchmarks.retain(|benchmark| benchmark.name == *only);
        }
        set
    }
}

/// Names in the address's order: the base, the open bundle, further ones.
fn named(session: Session) -> Vec<(String, Option<Load>)> {
    let against = session.view.with(|view| view.against.clone());
    session.others.with(|others| {
        let mut all: Vec<_> = against.into_iter().map(|name| (others.load(&name).cloned(), name)).collect();
        if !all.is_empty() {
            all.insert(1, (Some(session.load.get()), others.name.clone()));
        }
        all.into_iter().map(|(load, name)| (name, load)).collect()
    })
}

/// The sides that are read.
pub(super) fn ready(session: Session) -> Vec<Side> {
    let all = named(session);
    if all.is_empty() {
        let Some(bundle) = session.bundle() else { return Vec::new() };
        let benchmarks = bundle.manifest.benchmarks.iter();
        let side = |name: &String| Side { name: name.clone(), bundle: bundle.clone(), benchmark: Some(name.clone()) };
        return benchmarks.map(|info| side(&info.name)).collect();
    }
    let mut sides: Vec<Side> = Vec::new();
    for (name, load) in all {
        let Some(Load::Ready(bundle)) = load else { continue };
        let file = name.strip_suffix(".perf.zip").unwrap_or(&name).to_owned();
        let mut name = bundle.manifest.label.clone().unwrap_or_else(|| file.clone());
        if sides.iter().any(|side| side.name == name) {
            name = if name == file { format!("{file} (again)") } else { format!("{name} ({file})") };
        }
        sides.push(Side { name, bundle, benchmark: None });
    }
    sides
}

/// What is being read, and what cannot be.
pub(super) fn waiting(session: Session) -> Vec<Waiting> {
    let state = |(name, load): (String, Option<Load>)| {
        let (words, failed, share) = match load {
            Some(Load::Ready(_)) => return None,
            Some(Load::Reading { done, of: Some(of), .. }) if done >= of => (format!("Decoding {name}"), false, None),
            Some(Load::Reading { done, of, .. }) => {
                let share = of.map(|of| Bytes(done).share_of(Bytes(of)));
                (format!("Reading {name}: {}", format::bytes(Bytes(done))), false, share)
            }
            Some(Load::Failed { reason, .. }) => (format!("{name} cannot be read: {reason}"), true, None),
            None | Some(Load::Empty) => {
                (format!("{name} is not here: drop this file on the page, or choose another side"), true, None)
            }
        };
        Some(Waiting { words, failed, share })
    };
    named(session).into_iter().filter_map(state).collect()
}

/// What is missing, one line each.
pub(super) fn states(model: Model) -> AnyView {
    let lines = waiting(model.session).into_iter().map(|one| {
        let class = if one.failed { "note warn" } else { "note" };
        let progress = (!one.failed)
            .then(|| view! { <progress max="1" value=one.share aria-label="Share that is read"></progress> });
        view! { <p class=class role="status">{one.words} " " {progress}</p> }
    });
    lines.collect_view().into_any()
}

/// Which two are shown, and more sides.
pub(super) fn controls(model: Model) -> AnyView {
    let session = model.session;
    let pair = model.pair.get();
    let sides = model.sides.with(|sides| sides.iter().map(|side| side.name.clone()).collect::<Vec<_>>());
    let several = pair.filter(|_| sides.len() > 1).map(|(base, new)| {
            let choices = |not: usize| -> Vec<Choice> {
                let all = sides.iter().enumerate().filter(|(index, _)| *index != not);
                all.map(|(index, name)| (index.to_string(), name.clone())).collect()
            };
            let set = move |pair: (usize, usize)| {
                session.go(move |view| view.compare.sides = (pair != (0, 1)).then_some(pair));
            };
            let number = |value: String| value.parse().ok();
            let base_of = move |value: String| set((number(value).unwrap_or(base), new));
            let new_of = move |value: String| set((base, number(value).unwrap_or(new)));
            let swap = move |_| set((new, base));
            let several = sides.len() > 2;
            view! {
                <span class="side">"base " {one(several, "Base", &sides[base], choices(new), base, base_of)}</span>
                <button title="Base and new change places" on:click=swap>"⇄"<span class="reader">"change places"</span></button>
                <span class="side">"new " {one(several, "New", &sides[new], choices(base), new, new_of)}</span>
            }
            .into_any()
        });
    view! { <div class="tools-row">{several} {more(session)}</div> }.into_any()
}

fn one(
    several: bool,
    label: &'static str,
    name: &str,
    choices: Vec<Choice>,
    now: usize,
    changed: impl Fn(String) + 'static,
) -> AnyView {
    if several {
        select(label, "–", choices, Some(&now.to_string()), changed)
    } else {
        view! { <strong><bdi>{name.to_owned()}</bdi></strong> }.into_any()
    }
}

/// Recordings of the library that may be further sides.
fn more(session: Session) -> AnyView {
    let known = session.view.with(|view| (view.bundle.clone(), view.against.clone()));
    let (open, against) = known;
    let choices: Vec<Choice> = session.library.with(|library| match library {
        LibraryState::None | LibraryState::Reading => Vec::new(),
        LibraryState::Ready(_) | LibraryState::Lost { .. } => {
            let bundles = library.library().map(|library| library.bundles.as_slice()).unwrap_or_default();
            let free = bundles.iter().rev().filter(|entry| {
                entry.manifest.is_some() && Some(&entry.name) != open.as_ref() && !against.contains(&entry.name)
            });
            free.map(|entry| (entry.name.clone(), entry.name.clone())).collect()
        }
    });
    if choices.is_empty() || against.is_empty() {
        return ().into_any();
    }
    select("Another side", "compare with another", choices, None, move |name| {
        if !name.is_empty() {
            session.go(|view| view.against.push(name));
        }
    })
}
