//! One cache: why it is judged so, its picture, its keys, who calls it, and what to do next.

use super::list::known;
use super::{Model, picture};
use crate::ui::command::command;
use crate::ui::dom::{live, view};
use crate::ui::facts::{Fact, facts};
use crate::ui::link::link;
use crate::ui::rows::{Cell, Column, Rows, table};
use leptos::prelude::*;
use perfcollect_shared::caches::{Evidence, Presets, Row, Verdict, words, wrapped};
use perfcollect_shared::derive::caches::hottest;
use perfcollect_shared::derive::selection::{FunctionKey, Transform};
use perfcollect_shared::derive::ways::{Way, ways_to};
use perfcollect_shared::format;
use perfcollect_shared::model::CacheScope;
use perfcollect_shared::units::Nanos;

/// Keys and stacks listed.
const ROWS: usize = 20;

pub(super) fn detail(model: Model, at: usize) -> AnyView {
    let evidence = model.evidence.get_untracked();
    let Some(evidence) = evidence.get(at).cloned() else { return ().into_any() };
    let Some(bundle) = model.session.bundle() else { return ().into_any() };
    let name = evidence.name.clone();
    let place = format::place(evidence.file.as_deref().unwrap_or_default(), evidence.line.unwrap_or(0));
    let place = [place, evidence.library.clone()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let found = picture::found(at);
    let replay = match evidence.scope {
        _ if !evidence.keys.is_empty() => picture::curve(model, at, found),
        CacheScope::Server => ().into_any(),
        _ => untraced(),
    };
    let judged = move || model.rows.get().get(at).map(judgement);
    view! {
        <section class="cache" aria-label="The chosen cache">
            <h2 class="mono" title=name.clone()><bdi>{format::shorten_name(&name, 120)}</bdi></h2>
            <p class="muted">{place.join(" · ")}</p>
            {live(judged)}
            {replay}
            {picture::time(&bundle, &evidence)}
            <div class="blocks">
                {picture::policies(model, at, found)}
                {live(move || model.rows.get().get(at).map(|_| kinds(at)))}
                {keys(model, &bundle, &evidence)}
                {callers(model, &evidence)}
                {live(move || model.rows.get().get(at).map(|row| presets(model, row)))}
            </div>
            {live(move || model.rows.get().get(at).map(next))}
        </section>
    }
    .into_any()
}

fn untraced() -> AnyView {
    view! {
        <p class="note">"Its keys were not recorded, so that what another size would do is not known. Record them: "
            {command("perfcollect run --cache-trace -- COMMAND".to_owned())}</p>
    }
    .into_any()
}

/// The verdict with what decided it and what would change it.
fn judgement(row: &Row) -> AnyView {
    let list = |title: &'static str, lines: &[String]| {
        let lines: Vec<AnyView> = lines.iter().map(|line| view! { <li>{line.clone()}</li> }.into_any()).collect();
        (!lines.is_empty()).then(|| view! { <p>{title}</p> <ul class="plain">{lines}</ul> })
    };
    let size = row.advised_capacity.map(|size| format!(" to {}", format::count(size)));
    let policy = row.advised_policy.map(|policy| format!(" {policy}"));
    let gain = row.gain_ns.map(|gain| format!(", which would save {} more", words::time(gain)));
    let verdict = [Some(row.verdict.word().to_owned()), size, policy, gain].into_iter().flatten().collect::<String>();
    let tone = if row.verdict == Verdict::Keep { "better verdict" } else { "verdict" };
    view! {
        <p class=tone><strong>{verdict}</strong></p>
        {list("Because", &row.reasons)}
        {list("It would change", &row.would_change)}
    }
    .into_any()
}

/// Misses by their kind, once replayed.
fn kinds(at: usize) -> AnyView {
    let Some(found) = crate::worker::simulations().of(at).simulated.flatten() else { return ().into_any() };
    let kinds = &found.kinds;
    let fact = |name, count: u64, why: &str| Fact::new(name, format::count(count)).titled(why);
    let list = vec![
        fact("first use", kinds.first, "No cache of any size has them"),
        fact("capacity", kinds.capacity, "The entry had made room for another"),
        fact("expired", kinds.expired, "The entry was too old"),
        fact("invalidated", kinds.invalidated, "The program had removed the entry"),
    ];
    view! { <div><h3>"Misses"</h3> {facts(list)}</div> }.into_any()
}

