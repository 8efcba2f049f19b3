//! What ran, how it ended and the things that matter most: the first screen, painted from the manifest alone if need be.

use super::{FIRST, ViewDef};
use crate::state::Session;
use leptos::prelude::*;

pub const VIEW: ViewDef = ViewDef { id: FIRST, title: "Overview", key: '1', available: |_| true, render };

fn render(session: Session) -> AnyView {
    view! { <h1>{move || session.manifest().map(|manifest| manifest.command.join(" "))}</h1> }.into_any()
}
