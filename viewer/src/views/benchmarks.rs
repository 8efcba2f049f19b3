//! The view "Benchmarks": every run on one scale and in its order, the figures of each benchmark, and what the differences
//! between them are worth.

use super::ViewDef;
use crate::state::{Session, Shared};
use crate::ui::choices::select;
use crate::ui::command::command;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::ui::runs;
use crate::ui::warnings::warnings;
use leptos::prelude::*;
use perfcollect_shared::bench::{BenchSet, HEADLINES};
use perfcollect_shared::compare::{self, Comparison};
use perfcollect_shared::derive::runs::{
    Distribution, Kind, distributions, doubts, metric_name, metrics, sentence, verdict,
};
use perfcollect_shared::format::{self, FigureColumn, NOT_MEASURED};
use perfcollect_shared::model::{Better, Bundle, Exit, Unit};
use perfcollect_shared::order::Order;
use perfcollect_shared::stats::{Rules, Verdict};

pub const VIEW: ViewDef = ViewDef { id: "benchmarks", title: "Benchmarks", key: '7', available, render };

fn available(bundle: &Bundle) -> bool {
    !bundle.runs.is_empty()
}

/// What does not depend on the chosen metric.
struct Model {
    bundle: Shared<Bundle>,
    set: BenchSet,
    metrics: Vec<(String, Unit)>,
    comparisons: Vec<Comparison>,
}

fn render(session: Session) -> AnyView {
    let model = Memo::new(move || {
        let bundle = session.bundle()?;
        let set = BenchSet::of_bundle(&bundle, "");
        let (metrics, comparisons) = (metrics(&set), compare::within(&set, &Rules::default()));
        Some(Shared::new(Model { bundle, set, metrics, comparisons }))
    });
    let metric = Memo::new(move || session.view.with(|view| view.metric.clone()));
    let shown = move || match model.get() {
        Some(model) => content(session, &model, &metric.get()),
        None => ().into_any(),
    };
    view! { <section class="benchmarks">{shown}</section> }.into_any()
}

fn content(session: Session, model: &Model, asked: &str) -> AnyView {
    let known = model.metrics.iter().find(|(name, _)| name == asked).or(model.metrics.first());
    let Some((metric, unit)) = known else {
        return view! { <h1>"No run of these benchmarks has a figure"</h1> {warnings(&doubts(&model.bundle, &[], Unit::Count), model.bundle.warnings())} }
            .into_any();
    };
    let better = model.set.benchmarks.iter().find_map(|benchmark| benchmark.metric(metric)).map(|metric| metric.better);
    let better = better.unwrap_or_default();
    let all = distributions(&model.bundle, &model.set, metric);
    let compared: Vec<&Comparison> = model.comparisons.iter().filter(|one| one.metric == *metric).collect();
    view! {
        <div class="head">
            <h1>{sentence(&all, &compared, metric, *unit, better)}</h1>
            <p class="count">{counted(&model.bundle)}</p>
        </div>
        {switch(session, model, metric)}
        {runs::strips(&all, *unit)}
        {figures(session, model, &all, *unit)}
        {comparisons(session, model, metric)}
        {runs::orders(&all, *unit)}
        {warnings(&doubts(&model.bundle, &all, *unit), model.bundle.warnings())}
        {next(model)}
    }
    .into_any()
}

/// What there is to see, in numbers.
fn counted(bundle: &Bundle) -> String {
    let runs = bundle.runs.iter().filter(|run| run.counts()).count() as u64;
    let mut blocks: Vec<u32> = bundle.runs.iter().filter(|run| run.counts()).map(|run| run.block).collect();
    blocks.order();
    blocks.dedup();
    let warmups = bundle.runs.iter().filter(|run| run.warmup).count() as u64;
    let left =
        if warmups > 0 { format!(", {} left out", format::plural(warmups, "warm-up run")) } else { String::new() };
    let blocks = match blocks.len() as u64 {
        count if count > 1 && count < runs => format!(" in {}", format::plural(count, "block")),
        _ => String::new(),
    };
    format!("{}{blocks}{left}", format::plural(runs, "run"))
}

