//! Choices that several views offer: what samples are weighed by, and the frames of which language are shown.

use crate::state::Session;
use crate::ui::dom::view;
use leptos::ev;
use leptos::prelude::*;
use perfcollect_shared::derive::languages::languages;
use perfcollect_shared::format;
use perfcollect_shared::model::Language;
use perfcollect_shared::units::Nanos;

/// Something to choose: value in the list, words.
pub type Choice = (String, String);

/// A list of choices with one that chooses nothing.
pub fn select(
    label: &'static str,
    none: &'static str,
    choices: Vec<Choice>,
    now: Option<&str>,
    changed: impl Fn(String) + 'static,
) -> AnyView {
    let options = choices.into_iter().map(|(value, words)| {
        let selected = now == Some(value.as_str());
        view! { <option value=value selected=selected>{words}</option> }
    });
    let changed = move |event: ev::Event| changed(event_target_value(&event));
    view! { <select aria-label=label on:change=changed><option value="">{none}</option>{options.collect_view()}</select> }
        .into_any()
}

/// A button that is pressed or not. Boxed, so that each further one costs the page its words only.
pub fn toggle(
    words: &'static str,
    title: &'static str,
    pressed: impl Fn() -> bool + Send + 'static,
    click: impl Fn() + 'static,
) -> AnyView {
    toggle_of(words.to_owned(), title, Box::new(pressed), Box::new(click))
}

fn toggle_of(
    words: String,
    title: &'static str,
    pressed: Box<dyn Fn() -> bool + Send>,
    click: Box<dyn Fn()>,
) -> AnyView {
    view! { <button aria-pressed=move || pressed().to_string() title=title on:click=move |_| click()>{words}</button> }
        .into_any()
}

/// Merge library frames into own callers.
pub fn own_code(session: Session) -> AnyView {
    let title = "Merge library, runtime and kernel frames into the nearest own caller";
    let own = move || session.derived.selection.with(|selection| selection.hide_library);
    toggle("Own code only", title, own, move || {
        session.go(|state| {
            state.selection.hide_library = !state.selection.hide_library;
            state.flame.zoom.clear();
            state.flame.window = None;
        });
    })
}

/// CPU time, wall time or an event, where the bundle has several.
pub fn clock(session: Session) -> AnyView {
    let content = move || {
        let clocks = session.clocks();
        let now = session.view.with(|view| view.clock.clone());
        let button = |this: String| {
            let pressed = this == now;
            let (words, title) = clock_words(&this);
            let words = words.to_owned();
            let choose = move || session.go(|view| view.clock.clone_from(&this));
            toggle_of(words, title, Box::new(move || pressed), Box::new(choose))
        };
        (!clocks.is_empty()).then(|| {
            view! { <div class="group" role="group" aria-label="Clock">{clocks.into_iter().map(button).collect_view()}</div> }
        })
    };
    view! { {content} }.into_any()
}

/// What a clock or event of the address is called, and what it is.
pub fn clock_words(clock: &str) -> (&str, &'static str) {
    match clock {
        "" => ("CPU time", "Time on a processor (k)"),
        "wall" => ("Wall time", "Time that passed in every thread, waiting included (k)"),
        event => (event, "Counted events (k)"),
    }
}

/// Languages of the profile with their share, where there are two at least.
pub fn language(session: Session) -> AnyView {
    let content = move || {
        let found = session.derived.profile.with(|profile| profile.as_ref().map(|profile| languages(profile)));
        let found = found.unwrap_or_default();
        let now = session.derived.selection.with(|selection| selection.language);
        if found.len() < 2 && now.is_none() {
            return ().into_any();
        }
        let whole: Nanos = found.iter().map(|(_, weight)| *weight).sum();
        let word = |language: Language| Language::ALL[language as usize].1;
        let choices = found.into_iter().map(|(language, weight)| {
            (word(language).to_owned(), format!("{} {}", language.name(), format::share(weight.share_of(whole))))
        });
        let changed = move |value: String| {
            let language = Language::ALL.iter().find(|(_, word, _)| *word == value).map(|&(language, ..)| language);
            session.go(|state| state.selection.language = language);
        };
        select("Language", "all languages", choices.collect(), now.map(word), changed)
    };
    view! { {content} }.into_any()
}
