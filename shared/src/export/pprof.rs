//! A profile as pprof's `profile.proto`, gzip: the member of the bundle as a file of its own, for `go tool pprof` and others.

use super::{ExportError, ExportInput, Exporter};
use crate::bundle::pprof;

/// The exporter of `--to pprof`.
pub struct Pprof;

impl Exporter for Pprof {
    fn id(&self) -> &'static str {
        "pprof"
    }

    fn extension(&self) -> &'static str {
        "pb.gz"
    }

    fn what(&self) -> &'static str {
        "profile.proto, for pprof and tools that read it"
    }

    fn export(&self, input: &ExportInput) -> Result<Vec<u8>, ExportError> {
        Ok(pprof::encode(input.profile()?, pprof::Span::of(&input.bundle.manifest)))
    }
}
