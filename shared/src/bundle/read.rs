//! File to bundle.

use super::archive::{Archive, MemberBytes, MemberError, Members};
use super::order::Order;
use super::{BENCHMARKS, CACHES, CALLS, COUNTERS, LINES, Limits, MANIFEST, MEMORY, ReadError, SOURCE, TIMELINE};
use super::{hash, jsonl, keys, keys_name, manifest, order_path, pprof, profile_path, timeline};
use crate::model::{Bundle, KeyTrace, Manifest, MemberKind, Profile, ProfileInfo, Timeline, Warning};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Reads a bundle. A damaged member is a warning in [`Bundle::reading`], and the rest is there.
///
/// # Errors
/// When the file is no bundle, a newer one, hostile, or damaged in its directory or manifest.
pub fn read(bytes: &[u8]) -> Result<Bundle, ReadError> {
    read_with_limits(bytes, &Limits::default())
}

/// As [`read`], with other limits.
///
/// # Errors
/// Likewise.
pub fn read_with_limits(bytes: &[u8], limits: &Limits) -> Result<Bundle, ReadError> {
    let mut archive = Archive::open(bytes, limits)?;
    let manifest = take_manifest(&mut archive, limits)?;
    read_members(archive, manifest, limits)
}

/// Reads the members that a manifest names.
pub(super) fn read_members(members: impl Members, manifest: Manifest, limits: &Limits) -> Result<Bundle, ReadError> {
    let listed = manifest.members.iter().map(|member| (member.path.as_str(), member.sha256.as_deref())).collect();
    let mut reader = Reader { members, listed, limits, warnings: Vec::new() };
    let mut profiles = Vec::new();
    let mut names = HashSet::new();
    for info in &manifest.profiles {
        if names.insert(info.name.as_str()) {
            profiles.extend(reader.profile(info)?.map(Arc::new));
        }
    }
    let timeline = reader.timeline()?;
    let memory = reader.rows(MEMORY)?;
    let calls = reader.rows(CALLS)?;
    let lines = reader.rows(LINES)?;
    let source = reader.rows(SOURCE)?;
    let runs = reader.rows(BENCHMARKS)?;
    let caches = reader.rows(CACHES)?;
    // The page shows what samples hold, and its size is a budget.
    let counters = if cfg!(target_family = "wasm") { Arc::default() } else { reader.rows(COUNTERS)? };
    let mut keys = Vec::new();
    for member in manifest.members.iter().filter(|member| member.kind == MemberKind::Keys) {
        keys.extend(reader.keys(&member.path)?.map(Arc::new));
    }
    let reading = reader.warnings;
    let timeline = Arc::new(timeline);
    Ok(Bundle { manifest, profiles, timeline, memory, calls, lines, source, runs, caches, counters, keys, reading })
}

/// Reads the directory and the manifest only: what a list of bundles needs.
///
/// # Errors
/// As [`read`].
pub fn read_manifest(bytes: &[u8]) -> Result<Manifest, ReadError> {
    let limits = Limits::default();
    take_manifest(&mut Archive::open(bytes, &limits)?, &limits)
}

/// Reads the manifest and the runs of benchmarks, without any profile: what a history of many bundles needs.
///
/// # Errors
/// As [`read`].
pub fn read_runs(bytes: &[u8]) -> Result<Bundle, ReadError> {
    let limits = Limits::default();
    let mut archive = Archive::open(bytes, &limits)?;
    let manifest = take_manifest(&mut archive, &limits)?;
    let listed = manifest.members.iter().map(|member| (member.path.as_str(), member.sha256.as_deref())).collect();
    let mut reader = Reader { members: archive, listed, limits: &limits, warnings: Vec::new() };
    let runs = reader.rows(BENCHMARKS)?;
    let reading = reader.warnings;
    Ok(Bundle { manifest, runs, reading, ..Bundle::default() })
}

fn take_manifest(archive: &mut Archive<'_>, limits: &Limits) -> Result<Manifest, ReadError> {
    match archive.member(MANIFEST, limits.manifest_bytes) {
        Ok(member) => manifest::parse(&member.bytes, member.byte),
        Err(MemberError::Missing) => Err(ReadError::NoManifest { member: MANIFEST }),
        Err(MemberError::Damaged { byte, reason }) => Err(ReadError::Manifest { member: MANIFEST, byte, reason }),
        Err(MemberError::TooLarge { limit }) => Err(ReadError::TooLarge { member: MANIFEST.to_owned(), limit }),
    }
}

