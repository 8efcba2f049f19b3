//! Pictures of runs: all benchmarks on one scale, and each in the order of its runs. The table beside them says the same.

use crate::ui::dom::view;
use crate::ui::plot::{Axis, WIDTH, area, ends, frame, paths, percent, tick_label};
use leptos::prelude::*;
use perfcollect_shared::derive::area::stacked_paths;
use perfcollect_shared::derive::runs::{
    Distribution, Dots, Kind, MANY, RunPoint, SWARM, Scale, density, in_order, swarm,
};
use perfcollect_shared::format::{self, FigureColumn};
use perfcollect_shared::model::Unit;
use perfcollect_shared::stats::{Summary, summary};

/// Coordinates of a picture of runs in their order.
const ORDER: (f64, f64) = (1000.0, 80.0);
/// Pictures of orders that are open from the start.
const OPEN: usize = 6;
/// From so many runs on dots are small.
const SMALL: usize = 400;

/// Every benchmark as a row of dots, or a density where it has many runs, with its median and interval below.
pub fn strips(all: &[Distribution], unit: Unit) -> AnyView {
    let scale =
        Scale::new(all.iter().filter_map(|found| Some((found.summary.as_ref()?, found.values.as_slice()))), unit, 6);
    let rows: Vec<AnyView> = all.iter().map(|found| strip(found, &scale, unit)).collect();
    let labels: Vec<AnyView> =
        scale.ticks.iter().map(|tick| tick_label(scale.part(tick.at), tick.label.clone())).collect();
    view! {
        <figure class="runs" aria-hidden="true">
            {rows}
            <div class="runs-row"><div class="runs-axis ticks">{labels}</div></div>
        </figure>
    }
    .into_any()
}

fn strip(found: &Distribution, scale: &Scale, unit: Unit) -> AnyView {
    let many = found.values.len() >= MANY;
    let (path, width, height) = if many {
        let columns = density(&found.values, scale);
        let width = columns.len();
        (stacked_paths(&[columns], 1.0, SWARM.1).pop().unwrap_or_default(), width, SWARM.1)
    } else {
        (swarm(&found.values, scale), 1000, SWARM.1)
    };
    let class = if many { "p0" } else { "dots counted" };
    let grid: Vec<AnyView> = scale
        .ticks
        .iter()
        .map(|tick| view! { <i class="tick" style:left=percent(scale.part(tick.at))></i> }.into_any())
        .collect();
    let beyond = scale.beyond(&found.values);
    let beyond = found.summary.filter(|_| beyond > 0).map(|summary| {
        format!("{} beyond, up to {} →", format::plural(beyond, "run"), format::measured(summary.max, unit))
    });
    view! {
        <div class="runs-row">
            <span class="name" title=found.name.clone()><bdi>{found.name.clone()}</bdi></span>
            <div class="runs-plot">
                {grid}
                {paths("", None, (width, height), vec![area(class, path)])}
                {found.summary.map(|summary| interval(&summary, scale))}
                <span class="beyond">{beyond}</span>
            </div>
            <span class="figures">{found.summary.map(|summary| figures(&summary, unit))}</span>
        </div>
    }
    .into_any()
}

/// The median as a mark over the bar of its interval.
fn interval(summary: &Summary, scale: &Scale) -> AnyView {
    let bar = summary.low.zip(summary.high).map(|(low, high)| {
        let (low, high) = (scale.part(low), scale.part(high));
        view! { <i class="interval" style:left=percent(low) style:width=percent(high - low)></i> }
    });
    view! { {bar} <i class="median" style:left=percent(scale.part(summary.median))></i> }.into_any()
}

/// `12.3 [12.1, 12.6] ms`.
fn figures(summary: &Summary, unit: Unit) -> String {
    match summary.low.zip(summary.high) {
        Some((low, high)) => {
            let column = FigureColumn::new(unit, &[summary.median, low, high]);
            let [median, low, high] = [summary.median, low, high].map(|value| column.cell(value));
            format!("{median} [{low}, {high}] {}", column.unit)
        }
        None => format::measured(summary.median, unit),
    }
}

/// Each benchmark's runs from left to right, to see drift, warm-up and modes.
pub fn orders(all: &[Distribution], unit: Unit) -> AnyView {
    let last = all.iter().filter_map(|found| found.points.last()).map(|point| point.order).max().unwrap_or(0);
    let mut pictures: Vec<AnyView> =
        all.iter().filter(|found| !found.points.is_empty()).map(|found| order(found, last, unit)).collect();
    let more = pictures.split_off(OPEN.min(pictures.len()));
    let more = (!more.is_empty()).then(|| {
        let words = format::plural(more.len() as u64, "more benchmark");
        view! { <details><summary>{words}</summary>{more}</details> }
    });
    let kinds = all.iter().flat_map(|found| &found.points).map(|point| point.kind);
    let odd =
        kinds.fold((false, false), |(failed, left), kind| (failed || kind == Kind::Failed, left || kind == Kind::Left));
    view! { <h2>"In the order of the runs"</h2> {legend(odd)} {pictures} {more} }.into_any()
}

/// Says what other dots than the usual ones are.
fn legend((failed, left): (bool, bool)) -> Option<AnyView> {
    let entry = |class: &'static str, words: &'static str| {
        view! {
            <li class="button-like"><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><path class=class d="M5 5h0" /></svg> {words}</li>
        }
        .into_any()
    };
    let failed_entry = failed.then(|| entry("dots failed", "ended with an error"));
    let left_entry = left.then(|| entry("dots left", "does not count: warm-up, or stopped"));
    (failed || left).then(|| {
        view! { <ul class="legend">{entry("dots counted", "counts")} {failed_entry} {left_entry}</ul> }.into_any()
    })
}

fn order(found: &Distribution, last: u32, unit: Unit) -> AnyView {
    let values: Vec<f64> = found.points.iter().map(|point: &RunPoint| point.value).collect();
    let scale = Scale::new(summary(&values, 0.95).iter().map(|summary| (summary, values.as_slice())), unit, 3);
    let Dots { counted, failed, left } = in_order(&found.points, last, &scale, ORDER);
    let beyond = scale.beyond(&values);
    let beyond = (beyond > 0).then(|| format!("{} above the picture", format::plural(beyond, "run")));
    let median = found.summary.map(|summary| {
        view! { <div class="grid middle" style:bottom=percent(scale.part(summary.median))></div> }.into_any()
    });
    let dots = vec![area("dots left", left), area("dots counted", counted), area("dots failed", failed)];
    let inside = median.into_iter().chain([paths("", None, (WIDTH, ORDER.1), dots)]).collect();
    let title = view! { <h3><bdi>{found.name.clone()}</bdi></h3> }.into_any();
    let class = if values.len() >= SMALL { "small" } else { "" };
    frame(class, title, beyond, &axis(&scale), inside, ends("first run".to_owned(), "last run".to_owned()))
}

/// The marks of a scale.
pub fn axis(scale: &Scale) -> Axis {
    scale.ticks.iter().map(|tick| (scale.part(tick.at), tick.label.clone())).collect()
}
