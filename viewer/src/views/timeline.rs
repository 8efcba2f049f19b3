//! The view "Timeline": resources of the process tree over time, and the choice of a range.

mod chart;
mod lanes;
mod range_form;
mod tables;

use super::ViewDef;
use super::caches::picture::over;
use crate::state::{Session, Shared};
use crate::ui::cpu_strip::whole;
use crate::ui::dom::{live, view};
use crate::ui::memo::Memo;
use crate::ui::time_drag::TimeDrag;
use leptos::prelude::*;
use perfcollect_shared::derive::axis::Unit;
use perfcollect_shared::derive::timeline::{
    Figures, Metric, ProcessSeries, StackedSeries, figures, grouped, leading, series,
};
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, CacheScope, Warning};
use perfcollect_shared::report::warning_text;
use perfcollect_shared::units::Nanos;

pub const VIEW: ViewDef = ViewDef { id: "timeline", title: "Timeline", key: '4', available, render };

/// Processes with a colour of their own.
const COLORS: usize = 7;

fn available(bundle: &Bundle) -> bool {
    !bundle.timeline.samples.is_empty() || bundle.main_profile().is_some_and(|profile| !profile.samples.is_empty())
}

/// One metric, ready to be drawn and listed.
struct Chart {
    series: StackedSeries,
    /// The layers: processes with a colour, then the others as one.
    layers: Vec<ProcessSeries>,
}

/// What the parts of the view share.
struct Model {
    bundle: Shared<Bundle>,
    span: (Nanos, Nanos),
    /// Metrics that were measured.
    charts: Vec<Chart>,
    /// Processes with a colour, in order of first sight.
    named: Vec<u32>,
}

impl Model {
    fn new(bundle: Shared<Bundle>) -> Self {
        let all: Vec<StackedSeries> = Metric::ALL.iter().map(|&metric| series(&bundle.timeline, metric)).collect();
        let named = all.first().map(|cpu| leading(cpu, COLORS)).unwrap_or_default();
        let measured = all.into_iter().filter(|series| !series.total.is_empty());
        let charts = measured.map(|series| Chart { layers: grouped(&series, &named), series }).collect();
        Self { span: whole(&bundle), bundle, charts, named }
    }

    fn chart(&self, metric: Metric) -> Option<&Chart> {
        self.charts.iter().find(|chart| chart.series.metric == metric)
    }

    /// Class of a process' colour, the same in every chart.
    fn color(&self, pid: u32) -> String {
        self.named
            .iter()
            .position(|&named| named == pid)
            .map_or_else(|| "p-rest".to_owned(), |index| format!("p{index}"))
    }

    /// `python3 1234`, without the number where the name alone tells.
    fn name(&self, process: &ProcessSeries) -> String {
        if process.name.is_empty() {
            return format!("process {}", process.pid);
        }
        let twins = self.bundle.timeline.processes.iter().filter(|other| other.name == process.name).count();
        if twins > 1 && process.pid != 0 { format!("{} {}", process.name, process.pid) } else { process.name.clone() }
    }
}

fn render(session: Session) -> AnyView {
    let model = Memo::new(move || session.bundle().map(|bundle| Shared::new(Model::new(bundle))));
    live(move || model.get().map(|model| page(session, &model)))
}

fn page(session: Session, model: &Shared<Model>) -> impl IntoView + use<> {
    let drag = TimeDrag::new(session, model.span);
    let charts = (0..model.charts.len()).map(|index| chart::chart(model, index, drag)).collect_view();
    let span = model.span;
    let shown = move || drag.range().unwrap_or(span);
    let sentence = {
        let model = model.clone();
        move || sentence(&model, shown())
    };
    view! {
        <section class="timeline">
            <h1>{sentence}</h1>
            {range_form::form(session, model.span)}
            {legend(session, model)}
            <div class="charts">
                {charts}
                {chart::time_axis(drag, model.span)}
            </div>
            {servers(model)}
            {lanes::section(session, &model.bundle, drag, model.span)}
            {doubts(model)}
            <p class="next muted">
                "Drag over a chart to choose a range: every other view then shows only its samples. Double click for all. A name in the legend restricts them to that process."
            </p>
        </section>
    }
}

