//! All recordings of the folder that is served, newest first; what was cut short and can be saved.

use super::{FIRST, ViewDef};
use crate::load::{Entry, LibraryState};
use crate::state::Session;
use crate::ui::dom::{live, view};
use crate::ui::facts::UNKNOWN;
use crate::ui::link::link;
use crate::ui::memo::Memo;
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::ui::top_bar::exit_words;
use leptos::prelude::*;
use perfcollect_shared::format;
use perfcollect_shared::model::Manifest;
use perfcollect_shared::units::Bytes;
use perfcollect_shared::view_state::ViewState;

pub const VIEW: ViewDef = ViewDef { id: super::LIBRARY, title: "Library", key: '0', available: |_| true, render };

fn render(session: Session) -> AnyView {
    live(move || {
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
    let table = (!whole.is_empty()).then(|| recordings(session, &whole));
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

fn columns() -> Vec<Column> {
    vec![
        Column::new("Name", "name"),
        Column::new("No.", "n extra"),
        Column::new("Command", "name command extra"),
        Column::new("When", "extra"),
        Column::new("Wall", "n"),
        Column::new("CPU", "n extra"),
        Column::new("Peak memory", "n extra"),
        Column::new("End", ""),
        Column::new("Samples", "n extra"),
        Column::new("File", "n extra"),
        Column::new("Compare", "extra").hover("Two recordings side by side: first the base, then the one to judge"),
    ]
}

fn recordings(session: Session, entries: &[Entry]) -> AnyView {
    let base = Memo::new(move || session.view.with(|view| view.against.first().cloned()));
    let entries = entries.to_vec();
    let rows = move || {
        let base = base.get();
        let rows = entries.iter().rev().map(|entry| row(entry, base.as_deref())).collect();
        table(session, Rows { label: "Recordings", columns: columns(), rows, chosen: None, select: None })
    };
    view! { <div class="library">{marked(session, base)} {rows}</div> }.into_any()
}

/// The base of a comparison that waits for its other side.
fn marked(session: Session, base: Memo<Option<String>>) -> impl IntoView {
    move || {
        base.get().map(|name| {
            let clear = link(session, "compare nothing", |state| state.against.clear());
            view! { <p class="note" role="status">"Base of the comparison: " <strong>{name}</strong> ". Choose “compare” in the row of the other side, or " {clear} "."</p> }
        })
    }
}

/// What a row offers: to be the base, or to be compared with the one that is.
fn comparing(entry: &Entry, base: Option<&str>) -> Cell {
    let name = entry.name.clone();
    match base {
        _ if entry.manifest.is_none() => Cell::default(),
        None => Cell::new("as base").follow(move |state| state.against = vec![name.clone()]),
        Some(base) if base == name => Cell::new("base ✕").follow(|state| state.against.clear()),
        Some(base) => {
            let base = vec![base.to_owned()];
            Cell::new("compare").follow(move |state| {
                let view = super::COMPARE.to_owned();
                let bundle = Some(name.clone());
                *state = ViewState { view, bundle, against: base.clone(), ..Default::default() };
            })
        }
    }
}

fn row(entry: &Entry, base: Option<&str>) -> Vec<Cell> {
    let number = Cell::new(or_unknown(entry.number.map(|number| number.to_string())));
    let size = Cell::new(format::bytes(Bytes(entry.bytes)));
    let name = entry.name.clone();
    let open = |text: String| {
        Cell::new(text).follow(move |state| {
            *state = ViewState { view: FIRST.to_owned(), bundle: Some(name.clone()), ..Default::default() };
        })
    };
    let Some(manifest) = &entry.manifest else {
        let why = Cell::new(entry.error.clone().unwrap_or_default()).class("warn why");
        let none = Cell::default;
        return vec![
            open(entry.name.clone()),
            number,
            none(),
            none(),
            none(),
            none(),
            none(),
            why,
            none(),
            size,
            none(),
        ];
    };
    let command = format::command_line(&manifest.command);
    let named = manifest.label.clone().unwrap_or_else(|| manifest.title());
    let summary = &manifest.summary;
    let (when, zone) = crate::ui::moment::local(&manifest.start);
    let partial = if manifest.partial { ", partial" } else { "" };
    vec![
        open(named),
        number,
        Cell::new(command.clone()).hover(command),
        Cell::new(when).hover(zone),
        Cell::new(or_unknown(manifest.wall_ns.map(format::duration))),
        Cell::new(or_unknown(manifest.cpu_ns.map(format::duration))),
        Cell::new(or_unknown(summary.rss_bytes_max.map(format::bytes))),
        Cell::new(format!("{}{partial}", exit_words(manifest.exit))).class(if failed(manifest) { "warn" } else { "" }),
        Cell::new(format::count(summary.samples)),
        size,
        comparing(entry, base),
    ]
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
