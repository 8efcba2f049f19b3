//! What a scan found out, kept for the next one of the same folder.
//!
//! Members of the user's cache folder: a short index (each file's stamp, a hash of its content, the result) and the facts
//! and links of the files in parts, which are read only where something changed. A stamp is believed as git believes its
//! index: if size, times and inode are the same and the file was not changed while the store was being written. Facts
//! are found by content, links by content and by the names of the files that they were told by. Nothing depends on the
//! store: what is missing, damaged or of another version is as if it had never been there.

use super::facts::FileFacts;
use super::link::Links;
use super::report::Scan;
use super::walk::{self, Stamp};
use crate::symbolize::cache::{Cache, Cached};
use bitcode::{Buffer, DecodeOwned};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Changes with everything that facts, links or the result are made of; it is in the members' names.
const LAYOUT: u32 = 5;
/// The coarsest clock of a file system that is still common.
const CLOCK: Duration = Duration::from_millis(20);
/// Facts are kept in so many parts, or in fewer with so many files each.
const PARTS: usize = 16;
const SMALLEST_PART: usize = 128;

/// A hash of a file's bytes, and how many there are.
pub(crate) type ContentHash = [u64; 2];

pub(crate) fn content_hash(bytes: &[u8]) -> ContentHash {
    [foldhash::quality::FixedState::with_seed(11).hash_one(bytes), bytes.len() as u64]
}

/// One file as it was.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    path: String,
    stamp: Stamp,
    content: ContentHash,
    /// Hash of the names that others see.
    exports: u64,
    /// Part, and where its facts and links are in it.
    part: u32,
    facts: (u64, u64),
    links: (u64, u64),
}

#[derive(Debug, Serialize, Deserialize)]
struct Index {
    version: String,
    root: String,
    written: Duration,
    parts: u32,
    rows: Vec<Row>,
    result: Scan,
}

/// A store that was read, and its parts as far as they were needed.
pub(crate) struct Store {
    index: Index,
    /// Read where the first file of them is asked for.
    parts: Vec<OnceLock<Option<Cached>>>,
    member: Member,
    by_path: HashMap<String, usize>,
    by_content: HashMap<ContentHash, usize>,
}

/// The member of the cache folder for a scanned folder and the options that change its result.
#[derive(Clone)]
pub(crate) struct Member {
    cache: Cache,
    name: String,
    root: String,
}

impl Member {
    pub(crate) fn of(root: &std::path::Path, everything: bool) -> Option<Self> {
        let root = format!("{}{}", root.display(), if everything { "\0everything" } else { "" });
        let [hash, _] = content_hash(root.as_bytes());
        Some(Self { cache: Cache::of_user()?, name: format!("scan{LAYOUT}-{hash:016x}"), root })
    }

    pub(crate) fn read(&self) -> Option<Store> {
        let bytes = self.cache.read(&self.name)?;
        let index: Index = bitcode::deserialize(&bytes).ok()?;
        let ours = index.version == env!("CARGO_PKG_VERSION") && index.root == self.root;
        if !ours {
            return None;
        }
        let parts = (0..index.parts).map(|_| OnceLock::new()).collect();
        let by_path = index.rows.iter().enumerate().map(|(number, row)| (row.path.clone(), number)).collect();
        let by_content = index.rows.iter().enumerate().map(|(number, row)| (row.content, number)).collect();
        Some(Store { index, parts, member: self.clone(), by_path, by_content })
    }

    fn part(&self, number: u32) -> String {
        format!("{}-{number}", self.name)
    }

