//! Parts that pictures share: frames, axes, lines of the grid, paths; and of those over time the drag that chooses a range.

use super::time_drag::{TimeDrag, marks};
use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::derive::axis::Tick;

/// Width of a picture's coordinates and its height; the style sheet says how high it is drawn.
pub type Size = (usize, f64);

/// Width of a picture whose parts are shares of it.
pub const WIDTH: usize = 1000;

/// Marks of an axis of values: how far up, 0 to 1, and the label.
pub type Axis = Vec<(f64, String)>;

/// Areas in coordinates of `size`, over lines at the ticks of a value axis that ends at the last of them.
pub fn plot(drag: TimeDrag, size: Size, ticks: &[Tick<f64>], areas: Vec<AnyView>) -> AnyView {
    view! {
        <div class="plot" aria-hidden="true"
            on:pointerdown=move |event| drag.on_down(&event)
            on:pointermove=move |event| drag.on_move(&event)
            on:pointerup=move |event| drag.on_up(&event)
            on:pointercancel=move |_| drag.on_leave()
            on:pointerleave=move |_| drag.on_leave()
            on:dblclick=move |_| drag.clear()>
            {grid(axis(ticks).get(1..).unwrap_or_default())}
            {paths("", None, size, areas)}
            {marks(drag)}
        </div>
    }
    .into_any()
}

/// A picture in its frame: title, what is said of it, the axis of its values with their lines, and what stands below.
pub fn frame(
    class: &str,
    title: AnyView,
    figures: Option<String>,
    axis: &Axis,
    inside: Vec<AnyView>,
    below: AnyView,
) -> AnyView {
    view! {
        <figure class=format!("chart {class}")>
            <figcaption>{title} <span class="figures">{figures}</span></figcaption>
            {labels(axis)}
            <div class="runs-plot order" aria-hidden="true">{grid(axis)} {inside}</div>
            {below}
        </figure>
    }
    .into_any()
}

/// Both ends of a horizontal axis.
pub fn ends(from: String, to: String) -> AnyView {
    view! { <p class="order-axis" aria-hidden="true"><span>{from}</span><span>{to}</span></p> }.into_any()
}

/// Paths stretched over their place; with `words` it is a picture to screen readers.
pub fn paths(class: &'static str, words: Option<String>, size: Size, paths: Vec<AnyView>) -> AnyView {
    let size = format!("0 0 {} {:.0}", size.0, size.1);
    let role = words.is_some().then_some("img");
    view! { <svg class=class role=role aria-label=words viewBox=size preserveAspectRatio="none">{paths}</svg> }
        .into_any()
}

/// One area or line of a colour.
pub fn area(class: impl Into<String>, path: String) -> AnyView {
    view! { <path class=class.into() d=path /> }.into_any()
}

/// The marks of ticks whose last is the top.
pub fn axis(ticks: &[Tick<f64>]) -> Axis {
    let top = ticks.last().map_or(1.0, |tick| tick.at);
    ticks.iter().map(|tick| (tick.at / top, tick.label.clone())).collect()
}

/// The labels of an axis of values beside a picture.
pub fn labels(axis: &[(f64, String)]) -> AnyView {
    let label =
        |(at, label): &(f64, String)| view! { <span style:bottom=percent(*at)>{label.clone()}</span> }.into_any();
    let labels: Vec<AnyView> = axis.iter().map(label).collect();
    view! { <div class="y-axis" aria-hidden="true">{labels}</div> }.into_any()
}

/// Its lines across the picture.
fn grid(axis: &[(f64, String)]) -> Vec<AnyView> {
    axis.iter().map(|(at, _)| view! { <div class="grid" style:bottom=percent(*at)></div> }.into_any()).collect()
}

/// A part as a style's value.
pub fn percent(part: f64) -> String {
    format!("{:.2}%", part * 100.0)
}

/// The label of a tick below a picture: centred at its part of the width, and never beyond the ends.
pub fn tick_label(part: f64, text: String) -> AnyView {
    view! { <span style=("--at", format!("{part:.4}"))>{text}</span> }.into_any()
}

/// Columns to draw: about one a pixel.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a width in pixels")]
pub fn columns() -> usize {
    let width = window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(1000.0);
    (width as usize).clamp(200, 1600)
}