/// Buttons of the metrics that matter most, a list of the others.
fn switch(session: Session, model: &Model, now: &str) -> AnyView {
    let (first, others): (Vec<_>, Vec<_>) = model.metrics.iter().partition(|(name, _)| HEADLINES.contains(&&**name));
    let choose = move |name: String| session.go(move |view| view.metric = name);
    let buttons = first.into_iter().map(|(name, _)| {
        let (pressed, choice) = ((name == now).to_string(), name.clone());
        view! { <button aria-pressed=pressed on:click=move |_| choose(choice.clone())>{capital(metric_name(name))}</button> }
    });
    let buttons = buttons.collect_view();
    let list = (!others.is_empty()).then(|| {
        let choices = others.into_iter().map(|(name, _)| (name.clone(), metric_name(name).to_owned())).collect();
        select("Other metrics", "other metrics", choices, Some(now), choose)
    });
    view! { <div class="tools-row"><div class="group" role="group" aria-label="Metric">{buttons}</div> {list}</div> }
        .into_any()
}

fn capital(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}

fn figures(session: Session, model: &Model, all: &[Distribution], unit: Unit) -> AnyView {
    let medians: Vec<f64> = all.iter().filter_map(|found| Some(found.summary?.median)).collect();
    let column = FigureColumn::new(unit, &medians);
    let optional =
        |value: Option<f64>| value.map_or_else(|| Cell::new(NOT_MEASURED), |value| Cell::new(column.cell(value)));
    let row = |(found, benchmark): (&Distribution, &perfcollect_shared::bench::Benchmark)| {
        let summary = found.summary;
        let interval = match summary.and_then(|summary| summary.low.zip(summary.high)) {
            Some((low, high)) => Cell::new(format!("{} – {}", column.cell(low), column.cell(high))),
            None => Cell::new(NOT_MEASURED).hover("too few runs"),
        };
        let left = found.points.iter().filter(|point| point.kind == Kind::Left).count() as u64;
        let hover = format!("{} more that count nowhere", format::plural(left, "run"));
        vec![
            Cell::new(found.name.clone()).hover(format::command_line(&benchmark.command)),
            optional(summary.map(|summary| summary.median)),
            interval,
            optional(summary.map(|summary| summary.mean)),
            optional(summary.and_then(|summary| summary.stddev)),
            optional(summary.map(|summary| summary.min)),
            optional(summary.map(|summary| summary.max)),
            Cell::new(format::count(found.values.len() as u64)).hover(if left > 0 { hover } else { String::new() }),
            ends(found),
        ]
    };
    let rows = all.iter().zip(&model.set.benchmarks).map(row).collect();
    let columns = vec![
        Column::new("Benchmark", "name"),
        Column::new(column.head("Median"), "n"),
        Column::new("95 % interval", "n").hover("Of the median, from order statistics; none with fewer than six runs"),
        Column::new("Mean", "n extra"),
        Column::new("Std. deviation", "n extra"),
        Column::new("Min", "n extra"),
        Column::new("Max", "n extra"),
        Column::new("Runs", "n extra"),
        Column::new("Exit", "n extra"),
    ];
    view! { <h2>"Figures"</h2> {table(session, Rows { label: "Figures of the benchmarks", columns, rows, chosen: None, select: None })} }
        .into_any()
}

/// How the runs ended: `0`, or each status with its number of runs.
fn ends(found: &Distribution) -> Cell {
    let words = |(exit, runs): &(Exit, u64)| {
        let status = exit.status().map_or_else(|| NOT_MEASURED.to_owned(), |status| status.to_string());
        if found.exits.len() == 1 { status } else { format!("{status} ({})", format::count(*runs)) }
    };
    let text = found.exits.iter().map(words).collect::<Vec<_>>().join(", ");
    let failed = found.exits.iter().any(|(exit, _)| exit.status() != Some(0));
    Cell::new(text).class(if failed { "warn" } else { "" })
}

