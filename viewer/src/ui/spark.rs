//! A line of a metric over the run, small enough for a line of text.

use crate::ui::plot::{area, paths};
use leptos::prelude::*;
use perfcollect_shared::derive::area::stacked_paths;
use perfcollect_shared::derive::timeline::{Metric, figures, resample, series, span};
use perfcollect_shared::model::Timeline;
use perfcollect_shared::units::Nanos;

const WIDTH: usize = 160;
const HEIGHT: f64 = 20.0;

/// Values from 0 to 1, one step each.
pub fn of_values(values: &[f64], words: String) -> AnyView {
    let path = stacked_paths(&[values.to_vec()], 1.0, HEIGHT).pop().unwrap_or_default();
    paths("spark", Some(words), (values.len(), HEIGHT), vec![area("", path)])
}

/// The sum over the tree, `None` where it was not measured.
pub fn spark(timeline: &Timeline, metric: Metric, wall: Option<Nanos>, words: String) -> Option<AnyView> {
    let range = span(timeline, wall, None);
    let total = series(timeline, metric).total;
    let top = figures(&total, range)?.peak;
    let mut columns = resample(&total, range, WIDTH, metric.is_level());
    for value in &mut columns {
        *value /= top.max(f64::MIN_POSITIVE);
    }
    Some(of_values(&columns, words))
}
