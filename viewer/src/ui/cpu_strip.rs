//! The strip at the foot of every view that has time: CPU of the tree, where dragging chooses a range.

use super::plot::{area, plot};
use super::time_drag::TimeDrag;
use super::views_bar::current;
use crate::state::{Session, Shared};
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use crate::views;
use leptos::prelude::*;
use perfcollect_shared::derive::area::stacked_paths;
use perfcollect_shared::derive::axis::Unit;
use perfcollect_shared::derive::timeline::{Metric, Step, figures, resample, series, span};
use perfcollect_shared::format;
use perfcollect_shared::model::Bundle;
use perfcollect_shared::units::Nanos;

/// Columns of the picture; it is stretched to the width of the page.
const COLUMNS: usize = 480;
const HEIGHT: f64 = 28.0;

/// What the strip draws.
struct Strip {
    span: (Nanos, Nanos),
    steps: Vec<Step>,
}

pub fn cpu_strip(session: Session) -> impl IntoView {
    let strip = Memo::new(move || {
        let bundle = session.bundle()?;
        let strip = Strip { span: whole(&bundle), steps: series(&bundle.timeline, Metric::Cpu).total };
        (!strip.steps.is_empty()).then(|| Shared::new(strip))
    });
    // The timeline has its own pictures, and the environment no time.
    let without = [views::LIBRARY, views::TREND, views::timeline::VIEW.id, views::environment::VIEW.id];
    let wanted = Memo::new(move || !without.contains(&current(session)));
    view! { {move || if wanted.get() { strip.get().map(|strip| content(session, &strip)) } else { None }} }
}

/// The time that a bundle's pictures span.
pub fn whole(bundle: &Bundle) -> (Nanos, Nanos) {
    let last = bundle.main_profile().and_then(|profile| profile.samples.time.as_ref()?.last().copied());
    span(&bundle.timeline, bundle.manifest.wall_ns, last)
}

fn content(session: Session, strip: &Strip) -> impl IntoView + use<> {
    let drag = TimeDrag::new(session, strip.span);
    let peak = figures(&strip.steps, strip.span).map_or(0.0, |figures| figures.peak);
    let columns = resample(&strip.steps, strip.span, COLUMNS, false);
    let path = stacked_paths(&[columns], peak.max(0.1), HEIGHT).pop().unwrap_or_default();
    let label =
        format!("CPU of the process tree, at most {}; the timeline has it as a table", Unit::Cores.format(peak));
    let end = strip.span.1;
    let words = move || match drag.hover.get().or(drag.range().map(|range| range.1)) {
        Some(time) => format::duration(time),
        None => format::duration(end),
    };
    view! {
        <footer class="cpu-strip" aria-label=label>
            <span class="label" aria-hidden="true" title="Drag to choose a range, double click for all">"CPU"</span>
            {plot(drag, (COLUMNS, HEIGHT), &[], vec![area("p0", path)])}
            <span class="label n" aria-hidden="true">{words}</span>
        </footer>
    }
}