/// Cache servers that were asked meanwhile: a gap is where one was not there.
fn servers(model: &Model) -> AnyView {
    let servers = model.bundle.caches.iter().filter(|record| record.scope == CacheScope::Server);
    let pictures: Vec<AnyView> = servers
        .map(|record| {
            view! { <h3 class="mono"><bdi>{record.name.clone()}</bdi></h3> {over(&[record], model.span)} }.into_any()
        })
        .collect();
    if pictures.is_empty() {
        return ().into_any();
    }
    view! { <section class="cache-servers" aria-label="Cache servers"><h2>"Cache servers"</h2> {pictures}</section> }
        .into_any()
}

fn sentence(model: &Model, shown: (Nanos, Nanos)) -> String {
    let of = |metric: Metric| -> Option<Figures> { figures(&model.chart(metric)?.series.total, shown) };
    let cores = of(Metric::Cpu).map(|f| {
        let mean = Unit::Cores.format(f.mean);
        format!("kept {mean} busy on average, {} at most", format::significant(f.peak))
    });
    let memory = of(Metric::Memory)
        .map(|f| format!("its memory peaked at {} after {}", Unit::Bytes.format(f.peak), format::duration(f.peak_at)));
    let said: Vec<String> = [cores, memory].into_iter().flatten().collect();
    let name = format::program(&model.bundle.manifest.command);
    let when = if shown == model.span {
        String::new()
    } else {
        format!("From {} to {} ", format::duration(shown.0), format::duration(shown.1))
    };
    if said.is_empty() {
        return format!("{when}nothing of {name} was measured");
    }
    format!("{when}{name} {}", said.join("; "))
}

fn legend(session: Session, model: &Shared<Model>) -> Option<impl IntoView + use<>> {
    let chart = model.chart(Metric::Cpu).or(model.charts.first())?;
    let items = chart.layers.iter().map(|process| {
        let swatch = view! { <span class=format!("swatch {}", model.color(process.pid)) aria-hidden="true"></span> };
        let (pid, name) = (process.pid, model.name(process));
        if pid == 0 {
            return view! { <li><span class="button-like">{swatch} {name}</span></li> }.into_any();
        }
        let chosen = move || session.derived.selection.with(|selection| selection.pid == Some(pid));
        let toggle = move |_| {
            session.go(|view| {
                let chosen = view.selection.pid == Some(pid);
                (view.selection.pid, view.selection.tid) = (if chosen { None } else { Some(pid) }, None);
            });
        };
        let title = format!("Restrict the other views to process {pid}");
        view! {
            <li>
                <button aria-pressed=move || chosen().to_string() title=title on:click=toggle>{swatch} {name}</button>
            </li>
        }
        .into_any()
    });
    Some(view! { <ul class="legend" aria-label="Processes">{items.collect_view()}</ul> })
}

/// What limits the charts.
fn doubts(model: &Model) -> impl IntoView + use<> {
    let interval = model.bundle.manifest.settings.resource_interval_ns;
    let every = interval.map_or_else(String::new, |interval| format!(" every {}", format::duration(interval)));
    let mut words = vec![format!(
        "Read from the kernel{every}: what changed between two readings is not seen, and shared pages count in each process."
    )];
    if let Some(chart) = model.chart(Metric::Cpu) {
        let measured = figures(&chart.series.total, model.span).map_or(Nanos::ZERO, |figures| figures.measured);
        let missing = (model.span.1 - model.span.0) - measured;
        if missing.share_of(model.span.1) > 0.05 {
            words.push(format!("{} of the time was not measured; it is left blank.", format::duration(missing)));
        }
    }
    let warnings: Vec<String> = model.bundle.warnings().filter(|w| is_about_resources(w)).map(warning_text).collect();
    view! {
        <p class="doubt muted">{words.join(" ")}</p>
        {(!warnings.is_empty()).then(|| view! {
            <ul class="warnings">{warnings.into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}</ul>
        })}
    }
}

fn is_about_resources(warning: &Warning) -> bool {
    matches!(
        warning,
        Warning::ShortLivedProcesses { .. }
            | Warning::TimelineGap { .. }
            | Warning::Survivors { .. }
            | Warning::Partial { .. }
            | Warning::WriteFailed { .. }
    )
}
