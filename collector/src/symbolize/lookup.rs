//! All addresses of one file at once: its tables are read and given back before the next file's.

use super::cache::Cache;
use super::demangle::demangle;
use super::dwarf::{Lines, Sections};
use super::{Resolved, debug_files, symbols};
use object::{Object, ObjectSection};

/// What each of the sorted addresses is, outermost function first; empty where nothing is known.
pub(super) fn look_up(bytes: &[u8], path: &str, addresses: &[u64], cache: Option<&Cache>) -> Vec<Vec<Resolved>> {
    let Ok(object) = object::File::parse(bytes) else { return vec![Vec::new(); addresses.len()] };
    let has_lines = has_debug_info(&object);
    let debug_bytes = if has_lines { None } else { debug_files::find(&object, path) };
    let debug_object = debug_bytes.as_ref().and_then(|bytes| object::File::parse(&**bytes).ok());

    let mut names = symbols::names(&object, addresses);
    if let Some(debug) = &debug_object {
        // The full table knows local functions, where the exported one may only know a neighbour.
        let full = symbols::names(debug, addresses);
        names.iter_mut().zip(full).for_each(|(name, full)| *name = full.or(*name));
    }

    let with_lines = debug_object.as_ref().unwrap_or(&object);
    let sections = has_debug_info(with_lines).then(|| Sections::of(with_lines, cache));
    let shared_bytes = sections.as_ref().and_then(|_| debug_files::find_shared(with_lines, path));
    let shared_object = shared_bytes.as_ref().and_then(|bytes| object::File::parse(&**bytes).ok());
    let shared = shared_object.as_ref().map(|object| Sections::of(object, cache));
    let units = sections.as_ref().and_then(|sections| sections.units_of(addresses));
    let mut lines = sections.as_ref().and_then(|sections| Lines::new(sections, units.as_deref(), shared.as_ref()));

    let resolve = |(&address, name): (&u64, Option<&str>)| {
        let found = lines.as_mut().map(|lines| lines.find(address)).unwrap_or_default();
        finish(found, name, || symbols::stub_name(&object, address))
    };
    addresses.iter().zip(names).map(resolve).collect()
}

fn has_debug_info(object: &object::File<'_>) -> bool {
    object.section_by_name(".debug_info").is_some_and(|section| section.size() > 0)
}

/// Joins what debug information and symbol table say: the symbol names what has no name yet.
fn finish<'a>(mut found: Vec<Resolved>, symbol: Option<&str>, stub: impl FnOnce() -> Option<&'a str>) -> Vec<Resolved> {
    if found.first().is_none_or(|outermost| outermost.name.is_empty()) {
        let (name, system_name) = match symbol {
            Some(symbol) => (demangle(symbol).unwrap_or_else(|| symbol.to_owned()), symbol.to_owned()),
            None => match stub() {
                Some(target) => {
                    let name = demangle(target).unwrap_or_else(|| target.to_owned());
                    (format!("{name}@plt"), format!("{target}@plt"))
                }
                None => return Vec::new(),
            },
        };
        match found.first_mut() {
            Some(outermost) => (outermost.name, outermost.system_name) = (name, system_name),
            None => found.push(Resolved { name, system_name, ..Resolved::default() }),
        }
    }
    if let (Some(outermost), Some(symbol)) = (found.first_mut(), symbol)
        && outermost.name == outermost.system_name
        && symbols::underscores(symbol) < symbols::underscores(&outermost.name)
    {
        // Debug information knows C libraries by their inner names.
        (outermost.name, outermost.system_name) = (symbol.to_owned(), symbol.to_owned());
    }
    found.retain(|frame| !frame.name.is_empty());
    found
}
