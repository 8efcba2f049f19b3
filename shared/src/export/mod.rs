//! Bundles as other files: one file per format, one line each in [`EXPORTERS`].
//!
//! Owns the forms of what is written. Must not write anywhere but into its return value.

pub mod folded;
pub mod html;
pub mod pstats;

use crate::model::Bundle;
use html::{Against, HtmlParts};

/// What an exporter may use.
#[derive(Clone, Copy)]
pub struct ExportInput<'a> {
    pub bundle: &'a Bundle,
    /// The file that `bundle` was read from.
    pub bytes: &'a [u8],
    /// What the bundle is compared with, in forms that hold several.
    pub against: &'a [Against],
    /// The page, where this build has one.
    pub viewer: Option<HtmlParts<'a>>,
}

/// One format that a bundle can be written in.
pub trait Exporter: Sync {
    /// As in `export --to`.
    fn id(&self) -> &'static str;
    /// Of the files, without the dot.
    fn extension(&self) -> &'static str;
    /// What it is for, in a few words.
    fn what(&self) -> &'static str;
    /// # Errors
    /// When the bundle lacks what the format needs.
    fn export(&self, input: &ExportInput) -> Result<Vec<u8>, ExportError>;
}

/// Every format, in the order of the help.
pub static EXPORTERS: &[&dyn Exporter] = &[&html::Html, &folded::Folded, &pstats::Pstats];

/// The exporter of `--to`.
#[must_use]
pub fn find(id: &str) -> Option<&'static dyn Exporter> {
    EXPORTERS.iter().copied().find(|exporter| exporter.id() == id)
}

/// Why a bundle cannot be written in a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    #[error(
        "this perfcollect was built without its page (PERFCOLLECT_NO_VIEWER); build it again without that variable"
    )]
    NoViewer,
    #[error("the bundle has no exact calls; `perfcollect run --python calls` records them")]
    NoCalls,
    #[error("the bundle has no stack samples")]
    NoSamples,
}
