//! Selectors: how a person names a bundle.

use super::{Library, name};
use perfcollect_shared::bundle;
use std::fs;
use std::path::{Path, PathBuf};

/// Most names that an error lists.
const LISTED: usize = 8;

/// Why a selector names no bundle.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    #[error("there are no bundles in {0} yet; record one with `perfcollect run -- COMMAND`")]
    Empty(PathBuf),
    #[error("no bundle is named `{selector}`; there are {there_is}")]
    Unknown { selector: String, there_is: String },
    #[error("`{selector}` reaches back before the first of {count} bundles")]
    TooFarBack { selector: String, count: usize },
    #[error("`{selector}` names more than one bundle: {names}; give its path")]
    Ambiguous { selector: String, names: String },
    #[error("there is no file {0}")]
    NoFile(PathBuf),
    #[error("cannot read the library: {0:#}")]
    Library(anyhow::Error),
}

/// See [`Library::resolve`]. In this order: `last…`, a number, a file name of the library, a path, a label.
pub(super) fn resolve(library: &Library, selector: &str) -> Result<PathBuf, SelectError> {
    if selector.contains('/') {
        return existing(Path::new(selector));
    }
    let bundles = library.paths().map_err(SelectError::Library)?;
    if let Some(back) = steps_back(selector) {
        let Some(newest) = bundles.len().checked_sub(1) else {
            return Err(SelectError::Empty(library.folder.clone()));
        };
        let too_far = SelectError::TooFarBack { selector: selector.to_owned(), count: bundles.len() };
        return newest.checked_sub(back).map(|index| bundles[index].clone()).ok_or(too_far);
    }
    let chosen: Vec<&PathBuf> = match selector.parse::<u32>() {
        Ok(number) => bundles.iter().filter(|path| name::number(&file_name(path)) == Some(number)).collect(),
        Err(_) => bundles.iter().filter(|path| file_name(path) == selector).collect(),
    };
    if let Some(path) = single(selector, &chosen)? {
        return Ok(path);
    }
    if Path::new(selector).exists() {
        return Ok(PathBuf::from(selector));
    }
    let labelled: Vec<&PathBuf> = bundles.iter().filter(|path| label(path).as_deref() == Some(selector)).collect();
    if let Some(path) = single(selector, &labelled)? {
        return Ok(path);
    }
    if bundles.is_empty() {
        return Err(SelectError::Empty(library.folder.clone()));
    }
    Err(SelectError::Unknown { selector: selector.to_owned(), there_is: listing(&bundles) })
}

/// 0 for `last`, 1 for `last-1`.
fn steps_back(selector: &str) -> Option<usize> {
    match selector.strip_prefix("last")? {
        "" => Some(0),
        rest => rest.strip_prefix('-')?.parse().ok(),
    }
}

fn existing(path: &Path) -> Result<PathBuf, SelectError> {
    if path.exists() { Ok(path.to_owned()) } else { Err(SelectError::NoFile(path.to_owned())) }
}

fn single(selector: &str, chosen: &[&PathBuf]) -> Result<Option<PathBuf>, SelectError> {
    match chosen {
        [] => Ok(None),
        [path] => Ok(Some((*path).clone())),
        many => {
            let names = many.iter().map(|path| file_name(path)).collect::<Vec<_>>().join(", ");
            Err(SelectError::Ambiguous { selector: selector.to_owned(), names })
        }
    }
}

fn label(path: &Path) -> Option<String> {
    bundle::read_manifest(&fs::read(path).ok()?).ok()?.label
}

/// The newest names, and how many there are besides.
fn listing(bundles: &[PathBuf]) -> String {
    let newest: Vec<String> = bundles
        .iter()
        .rev()
        .take(LISTED)
        .map(|path| match label(path) {
            Some(label) => format!("{} (label `{label}`)", file_name(path)),
            None => file_name(path),
        })
        .collect();
    match bundles.len().saturating_sub(LISTED) {
        0 => newest.join(", "),
        more => format!("{} and {more} older", newest.join(", ")),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
