//! A command that the reader may want to type, with a button that copies it.

use super::clipboard::copy;
use crate::ui::dom::view;
use leptos::prelude::*;

/// The command as code, and its button.
pub fn command(line: String) -> AnyView {
    let copied = RwSignal::new(false);
    let text = line.clone();
    let click = move |_| {
        copy(&text);
        copied.set(true);
    };
    view! {
        <code class="command">{line}</code> " "
        <button class="plain" on:click=click>{move || if copied.get() { "copied" } else { "copy" }}</button>
    }
    .into_any()
}
