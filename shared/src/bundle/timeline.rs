//! `timeline.jsonl`: one JSON object a line; a line that cannot be read is counted and skipped.

use super::{TIMELINE, jsonl};
use crate::model::{Process, ResourceSample, Timeline, TimelineLine, Warning};
use std::collections::HashMap;

/// Start of the lines that make up nearly all of a timeline, as our writer puts it.
const SAMPLE: &[u8] = br#"{"kind":"sample","#;

/// The member's bytes.
pub(super) fn encode(timeline: &Timeline) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for line in timeline.lines() {
        serde_json::to_writer(&mut bytes, &line)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Reads what can be read, with a warning about the rest.
pub(super) fn decode(bytes: &[u8]) -> (Timeline, Option<Warning>) {
    let mut timeline = Reader::default();
    let warning = jsonl::each(TIMELINE, bytes, |line| timeline.line(line));
    (timeline.timeline, warning)
}

#[derive(Default)]
struct Reader {
    timeline: Timeline,
    /// Row of each pid.
    rows: HashMap<u32, usize>,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), serde_json::Error> {
        if line.starts_with(SAMPLE) {
            // A tagged enum is parsed twice by serde; this is the same line without its tag.
            let sample: ResourceSample = serde_json::from_slice(line)?;
            self.timeline.samples.push(sample);
            return Ok(());
        }
        match serde_json::from_slice(line)? {
            TimelineLine::Sample(sample) => self.timeline.samples.push(sample),
            TimelineLine::Process(process) => self.process(process),
            TimelineLine::Exit { pid, t_ns } => {
                if let Some(&row) = self.rows.get(&pid) {
                    self.timeline.processes[row].end_ns = Some(t_ns);
                }
            }
        }
        Ok(())
    }

    fn process(&mut self, process: Process) {
        let rows = &mut self.timeline.processes;
        if let Some(&row) = self.rows.get(&process.pid) {
            rows[row].name = process.name;
            rows[row].command = process.command;
        } else {
            self.rows.insert(process.pid, rows.len());
            rows.push(process);
        }
    }
}
