//! `timeline.jsonl`: one JSON object a line; a line that cannot be read is counted and skipped.

use super::{TIMELINE, jsonl};
use crate::model::{Timeline, TimelineBuilder, Warning};

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
    let mut timeline = TimelineBuilder::new();
    let warning = jsonl::each(TIMELINE, bytes, |line| push(&mut timeline, line));
    (timeline.finish(), warning)
}

fn push(timeline: &mut TimelineBuilder, line: &[u8]) -> Result<(), serde_json::Error> {
    if line.starts_with(SAMPLE) {
        // A tagged enum is parsed twice by serde; this is the same line without its tag.
        timeline.sample(serde_json::from_slice(line)?);
    } else {
        timeline.push(serde_json::from_slice(line)?);
    }
    Ok(())
}
