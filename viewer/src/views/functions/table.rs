//! The sortable table.

use super::{FEW, Model, Table};
use crate::keys::is_typing;
use crate::state::Shared;
use crate::ui::choices;
use crate::ui::dom::view;
use crate::ui::facts::UNKNOWN;
use crate::ui::virtual_rows::{VirtualRows, gap_px, reveal};
use leptos::html;
use leptos::prelude::*;
use perfcollect_shared::derive::row_order::{Column, clicked, direction};
use perfcollect_shared::derive::selection::FunctionKey;
use perfcollect_shared::derive::top_table::TopRow;
use perfcollect_shared::format::{self, TimeColumn};
use perfcollect_shared::model::Language;
use perfcollect_shared::units::Nanos;

pub(super) fn table(model: Model) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let window = VirtualRows::default();
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let step = match &*event.key() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            _ => return,
        };
        event.prevent_default();
        step_rows(model, scroller, step);
    };
    let copy = window_event_listener(leptos::ev::keydown, move |event| {
        if event.key() == "y" && !is_typing(&event) {
            copy_row(model);
        }
    });
    on_cleanup(move || copy.remove());
    view! {
        <div class="functions-table">
            {filter(model)}
            <div class="scroll virtual" tabindex="0" role="region" aria-label="Functions" node_ref=scroller
                on:scroll=move |event| window.on_scroll(&event) on:keydown=on_key>
                <table aria-rowcount=move || model.rows.get().len() + 1>
                    <thead>{move || head(model)}</thead>
                    <tbody>{move || body(model, window)}</tbody>
                </table>
            </div>
        </div>
    }
}

fn filter(model: Model) -> impl IntoView {
    let session = model.session;
    let words = move || {
        let (shown, all) = (model.rows.get().len(), model.table.get().map_or(0, |table| table.top.rows.len()));
        let all = format::plural(all as u64, "function");
        if session.view.with(|view| view.functions.filter.is_empty()) {
            all
        } else {
            format!("{} of {all}", format::count(shown as u64))
        }
    };
    view! {
        <p class="tools-row">
            <input type="search" data-search placeholder="filter by name, file, module" aria-label="Filter functions"
                prop:value=move || session.view.with(|view| view.functions.filter.clone())
                on:input=move |event| session.adjust(|view| view.functions.filter = event_target_value(&event)) />
            {choices::clock(session)}
            {choices::language(session)}
            <span class="count" role="status">{words}</span>
        </p>
    }
}

fn head(model: Model) -> impl IntoView {
    let unit = model.table.get().map_or("s", |table| times(&table).unit);
    view! {
        <tr>
            {header(model, Column::SelfTime, "Self, %".to_owned(), "n", "Share of the samples shown in which its own code ran")}
            {header(model, Column::SelfTime, format!("Self, {unit}"), "n wide", "Time in its own code")}
            {header(model, Column::Total, "Total, %".to_owned(), "n", "Share of the samples shown with it anywhere in the stack")}
            {header(model, Column::Total, format!("Total, {unit}"), "n wide", "Time in it and all that it called")}
            {header(model, Column::Samples, "Samples".to_owned(), "n wide", "Samples behind the self time")}
            {header(model, Column::Name, "Function".to_owned(), "", "")}
            {header(model, Column::Place, "Defined in".to_owned(), "wide", "")}
        </tr>
    }
}

fn header(
    model: Model,
    column: Column,
    words: String,
    class: &'static str,
    title: &'static str,
) -> impl IntoView + use<> {
    let session = model.session;
    let sorted = session.view.with(|view| direction(&view.functions.sort, column));
    let (aria, mark) = match sorted {
        Some(true) => ("descending", " ↓"),
        Some(false) => ("ascending", " ↑"),
        None => ("none", ""),
    };
    let click = move |event: leptos::ev::MouseEvent| {
        let add = event.shift_key();
        session.go(|view| view.functions.sort = clicked(&view.functions.sort, column, add));
    };
    view! {
        <th scope="col" class=class aria-sort=aria title=title>
            <button class="sort" on:click=click>{words} <span aria-hidden="true">{mark}</span></button>
        </th>
    }
}

fn times(table: &Table) -> TimeColumn {
    TimeColumn::of(
        table.profile.info.weight,
        table.top.rows.iter().map(|row| row.total_weight).max().unwrap_or(Nanos::ZERO),
    )
}

