//! In what two sides differ besides what is measured.

use crate::bench::BenchSet;
use serde::Serialize;
use std::collections::BTreeSet;

/// A field that is not the same on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Name of the new side.
    pub new: String,
    pub field: String,
    /// Values of base, and of new; several with commas between, empty where not known.
    pub base_value: String,
    pub new_value: String,
    /// Figures say nothing about the program any more.
    pub decisive: bool,
}

/// Fields that may differ between two measurements of the same thing, and then are worth a warning.
const LESSER: [&str; 28] = [
    "aslr",
    "branch",
    "command",
    "compiler",
    "container",
    "cwd",
    "date",
    "executable",
    "flags",
    "governor",
    "host",
    "hostname",
    "iterations",
    "kernel",
    "machine",
    "memory",
    "microcode",
    "node",
    "os",
    "platform",
    "python",
    "repetitions",
    "runs",
    "samples",
    "start",
    "tool",
    "uptime",
    "user",
];
/// Parts of names of such fields.
const LESSER_PARTS: [&str; 8] = ["_version", "aslr", "load", "mhz", "freq", "python", "warmup", "scaling"];

/// Every field that differs between the sets of two sides, by name.
#[must_use]
pub fn differences(base: &[BenchSet], new: &[BenchSet]) -> Vec<Difference> {
    let fields: BTreeSet<&String> = base.iter().chain(new).flat_map(|set| set.config.keys()).collect();
    let mut found = Vec::new();
    let side = side_name(new);
    for field in fields {
        let values =
            |sets: &[BenchSet]| values(sets.iter().filter_map(|set| set.config.get(field).map(String::as_str)));
        let (base_value, new_value) = (values(base), values(new));
        if base_value != new_value {
            // What one side does not tell is no difference that is known.
            let decisive = is_decisive(field) && !base_value.is_empty() && !new_value.is_empty();
            found.push(Difference { new: side.clone(), field: field.clone(), base_value, new_value, decisive });
        }
    }
    let tools = |sets: &[BenchSet]| values(sets.iter().map(|set| set.tool.as_str()));
    let (base_value, new_value) = (tools(base), tools(new));
    if base_value != new_value {
        found.push(Difference { new: side, field: "tool".into(), base_value, new_value, decisive: false });
    }
    found
}

fn is_decisive(field: &str) -> bool {
    !LESSER.contains(&field) && !LESSER_PARTS.iter().any(|part| field.contains(part))
}

/// What a side is called: its sources.
#[must_use]
pub fn side_name(sets: &[BenchSet]) -> String {
    let names: Vec<&str> = sets.iter().map(|set| set.source.as_str()).collect();
    names.join(",")
}

fn values<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let values: BTreeSet<&str> = all.filter(|value| !value.is_empty()).collect();
    values.into_iter().collect::<Vec<_>>().join(", ")
}
