//! The view "Trend": the benchmarks of the server's library from session to session, levels, and suspected changes with the
//! commands that would confirm them.

use super::ViewDef;
use crate::fetch;
use crate::load::LibraryState;
use crate::state::{Session, Shared};
use crate::ui::command::command;
use crate::ui::dom::view;
use crate::ui::memo::Memo;
use crate::ui::moment::local;
use crate::ui::plot::{WIDTH, area, ends, frame, paths, percent};
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::ui::runs::axis;
use leptos::prelude::*;
use leptos::task::spawn_local;
use perfcollect_shared::bundle::json;
use perfcollect_shared::derive::runs::{history, metric_name};
use perfcollect_shared::format::{self, FigureColumn, NOT_MEASURED};
use perfcollect_shared::order::Order;
use perfcollect_shared::trend::{Change, FEWEST, Point, Series, Trend};

pub const VIEW: ViewDef = ViewDef { id: super::TREND, title: "Trend", key: 'h', available: |_| true, render };

/// Pictures that are open from the start.
const OPEN: usize = 12;
/// Coordinates of a picture.
const SIZE: (f64, f64) = (1000.0, 100.0);

/// Where the page stands with the history.
#[derive(Clone, PartialEq)]
enum State {
    Reading,
    Ready(Shared<Trend>),
    Failed(String),
}

fn render(session: Session) -> AnyView {
    let state = RwSignal::new(State::Reading);
    let library = Memo::new(move || {
        session.library.with(|library| match library {
            LibraryState::None => None,
            other => Some(other.library().map(|library| library.version.clone())),
        })
    });
    Effect::new(move |_| {
        if library.get().is_some() {
            spawn_local(async move {
                let answer = fetch::bytes("api/trend", |_, _| {}).await.and_then(|bytes| {
                    json::from_slice::<Trend>(&bytes).map_err(|error| format!("its history cannot be read: {error}"))
                });
                let read = answer.map_or_else(State::Failed, |trend| State::Ready(Shared::new(trend)));
                // The reader may have left this view meanwhile.
                drop(state.try_set(read));
            });
        }
    });
    let content = move || match (library.get(), state.get()) {
        (None, _) => no_server(),
        (_, State::Reading) => view! { <p class="reading" role="status">"Reading the history"</p> }.into_any(),
        (_, State::Failed(reason)) => {
            view! { <p class="note warn" role="alert">"No history: " {reason}</p> }.into_any()
        }
        (_, State::Ready(trend)) => content(session, &trend),
    };
    view! { <section class="trend">{content}</section> }.into_any()
}

fn no_server() -> AnyView {
    view! {
        <h1>"A history needs a library"</h1>
        <p>"This page is a file. Where the recordings are: " {command("perfcollect serve".to_owned())}</p>
    }
    .into_any()
}

fn content(session: Session, trend: &Trend) -> AnyView {
    // What changed comes first; else the order of the history.
    let mut order: Vec<&Series> = trend.series.iter().filter(|series| series.points.len() >= FEWEST).collect();
    order.order_by_key(|series| (series.changes.is_empty(), !series.changes.iter().any(|change| change.worse)));
    let mut pictures: Vec<AnyView> = order.into_iter().map(|series| picture(session, series)).collect();
    let more = pictures.split_off(OPEN.min(pictures.len()));
    let more = (!more.is_empty()).then(|| {
        let words = format!("{} more series", more.len());
        view! { <details><summary>{words}</summary>{more}</details> }
    });
    let doubts = trend.warnings.iter().map(|text| view! { <li>{text.clone()}</li> }).collect_view();
    let doubts = (!trend.warnings.is_empty())
        .then(|| view! { <h2>"Before you trust this"</h2> <ul class="warnings">{doubts}</ul> });
    view! {
        <div class="head">
            <h1>{sentence(trend)}</h1>
            <p class="count">{trend.source.clone()}</p>
        </div>
        <p class="muted">"A history tells where to look. Sessions differ by more than the code, so only an interleaved run of both commits confirms a suspect."</p>
        {pictures} {more}
        {all(session, trend)}
        {doubts}
        <h2>"Next"</h2>
        <p>"One more session: " {command("perfcollect bench -- COMMAND".to_owned())}</p>
    }
    .into_any()
}

fn sentence(trend: &Trend) -> String {
    let judged = trend.series.iter().filter(|series| series.points.len() >= FEWEST).count() as u64;
    let suspects = trend.series.iter().flat_map(|series| &series.changes);
    let worse = suspects.clone().filter(|change| change.worse).count();
    let series =
        |count: u64| if count == 1 { "1 series".to_owned() } else { format!("{} series", format::count(count)) };
    match (judged, suspects.count()) {
        (0, _) => {
            let longest = trend.series.iter().map(|series| series.points.len() as u64).max().unwrap_or(0);
            let most = format::plural(longest, "session");
            format!(
                "No trend yet: a change can be told from {FEWEST} sessions of one benchmark on, and the most here is {most}"
            )
        }
        (_, 0) => format!("No change is suspected in {}", series(judged)),
        (_, all) => {
            let changes = format::plural(all as u64, "suspected change");
            format!("{changes} in {}, {worse} for the worse", series(judged))
        }
    }
}

fn title(series: &Series) -> String {
    format!("{} · {}", series.benchmark, metric_name(&series.metric))
}