fn body(model: Model, window: VirtualRows) -> Option<impl IntoView> {
    let table = model.table.get()?;
    let rows = model.rows.get();
    let times = times(&table);
    let range = window.range(rows.len());
    let (above, below) = (range.start, rows.len() - range.end);
    let shown: Vec<_> = range.map(|index| row(model, &table, times, index, rows[index])).collect();
    let gap = |rows: usize| {
        (rows > 0).then(|| view! { <tr class="gap" aria-hidden="true"><td style:height=gap_px(rows)></td></tr> })
    };
    let none = rows.is_empty().then(|| view! { <tr><td colspan="3">"No function fits the filter."</td></tr> });
    Some(view! { {gap(above)} {shown} {gap(below)} {none} })
}

fn row(model: Model, table: &Shared<Table>, times: TimeColumn, index: usize, row: TopRow) -> impl IntoView + use<> {
    let (profile, top) = (&table.profile, &table.top);
    let function = row.function;
    let name = profile.function_name(function).to_owned();
    let shown = format::shorten_name(&name, 120);
    let (_, language, spoken) = Language::ALL[profile.language(function) as usize];
    let hover = if language == "unknown" { name } else { format!("{name} ({spoken})") };
    let (file, line) = (profile.function_file(function), profile.function(function).start_line);
    let place = format::place(file, line);
    let place = if place.is_empty() { format::file_name(profile.function_module(function)).to_owned() } else { place };
    let whole = format!("{file}\n{}", profile.function_module(function));
    let is_chosen = move || model.chosen.get() == Some(function);
    view! {
        <tr class:chosen=is_chosen aria-rowindex=index + 2 on:click=move |_| model.choose(function, true)>
            {share_cell(row.self_weight.share_of(top.weight))}
            {time_cell(times, row.self_weight, row.self_samples)}
            {share_cell(row.total_weight.share_of(top.weight))}
            {time_cell(times, row.total_weight, row.total_samples)}
            <td class="n wide">{format::count(row.self_samples)}</td>
            <th scope="row" class=format!("name edge {language}")>
                <button class="link" title=hover tabindex=move || if is_chosen() { "0" } else { "-1" }
                    aria-current=move || is_chosen().then_some("true")><bdi>{shown}</bdi></button>
            </th>
            <td class="name wide" title=whole>{place}</td>
        </tr>
    }
}

/// A share with its bar, with one decimal down the column.
pub(super) fn share_cell(share: f64) -> impl IntoView {
    view! { <td class="n bar" style=("--share", format!("{share:.4}"))>{format!("{:.1}", share * 100.0)}</td> }
}

/// A time, or a dash where too few samples are behind it.
pub(super) fn time_cell(times: TimeColumn, weight: Nanos, samples: u64) -> impl IntoView {
    let title = (samples < FEW).then(|| format!("{}: too few for a time", format::plural(samples, "sample")));
    let words = if samples < FEW { UNKNOWN.to_owned() } else { times.cell(weight) };
    view! { <td class="n wide" title=title>{words}</td> }
}

fn step_rows(model: Model, scroller: NodeRef<html::Div>, step: isize) {
    let rows = model.rows.get_untracked();
    let chosen = model.chosen.get_untracked();
    let now = rows.iter().position(|row| Some(row.function) == chosen);
    let next = now.map_or(0, |index| index.saturating_add_signed(step).min(rows.len().saturating_sub(1)));
    if let Some(row) = rows.get(next) {
        model.choose(row.function, false);
        if let Some(element) = scroller.get_untracked() {
            reveal(&element, next);
        }
    }
}

/// Puts the chosen row on the clipboard.
fn copy_row(model: Model) {
    let (Some(table), Some(function)) = (model.table.get_untracked(), model.chosen.get_untracked()) else { return };
    let profile = &table.profile;
    let Some(row) = table.top.rows.iter().find(|row| row.function == function) else { return };
    let text = format!(
        "{}\t{}\tself {} ({}, {})\ttotal {} ({})",
        FunctionKey::of(profile, function).0,
        format::place(profile.function_file(function), profile.function(function).start_line),
        format::share(row.self_weight.share_of(table.top.weight)),
        format::weight(profile.info.weight, row.self_weight),
        format::plural(row.self_samples, "sample"),
        format::share(row.total_weight.share_of(table.top.weight)),
        format::weight(profile.info.weight, row.total_weight)
    );
    crate::ui::clipboard::copy(&text);
}
