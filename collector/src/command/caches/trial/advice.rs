//! What a recording advises, as settings to try.

use crate::cli::{NewSize, Setting};
use crate::store::{self, Library};
use anyhow::{Context, bail};
use perfcollect_shared::bundle;
use perfcollect_shared::caches::{self, Row, Verdict};
use perfcollect_shared::format::command_line;
use perfcollect_shared::model::{Bundle, CacheScope};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Settings, and in words where they come from.
pub(super) struct Advice {
    pub(super) settings: Vec<Setting>,
    pub(super) lines: Vec<String>,
}

/// Of a bundle that was named, or of the last recording of this command.
pub(super) fn advice(from: Option<&str>, command: &[OsString]) -> anyhow::Result<Advice> {
    let words: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let path = match from {
        Some(selector) => Library::local().resolve(selector)?,
        None => last_of(&words)?,
    };
    let bundle = read(&path)?;
    let rows = caches::rows(&bundle);
    let shown = path.display();
    let mut advice = Advice { settings: Vec::new(), lines: vec![format!("what {shown} advises is tried:")] };
    for row in &rows {
        let Some(size) = size(row) else { continue };
        let was = row.capacity.map_or_else(|| "unlimited".to_owned(), |capacity| capacity.to_string());
        let because = row.reasons.first().map(|reason| format!(": {reason}")).unwrap_or_default();
        advice.lines.push(format!("  {} {} -> {size}, {}{because}", row.name, was, row.verdict.word()));
        advice.settings.push(Setting { name: row.name.clone(), size });
    }
    if advice.settings.is_empty() {
        let known = rows.iter().filter(|row| can_be_set(row)).map(|row| row.name.as_str()).collect::<Vec<_>>();
        let known = if known.is_empty() {
            "none that can be set".to_owned()
        } else {
            known.into_iter().take(5).collect::<Vec<_>>().join(", ")
        };
        bail!("{shown} advises no other size of any cache; say one with --set NAME=N (caches there: {known})");
    }
    Ok(advice)
}

/// Whether the recorder can make it with another size: a function's cache, or an object.
fn can_be_set(row: &Row) -> bool {
    let scopes: &[CacheScope] = match row.library.as_str() {
        "functools" => &[CacheScope::Function],
        "cachetools" => &[CacheScope::Function, CacheScope::Object],
        _ => &[],
    };
    !row.candidate && scopes.contains(&row.scope)
}

fn size(row: &Row) -> Option<NewSize> {
    if !can_be_set(row) {
        return None;
    }
    match row.verdict {
        // A program may need what it has just put into an object.
        Verdict::Remove => (row.scope == CacheScope::Function).then_some(NewSize::Off),
        Verdict::Resize => row.advised_capacity.and_then(|entries| entries.try_into().ok()).map(NewSize::Entries),
        _ => None,
    }
}

/// The last recording of this command that knows of caches.
fn last_of(words: &[String]) -> anyhow::Result<PathBuf> {
    let entries = Library::local().entries()?;
    let same = entries.into_iter().rev().filter(|entry| {
        entry.manifest.as_ref().is_ok_and(|manifest| manifest.command == words && manifest.settings.bench.is_empty())
    });
    for entry in same {
        let bundle = read(&entry.path)?;
        if !bundle.caches.is_empty() || !bundle.keys.is_empty() {
            return Ok(entry.path);
        }
    }
    let shown = command_line(words);
    bail!(
        "no recording of this command here has caches; make one with: perfcollect run --cache-trace -- {shown}\nor say what to \
         try: perfcollect caches try --set MODULE.NAME=N -- {shown}"
    )
}

fn read(path: &Path) -> anyhow::Result<Bundle> {
    bundle::read(&store::read_file(path)?).with_context(|| format!("cannot read the bundle {}", path.display()))
}
