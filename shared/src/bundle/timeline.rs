//! `timeline.jsonl`: one JSON object a line; a line that cannot be read is counted and skipped.

use super::{TIMELINE, json, jsonl};
use crate::model::{Timeline, TimelineBuilder, TimelineLine, Warning};
use crate::units::Nanos;
use serde::Deserialize;

/// Start of the lines that make up nearly all of a timeline, as our writer puts it.
const SAMPLE: &[u8] = br#"{"kind":"sample","#;

/// Of a [`TimelineLine`] what tells how to read the rest.
#[derive(Deserialize)]
struct Tag {
    kind: Kind,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Process,
    Sample,
    Exit,
}

#[derive(Deserialize)]
struct Exit {
    pid: u32,
    t_ns: Nanos,
}

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
    let warning = jsonl::each(TIMELINE, bytes, |line| {
        timeline.push(read(line)?);
        Ok(())
    });
    (timeline.finish(), warning)
}

/// A line is read for its kind, then as what it is: as a tagged enum it would be copied in between, and what copies any
/// JSON is much of the page's module.
fn read(line: &[u8]) -> Result<TimelineLine, serde_json::Error> {
    let kind = if line.starts_with(SAMPLE) { Kind::Sample } else { json::from_slice::<Tag>(line)?.kind };
    Ok(match kind {
        Kind::Process => TimelineLine::Process(json::from_slice(line)?),
        Kind::Sample => TimelineLine::Sample(json::from_slice(line)?),
        Kind::Exit => {
            let Exit { pid, t_ns } = json::from_slice(line)?;
            TimelineLine::Exit { pid, t_ns }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Process, ResourceSample};

    #[test]
    fn a_line_of_any_kind_with_its_kind_anywhere() {
        let lines = [
            TimelineLine::Process(Process {
                pid: 7,
                name: "sh".into(),
                command: vec!["a b".into()],
                ..Default::default()
            }),
            TimelineLine::Sample(ResourceSample { pid: 7, open_files: Some(3), ..Default::default() }),
            TimelineLine::Exit { pid: 7, t_ns: Nanos(9) },
        ];
        for line in lines {
            let text = serde_json::to_string(&line).unwrap();
            assert_eq!(read(text.as_bytes()).unwrap(), line);
            let (kind, rest) = text[1..text.len() - 1].split_once(',').unwrap();
            assert_eq!(read(format!("{{{rest},{kind}}}").as_bytes()).unwrap(), line);
        }
        let refusal = |line: &str| read(line.as_bytes()).unwrap_err().to_string();
        assert_eq!(refusal(r#"{"pid":1}"#), "missing field `kind` at line 1 column 9");
        let unknown = refusal(r#"{"kind":"fork"}"#);
        assert_eq!(unknown, "unknown variant `fork`, expected one of `process`, `sample`, `exit` at line 1 column 14");
        assert_eq!(refusal(r#"{"kind":"exit","pid":1}"#), "missing field `t_ns` at line 1 column 23");
    }
}
