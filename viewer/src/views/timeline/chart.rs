//! One chart: a title with figures, stacked areas, axis labels, crosshair and range, and the table behind it.

use super::{Chart, Model, tables};
use crate::state::Shared;
use crate::ui::dom::view;
use crate::ui::plot::{axis, columns, labels, plot};
use crate::ui::time_drag::TimeDrag;
use leptos::prelude::*;
use perfcollect_shared::derive::area::stacked_paths;
use perfcollect_shared::derive::axis::{time_ticks, value_ticks};
use perfcollect_shared::derive::timeline::{Metric, figures, resample, value_at};
use perfcollect_shared::format;
use perfcollect_shared::units::Nanos;

/// Height of the picture's coordinates; the style sheet says how high it is.
const HEIGHT: f64 = 100.0;

pub(super) fn chart(model: &Shared<Model>, index: usize, drag: TimeDrag) -> impl IntoView + use<> {
    let chart = &model.charts[index];
    let metric = chart.series.metric;
    let whole = figures(&chart.series.total, model.span);
    let peak = whole.map_or(0.0, |figures| figures.peak);
    let ticks = value_ticks(peak, metric.unit(), if metric == Metric::Cpu { 4 } else { 2 });
    let top = ticks.last().map_or(1.0, |tick| tick.at);
    let columns = columns();
    let layers: Vec<Vec<f64>> =
        chart.layers.iter().map(|layer| resample(&layer.steps, model.span, columns, metric.is_level())).collect();
    let areas = stacked_paths(&layers, top, HEIGHT).into_iter().zip(&chart.layers).map(|(path, process)| {
        let (session, pid) = (drag.session(), process.pid);
        let dim = move || session.derived.selection.with(|s| s.pid.is_some_and(|chosen| chosen != pid));
        view! { <path class=model.color(process.pid) class:dim=dim d=path /> }.into_any()
    });
    let areas: Vec<AnyView> = areas.collect();
    let words = figure_words(model.clone(), index, drag);
    view! {
        <figure class=format!("chart {}", metric.id())>
            <figcaption><h2>{metric.title()}</h2> <span class="figures">{words}</span></figcaption>
            {labels(&axis(&ticks))}
            {plot(drag, (columns, HEIGHT), &ticks, areas)}
            {tables::behind(model.clone(), index, drag)}
        </figure>
    }
}

/// The value under the crosshair, else mean, peak and sum of the range.
fn figure_words(model: Shared<Model>, index: usize, drag: TimeDrag) -> impl Fn() -> String {
    move || {
        let Chart { series, .. } = &model.charts[index];
        let unit = series.metric.unit();
        if let Some(time) = drag.hover.get() {
            let value = value_at(&series.total, time).map_or_else(|| "not measured".to_owned(), |v| unit.format(v));
            return format!("{value} at {}", format::duration(time));
        }
        let Some(figures) = figures(&series.total, drag.range().unwrap_or(model.span)) else {
            return "not measured here".to_owned();
        };
        let sum = series.metric.sum_text(figures.sum).map_or_else(String::new, |sum| format!(" · {sum} in all"));
        format!("{} on average · {} at most{sum}", unit.format(figures.mean), unit.format(figures.peak))
    }
}

/// The axis that all charts share.
pub(super) fn time_axis(drag: TimeDrag, span: (Nanos, Nanos)) -> impl IntoView {
    let wanted = if columns() < 640 { 4 } else { 10 };
    let labels = time_ticks(span, wanted).into_iter().map(|tick| {
        let left = drag.percent(tick.at);
        // A label that would leave the picture stands before its mark.
        let last = (tick.at - span.0).share_of(span.1 - span.0) > 0.9;
        view! { <span class:last=last style:left=left>{tick.label}</span> }
    });
    view! { <div class="time-axis" aria-hidden="true"><div class="plot-width">{labels.collect_view()}</div></div> }
}
