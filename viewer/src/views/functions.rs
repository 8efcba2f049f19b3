//! The view "Functions": every function once with self and total time, and callers and callees of the chosen one.

mod calls;
mod sandwich;
mod table;

use super::ViewDef;
use crate::state::{Session, Shared};
use crate::ui::dom::view;
use crate::ui::flame_canvas::search::lowercase;
use crate::ui::honesty::honesty;
use crate::ui::memo::Memo;
use leptos::prelude::*;
use perfcollect_shared::derive::interval::{effective_samples, plus_minus_points};
use perfcollect_shared::derive::row_order::sort_rows;
use perfcollect_shared::derive::search::Matcher;
use perfcollect_shared::derive::selection::{FunctionKey, Selection};
use perfcollect_shared::derive::top_table::{TopRow, TopTable, top_table_of};
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, FunctionId, Profile, WeightKind};
use perfcollect_shared::units::Nanos;

pub const VIEW: ViewDef = ViewDef { id: "functions", title: "Functions", key: '3', available, render };

/// Under this many samples a share is a hint, and a time is not shown.
const FEW: u64 = 30;

fn available(bundle: &Bundle) -> bool {
    bundle.main_profile().is_some_and(|profile| !profile.samples.is_empty())
}

/// What the parts of the view share.
#[derive(Clone, Copy)]
struct Model {
    session: Session,
    table: Memo<Option<Shared<Table>>>,
    /// After filter and sort.
    rows: Memo<Shared<Vec<TopRow>>>,
    /// What callers and callees are shown of: the reader's choice, else the first row.
    chosen: Memo<Option<FunctionId>>,
}

/// The table with the profile that its handles belong to.
struct Table {
    profile: Shared<Profile>,
    top: TopTable,
}

impl Model {
    fn new(session: Session) -> Self {
        let derived = session.derived;
        let table = Memo::new(move || {
            let (profile, selected) = (derived.profile.get()?, derived.selected.get()?);
            let top = top_table_of(&profile, &selected);
            Some(Shared::new(Table { profile, top }))
        });
        let state = Memo::new(move || session.view.with(|view| view.functions.clone()));
        let rows = Memo::new(move || {
            let Some(table) = table.get() else { return Shared::new(Vec::new()) };
            let state = state.get();
            let matcher = Matcher::new(&table.profile, &state.filter, &lowercase);
            let found = |row: &&TopRow| matcher.as_ref().is_none_or(|matcher| matcher.matches(row.function));
            let mut rows: Vec<TopRow> = table.top.rows.iter().filter(found).copied().collect();
            sort_rows(&table.profile, &mut rows, &state.sort);
            Shared::new(rows)
        });
        let key = Memo::new(move || session.view.with(|view| view.chosen.clone()));
        let chosen = Memo::new(move || {
            let table = table.get()?;
            let named = key.with(|key| key.as_ref().and_then(|key| find(&table, key)));
            named.or_else(|| rows.get().first().map(|row| row.function))
        });
        Self { session, table, rows, chosen }
    }

    /// Marks a function everywhere.
    fn choose(self, function: FunctionId, push: bool) {
        let Some(table) = self.table.get_untracked() else { return };
        let key = Some(FunctionKey::of(&table.profile, function));
        if push {
            self.session.go(|view| view.chosen = key);
        } else {
            self.session.adjust(|view| view.chosen = key);
        }
    }
}

/// The function of a key, one that has samples first.
fn find(table: &Table, key: &FunctionKey) -> Option<FunctionId> {
    let profile = &table.profile;
    let mut seen = table.top.rows.iter().map(|row| row.function);
    let all = (0..profile.functions.len()).map(FunctionId::from_index);
    seen.find(|&id| key.matches(profile, id)).or_else(|| all.into_iter().find(|&id| key.matches(profile, id)))
}

fn render(session: Session) -> AnyView {
    let model = Model::new(session);
    view! {
        <section class="functions">
            <h1>{move || sentence(model)}</h1>
            <div class="split">
                {table::table(model)}
                {sandwich::panel(model)}
            </div>
            {calls::section(session)}
            <p class="doubt muted">{move || doubt(model)}</p>
            {honesty(session)}
        </section>
    }
    .into_any()
}

fn sentence(model: Model) -> String {
    let Some(table) = model.table.get() else { return "Functions".to_owned() };
    let (profile, top) = (&table.profile, &table.top);
    let Some(first) = top.rows.first().filter(|row| row.self_weight > Nanos::ZERO) else {
        return "No sample is left: remove a restriction above".to_owned();
    };
    let share = first.self_weight.share_of(top.weight);
    let samples = effective_samples(profile) * weight_left(profile, top);
    let (time, happens) = match profile.info.weight {
        WeightKind::Events => (profile.info.name.as_str(), "happen"),
        WeightKind::Wall => ("wall time", "is spent"),
        _ => ("CPU time", "is spent"),
    };
    let whole = model.session.derived.selection.with(|s| *s == Selection::default());
    let what = if whole { time.to_owned() } else { format!("the chosen {time}") };
    format!(
        "{} of {what} {happens} in {} itself; {}, {} points",
        format::share(share),
        format::shorten_name(profile.function_name(first.function), 60),
        format::plural(top.samples, "sample"),
        format::plus_minus(plus_minus_points(share, samples))
    )
}

/// Share of the profile's samples that the selection left.
fn weight_left(profile: &Profile, top: &TopTable) -> f64 {
    Nanos(top.samples).share_of(Nanos(profile.samples.total_count()))
}

fn doubt(model: Model) -> String {
    let Some(table) = model.table.get() else { return String::new() };
    let samples = table.top.samples;
    let basis =
        "Self: the function's own code was running. Total: it or anything that it called; recursion counts once.";
    if samples < FEW {
        format!("Only {}: take shares as a hint. {basis}", format::plural(samples, "sample"))
    } else {
        basis.to_owned()
    }
}