fn picture(session: Session, series: &Series) -> AnyView {
    let found = history(series, SIZE);
    let marks: Vec<AnyView> = found
        .changes
        .iter()
        .map(|&(part, worse)| {
            let class = if worse { "mark worse" } else { "mark better" };
            view! { <i class=class style:left=percent(part)></i> }.into_any()
        })
        .collect();
    let when = |point: Option<&Point>| point.map_or_else(String::new, moment);
    let suspects: Vec<AnyView> = series.changes.iter().rev().map(suspect).collect();
    let suspects = (!suspects.is_empty()).then(|| view! { <ul class="plain suspects">{suspects}</ul> });
    let differs = (!series.differs.is_empty())
        .then(|| view! { <p class="muted">"A series of its own: " {series.differs.join("; ")}</p> });
    let lines =
        vec![area("intervals", found.intervals), area("levels", found.levels), area("dots counted", found.dots)];
    let inside = marks.into_iter().chain([paths("", None, (WIDTH, SIZE.1), lines)]).collect();
    let below = view! {
        {ends(when(series.points.first()), when(series.points.last()))}
        <details>
            <summary>{format::plural(series.points.len() as u64, "session")}</summary>
            {sessions(session, series)}
        </details>
        <div class="beside">{differs} {suspects}</div>
    };
    let title = view! { <h2><bdi>{title(series)}</bdi></h2> }.into_any();
    frame("", title, Some(series.summary.clone()), &axis(&found.scale), inside, below.into_any())
}

/// A suspected change, the commits beside it and how to find out.
fn suspect(change: &Change) -> AnyView {
    let lines: Vec<AnyView> =
        change.confirm.iter().map(|line| view! { <div>{command(line.clone())}</div> }.into_any()).collect();
    let why =
        change.unconfirmed.clone().map(|why| view! { <p class="muted">"It cannot be confirmed from here: " {why}</p> });
    let dirty = change.dirty.then_some(" One of the two was measured with files that differ from its commit.");
    let class = if change.worse { "worse" } else { "better" };
    let head = (!lines.is_empty()).then_some("To confirm it, an interleaved run of both commits:");
    view! { <li><p class=class>{change.summary.clone()} {dirty}</p> <p>{head}</p> {lines} {why}</li> }.into_any()
}

fn moment(point: &Point) -> String {
    point.start.as_deref().map_or_else(|| point.source.clone(), |start| local(start).0)
}

fn commit(commit: Option<&String>) -> String {
    commit.map_or_else(|| NOT_MEASURED.to_owned(), |commit| commit.chars().take(10).collect())
}

fn sessions(session: Session, series: &Series) -> AnyView {
    let values: Vec<f64> = series.points.iter().map(|point| point.value).collect();
    let column = FigureColumn::new(series.unit, &values);
    let row = |(index, point): (usize, &Point)| {
        let interval = match point.low.zip(point.high) {
            Some((low, high)) => format!("{} – {}", column.cell(low), column.cell(high)),
            None => NOT_MEASURED.to_owned(),
        };
        let level = series.segments.iter().find(|level| (level.first..=level.last).contains(&index));
        let suspected = series.changes.iter().any(|change| change.at == index);
        vec![
            Cell::new(moment(point)).hover(point.source.clone()),
            Cell::new(column.cell(point.value)).class(if suspected { "warn" } else { "" }),
            Cell::new(interval),
            Cell::new(format::count(point.n)),
            Cell::new(level.map_or_else(|| NOT_MEASURED.to_owned(), |level| column.cell(level.value))),
            Cell::new(commit(point.commit.as_ref())),
        ]
    };
    let rows = series.points.iter().enumerate().map(row).collect();
    let columns = vec![
        Column::new("Session", ""),
        Column::new(column.head("Median"), "n"),
        Column::new("95 % interval", "n extra"),
        Column::new("Runs", "n extra"),
        Column::new("Level", "n extra"),
        Column::new("Commit", "name extra"),
    ];
    table(session, Rows { label: "Sessions", columns, rows, chosen: None, select: None })
}

/// Every series, those too short to be judged too.
fn all(session: Session, trend: &Trend) -> AnyView {
    let row = |series: &Series| {
        let environment = series.config.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>();
        let last = series.points.last().map_or(f64::NAN, |point| point.value);
        vec![
            Cell::new(series.benchmark.clone()).hover(format::command_line(&series.command)),
            Cell::new(metric_name(&series.metric)),
            Cell::new(format::measured(last, series.unit)),
            Cell::new(format::count(series.points.len() as u64)),
            Cell::new(series.environment.clone()).hover(environment.join("\n")),
            Cell::new(series.summary.clone()),
        ]
    };
    let rows: Vec<Vec<Cell>> = trend.series.iter().map(row).collect();
    if rows.is_empty() {
        return ().into_any();
    }
    let columns = vec![
        Column::new("Benchmark", "name"),
        Column::new("Metric", ""),
        Column::new("Newest", "n"),
        Column::new("Sessions", "n extra"),
        Column::new("Environment", "name extra").hover("A new one begins a new series"),
        Column::new("Finding", "extra notes"),
    ];
    view! { <h2>"All series"</h2> {table(session, Rows { label: "All series", columns, rows, chosen: None, select: None })} }
        .into_any()
}
