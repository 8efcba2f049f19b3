//! What ran, how it ended and the things that matter most: the first screen, painted from the manifest alone if need be.

use super::{FIRST, ViewDef};
use crate::state::{Session, Shared};
use crate::ui::dom::{live, view};
use crate::ui::facts::{Fact, facts};
use crate::ui::link::link;
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::ui::spark::spark;
use crate::ui::warnings::warnings;
use leptos::prelude::*;
use perfcollect_shared::derive::overview::{Basis, Overview, OverviewRow, overview};
use perfcollect_shared::derive::timeline::Metric;
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, Manifest, SummaryFunction};
use perfcollect_shared::report::quality;

pub const VIEW: ViewDef = ViewDef { id: FIRST, title: "Overview", key: '1', available: |_| true, render };

fn render(session: Session) -> AnyView {
    live(move || match session.bundle() {
        Some(bundle) => page(session, &bundle, true),
        // While the profiles are being decoded the manifest's own summary stands where the rows will.
        None => session
            .manifest()
            .map(|manifest| {
                let bare = Bundle { manifest: (*manifest).clone(), ..Default::default() };
                page(session, &Shared::new(bare), false)
            })
            .into_any(),
    })
}

/// Of a bundle, or of what its manifest alone tells.
fn page(session: Session, bundle: &Shared<Bundle>, decoded: bool) -> AnyView {
    let overview = overview(bundle);
    let picture = match overview.basis {
        _ if !decoded => summary(session, &bundle.manifest),
        Basis::Nothing => no_samples(session, bundle, &overview).into_any(),
        Basis::Own | Basis::All => rows(session, &overview).into_any(),
    };
    let doubts = if decoded { overview.doubts.as_slice() } else { &[] };
    let caches = decoded.then(|| super::caches::headline(session));
    let next = decoded.then(|| next(session, bundle));
    view! {
        <section class="overview">
            <div class="head">
                <h1>{overview.sentence.clone()}</h1>
                <p class="count honesty">{quality(bundle).line}</p>
            </div>
            {picture}
            {caches}
            {strip(&bundle.manifest, decoded.then_some(&**bundle))}
            {warnings(doubts, bundle.warnings())}
            {next}
            {who(session, &bundle.manifest)}
        </section>
    }
    .into_any()
}

/// What rows of the manifest and of the profiles have in common.
fn columns() -> Vec<Column> {
    vec![
        Column::new("Function", "name"),
        Column::new("Share of CPU time", "n wide-bar"),
        Column::new("Time", "n"),
        Column::new("Where", "name extra"),
    ]
}

fn ranked(session: Session, label: &'static str, columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> AnyView {
    view! { <div class="rows">{table(session, Rows { label, columns, rows, chosen: None, select: None })}</div> }
        .into_any()
}

fn summary(session: Session, manifest: &Manifest) -> AnyView {
    let row = |row: &SummaryFunction| {
        let mut share = Cell::new(format::share(row.self_share));
        share.share = Some(row.self_share);
        vec![
            Cell::new(row.name.clone()),
            share,
            Cell::new(format::duration(row.self_ns)),
            Cell::new(format::place(&row.file, row.line)),
        ]
    };
    ranked(session, "Most CPU time", columns(), manifest.summary.top.iter().take(3).map(row).collect())
}

fn rows(session: Session, overview: &Overview) -> impl IntoView + use<> {
    let mut columns = columns();
    columns.extend([Column::new("Called by", "name callers extra"), Column::new("Bound", "more extra")]);
    let rows = overview.rows.iter().map(row).collect();
    view! {
        <p>{overview.finding.clone()}</p>
        {ranked(session, "What matters most", columns, rows)}
        <p class="count">"Ranked: " {overview.basis_text.clone()} "."</p>
    }
}

fn row(row: &OverviewRow) -> Vec<Cell> {
    let key = row.key.clone();
    let place = format!("{}{}{}", row.file, if row.line > 0 { ":" } else { "" }, row.line);
    let callers = row.called_by.join(" ▸ ");
    let mut share = Cell::new(format!("{} {}", format::share(row.share), format::plus_minus(row.plus_minus_points)));
    share.share = Some(row.share);
    vec![
        Cell::new(row.name.clone()).hover(row.name.clone()).follow(move |state| {
            "functions".clone_into(&mut state.view);
            state.chosen = Some(key.clone());
        }),
        share,
        Cell::new(format::duration(row.weight)).hover(format::plural(row.samples, "sample")),
        Cell::new(format::place(&row.file, row.line)).hover(place),
        Cell::new(callers.clone()).hover(callers),
        Cell::new(row.bound_text.clone()),
    ]
}

