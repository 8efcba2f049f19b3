//! The first bar: which recording this is, and what concerns the whole page.

use crate::keys;
use crate::load;
use crate::state::Session;
use crate::ui::dom::view;
use crate::views::LIBRARY;
use leptos::prelude::*;
use perfcollect_shared::format;
use perfcollect_shared::model::{Exit, Manifest};

pub fn top_bar(session: Session) -> impl IntoView {
    let home = move |_| session.go(|state| LIBRARY.clone_into(&mut state.view));
    view! {
        <div class="top">
            <button class="brand" on:click=home title="All recordings">
                <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
                    <rect x="1" y="11" width="14" height="3" />
                    <rect x="1" y="7" width="9" height="3" />
                    <rect x="1" y="3" width="5" height="3" />
                </svg>
                "perfcollect"
            </button>
            <p class="what">{move || session.manifest().map(|manifest| headline(&manifest))}</p>
            <div class="tools">
                <label class="button" title="Open a bundle or a report from this machine; dropping it on the page does the same">
                    "Open…"
                    <input type="file" multiple accept=".zip,.html" class="reader" on:change=move |event| load::from_picker(session, &event) />
                </label>
                <button title="All keys (?)" on:click=move |_| session.keys_open.set(true)>
                    <kbd>"?"</kbd>
                    <span class="wide">" keys"</span>
                </button>
                <button title="Light or dark (t)" on:click=move |_| keys::toggle_theme(session)>
                    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
                        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
                        <path d="M8 2a6 6 0 0 1 0 12z" />
                    </svg>
                    <span class="wide">{move || format!(" {}", session.theme.get().other().name())}</span>
                    <span class="reader">"Light or dark"</span>
                </button>
            </div>
        </div>
    }
}

fn headline(manifest: &Manifest) -> impl IntoView + use<> {
    let mut parts = Vec::new();
    parts.extend(manifest.wall_ns.map(format::duration));
    parts.push(exit_words(manifest.exit));
    parts.push(crate::ui::moment::local(&manifest.start).0);
    parts.extend(manifest.git.as_ref().map(|git| {
        let commit = git.commit.get(..7).unwrap_or(&git.commit);
        git.branch.as_ref().map_or_else(|| commit.to_owned(), |branch| format!("{branch}@{commit}"))
    }));
    let command = format::command_line(&manifest.command);
    view! {
        <strong title=command>{manifest.title()}</strong>
        {parts.into_iter().map(|part| view! { <span class="part">{part}</span> }).collect_view()}
    }
}

/// How the program ended, in words.
pub fn exit_words(exit: Exit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "end not seen".to_owned(),
    }
}
