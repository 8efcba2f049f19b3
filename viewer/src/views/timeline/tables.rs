//! The tables behind a chart: by process, and over time.

use super::Model;
use crate::state::Shared;
use crate::ui::dom::view;
use crate::ui::facts::UNKNOWN;
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::ui::time_drag::TimeDrag;
use leptos::prelude::*;
use perfcollect_shared::derive::timeline::{Figures, Step, figures};
use perfcollect_shared::format;
use perfcollect_shared::units::Nanos;

/// Lines of the table over time.
const PARTS: u64 = 20;
/// Processes listed.
const PROCESSES: usize = 50;

/// Both tables, made when they are opened.
pub(super) fn behind(model: Shared<Model>, index: usize, drag: TimeDrag) -> impl IntoView {
    let open = RwSignal::new(false);
    let title = model.charts[index].series.metric.title();
    let content =
        move || open.get().then(|| view! { {by_process(&model, index, drag)} {over_time(&model, index, drag)} });
    view! {
        <details on:toggle=move |_| open.update(|open| *open = !*open)>
            <summary>"Table" <span class="reader">{format!(" of {title}")}</span></summary>
            {content}
        </details>
    }
}

fn by_process(model: &Shared<Model>, index: usize, drag: TimeDrag) -> impl IntoView + use<> {
    let series = &model.charts[index].series;
    let metric = series.metric;
    let range = drag.range().unwrap_or(model.span);
    let total = std::iter::once(("whole tree".to_owned(), &series.total));
    let all = total.chain(series.processes.iter().take(PROCESSES).map(|process| {
        let name = format!("{} {}", process.name, process.pid);
        (name, &process.steps)
    }));
    let rows = all.map(|(name, steps): (String, &Vec<Step>)| {
        let known = figures(steps, range);
        let cell =
            |value: &dyn Fn(&Figures) -> String| Cell::new(known.as_ref().map_or_else(|| UNKNOWN.to_owned(), value));
        let sum = |f: &Figures| metric.sum_text(f.sum).unwrap_or_else(|| UNKNOWN.to_owned());
        vec![
            Cell::new(name),
            cell(&|f| metric.unit().format(f.mean)),
            cell(&|f| metric.unit().format(f.peak)),
            cell(&|f| format::duration(f.peak_at)),
            cell(&sum),
        ]
    });
    let rows = rows.collect();
    let more = series.processes.len().saturating_sub(PROCESSES);
    let more = (more > 0).then(|| view! { <p class="muted">{format::plural(more as u64, "more process")}</p> });
    let columns = vec![
        Column::new("Process", "name"),
        Column::new("Mean", "n"),
        Column::new("Peak", "n"),
        Column::new("Peak at", "n extra"),
        Column::new("In all", "n extra"),
    ];
    view! { {table(drag.session(), Rows { label: "By process", columns, rows, chosen: None, select: None })} {more} }
}

fn over_time(model: &Shared<Model>, index: usize, drag: TimeDrag) -> impl IntoView + use<> {
    let series = &model.charts[index].series;
    let metric = series.metric;
    let (from, to) = drag.range().unwrap_or(model.span);
    let edge = |part: u64| Nanos(from.0 + (to - from).0 / PARTS * part);
    let rows = (0..PARTS).map(|part| {
        let range = (edge(part), if part + 1 == PARTS { to } else { edge(part + 1) });
        let known = figures(&series.total, range);
        let cell = |value: Option<f64>| {
            Cell::new(value.map_or_else(|| UNKNOWN.to_owned(), |value| metric.unit().format(value)))
        };
        let time = format!("{} – {}", format::duration(range.0), format::duration(range.1));
        vec![Cell::new(time), cell(known.map(|f| f.mean)), cell(known.map(|f| f.peak))]
    });
    let columns = vec![Column::new("Time", "n"), Column::new("Mean", "n"), Column::new("Peak", "n")];
    table(drag.session(), Rows { label: "Over time", columns, rows: rows.collect(), chosen: None, select: None })
}
