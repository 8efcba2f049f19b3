//! Events of the processor and the kernel: what was counted in each process, and the functions that they happened in.

use super::json::{ReportFunction, functions, place_of};
use crate::format::{NOT_MEASURED, count, plural, share, shorten_name};
use crate::model::{Bundle, FunctionKind, Language, ProcessCounter, WeightKind};
use crate::units::Nanos;
use serde::Serialize;

/// Functions and processes listed in text.
const LISTED: usize = 8;

/// One event that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportEvent {
    /// As `perf list` has it.
    pub name: String,
    /// Over the whole tree; `null` where it was refused, or the count of a process is not known.
    pub count: Option<u64>,
    /// Samples taken of it; `null` where it was refused.
    pub samples: Option<u64>,
    /// Most first.
    pub processes: Vec<ReportEventProcess>,
    /// Each function once, the one that most happened in first.
    pub functions: Vec<ReportEventFunction>,
}

/// What was counted in a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportEventProcess {
    pub pid: u32,
    pub name: String,
    /// Scaled where the counter was shared; `null` where it is not known.
    pub count: Option<u64>,
    /// Events that samples stand for.
    pub sampled: u64,
    /// Time that it ran while the counter was on, and that the counter counted.
    pub enabled_ns: Option<Nanos>,
    pub running_ns: Option<Nanos>,
}

/// What happened in a function.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportEventFunction {
    pub name: String,
    pub file: String,
    pub line: u32,
    pub module: String,
    pub language: Language,
    pub kind: FunctionKind,
    pub self_count: u64,
    pub total_count: u64,
    /// Of the event over the whole tree, 0 to 1.
    pub self_share: f64,
    pub total_share: f64,
    pub self_samples: u64,
    pub total_samples: u64,
}

/// Every event that was asked for; `None` where none was.
pub(super) fn events(bundle: &Bundle) -> Option<Vec<ReportEvent>> {
    let mut names: Vec<&str> = bundle.manifest.settings.events.iter().map(String::as_str).collect();
    let sampled = bundle.profiles.iter().filter(|profile| profile.info.weight == WeightKind::Events);
    for profile in sampled {
        if !names.contains(&profile.info.name.as_str()) {
            names.push(&profile.info.name);
        }
    }
    (!names.is_empty()).then(|| names.into_iter().map(|name| event(bundle, name)).collect())
}

fn event(bundle: &Bundle, name: &str) -> ReportEvent {
    let profile = bundle.profiles.iter().find(|p| p.info.name == name && p.info.weight == WeightKind::Events);
    let mut processes: Vec<&ProcessCounter> = bundle.counters.iter().filter(|row| row.event == name).collect();
    processes.sort_by_key(|row| (std::cmp::Reverse(row.count.unwrap_or(row.sampled)), row.pid));
    let sum = || processes.iter().map(|row| row.count).sum::<Option<u64>>();
    let mut functions: Vec<ReportEventFunction> =
        profile.map(|profile| functions(profile).into_iter().map(function).collect()).unwrap_or_default();
    functions.sort_by_key(|row| std::cmp::Reverse(row.self_count));
    ReportEvent {
        name: name.to_owned(),
        count: if processes.is_empty() { None } else { sum() },
        samples: profile.map(|profile| profile.info.samples),
        processes: processes.into_iter().map(ReportEventProcess::from).collect(),
        functions,
    }
}

impl From<&ProcessCounter> for ReportEventProcess {
    fn from(row: &ProcessCounter) -> Self {
        let ProcessCounter { event: _, pid, process, count, sampled, enabled_ns, running_ns } = row.clone();
        Self { pid, name: process, count, sampled, enabled_ns, running_ns }
    }
}

fn function(row: ReportFunction) -> ReportEventFunction {
    ReportEventFunction {
        name: row.name,
        file: row.file,
        line: row.line,
        module: row.module,
        language: row.language,
        kind: row.kind,
        self_count: row.self_ns.0,
        total_count: row.total_ns.0,
        self_share: row.self_share,
        total_share: row.total_share,
        self_samples: row.self_samples,
        total_samples: row.total_samples,
    }
}

/// The events as text, each with its processes and functions.
pub(super) fn lines(events: Option<&[ReportEvent]>) -> Vec<String> {
    events.unwrap_or_default().iter().flat_map(of_event).collect()
}

fn of_event(event: &ReportEvent) -> Vec<String> {
    let mut lines = vec![String::new(), sentence(event)];
    if event.processes.len() > 1 {
        lines.extend(event.processes.iter().take(LISTED).map(|process| {
            let number = process.count.map_or_else(|| NOT_MEASURED.to_owned(), count);
            format!("{number:>16}  process {} ({})", process.name, process.pid)
        }));
        lines.extend(more(event.processes.len(), "process"));
    }
    if !event.functions.is_empty() {
        lines.push(format!("{:>8} {:>8} {:>9} {:>9}  function", "self", "total", "self", "samples"));
    }
    lines.extend(event.functions.iter().take(LISTED).map(|row| {
        let place = place_of(&row.name, &row.file, row.line, &row.module);
        let (own, total) = (share(row.self_share), share(row.total_share));
        let numbers = format!("{own:>8} {total:>8} {:>9} {:>9}", count(row.self_count), count(row.self_samples));
        format!("{numbers}  {}  {}", shorten_name(&row.name, 70), place).trim_end().to_owned()
    }));
    lines.extend(more(event.functions.len(), "function"));
    lines
}

fn more(rows: usize, noun: &str) -> Option<String> {
    let more = rows.saturating_sub(LISTED) as u64;
    (more > 0).then(|| format!("{} more; `--format json` has them all", plural(more, noun)))
}

/// `page-faults: 400,110 in 2 processes, 1,037 samples`.
pub(super) fn sentence(event: &ReportEvent) -> String {
    let Some(samples) = event.samples else { return format!("{}: {NOT_MEASURED}", event.name) };
    let number = event.count.map_or_else(|| NOT_MEASURED.to_owned(), count);
    let processes = plural(event.processes.len() as u64, "process");
    format!("{}: {number} in {processes}, {}", event.name, plural(samples, "sample"))
}
