//! Bundles as other files: one file per format, one line each in [`EXPORTERS`].
//!
//! Owns the forms of what is written. Must not write anywhere but into its return value.

pub mod folded;
pub mod html;
pub mod pprof;
pub mod pstats;

use crate::model::{Bundle, Profile};
use html::{Against, HtmlParts};

/// What an exporter may use.
#[derive(Clone, Copy)]
pub struct ExportInput<'a> {
    pub bundle: &'a Bundle,
    /// The profile that is written where a form holds one, by its name; the main one where none is named.
    pub metric: Option<&'a str>,
    /// The file that `bundle` was read from.
    pub bytes: &'a [u8],
    /// What the bundle is compared with, in forms that hold several.
    pub against: &'a [Against],
    /// The page, where this build has one.
    pub viewer: Option<HtmlParts<'a>>,
}

impl ExportInput<'_> {
    /// The profile that was asked for.
    ///
    /// # Errors
    /// When it is not there.
    pub fn profile(&self) -> Result<&Profile, ExportError> {
        let Some(name) = self.metric else {
            return self.bundle.main_profile().map(AsRef::as_ref).ok_or(ExportError::NoSamples);
        };
        let names = || self.bundle.profiles.iter().map(|profile| profile.info.name.as_str());
        let found = self.bundle.profiles.iter().find(|profile| profile.info.name == name);
        found.map(AsRef::as_ref).ok_or_else(|| ExportError::NoMetric {
            name: name.to_owned(),
            known: names().collect::<Vec<_>>().join(", "),
        })
    }
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
pub static EXPORTERS: &[&dyn Exporter] = &[&html::Html, &folded::Folded, &pprof::Pprof, &pstats::Pstats];

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
    #[error("the bundle has no profile `{name}`; it has {known}")]
    NoMetric { name: String, known: String },
    #[error("form `{form}` knows no --metric; folded and pprof do")]
    FixedMetric { form: &'static str },
}
