//! What a reader must know before trusting a figure.

use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::model::Warning;
use perfcollect_shared::report::warning_text;

/// Doubts and warnings as a list, nothing where there are none.
pub fn warnings<'a>(doubts: &[String], warnings: impl Iterator<Item = &'a Warning>) -> AnyView {
    let mut texts = doubts.to_vec();
    // What was measured by us may have been warned of in the same words.
    for text in warnings.map(warning_text) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let list = (!texts.is_empty()).then(|| {
        let items = texts.into_iter().map(|text| view! { <li>{text}</li> }).collect_view();
        view! { <h2>"Before you trust this"</h2> <ul class="warnings">{items}</ul> }
    });
    list.into_any()
}
