//! What the page shows while it reads a bundle, and when that failed.

use crate::load::Load;
use crate::state::Session;
use crate::ui::dom::view;
use crate::ui::facts::UNKNOWN;
use crate::views;
use leptos::prelude::*;
use perfcollect_shared::format;
use perfcollect_shared::units::Bytes;

/// What is being read and how far.
pub fn reading(session: Session) -> AnyView {
    let words = move || {
        session.load.with(|load| match load {
            Load::Reading { what, done, of: Some(of), .. } if done >= of => format!("Decoding {what}"),
            Load::Reading { what, done, of, .. } => {
                let of = of.map_or_else(|| UNKNOWN.to_owned(), |of| format::bytes(Bytes(of)));
                format!("Reading {what}: {} of {of}", format::bytes(Bytes(*done)))
            }
            Load::Empty | Load::Ready(_) | Load::Failed { .. } => String::new(),
        })
    };
    let share = move || {
        session.load.with(|load| match load {
            Load::Reading { done, of: Some(of), .. } => Some(Bytes(*done).share_of(Bytes(*of)).to_string()),
            _ => None,
        })
    };
    view! {
        <div class="reading" role="status">
            <p>{words}</p>
            <progress max="1" value=share aria-label="Share that is read"></progress>
        </div>
    }
    .into_any()
}

/// Why there is no picture, what can be shown all the same, and what to do.
pub fn failed(session: Session) -> AnyView {
    let (what, reason, manifest) = session.load.with(|load| match load {
        Load::Failed { what, reason, manifest } => (what.clone(), reason.clone(), manifest.is_some()),
        _ => (String::new(), String::new(), false),
    });
    let command = format!("perfcollect recover {}", format::shell_word(&what));
    let rest =
        manifest.then(|| view! { <p>"What its manifest says is below."</p> {(views::overview::VIEW.render)(session)} });
    view! {
        <section class="failure" role="alert">
            <h1>{format!("{what} cannot be shown")}</h1>
            <p>{reason}</p>
            <p>"Where the file is damaged, this saves what can be read of it: " <code>{command}</code></p>
            <p>"Another one: drop a bundle or an exported report on this page."</p>
        </section>
        {rest}
    }
    .into_any()
}
