//! One table for all views that list facts: columns, rows of cells, and nothing else to draw.
//!
//! Cells are data, so that a new table costs its words only. On narrow pages a table keeps the columns that are not marked
//! `extra` and opens the rest below the row. Long tables draw the rows that can be seen.

use super::link::follow;
use super::virtual_rows::{VirtualRows, gap_px};
use crate::state::{Session, Shared};
use crate::ui::dom::view;
use leptos::prelude::*;
use perfcollect_shared::view_state::ViewState;
use std::sync::Arc;

/// Tables with more rows scroll by themselves.
const LONG: usize = 200;

/// The head of a column.
pub struct Column {
    pub title: String,
    /// `n` for numbers, `extra` for what narrow pages open by row, `name` for code.
    pub class: &'static str,
    /// More on hover.
    pub hover: &'static str,
    pub sorting: Option<Sorting>,
}

/// A change of the reader's choices, and whether the shift key was down.
pub type Click = Arc<dyn Fn(&mut ViewState, bool) + Send + Sync>;

/// How rows are sorted by a column, and what a click on its head does; with the shift key it adds to the order.
pub struct Sorting {
    pub descending: Option<bool>,
    pub click: Click,
}

impl Column {
    pub fn new(title: impl Into<String>, class: &'static str) -> Self {
        Self { title: title.into(), class, hover: "", sorting: None }
    }

    #[must_use]
    pub fn sorted(
        mut self,
        descending: Option<bool>,
        click: impl Fn(&mut ViewState, bool) + Send + Sync + 'static,
    ) -> Self {
        self.sorting = Some(Sorting { descending, click: Arc::new(click) });
        self
    }

    #[must_use]
    pub fn hover(mut self, hover: &'static str) -> Self {
        self.hover = hover;
        self
    }
}

/// A change of the reader's choices that a cell makes when it is followed.
pub type Change = Arc<dyn Fn(&mut ViewState) + Send + Sync>;

/// One cell.
#[derive(Clone, Default)]
pub struct Cell {
    pub text: String,
    pub hover: String,
    /// A bar, 0 to 1.
    pub share: Option<f64>,
    pub follow: Option<Change>,
    /// Class of its own, beside that of its column.
    pub class: &'static str,
    /// Steps of a small picture: values from 0 to 1.
    pub spark: Vec<f64>,
}

impl Cell {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// With more on hover.
    #[must_use]
    pub fn hover(mut self, hover: impl Into<String>) -> Self {
        self.hover = hover.into();
        self
    }

    /// A share as a number of percent, with its bar.
    pub fn percent(share: f64) -> Self {
        Self { text: format!("{:.1}", share * 100.0), share: Some(share), ..Self::default() }
    }

    /// A cell that leads somewhere.
    #[must_use]
    pub fn follow(mut self, change: impl Fn(&mut ViewState) + Send + Sync + 'static) -> Self {
        self.follow = Some(Arc::new(change));
        self
    }

    #[must_use]
    pub fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }
}

/// Head and rows of one table.
pub struct Rows {
    /// What it lists, for screen readers.
    pub label: &'static str,
    pub columns: Vec<Column>,
    /// The first cell names the row.
    pub rows: Vec<Vec<Cell>>,
    /// The row that is marked.
    pub chosen: Option<usize>,
    /// What a click on a row does.
    pub select: Option<Select>,
}

/// A change that a click on a row makes.
pub type Select = Arc<dyn Fn(&mut ViewState, usize) + Send + Sync>;

