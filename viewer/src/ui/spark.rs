//! A line of a metric over the run, small enough for a line of text.

use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::derive::area::stacked_paths;
use perfcollect_shared::derive::timeline::{Metric, figures, resample, series, span};
use perfcollect_shared::model::Timeline;
use perfcollect_shared::units::Nanos;

const WIDTH: usize = 160;
const HEIGHT: f64 = 20.0;

/// Values from 0 to 1, one step each.
pub fn of_values(values: &[f64], words: String) -> AnyView {
    let path = stacked_paths(&[values.to_vec()], 1.0, HEIGHT).pop();
    let size = format!("0 0 {} {HEIGHT:.0}", values.len());
    view! { <svg class="spark" role="img" aria-label=words viewBox=size preserveAspectRatio="none"><path d=path /></svg> }
        .into_any()
}

/// The sum over the tree, `None` where it was not measured.
pub fn spark(timeline: &Timeline, metric: Metric, wall: Option<Nanos>, words: String) -> Option<impl IntoView + use<>> {
    let range = span(timeline, wall, None);
    let total = series(timeline, metric).total;
    let top = figures(&total, range)?.peak;
    let columns = resample(&total, range, WIDTH, metric.is_level());
    let path = stacked_paths(&[columns], top.max(f64::MIN_POSITIVE), HEIGHT).pop()?;
    Some(view! {
        <svg class="spark" role="img" aria-label=words viewBox=format!("0 0 {WIDTH} {HEIGHT:.0}") preserveAspectRatio="none">
            <path d=path />
        </svg>
    })
}
