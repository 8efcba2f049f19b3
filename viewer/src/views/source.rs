//! The view "Source": which files and lines the time went to, with their text where it was captured.

use super::ViewDef;
use crate::state::{Session, Shared};
use crate::ui::choices;
use crate::ui::dom::view;
use crate::ui::honesty::honesty;
use crate::ui::memo::Memo;
use crate::ui::rows::{Cell, Column, Rows, table};
use leptos::prelude::*;
use perfcollect_shared::derive::lines::LineBasis;
use perfcollect_shared::derive::selection::FunctionKey;
use perfcollect_shared::derive::source::{SourceFile, SourceLine, source};
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, FunctionId, Profile, WeightKind};

pub const VIEW: ViewDef = ViewDef { id: "source", title: "Source", key: '5', available, render };

/// Files listed.
const FILES: usize = 200;

fn available(bundle: &Bundle) -> bool {
    let has_lines = |profile: &Profile| {
        !profile.samples.is_empty()
            && profile.frames.rows.iter().any(|f| f.line > 0 && !profile.function_file(f.function).is_empty())
    };
    !bundle.lines.is_empty() || bundle.main_profile().is_some_and(|profile| has_lines(profile))
}

/// What the parts of the view share.
struct Model {
    files: Shared<Vec<SourceFile>>,
    shown: usize,
    /// Where the marked function begins, when it is in the file that is shown.
    marked: u32,
    has_source: bool,
    /// What the figures are of.
    weight: WeightKind,
    event: String,
}

fn render(session: Session) -> AnyView {
    let files = Memo::new(move || {
        let bundle = session.bundle()?;
        let chosen = session.derived.profile.get();
        let profile = chosen.as_ref().map(|chosen| &*chosen.0);
        Some(Shared::new(session.derived.selection.with(|selection| source(&bundle, profile, selection))))
    });
    let content = move || {
        let (Some(files), Some(bundle)) = (files.get(), session.bundle()) else { return ().into_any() };
        let (file, key) = session.view.with(|view| (view.file.clone(), view.chosen.clone()));
        let function = session.derived.profile.with(|profile| {
            let profile = profile.as_deref()?;
            let key = key?;
            let id = (0..profile.functions.len()).map(FunctionId::from_index).find(|&id| key.matches(profile, id))?;
            Some((profile.function_file(id).to_owned(), profile.function(id).start_line))
        });
        let (of_function, line) = function.unwrap_or_default();
        let place = |name: &str| files.iter().position(|file| !name.is_empty() && file.file == name);
        let shown = place(&file).or_else(|| place(&of_function)).unwrap_or(0);
        let marked = if files.get(shown).is_some_and(|file| file.file == of_function) { line } else { 0 };
        let info = session.derived.profile.with(|profile| profile.as_ref().map(|profile| profile.info.clone()));
        let (weight, event) = info.map(|info| (info.weight, info.name)).unwrap_or_default();
        page(session, &Model { files, shown, marked, has_source: !bundle.source.is_empty(), weight, event })
    };
    view! {
        <section class="source">
            {content}
            {honesty(session)}
        </section>
    }
    .into_any()
}

fn page(session: Session, model: &Model) -> AnyView {
    let Some(file) = model.files.get(model.shown) else {
        return view! { <h1>"No line is left: remove a restriction above"</h1> }.into_any();
    };
    view! {
        <h1>{sentence(model)}</h1>
        <p class="tools-row">{choices::clock(session)}</p>
        <div class="split source-split">
            <div>
                <h2 class="mono" title=file.file.clone()><bdi>{format::shorten_name(&file.file, 80)}</bdi></h2>
                {lines(session, model, file)}
            </div>
            <aside aria-label="Files">
                <h2>"Files"</h2>
                {files(session, model)}
            </aside>
        </div>
        <p class="doubt muted">{doubts(model, file)}</p>
    }
    .into_any()
}

fn sentence(model: &Model) -> String {
    let Some(first) = model.files.first() else { return String::new() };
    let line = first.lines.iter().find(|line| line.line == first.hottest);
    let place = format::place(&first.file, first.hottest);
    let own = line.map_or(0.0, |line| line.self_share);
    let count = format::plural(model.files.len() as u64, "file");
    let what = if model.weight == WeightKind::Events { model.event.as_str() } else { "the time" };
    format!("{place} is the hottest line, {} of {what} in itself; {count} with lines", format::share(own))
}

