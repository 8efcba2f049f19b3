//! Source lines and inlined calls from debug information.

use super::Resolved;
use super::demangle::demangle;
use addr2line::gimli::{self, EndianSlice, RunTimeEndian};
use addr2line::{Context, Frame};
use object::{Object, ObjectSection};
use std::borrow::Cow;
use std::collections::HashMap;

type Reader<'a> = EndianSlice<'a, RunTimeEndian>;

/// Bytes of the sections of a file, uncompressed where they were compressed.
#[derive(Default)]
pub(super) struct Sections<'a> {
    found: HashMap<&'static str, Cow<'a, [u8]>>,
    endian: RunTimeEndian,
}

impl<'a> Sections<'a> {
    pub(super) fn of(object: &object::File<'a>) -> Self {
        let endian = if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let mut found = HashMap::new();
        let load = |id: gimli::SectionId| -> Result<(), ()> {
            use gimli::SectionId as Id;
            if matches!(id, Id::DebugLoc | Id::DebugLocLists | Id::DebugMacinfo | Id::DebugMacro | Id::DebugNames) {
                return Ok(()); // variables and macros: large, often compressed, and of no use here
            }
            let data = object.section_by_name(id.name()).and_then(|section| section.uncompressed_data().ok());
            found.insert(id.name(), data.unwrap_or_default());
            Ok(())
        };
        // Loading cannot fail: what is missing is empty.
        gimli::DwarfSections::load(load).ok();
        Self { found, endian }
    }

    fn reader(&self, id: gimli::SectionId) -> Reader<'_> {
        EndianSlice::new(self.found.get(id.name()).map_or(&[], |data| data), self.endian)
    }
}

/// Debug information of one file.
pub(super) struct Lines<'a> {
    context: Context<Reader<'a>>,
    /// Lines of definitions by unit and entry.
    definitions: HashMap<(usize, usize), u32>,
}

impl<'a> Lines<'a> {
    /// Reads the index of the units; `extra` is the file that `.gnu_debugaltlink` names.
    pub(super) fn new(sections: &'a Sections<'a>, extra: Option<&'a Sections<'a>>) -> Option<Self> {
        let load = |id: gimli::SectionId| Ok::<_, gimli::Error>(sections.reader(id));
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
