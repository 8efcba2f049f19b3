//! The table of caches.

use super::Model;
use crate::keys::is_typing;
use crate::ui::dom::{live, view};
use crate::ui::facts::UNKNOWN;
use crate::ui::link::link;
use crate::ui::rows::{Cell, Column, Rows, table};
use leptos::prelude::*;
use perfcollect_shared::caches::{Row, words};
use perfcollect_shared::derive::caches::lost_ns;
use perfcollect_shared::derive::row_order::clicked_on;
use perfcollect_shared::format;
use perfcollect_shared::stats::Interval;
use std::sync::Arc;

pub(super) fn list(model: Model) -> AnyView {
    let session = model.session;
    let copy = window_event_listener(leptos::ev::keydown, move |event| {
        if event.key() == "y" && !is_typing(&event) {
            copy_row(model);
        }
    });
    on_cleanup(move || copy.remove());
    let words = move || {
        let (shown, all) = (model.listed.get().0.len() as u64, model.rows.get().len() as u64);
        let all_words = format::plural(all, "cache");
        if shown == all { all_words } else { format!("{} of {all_words}", format::count(shown)) }
    };
    view! {
        <p class="tools-row">
            <input type="search" data-search placeholder="filter by name, file, library" aria-label="Filter caches"
                prop:value=move || session.view.with(|view| view.caches.filter.clone())
                on:input=move |event| session.adjust(|view| view.caches.filter = event_target_value(&event)) />
            <span class="count" role="status">{words}</span>
        </p>
        {live(move || rows(model))}
        {live(move || aside(model))}
    }
}

/// What is not listed, and the way to see it.
fn aside(model: Model) -> AnyView {
    let (listed, all) = (model.listed.get(), model.session.view.with(|view| view.caches.all));
    let left_out = listed.1 as u64;
    if left_out == 0 && !all {
        return ().into_any();
    }
    let and = if listed.0.is_empty() { "" } else { "and " };
    let words = format!("{and}{} of libraries that nothing asked for: ", format::plural(left_out, "cache"));
    let toggle = if all { "leave out caches of libraries that nothing asked for" } else { "show" };
    let toggle = link(model.session, toggle, |state| state.caches.all = !state.caches.all);
    view! { <p class="muted">{(!all).then_some(words)} {toggle}</p> }.into_any()
}

fn column(model: Model, id: &'static str, title: &str, class: &'static str) -> Column {
    let sorted = model.session.view.with(|view| {
        let sort = &view.caches.sort;
        if sort.is_empty() {
            return (id == "requests").then_some(true);
        }
        sort.iter().find(|sort| sort.column == id).map(|sort| sort.descending)
    });
    Column::new(title, class).sorted(sorted, move |state, add| {
        state.caches.sort = clicked_on(&state.caches.sort, id, id != "name", add);
    })
}

fn rows(model: Model) -> AnyView {
    let (all, (places, _), chosen) = (model.rows.get(), model.listed.get(), model.chosen.get());
    let columns = vec![
        column(model, "name", "Cache", "name"),
        column(model, "requests", "Requests", "n extra"),
        column(model, "rate", "Hits, %", "n"),
        Column::new("95 % interval", "n extra").hover("Of the hit rate"),
        column(model, "saved", "Saves", "n extra")
            .hover("What the hits did not compute, less what asking and storing cost"),
        Column::new("95 % interval", "n extra").hover("The interval of what it saves"),
        column(model, "lost", "Misses cost", "n extra").hover("Time that the misses took to compute"),
        column(model, "memory", "Memory", "n extra"),
        column(model, "entries", "Entries", "n extra").hover("Most in one process, of its capacity"),
        Column::new("Library", "extra"),
        column(model, "verdict", "Verdict", "word"),
    ];
    let keys: Arc<Vec<String>> = Arc::new(places.iter().map(|&at| all[at].key()).collect());
    let rows = places.iter().zip(keys.iter()).map(|(&at, key)| cells(&all[at], key.clone())).collect();
    let select = Arc::new(move |state: &mut perfcollect_shared::view_state::ViewState, row: usize| {
        state.caches.chosen = keys.get(row).cloned().unwrap_or_default();
    });
    let marked = places.iter().position(|&at| Some(at) == chosen);
    table(model.session, Rows { label: "Caches", columns, rows, chosen: marked, select: Some(select) })
}

pub(super) fn known(text: Option<String>, why: &str) -> Cell {
    text.map_or_else(|| Cell::new(UNKNOWN).hover(why), Cell::new)
}

fn interval(low: Option<f64>, high: Option<f64>, text: impl Fn(f64) -> String) -> Option<String> {
    Some(format!("[{}, {}]", text(low?), text(high?)))
}

fn cells(row: &Row, key: String) -> Vec<Cell> {
    let place = format::place(row.file.as_deref().unwrap_or_default(), row.line.unwrap_or(0));
    let rate = row.rate.map_or_else(|| known(None, "no request, or the library does not count hits"), Cell::percent);
    let percent = |part: f64| format!("{:.1}", part * 100.0);
    let no_cost = "what a miss costs was not measured";
    let mut verdict = row.verdict.word().to_owned();
    if let Some(size) = row.advised_capacity {
        verdict = format!("{verdict} to {}", format::count(size));
    }
    let saved = match (row.saved_ns, row.saved_ns_high) {
        (None, Some(most)) => Cell::new(format!("≤ {}", words::time(most))).hover("no sample fell into its misses"),
        (saved, _) => known(saved.map(words::time), no_cost),
    };
    let tone = match row.verdict {
        perfcollect_shared::caches::Verdict::Keep => "better",
        verdict if verdict.is_confident() => "worse",
        _ => "",
    };
    vec![
        Cell::new(format::shorten_name(&row.name, 48))
            .hover(format!("{}\n{place}", row.name))
            .follow(move |state| state.caches.chosen.clone_from(&key)),
        known(row.requests.map(format::count), "the library does not count them"),
        rate,
        known(interval(row.rate_low, row.rate_high, percent), "no request"),
        saved,
        known(interval(row.saved_ns_low, row.saved_ns_high, words::time), no_cost),
        known(lost_ns(row).map(words::time), no_cost),
        known(row.bytes.map(format::bytes), "the library does not tell"),
        known(row.slots(), "the library does not tell"),
        Cell::new(row.library.clone()),
        Cell::new(verdict).class(tone),
    ]
}

/// Puts the chosen row on the clipboard.
fn copy_row(model: Model) {
    let rows = model.rows.get_untracked();
    let Some(row) = model.chosen.get_untracked().and_then(|at| rows.get(at)) else { return };
    let rate = row
        .rate
        .zip(row.rate_low)
        .zip(row.rate_high)
        .map_or_else(|| UNKNOWN.to_owned(), |((value, low), high)| words::share_within(Interval { value, low, high }));
    let text = format!(
        "{}\t{}\t{} requests\thits {rate}\tsaves {}\t{}",
        row.name,
        format::place(row.file.as_deref().unwrap_or_default(), row.line.unwrap_or(0)),
        row.requests.map_or_else(|| UNKNOWN.to_owned(), format::count),
        row.saved_ns.map_or_else(|| UNKNOWN.to_owned(), words::time),
        row.verdict.word()
    );
    crate::ui::clipboard::copy(&text);
}
