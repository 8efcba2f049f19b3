//! Memory snapshots as the recorder writes them, to rows with whole stacks.

use super::{AgentError, AgentProcess};
use perfcollect_shared::model::SnapshotReason;
use perfcollect_shared::units::{Bytes, Nanos};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

/// A place that allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocFrame {
    pub file: String,
    pub line: u32,
    pub name: String,
    /// Line of the definition.
    pub start_line: u32,
}

/// What one stack held.
#[derive(Clone, Debug)]
pub struct AllocRow {
    /// Innermost first.
    pub frames: Arc<Vec<AllocFrame>>,
    pub bytes: u64,
    pub blocks: u64,
}

/// One snapshot of one process.
#[derive(Clone, Debug)]
pub struct AllocSnapshot {
    pub pid: u32,
    /// On `CLOCK_MONOTONIC`.
    pub mono_ns: u64,
    pub peak_bytes: Bytes,
    pub tracer_bytes: Bytes,
    pub cost_ns: Nanos,
    pub reason: SnapshotReason,
    pub rows: Vec<AllocRow>,
    /// Bytes and blocks of the stacks that are not in `rows`.
    pub other: (u64, u64),
}

#[derive(Deserialize)]
enum Line {
    /// Number, file, line, name, first line of the function.
    #[serde(rename = "f")]
    Frame(u32, String, u32, String, u32),
    /// Number and frames, innermost first.
    #[serde(rename = "k")]
    Stack(u32, Vec<u32>),
    #[serde(rename = "s")]
    Snapshot(Snapshot),
}

#[derive(Deserialize)]
struct Snapshot {
    t: u64,
    peak: u64,
    tracer: u64,
    cost: u64,
    reason: SnapshotReason,
    rows: Vec<(u32, u64, u64)>,
    other: (u64, u64),
}

/// The snapshots of every process. What cannot be read is noted as an error of its process.
pub(super) fn read(processes: &mut [AgentProcess]) -> Vec<AllocSnapshot> {
    let mut snapshots = Vec::new();
    for process in processes {
        let mut reader = Reader { pid: process.hello.pid, ..Reader::default() };
        // A cut line is the last one of a killed program.
        if let Err(error) = process.appended("alloc", |line| reader.take(line)) {
            process.errors.push(AgentError { mode: "alloc".to_owned(), what: error.to_string() });
        }
        snapshots.append(&mut reader.snapshots);
    }
    snapshots
}

#[derive(Default)]
struct Reader {
    pid: u32,
    frames: HashMap<u32, AllocFrame>,
    stacks: HashMap<u32, Arc<Vec<AllocFrame>>>,
    snapshots: Vec<AllocSnapshot>,
}

impl Reader {
    /// A number that is told again replaces what it stood for: the recorder begins anew after a write that failed.
    fn take(&mut self, line: Line) {
        match line {
            Line::Frame(number, file, line, name, start_line) => {
                self.frames.insert(number, AllocFrame { file, line, name, start_line });
            }
            Line::Stack(number, frames) => {
                let frames = frames.iter().filter_map(|frame| self.frames.get(frame).cloned()).collect();
                self.stacks.insert(number, Arc::new(frames));
            }
            Line::Snapshot(snapshot) => {
                let mut other = snapshot.other;
                let mut rows = Vec::with_capacity(snapshot.rows.len());
                for (stack, bytes, blocks) in snapshot.rows {
                    if let Some(frames) = self.stacks.get(&stack).filter(|frames| !frames.is_empty()) {
                        rows.push(AllocRow { frames: Arc::clone(frames), bytes, blocks });
                    } else {
                        other = (other.0.saturating_add(bytes), other.1.saturating_add(blocks));
                    }
                }
                self.snapshots.push(AllocSnapshot {
                    pid: self.pid,
                    mono_ns: snapshot.t,
                    peak_bytes: Bytes(snapshot.peak),
                    tracer_bytes: Bytes(snapshot.tracer),
                    cost_ns: Nanos(snapshot.cost),
                    reason: snapshot.reason,
                    rows,
                    other,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_snapshot_cannot_name_is_kept_as_other() {
        let mut reader = Reader::default();
        let text = r#"{"f":[0,"a.py",3,"f",1]}
{"k":[1,[0,9]]}
{"s":{"t":5,"peak":90,"tracer":1,"cost":2,"reason":"exit","rows":[[1,10,2],[7,5,1]],"other":[4,1]}}
{"f":[0,"b.py",4,"g",2]}
{"k":[1,[0]]}
{"s":{"t":6,"peak":90,"tracer":1,"cost":2,"reason":"of a newer version","rows":[[1,11,2]],"other":[0,0]}}"#;
        text.lines().for_each(|line| reader.take(serde_json::from_str(line).unwrap()));
        let [first, second] = &reader.snapshots[..] else { panic!("{:?}", reader.snapshots) };
        assert_eq!((first.rows.len(), first.rows[0].frames[0].name.as_str(), first.other), (1, "f", (9, 2)));
        assert_eq!((second.rows[0].frames[0].name.as_str(), second.reason), ("g", SnapshotReason::Other));
    }
}
