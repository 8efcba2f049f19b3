//! What each process and thread did over time: a lane each, with the table behind them.
//!
//! Running is solid, ready and waiting are hatched, so that the kind of state is told without colour; the legend and the
//! table name the reasons. Only the lanes that can be seen are drawn.

use crate::state::{Session, Shared};
use crate::ui::dom::view;
use crate::ui::plot::{area, plot};
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::ui::time_drag::TimeDrag;
use crate::ui::virtual_rows::{VirtualRows, gap_px};
use leptos::prelude::*;
use perfcollect_shared::derive::area::stacked_paths;
use perfcollect_shared::derive::lanes::{Cell as Part, Lanes, ProcessLane, STATES, State, lanes};
use perfcollect_shared::format;
use perfcollect_shared::model::Bundle;
use perfcollect_shared::units::Nanos;

/// Columns of a lane.
const BINS: usize = 300;
const HEIGHT: f64 = 20.0;
/// Rows of the table behind the lanes.
const ROWS: usize = 5_000;

/// One line of the list: a process, or a thread of it.
#[derive(Clone, Copy)]
struct Row {
    process: usize,
    thread: Option<usize>,
}

/// The section of the page; nothing without samples that have a time.
pub(super) fn section(session: Session, bundle: &Bundle, drag: TimeDrag, span: (Nanos, Nanos)) -> Option<AnyView> {
    let lanes = Shared::new(lanes(bundle, span, BINS));
    let listed = Shared::new(listed(&lanes));
    if listed.is_empty() {
        return None;
    }
    let window = VirtualRows::default();
    let (all, drawn) = (lanes.clone(), listed.clone());
    let shown = move || {
        let range = window.range(drawn.len());
        let gap = |rows: usize| view! { <div style:height=gap_px(rows) aria-hidden="true"></div> }.into_any();
        let (above, below) = (gap(range.start), gap(drawn.len() - range.end));
        let inside: Vec<AnyView> = range.map(|index| lane(session, &all, drawn[index], drag)).collect();
        view! { {above} {inside} {below} }.into_any()
    };
    let more: usize = lanes.processes.iter().map(|process| process.more_threads).sum();
    let doubt = [
        (!lanes.waits_known).then(|| {
            "Why threads did not run was not recorded: blank is not running. To see it: perfcollect run --clock wall -- …".to_owned()
        }),
        (more > 0).then(|| format!("{} without a lane of their own: the busiest are shown.", format::plural(more as u64, "thread"))),
    ];
    let doubt: Vec<String> = doubt.into_iter().flatten().collect();
    Some(
        view! {
            <h2>"Processes and threads"</h2>
            {legend(&lanes)}
            <div class="lanes" tabindex="0" role="region" aria-label="Lanes" on:scroll=move |event| window.on_scroll(&event)>{shown}</div>
            <div class="lanes-axis">{super::chart::time_axis(drag, span)}</div>
            <p class="doubt muted">{doubt.join(" ")}</p>
            {behind(session, lanes, listed, drag, span)}
        }
        .into_any(),
    )
}

fn listed(lanes: &Lanes) -> Vec<Row> {
    let mut listed = Vec::new();
    for (process, lane) in lanes.processes.iter().enumerate().filter(|(_, lane)| !lane.cells.is_empty()) {
        listed.push(Row { process, thread: None });
        let several = lane.threads.len() > 1 || lane.more_threads > 0;
        listed.extend((0..lane.threads.len()).map(|thread| Row { process, thread: Some(thread) }).filter(|_| several));
    }
    listed
}

/// Class of a state's colour.
fn class(part: usize) -> String {
    format!("s{part}")
}

fn legend(lanes: &Lanes) -> AnyView {
    let used = |part: usize| lanes.processes.iter().any(|lane| lane.cells.iter().any(|cell| cell.0[part] > 0.0));
    let items = State::all().into_iter().enumerate().filter(|(part, _)| used(*part)).map(|(part, state)| {
        let hatch = (part > 0).then(|| view! { <rect width="14" height="10" fill="url(#waits)" /> });
        view! {
            <li>
                <svg class="swatch" viewBox="0 0 14 10" aria-hidden="true">
                    <rect class=class(part) width="14" height="10" />
                    {hatch}
                </svg>
                " " {state.name()}
            </li>
        }
        .into_any()
    });
    let items: Vec<AnyView> = items.collect();
    view! {
        <svg class="reader" aria-hidden="true">
            <pattern id="waits" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                <rect class="hatch" width="2" height="4" />
            </pattern>
        </svg>
        <ul class="legend states" aria-label="States">{items}</ul>
    }
    .into_any()
}

