//! Hit rate against size, and the rate over time.

use super::Model;
use crate::ui::cpu_strip::whole;
use crate::ui::dom::{live, view};
use crate::ui::memo::Memo;
use crate::ui::plot::{Axis, WIDTH, area, ends, frame, paths, percent, tick_label};
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::worker::Found;
use leptos::prelude::*;
use perfcollect_shared::caches::{Evidence, Row};
use perfcollect_shared::cachesim::Policy;
use perfcollect_shared::derive::caches::{along, band_path, broken_line, curve_path, over_time, size_ticks};
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, CacheRecord};
use perfcollect_shared::order::Order;
use perfcollect_shared::units::Nanos;
use std::sync::Arc;

/// Coordinates of the pictures.
const SIZE: (f64, f64) = (1000.0, 100.0);
/// Steps of a picture over time.
pub(crate) const STEPS: usize = 200;

/// What the replay found so far.
pub(super) fn found(at: usize) -> Memo<Found> {
    let simulations = crate::worker::simulations();
    Memo::new(move || simulations.of(at))
}

/// Curve, policies and marks; what is not replayed yet comes when it is.
pub(super) fn curve(model: Model, at: usize, found: Memo<Found>) -> AnyView {
    live(move || drawn(model, at, &found.get()))
}

fn drawn(model: Model, at: usize, found: &Found) -> AnyView {
    if let Some(reason) = &found.failed {
        return view! { <p class="note warn" role="status">"The replay failed: " {reason.clone()}</p> }.into_any();
    }
    let Some(curve) = &found.curve else {
        return view! { <p class="reading" role="status">"Replaying its keys"</p> }.into_any();
    };
    let rows = model.rows.get();
    let Some(row) = rows.get(at) else { return ().into_any() };
    let largest = curve.sizes.last().copied().unwrap_or(1).max(row.capacity.unwrap_or(1));
    let marks =
        [("knee", curve.knee), ("now", row.capacity.filter(|_| !row.unbounded)), ("advised", row.advised_capacity)];
    let mut inside: Vec<AnyView> = marks.iter().filter_map(|&(what, size)| mark(what, size?, largest)).collect();
    let ticks: Vec<AnyView> =
        size_ticks(largest).into_iter().map(|size| tick_label(along(size, largest), format::count(size))).collect();
    let session = model.session;
    let others = found.policies.iter().filter(|(policy, _)| *policy != Policy::Lru);
    let policies = others.map(|(policy, found)| {
        let class = if *policy == Policy::Belady { "bound" } else { "policy" };
        let id = policy.id();
        let class = move || if session.view.with(|view| view.caches.policy == id) { "marked" } else { class };
        view! { <path class=class d=curve_path(&found.sizes, &found.rates, largest, SIZE) /> }.into_any()
    });
    let mut lines = vec![area("band", band_path(curve, largest, SIZE))];
    lines.extend(policies);
    lines.push(area("lru", curve_path(&curve.sizes, &curve.rates, largest, SIZE)));
    inside.push(paths("", None, (WIDTH, SIZE.1), lines));
    let progress = found.progress.filter(|(done, of)| done < of);
    let progress = progress.map(|(done, of)| {
        view! { <p class="reading" role="status">{format!("{done} of {of} replays done")}</p> }
    });
    let shaded = (!curve.low.is_empty()).then_some("Shaded: where it lies with 95 % confidence. ");
    let below = view! {
        <div class="size-axis ticks" aria-hidden="true">{ticks}</div>
        <p class="muted legend">
            "Solid: LRU, every size. " {shaded} "Thin: other policies, replayed at some sizes with straight lines between; their table marks one. Dotted: Belady’s optimum, which knows the future and is a bound. "
            {words(&marks)}
        </p>
    };
    let axis: Axis = (0..5).map(|quarter| (f64::from(quarter) * 0.25, format!("{} %", quarter * 25))).collect();
    let title = view! { <h3>"Hit rate by size"</h3> }.into_any();
    view! { {frame("cache-curve", title, Some(replayed(found)), &axis, inside, below.into_any())} {progress} }
        .into_any()
}

fn mark(what: &'static str, size: u64, largest: u64) -> Option<AnyView> {
    (size > 0).then(|| {
        let class = format!("mark {what}");
        view! { <i class=class data-size=format::count(size) style:left=percent(along(size, largest))></i> }.into_any()
    })
}

