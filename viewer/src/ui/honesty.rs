//! How good the recording is, in one line: under the first sentence of the page and at the foot of what rests on samples.

use crate::state::Session;
use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::report::quality;

/// The line at the foot of a view.
pub fn honesty(session: Session) -> AnyView {
    let line = move || session.bundle().map(|bundle| format!("The recording: {}.", quality(&bundle).line));
    view! { <p class="doubt muted honesty">{line}</p> }.into_any()
}
