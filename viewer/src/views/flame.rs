//! The view "Flame graph".

use super::ViewDef;
use crate::state::Session;
use leptos::prelude::*;
use perfcollect_shared::model::Bundle;

pub const VIEW: ViewDef = ViewDef { id: "flame", title: "Flame graph", key: '2', available, render };

fn available(bundle: &Bundle) -> bool {
    bundle.main_profile().is_some()
}

fn render(_session: Session) -> AnyView {
    view! { <h1>"Flame graph"</h1> }.into_any()
}
