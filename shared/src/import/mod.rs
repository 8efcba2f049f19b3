//! Files of other forms as bundles: one file per format, one line each in [`IMPORTERS`].
//!
//! Owns the recognition of what lies in a file. Must not trust its input or read anything else.

#[cfg(feature = "bench-import")]
pub mod bench;
mod bundle;
#[cfg(feature = "trace-import")]
pub mod caches;
pub mod html;
#[cfg(feature = "trace-import")]
pub mod trace;

use std::borrow::Cow;

/// Whether a format is in a file's first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detection {
    No,
    Maybe,
    Yes,
}

/// How many bytes at the start of a file decide what it is.
pub const HEAD: usize = 4096;

/// One format that can be read.
pub trait Importer: Sync {
    /// Its name in messages.
    fn id(&self) -> &'static str;
    /// Of the files, with the dot, as a file picker filters.
    fn extension(&self) -> &'static str;
    /// What the first [`HEAD`] bytes say.
    fn detect(&self, head: &[u8]) -> Detection;
    /// The content of the file.
    ///
    /// # Errors
    /// When the file is not what its head promised.
    fn import<'a>(&self, bytes: &'a [u8]) -> Result<Imported<'a>, ImportError>;
}

/// What came out of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Imported<'a> {
    /// The bytes of a bundle, as they were written once.
    Bundle(Cow<'a, [u8]>),
}

/// Every format, the surest first.
pub static IMPORTERS: &[&dyn Importer] = &[&bundle::BundleFile, &html::Html];

/// Reads a file of any form that an importer knows, by its content.
///
/// # Errors
/// When no importer knows it, or the one that does finds it damaged.
pub fn import(bytes: &[u8]) -> Result<Imported<'_>, ImportError> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let best = IMPORTERS.iter().max_by_key(|importer| importer.detect(head));
    match best {
        Some(importer) if importer.detect(head) != Detection::No => importer.import(bytes),
        _ if bytes.is_empty() => Err(ImportError::Empty),
        _ => Err(ImportError::Unknown),
    }
}

/// Why a file gives no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("the file is empty")]
    Empty,
    #[error("this is neither a bundle (.perf.zip) nor a report that perfcollect exported (.html)")]
    Unknown,
    #[error("this page holds no recording; only what `perfcollect export --to html` wrote does")]
    NoBundle,
    #[error("the page is cut: the recording in it has no end after {0} bytes; copy the file again")]
    Cut(usize),
    #[error("the recording in the page is damaged near byte {0} of the file; copy the file again")]
    Damaged(usize),
}