fn words(marks: &[(&'static str, Option<u64>)]) -> String {
    let said: Vec<String> =
        marks.iter().filter_map(|&(what, size)| Some(format!("{what}: {}", format::count(size?)))).collect();
    if said.is_empty() { String::new() } else { format!("Marks: {}.", said.join(", ")) }
}

fn replayed(found: &Found) -> String {
    let Some(curve) = &found.curve else { return String::new() };
    let keys = format::plural(curve.distinct, "key");
    let exact = if curve.exact { "exact" } else { "estimated from a part of the keys" };
    let sampled = found.policies.iter().map(|(_, policy)| policy.sampled).fold(1.0, f64::min);
    let policies =
        if sampled < 1.0 { format!("; policies by {} of the keys", format::share(sampled)) } else { String::new() };
    format!("{} over {keys}, {exact}{policies}", format::plural(curve.requests, "request"))
}

/// The same in numbers: policies at the size of now and at the largest.
pub(super) fn policies(model: Model, at: usize, found: Memo<Found>) -> AnyView {
    live(move || {
        let rows = model.rows.get();
        rows.get(at).map(|row| policy_table(model, row, &found.get()))
    })
}

fn policy_table(model: Model, row: &Row, found: &Found) -> AnyView {
    let Some(curve) = &found.curve else { return ().into_any() };
    let largest = curve.sizes.last().copied().unwrap_or(1);
    let mut sizes: Vec<u64> =
        [row.capacity.filter(|_| !row.unbounded), curve.knee, row.advised_capacity, Some(largest)]
            .into_iter()
            .flatten()
            .filter(|&size| size > 0)
            .collect();
    sizes.order();
    sizes.dedup();
    let mut columns = vec![Column::new("Policy", "")];
    columns.extend(sizes.iter().map(|&size| Column::new(format!("{}, %", format::count(size)), "n")));
    let at = |known: &[u64], rates: &[f64], size: u64| {
        let found = known.iter().position(|&known| known >= size).and_then(|at| rates.get(at));
        found.or(rates.last()).map_or_else(String::new, |rate| format!("{:.1}", rate * 100.0))
    };
    let row = |name: &str, text: &dyn Fn(u64) -> String| {
        let cells = sizes.iter().map(|&size| Cell::new(text(size)));
        std::iter::once(Cell::new(name)).chain(cells).collect::<Vec<Cell>>()
    };
    let marked = model.session.view.with(|view| view.caches.policy.clone());
    let chosen = found.policies.iter().position(|(policy, _)| policy.id() == marked);
    let policies = found.policies.iter().map(|(policy, found)| {
        let mut cells = row(policy.label(), &|size| at(&found.sizes, &found.rates, size));
        let id = if policy.id() == marked { "" } else { policy.id() };
        cells[0].follow = Some(Arc::new(move |state| id.clone_into(&mut state.caches.policy)));
        cells
    });
    let mut rows: Vec<Vec<Cell>> = policies.collect();
    if !curve.low.is_empty() {
        let within = |rates: &[f64], size| at(&curve.sizes, rates, size);
        rows.push(row("LRU, 95 % interval", &|s| format!("[{}, {}]", within(&curve.low, s), within(&curve.high, s))));
    }
    let label = "Hit rate by policy and size";
    view! {
        <div>
            <h3>"Policies"</h3>
            {table(model.session, Rows { label, columns, rows, chosen, select: None })}
        </div>
    }
    .into_any()
}

/// Records of a cache.
pub(super) fn records<'a>(bundle: &'a Bundle, evidence: &Evidence) -> Vec<&'a CacheRecord> {
    let same = |record: &&CacheRecord| {
        (&record.name, &record.library, &record.file, record.line)
            == (&evidence.name, &evidence.library, &evidence.file, evidence.line)
    };
    bundle.caches.iter().filter(same).collect()
}

/// Rate, requests and entries over the run; nothing where there is no series.
pub(super) fn time(bundle: &Bundle, evidence: &Evidence) -> AnyView {
    let records = records(bundle, evidence);
    if records.iter().all(|record| record.series.is_empty()) {
        return ().into_any();
    }
    let span = whole(bundle);
    view! {
        <h3>"Over the run"</h3>
        {over(&records, span)}
        <div class="chart">{ends("0".to_owned(), format::duration(span.1 - span.0))}</div>
    }
    .into_any()
}

/// One picture a quantity, with a gap where nothing was read.
pub(crate) fn over(records: &[&CacheRecord], span: (Nanos, Nanos)) -> AnyView {
    let found = over_time(records, span, STEPS);
    let second = steps_a_second(span);
    let requests: Vec<Option<f64>> = found.requests.iter().map(|value| value.map(|value| value * second)).collect();
    let one = |name: &'static str, values: &[Option<f64>], rate: bool, unit: &str| {
        // One reading at the end makes no picture.
        if values.iter().flatten().count() < 3 {
            return ().into_any();
        }
        let most = values.iter().copied().flatten().fold(0.0, f64::max);
        let (top, label) = if rate { (1.0, "100 %".to_owned()) } else { (most, whole_number(most) + unit) };
        let missing = values.iter().filter(|value| value.is_none()).count();
        let why = if rate { "no request or reading" } else { "not read" };
        let gaps = (missing > 0).then(|| format!("{why} in {} of the run", format::share(part(missing))));
        let axis = vec![(0.0, "0".to_owned()), (1.0, label)];
        let line = paths("", None, (STEPS, 100.0), vec![area("levels", broken_line(values, top, 100.0))]);
        frame("over-time", view! { <h3>{name}</h3> }.into_any(), gaps, &axis, vec![line], ().into_any())
    };
    view! {
        {one("Hit rate", &found.rates, true, "")}
        {one("Requests", &requests, false, "/s")}
        {one("Entries", &found.entries, false, "")}
    }
    .into_any()
}

#[expect(clippy::cast_precision_loss, reason = "at most the steps")]
fn part(missing: usize) -> f64 {
    missing as f64 / STEPS as f64
}

#[expect(clippy::cast_precision_loss, reason = "at most the steps")]
fn steps_a_second(span: (Nanos, Nanos)) -> f64 {
    STEPS as f64 / ((span.1 - span.0).as_f64() / 1e9).max(f64::MIN_POSITIVE)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, rounded")]
fn whole_number(value: f64) -> String {
    format::count(value.round() as u64)
}
