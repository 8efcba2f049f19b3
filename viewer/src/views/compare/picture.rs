//! The differential flame graph with its controls and its scale in numbers.

use super::Model;
use crate::keys::is_typing;
use crate::state::Shared;
use crate::theme::Theme;
use crate::ui::choices;
use crate::ui::dom::view;
use crate::ui::flame_canvas::sides::{Sides, legend};
use crate::ui::flame_canvas::{
    Flame, breadcrumb, context_menu, flame_canvas, frame_table, minimap, on_view_key, search_box, tooltip,
};
use crate::ui::memo::Memo;
use leptos::ev;
use leptos::prelude::*;
use perfcollect_shared::format;
use perfcollect_shared::view_state::CompareScale;

pub(super) fn section(model: Model) -> AnyView {
    let session = model.session;
    let removed = Memo::new(move || session.view.with(|view| view.compare.removed));
    let scene = Memo::new(move || {
        let diff = model.diff.get()?.ok()?;
        Some(Shared::new(Sides::scene(&diff, removed.get())))
    });
    let flame = Flame::of(session, scene);
    let keys = window_event_listener(ev::keydown, move |event| {
        if !is_typing(&event) && !event.default_prevented() && on_view_key(flame, &event) {
            event.prevent_default();
        }
    });
    on_cleanup(move || keys.remove());
    let state = Memo::new(move || match model.diff.get() {
        None => None,
        Some(Ok(_)) => Some(None),
        Some(Err(reason)) => Some(Some(reason)),
    });
    let content = move || match state.get() {
        None => ().into_any(),
        Some(Some(reason)) => {
            view! { <h2>"Stacks"</h2> <p class="note">{format!("No picture: {reason}.")}</p> }.into_any()
        }
        Some(None) => drawn(model, flame),
    };
    content.into_any()
}

fn drawn(model: Model, flame: Flame) -> AnyView {
    let scale = move || {
        let dark = flame.session.theme.get() == Theme::Dark;
        let scene = flame.scene.get()?;
        Some(legend(&scene, scene.sides.as_ref()?, dark))
    };
    view! {
        <h2>"Stacks"</h2>
        <p class="flame-sentence">{move || words(model)}</p>
        {controls(flame)}
        {scale}
        {breadcrumb(flame)}
        {minimap(flame)}
        <div class="flame-picture">
            {flame_canvas(flame)}
            {tooltip(flame)}
            {context_menu(flame)}
        </div>
        {frame_table(flame)}
    }
    .into_any()
}

/// How many runs and samples are behind it, and what cannot be said.
fn words(model: Model) -> Option<String> {
    let diff = model.diff.get()?.ok()?;
    let side = |index: usize| {
        let (samples, runs) = (format::plural(diff.samples[index], "sample"), format::plural(diff.runs[index], "run"));
        format!("{samples} of {runs}")
    };
    let rest = match (diff.noise_unknown, diff.paired) {
        (true, _) => "Noise is unknown with one run a side: frames that differ are hatched, and may be chance.",
        (false, true) => "Colour only where the difference is more than noise; runs are compared in pairs.",
        (false, false) => "Colour only where the difference is more than noise.",
    };
    let width = if model.session.view.with(|view| view.compare.removed) { ", and beside it what is gone" } else { "" };
    Some(format!("Width: the new side{width}. Base: {}; new: {}. {rest}", side(0), side(1)))
}

fn controls(flame: Flame) -> AnyView {
    let session = flame.session;
    let scale = move || session.view.with(|view| view.compare.scale);
    let button = move |this: CompareScale, words: &'static str, title: &'static str| {
        choices::toggle(words, title, move || scale() == this, move || session.go(|view| view.compare.scale = this))
    };
    let removed = move || session.view.with(|view| view.compare.removed);
    let turn = move || session.go(|view| view.compare.removed = !view.compare.removed);
    view! {
        <div class="flame-controls">
            <div class="group" role="group" aria-label="Scale">
                {button(CompareScale::Absolute, "Time", "Differences in time of a run")}
                {button(CompareScale::Proportional, "Share", "Differences in shares of each run: what differs although all became faster or slower")}
            </div>
            {choices::toggle("Removed stacks", "Also what only base has, as wide as it was there", removed, turn)}
            {choices::own_code(session)}
            {choices::clock(session)}
            <button title="Show everything (f)" on:click=move |_| flame.fit_all()>"Fit"</button>
            {search_box(flame)}
        </div>
    }
    .into_any()
}
