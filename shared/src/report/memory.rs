//! The part of the report on live memory.

use super::Report;
use crate::derive::memory::{FunctionMemory, Growth, Held, Memory, SiteMemory, memory};
use crate::derive::selection::Selection;
use crate::format::{bytes, place, plural, shorten_name};
use crate::model::{Bundle, Profile};
use crate::units::Bytes;
use serde::Serialize;
use std::cmp::Reverse;

/// Rows of the JSON; the bundle has all.
const ROWS: usize = 100;
/// Steps from which on the second half of the snapshots tells more than all: what a program loads when it starts is not in it.
const ENOUGH: u32 = 3;
/// Rows of the text.
const LISTED: usize = 12;

/// Live memory of Python programs; `null` where it was not traced.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportMemory {
    pub snapshots: u64,
    /// What each process held at its end, together.
    pub end_bytes: Bytes,
    /// Most at one moment: of one process exactly, of several together as far as snapshots tell.
    pub peak_bytes: Bytes,
    /// Last snapshots less first ones.
    pub growth_bytes: i64,
    pub processes: Vec<ReportProcessMemory>,
    /// Lines that allocated, most growth first: in the second half of the snapshots, where there are four or more.
    pub sites: Vec<ReportSite>,
    /// Functions, most bytes at the end first.
    pub functions: Vec<ReportFunctionMemory>,
}

/// One process whose memory was traced.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportProcessMemory {
    pub pid: u32,
    pub name: String,
    pub snapshots: u32,
    pub end_bytes: Bytes,
    /// Exact, between snapshots too.
    pub peak_bytes: Option<Bytes>,
}

/// What something held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ReportHeld {
    pub end_bytes: Bytes,
    pub end_blocks: u64,
    pub peak_bytes: Bytes,
    pub growth_bytes: i64,
    /// Growth in the second half of the snapshots.
    pub late_growth_bytes: i64,
    /// Snapshots that found more than the one before, less, and all that have one before.
    pub grew: u32,
    pub shrank: u32,
    pub steps: u32,
}

/// A line that allocated.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportSite {
    pub name: String,
    pub file: String,
    /// Line of the allocation.
    pub line: u32,
    pub held: ReportHeld,
}

/// A function that allocated, or called what did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportFunctionMemory {
    pub name: String,
    pub file: String,
    /// Line of the definition.
    pub line: u32,
    /// Allocated by its own lines.
    pub own: ReportHeld,
    /// And by what it called.
    pub total: ReportHeld,
}

impl From<Held> for ReportHeld {
    fn from(held: Held) -> Self {
        let Growth { bytes, late_bytes, grew, shrank, steps } = held.growth;
        Self {
            end_bytes: held.end,
            end_blocks: held.end_blocks,
            peak_bytes: held.peak,
            growth_bytes: bytes,
            late_growth_bytes: late_bytes,
            grew,
            shrank,
            steps,
        }
    }
}

impl ReportHeld {
    fn growth(&self) -> Growth {
        let &Self { growth_bytes: bytes, late_growth_bytes: late_bytes, grew, shrank, steps, .. } = self;
        Growth { bytes, late_bytes, grew, shrank, steps }
    }
}

/// What was seen of growth, without a verdict: `+32 MiB (16 MiB of it in the second half), more in each of 8 snapshots`.
#[must_use]
pub fn growth_text(growth: Growth) -> String {
    if growth.steps == 0 {
        return "one snapshot: growth not measured".to_owned();
    }
    let sign = if growth.bytes < 0 { '-' } else { '+' };
    let amount = bytes(Bytes(growth.bytes.unsigned_abs()));
    let late = match growth.late_bytes {
        late if growth.bytes > 0 && late > 0 => {
            format!(" ({} of it in the second half)", bytes(Bytes(late.min(growth.bytes).unsigned_abs())))
        }
        _ if growth.bytes > 0 && growth.steps >= ENOUGH => " (none of it in the second half)".to_owned(),
        _ => String::new(),
    };
    let of = plural(u64::from(growth.steps), "snapshot");
    match (growth.grew, growth.steps) {
        (grew, steps) if grew == steps && steps > 1 => format!("{sign}{amount}{late}, more in each of {of}"),
        (grew, _) => format!("{sign}{amount}{late}, more in {grew} of {of}"),
    }
}

