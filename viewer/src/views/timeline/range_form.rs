//! The range in numbers: for the keyboard, and for exact ends.

use crate::state::Session;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use leptos::html;
use leptos::prelude::*;
use perfcollect_shared::units::Nanos;
use wasm_bindgen::JsValue;

pub(super) fn form(session: Session, span: (Nanos, Nanos)) -> impl IntoView {
    let range = Memo::new(move || session.derived.selection.with(|selection| selection.range));
    let (from, to) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let ends = move || range.get().unwrap_or(span);
    let wrong = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let read = |field: NodeRef<html::Input>| field.get_untracked().and_then(|field| nanos(&field.value()));
        match (read(from), read(to)) {
            (Some(from), Some(to)) if from < to => {
                wrong.set(false);
                let range = (from, to.min(span.1));
                session.go(|view| view.selection.range = (range != span && range.0 < range.1).then_some(range));
            }
            _ => wrong.set(true),
        }
    };
    view! {
        <form class="tools-row" on:submit=submit>
            <label>"from " <input type="text" inputmode="decimal" size="8" node_ref=from prop:value=move || seconds(ends().0) />
            " s"</label>
            <label>"to " <input type="text" inputmode="decimal" size="8" node_ref=to prop:value=move || seconds(ends().1) />
            " s"</label>
            <button type="submit">"Choose this range"</button>
            <button type="button" disabled=move || range.get().is_none()
                on:click=move |_| session.go(|view| view.selection.range = None)>"Whole recording"</button>
            {move || wrong.get().then(|| view! { <span class="warn" role="alert">"Both ends are seconds, the first the smaller."</span> })}
        </form>
    }
}

fn seconds(time: Nanos) -> String {
    format!("{:.3}", time.as_secs_f64())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
fn nanos(text: &str) -> Option<Nanos> {
    // The browser's parser: Rust's brings 15 KB of tables into the module.
    let text = text.trim().replace(',', ".");
    let seconds = if text.is_empty() { f64::NAN } else { JsValue::from_str(&text).unchecked_into_f64() };
    (seconds.is_finite() && seconds >= 0.0).then(|| Nanos((seconds * 1e9).round() as u64))
}
