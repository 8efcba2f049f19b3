//! Sessions of a history, from a library and from files.
//!
//! Owns which bundles stand in a history and where their repositories are. Must not decode profiles: manifests and runs of
//! benchmarks are enough.

use crate::store;
use perfcollect_shared::bench::BenchSet;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, Exit};
use perfcollect_shared::trend::Place;
use std::env;
use std::path::Path;

/// One bundle of a history.
///
/// # Errors
/// Why it stands in none, for people.
pub fn session(path: &Path, keep_failed: bool) -> Result<BenchSet, String> {
    let bytes = store::read_file(path).map_err(|error| format!("{error:#}"))?;
    let bundle = bundle::read_runs(&bytes).map_err(|error| error.to_string())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if let Some(reason) = unfit(&bundle, keep_failed) {
        return Err(format!("left out, {reason}"));
    }
    Ok(BenchSet::of_bundle(&bundle, &name))
}

/// Why its figures are not those of the program's whole work.
fn unfit(bundle: &Bundle, keep_failed: bool) -> Option<String> {
    let manifest = &bundle.manifest;
    if manifest.partial {
        return Some("the recording was cut short".into());
    }
    if !bundle.runs.is_empty() {
        return None;
    }
    if manifest.attached.is_some() {
        return Some("it was attached to a running program: its times are those of the recording".into());
    }
    match manifest.exit {
        Exit { signal: Some(signal), .. } => Some(format!("the program was killed by signal {signal}")),
        Exit { code: Some(code), .. } if code != 0 && !keep_failed => {
            Some(format!("the program ended with exit code {code}; --ignore-failure keeps such sessions"))
        }
        _ => None,
    }
}

/// Where the command of a session can run again. Looks for a repository, but runs nothing: the folder's name comes out of a bundle.
#[must_use]
pub fn place(cwd: &str, build: Option<&str>) -> Place {
    let root = Path::new(cwd).ancestors().find(|folder| folder.is_absolute() && folder.join(".git").exists());
    Place {
        cwd: cwd.to_owned(),
        root: root.map(|folder| folder.display().to_string()),
        scratch: env::temp_dir().display().to_string(),
        build: build.map(str::to_owned),
    }
}