/// The table.
pub fn table(session: Session, rows: Rows) -> AnyView {
    let rows = Shared::new(rows);
    let long = rows.rows.len() > LONG;
    let window = VirtualRows::default();
    let open = RwSignal::new(None::<usize>);
    let head = rows.columns.iter().map(|column| {
        let hover = (!column.hover.is_empty()).then_some(column.hover);
        let (aria, title) = match &column.sorting {
            Some(sorting) => (Some(direction(sorting)), sort_button(session, &column.title, sorting)),
            None => (None, column.title.clone().into_any()),
        };
        view! { <th scope="col" class=column.class title=hover aria-sort=aria>{title}</th> }
    });
    let head = head.collect_view();
    let (label, count) = (rows.label, rows.rows.len());
    let body = move || {
        let range = window.range(rows.rows.len());
        let (above, below) = (range.start, rows.rows.len() - range.end);
        let shown: Vec<AnyView> = range.map(|index| row(session, &rows, index, open)).collect();
        view! { {gap(above)} {shown} {gap(below)} }.into_any()
    };
    let class = if long { "scroll virtual facts-table" } else { "scroll facts-table" };
    view! {
        <div class=class tabindex="0" role="region" aria-label=label on:scroll=move |event| window.on_scroll(&event)>
            <table aria-rowcount=long.then_some(count + 1)>
                <thead><tr>{head}</tr></thead>
                <tbody>{body}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn direction(sorting: &Sorting) -> &'static str {
    match sorting.descending {
        Some(true) => "descending",
        Some(false) => "ascending",
        None => "none",
    }
}

fn sort_button(session: Session, title: &str, sorting: &Sorting) -> AnyView {
    let mark = match sorting.descending {
        Some(true) => " ↓",
        Some(false) => " ↑",
        None => "",
    };
    let change = sorting.click.clone();
    let click = move |event: leptos::ev::MouseEvent| session.go(|state| change(state, event.shift_key()));
    view! { <button class="sort" on:click=click>{title.to_owned()} <span aria-hidden="true">{mark}</span></button> }
        .into_any()
}

fn gap(rows: usize) -> AnyView {
    let gap = (rows > 0).then(|| view! { <tr class="gap" aria-hidden="true"><td style:height=gap_px(rows)></td></tr> });
    gap.into_any()
}

fn row(session: Session, rows: &Shared<Rows>, index: usize, open: RwSignal<Option<usize>>) -> AnyView {
    let all = rows.clone();
    let cells = rows.rows[index].iter().zip(&rows.columns).enumerate();
    let cells =
        cells.map(|(place, (cell, column))| one(session, cell, column, place == 0, index, open, has_more(rows)));
    let cells: Vec<AnyView> = cells.collect();
    let rest = move || if open.get() == Some(index) { rest(session, &all, index) } else { ().into_any() };
    let select = rows.select.clone();
    let click = move |_| {
        if let Some(select) = &select {
            session.go(|state| select(state, index));
        }
    };
    view! {
        <tr class:chosen=rows.chosen == Some(index) aria-rowindex=index + 2 on:click=click>{cells}</tr>
        {rest}
    }
    .into_any()
}

fn has_more(rows: &Rows) -> bool {
    rows.columns.iter().any(|column| column.class.contains("extra"))
}

fn one(
    session: Session,
    cell: &Cell,
    column: &Column,
    names: bool,
    index: usize,
    open: RwSignal<Option<usize>>,
    more: bool,
) -> AnyView {
    let bar = if cell.share.is_some() { " bar" } else { "" };
    let class = format!("{}{bar} {}", column.class, cell.class);
    let hover = (!cell.hover.is_empty()).then(|| cell.hover.clone());
    let content = content(session, cell);
    if names {
        let toggle = move |_| open.update(|open| *open = if *open == Some(index) { None } else { Some(index) });
        let more = more.then(|| {
            view! {
                <button class="more-of-row" aria-expanded=move || (open.get() == Some(index)).to_string() on:click=toggle>
                    <span aria-hidden="true">"…"</span>
                    <span class="reader">"the rest of this row"</span>
                </button>
            }
        });
        return view! { <th scope="row" class=class title=hover>{content} {more}</th> }.into_any();
    }
    let share = cell.share.map(|share| format!("{:.4}", share.clamp(0.0, 1.0))).unwrap_or_default();
    view! { <td class=class title=hover style=("--share", share)>{content}</td> }.into_any()
}

fn content(session: Session, cell: &Cell) -> AnyView {
    if let Some(change) = cell.follow.clone() {
        return follow(session, view! { <bdi>{cell.text.clone()}</bdi> }.into_any(), change);
    }
    if !cell.spark.is_empty() {
        return super::spark::of_values(&cell.spark, cell.text.clone());
    }
    cell.text.clone().into_any()
}

/// What a narrow page does not show of a row.
fn rest(session: Session, rows: &Rows, index: usize) -> AnyView {
    let cells = rows.rows[index].iter().zip(&rows.columns).filter(|(_, column)| column.class.contains("extra"));
    let items: Vec<AnyView> = cells
        .map(|(cell, column)| {
            view! { <div><dt>{column.title.clone()}</dt><dd>{content(session, cell)}</dd></div> }.into_any()
        })
        .collect();
    view! { <tr class="rest"><td colspan=rows.columns.len()><dl class="facts">{items}</dl></td></tr> }.into_any()
}
