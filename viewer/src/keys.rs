//! Every key of the page, in one list: what the page obeys and what the dialog of `?` shows.

use crate::state::Session;
use crate::views::VIEWS;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

/// One key, or keys that belong together.
pub struct Key {
    /// As printed in the dialog; one character is matched against the event.
    pub key: &'static str,
    pub what: &'static str,
    /// Id of the view that has it, empty for every view.
    pub view: &'static str,
    /// What it does; `None` where the view listens to it itself.
    pub run: Option<fn(Session)>,
}

const fn page(key: &'static str, what: &'static str, run: fn(Session)) -> Key {
    Key { key, what, view: "", run: Some(run) }
}

const fn of_view(view: &'static str, key: &'static str, what: &'static str) -> Key {
    Key { key, what, view, run: None }
}

/// All keys but the digits, which belong to the views.
pub static KEYS: &[Key] = &[
    page("/", "search or filter", focus_search),
    page("t", "light or dark", toggle_theme),
    page("k", "CPU time, wall time or an event, where several were recorded", Session::toggle_clock),
    page("u", "undo the last choice", |_| back()),
    page("?", "this list", |session| session.keys_open.set(true)),
    of_view("flame", "w a s d", "zoom and pan"),
    of_view("flame", "arrows, Enter", "walk through the frames, zoom to one"),
    of_view("flame", "f", "show everything"),
    of_view("flame", "n p", "next and previous match"),
    of_view("flame", "i", "invert"),
    of_view("flame", "e", "exclude the frame"),
    of_view("flame", "c", "collapse the frame"),
    of_view("compare", "w a s d f n p e c", "as in the flame graph"),
    of_view("functions", "↑ ↓", "choose the row above or below"),
    of_view("functions", "y", "copy the chosen row"),
    of_view("caches", "y", "copy the chosen row"),
];

/// Listens on the whole page.
pub fn listen(session: Session) {
    let handle = window_event_listener(leptos::ev::keydown, move |event| on_key(session, &event));
    on_cleanup(move || handle.remove());
}

/// Changes between light and dark, and remembers it.
pub fn toggle_theme(session: Session) {
    let theme = session.theme.get_untracked().other();
    theme.apply();
    session.theme.set(theme);
}

/// The reader types into a field, or holds a key that belongs to the browser.
pub fn is_typing(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let in_field = target.is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || element.is_content_editable()
    });
    in_field || event.ctrl_key() || event.meta_key() || event.alt_key()
}

fn on_key(session: Session, event: &KeyboardEvent) {
    if is_typing(event) || event.default_prevented() {
        return;
    }
    let pressed = event.key();
    if let Some(view) = VIEWS.iter().find(|view| pressed.chars().eq([view.key])) {
        event.prevent_default();
        session.go(|state| view.id.clone_into(&mut state.view));
        return;
    }
    if let Some(run) = KEYS.iter().find(|key| key.key == pressed).and_then(|key| key.run) {
        event.prevent_default();
        run(session);
    }
}

/// A view marks its field with `data-search`.
fn focus_search(_: Session) {
    let field = document().query_selector("[data-search]").ok().flatten();
    if let Some(field) = field.and_then(|field| field.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot take the focus keeps the page as it is.
        field.focus().ok();
    }
}

fn back() {
    if let Ok(history) = window().history() {
        // At the first step there is nothing to undo.
        history.back().ok();
    }
}
