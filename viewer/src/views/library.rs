//! All recordings of the folder that is served, newest first; what was cut short and can be saved.

use super::{FIRST, ViewDef};
use crate::load::{Entry, LibraryState};
use crate::state::Session;
use crate::ui::facts::UNKNOWN;
use crate::ui::link::link;
use crate::ui::top_bar::exit_words;
use leptos::prelude::*;
use perfcollect_shared::format;
use perfcollect_shared::model::Manifest;
use perfcollect_shared::units::Bytes;
use perfcollect_shared::view_state::ViewState;

pub const VIEW: ViewDef = ViewDef { id: super::LIBRARY, title: "Library", key: '0', available: |_| true, render };

fn render(session: Session) -> AnyView {
    (move || {
        session.library.with(|state| match state {
            LibraryState::None => no_server().into_any(),
            LibraryState::Reading => view! { <p class="reading" role="status">"Reading the library"</p> }.into_any(),
            LibraryState::Ready(library) => list(session, &library.bundles, None).into_any(),
            LibraryState::Lost { last, reason } => {
                let bundles = last.as_ref().map(|library| library.bundles.as_slice()).unwrap_or_default();
                list(session, bundles, Some(reason.clone())).into_any()
            }
        })
    })
    .into_any()
}

fn no_server() -> impl IntoView {
    view! {
        <section class="empty">
            <h1>"Drop a recording here"</h1>
            <p>"A bundle (" <code>".perf.zip"</code> ") or an exported report (" <code>".html"</code> "). It is read on this machine; nothing is sent anywhere."</p>
        </section>
    }
}

fn list(session: Session, entries: &[Entry], lost: Option<String>) -> impl IntoView + use<> {
    let (cut, whole): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|entry| entry.recoverable);
    let sentence = match whole.len() as u64 {
        0 => "No recording yet".to_owned(),
        n => format::plural(n, "recording"),
    };
    let lost = lost.map(|reason| view! {
        <p class="note warn" role="status">"The server is gone: " {reason} ". Start it again: " <code>"perfcollect serve"</code></p>
    });
    let table = (!whole.is_empty()).then(|| table(session, whole));
    let cut = (!cut.is_empty()).then(|| recoverable(cut));
    view! {
        <section>
            <h1>{sentence}</h1>
            {lost}
            {table}
            {cut}
            <p class="next">"Record one: " <code>"perfcollect run -- COMMAND"</code> ". It appears here by itself."</p>
        </section>
    }
}

fn table(session: Session, entries: Vec<Entry>) -> impl IntoView {
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Recordings">
            <table class="library">
                <thead>
                    <tr>
                        <th scope="col" class="n extra">"No."</th>
                        <th scope="col">"Command"</th>
                        <th scope="col" class="extra">"When"</th>
                        <th scope="col" class="n">"Wall"</th>
                        <th scope="col" class="n extra">"CPU"</th>
                        <th scope="col" class="n extra">"Peak memory"</th>
                        <th scope="col">"End"</th>
                        <th scope="col" class="n extra">"Samples"</th>
                        <th scope="col" class="n extra">"File"</th>
                    </tr>
                </thead>
                <tbody>{entries.into_iter().rev().map(|entry| row(session, entry)).collect_view()}</tbody>
            </table>
        </div>
    }
}

fn row(session: Session, entry: Entry) -> impl IntoView {
    let number = entry.number.map_or_else(|| UNKNOWN.to_owned(), |number| number.to_string());
    let name = entry.name.clone();
    let link = |text: String| {
        link(session, text, move |state| {
            *state = ViewState { view: FIRST.to_owned(), bundle: Some(name.clone()), ..Default::default() };
        })
    };
    let Some(manifest) = entry.manifest else {
        let why = entry.error.unwrap_or_default();
        return view! {
            <tr>
                <td class="n extra">{number}</td>
                <td class="name">{link(entry.name)}</td>
                <td colspan="6" class="warn why">{why}</td>
                <td class="n extra">{format::bytes(Bytes(entry.bytes))}</td>
            </tr>
        }
        .into_any();
    };
    let command = format::command_line(&manifest.command);
    let named = manifest.label.clone().unwrap_or_else(|| format::program(&manifest.command));
    let summary = &manifest.summary;
    let (when, zone) = crate::ui::moment::local(&manifest.start);
    view! {
        <tr>
            <td class="n extra">{number}</td>
            <td class="name">{link(named)} <span class="more command" title=command.clone()>{command.clone()}</span></td>
            <td class="extra" title=zone>{when}</td>
            <td class="n">{or_unknown(manifest.wall_ns.map(format::duration))}</td>
            <td class="n extra">{or_unknown(manifest.cpu_ns.map(format::duration))}</td>
            <td class="n extra">{or_unknown(summary.rss_bytes_max.map(format::bytes))}</td>
            <td class:warn=failed(&manifest)>{exit_words(manifest.exit)}{manifest.partial.then_some(", partial")}</td>
            <td class="n extra">{format::count(summary.samples)}</td>
            <td class="n extra">{format::bytes(Bytes(entry.bytes))}</td>
        </tr>
    }
    .into_any()
}

fn failed(manifest: &Manifest) -> bool {
    manifest.partial || manifest.exit.status() != Some(0)
}

fn or_unknown(value: Option<String>) -> String {
    value.unwrap_or_else(|| UNKNOWN.to_owned())
}

fn recoverable(entries: Vec<Entry>) -> impl IntoView {
    let rows = entries.into_iter().map(|entry| {
        let command = entry.manifest.map(|manifest| format::command_line(&manifest.command));
        view! {
            <li>
                <code>{format!("perfcollect recover {}", format::shell_word(&entry.name))}</code>
                {command.map(|command| view! { <span class="more">{command}</span> })}
            </li>
        }
    });
    view! {
        <h2>"Cut short"</h2>
        <p>"Recordings whose collector was killed. What was recorded until then can be saved:"</p>
        <ul class="plain">{rows.collect_view()}</ul>
    }
}
