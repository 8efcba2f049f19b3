//! Text of source files around hot lines.

use crate::fields::fields;
use serde::Serialize;

/// Neighbouring lines of one file as they were when the recording ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceChunk {
    /// As functions name it.
    pub file: String,
    /// Number of the first line, from 1.
    pub start: u32,
    /// Without line ends.
    pub lines: Vec<String>,
    /// The file was written after the recording began: the text may not be what ran.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

fields!(SourceChunk: file, start, lines; changed);
