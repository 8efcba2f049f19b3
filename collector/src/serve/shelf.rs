//! What is served: a library, or one bundle.

use crate::history;
use crate::pack;
use crate::store::{self, Entry, Library, Spool};
use crate::symbolize::Images;
use anyhow::Context;
use perfcollect_shared::bench::BenchSet;
use perfcollect_shared::model::Manifest;
use perfcollect_shared::trend;
use perfcollect_shared::units::Bytes;
use serde::Serialize;
use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Bundles that may be read through the server, and which of them is shown first.
#[derive(Debug)]
pub struct Shelf {
    library: Library,
    /// The only bundle that is served.
    only: Option<PathBuf>,
    /// File name of the bundle that the page opens with.
    open: Option<String>,
    /// Manifests by file name, as long as size and time of change stay the same.
    known: Mutex<HashMap<String, (Stamp, Listed)>>,
    history: Mutex<History>,
}

/// What was read for `/api/trend`, so that asking again costs a look at the folder.
#[derive(Debug, Default)]
struct History {
    /// Sessions by file name, or why there is none, as long as size and time of change stay the same.
    sessions: HashMap<String, (Stamp, Result<BenchSet, String>)>,
    /// Version and JSON of the last answer.
    answer: Option<(String, Vec<u8>)>,
}

/// Size and time of change of a file.
type Stamp = (u64, Option<SystemTime>);

/// `/api/library`.
#[derive(Debug, Serialize)]
pub(super) struct Listing {
    /// Changes when anything in the folder does.
    pub(super) version: String,
    /// The bundle that the server was started with.
    open: Option<String>,
    bundles: Vec<Listed>,
}

/// A bundle, or what is left of a recording that was cut short.
#[derive(Clone, Debug, Serialize)]
struct Listed {
    name: String,
    number: Option<u32>,
    bytes: Bytes,
    manifest: Option<Manifest>,
    /// Why there is no manifest, and what to do.
    error: Option<String>,
    /// The name is a spool folder that `perfcollect recover` turns into a bundle.
    recoverable: bool,
}

impl Shelf {
    /// All bundles of a folder.
    #[must_use]
    pub fn library(library: Library) -> Self {
        Self { library, only: None, open: None, known: Mutex::default(), history: Mutex::default() }
    }

    /// One bundle, shown first: with its neighbours where it lies in the library, else alone.
    #[must_use]
    pub fn bundle(path: &Path, library: Library) -> Self {
        let open = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let folder = |path: &Path| fs::canonicalize(path).ok();
        let in_library = path.parent().and_then(folder).is_some_and(|parent| folder(&library.folder) == Some(parent));
        let only = (!in_library).then(|| path.to_owned());
        Self { library, only, open, known: Mutex::default(), history: Mutex::default() }
    }

    /// File name of the bundle that the page opens with.
    pub(super) fn open(&self) -> Option<&str> {
        self.open.as_deref()
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        self.only.as_ref().unwrap_or(&self.library.folder).display().to_string()
    }

