//! What is left of a damaged file.
//!
//! Members are found by their local headers, and through the directory where it still opens. Nothing is shown of a
//! member whose checksum is wrong; of a timeline that the end of the file cuts off, the lines before are.

use super::archive::{Archive, MemberBytes, MemberError, Members, gunzip_member};
use super::read::read_members;
use super::salvage::{Blob, State, scan};
use super::{
    CACHES, CALLS, COUNTERS, LINES, Limits, MANIFEST, MEMORY, ReadError, SOURCE, TIMELINE, hash, keys_name, manifest,
    read, timeline,
};
use crate::model::{Bundle, FORMAT_VERSION, Manifest, Member, MemberKind, ProfileInfo, Timeline, Warning, WeightKind};
use crate::units::Bytes;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Reads what is whole in a file whose directory, manifest or members are damaged. Unless the file is whole, the bundle
/// is marked partial and the manifest's warnings say what is missing.
///
/// # Errors
/// When nothing is left, or a newer version wrote the file.
pub fn repair(bytes: &[u8]) -> Result<Bundle, ReadError> {
    match read(bytes) {
        Ok(bundle) if bundle.reading.is_empty() => return Ok(bundle),
        Err(error @ (ReadError::Empty | ReadError::Newer { .. } | ReadError::Upgrade { .. })) => return Err(error),
        _ => {}
    }
    let limits = Limits::default();
    let mut found = Found::scan(bytes, &limits);
    let known = found.manifest()?;
    let reason = match known {
        Some(_) => "recovered from a damaged file",
        None => "recovered from a file whose manifest is lost",
    };
    let manifest = known.unwrap_or_else(|| found.invent_manifest());
    found.rename(&manifest);
    let cut = found.cut_timeline();
    if manifest.id.is_empty() && manifest.members.is_empty() && cut.is_none() {
        return Err(ReadError::NothingRecovered);
    }
    let mut bundle = read_members(found, manifest, &limits)?;
    if let Some((timeline, skipped)) = cut {
        bundle.timeline = Arc::new(timeline);
        bundle.reading.extend(skipped);
    }
    bundle.manifest.partial = true;
    bundle.manifest.warnings.push(Warning::Partial { reason: reason.to_owned() });
    bundle.manifest.warnings.append(&mut bundle.reading);
    Ok(bundle)
}

/// Members of a damaged file by path.
struct Found<'a> {
    blobs: BTreeMap<String, Blob>,
    archive: Option<Archive<'a>>,
    limits: Limits,
    left: u64,
}

impl<'a> Found<'a> {
    fn scan(bytes: &'a [u8], limits: &Limits) -> Self {
        let mut blobs: BTreeMap<String, Blob> = BTreeMap::new();
        for blob in scan(bytes, limits) {
            let known = blobs.get(&blob.name);
            if known.is_none_or(|known| known.state == State::Cut && blob.state == State::Whole) {
                blobs.insert(blob.name.clone(), blob);
            }
        }
        Self { blobs, archive: Archive::open(bytes, limits).ok(), limits: *limits, left: limits.total_bytes }
    }

    fn manifest(&self) -> Result<Option<Manifest>, ReadError> {
        let Some(blob) = self.blobs.get(MANIFEST).filter(|blob| blob.state == State::Whole) else { return Ok(None) };
        match manifest::parse(&blob.bytes, blob.byte as u64) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error @ (ReadError::Newer { .. } | ReadError::Upgrade { .. })) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The lines of a timeline that were written before the file ends.
    fn cut_timeline(&self) -> Option<(Timeline, Option<Warning>)> {
        let blob = self.blobs.get(TIMELINE).filter(|blob| blob.state == State::Cut)?;
        let whole = blob.bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        Some(timeline::decode(&blob.bytes[..whole]))
    }

    /// A manifest of what the members alone tell.
    fn invent_manifest(&self) -> Manifest {
        let mut manifest = Manifest { format: FORMAT_VERSION, ..Default::default() };
        for (path, blob) in self.blobs.iter().filter(|(_, blob)| blob.state == State::Whole) {
            let stem = path.strip_prefix("profiles/");
            let kind = if let Some(name) = stem.and_then(|stem| stem.strip_suffix(".pb.gz")) {
                let weight = match name {
                    "cpu" => WeightKind::Cpu,
                    "wall" => WeightKind::Wall,
                    "alloc" => WeightKind::Bytes,
                    _ => WeightKind::Events,
                };
                manifest.profiles.push(ProfileInfo { name: name.to_owned(), weight, ..Default::default() });
                MemberKind::Profile
            } else if stem.is_some_and(|stem| stem.ends_with(".order.gz")) {
                MemberKind::Order
            } else if keys_name(path).is_some() {
                MemberKind::Keys
            } else {
                match path.as_str() {
                    TIMELINE => MemberKind::Timeline,
                    MEMORY => MemberKind::Memory,
                    CALLS => MemberKind::Calls,
                    LINES => MemberKind::Lines,
                    SOURCE => MemberKind::Source,
                    CACHES => MemberKind::Caches,
                    COUNTERS => MemberKind::Counters,
                    _ => continue,
                }
            };
            let bytes = Bytes(blob.bytes.len() as u64);
            manifest.members.push(Member { path: path.clone(), kind, bytes, sha256: None });
        }
        manifest
    }

    /// Gives members whose name in the local header is damaged the name that the manifest has for their hash.
    fn rename(&mut self, manifest: &Manifest) {
        let listed: HashSet<&str> = manifest.members.iter().map(|member| member.path.as_str()).collect();
        let hashes: HashMap<&str, &str> = manifest
            .members
            .iter()
            .filter_map(|member| Some((member.sha256.as_deref()?, member.path.as_str())))
            .collect();
        let is_strange = |path: &&String| *path != MANIFEST && !listed.contains(path.as_str());
        let strange: Vec<String> = self.blobs.keys().filter(is_strange).cloned().collect();
        for path in strange {
            let Some(blob) = self.blobs.remove(&path) else { continue };
            if let Some(&path) = hashes.get(hash::sha256(&blob.bytes).as_str()) {
                self.blobs.entry(path.to_owned()).or_insert(blob);
            }
        }
    }
}

impl Members for Found<'_> {
    fn member(&mut self, path: &str, size: u64) -> Result<MemberBytes, MemberError> {
        let cut = match self.blobs.remove(path) {
            Some(Blob { bytes, byte, state: State::Whole, .. }) => {
                return Ok(MemberBytes { bytes, byte: byte as u64 });
            }
            cut => cut,
        };
        match self.archive.as_mut().map(|archive| archive.member(path, size)) {
            Some(Ok(member)) => Ok(member),
            Some(Err(MemberError::Damaged { byte, reason })) => Err(MemberError::Damaged { byte, reason }),
            _ => Err(cut.map_or(MemberError::Missing, |cut| MemberError::Damaged {
                byte: cut.byte as u64,
                reason: "the file ends in it".to_owned(),
            })),
        }
    }

    fn gunzip(&mut self, member: &MemberBytes) -> Result<Vec<u8>, MemberError> {
        gunzip_member(member, &self.limits, &mut self.left).map_err(|error| match error {
            MemberError::TooLarge { limit } => {
                MemberError::Damaged { byte: member.byte, reason: format!("it is larger than {limit} bytes") }
            }
            error => error,
        })
    }
}