fn doubts(model: &Model, file: &SourceFile) -> String {
    let mut words = Vec::new();
    words.push(match file.basis {
        LineBasis::Counted => {
            "Every execution of a line was counted; tracing makes short lines look longer than they are."
        }
        LineBasis::Sampled => {
            "From the line numbers of samples: self is with the line innermost, total with it anywhere in the stack."
        }
    });
    if file.changed {
        words.push("The file was written after the recording began: text and figures may not belong together.");
    }
    if !file.has_text && !model.has_source {
        words.push("The text of the lines was not captured. To have it: perfcollect run --source -- …");
    } else if !file.has_text {
        words.push("No text of this file was captured: it was not hot, or could not be read.");
    }
    words.join(" ")
}

fn lines(session: Session, model: &Model, file: &SourceFile) -> AnyView {
    let (marked, amount) = (model.marked, |value| format::weight(model.weight, value));
    let counted = file.basis == LineBasis::Counted;
    let mut columns = vec![
        Column::new("Line", "n"),
        Column::new("Self, %", "n"),
        Column::new("Total, %", "n extra"),
        Column::new(if counted { "Times" } else { "Samples" }, "n extra"),
    ];
    if file.has_text {
        columns.push(Column::new("Text", "code"));
    }
    let names = |line: u32| file.functions.iter().find(|function| function.line == line);
    if !file.has_text {
        columns.push(Column::new("Function", "name"));
    }
    let last = |line: u32| {
        let before = file.functions.iter().take_while(|function| function.line <= line).last();
        before.map_or_else(String::new, |function| function.name.clone())
    };
    let row = |line: &SourceLine| {
        let figures = line.figures.unwrap_or_default();
        let count = figures.hits.or(figures.self_samples);
        let some = |share: f64| if line.figures.is_some() { Cell::percent(share) } else { Cell::default() };
        let mut own = some(line.self_share);
        own.share = line.figures.map(|_| line.heat);
        let mut total = some(line.total_share);
        total.share = None;
        let text = line.text.clone().unwrap_or_else(|| if file.has_text { String::new() } else { last(line.line) });
        let class = if line.after_gap && file.has_text { "after-gap" } else { "" };
        let begins = names(line.line).map(|function| function.name.clone()).unwrap_or_default();
        vec![
            Cell::new(line.line.to_string()).hover(begins).class(class),
            own.class(class).hover(if line.figures.is_some() { amount(figures.self_ns) } else { String::new() }),
            total.class(class).hover(amount(figures.total_ns)),
            Cell::new(count.map(format::count).unwrap_or_default()).class(class),
            Cell::new(text).class(class),
        ]
    };
    let rows: Vec<Vec<Cell>> = file.lines.iter().map(row).collect();
    let chosen = file.lines.iter().position(|line| line.line == if marked > 0 { marked } else { file.hottest });
    table(session, Rows { label: "Lines", columns, rows, chosen, select: None })
}

fn files(session: Session, model: &Model) -> AnyView {
    let row = |file: &SourceFile| {
        let name = file.file.clone();
        vec![
            Cell::new(format::file_name(&file.file)).hover(&file.file).follow(move |view| view.file.clone_from(&name)),
            Cell::percent(file.self_share),
            Cell::new(format::weight(model.weight, file.self_ns)),
        ]
    };
    let rows = model.files.iter().take(FILES).map(row).collect();
    let columns = vec![Column::new("File", "name"), Column::new("Self, %", "n"), Column::new("Self", "n extra")];
    table(session, Rows { label: "Files", columns, rows, chosen: Some(model.shown), select: None })
}

/// The key of a function, for links into this view.
pub fn of_function(key: FunctionKey) -> impl Fn(&mut perfcollect_shared::view_state::ViewState) + Clone {
    move |view| {
        view.chosen = Some(key.clone());
        view.file.clear();
        VIEW.id.clone_into(&mut view.view);
    }
}
