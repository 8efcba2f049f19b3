//! Hit rates of caches on both sides.

use super::Model;
use crate::ui::dom::view;
use crate::ui::facts::UNKNOWN;
use crate::ui::rows::{Cell, Column, Rows, table};
use leptos::prelude::*;
use perfcollect_shared::caches::Shift;
use perfcollect_shared::compare::{CacheChange, caches};
use perfcollect_shared::format;

/// Those whose rate differs; of the others how many there are. Benchmarks of one recording share its counters.
pub(super) fn section(model: Model) -> AnyView {
    let content = || {
        let (base, new) = model.two()?;
        if base.benchmark.is_some() {
            return None;
        }
        let all = caches(&[&base.bundle], &[&new.bundle]);
        let rows: Vec<Vec<Cell>> = all.iter().filter(|change| change.shift != Shift::Same).map(cells).collect();
        let same = (all.len() - rows.len()) as u64;
        let same = (same > 0).then(|| {
            view! { <p class="muted">{format::plural(same, "cache")} " without a difference beyond its error"</p> }
        });
        let columns = vec![
            Column::new("Cache", "name"),
            Column::new("Hit rate is", ""),
            Column::new("Points", "n")
                .hover("Difference of the hit rates in points of percent, with its 95 % interval"),
            Column::new("Base, %", "n extra"),
            Column::new("New, %", "n extra"),
        ];
        let table = (!rows.is_empty())
            .then(|| table(model.session, Rows { label: "Hit rates", columns, rows, chosen: None, select: None }));
        (!all.is_empty()).then(|| view! { <h2>"Caches"</h2> {table} {same} })
    };
    content().into_any()
}

fn cells(change: &CacheChange) -> Vec<Cell> {
    let rate =
        |rate: Option<f64>| Cell::new(rate.map_or_else(|| UNKNOWN.to_owned(), |rate| format!("{:.1}", rate * 100.0)));
    let class = match change.shift {
        Shift::Higher => "better",
        Shift::Lower => "worse",
        _ => "muted",
    };
    let place = format::place(change.file.as_deref().unwrap_or_default(), change.line.unwrap_or(0));
    let sure = if change.independent { "the interval is right only if calls were independent" } else { "" };
    vec![
        Cell::new(format::shorten_name(&change.name, 60)).hover(place),
        Cell::new(change.word()).class(class),
        Cell::new(change.points().unwrap_or_else(|| UNKNOWN.to_owned())).class(class).hover(sure),
        rate(change.base_rate),
        rate(change.new_rate),
    ]
}
