//! Every function of two sides with its differences.

use super::Model;
use crate::ui::dom::view;
use crate::ui::flame_canvas::sides::{amount, difference, effect_class, effect_words};
use crate::ui::rows::{Cell, Column, Rows, table};
use leptos::prelude::*;
use perfcollect_shared::derive::diff::{Change, Diff, Effect, FunctionChange};
use perfcollect_shared::derive::selection::FunctionKey;
use perfcollect_shared::format;

pub(super) fn section(model: Model) -> AnyView {
    let content = || {
        let diff = model.diff.get()?.ok()?;
        let columns = vec![
            Column::new("Function", "name"),
            Column::new("Effect", "extra").hover("Of the own time: what is more than noise"),
            Column::new("Own, difference a run", "n").hover("With the interval that fits so many functions"),
            Column::new("Own, base", "n extra"),
            Column::new("Own, new", "n extra"),
            Column::new("Total, base", "n extra"),
            Column::new("Total, new", "n extra"),
            Column::new("Total, difference a run", "n extra"),
            Column::new("Samples, base / new", "n extra"),
        ];
        // As the terminal lists them.
        let differs = |row: &&FunctionChange| row.own.effect != Effect::Same || row.charged.effect != Effect::Same;
        let rows: Vec<Vec<Cell>> = diff.functions.iter().filter(differs).map(|row| cells(&diff, row)).collect();
        let left = (diff.functions.len() - rows.len()) as u64;
        let left = (left > 0).then(|| {
            let words =
                format!("{} inside noise or with too few samples to be judged", format::plural(left, "function"));
            view! { <p class="muted">{words}</p> }
        });
        let label = "Functions of both sides";
        let table =
            (!rows.is_empty()).then(|| table(model.session, Rows { label, columns, rows, chosen: None, select: None }));
        Some(view! { <h2>"Functions"</h2> {table} {left} })
    };
    content().into_any()
}

fn cells(diff: &Diff, row: &FunctionChange) -> Vec<Cell> {
    let name = diff.profile.function_name(row.function);
    let key = FunctionKey::of(&diff.profile, row.function);
    let place = format::place(diff.profile.function_file(row.function), diff.profile.function(row.function).start_line);
    let figure = |value: f64| Cell::new(amount(value, diff.scale));
    let delta = |change: &Change| Cell::new(difference(change, diff.scale)).class(effect_class(change.effect));
    let [before, now] = row.samples.map(format::count);
    vec![
        Cell::new(format::shorten_name(name, 100)).hover(format!("{name}\n{place}")).follow(move |state| {
            state.chosen = Some(key.clone());
        }),
        Cell::new(effect_words(row.own.effect)).class(effect_class(row.own.effect)),
        delta(&row.own),
        figure(row.own.base),
        figure(row.own.new),
        figure(row.total.base),
        figure(row.total.new),
        delta(&row.total),
        Cell::new(format!("{before} / {now}")),
    ]
}