fn keys(model: Model, bundle: &perfcollect_shared::model::Bundle, evidence: &Evidence) -> AnyView {
    if evidence.keys.is_empty() {
        return ().into_any();
    }
    let (keys, distinct) = hottest(bundle, evidence, ROWS);
    let rows = keys.iter().map(|key| {
        vec![
            Cell::new(format!("{:016x}", key.hash)),
            Cell::new(format::count(key.requests)),
            Cell::new(format::count(key.hits)),
            known(key.miss_cost.map(format::duration), "no miss of it was timed"),
        ]
    });
    let rows = rows.collect();
    let columns = vec![
        Column::new("Hash of the key", "name"),
        Column::new("Requests", "n"),
        Column::new("Hits", "n"),
        Column::new("A miss costs", "n extra"),
    ];
    let more = distinct.saturating_sub(ROWS);
    let more = (more > 0).then(|| view! { <p class="muted">{format::plural(more as u64, "other key")}</p> });
    view! {
        <div>
            <h3>"Hottest keys"</h3>
            {table(model.session, Rows { label: "Hottest keys", columns, rows, chosen: None, select: None })}
            {more}
        </div>
    }
    .into_any()
}

/// The stacks that call the function behind it, and what its misses cost each of them.
fn callers(model: Model, evidence: &Evidence) -> AnyView {
    let (session, evidence) = (model.session, evidence.clone());
    live(move || {
        let (profile, selected) = (session.derived.profile.get()?, session.derived.selected.get()?);
        let function = wrapped(&profile, &evidence)?;
        let ways = ways_to(&profile, &selected, function);
        let total: Nanos = ways.iter().map(|way| way.weight).sum();
        let row = |way: &Way| {
            let share = Cell::percent(way.weight.share_of(total));
            let stack = Cell::new(way.words(&profile)).class("stack");
            vec![stack, share, Cell::new(format::duration(way.weight)), Cell::new(format::count(way.samples))]
        };
        let rows: Vec<Vec<Cell>> = ways.iter().take(ROWS).map(row).collect();
        let columns = vec![
            Column::new("Stack, nearest caller first", "name"),
            Column::new("Share, %", "n").hover("Of the time that misses took"),
            Column::new("Pays", "n"),
            Column::new("Samples", "n extra"),
        ];
        let more = ways.len().saturating_sub(ROWS);
        let more = (more > 0).then(|| format::plural(more as u64, "smaller one"));
        let key = FunctionKey::of(&profile, function);
        let stacks = link(session, "Its stacks in the flame graph", move |state| {
            crate::views::flame::VIEW.id.clone_into(&mut state.view);
            state.selection.transforms.push(Transform::Focus(key.clone()));
        });
        let none = rows.is_empty().then_some("No sample fell into the function: its misses are too short or too few.");
        Some(view! {
            <div>
                <h3>"Who pays for its misses"</h3>
                <p class="muted">{none}</p>
                {table(session, Rows { label: "Callers of the cached function", columns, rows, chosen: None, select: None })}
                <p class="muted">{more}</p>
                <p>{stacks}</p>
            </div>
        })
    })
}

/// Rules of other tools beside our verdict.
fn presets(model: Model, row: &Row) -> AnyView {
    let Presets { hit_rate, effectiveness, candidate, speed_up, disagrees } = &row.presets;
    let named = [
        ("10 / 20 % hits", hit_rate),
        ("50 / 80 % hits", effectiveness),
        ("100 calls and 0.1 s", candidate),
        ("20 % hits and 5 % faster", speed_up),
    ];
    let rows: Vec<Vec<Cell>> = named
        .into_iter()
        .filter_map(|(name, preset)| {
            let preset = preset.as_ref()?;
            let size = preset.capacity.map(|size| format!(" to {}", format::count(size))).unwrap_or_default();
            Some(vec![Cell::new(name), Cell::new(format!("{}{size}", preset.says)), Cell::new(preset.why.clone())])
        })
        .collect();
    if rows.is_empty() {
        return ().into_any();
    }
    let columns = vec![Column::new("Rule", ""), Column::new("Says", ""), Column::new("Why", "extra notes")];
    let why = disagrees.clone().map(|why| view! { <p class="note">"Where it differs from ours: " {why}</p> });
    view! {
        <div>
            <h3>"Rules of other tools"</h3>
            {table(model.session, Rows { label: "Rules of other tools", columns, rows, chosen: None, select: None })}
            {why}
        </div>
    }
    .into_any()
}

fn next(row: &Row) -> AnyView {
    let Some(line) = row.next.clone() else { return ().into_any() };
    view! { <h3>"Next"</h3> <p>{command(line)}</p> }
}