    /// Equal for two servers that show the same: what is served, and by which version.
    pub(super) fn identity(&self) -> String {
        let path = self.only.as_ref().unwrap_or(&self.library.folder);
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let mut hasher = DefaultHasher::new();
        (fs::canonicalize(&path).unwrap_or(path), env!("CARGO_PKG_VERSION")).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Turns what is left of dead recordings into bundles; what was done, in sentences.
    pub(super) fn recover_dead_spools(&self) -> Vec<String> {
        self.dead_spools()
            .iter()
            .filter_map(|spool| recover(spool).unwrap_or_else(|e| Some(format!("{e:#}"))))
            .collect()
    }

    fn dead_spools(&self) -> Vec<Spool> {
        if self.only.is_some() { Vec::new() } else { self.library.dead_spools().unwrap_or_default() }
    }

    /// Paths of all files that may be served.
    fn paths(&self) -> Vec<PathBuf> {
        match &self.only {
            Some(path) => vec![path.clone()],
            None => self.library.paths().unwrap_or_default(),
        }
    }

    /// The file of this name; `None` where it is not on the shelf. The name is only compared, never joined to a path.
    pub(super) fn path_of(&self, name: &str) -> Option<PathBuf> {
        let path = self.paths().into_iter().find(|path| path.file_name().is_some_and(|file| file == name))?;
        self.is_inside(&path).then_some(path)
    }

    /// A link out of the library is not followed.
    fn is_inside(&self, path: &Path) -> bool {
        let real = |path: &Path| fs::canonicalize(path).ok();
        self.only.is_some() || real(&self.library.folder).zip(real(path)).is_some_and(|(a, b)| b.starts_with(a))
    }

    pub(super) fn listing(&self) -> Listing {
        let mut hasher = DefaultHasher::new();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = HashMap::new();
        let mut bundles = Vec::new();
        for path in self.paths() {
            let stamp = stamp(&path);
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (&name, stamp).hash(&mut hasher);
            let listed = match known.remove(&name) {
                Some((at, listed)) if at == stamp => listed,
                _ => self.look(path),
            };
            bundles.push(listed.clone());
            next.insert(name, (stamp, listed));
        }
        *known = next;
        drop(known);
        for spool in self.dead_spools() {
            spool.path.hash(&mut hasher);
            bundles.push(Listed::spool(&spool));
        }
        Listing { version: format!("{:016x}", hasher.finish()), open: self.open.clone(), bundles }
    }

    /// `/api/trend`: what changes when a bundle does, and the history as `trend --format json` has it.
    pub(super) fn trend(&self) -> serde_json::Result<(String, Vec<u8>)> {
        let mut hasher = DefaultHasher::new();
        let files: Vec<(String, Stamp, PathBuf)> = self
            .paths()
            .into_iter()
            .map(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (name, stamp(&path), path)
            })
            .collect();
        files.hash(&mut hasher);
        let version = format!("{:016x}", hasher.finish());
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, json)) = &history.answer
            && *at == version
        {
            return Ok((version, json.clone()));
        }
        let (mut next, mut sets, mut warnings) = (HashMap::new(), Vec::new(), Vec::new());
        for (name, at, path) in files {
            let session = match history.sessions.remove(&name) {
                Some((known, session)) if known == at => session,
                _ if self.is_inside(&path) => history::session(&path, false),
                _ => Err("it is a link out of the library".to_owned()),
            };
            match &session {
                Ok(set) => sets.push(set.clone()),
                Err(reason) => warnings.push(format!("{name}: {reason}")),
            }
            next.insert(name, (at, session));
        }
        let mut trend = trend::series(&sets, &trend::Wanted::default());
        trend::add_confirmations(&mut trend, &sets, &|cwd| history::place(cwd, None));
        trend.source = self.describe();
        trend.warnings.splice(0..0, warnings);
        let json = serde_json::to_vec(&trend)?;
        *history = History { sessions: next, answer: Some((version.clone(), json.clone())) };
        drop(history);
        Ok((version, json))
    }

    fn look(&self, path: PathBuf) -> Listed {
        let inside = self.is_inside(&path);
        let entry = Entry::read(path);
        let manifest = if inside { entry.manifest } else { Err("it is a link out of the library".to_owned()) };
        let (manifest, error) = match manifest {
            Ok(manifest) => (Some(manifest), None),
            Err(error) => (None, Some(error)),
        };
        Listed { name: entry.name, number: entry.number, bytes: entry.bytes, manifest, error, recoverable: false }
    }
}

fn stamp(path: &Path) -> Stamp {
    fs::metadata(path).map(|metadata| (metadata.len(), metadata.modified().ok())).unwrap_or_default()
}

/// `None` where another process is at it.
fn recover(spool: &Spool) -> anyhow::Result<Option<String>> {
    let Some(held) = store::hold(&spool.path).with_context(|| format!("cannot recover {}", spool.path.display()))?
    else {
        return Ok(None);
    };
    let packed = pack::pack(&spool.path, &spool.target, Images::default(), None)?;
    drop(held);
    Ok(Some(format!("recovered {} from a recording that was cut short", packed.path.display())))
}

impl Listed {
    fn spool(spool: &Spool) -> Self {
        let name = spool.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let error = format!("this recording was cut short; get what there is of it with: {}", spool.command());
        Self { name, number: None, bytes: Bytes(0), manifest: None, error: Some(error), recoverable: true }
    }
}
