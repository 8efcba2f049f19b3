//! Counts of lines as the recorder writes them, to rows of the bundle.

use super::{AgentError, AgentProcess};
use perfcollect_shared::model::LineCount;
use perfcollect_shared::units::Nanos;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
enum Line {
    /// Counted events, and what one costs in nanoseconds.
    #[serde(rename = "o")]
    Overhead(u64, u64),
    /// Number and name.
    #[serde(rename = "f")]
    File(u32, String),
    /// File, line, hits, self and total nanoseconds.
    #[serde(rename = "l")]
    Count(u32, u32, u64, u64, u64),
}

/// The rows of every process, by process, file and line. What cannot be read is noted as an error of its process.
pub(super) fn read(processes: &mut [AgentProcess]) -> Vec<LineCount> {
    let mut rows: BTreeMap<(u32, String, u32), LineCount> = BTreeMap::new();
    for process in processes {
        let lines = process.snapshot::<Line>("lines").unwrap_or_else(|error| {
            process.errors.push(AgentError { mode: "lines".to_owned(), what: error.to_string() });
            None
        });
        let mut files = BTreeMap::new();
        for line in lines.unwrap_or_default() {
            match line {
                Line::Overhead(events, event_ns) => {
                    process.line_ns = process.line_ns.saturating_add(events.saturating_mul(event_ns));
                }
                Line::File(number, name) => {
                    files.insert(number, name);
                }
                Line::Count(file, line, hits, self_ns, total_ns) => {
                    let Some(file) = files.get(&file) else { continue };
                    let pid = process.hello.pid;
                    let row = rows.entry((pid, file.clone(), line)).or_insert_with(|| LineCount {
                        pid,
                        file: file.clone(),
                        line,
                        ..LineCount::default()
                    });
                    row.hits = row.hits.saturating_add(hits);
                    row.self_ns += Nanos(self_ns);
                    row.total_ns += Nanos(total_ns);
                }
            }
        }
    }
    rows.into_values().collect()
}
