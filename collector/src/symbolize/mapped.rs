//! Files mapped for reading symbols.
#![expect(unsafe_code, reason = "mapping a file into memory")]

use memmap2::Mmap;
use std::fs::File;
use std::io;

/// Maps a file. Symbols are read once the program has ended; debug information of gigabytes is not copied that way.
///
/// # Errors
/// When the kernel does not map it.
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the mapping is private and read-only. Were the file cut short meanwhile, reading would end us; linkers and
    // package managers replace files instead, and this file is held open.
    unsafe { Mmap::map(file) }
}
