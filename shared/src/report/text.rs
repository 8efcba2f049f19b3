//! The report for a terminal.

use super::{Report, ReportFunction, ReportWaiting};
use super::{calls, events, lines, memory, runs};
use crate::caches::Verdict;
use crate::caches::text::lines as table_lines;
use crate::derive::overview::recording;
use crate::format::{
    NOT_MEASURED, bytes, command_line, count, date, duration, plural, program, share, shorten_name, significant,
};
use crate::model::WeightKind;
use crate::units::Nanos;

/// Functions listed; the page has the rest.
const FUNCTIONS: usize = 20;
/// Waits listed.
const WAITS: usize = 10;
/// Caches listed.
pub(super) const CACHES: usize = 5;

/// The report as people's text, some 30 lines.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut lines = vec![
        format!("{} {}; {}", program(&report.run.command), figures(report), ending(report)),
        sampling(report),
        quality_line(report),
    ];
    lines.extend(runs::lines(report));
    lines.push(String::new());
    lines.extend(facts(report).iter().map(|(name, value)| format!("{name:<10} {value}")));
    lines.push(String::new());
    if report.functions.is_empty() {
        lines.push(format!("No functions: no stack was sampled; {}.", more_about_stacks(report)));
    } else {
        if report.clock == WeightKind::Wall {
            lines.push("functions by wall time of all threads, waiting too (wall, not CPU)".into());
        }
        lines.push(format!("{:>8} {:>8} {:>9} {:>9}  function", "self", "total", "self time", "samples"));
        lines.extend(report.functions.iter().take(FUNCTIONS).map(function_row));
        if report.functions.len() > FUNCTIONS {
            let more = (report.functions.len() - FUNCTIONS) as u64;
            lines.push(format!("{} more; `--format json` has them all", plural(more, "function")));
        }
    }
    lines.extend(calls::lines(report.calls_total.as_ref(), &report.calls));
    lines.extend(memory::lines(report.memory.as_ref()));
    lines.extend(lines::lines(report.lines.as_ref()));
    lines.extend(events::lines(report.events.as_deref()));
    lines.extend(waiting(report));
    lines.extend(caches(report));
    if !report.warnings.is_empty() {
        lines.extend([String::new(), "warnings".into()]);
        lines.extend(report.warnings.iter().map(|warning| format!("  {}", warning.message)));
    }
    lines.join("\n") + "\n"
}

/// Where threads waited.
fn waiting(report: &Report) -> Vec<String> {
    let Some(waiting) = &report.waiting else { return Vec::new() };
    let mut lines = vec![String::new(), waiting_sentence(waiting)];
    if !waiting.functions.is_empty() {
        lines.push(format!("{:>8} {:>9}  {:<26}  function", "wall", "time", "waiting for"));
    }
    lines.extend(waiting.functions.iter().take(WAITS).map(|wait| {
        let (name, place) = (shorten_name(wait.function(), 60), wait.place());
        let row = format!("{:>8} {:>9}  {:<26}  {name}  {place}", share(wait.share), duration(wait.ns), wait.reason);
        row.trim_end().to_owned()
    }));
    if waiting.functions.len() > WAITS {
        let more = (waiting.functions.len() - WAITS) as u64;
        lines.push(format!("{more} more; `--format json` has them all"));
    }
    lines
}

/// The caches that matter most.
fn caches(report: &Report) -> Vec<String> {
    let Some(found) = &report.cache_finding else { return Vec::new() };
    let mut lines = vec![String::new(), format!("{}; `perfcollect caches` says why", found.sentence)];
    let used = report.caches.iter().filter(|row| row.verdict != Verdict::NotExercised);
    let used: Vec<_> = used.take(CACHES).cloned().collect();
    if !used.is_empty() {
        lines.extend(table_lines(&used));
    }
    lines
}

/// `waiting: 82 % of 3.41 s of all threads (wall, not CPU)`.
pub(super) fn waiting_sentence(waiting: &ReportWaiting) -> String {
    let (part, whole) = (share(waiting.waiting_share), duration(waiting.wall_ns));
    format!("waiting: {part} of the {whole} that all threads lived (wall, not CPU)")
}

fn function_row(function: &ReportFunction) -> String {
    let row = format!(
        "{:>8} {:>8} {:>9} {:>9}  {}  {}",
        share(function.self_share),
        share(function.total_share),
        duration(function.self_ns),
        count(function.self_samples),
        shorten_name(&function.name, 70),
        function.place()
    );
    row.trim_end().to_owned()
}