    /// Writes everything anew; `began` is before the first file was looked at.
    pub(crate) fn write(&self, began: SystemTime, files: &[Kept<'_>], result: &Scan, jobs: usize) {
        let parts: Vec<(u32, &[Kept<'_>])> =
            (0..).zip(files.chunks(files.len().div_ceil(PARTS).max(SMALLEST_PART))).collect();
        let rows = super::each(jobs, &parts, |(number, files)| self.write_part(*number, files));
        let index = Index {
            version: env!("CARGO_PKG_VERSION").into(),
            root: self.root.clone(),
            written: began.duration_since(UNIX_EPOCH).unwrap_or_default(),
            parts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
            rows: rows.into_iter().flatten().collect(),
            result: result.clone(),
        };
        if let Ok(bytes) = bitcode::serialize(&index) {
            self.cache.write(&self.name, &[&bytes]);
        }
    }

    fn write_part(&self, number: u32, files: &[Kept<'_>]) -> Vec<Row> {
        // Facts and links are mostly shorter than the source; what is not used of it costs nothing.
        let source: u64 = files.iter().map(|kept| kept.facts.bytes).sum();
        let mut part = Vec::with_capacity(usize::try_from(source).unwrap_or(0));
        let mut rows = Vec::with_capacity(files.len());
        let (mut facts, mut links) = (Buffer::new(), Buffer::new());
        for kept in files {
            let from = part.len() as u64;
            part.extend_from_slice(facts.encode(kept.facts));
            let between = part.len() as u64;
            part.extend_from_slice(links.encode(kept.links));
            rows.push(Row {
                path: kept.found.path.clone(),
                stamp: kept.found.stamp,
                content: kept.content,
                exports: kept.exports,
                part: number,
                facts: (from, between),
                links: (between, part.len() as u64),
            });
        }
        self.cache.write(&self.part(number), &[&part]);
        rows
    }
}

/// A file to be kept.
pub(crate) struct Kept<'a> {
    pub(crate) found: &'a walk::Found,
    pub(crate) content: ContentHash,
    pub(crate) facts: &'a FileFacts,
    /// Hash of the names that others see.
    pub(crate) exports: u64,
    pub(crate) links: &'a Links,
}

impl Store {
    /// The number of the row of a file that is what it was, by its stamp.
    pub(crate) fn unchanged(&self, found: &walk::Found) -> Option<usize> {
        let number = *self.by_path.get(&found.path)?;
        let row = &self.index.rows[number];
        let quiet = found.stamp.latest() + CLOCK < self.index.written;
        (row.stamp == found.stamp && quiet).then_some(number)
    }

    /// The row of a file with this content, the one at this path first.
    pub(crate) fn with_content(&self, path: &str, content: ContentHash) -> Option<usize> {
        let here = self.by_path.get(path).copied().filter(|number| self.index.rows[*number].content == content);
        here.or_else(|| self.by_content.get(&content).copied())
    }

    pub(crate) fn content(&self, number: usize) -> ContentHash {
        self.index.rows[number].content
    }

    pub(crate) fn exports(&self, number: usize) -> u64 {
        self.index.rows[number].exports
    }

    /// What others saw of the file at this path.
    pub(crate) fn row_exports(&self, path: &str) -> Option<u64> {
        Some(self.index.rows[*self.by_path.get(path)?].exports)
    }

    pub(crate) fn is_at(&self, number: usize, path: &str) -> bool {
        self.index.rows[number].path == path
    }

    /// Whether these are the same files, in the same order.
    pub(crate) fn same_files(&self, files: &[walk::Found]) -> bool {
        files.len() == self.index.rows.len()
            && files.iter().zip(&self.index.rows).all(|(found, row)| found.path == row.path)
    }

    pub(crate) fn result(&self) -> &Scan {
        &self.index.result
    }

    pub(crate) fn facts(&self, number: usize) -> Option<FileFacts> {
        self.slice(number, self.index.rows[number].facts)
    }

    pub(crate) fn links(&self, number: usize) -> Option<Links> {
        self.slice(number, self.index.rows[number].links)
    }

    fn slice<T: DecodeOwned>(&self, number: usize, (from, to): (u64, u64)) -> Option<T> {
        let number = self.index.rows[number].part;
        let read = || self.member.cache.read(&self.member.part(number));
        let part: &[u8] = self.parts.get(number as usize)?.get_or_init(read).as_ref()?;
        let bytes = part.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)?;
        bitcode::decode(bytes).ok()
    }
}
