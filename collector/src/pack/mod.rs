//! From the spool of a recording to its bundle.
//!
//! Owns symbols, warnings and figures of the finished recording, and the atomic finish. The same way is gone at a
//! normal end and in `recover`, so that every run tries it. Must not talk to the program that was recorded.

pub mod merge;

use crate::symbolize::Images;
use perfcollect_shared::model::{Bundle, Exit, Overhead, Warning};
use perfcollect_shared::units::{Bytes, Nanos};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What the recorder knows at the end of a recording, beyond the spool.
#[derive(Debug)]
pub struct EndOfRun {
    pub exit: Exit,
    /// From exec to the end of the direct child.
    pub wall_ns: Nanos,
    /// Of the tree, from the kernel's exit records; `None` where the kernel would not say.
    pub user_ns: Option<Nanos>,
    pub system_ns: Option<Nanos>,
    /// Largest `ru_maxrss` of one process, above the floor.
    pub peak_process_rss_bytes: Option<Bytes>,
    /// What is known of it; `finish_ns` and, where missing, `collector_rss_bytes` are filled in here.
    pub overhead: Overhead,
    /// Warnings that are not in the spool.
    pub warnings: Vec<Warning>,
    /// The recording is not complete (full disk).
    pub partial: bool,
    /// When the child's end was seen.
    pub ended: Instant,
    /// A bar may be shown on stderr.
    pub show_progress: bool,
}

/// A finished bundle and where it lies.
#[derive(Debug)]
pub struct Packed {
    pub bundle: Bundle,
    pub path: PathBuf,
    /// Size of the file.
    pub bytes: Bytes,
}

/// Turns a spool into a bundle at `target` and removes the spool. Without an `end` the recording was cut short: it is
/// marked partial, and how the program ended is not known.
///
/// The file is written beside its target and renamed: at any moment `target` is whole or not there.
///
/// # Errors
/// When the spool cannot be read or the bundle not be written; the spool is then kept, and the error says how to go on.
pub fn pack(spool: &Path, target: &Path, images: Images, end: Option<EndOfRun>) -> anyhow::Result<Packed> {
    drop((images, end));
    anyhow::bail!("cannot turn {} into {} yet", spool.display(), target.display())
}
