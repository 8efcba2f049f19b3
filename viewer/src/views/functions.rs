//! The view "Functions".

use super::ViewDef;
use crate::state::Session;
use leptos::prelude::*;
use perfcollect_shared::model::Bundle;

pub const VIEW: ViewDef = ViewDef { id: "functions", title: "Functions", key: '3', available, render };

fn available(bundle: &Bundle) -> bool {
    bundle.main_profile().is_some()
}

fn render(_session: Session) -> AnyView {
    view! { <h1>"Functions"</h1> }.into_any()
}
