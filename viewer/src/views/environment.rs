//! Who ran it, where, when and with what.

use super::ViewDef;
use crate::state::Session;
use leptos::prelude::*;

pub const VIEW: ViewDef = ViewDef { id: "environment", title: "Environment", key: '9', available: |_| true, render };

fn render(_session: Session) -> AnyView {
    view! { <h1>"Environment"</h1> }.into_any()
}
