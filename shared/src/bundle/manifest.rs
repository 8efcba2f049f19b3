//! `manifest.json`: checks the format before anything else is believed.

use super::upgrade::{STEPS, upgrade};
use super::{MANIFEST, ReadError, json};
use crate::model::{FORMAT_VERSION, Manifest};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Parses a manifest that lies at `byte` of the file.
pub(super) fn parse(bytes: &[u8], byte: u64) -> Result<Manifest, ReadError> {
    let damaged = |error: serde_json::Error| ReadError::Manifest { member: MANIFEST, byte, reason: error.to_string() };
    let Format { format } = json::from_slice(bytes).map_err(damaged)?;
    if format > FORMAT_VERSION {
        return Err(ReadError::Newer { found: format, known: FORMAT_VERSION });
    }
    if format == FORMAT_VERSION {
        return json::from_slice(bytes).map_err(damaged);
    }
    if STEPS.is_empty() {
        // Known when compiled: as long as there is nothing to upgrade, what upgrades is not in the page's module.
        return Err(ReadError::Upgrade { found: format, reason: format!("there was no format {format}") });
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(damaged)?;
    upgrade(&mut value, format, STEPS).map_err(|reason| ReadError::Upgrade { found: format, reason })?;
    // Through text once more: a second deserializer for the manifest would be 40 KB of the page's module.
    let parsed = serde_json::to_vec(&value).and_then(|text| json::from_slice(&text));
    parsed.map_err(|error| ReadError::Upgrade { found: format, reason: error.to_string() })
}
