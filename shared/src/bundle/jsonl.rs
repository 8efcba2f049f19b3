//! Members of JSON lines: one object a line; a line that cannot be read is counted and skipped.

use super::json;
use crate::model::Warning;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A member's bytes, `\n` after each line.
pub(super) fn encode<T: Serialize>(rows: &[T]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Reads what can be read of `member`, with a warning about the rest.
pub(super) fn decode<T: DeserializeOwned>(member: &str, bytes: &[u8]) -> (Vec<T>, Option<Warning>) {
    let mut rows = Vec::new();
    let warning = each(member, bytes, |line| {
        rows.push(json::from_slice(line)?);
        Ok(())
    });
    (rows, warning)
}

/// Gives every line that is not empty to `take`; lines that it refuses become one warning.
pub(super) fn each(
    member: &str,
    bytes: &[u8],
    mut take: impl FnMut(&[u8]) -> Result<(), serde_json::Error>,
) -> Option<Warning> {
    let (mut count, mut first) = (0, None);
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Err(error) = take(line) {
            count += 1;
            first.get_or_insert((index as u64 + 1, error.to_string()));
        }
    }
    let (first_line, reason) = first?;
    Some(Warning::SkippedLines { member: member.to_owned(), count, first_line, reason })
}
