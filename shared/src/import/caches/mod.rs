//! What other tools wrote about caches as [`CacheRecord`]s: counters as they are, and a warning for all that is not one.
//!
//! Owns the recognition of a file by its content. A ratio without counts stays what it is: no counter is made of it. Must
//! not trust its input, judge it, or run anything in it (pickled values are never read). Never part of the page.

mod guides;
mod sqlite;

use super::bench::ImportError;
use crate::model::{Bundle, CacheRecord, FORMAT_VERSION, Manifest, Tool, Warning};
use serde_json::Value;
use std::sync::Arc;

/// The caches of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CacheFile {
    /// What wrote it.
    pub tool: &'static str,
    pub records: Vec<CacheRecord>,
    /// Name of a cache, or nothing for all, and what is to be said of it.
    pub notes: Vec<(String, String)>,
}

/// Reads a file of caches; `None` where it is none. `name` is what a person calls it.
///
/// # Errors
/// When it is one, and damaged.
pub fn read(name: &str, bytes: &[u8]) -> Result<Option<CacheFile>, ImportError> {
    if bytes.starts_with(sqlite::MAGIC) {
        return sqlite::read(bytes).map(Some);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if !text.starts_with(b"{") && !text.starts_with(b"[") {
        return Ok(None);
    }
    // What is no JSON may be a log of JSON lines, which others read and say what is wrong with.
    let Ok(value) = serde_json::from_slice::<Value>(text) else { return Ok(None) };
    guides::read(name, &value)
}

impl CacheFile {
    /// A bundle of it; `id` is a ULID, `start` RFC 3339 in UTC.
    #[must_use]
    pub fn into_bundle(self, label: &str, id: String, start: String) -> Bundle {
        let warning = |(what, reason)| Warning::Cache { what, reason, fix: String::new() };
        let manifest = Manifest {
            format: FORMAT_VERSION,
            id,
            label: Some(label.to_owned()),
            tool: Tool { name: self.tool.to_owned(), ..Tool::default() },
            start,
            warnings: self.notes.into_iter().map(warning).collect(),
            ..Manifest::default()
        };
        Bundle { manifest, caches: Arc::new(self.records), ..Bundle::default() }
    }
}

#[cfg(test)]
mod tests;
