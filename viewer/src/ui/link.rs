//! Links to other states of the page: real addresses, followed without loading anything.

use crate::state::Session;
use crate::ui::dom::{any, view};
use crate::ui::rows::Change;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use perfcollect_shared::view_state::ViewState;
use std::sync::Arc;

/// The address of the present state with a change.
pub fn address(session: Session, change: &dyn Fn(&mut ViewState)) -> String {
    session.view.with(|state| {
        let mut there = state.clone();
        change(&mut there);
        format!("#{}", there.to_fragment())
    })
}

/// A link that makes a change to the state; opens in a new tab like any other where the reader asks for that.
pub fn link(session: Session, text: impl IntoView, change: impl Fn(&mut ViewState) + Send + Sync + 'static) -> AnyView {
    follow(session, any(text), Arc::new(change))
}

/// Apart from [`link`], so that each further one costs the page its change only.
pub fn follow(session: Session, text: AnyView, change: Change) -> AnyView {
    let to = change.clone();
    let click = move |event: MouseEvent| {
        if is_plain(&event) {
            event.prevent_default();
            session.go(|state| change(state));
        }
    };
    view! { <a href=move || address(session, &*to) on:click=click>{text}</a> }.into_any()
}

/// A click that means "go there", in this tab.
pub fn is_plain(event: &MouseEvent) -> bool {
    !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key())
}
