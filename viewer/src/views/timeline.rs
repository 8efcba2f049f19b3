//! The view "Timeline".

use super::ViewDef;
use crate::state::Session;
use leptos::prelude::*;
use perfcollect_shared::model::Bundle;

pub const VIEW: ViewDef = ViewDef { id: "timeline", title: "Timeline", key: '4', available, render };

fn available(bundle: &Bundle) -> bool {
    !bundle.timeline.samples.is_empty()
}

fn render(_session: Session) -> AnyView {
    view! { <h1>"Timeline"</h1> }.into_any()
}