fn no_samples(session: Session, bundle: &Bundle, overview: &Overview) -> impl IntoView + use<> {
    let command = format!("perfcollect run --rate 1999 -- {}", format::command_line(&bundle.manifest.command));
    let timeline = (!bundle.timeline.samples.is_empty()).then(
        || view! { " " {link(session, "What it used over time", |state| "timeline".clone_into(&mut state.view))} },
    );
    let reason = overview.basis_text.strip_prefix("no samples: ").unwrap_or(&overview.basis_text).to_owned();
    view! {
        <div class="note">
            <p><strong>"No stack samples: "</strong> {reason} "." {timeline}</p>
            <p>"This would record some: " <code>{command}</code></p>
        </div>
    }
}

/// Wall and CPU time to one scale, memory over the run, processes and threads.
fn strip(manifest: &Manifest, bundle: Option<&Bundle>) -> impl IntoView + use<> {
    let summary = &manifest.summary;
    let longest = manifest.wall_ns.max(manifest.cpu_ns).unwrap_or_default();
    let time = |name: &'static str, value: Option<perfcollect_shared::units::Nanos>, why: &'static str| {
        let width = format!("{:.1}%", value.unwrap_or_default().share_of(longest) * 100.0);
        let text = value.map_or_else(|| format::NOT_MEASURED.to_owned(), format::duration);
        view! {
            <div title=value.is_none().then_some(why)>
                <dt>{name}</dt>
                <dd><span class="meter wide-meter"><span class="fill" style:width=width></span></span> {text}</dd>
            </div>
        }
    };
    let peak = summary.rss_bytes_max.map(format::bytes);
    let words = peak.clone().map_or_else(
        || "memory of the tree was not measured".to_owned(),
        |peak| format!("memory of the process tree over the run, at most {peak}"),
    );
    let memory = bundle.and_then(|bundle| spark(&bundle.timeline, Metric::Memory, manifest.wall_ns, words));
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| format::NOT_MEASURED.to_owned());
    let threads = summary.threads_max.map(|threads| format!("{} at most", format::count(threads)));
    let processes = (summary.resource_samples > 0).then(|| format::count(summary.processes));
    view! {
        <dl class="strip">
            {time("Wall", manifest.wall_ns, "the end of the program was not seen")}
            {time("CPU", manifest.cpu_ns, "the kernel's exit record was not seen")}
            <div>
                <dt>"Memory"</dt>
                <dd>{memory} {or_dash(peak.map(|peak| format!("peak {peak} (tree)")))}</dd>
            </div>
            <div><dt>"Processes"</dt><dd>{or_dash(processes)}</dd></div>
            <div><dt>"Threads"</dt><dd>{or_dash(threads)}</dd></div>
        </dl>
    }
}

fn next(session: Session, bundle: &Bundle) -> impl IntoView + use<> {
    let known: Vec<(&'static str, &'static str)> = [
        ("flame", "See every call in the flame graph"),
        ("functions", "Sort all functions"),
        ("source", "Read the hot lines"),
        ("memory", "See what held memory"),
        ("caches", "Weigh every cache"),
        ("timeline", "Look at a part of the run"),
    ]
    .into_iter()
    .filter(|(id, _)| super::find(id).is_some_and(|view| (view.available)(bundle)))
    .collect();
    let items = known.into_iter().map(|(id, text)| {
        view! { <li>{link(session, text, move |state| id.clone_into(&mut state.view))}</li> }
    });
    let items: Vec<_> = items.collect();
    (!items.is_empty()).then(|| view! { <h2>"Next"</h2> <ul class="next">{items}</ul> })
}

fn who(session: Session, manifest: &Manifest) -> impl IntoView + use<> {
    let environment = &manifest.environment;
    let commit = manifest.git.as_ref().map(super::environment::commit_words);
    let (when, zone) = crate::ui::moment::local(&manifest.start);
    let cores = format::plural(u64::from(environment.cpus), "core");
    let tool = format!("{} {}", manifest.tool.name, manifest.tool.version);
    let list = vec![
        Fact::new("Command", format::command_line(&manifest.command)),
        Fact::new("Folder", manifest.cwd.clone()),
        Fact::new("When", when).titled(zone),
        Fact::known("Commit", commit, "the folder is in no git repository, or git could not be read"),
        Fact::new("CPU", format!("{}, {cores}", environment.cpu_model)),
        Fact::new("System", format!("{}, {}", environment.os, environment.kernel)),
        Fact::new("Recorded by", tool),
    ];
    view! {
        <h2>"Who ran it, where, when, with what"</h2>
        {facts(list)}
        <p>{link(session, "Everything about the environment", |state| "environment".clone_into(&mut state.view))}</p>
    }
}
