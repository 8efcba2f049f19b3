//! Choices that several views offer: by which clock time counts, and the frames of which language are shown.

use crate::state::Session;
use crate::ui::dom::view;
use leptos::ev;
use leptos::prelude::*;
use perfcollect_shared::derive::languages::languages;
use perfcollect_shared::format;
use perfcollect_shared::model::Language;
use perfcollect_shared::units::Nanos;
use perfcollect_shared::view_state::Clock;

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
    toggle_of(words, title, Box::new(pressed), Box::new(click))
}

fn toggle_of(
    words: &'static str,
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

/// CPU time or wall time, where the bundle has both.
pub fn clock(session: Session) -> AnyView {
    let content = move || {
        if !session.has_clocks() {
            return ().into_any();
        }
        let now = session.view.with(|view| view.clock);
        let button = |this: Clock, words: &'static str, title: &'static str| {
            toggle(words, title, move || now == this, move || session.go(|view| view.clock = this))
        };
        view! {
            <div class="group" role="group" aria-label="Clock">
                {button(Clock::Cpu, "CPU time", "Time on a processor (k)")}
                {button(Clock::Wall, "Wall time", "Time that passed in every thread, waiting included (k)")}
            </div>
        }
        .into_any()
    };
    view! { {content} }.into_any()
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
