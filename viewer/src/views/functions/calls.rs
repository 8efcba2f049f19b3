//! Exact calls of Python functions, where they were counted: the table behind the sampled one.

use crate::state::Session;
use crate::ui::dom::view;
use crate::ui::rows::{Cell, Column, Rows, table};
use leptos::prelude::*;
use perfcollect_shared::derive::calls::{CallKey, CallTotals, by_self_time, merged};
use perfcollect_shared::format;
use perfcollect_shared::order::Order;

/// Functions listed, and callers named for each.
const ROWS: usize = 200;
const CALLERS: usize = 3;

/// Nothing where calls were not counted.
pub(super) fn section(session: Session) -> AnyView {
    let content = move || {
        let Some(bundle) = session.bundle().filter(|bundle| !bundle.calls.is_empty()) else { return ().into_any() };
        let all = by_self_time(&merged(&bundle.calls));
        let columns = vec![
            Column::new("Function", "name"),
            Column::new("Calls", "n").hover("Resuming a generator or coroutine is a call"),
            Column::new("Not recursive", "n extra"),
            Column::new("Self", "n").hover("Wall time without what it called"),
            Column::new("Total", "n extra").hover("Wall time with what it called"),
            Column::new("Most called by", "name callers extra"),
        ];
        let rows = all.iter().take(ROWS).map(row).collect();
        let more = all.len().saturating_sub(ROWS);
        let more = (more > 0).then(|| view! { <p class="muted">{format::plural(more as u64, "shorter function")}</p> });
        view! {
            <div class="exact-calls">
            <h2>"Exact calls"</h2>
            <p class="muted">
                "Every call of the whole recording was counted, whatever restricts the view above. Counting makes short functions look longer than they are."
            </p>
            {table(session, Rows { label: "Exact calls", columns, rows, chosen: None, select: None })}
            {more}
            </div>
        }
        .into_any()
    };
    view! { {content} }.into_any()
}

fn row((key, totals): &(CallKey<'_>, CallTotals<'_>)) -> Vec<Cell> {
    let (file, line, name) = *key;
    let mut callers: Vec<_> = totals.callers.iter().map(|(key, sums)| (sums.calls, key.2)).collect();
    callers.order_by(|a, b| b.cmp(a));
    let named = callers.iter().take(CALLERS).map(|(calls, name)| format!("{name} ({})", format::count(*calls)));
    let named = named.collect::<Vec<_>>().join(", ");
    let sums = totals.sums;
    vec![
        Cell::new(format::shorten_name(name, 60)).hover(format!("{name}\n{}", format::place(file, line))),
        Cell::new(format::count(sums.calls)),
        Cell::new(format::count(sums.primitive)),
        Cell::new(format::duration(sums.self_ns)),
        Cell::new(format::duration(sums.total_ns)),
        Cell::new(named.clone()).hover(named),
    ]
}
