//! The second bar: the views that have data. A menu on narrow pages.

use crate::state::Session;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use crate::views::{FIRST, LIBRARY, TREND, VIEWS, ViewDef};
use leptos::prelude::*;

pub fn views_bar(session: Session) -> impl IntoView {
    let shown =
        Memo::new(move || VIEWS.iter().filter(|view| is_shown(session, view)).map(|v| v.id).collect::<Vec<_>>());
    let current = Memo::new(move || current(session));
    let open = move |id: &str| session.go(|state| id.clone_into(&mut state.view));
    let link = move |view: &'static ViewDef| {
        let address = move || {
            session.view.with(|state| {
                let mut there = state.clone();
                view.id.clone_into(&mut there.view);
                format!("#{}", there.to_fragment().trim_start_matches('#'))
            })
        };
        let click = move |event: leptos::ev::MouseEvent| {
            if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
                event.prevent_default();
                open(view.id);
            }
        };
        view! {
            <li>
                <a href=address on:click=click title=format!("Key {}", view.key)
                    aria-current=move || (current.get() == view.id).then_some("page")>{view.title}</a>
            </li>
        }
    };
    let listed = move || shown.get().into_iter().filter_map(crate::views::find);
    view! {
        <nav class="views" aria-label="Views">
            <ul class="links">{move || listed().map(link).collect_view()}</ul>
            <label class="menu">
                <span class="reader">"View"</span>
                <select on:change=move |event| open(&event_target_value(&event)) prop:value=move || current.get()>
                    {move || listed().map(|view| {
                        view! { <option value=view.id selected=move || current.get() == view.id>{view.title}</option> }
                    }).collect_view()}
                </select>
            </label>
        </nav>
    }
}

fn is_shown(session: Session, view: &ViewDef) -> bool {
    if view.id == LIBRARY {
        return session.library.with(|state| *state != crate::load::LibraryState::None);
    }
    if view.id == TREND {
        return session.library.with(|state| state.library().is_some_and(|library| !library.bundles.is_empty()));
    }
    if view.id == FIRST && session.manifest().is_some() {
        return true;
    }
    crate::views::has_data(session, view)
}

/// Id of the view that is drawn, which may not be the one that the address names.
pub fn current(session: Session) -> &'static str {
    match crate::views::find(&crate::views::asked(session)) {
        Some(view) if is_shown(session, view) => view.id,
        _ if session.manifest().is_none() => LIBRARY,
        _ => FIRST,
    }
}
