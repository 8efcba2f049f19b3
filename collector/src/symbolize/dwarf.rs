//! Source lines and inlined calls from debug information.

use super::Resolved;
use super::cache::{Cache, Cached, FILE_LIMIT};
use super::demangle::demangle;
use super::elf::hex;
use super::units;
use addr2line::gimli::{self, EndianSlice, RunTimeEndian};
use addr2line::{Context, Frame};
use object::{Object, ObjectSection};
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;

pub(super) type Reader<'a> = EndianSlice<'a, RunTimeEndian>;

/// Sections that hold names, lines and ranges of code. Variables and macros are large and of no use here.
const WANTED: [gimli::SectionId; 11] = [
    gimli::SectionId::DebugAbbrev,
    gimli::SectionId::DebugAddr,
    gimli::SectionId::DebugAranges,
    gimli::SectionId::DebugInfo,
    gimli::SectionId::DebugLine,
    gimli::SectionId::DebugLineStr,
    gimli::SectionId::DebugRanges,
    gimli::SectionId::DebugRngLists,
    gimli::SectionId::DebugStr,
    gimli::SectionId::DebugStrOffsets,
    gimli::SectionId::DebugTypes,
];

/// Bytes of the sections of a file, uncompressed where they were compressed.
#[derive(Default)]
pub(super) struct Sections<'a> {
    found: HashMap<&'static str, Bytes<'a>>,
    /// What an earlier recording had inflated.
    cached: Option<Cached>,
    endian: RunTimeEndian,
}

/// Where a section's bytes are.
enum Bytes<'a> {
    Here(Cow<'a, [u8]>),
    Cached(Range<usize>),
}

impl<'a> Sections<'a> {
    pub(super) fn of(object: &object::File<'a>, cache: Option<&Cache>) -> Self {
        let endian = if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let mut sections = Self { endian, ..Self::default() };
        let mut compressed = Vec::new();
        for name in WANTED.map(gimli::SectionId::name) {
            let Some(section) = object.section_by_name(name) else { continue };
            match section.compressed_file_range() {
                Ok(range) if range.format != object::CompressionFormat::None => compressed.push((name, section, range)),
                _ => {
                    let bytes = section.data().unwrap_or_default();
                    sections.found.insert(name, Bytes::Here(Cow::Borrowed(bytes)));
                }
            }
        }
        let total: u64 = compressed.iter().map(|(_, _, range)| range.uncompressed_size).sum();
        let key = if total <= FILE_LIMIT as u64 { key(object, &compressed) } else { None };
        let cached = key.as_deref().zip(cache).and_then(|(key, cache)| cache.read(key));
        if let Some(cached) = cached.filter(|cached| cached.len() as u64 == total) {
            let mut end = 0;
            for (name, _, range) in compressed {
                let start = end;
                end += usize::try_from(range.uncompressed_size).unwrap_or(0);
                sections.found.insert(name, Bytes::Cached(start..end));
            }
            sections.cached = Some(cached);
            return sections;
        }
        let inflated: Vec<(&str, Cow<'a, [u8]>)> = compressed
            .into_iter()
            .map(|(name, section, _)| (name, section.uncompressed_data().unwrap_or_default()))
            .collect();
        if let Some((key, cache)) = key.zip(cache).filter(|_| !inflated.is_empty()) {
            let parts: Vec<&[u8]> = inflated.iter().map(|(_, bytes)| &**bytes).collect();
            cache.write(&key, &parts);
        }
        sections.found.extend(inflated.into_iter().map(|(name, bytes)| (name, Bytes::Here(bytes))));
        sections
    }

    /// The `.debug_info` of the units that hold the sorted addresses; `None` where the whole section is needed.
    pub(super) fn units_of(&self, addresses: &[u64]) -> Option<Vec<u8>> {
        let [info, abbreviations, ranges] =
            [gimli::SectionId::DebugInfo, gimli::SectionId::DebugAbbrev, gimli::SectionId::DebugAranges]
                .map(|id| self.reader(id));
        units::select(info, abbreviations, ranges, addresses)
    }

    fn reader(&self, id: gimli::SectionId) -> Reader<'_> {
        let bytes = match (self.found.get(id.name()), &self.cached) {
            (Some(Bytes::Here(bytes)), _) => bytes,
            (Some(Bytes::Cached(range)), Some(cached)) => &cached[range.clone()],
            _ => &[],
        };
        EndianSlice::new(bytes, self.endian)
    }
}

