//! The list of all keys.

use crate::keys::{KEYS, Key};
use crate::state::Session;
use crate::ui::dom::view;
use crate::views::{VIEWS, find};
use leptos::html::Dialog;
use leptos::prelude::*;

pub fn key_dialog(session: Session) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let Some(element) = dialog.get() else { return };
        if session.keys_open.get() && !element.open() {
            // Fails only where the dialog is open or gone.
            element.show_modal().ok();
        } else if !session.keys_open.get() && element.open() {
            element.close();
        }
    });
    let shut = move |_| session.keys_open.set(false);
    let views = VIEWS.iter().map(|view| row(&view.key.to_string(), view.title)).collect_view();
    let everywhere = KEYS.iter().filter(|key| key.view.is_empty()).map(key_row).collect_view();
    let mut sections: Vec<&str> = KEYS.iter().map(|key| key.view).filter(|view| !view.is_empty()).collect();
    sections.dedup();
    let per_view = sections.into_iter().map(|id| {
        let rows = KEYS.iter().filter(|key| key.view == id).map(key_row).collect_view();
        view! { <h3>{find(id).map_or(id, |view| view.title)}</h3> <dl class="keys">{rows}</dl> }
    });
    view! {
        <dialog node_ref=dialog aria-labelledby="keys-title" on:close=shut>
            <h2 id="keys-title">"Keys"</h2>
            <h3>"Views"</h3>
            <dl class="keys">{views}</dl>
            <h3>"Everywhere"</h3>
            <dl class="keys">{everywhere}</dl>
            {per_view.collect_view()}
            <button on:click=move |_| session.keys_open.set(false)>"Close"</button>
        </dialog>
    }
}

fn key_row(key: &Key) -> impl IntoView + use<> {
    row(key.key, key.what)
}

fn row(key: &str, what: &str) -> impl IntoView + use<> {
    let (key, what) = (key.to_owned(), what.to_owned());
    view! { <div><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div> }
}
