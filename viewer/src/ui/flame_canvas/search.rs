//! The field that searches: matched share, next and previous match.

use super::Flame;
use super::scene::Scene;
use crate::state::Shared;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use leptos::ev;
use leptos::prelude::*;
use perfcollect_shared::derive::search::Matcher;
use perfcollect_shared::derive::viewport::{step_through, widest};
use perfcollect_shared::format;

/// So many of the widest frames can be walked through.
const MATCHES: usize = 1_000;

/// Lowercase in every script, by the browser.
pub fn lowercase(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}

/// The frames that the search finds, widest first.
pub fn matches(scene: Memo<Option<Shared<Scene>>>, matcher: Memo<Option<Shared<Matcher>>>) -> Memo<Vec<usize>> {
    Memo::new(move || {
        let (Some(scene), Some(matcher)) = (scene.get(), matcher.get()) else { return Vec::new() };
        let wanted = |node| scene.tree.function(node).is_some_and(|function| matcher.matches(function));
        widest(&scene.layout, MATCHES, wanted)
    })
}

impl Flame {
    /// Marks the next narrower frame that the search finds, or the next wider one.
    pub fn next_match(self, back: bool) {
        let present = self.marked.get_untracked();
        let next = self.matches.with_untracked(|matches| step_through(matches, present, back));
        if let Some(index) = next {
            self.mark(Some(index));
            self.reveal(index);
        }
    }
}

/// What the search finds, in words: `61 % in 3 functions`.
fn found(flame: Flame) -> Option<String> {
    let (scene, matcher) = (flame.scene.get()?, flame.matcher.get()?);
    let functions = u64::try_from(matcher.functions()).unwrap_or(u64::MAX);
    if functions == 0 {
        return Some("nothing found".to_owned());
    }
    let (weight, count) = scene.matched(&matcher);
    let share = format::share(weight.share_of(scene.tree.total_weight[0]));
    Some(format!("{share} ({}) in {}", scene.counted(count), format::plural(functions, "function")))
}

pub fn search_box(flame: Flame) -> impl IntoView {
    let session = flame.session;
    let text = Memo::new(move || session.view.with(|view| view.flame.search.clone()));
    let typed = move |event: ev::Event| {
        let text = event_target_value(&event);
        // The first letter is a step of its own, the others belong to it.
        let first = session.view.with_untracked(|view| view.flame.search.is_empty());
        let change = |state: &mut perfcollect_shared::view_state::ViewState| state.flame.search = text;
        if first { session.go(change) } else { session.adjust(change) }
    };
    let key = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            flame.next_match(event.shift_key());
        }
    };
    let share = Memo::new(move || found(flame));
    let none = move || flame.matcher.with(Option::is_none);
    view! {
        <div class="flame-search" role="search">
            <label class="reader" for="flame-search">"Search functions and files"</label>
            <input
                id="flame-search"
                type="search"
                data-search=""
                placeholder="search: name, file.py:42"
                autocomplete="off"
                spellcheck="false"
                prop:value=move || text.get()
                on:input=typed
                on:keydown=key
            />
            <button title="Previous match (p)" disabled=none on:click=move |_| flame.next_match(true)>"‹"<span class="reader">"previous match"</span></button>
            <button title="Next match (n)" disabled=none on:click=move |_| flame.next_match(false)>"›"<span class="reader">"next match"</span></button>
            <output class="matched">{move || share.get()}</output>
        </div>
    }
}
