//! The table of verdicts, each metric with a column for each side, and every run of both.

use super::{Model, sides::Side};
use crate::ui::dom::view;
use crate::ui::facts::UNKNOWN;
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::ui::runs::strips;
use leptos::prelude::*;
use perfcollect_shared::bench::{BenchSet, Metric};
use perfcollect_shared::compare::{Comparison, programs_words};
use perfcollect_shared::derive::runs::{self, Distribution, metric_name};
use perfcollect_shared::format;
use perfcollect_shared::model::{Better, Unit};
use perfcollect_shared::stats::{Verdict, summary};

/// What is said of the metrics that decide: of the first that is decided, else of the first.
pub(super) fn sentence(model: Model) -> Option<String> {
    let (base, new) = model.two()?;
    let comparisons = model.shown();
    let decided = comparisons.iter().find(|one| one.is_primary() && one.verdict != Verdict::Inconclusive);
    let Some(one) = decided.or(comparisons.first()) else {
        return Some(format!("{} and {} have no benchmark in common", new.name, base.name));
    };
    if one.runs < 2
        && let Some(ratio) = one.ratio.filter(|_| !one.incomparable)
    {
        let (more, word) = if ratio < 1.0 { (2.0 - ratio, "less") } else { (ratio, "more") };
        let (difference, what) = (format::difference(more, None), metric_name(&one.metric));
        let took = format!("{} took {difference} {word} {what} than {}, one run a side", new.name, base.name);
        return Some(programs_words(one) + &took);
    }
    let (unit, better) = kind(&base, one);
    Some(programs_words(one) + &runs::comparison(one, unit, better))
}

/// Unit and direction of a metric.
fn kind(side: &Side, one: &Comparison) -> (Unit, Better) {
    let set = side.set();
    let metric = set.benchmarks.iter().find_map(|benchmark| benchmark.metric(&one.metric));
    metric.map_or((Unit::Count, Better::Lower), |metric| (metric.unit, metric.better))
}

pub(super) fn section(model: Model) -> AnyView {
    let content = || {
        let (base, new) = model.two()?;
        let comparisons = model.shown();
        let dots = runs_of(&base, &new, comparisons.first());
        let rows: Vec<Vec<Cell>> = comparisons.iter().map(|one| row(model, &base, one)).collect();
        let (place, _) = model.pair.get()?;
        let mut columns = vec![Column::new("Metric", ""), Column::new("Base", "n extra")];
        let heads = model.sides.with(|sides| sides.iter().map(|side| side.name.clone()).collect::<Vec<_>>());
        let several = heads.len() > 2;
        let others = heads.into_iter().enumerate().filter(|&(index, _)| index != place);
        columns.extend(others.map(|(_, name)| Column::new(if several { name } else { "New".to_owned() }, "n extra")));
        columns.extend([
            Column::new("Difference", "n"),
            Column::new("Verdict", ""),
            Column::new("No change", "n extra").hover("How far runs of one side differ from each other"),
            Column::new("Margin", "n extra").hover("Smaller differences count as none"),
            Column::new("Pairs or runs", "n extra"),
            Column::new("Detectable", "n extra").hover("Difference that so many would find in 80 of 100 cases"),
            Column::new("Needed", "n extra").hover("Pairs or runs that would find one as small as the margin"),
        ]);
        let table = (!rows.is_empty())
            .then(|| table(model.session, Rows { label: "Verdicts", columns, rows, chosen: None, select: None }));
        Some(view! { {dots} {table} })
    };
    content().into_any()
}

fn row(model: Model, base: &Side, one: &Comparison) -> Vec<Cell> {
    let (unit, better) = kind(base, one);
    let value = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), |value| format::measured(value, unit));
    let part = |part: Option<f64>| Cell::new(part.map_or_else(|| UNKNOWN.to_owned(), percent));
    let several = base.set().benchmarks.len() > 1;
    let name = if several {
        format!("{}, {}", one.benchmark, metric_name(&one.metric))
    } else {
        metric_name(&one.metric).to_owned()
    };
    let class = match one.verdict {
        Verdict::Slower => "worse",
        Verdict::Faster => "better",
        Verdict::Same => "same",
        Verdict::Inconclusive => "muted",
    };
    let interval = one.low.filter(|&low| low > 0.0).zip(one.high);
    let difference = one.ratio.map_or_else(|| UNKNOWN.to_owned(), |ratio| format::difference(ratio, interval));
    let word = if one.incomparable { "not comparable" } else { runs::verdict(one.verdict, unit, better) };
    let mut cells = vec![Cell::new(name), Cell::new(value(one.base_value))];
    let names = model.sides.with(|sides| sides.iter().map(|side| side.name.clone()).collect::<Vec<_>>());
    let all = model.comparisons.get();
    let of = |side: &String| {
        all.iter().find(|other| other.new == *side && other.metric == one.metric && other.benchmark == one.benchmark)
    };
    cells.extend(names.iter().filter(|name| **name != base.name).map(|name| {
        let other = of(name);
        let hover = other.and_then(|other| other.ratio).map(|ratio| format::difference(ratio, None));
        Cell::new(value(other.and_then(|other| other.new_value))).hover(hover.unwrap_or_default())
    }));
    cells.extend([
        Cell::new(difference).class(class),
        Cell::new(word).class(class).hover(one.notes.join("; ")),
        part(one.floor),
        Cell::new(percent(one.margin)),
        Cell::new(format::count(one.runs)),
        part(one.detectable),
        Cell::new(one.runs_needed.map_or_else(|| UNKNOWN.to_owned(), format::count)),
    ]);
    cells
}

fn percent(part: f64) -> String {
    format::difference(1.0 + part, None)
}

/// Every run of both sides on one scale, where there are several.
fn runs_of(base: &Side, new: &Side, one: Option<&Comparison>) -> Option<AnyView> {
    let one = one?;
    let found = |side: &Side| {
        let set: BenchSet = side.set();
        let named = set.benchmarks.iter().find(|benchmark| benchmark.name == one.benchmark);
        let values: Vec<f64> =
            named.or(set.benchmarks.first())?.metric(&one.metric).map(|m: &Metric| m.values.clone())?;
        let summary = summary(&values, 0.95);
        Some(Distribution { name: side.name.clone(), values, summary, ..Distribution::default() })
    };
    let all = [found(base)?, found(new)?];
    let several = all.iter().any(|found| found.values.len() > 1);
    let (unit, _) = kind(base, one);
    several.then(|| {
        view! { <h2>{format!("Every run: {}", metric_name(&one.metric))}</h2> {strips(&all, unit)} }.into_any()
    })
}
