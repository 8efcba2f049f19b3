//! The tables behind a chart: by process, and over time.

use super::Model;
use crate::state::Shared;
use crate::ui::facts::UNKNOWN;
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
        let cell = |value: &dyn Fn(&Figures) -> String| known.as_ref().map_or_else(|| UNKNOWN.to_owned(), value);
        let sum = |f: &Figures| metric.sum_text(f.sum).unwrap_or_else(|| UNKNOWN.to_owned());
        view! {
            <tr>
                <th scope="row" class="name">{name}</th>
                <td class="n">{cell(&|f| metric.unit().format(f.mean))}</td>
                <td class="n">{cell(&|f| metric.unit().format(f.peak))}</td>
                <td class="n">{cell(&|f| format::duration(f.peak_at))}</td>
                <td class="n">{cell(&sum)}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    let more = series.processes.len().saturating_sub(PROCESSES);
    let more = (more > 0).then(|| view! { <p class="muted">{format::plural(more as u64, "more process")}</p> });
    view! {
        <div class="scroll">
            <table>
                <caption class="reader">{format!("{} by process", metric.title())}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Process"</th>
                        <th scope="col" class="n">"Mean"</th>
                        <th scope="col" class="n">"Peak"</th>
                        <th scope="col" class="n">"Peak at"</th>
                        <th scope="col" class="n">"In all"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {more}
    }
}

fn over_time(model: &Shared<Model>, index: usize, drag: TimeDrag) -> impl IntoView + use<> {
    let series = &model.charts[index].series;
    let metric = series.metric;
    let (from, to) = drag.range().unwrap_or(model.span);
    let edge = |part: u64| Nanos(from.0 + (to - from).0 / PARTS * part);
    let rows = (0..PARTS).map(|part| {
        let range = (edge(part), if part + 1 == PARTS { to } else { edge(part + 1) });
        let known = figures(&series.total, range);
        let cell = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), |value| metric.unit().format(value));
        view! {
            <tr>
                <th scope="row" class="n">{format!("{} – {}", format::duration(range.0), format::duration(range.1))}</th>
                <td class="n">{cell(known.map(|f| f.mean))}</td>
                <td class="n">{cell(known.map(|f| f.peak))}</td>
            </tr>
        }
    });
    view! {
        <div class="scroll">
            <table>
                <caption class="reader">{format!("{} over time", metric.title())}</caption>
                <thead>
                    <tr>
                        <th scope="col" class="n">"Time"</th>
                        <th scope="col" class="n">"Mean"</th>
                        <th scope="col" class="n">"Peak"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}