/// Reads members that a manifest names and gathers what is wrong with them.
struct Reader<'a, M> {
    members: M,
    /// Path and hash of each member in the manifest.
    listed: HashMap<&'a str, Option<&'a str>>,
    limits: &'a Limits,
    warnings: Vec<Warning>,
}

impl<M: Members> Reader<'_, M> {
    fn damaged(&mut self, member: &str, reason: impl Into<String>) {
        self.warnings.push(Warning::DamagedMember { member: member.to_owned(), reason: reason.into() });
    }

    /// The value, or a warning; only an excess of size ends the reading.
    fn take<T>(&mut self, member: &str, result: Result<T, MemberError>) -> Result<Option<T>, ReadError> {
        match result {
            Ok(value) => return Ok(Some(value)),
            Err(MemberError::Missing) => self.damaged(member, "it is missing from the zip"),
            Err(MemberError::Damaged { byte, reason }) => self.damaged(member, format!("byte {byte}: {reason}")),
            Err(MemberError::TooLarge { limit }) => {
                return Err(ReadError::TooLarge { member: member.to_owned(), limit });
            }
        }
        Ok(None)
    }

    /// A member whose hash is right, or none with a warning.
    fn member(&mut self, path: &str) -> Result<Option<MemberBytes>, ReadError> {
        let result = self.members.member(path, self.limits.member_bytes);
        let Some(member) = self.take(path, result)? else { return Ok(None) };
        let expected = self.listed.get(path).copied().flatten();
        if expected.is_some_and(|expected| expected != hash::sha256(&member.bytes)) {
            self.damaged(path, format!("byte {}: its SHA-256 is not the one in the manifest", member.byte));
            return Ok(None);
        }
        Ok(Some(member))
    }

    /// As `member`, decompressed.
    fn gzip_member(&mut self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(member) = self.member(path)? else { return Ok(None) };
        let result = self.members.gunzip(&member);
        self.take(path, result)
    }

    fn profile(&mut self, info: &ProfileInfo) -> Result<Option<Profile>, ReadError> {
        let (path, order_path) = (profile_path(&info.name), order_path(&info.name));
        let Some(bytes) = self.gzip_member(&path)? else { return Ok(None) };
        if let Some(order) = self.order(&order_path)? {
            match pprof::decode_plain(&bytes, info.clone(), Some(&order)) {
                Ok(profile) => return Ok(Some(profile)),
                Err(pprof::DecodeError { fault: fault @ pprof::Fault::Order(_), .. }) => {
                    self.damaged(&order_path, fault.to_string());
                }
                Err(error) => {
                    self.damaged(&path, error.to_string());
                    return Ok(None);
                }
            }
        }
        match pprof::decode_plain(&bytes, info.clone(), None) {
            Ok(profile) => Ok(Some(profile)),
            Err(error) => {
                self.damaged(&path, error.to_string());
                Ok(None)
            }
        }
    }

    fn order(&mut self, path: &str) -> Result<Option<Order>, ReadError> {
        if !self.listed.contains_key(path) {
            return Ok(None);
        }
        let Some(bytes) = self.gzip_member(path)? else { return Ok(None) };
        match Order::decode(&bytes) {
            Ok(order) => Ok(Some(order)),
            Err(error) => {
                self.damaged(path, error.to_string());
                Ok(None)
            }
        }
    }

    fn keys(&mut self, path: &str) -> Result<Option<KeyTrace>, ReadError> {
        let Some(name) = keys_name(path) else { return Ok(None) };
        let Some(bytes) = self.gzip_member(path)? else { return Ok(None) };
        match keys::decode(name, &bytes) {
            Ok(trace) => Ok(Some(trace)),
            Err(error) => {
                self.damaged(path, error.to_string());
                Ok(None)
            }
        }
    }

    /// The lines of a member; none where the bundle has no such member.
    fn rows<T: DeserializeOwned>(&mut self, path: &str) -> Result<Arc<Vec<T>>, ReadError> {
        if !self.listed.contains_key(path) {
            return Ok(Arc::default());
        }
        let Some(member) = self.member(path)? else { return Ok(Arc::default()) };
        let (rows, warning) = jsonl::decode(path, &member.bytes);
        self.warnings.extend(warning);
        Ok(Arc::new(rows))
    }

    fn timeline(&mut self) -> Result<Timeline, ReadError> {
        if !self.listed.contains_key(TIMELINE) {
            return Ok(Timeline::default());
        }
        let Some(member) = self.member(TIMELINE)? else { return Ok(Timeline::default()) };
        let (timeline, warning) = timeline::decode(&member.bytes);
        self.warnings.extend(warning);
        Ok(timeline)
    }
}
