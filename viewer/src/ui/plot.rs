//! The frame of every picture over time: lines of the grid, areas, crosshair and range, and the drag that chooses one.

use super::time_drag::{TimeDrag, marks};
use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::derive::axis::Tick;

/// Width of a picture's coordinates and its height; the style sheet says how high it is drawn.
pub type Size = (usize, f64);

/// Areas in coordinates of `size`, over lines at the ticks of a value axis that ends at the last of them.
pub fn plot(drag: TimeDrag, size: Size, ticks: &[Tick<f64>], areas: Vec<AnyView>) -> AnyView {
    let top = ticks.last().map_or(1.0, |tick| tick.at);
    let lines = ticks.iter().skip(1).map(|tick| view! { <div class="grid" style:bottom=up(tick, top)></div> });
    let lines: Vec<_> = lines.collect();
    view! {
        <div class="plot" aria-hidden="true"
            on:pointerdown=move |event| drag.on_down(&event)
            on:pointermove=move |event| drag.on_move(&event)
            on:pointerup=move |event| drag.on_up(&event)
            on:pointercancel=move |_| drag.on_leave()
            on:pointerleave=move |_| drag.on_leave()
            on:dblclick=move |_| drag.clear()>
            {lines}
            <svg viewBox=format!("0 0 {} {:.0}", size.0, size.1) preserveAspectRatio="none">{areas}</svg>
            {marks(drag)}
        </div>
    }
    .into_any()
}

/// One area of a colour.
pub fn area(class: impl Into<String>, path: String) -> AnyView {
    view! { <path class=class.into() d=path /> }.into_any()
}

/// The labels of a value axis.
pub fn labels(ticks: &[Tick<f64>]) -> AnyView {
    let top = ticks.last().map_or(1.0, |tick| tick.at);
    let labels = ticks.iter().map(|tick| view! { <span style:bottom=up(tick, top)>{tick.label.clone()}</span> });
    view! { <div class="y-axis" aria-hidden="true">{labels.collect_view()}</div> }.into_any()
}

/// Columns to draw: about one a pixel.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a width in pixels")]
pub fn columns() -> usize {
    let width = window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(1000.0);
    (width as usize).clamp(200, 1600)
}

fn up(tick: &Tick<f64>, top: f64) -> String {
    format!("{:.2}%", tick.at / top * 100.0)
}