fn comparisons(session: Session, model: &Model, metric: &str) -> Option<AnyView> {
    let shown = model.comparisons.iter().filter(|one| HEADLINES.contains(&&*one.metric) || one.metric == metric);
    let rows: Vec<Vec<Cell>> = shown.map(|one| comparison(model, one)).collect();
    let columns = vec![
        Column::new("Benchmark", "name"),
        Column::new("Against", "name extra"),
        Column::new("Metric", ""),
        Column::new("Difference", "n"),
        Column::new("Verdict", ""),
        Column::new("Margin", "n extra").hover("Smaller differences count as none"),
        Column::new("Pairs or runs", "n extra"),
        Column::new("Detectable", "n extra").hover("Difference that so many would find in 80 of 100 cases"),
        Column::new("Needed", "n extra").hover("Pairs or runs that would find one as small as the margin"),
        Column::new("Notes", "extra notes"),
    ];
    (!rows.is_empty()).then(|| {
        let table = table(session, Rows { label: "Differences", columns, rows, chosen: None, select: None });
        view! { <h2>"Differences"</h2> {table} }.into_any()
    })
}

fn comparison(model: &Model, one: &Comparison) -> Vec<Cell> {
    let metric = model.set.benchmarks.iter().find_map(|benchmark| benchmark.metric(&one.metric));
    let (unit, better) = metric.map_or((Unit::Count, Better::Lower), |metric| (metric.unit, metric.better));
    let interval = one.low.filter(|&low| low > 0.0).zip(one.high);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
    let class = match one.verdict {
        Verdict::Slower => "worse",
        Verdict::Faster => "better",
        Verdict::Same => "same",
        Verdict::Inconclusive => "muted",
    };
    vec![
        Cell::new(one.new.clone()),
        Cell::new(one.base.clone()),
        Cell::new(metric_name(&one.metric)),
        Cell::new(or_dash(one.ratio.map(|ratio| format::difference(ratio, interval)))),
        Cell::new(verdict(one.verdict, unit, better)).class(class),
        Cell::new(format::margin(one.margin)),
        Cell::new(format::count(one.runs)),
        Cell::new(or_dash(one.detectable.map(|part| format::difference(1.0 + part, None)))),
        Cell::new(or_dash(one.runs_needed.map(format::count))),
        Cell::new(one.notes.join("; ")),
    ]
}

/// What to do now: more runs where the answer is open, else another session.
fn next(model: &Model) -> AnyView {
    let benchmarks = &model.set.benchmarks;
    let commands: Vec<String> = benchmarks
        .iter()
        .filter(|benchmark| !benchmark.command.is_empty())
        .map(|benchmark| format::shell_word(&format::command_line(&benchmark.command)))
        .collect();
    let open = model.comparisons.iter().filter(|one| one.verdict == Verdict::Inconclusive && one.is_primary());
    let needed = open.filter_map(|one| one.runs_needed).max();
    let most = model.set.benchmarks.iter().flat_map(|benchmark| &benchmark.metrics).map(|m| m.values.len()).max();
    let more = match (needed, commands.len() == benchmarks.len()) {
        (Some(runs), true) => Some(("This many runs would settle what is open", runs)),
        (None, true) if most.is_some_and(|most| most < 10) => Some(("More runs make the medians surer", 30)),
        _ => None,
    };
    let more = more.map(|(why, runs)| {
        let line = format!("perfcollect bench --runs {runs} {}", commands.join(" "));
        view! { <p>{why} ": " {command(line)}</p> }
    });
    view! {
        <h2>"Next"</h2>
        {more}
        <p>"Whether this session differs from the one before: " {command("perfcollect compare last-1 last".to_owned())}</p>
    }
    .into_any()
}
