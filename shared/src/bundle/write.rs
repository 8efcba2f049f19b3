//! Bundle to file. Equal bundles give equal bytes.

use super::gzip::gzip;
use super::order::{MAX_SAMPLES, Order};
use super::pprof::{Span, encode_with_rows};
use super::{BENCHMARKS, CACHES, CALLS, COUNTERS, KEYS, LINES, MANIFEST, MEMORY, SOURCE, TIMELINE};
use super::{WriteError, hash, jsonl, keys, keys_path, order_path, profile_path, timeline};
use crate::model::{Bundle, FORMAT_VERSION, Manifest, Member, MemberKind, Profile};
use crate::units::Bytes;
use std::collections::HashSet;
use std::io::{Cursor, Read, Seek, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

/// Writes a bundle. Format, profile entries and members of the manifest are filled in here; all else, the summary
/// included, is written as it stands.
///
/// # Errors
/// When a profile's name cannot be a file name, is taken twice, or its samples break the rules of timed samples.
pub fn write(bundle: &Bundle) -> Result<Vec<u8>, WriteError> {
    write_with(bundle, |_| {})
}

/// The same, with a last word on the manifest once everything else is encoded: what writing itself cost, for one.
///
/// # Errors
/// As [`write`].
pub fn write_with(bundle: &Bundle, last_word: impl FnOnce(&mut Manifest)) -> Result<Vec<u8>, WriteError> {
    let mut members = members(bundle)?;
    let runs = jsonl::encode(&bundle.runs).map_err(json(BENCHMARKS))?;
    if !runs.is_empty() {
        members.push(NewMember { path: BENCHMARKS.to_owned(), kind: MemberKind::Benchmarks, bytes: runs });
    }
    let manifest = manifest(bundle, members.iter().map(NewMember::entry).collect(), last_word)?;
    let size: usize = members.iter().map(|member| member.bytes.len()).sum();
    let out = Cursor::new(Vec::with_capacity(size + manifest.len() + 4096));
    Ok(zip_up(&manifest, &members, out)?.finish()?.into_inner())
}

/// Writes a bundle whose runs are not in it, but lie in `runs` as the lines of `benchmarks.jsonl`: they are copied, so
/// that a million of them need no memory.
///
/// # Errors
/// As [`write`], and when `runs` cannot be read or `out` not be written.
pub fn write_runs(bundle: &Bundle, runs: &mut (impl Read + Seek), out: impl Write + Seek) -> Result<(), WriteError> {
    let failed = |error: std::io::Error| WriteError::from(zip::result::ZipError::from(error));
    let members = members(bundle)?;
    let (bytes, sha256) = hash::sha256_of(runs).map_err(failed)?;
    runs.rewind().map_err(failed)?;
    let mut entries: Vec<Member> = members.iter().map(NewMember::entry).collect();
    if bytes > 0 {
        let (path, kind) = (BENCHMARKS.to_owned(), MemberKind::Benchmarks);
        entries.push(Member { path, kind, bytes: Bytes(bytes), sha256: Some(sha256) });
    }
    let mut zip = zip_up(&manifest(bundle, entries, |_| {})?, &members, out)?;
    if bytes > 0 {
        let options = options().compression_method(CompressionMethod::Deflated);
        zip.start_file(BENCHMARKS, options.large_file(u32::try_from(bytes).is_err()))?;
        std::io::copy(runs, &mut zip).map_err(failed)?;
    }
    zip.finish()?.flush().map_err(failed)
}

/// All members but the manifest and the runs.
fn members(bundle: &Bundle) -> Result<Vec<NewMember>, WriteError> {
    check_names(bundle)?;
    let span = Span::of(&bundle.manifest);
    let mut members = Vec::new();
    for profile in &bundle.profiles {
        check_samples(profile)?;
        push_profile(profile, span, &mut members);
    }
    let timeline = timeline::encode(&bundle.timeline).map_err(json(TIMELINE))?;
    let memory = jsonl::encode(&bundle.memory).map_err(json(MEMORY))?;
    let calls = jsonl::encode(&bundle.calls).map_err(json(CALLS))?;
    let lines = jsonl::encode(&bundle.lines).map_err(json(LINES))?;
    let source = jsonl::encode(&bundle.source).map_err(json(SOURCE))?;
    let caches = jsonl::encode(&bundle.caches).map_err(json(CACHES))?;
    let counters = jsonl::encode(&bundle.counters).map_err(json(COUNTERS))?;
    let rows = [
        (TIMELINE, MemberKind::Timeline, timeline),
        (MEMORY, MemberKind::Memory, memory),
        (CALLS, MemberKind::Calls, calls),
        (LINES, MemberKind::Lines, lines),
        (SOURCE, MemberKind::Source, source),
        (CACHES, MemberKind::Caches, caches),
        (COUNTERS, MemberKind::Counters, counters),
    ];
    for (path, kind, bytes) in rows.into_iter().filter(|(_, _, bytes)| !bytes.is_empty()) {
        members.push(NewMember { path: path.to_owned(), kind, bytes });
    }
    for trace in &bundle.keys {
        if let Some(fault) = keys::fault(trace) {
            return Err(WriteError::KeyTrace { name: trace.name.clone(), fault });
        }
        let bytes = gzip(&keys::encode(trace).map_err(json(KEYS))?);
        members.push(NewMember { path: keys_path(&trace.name), kind: MemberKind::Keys, bytes });
    }
    Ok(members)
}

fn manifest(
    bundle: &Bundle,
    members: Vec<Member>,
    last_word: impl FnOnce(&mut Manifest),
) -> Result<Vec<u8>, WriteError> {
    let mut manifest = Manifest {
        format: FORMAT_VERSION,
        profiles: bundle.profiles.iter().map(|profile| profile.info.clone()).collect(),
        members,
        ..bundle.manifest.clone()
    };
    last_word(&mut manifest);
    let mut manifest = serde_json::to_vec_pretty(&manifest).map_err(json(MANIFEST))?;
    manifest.push(b'\n');
    Ok(manifest)
}

struct NewMember {
    path: String,
    kind: MemberKind,
    bytes: Vec<u8>,
}

impl NewMember {
    fn entry(&self) -> Member {
        Member {
            path: self.path.clone(),
            kind: self.kind,
            bytes: Bytes(self.bytes.len() as u64),
            sha256: Some(hash::sha256(&self.bytes)),
        }
    }

    fn method(&self) -> CompressionMethod {
        match self.kind {
            MemberKind::Profile | MemberKind::Order | MemberKind::Keys => CompressionMethod::Stored,
            _ => CompressionMethod::Deflated,
        }
    }
}

fn json(member: &'static str) -> impl Fn(serde_json::Error) -> WriteError {
    move |source| WriteError::Json { member, source }
}

fn check_names(bundle: &Bundle) -> Result<(), WriteError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_name = |name: &str| !name.is_empty() && name.len() <= 100 && name.bytes().all(fits);
    let mut names = HashSet::new();
    for profile in &bundle.profiles {
        let name = &profile.info.name;
        if !is_name(name) {
            return Err(WriteError::ProfileName(name.clone()));
        }
        if !names.insert(name) {
            return Err(WriteError::DuplicateProfile(name.clone()));
        }
    }
    names.clear();
    for trace in &bundle.keys {
        let name = &trace.name;
        let fault = match is_name(name) {
            true if names.insert(name) => continue,
            true => "is there twice",
            false => "has a name that cannot be a file name; use letters, digits, `-` and `_`",
        };
        return Err(WriteError::KeyTrace { name: name.clone(), fault });
    }
    Ok(())
}

