//! The view "Memory": what the program's allocations held over time, at the peak and at the end, by function and by stack.

use super::ViewDef;
use super::flame::picture;
use crate::state::{Session, Shared};
use crate::ui::cpu_strip::whole;
use crate::ui::dom::view;
use crate::ui::flame_canvas::Flame;
use crate::ui::memo::Memo;
use crate::ui::plot::{area, axis, columns, labels, plot};
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::ui::time_drag::TimeDrag;
use leptos::prelude::*;
use perfcollect_shared::derive::area::stacked_paths;
use perfcollect_shared::derive::axis::{Unit, value_ticks};
use perfcollect_shared::derive::memory::{FunctionMemory, Growth, Memory, memory};
use perfcollect_shared::derive::selection::FunctionKey;
use perfcollect_shared::derive::timeline::{Metric, Step, figures, resample, series};
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, Profile};
use perfcollect_shared::units::Bytes;

pub const VIEW: ViewDef = ViewDef { id: "memory", title: "Memory", key: '6', available, render };

/// Functions listed.
const ROWS: usize = 50;
const HEIGHT: f64 = 100.0;

fn available(bundle: &Bundle) -> bool {
    bundle.alloc_profile().is_some_and(|profile| !profile.samples.is_empty())
}

/// What the parts of the view share.
struct Model {
    bundle: Shared<Bundle>,
    profile: Shared<Profile>,
    memory: Memory,
}

fn render(session: Session) -> AnyView {
    let model = Memo::new(move || {
        let bundle = session.bundle()?;
        let profile = Shared(bundle.alloc_profile()?.clone());
        let memory = session.derived.selection.with(|selection| memory(&profile, &bundle.memory, selection));
        Some(Shared::new(Model { bundle, profile, memory }))
    });
    let facts = move || match model.get() {
        Some(model) => content(session, &model),
        None => ().into_any(),
    };
    let live = Session { derived: session.derived.of_live_memory(), ..session };
    let flame = Flame::new(live);
    view! {
        <section class="memory">
            {facts}
            <h2>"What was live at the end, by stack"</h2>
            {picture(flame)}
            <p class="doubt muted">
                "Memory that Python's allocators gave out while it was traced (tracemalloc): not that of native libraries, nor what the interpreter keeps for later. Resident memory holds all of it."
            </p>
        </section>
    }
    .into_any()
}

fn content(session: Session, model: &Shared<Model>) -> AnyView {
    view! {
        <h1>{sentence(model)}</h1>
        {chart(session, model)}
        <h2>"By function"</h2>
        {functions(session, model)}
    }
    .into_any()
}

fn sentence(model: &Model) -> String {
    let memory = &model.memory;
    let name = format::program(&model.bundle.manifest.command);
    let Some(peak) = memory.peak_point.map(|index| memory.points[index]) else {
        return format!("No snapshot of {name} is left: remove a restriction above");
    };
    let steady = memory.functions.iter().filter(|row| row.own.growth.is_steady()).count();
    let most = memory.functions.first().map(|row| {
        let name = format::shorten_name(model.profile.function_name(row.function), 60);
        format!("; {} of that was allocated in {name}", format::share(row.own.end.share_of(memory.total.end)))
    });
    let grew = (steady > 0).then(|| format!("; {} grew in every snapshot", format::plural(steady as u64, "function")));
    format!(
        "{name} held {} at the end and {} at most, after {}{}{}",
        format::bytes(memory.total.end),
        format::bytes(peak.bytes),
        format::duration(peak.time),
        most.unwrap_or_default(),
        grew.unwrap_or_default()
    )
}

