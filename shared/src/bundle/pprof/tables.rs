//! Strings, mappings, functions and locations of a `profile.proto`.

use super::decode::Messages;
use super::wire::Fields;
use super::{DecodeError, Fault, Slice, tag};
use crate::model::{FrameId, FrameSpec, FunctionSpec, ModuleId, ProfileBuilder};
use foldhash::HashMap;
use std::borrow::Cow;
use std::ops::Range;

/// Most calls inlined into one location, and most frames of all locations.
const MAX_LINES: usize = 1024;
const MAX_FRAMES: usize = 32 << 20;

/// Tables that samples refer to.
pub(super) struct Tables<'a> {
    strings: Vec<Cow<'a, str>>,
    location_ids: Ids,
    /// Frames of all locations, callers first.
    frames: Vec<FrameId>,
    /// Frames of each location, as a range of `frames`.
    locations: Vec<Range<u32>>,
}

impl<'a> Tables<'a> {
    pub(super) fn read(messages: &Messages<'a>, builder: &mut ProfileBuilder) -> Result<Self, DecodeError> {
        let strings = messages.strings.iter().map(|slice| String::from_utf8_lossy(slice.bytes)).collect();
        let mut tables = Self { strings, location_ids: Ids::default(), frames: Vec::new(), locations: Vec::new() };
        let (mut mapping_ids, mut mappings) = (Ids::default(), Vec::new());
        for &message in &messages.mappings {
            let (id, mapping) = Mapping::read(message, &tables, builder)?;
            mapping_ids.insert(id, mappings.len(), "mapping", message.offset)?;
            mappings.push(mapping);
        }
        let (mut function_ids, mut functions) = (Ids::default(), Vec::new());
        for &message in &messages.functions {
            let (id, function) = Function::read(message)?;
            function_ids.insert(id, functions.len(), "function", message.offset)?;
            functions.push(function);
        }
        for &message in &messages.locations {
            let location = Location::read(message)?;
            let mapping = match location.mapping {
                0 => Mapping::default(),
                id => mappings[mapping_ids.get(id, "mapping", message.offset)?].clone(),
            };
            tables.location_ids.insert(location.id, tables.locations.len(), "location", message.offset)?;
            let start = tables.frames.len();
            let address = mapping.offset_of(location.address);
            for (place, &(function, line)) in location.lines.iter().rev().enumerate() {
                let function = functions[function_ids.get(function, "function", message.offset)?];
                let function = builder.function(function.spec(&tables, mapping.module, message.offset)?);
                tables.frames.push(builder.frame(FrameSpec { function, line, inlined: place > 0, address }));
            }
            if location.lines.is_empty() {
                let function = builder.function(FunctionSpec { module: mapping.module, ..Default::default() });
                tables.frames.push(builder.frame(FrameSpec { function, line: 0, inlined: false, address }));
            }
            if tables.frames.len() > MAX_FRAMES {
                let fault = Fault::TooMany { what: "frames", limit: MAX_FRAMES };
                return Err(DecodeError { byte: message.offset, fault });
            }
            tables.locations.push(row(start)..row(tables.frames.len()));
        }
        Ok(tables)
    }

    /// A string by its number, named in the message at `byte`.
    pub(super) fn string(&self, index: u64, byte: usize) -> Result<&str, DecodeError> {
        match usize::try_from(index).ok().and_then(|index| self.strings.get(index)) {
            Some(text) => Ok(text),
            None if index == 0 => Ok(""),
            None => Err(DecodeError { byte, fault: Fault::Missing { what: "string", id: index } }),
        }
    }

    /// Frames of the location with this id, callers first; never empty. It is named in the message at `byte`.
    pub(super) fn frames(&self, id: u64, byte: usize) -> Result<&[FrameId], DecodeError> {
        match self.location_ids.find(id) {
            Some(row) => {
                let range = &self.locations[row];
                Ok(&self.frames[range.start as usize..range.end as usize])
            }
            None => Err(DecodeError { byte, fault: Fault::Missing { what: "location", id } }),
        }
    }
}

/// Tables are limited to fewer rows than `u32` holds.
fn row(index: usize) -> u32 {
    FrameId::from_index(index).0
}

/// Ids to rows: our own ids are the rows, others may be any 64 bits.
#[derive(Default)]
struct Ids {
    /// Row plus one of each small id.
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
}

impl Ids {
    fn insert(&mut self, id: u64, index: usize, what: &'static str, byte: usize) -> Result<(), DecodeError> {
        let small = usize::try_from(id).ok().filter(|&id| id <= index * 2 + 64);
        let before = match small {
            Some(id) => {
                if id >= self.dense.len() {
                    self.dense.resize(id + 1, 0);
                }
                std::mem::replace(&mut self.dense[id], row(index) + 1)
            }
            None => self.sparse.insert(id, row(index) + 1).unwrap_or(0),
        };
        let twice = before != 0 || (small.is_some() && self.sparse.contains_key(&id));
        if id == 0 || twice { Err(DecodeError { byte, fault: Fault::Duplicate { what, id } }) } else { Ok(()) }
    }

