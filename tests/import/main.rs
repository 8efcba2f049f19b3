//! Benchmark files of other tools: each format from a small file of ours, and a folder of real ones where there is one.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod agreement;
mod caches;
mod corpus;
mod formats;
mod traces;

use perfcollect_shared::bench::BenchSet;
use perfcollect_shared::import::bench::{self, ImportError};
use std::fs;
use std::path::{Path, PathBuf};

/// The file of a fixture or of the corpus.
pub(crate) fn read(path: &Path) -> Result<Vec<BenchSet>, ImportError> {
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let beside = |other: &str| fs::read(folder.join(other)).ok();
    bench::read(&path.display().to_string(), &fs::read(path).unwrap(), &beside)
}
