//! The chosen function between its callers and callees.

use super::table::{share_cell, time_cell};
use super::{Model, Table, weight_left};
use crate::state::Shared;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use leptos::prelude::*;
use perfcollect_shared::derive::interval::{effective_samples, plus_minus_points};
use perfcollect_shared::derive::sandwich::{Sandwich, SandwichRow, callers_and_callees_of};
use perfcollect_shared::derive::selection::{FunctionKey, Transform};
use perfcollect_shared::format::{self, TimeColumn};
use perfcollect_shared::model::{FunctionId, FunctionKind, Profile, WeightKind};

/// Callers and callees listed; what is left is added up in a last line.
const ROWS: usize = 30;

/// What the panel shows.
struct Shown {
    table: Shared<Table>,
    function: FunctionId,
    sandwich: Sandwich,
}

pub(super) fn panel(model: Model) -> impl IntoView {
    let derived = model.session.derived;
    let shown = Memo::new(move || {
        let (table, function, selected) = (model.table.get()?, model.chosen.get()?, derived.selected.get()?);
        let sandwich = callers_and_callees_of(&table.profile, &selected, function);
        Some(Shared::new(Shown { table, function, sandwich }))
    });
    view! { <aside class="sandwich" aria-label="The chosen function">{move || shown.get().map(|shown| content(model, &shown))}</aside> }
}

fn content(model: Model, shown: &Shown) -> impl IntoView + use<> {
    let profile = &shown.table.profile;
    let sandwich = &shown.sandwich;
    let name = profile.function_name(shown.function).to_owned();
    let times = TimeColumn::of(shown.table.profile.info.weight, sandwich.total_weight);
    let above = list(model, shown, "Callers", &sandwich.callers, "the start of the thread", times);
    let below = list(model, shown, "Callees", &sandwich.callees, "its own code", times);
    view! {
        <h2 class="mono" title=name.clone()>{format::shorten_name(&name, 120)}</h2>
        <p class="muted">{whereabouts(profile, shown.function)}</p>
        <p>{figures(shown)}</p>
        {actions(model, profile, shown.function)}
        {above}
        {below}
    }
}

fn whereabouts(profile: &Profile, function: FunctionId) -> String {
    let place = format::place(profile.function_file(function), profile.function(function).start_line);
    let kind = match profile.function(function).kind {
        FunctionKind::Own => "your code",
        FunctionKind::Library => "library",
        FunctionKind::Runtime => "runtime",
        FunctionKind::Kernel => "kernel",
        FunctionKind::Waiting => "waiting, not running",
    };
    let module = format::file_name(profile.function_module(function)).to_owned();
    [place, module, kind.to_owned()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn figures(shown: &Shown) -> String {
    let (sandwich, top) = (&shown.sandwich, &shown.table.top);
    let samples = effective_samples(&shown.table.profile) * weight_left(&shown.table.profile, top);
    let part = |weight: perfcollect_shared::units::Nanos, count: u64| {
        let share = weight.share_of(sandwich.weight);
        let sure = format::plus_minus(plus_minus_points(share, samples));
        let info = &shown.table.profile.info;
        // A bare number is not told from that of samples.
        let what = if info.weight == WeightKind::Events { format!(" {}", info.name) } else { String::new() };
        format!(
            "{} {sure} ({}{what}, {})",
            format::share(share),
            format::weight(info.weight, weight),
            format::plural(count, "sample")
        )
    };
    format!(
        "self {}; total {}",
        part(sandwich.self_weight, sandwich.self_samples),
        part(sandwich.total_weight, sandwich.total_samples)
    )
}

fn actions(model: Model, profile: &Profile, function: FunctionId) -> impl IntoView + use<> {
    let session = model.session;
    let key = FunctionKey::of(profile, function);
    let flame = key.clone();
    let show = move |_| {
        let key = flame.clone();
        session.go(move |view| {
            view.chosen = Some(key);
            crate::views::flame::VIEW.id.clone_into(&mut view.view);
        });
    };
    let focus = move |_| {
        let key = key.clone();
        session.go(move |view| {
            view.chosen = Some(key.clone());
            view.selection.transforms.push(Transform::Focus(key));
        });
    };
    let source = crate::views::source::of_function(FunctionKey::of(profile, function));
    let has_lines = !profile.function_file(function).is_empty();
    let source = has_lines.then(|| {
        let open = move |_| session.go(&source);
        view! { <button on:click=open>"Show its source"</button> }
    });
    view! {
        <p class="tools-row">
            <button on:click=show>"Show in the flame graph"</button>
            {source}
            <button on:click=focus title="Restrict every view to the samples with this function">"Only its samples"</button>
        </p>
    }
}

fn list(
    model: Model,
    shown: &Shown,
    title: &'static str,
    rows: &[SandwichRow],
    nothing: &'static str,
    times: TimeColumn,
) -> impl IntoView + use<> {
    let profile = &shown.table.profile;
    let total = shown.sandwich.total_weight;
    let line = |row: &SandwichRow| {
        let name = row.function.map(|function| {
            let name = profile.function_name(function).to_owned();
            view! {
                <button class="link" title=name.clone() on:click=move |_| model.choose(function, true)>
                    {format::shorten_name(&name, 60)}
                </button>
            }
        });
        let name = name.map_or_else(|| view! { <i class="muted">{nothing}</i> }.into_any(), IntoAny::into_any);
        view! {
            <tr>
                {share_cell(row.weight.share_of(total))}
                {time_cell(times, row.weight, row.samples)}
                <td class="n wide">{format::count(row.samples)}</td>
                <th scope="row" class="name">{name}</th>
            </tr>
        }
    };
    let more = rows.len().saturating_sub(ROWS);
    let more = (more > 0).then(|| view! { <p class="muted">{format::plural(more as u64, "smaller one")}</p> });
    let lines = rows.iter().take(ROWS).map(line).collect_view();
    view! {
        <h3>{title}</h3>
        <div class="scroll">
            <table>
                <thead>
                    <tr>
                        <th scope="col" class="n" title="Of the function's total time">"Share, %"</th>
                        <th scope="col" class="n wide">{format!("In all, {}", times.unit)}</th>
                        <th scope="col" class="n wide">"Samples"</th>
                        <th scope="col">"Function"</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </div>
        {more}
    }
}