fn lane(session: Session, lanes: &Lanes, row: Row, drag: TimeDrag) -> AnyView {
    let process = &lanes.processes[row.process];
    let thread = row.thread.map(|index| &process.threads[index]);
    let (pid, tid) = (process.pid, thread.map(|thread| thread.tid));
    let cells = thread.map_or(&process.cells, |thread| &thread.cells);
    let top = cells.iter().map(Part::sum).fold(1.0_f32, f32::max);
    let chosen = move || session.derived.selection.with(|s| s.pid == Some(pid) && (s.tid == tid));
    let toggle = move |_| {
        let next = if untrack(chosen) { (None, None) } else { (Some(pid), tid) };
        session.go(|view| (view.selection.pid, view.selection.tid) = next);
    };
    let name = match thread {
        Some(thread) => format!("{} {}", thread.name, thread.tid),
        None => process_words(process),
    };
    let hover = format!("Restrict every view to {name}");
    let class = if row.thread.is_some() { "lane" } else { "lane process" };
    view! {
        <div class=class>
            <button class="plain" aria-pressed=move || chosen().to_string() title=hover on:click=toggle><bdi>{name}</bdi></button>
            {plot(drag, (cells.len(), HEIGHT), &[], areas(cells, f64::from(top)))}
        </div>
    }
    .into_any()
}

fn process_words(process: &ProcessLane) -> String {
    let threads = process.threads.len() + process.more_threads;
    let several = if threads > 1 { format!(", {}", format::plural(threads as u64, "thread")) } else { String::new() };
    let name = if process.name.is_empty() { "process" } else { &process.name };
    format!("{name} {}{several}", process.pid)
}

/// Areas of the states that occur, and the hatching over those that are not running.
fn areas(cells: &[Part], top: f64) -> Vec<AnyView> {
    let layer = |part: usize| -> Vec<f64> { cells.iter().map(|cell| f64::from(cell.0[part])).collect() };
    let layers: Vec<Vec<f64>> = (0..STATES).map(layer).collect();
    let waiting = cells.iter().map(|cell| f64::from(cell.sum() - cell.0[0])).collect();
    let hatching = stacked_paths(&[layers[0].clone(), waiting], top, HEIGHT).pop().unwrap_or_default();
    let paths = stacked_paths(&layers, top, HEIGHT).into_iter().enumerate();
    let used = paths.filter(|(part, _)| layers[*part].iter().any(|value| *value > 0.0));
    let mut areas: Vec<AnyView> = used.map(|(part, path)| area(class(part), path)).collect();
    areas.push(area("waits", hatching));
    areas
}

/// The table behind the lanes, made when it is opened.
fn behind(
    session: Session,
    lanes: Shared<Lanes>,
    listed: Shared<Vec<Row>>,
    drag: TimeDrag,
    span: (Nanos, Nanos),
) -> AnyView {
    let open = RwSignal::new(false);
    let content = move || {
        if !open.get() {
            return ().into_any();
        }
        let range = drag.range().unwrap_or(span);
        let rows = listed.iter().take(ROWS).map(|&row| cells_of(&lanes, row, range, span)).collect();
        let columns = vec![
            Column::new("Thread", "name"),
            Column::new("Process", "name extra"),
            Column::new("Running", "n"),
            Column::new("Ready", "n extra").hover("Wanted to run, every processor was taken"),
            Column::new("Waiting", "n extra"),
            Column::new("Most for", "extra").hover("The reason that it waited for longest"),
        ];
        table(session, Rows { label: "What processes and threads did", columns, rows, chosen: None, select: None })
    };
    view! {
        <details on:toggle=move |_| open.update(|open| *open = !*open)>
            <summary>"Table" <span class="reader">" of processes and threads"</span></summary>
            {content}
        </details>
    }
    .into_any()
}

fn cells_of(lanes: &Lanes, row: Row, range: (Nanos, Nanos), span: (Nanos, Nanos)) -> Vec<Cell> {
    let process = &lanes.processes[row.process];
    let thread = row.thread.map(|index| &process.threads[index]);
    let cells = thread.map_or(&process.cells, |thread| &thread.cells);
    let bin = (span.1 - span.0).0 / cells.len().max(1) as u64;
    let mut sums = [0.0_f64; STATES];
    for (index, cell) in cells.iter().enumerate() {
        let middle = span.0 + Nanos(bin * index as u64 + bin / 2);
        if range.0 <= middle && middle < range.1 {
            sums.iter_mut().zip(cell.0).for_each(|(sum, part)| *sum += f64::from(part));
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
    let time = |bins: f64| format::duration(Nanos((bins * Nanos(bin).as_f64()) as u64));
    let waited = |bins: f64| if lanes.waits_known { time(bins) } else { format::NOT_MEASURED.to_owned() };
    let longest = (2..STATES).filter(|&part| sums[part] > 0.0).max_by(|&a, &b| sums[a].total_cmp(&sums[b]));
    let name = thread.map_or_else(|| process_words(process), |thread| format!("{} {}", thread.name, thread.tid));
    vec![
        Cell::new(name),
        Cell::new(format!("{} {}", process.name, process.pid)),
        Cell::new(time(sums[0])),
        Cell::new(waited(sums[1])),
        Cell::new(waited(sums[2..].iter().sum())),
        Cell::new(longest.map_or("", |part| State::all()[part].name())),
    ]
}
