//! Hit rate against size, and the rate over time.

use super::Model;
use crate::ui::cpu_strip::whole;
use crate::ui::dom::{live, view};
use crate::ui::memo::Memo;
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::worker::Found;
use leptos::prelude::*;
use perfcollect_shared::caches::{Evidence, Row};
use perfcollect_shared::cachesim::Policy;
use perfcollect_shared::derive::caches::{OverTime, along, band_path, broken_line, curve_path, over_time, size_ticks};
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, CacheRecord};
use perfcollect_shared::order::Order;

/// Coordinates of the pictures.
const SIZE: (f64, f64) = (1000.0, 100.0);
/// Steps of a picture over time.
pub(crate) const STEPS: usize = 200;

fn percent(part: f64) -> String {
    format!("{:.2}%", part * 100.0)
}

/// Curve, policies and marks; what is not replayed yet comes when it is.
pub(super) fn curve(model: Model, at: usize) -> AnyView {
    let simulations = crate::worker::simulations();
    let found = Memo::new(move || simulations.of(at));
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
    let mut marks = vec![("knee", curve.knee), ("now", row.capacity.filter(|_| !row.unbounded))];
    marks.push(("advised", row.advised_capacity));
    let lines: Vec<AnyView> = marks.iter().filter_map(|&(what, size)| mark(what, size?, largest)).collect();
    let ticks: Vec<AnyView> = size_ticks(largest)
        .into_iter()
        .map(|size| view! { <span style:left=percent(along(size, largest))>{format::count(size)}</span> }.into_any())
        .collect();
    let grid: Vec<AnyView> = (1..5)
        .map(|quarter| view! { <i class="grid" style:bottom=percent(f64::from(quarter) * 0.25)></i> }.into_any())
        .collect();
    let labels: Vec<AnyView> = (0..5)
        .map(|quarter| {
            let label = format!("{} %", quarter * 25);
            view! { <span style:bottom=percent(f64::from(quarter) * 0.25)>{label}</span> }.into_any()
        })
        .collect();
    let policies: Vec<AnyView> = found
        .policies
        .iter()
        .filter(|(policy, _)| *policy != Policy::Lru)
        .map(|(policy, found)| {
            let class = if *policy == Policy::Belady { "bound" } else { "policy" };
            view! { <path class=class d=curve_path(&found.sizes, &found.rates, largest, SIZE) /> }.into_any()
        })
        .collect();
    let progress = found.progress.filter(|(done, of)| done < of);
    let progress = progress.map(|(done, of)| {
        view! { <p class="reading" role="status">{format!("{done} of {of} replays done")}</p> }
    });
    let shaded = (!curve.low.is_empty()).then_some("Shaded: where it lies with 95 % confidence. ");
    let size = format!("0 0 {:.0} {:.0}", SIZE.0, SIZE.1);
    view! {
        <figure class="chart cache-curve">
            <figcaption><h3>"Hit rate by size"</h3> <span class="figures">{replayed(found)}</span></figcaption>
            <div class="y-axis" aria-hidden="true">{labels}</div>
            <div class="runs-plot order" aria-hidden="true">
                {grid} {lines}
                <svg viewBox=size preserveAspectRatio="none">
                    <path class="band" d=band_path(curve, largest, SIZE) />
                    {policies}
                    <path class="lru" d=curve_path(&curve.sizes, &curve.rates, largest, SIZE) />
                </svg>
            </div>
            <div class="size-axis" aria-hidden="true">{ticks}</div>
            <p class="muted legend">
                "Solid: LRU, every size. " {shaded} "Thin: other policies. Dotted: Belady’s optimum, which knows the future and is a bound. "
                {words(&marks)}
            </p>
        </figure>
        {progress}
        {policy_table(model, row, found)}
    }
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
    let policies = found.policies.iter();
    let mut rows: Vec<Vec<Cell>> =
        policies.map(|(policy, found)| row(policy.label(), &|size| at(&found.sizes, &found.rates, size))).collect();
    if !curve.low.is_empty() {
        let within = |rates: &[f64], size| at(&curve.sizes, rates, size);
        rows.insert(
            0,
            row("LRU, 95 % interval", &|s| format!("{} – {}", within(&curve.low, s), within(&curve.high, s))),
        );
    }
    table(model.session, Rows { label: "Hit rate by policy and size", columns, rows, chosen: None, select: None })
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
    let found = over_time(&records, whole(bundle), STEPS);
    view! {
        <h3>"Over time"</h3>
        {over(&found)}
    }
}

/// One picture a quantity, with a gap where nothing was read.
pub(crate) fn over(found: &OverTime) -> AnyView {
    let top = |values: &[Option<f64>]| values.iter().copied().flatten().fold(0.0, f64::max);
    let entries = top(&found.entries);
    let requests = top(&found.requests);
    let one = |name: &'static str, values: &[Option<f64>], top: f64, label: String| {
        // One reading at the end makes no picture.
        if values.iter().flatten().count() < 3 {
            return ().into_any();
        }
        let size = format!("0 0 {STEPS} 100");
        let missing = values.iter().filter(|value| value.is_none()).count();
        let gaps = (missing > 0).then(|| format!(", not known in {} of the run", format::share(part(missing))));
        let words = format!("{name}, top {label}{}", gaps.unwrap_or_default());
        view! {
            <div class="over-time">
                <span class="muted">{words.clone()}</span>
                <svg role="img" aria-label=words viewBox=size preserveAspectRatio="none">
                    <path class="levels" d=broken_line(values, top, 100.0) />
                </svg>
            </div>
        }
        .into_any()
    };
    view! {
        {one("Hit rate", &found.rates, 1.0, "100 %".to_owned())}
        {one("Requests", &found.requests, requests, format!("{requests:.0} in a two-hundredth of the run"))}
        {one("Entries", &found.entries, entries, format!("{entries:.0}"))}
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most the steps")]
fn part(missing: usize) -> f64 {
    missing as f64 / STEPS as f64
}
