//! Names of code compiled at run time: what a recording that was cut short had not read, and what recordings leave.

use crate::agent::PYTHONPATH;
use crate::jit::maps;
use crate::spool::{RawFrame, RawStacks};
use crate::symbolize::read_perf_map;
use perfcollect_shared::format::file_name;
use perfcollect_shared::model::{Bundle, Manifest, Warning};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Reads the perf maps of processes that had not ended when the recording was cut short.
pub(super) fn name_what_is_left(manifest: &Manifest, native: &mut RawStacks) {
    let mut unnamed: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for frame in &native.frames {
        let RawFrame::Native(module, address) = frame else { continue };
        let module = native.modules.get(*module as usize).map_or("", |(path, _)| path);
        let pid = module.strip_prefix("[jit:").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
        if let Some(pid) = pid.filter(|&pid| !native.jit.contains_key(&(pid, *address))) {
            unnamed.entry(pid).or_default().push(*address);
        }
    }
    for (pid, addresses) in unnamed {
        let Some(map) = maps::open(pid, began(manifest)) else { continue };
        native.jit.extend(read_perf_map(map, &addresses).into_iter().map(|(address, name)| ((pid, address), name)));
    }
}

/// The variables that were set for what compiles code while it runs.
fn compilers(manifest: &Manifest) -> impl Iterator<Item = &String> {
    manifest.settings.injected.iter().filter(|set| *set != PYTHONPATH)
}

/// Says what was set for the program, where something of it ran that this is meant for.
pub(super) fn note(manifest: &mut Manifest, native: &RawStacks) {
    let ran =
        |names: &[&str]| native.modules.iter().any(|(path, _)| names.iter().any(|n| file_name(path).starts_with(n)));
    let mut warnings = Vec::new();
    for set in compilers(manifest) {
        let names: &[&str] = if set.starts_with("NODE") { &["node"] } else { &["python", "libpython"] };
        if ran(names) {
            let what =
                format!("{set}, which makes functions compiled at run time tell their names; --jit off leaves it out");
            warnings.push(Warning::Injected { what });
        }
    }
    manifest.warnings.append(&mut warnings);
}

/// Removes the perf maps that our asking caused.
pub(super) fn clear_away(bundle: &Bundle) {
    if compilers(&bundle.manifest).next().is_some() {
        maps::remove(&bundle.timeline.processes, &bundle.manifest.command, began(&bundle.manifest));
    }
}

/// Start of the recording; where that cannot be told, now, so that nothing is taken for its own.
fn began(manifest: &Manifest) -> SystemTime {
    manifest.start.parse::<jiff::Timestamp>().map_or_else(|_| SystemTime::now(), SystemTime::from)
}