    fn find(&self, id: u64) -> Option<usize> {
        let dense = usize::try_from(id).ok().and_then(|id| self.dense.get(id)).copied().unwrap_or(0);
        let found = if dense == 0 { self.sparse.get(&id).copied().unwrap_or(0) } else { dense };
        (found as usize).checked_sub(1)
    }

    fn get(&self, id: u64, what: &'static str, byte: usize) -> Result<usize, DecodeError> {
        self.find(id).ok_or(DecodeError { byte, fault: Fault::Missing { what, id } })
    }
}

/// Where a file was mapped.
#[derive(Clone, Default)]
struct Mapping {
    module: ModuleId,
    memory: Range<u64>,
    file_offset: u64,
}

impl Mapping {
    fn read(message: Slice<'_>, tables: &Tables<'_>, builder: &mut ProfileBuilder) -> Result<(u64, Self), DecodeError> {
        let (mut id, mut mapping, mut filename, mut build_id) = (0, Self::default(), 0, 0);
        for field in Fields::of(message) {
            let (tag, value) = field?;
            match tag {
                tag::mapping::ID => id = value.number(),
                tag::mapping::MEMORY_START => mapping.memory.start = value.number(),
                tag::mapping::MEMORY_LIMIT => mapping.memory.end = value.number(),
                tag::mapping::FILE_OFFSET => mapping.file_offset = value.number(),
                tag::mapping::FILENAME => filename = value.number(),
                tag::mapping::BUILD_ID => build_id = value.number(),
                _ => {}
            }
        }
        let (path, build_id) = (tables.string(filename, message.offset)?, tables.string(build_id, message.offset)?);
        mapping.module = builder.module(path, build_id);
        Ok((id, mapping))
    }

    /// Offset in the file of a virtual address; the address itself where the mapping does not hold it.
    fn offset_of(&self, address: u64) -> u64 {
        if self.memory.contains(&address) {
            (address - self.memory.start).saturating_add(self.file_offset)
        } else {
            address
        }
    }
}

/// A function before its module is known: only locations name one.
#[derive(Clone, Copy, Default)]
struct Function {
    name: u64,
    system_name: u64,
    filename: u64,
    start_line: u32,
}

impl Function {
    fn read(message: Slice<'_>) -> Result<(u64, Self), DecodeError> {
        let (mut id, mut function) = (0, Self::default());
        for field in Fields::of(message) {
            let (tag, value) = field?;
            match tag {
                tag::function::ID => id = value.number(),
                tag::function::NAME => function.name = value.number(),
                tag::function::SYSTEM_NAME => function.system_name = value.number(),
                tag::function::FILENAME => function.filename = value.number(),
                tag::function::START_LINE => function.start_line = line_number(value.number()),
                _ => {}
            }
        }
        Ok((id, function))
    }

    fn spec<'t>(self, tables: &'t Tables<'_>, module: ModuleId, byte: usize) -> Result<FunctionSpec<'t>, DecodeError> {
        let (name, system_name) = (tables.string(self.name, byte)?, tables.string(self.system_name, byte)?);
        let name = if name.is_empty() { system_name } else { name };
        let file = tables.string(self.filename, byte)?;
        Ok(FunctionSpec { name, system_name, file, start_line: self.start_line, module })
    }
}

#[derive(Default)]
struct Location {
    id: u64,
    mapping: u64,
    address: u64,
    /// Function and line, leaf first.
    lines: Vec<(u64, u32)>,
}

impl Location {
    fn read(message: Slice<'_>) -> Result<Self, DecodeError> {
        let mut location = Self::default();
        for field in Fields::of(message) {
            let (tag, value) = field?;
            match tag {
                tag::location::ID => location.id = value.number(),
                tag::location::MAPPING_ID => location.mapping = value.number(),
                tag::location::ADDRESS => location.address = value.number(),
                tag::location::LINE if location.lines.len() == MAX_LINES => {
                    let fault = Fault::TooMany { what: "inlined calls at one location", limit: MAX_LINES };
                    return Err(DecodeError { byte: message.offset, fault });
                }
                tag::location::LINE => {
                    let mut line = (0, 0);
                    for field in Fields::of(value.message()) {
                        match field? {
                            (tag::line::FUNCTION_ID, value) => line.0 = value.number(),
                            (tag::line::LINE, value) => line.1 = line_number(value.number()),
                            _ => {}
                        }
                    }
                    location.lines.push(line);
                }
                _ => {}
            }
        }
        Ok(location)
    }
}

/// Lines are signed in pprof; what is not a line number is not known.
fn line_number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(0)
}
