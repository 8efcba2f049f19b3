//! What else differs: command, machine, versions; and what to do next.

use super::Model;
use super::sides::Side;
use crate::ui::dom::view;
use crate::ui::facts::UNKNOWN;
use crate::ui::rows::{Cell, Column, Rows, table};
use leptos::prelude::*;
use perfcollect_shared::compare::differences;
use perfcollect_shared::format;
use perfcollect_shared::stats::Verdict;

/// What a side is, beside what should be equal.
fn fields(side: &Side) -> [(&'static str, String); 4] {
    let manifest = &side.bundle.manifest;
    [
        ("command", command(side)),
        ("commit", manifest.git.as_ref().map(|git| git.commit.clone()).unwrap_or_default()),
        ("recorded", crate::ui::moment::local(&manifest.start).0),
        ("perfcollect", manifest.tool.version.clone()),
    ]
}

fn command(side: &Side) -> String {
    let set = side.set();
    let own = set.benchmarks.first().map(|benchmark| &benchmark.command).filter(|command| !command.is_empty());
    format::command_line(own.unwrap_or(&side.bundle.manifest.command))
}

pub(super) fn section(model: Model) -> AnyView {
    let content = || {
        let (base, new) = model.two()?;
        let both = fields(&base).into_iter().zip(fields(&new));
        let own = both.filter(|((_, before), (_, after))| before != after);
        let row = |field: String, before: String, after: String| {
            let known = |text: String| if text.is_empty() { UNKNOWN.to_owned() } else { text };
            vec![Cell::new(field), Cell::new(known(before)), Cell::new(known(after))]
        };
        let mut rows: Vec<Vec<Cell>> =
            own.map(|((field, before), (_, after))| row(field.to_owned(), before, after)).collect();
        rows.extend(differences(&[base.set()], &[new.set()]).into_iter().map(|found| {
            let mut cells = row(found.field, found.base_value, found.new_value);
            if found.decisive {
                cells[0] = cells[0].clone().class("warn").hover("figures say nothing about the program any more");
            }
            cells
        }));
        let columns = vec![Column::new("Field", ""), Column::new("base", "name"), Column::new("new", "name")];
        let differences = if rows.is_empty() {
            view! { <p>"Command, machine, kernel, commit and version are the same on both sides."</p> }.into_any()
        } else {
            table(model.session, Rows { label: "What differs besides", columns, rows, chosen: None, select: None })
        };
        Some(view! { <h2>"What differs besides"</h2> {differences} })
    };
    content().into_any()
}

/// What would make the answer surer.
pub(super) fn next(model: Model) -> AnyView {
    let Some((base, new)) = model.two() else { return ().into_any() };
    let comparisons = model.shown();
    let open = comparisons.iter().filter(|one| one.verdict == Verdict::Inconclusive);
    let needed = open.filter_map(|one| one.runs_needed).max().unwrap_or(10).clamp(10, 1000);
    let (before, after) = (command(&base), command(&new));
    let command = if before == after {
        format!("perfcollect run --runs {needed} -- {after}")
    } else {
        format!(
            "perfcollect bench --profile --runs {needed} {} {}",
            format::shell_word(&before),
            format::shell_word(&after)
        )
    };
    let why = if before == after { "A side with more runs: " } else { "Both sides beside each other, in pairs: " };
    view! { <p class="next">{why} {crate::ui::command::command(command)}</p> }.into_any()
}