/// Names the content of these sections: files with equal build ids may have been rewritten (`dwz`).
fn key<'a>(
    object: &object::File<'a>,
    sections: &[(&str, object::Section<'a, '_>, object::CompressedFileRange)],
) -> Option<String> {
    let build_id = object.build_id().ok().flatten()?;
    let sizes: Vec<(&str, u64, u64)> =
        sections.iter().map(|(name, _, range)| (*name, range.compressed_size, range.uncompressed_size)).collect();
    let sizes = foldhash::quality::FixedState::with_seed(1).hash_one(sizes);
    Some(format!("debug-{}-{sizes:016x}", hex(build_id)))
}

/// Debug information of one file.
pub(super) struct Lines<'a> {
    context: Context<Reader<'a>>,
    /// Lines of definitions by unit and entry.
    definitions: HashMap<(usize, usize), u32>,
}

impl<'a> Lines<'a> {
    /// Reads the index of the units, of all or of those that [`Sections::units_of`] found; `extra` is the file that
    /// `.gnu_debugaltlink` names.
    pub(super) fn new(
        sections: &'a Sections<'a>,
        units: Option<&'a [u8]>,
        extra: Option<&'a Sections<'a>>,
    ) -> Option<Self> {
        let load = |id: gimli::SectionId| {
            Ok::<_, gimli::Error>(match (id, units) {
                (gimli::SectionId::DebugInfo, Some(units)) => EndianSlice::new(units, sections.endian),
                // It tells offsets in the whole section; units say themselves where their code is.
                (gimli::SectionId::DebugAranges, Some(_)) => EndianSlice::new(&[], sections.endian),
                _ => sections.reader(id),
            })
        };
        let mut dwarf = gimli::Dwarf::load(load).ok()?;
        if let Some(extra) = extra {
            dwarf.load_sup(|id| Ok::<_, gimli::Error>(extra.reader(id))).ok()?;
        }
        Some(Self { context: Context::from_dwarf(dwarf).ok()?, definitions: HashMap::new() })
    }

    /// The functions at an address, outermost first. One may lack its name.
    pub(super) fn find(&mut self, address: u64) -> Vec<Resolved> {
        let mut found = Vec::new();
        // Debug information in files of its own (.dwo) is left out: the symbol table still names the function.
        let Ok(mut frames) = self.context.find_frames(address).skip_all_loads() else { return found };
        let mut entries = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            entries.push(frame.dw_die_offset);
            found.push(resolved(&frame));
        }
        drop(frames);
        for (frame, entry) in found.iter_mut().zip(entries) {
            frame.start_line = entry.map_or(0, |entry| self.definition(address, entry));
        }
        found.reverse();
        for frame in found.iter_mut().skip(1) {
            frame.inlined = true;
        }
        found
    }

    /// Line where a function is defined.
    fn definition(&mut self, address: u64, entry: gimli::UnitOffset) -> u32 {
        let Some(unit) = self.context.find_dwarf_and_unit(address).skip_all_loads() else { return 0 };
        let start = unit.header.debug_info_offset().map_or(usize::MAX, |offset| offset.0);
        if let Some(&line) = self.definitions.get(&(start, entry.0)) {
            return line;
        }
        let line = declared_line(unit, entry, 0).unwrap_or(0);
        self.definitions.insert((start, entry.0), line);
        line
    }
}

/// `DW_AT_decl_line` of an entry, or of the abstract one that it is an instance of.
fn declared_line(unit: gimli::UnitRef<'_, Reader<'_>>, entry: gimli::UnitOffset, depth: u8) -> Option<u32> {
    let entry = unit.entry(entry).ok()?;
    if let Some(line) = entry.attr_value(gimli::DW_AT_decl_line).and_then(|value| value.udata_value()) {
        return u32::try_from(line).ok();
    }
    let origin = [gimli::DW_AT_abstract_origin, gimli::DW_AT_specification];
    let origin = origin.into_iter().find_map(|name| entry.attr_value(name))?;
    match origin {
        gimli::AttributeValue::UnitRef(offset) if depth < 4 => declared_line(unit, offset, depth + 1),
        gimli::AttributeValue::DebugInfoRef(offset) if depth < 4 => {
            let within = offset.to_unit_offset(&unit.header)?;
            declared_line(unit, within, depth + 1)
        }
        _ => None,
    }
}

fn resolved(frame: &Frame<'_, Reader<'_>>) -> Resolved {
    let system_name = frame.function.as_ref().and_then(|f| Some(f.raw_name().ok()?.into_owned())).unwrap_or_default();
    let place = frame.location.as_ref();
    Resolved {
        name: demangle(&system_name).unwrap_or_else(|| system_name.clone()),
        system_name,
        file: place.and_then(|place| place.file).unwrap_or_default().to_owned(),
        line: place.and_then(|place| place.line).unwrap_or(0),
        start_line: 0,
        inlined: false,
    }
}