/// The section; `None` where memory was not traced.
pub(super) fn report(bundle: &Bundle) -> Option<ReportMemory> {
    let profile = bundle.alloc_profile()?;
    let memory = memory(profile, &bundle.memory, &Selection::default());
    let exact = memory.processes.iter().filter_map(|process| process.peak).max();
    let mut sites = memory.sites.clone();
    sites.sort_by_key(|site| {
        let Growth { bytes, late_bytes, .. } = site.held.growth;
        let recent = if memory.total.growth.steps >= ENOUGH { late_bytes } else { bytes };
        Reverse((recent, bytes, site.held.end))
    });
    let process = |process: &crate::derive::memory::ProcessMemory| ReportProcessMemory {
        pid: process.pid,
        name: process.name.clone(),
        snapshots: process.snapshots,
        end_bytes: process.end,
        peak_bytes: process.peak,
    };
    Some(ReportMemory {
        snapshots: memory.points.len() as u64,
        end_bytes: memory.total.end,
        peak_bytes: memory.total.peak.max(exact.unwrap_or_default()),
        growth_bytes: memory.total.growth.bytes,
        processes: memory.processes.iter().map(process).collect(),
        sites: sites.iter().take(ROWS).map(|row| site(profile, row)).collect(),
        functions: functions(profile, &memory),
    })
}

fn site(profile: &Profile, site: &SiteMemory) -> ReportSite {
    let frame = profile.frames.get(site.frame);
    ReportSite {
        name: profile.function_name(frame.function).to_owned(),
        file: profile.function_file(frame.function).to_owned(),
        line: frame.line,
        held: site.held.into(),
    }
}

fn functions(profile: &Profile, memory: &Memory) -> Vec<ReportFunctionMemory> {
    let row = |row: &FunctionMemory| ReportFunctionMemory {
        name: profile.function_name(row.function).to_owned(),
        file: profile.function_file(row.function).to_owned(),
        line: profile.function(row.function).start_line,
        own: row.own.into(),
        total: row.total.into(),
    };
    memory.functions.iter().take(ROWS).map(row).collect()
}

/// `Python memory: 34 MiB traced at the end, peak 54 MiB; most growth: remember leak.py:18, +32 MiB, …`.
pub(super) fn summary_line(report: &Report) -> Option<String> {
    let memory = report.memory.as_ref()?;
    let known = |site: &&ReportSite| !site.file.is_empty() && site.held.growth_bytes > 0;
    let growth = memory.sites.iter().find(known).map_or_else(String::new, |site| {
        let (name, place) = (shorten_name(&site.name, 40), place(&site.file, site.line));
        format!("; most growth: {name}  {place}  {}", growth_text(site.held.growth()))
    });
    Some(format!(
        "Python memory: {} traced at the end, peak {}{growth}",
        bytes(memory.end_bytes),
        bytes(memory.peak_bytes)
    ))
}

/// Lines for the terminal, after an empty one.
pub(super) fn lines(memory: Option<&ReportMemory>) -> Vec<String> {
    let Some(memory) = memory else { return Vec::new() };
    let mut lines = vec![
        String::new(),
        format!(
            "Python memory by allocating line: {} at the end, peak {}, {} of {}:",
            bytes(memory.end_bytes),
            bytes(memory.peak_bytes),
            plural(memory.snapshots, "snapshot"),
            plural(memory.processes.len() as u64, "process")
        ),
        format!("{:>10} {:>10} {:>9}  growth", "at end", "at peak", "blocks"),
    ];
    lines.extend(memory.sites.iter().take(LISTED).map(|site| {
        let (end, peak) = (bytes(site.held.end_bytes), bytes(site.held.peak_bytes));
        let (name, place) = (shorten_name(&site.name, 50), place(&site.file, site.line));
        let row = format!("{end:>10} {peak:>10} {:>9}  {name}  {place}", site.held.end_blocks);
        format!("{}  {}", row.trim_end(), growth_text(site.held.growth()))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_as_it_was_seen() {
        let check = |(bytes, grew, steps), expect: &str| {
            assert_eq!(growth_text(Growth { bytes, grew, steps, ..Growth::default() }), expect);
        };
        check((32 << 20, 8, 8), "+32.0 MiB (none of it in the second half), more in each of 8 snapshots");
        let leak = Growth { bytes: 32 << 20, late_bytes: 16 << 20, grew: 7, shrank: 0, steps: 8 };
        assert_eq!(growth_text(leak), "+32.0 MiB (16.0 MiB of it in the second half), more in 7 of 8 snapshots");
        check((-2048, 0, 3), "-2.00 KiB, more in 0 of 3 snapshots");
        check((2048, 1, 1), "+2.00 KiB, more in 1 of 1 snapshot");
        check((0, 0, 0), "one snapshot: growth not measured");
    }
}
