//! Why a file of benchmarks is refused: what is wrong, where, and what to do.

use std::fmt;

/// A file that gives no benchmarks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ImportError {
    pub place: Option<Place>,
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Where in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Line from 1, and byte of the text from 0.
    Line { line: usize, byte: usize },
    /// Line from 1 of a file that is read by lines.
    Row(usize),
    /// Record from 1 of a file of fixed records, and its first byte from 0.
    Record { record: u64, byte: u64 },
    /// As a script would write it: `results[3].times[2]`.
    Path(String),
}

impl ImportError {
    pub(in crate::import) fn new(reason: impl Into<String>) -> Self {
        Self { place: None, reason: reason.into(), hint: None }
    }

    pub(in crate::import) fn at_path(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: Some(Place::Path(path.into())), ..Self::new(reason) }
    }

    pub(in crate::import) fn at_row(line: usize, reason: impl Into<String>) -> Self {
        Self { place: Some(Place::Row(line)), ..Self::new(reason) }
    }

    #[must_use]
    pub(in crate::import) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            // `results[3].times[2] is a string, a number was expected`
            Some(Place::Path(path)) => write!(f, "{path} ")?,
            Some(Place::Line { line, byte }) => write!(f, "line {line}, byte {byte}: ")?,
            Some(Place::Row(line)) => write!(f, "line {line}: ")?,
            Some(Place::Record { record, byte }) => write!(f, "record {record} at byte {byte}: ")?,
            None => {}
        }
        f.write_str(&self.reason)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}