/// Traced memory over resident memory, on one scale.
fn chart(session: Session, model: &Shared<Model>) -> AnyView {
    let span = whole(&model.bundle);
    let drag = TimeDrag::new(session, span);
    let resident = series(&model.bundle.timeline, Metric::Memory).total;
    let points = &model.memory.points;
    let ends = points.iter().skip(1).map(|point| point.time).chain([span.1]);
    let traced: Vec<Step> = points
        .iter()
        .zip(ends)
        .filter(|(point, end)| point.time < *end)
        .map(|(point, to)| Step { from: point.time, to, value: point.bytes.as_f64() })
        .collect();
    let peak = |steps: &[Step]| figures(steps, span).map_or(0.0, |figures| figures.peak);
    let ticks = value_ticks(peak(&resident).max(peak(&traced)), Unit::Bytes, 4);
    let (wide, top) = (columns(), ticks.last().map_or(1.0, |tick| tick.at));
    let path =
        |steps: &[Step]| stacked_paths(&[resample(steps, span, wide, true)], top, HEIGHT).pop().unwrap_or_default();
    let areas = vec![area("p-rest", path(&resident)), area("p0", path(&traced))];
    let words = format!(
        "traced {} at most · resident {} at most · {}",
        format::bytes(model.memory.peak_point.map_or(Bytes::ZERO, |index| points[index].bytes)),
        Unit::Bytes.format(peak(&resident)),
        format::plural(points.len() as u64, "snapshot")
    );
    view! {
        <figure class="chart cpu">
            <figcaption><h2>"Traced and resident memory"</h2> <span class="figures">{words}</span></figcaption>
            {labels(&axis(&ticks))}
            {plot(drag, (wide, HEIGHT), &ticks, areas)}
        </figure>
        <ul class="legend" aria-label="Areas">
            <li><span class="button-like"><span class="swatch p0" aria-hidden="true"></span> "traced"</span></li>
            <li><span class="button-like"><span class="swatch p-rest" aria-hidden="true"></span> "resident"</span></li>
        </ul>
    }
    .into_any()
}

fn functions(session: Session, model: &Model) -> AnyView {
    let memory = &model.memory;
    let rows: Vec<Vec<Cell>> = memory.functions.iter().take(ROWS).map(|row| function(model, row)).collect();
    let chosen = session.view.with_untracked(|view| view.chosen.clone());
    let is_chosen = |row: &FunctionMemory| chosen.as_ref().is_some_and(|key| key.matches(&model.profile, row.function));
    let chosen = memory.functions.iter().take(ROWS).position(is_chosen);
    let columns = vec![
        Column::new("Function", "name"),
        Column::new("Own, %", "n").hover("Of all that was live at the end"),
        Column::new("Own at the end", "n extra").hover("Allocated by its own lines and live at the end"),
        Column::new("With callees", "n extra").hover("Allocated by it and all that it called, live at the end"),
        Column::new("Own at the peak", "n extra").hover("When all processes together held most"),
        Column::new("Growth", "n").hover("From the first snapshot to the last"),
        Column::new("Snapshots", "extra").hover("What it and its callees held, snapshot by snapshot"),
        Column::new("Defined in", "extra"),
    ];
    let more = memory.functions.len().saturating_sub(ROWS);
    let more = (more > 0).then(|| view! { <p class="muted">{format::plural(more as u64, "smaller function")}</p> });
    view! { {table(session, Rows { label: "Live memory by function", columns, rows, chosen, select: None })} {more} }
        .into_any()
}

fn function(model: &Model, row: &FunctionMemory) -> Vec<Cell> {
    let (profile, memory) = (&model.profile, &model.memory);
    let name = profile.function_name(row.function);
    let key = FunctionKey::of(profile, row.function);
    let values = memory.series_of_function(profile, row.function);
    let most = values.iter().copied().max().unwrap_or_default();
    let mut spark = Cell::new(format!("at most {}", format::bytes(most)));
    spark.spark = values.iter().map(|value| value.share_of(most)).collect();
    let place = format::place(profile.function_file(row.function), profile.function(row.function).start_line);
    vec![
        Cell::new(format::shorten_name(name, 60)).hover(name).follow(move |view| view.chosen = Some(key.clone())),
        Cell::percent(row.own.end.share_of(memory.total.end)),
        Cell::new(format::bytes(row.own.end)).hover(format::plural(row.own.end_blocks, "block")),
        Cell::new(format::bytes(row.total.end)),
        Cell::new(format::bytes(row.own.peak)),
        growth(row.own.growth),
        spark,
        Cell::new(place).class("name"),
    ]
}

fn growth(growth: Growth) -> Cell {
    let sign = if growth.bytes < 0 { "−" } else { "+" };
    let amount = format!("{sign}{}", format::bytes(Bytes(growth.bytes.unsigned_abs())));
    let steps = u64::from(growth.steps);
    if growth.steps == 0 {
        return Cell::new(format::NOT_MEASURED).hover("one snapshot only");
    }
    let hover = format!("grew in {} of {}", growth.grew, format::plural(steps, "step"));
    if growth.is_steady() {
        Cell::new(format!("{amount}, always")).hover(hover).class("warn")
    } else {
        Cell::new(amount).hover(hover)
    }
}
