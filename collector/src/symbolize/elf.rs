//! What the sampler needs to know of an ELF file, read from its headers alone.
//!
//! Reads few bytes, since it runs for each new file while the program runs.

use object::elf::{FileHeader32, FileHeader64, PF_X, PT_GNU_EH_FRAME, PT_LOAD, PT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, FileKind, ReadRef};
use std::fmt::Write;

/// A stretch of the file and the address it is linked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    pub offset: u64,
    pub size: u64,
    /// Stated virtual address.
    pub address: u64,
}

/// Sections that unwinding reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnwindSections {
    pub text: Option<Stretch>,
    pub got: Option<Stretch>,
    pub eh_frame: Option<Stretch>,
    pub eh_frame_hdr: Option<Stretch>,
    pub debug_frame: Option<Stretch>,
}

/// The headers of an ELF file.
#[derive(Clone, Debug, Default)]
pub struct ElfHeaders {
    /// In lower-case hex, empty where there is none.
    pub build_id: String,
    /// Loaded segments with code.
    pub code: Vec<Stretch>,
    /// Lowest stated address of all loaded segments.
    pub base: u64,
    pub unwind: UnwindSections,
}

impl ElfHeaders {
    /// Reads the headers; `None` where this is no ELF file.
    pub fn read<'data>(data: impl ReadRef<'data>) -> Option<Self> {
        match FileKind::parse(data).ok()? {
            FileKind::Elf64 => read_headers(FileHeader64::<Endianness>::parse(data).ok()?, data),
            FileKind::Elf32 => read_headers(FileHeader32::<Endianness>::parse(data).ok()?, data),
            _ => None,
        }
    }

    /// What has to be taken from addresses of a mapping that starts at `start` with the byte `offset` of the file, to
    /// get stated addresses. Without a matching segment, stated addresses are taken for offsets.
    #[must_use]
    pub fn bias(&self, start: u64, offset: u64) -> u64 {
        // The kernel maps whole pages, so a mapping may start before its segment does.
        let segment = self
            .code
            .iter()
            .find(|s| (offset..offset + 0x1_0000).contains(&s.offset))
            .or_else(|| self.code.iter().find(|s| offset >= s.offset && offset < s.offset + s.size));
        let stated = segment.map_or(offset, |s| offset.wrapping_sub(s.offset).wrapping_add(s.address));
        start.wrapping_sub(stated)
    }
}

fn read_headers<'data, Elf, R>(header: &Elf, data: R) -> Option<ElfHeaders>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let endian = header.endian().ok()?;
    let mut found = ElfHeaders { base: u64::MAX, ..ElfHeaders::default() };
    for segment in header.program_headers(endian, data).ok()? {
        let stretch = Stretch {
            offset: segment.p_offset(endian).into(),
            size: segment.p_filesz(endian).into(),
            address: segment.p_vaddr(endian).into(),
        };
        match segment.p_type(endian) {
            PT_LOAD => {
                found.base = found.base.min(stretch.address);
                if segment.p_flags(endian).0 & PF_X.0 != 0 {
                    found.code.push(stretch);
                }
            }
            PT_GNU_EH_FRAME => found.unwind.eh_frame_hdr = Some(stretch),
            PT_NOTE if found.build_id.is_empty() => {
                let id = segment.notes(endian, data).ok().flatten().and_then(|mut notes| {
                    std::iter::from_fn(|| notes.next().ok().flatten()).find_map(|note| {
                        (note.n_type(endian) == object::elf::NT_GNU_BUILD_ID && note.name() == b"GNU")
                            .then(|| hex(note.desc()))
                    })
                });
                found.build_id = id.unwrap_or_default();
            }
            _ => {}
        }
    }
    found.base = if found.base == u64::MAX { 0 } else { found.base };
    // Files may be cut short of their section headers; their segments still serve.
    if let Ok(sections) = header.sections(endian, data) {
        for section in sections.iter() {
            let Ok(name) = sections.section_name(endian, section) else { continue };
            let Some((offset, size)) = section.file_range(endian) else { continue };
            let stretch = Some(Stretch { offset, size, address: section.sh_addr(endian).into() });
            match name {
                b".text" => found.unwind.text = stretch,
                b".got" => found.unwind.got = stretch,
                b".eh_frame" => found.unwind.eh_frame = stretch,
                b".debug_frame" if section.sh_flags(endian).0 & object::elf::SHF_COMPRESSED.0 == 0 => {
                    found.unwind.debug_frame = stretch;
                }
                _ => {}
            }
        }
    }
    Some(found)
}

/// Bytes in lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
