//! `benchmarks.log` as a file of benchmarks: each line is one session.

use super::{BenchFile, ImportError};
use crate::bench::{BenchSet, log};
use serde_json::Value;

pub(super) fn is_log(file: &BenchFile<'_>) -> bool {
    let has_sections = |value: &Value| {
        ["results", "sections"].iter().any(|key| value.get(key).is_some_and(Value::is_object))
            && ["ts", "status", "command"].iter().any(|key| value.get(key).is_some())
    };
    file.json.iter().take(1).any(has_sections)
        || file.text.lines().filter(|line| line.starts_with('{')).take(100).any(|line| {
            line.contains("\"label\"") && serde_json::from_str(line).is_ok_and(|value| has_sections(&value))
        })
}

pub(super) fn log(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let log = log::read(file.text, file.name);
    let Some((last, earlier)) = log.entries.split_last() else {
        let reason = log.warnings.first().cloned().unwrap_or_else(|| "holds no entry".to_owned());
        return Err(ImportError::new(reason));
    };
    let mut sets: Vec<BenchSet> = earlier.iter().chain([last]).map(|entry| entry.set.clone()).collect();
    if let Some(set) = sets.last_mut() {
        set.warnings.extend(log.warnings);
    }
    Ok(sets)
}
