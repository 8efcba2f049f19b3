//! What the colours and edges of the picture mean, and how to colour by something else.

use super::Flame;
use super::scene::language_name;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use leptos::ev;
use leptos::prelude::*;
use perfcollect_shared::model::{FunctionKind, Language};
use perfcollect_shared::view_state::FlameColor;

const COLOURS: [(FlameColor, &str, &str); 3] = [
    (FlameColor::Package, "package", "Hue by package; own code strong, libraries pale, runtime and kernel grey."),
    (FlameColor::Kind, "whose code", "Own code strong, libraries pale, runtime and kernel grey."),
    (FlameColor::Language, "language", "Hue by language."),
];

fn edge_words(language: Language) -> Option<&'static str> {
    match language {
        Language::Python => Some("solid left edge"),
        Language::Rust => Some("edge in two parts"),
        Language::Cpp => Some("edge in three parts"),
        Language::JavaScript => Some("edge in four parts"),
        Language::Jit => Some("double edge"),
        Language::Native | Language::Kernel => Some("no edge"),
        Language::Unknown => None,
    }
}

pub fn legend(flame: Flame) -> impl IntoView {
    let session = flame.session;
    let colour = Memo::new(move || session.view.with(|view| view.flame.color));
    let chosen = move |event: ev::Event| {
        let value = event_target_value(&event);
        if let Some(&(colour, ..)) = COLOURS.iter().find(|(_, word, _)| *word == value) {
            session.go(|state| state.flame.color = colour);
        }
    };
    let words = move || COLOURS.iter().find(|(known, ..)| *known == colour.get()).map(|&(.., words)| words);
    let languages = move || {
        let scene = flame.scene.get()?;
        let edge = |language: Language| Some(format!("{}: {}", language_name(language), edge_words(language)?));
        let edges: Vec<String> = scene.languages().into_iter().filter_map(edge).collect();
        let waits = scene.profile.functions.rows.iter().any(|function| function.kind == FunctionKind::Waiting);
        let waits = if waits { " Hatched foot: waiting, not running." } else { "" };
        Some(format!(" {}. Hatched: frames too narrow to draw.{waits}", edges.join(", ")))
    };
    let option = move |&(known, word, _): &(FlameColor, &'static str, &'static str)| {
        view! { <option value=word selected=move || colour.get() == known>{word}</option> }
    };
    view! {
        <p class="flame-legend">
            <label>"Colour by " <select on:change=chosen>{COLOURS.iter().map(option).collect_view()}</select></label>
            <span>{words} {languages}</span>
        </p>
    }
}