/// `spent 12.4 s, 9.83 s of it computing; peak memory 202 MiB in 3 processes`.
pub(super) fn figures(report: &Report) -> String {
    let run = &report.run;
    let all = runs::in_runs(report);
    let time = match (run.wall_ns, run.cpu_ns) {
        (Some(wall), Some(cpu)) if cpu > wall => {
            let cores = significant(cpu.share_of(wall));
            format!("spent {}{all}, {} of CPU time on {cores} cores", duration(wall), duration(cpu))
        }
        (Some(wall), Some(cpu)) => format!("spent {}{all}, {} of it computing", duration(wall), duration(cpu)),
        (Some(wall), None) => format!("spent {}{all}, CPU time not measured", duration(wall)),
        (None, Some(cpu)) => format!("computed for {}{all}, its wall time was not measured", duration(cpu)),
        (None, None) => "ran for a time that was not measured".into(),
    };
    let resources = &report.resources;
    let memory = match resources.rss_bytes_max.or(resources.peak_process_rss_bytes) {
        Some(peak) => format!("peak memory {}", bytes(peak)),
        None => "memory not measured".into(),
    };
    match resources.processes {
        0 | 1 => format!("{time}; {memory}"),
        // So many lived in all runs, not at once.
        n if all.is_empty() => format!("{time}; {memory} in {}", plural(n, "process")),
        n => format!("{time}; {memory}, {} in all", plural(n, "process")),
    }
}

/// `exit 0`, `killed by signal 15`, `end not seen`, `attached to process 15`.
pub(super) fn ending(report: &Report) -> String {
    if let Some(pid) = report.run.attached_pid {
        return format!("attached to process {pid}");
    }
    let ending = match (report.run.signal, report.run.exit_code) {
        (Some(signal), _) => format!("killed by signal {signal}"),
        (None, Some(code)) => format!("exit {code}"),
        (None, None) => "end not seen".into(),
    };
    runs::ending(report, &ending).unwrap_or(ending)
}

/// `1,240 samples at 499 Hz (native) and 100 Hz (Python), 0 lost; top functions by self time:`.
pub(super) fn sampling(report: &Report) -> String {
    let Some(profile) = report.profiles.iter().find(|p| p.name == "cpu").or(report.profiles.first()) else {
        return format!("no stacks were sampled: {}", more_about_stacks(report));
    };
    let recording = recording(profile.samples, profile.lost, profile.rate_hz, profile.python_rate_hz);
    let lead = if report.functions.is_empty() { "" } else { "; top functions by self time:" };
    format!("{recording}{lead}")
}

/// How stacks are had, where there are none.
fn more_about_stacks(report: &Report) -> &'static str {
    match report.run.command.as_slice() {
        [program, bench, ..] if program == "perfcollect" && bench == "bench" => {
            "`perfcollect bench --profile` takes them too"
        }
        _ => "`perfcollect doctor` says why",
    }
}

/// `quality: 998 of 999 Hz reached, …`.
pub(super) fn quality_line(report: &Report) -> String {
    format!("quality: {}", report.quality.line)
}

/// Name and value of what ran where.
pub(super) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let resources = &report.resources;
    let time = |value: Option<Nanos>| value.map_or_else(|| NOT_MEASURED.into(), duration);
    let mut facts = vec![
        ("command", command_line(&run.command)),
        ("folder", run.cwd.clone()),
        ("started", date(&run.start)),
        ("wall time", time(run.wall_ns)),
        ("CPU time", format!("{} (user {}, system {})", time(run.cpu_ns), time(run.user_ns), time(run.system_ns))),
        ("memory", {
            let size = |value: Option<crate::units::Bytes>| value.map_or_else(|| NOT_MEASURED.into(), bytes);
            format!(
                "{} tree, {} largest process",
                size(resources.rss_bytes_max),
                size(resources.peak_process_rss_bytes)
            )
        }),
    ];
    if let Some(counters) = &run.counters {
        let each = counters.iter().map(|(name, value)| format!("{} {}", count(*value), name.replace('_', " ")));
        facts.push(("processor", each.collect::<Vec<_>>().join(", ")));
    }
    if let Some(git) = &run.git {
        let commit: String = git.commit.chars().take(10).collect();
        let branch = git.branch.as_ref().map_or_else(String::new, |branch| format!("{branch}@"));
        let dirty = if git.dirty == Some(true) { ", uncommitted changes" } else { "" };
        facts.push(("commit", format!("{branch}{commit}{dirty}")));
    }
    facts
}