fn check_samples(profile: &Profile) -> Result<(), WriteError> {
    let samples = &profile.samples;
    if samples.len() as u64 > MAX_SAMPLES {
        let (profile, samples) = (profile.info.name.clone(), samples.len());
        return Err(WriteError::TooManySamples { profile, samples, limit: MAX_SAMPLES });
    }
    match samples.count.iter().position(|&count| count != 1) {
        Some(sample) if samples.time.is_some() && profile.info.weight.adds_up() => {
            let (profile, count) = (profile.info.name.clone(), samples.count[sample]);
            Err(WriteError::TimedCount { profile, sample, count })
        }
        _ => Ok(()),
    }
}

fn push_profile(profile: &Profile, span: Span, members: &mut Vec<NewMember>) {
    let encoded = encode_with_rows(profile, span);
    let name = &profile.info.name;
    members.push(NewMember { path: profile_path(name), kind: MemberKind::Profile, bytes: encoded.bytes });
    if let Some(time) = &profile.samples.time {
        let adds_up = profile.info.weight.adds_up();
        let weight = (!adds_up || !encoded.even).then(|| profile.samples.weight.clone());
        let count = (!adds_up).then(|| profile.samples.count.clone());
        let order = Order { time: time.clone(), row: encoded.row, weight, count };
        let bytes = gzip(&order.encode());
        members.push(NewMember { path: order_path(name), kind: MemberKind::Order, bytes });
    }
}

/// The manifest comes first: a file that was cut short still has it.
fn zip_up<W: Write + Seek>(manifest: &[u8], members: &[NewMember], out: W) -> Result<ZipWriter<W>, WriteError> {
    let mut zip = ZipWriter::new(out);
    let options = options();
    zip.start_file(MANIFEST, options.compression_method(CompressionMethod::Deflated))?;
    zip.write_all(manifest).map_err(zip::result::ZipError::from)?;
    for member in members {
        let large = u32::try_from(member.bytes.len()).is_err();
        zip.start_file(member.path.as_str(), options.compression_method(member.method()).large_file(large))?;
        zip.write_all(&member.bytes).map_err(zip::result::ZipError::from)?;
    }
    Ok(zip)
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::DEFAULT.last_modified_time(DateTime::DEFAULT).system(System::Unix).unix_permissions(0o644)
}
