//! Files that code was mapped from, opened when the mapping was seen: later they may be deleted or replaced.

use super::elf::{ElfHeaders, Stretch};
use object::ReadCache;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Path of the kernel's page of code in every process.
pub const VDSO: &str = "[vdso]";
/// Files held open at most; what comes later is opened by its path when its symbols are read.
const OPEN_FILES_MAX: usize = 400;
/// Unwind tables larger than this are not read.
const SECTION_BYTES_MAX: u64 = 256 << 20;

/// Which file a mapping is of, as the kernel tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileKey {
    pub major: u32,
    pub minor: u32,
    pub inode: u64,
    /// Tells a file from an earlier one with the same inode.
    pub generation: u64,
}

/// A mapping of code.
#[derive(Clone, Copy, Debug)]
pub struct Mapped<'a> {
    pub pid: u32,
    pub start: u64,
    pub end: u64,
    /// Offset of `start` in the file.
    pub offset: u64,
    pub key: FileKey,
    pub path: &'a str,
}

/// Where an image's bytes are.
#[derive(Debug)]
pub enum ImageData {
    File(File),
    Bytes(Vec<u8>),
    /// Too many files are open, or it could not be opened.
    Closed,
}

/// Number of an image among [`Images`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageId(pub u32);

impl ImageId {
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A file with code.
#[derive(Debug)]
pub struct Image {
    pub path: String,
    pub headers: ElfHeaders,
    pub data: ImageData,
}

impl Image {
    /// The bytes of a section; `None` where they cannot be had.
    #[must_use]
    pub fn read(&self, section: Stretch) -> Option<Vec<u8>> {
        if section.size > SECTION_BYTES_MAX {
            return None;
        }
        let length = usize::try_from(section.size).ok()?;
        match &self.data {
            ImageData::File(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, section.offset).ok()?;
                Some(bytes)
            }
            ImageData::Bytes(bytes) => {
                let start = usize::try_from(section.offset).ok()?;
                bytes.get(start..start.checked_add(length)?).map(<[u8]>::to_vec)
            }
            ImageData::Closed => None,
        }
    }
}

/// All files that code of the recorded program was mapped from.
#[derive(Debug, Default)]
pub struct Images {
    list: Vec<Image>,
    known: HashMap<(FileKey, String), ImageId>,
    open_files: usize,
}

impl Images {
    #[must_use]
    pub fn get(&self, id: ImageId) -> &Image {
        &self.list[id.index()]
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn into_list(self) -> Vec<Image> {
        self.list
    }

    /// Adds the files of another sampler. Numbers of its images are of no use any more.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// The image of a mapping, opened if it is new.
    pub fn of_mapping(&mut self, mapped: &Mapped<'_>) -> ImageId {
        let key = (mapped.key, mapped.path.to_owned());
        if let Some(&id) = self.known.get(&key) {
            return id;
        }
        let data = if mapped.path == VDSO { own_vdso() } else { open_mapped(mapped) };
        let headers = read_headers(&data).unwrap_or_default();
        let data = match data {
            ImageData::File(_) if self.open_files >= OPEN_FILES_MAX => ImageData::Closed,
            other => other,
        };
        self.open_files += usize::from(matches!(data, ImageData::File(_)));
        let id = ImageId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        let path = mapped.path.strip_suffix(" (deleted)").unwrap_or(mapped.path).to_owned();
        self.list.push(Image { path, headers, data });
        self.known.insert(key, id);
        id
    }
}

fn read_headers(data: &ImageData) -> Option<ElfHeaders> {
    match data {
        ImageData::File(file) => ElfHeaders::read(&ReadCache::new(file)),
        ImageData::Bytes(bytes) => ElfHeaders::read(bytes.as_slice()),
        ImageData::Closed => None,
    }
}

/// Opens the file of a mapping through the process, which may see other files than we do, or by its path when the
/// process is gone.
fn open_mapped(mapped: &Mapped<'_>) -> ImageData {
    let Mapped { pid, start, end, key, path, .. } = *mapped;
    if !path.starts_with('/') {
        return ImageData::Closed;
    }
    let in_root = PathBuf::from(format!("/proc/{pid}/root{path}"));
    let candidates = [
        in_root.clone(),
        PathBuf::from(format!("/proc/{pid}/map_files/{start:x}-{end:x}")), // for root only; deleted files too
        PathBuf::from(format!("/proc/{pid}/exe")),
        PathBuf::from(path),
    ];
    let same = candidates.iter().find_map(|path| open_regular(path).filter(|(_, inode, _)| *inode == key.inode));
    // Overlays and btrfs tell other inodes than the mapping does; they have no device of their own.
    let overlaid = || [in_root, PathBuf::from(path)].iter().find_map(|path| open_regular(path).filter(|f| f.2 == 0));
    same.or_else(overlaid).map_or(ImageData::Closed, |(file, ..)| ImageData::File(file))
}

/// The file with its inode and the major number of its device.
fn open_regular(path: &Path) -> Option<(File, u64, u32)> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path).ok()?;
    let meta = file.metadata().ok()?;
    meta.is_file().then(|| (file, meta.ino(), libc::major(meta.dev())))
}

/// The vdso is the same in every process of this kernel, so ours serves.
fn own_vdso() -> ImageData {
    let read = || -> Option<Vec<u8>> {
        let maps = fs::read_to_string("/proc/self/maps").ok()?;
        let range = maps.lines().find(|line| line.ends_with(VDSO))?.split(' ').next()?;
        let (start, end) = range.split_once('-')?;
        let start = u64::from_str_radix(start, 16).ok()?;
        let end = u64::from_str_radix(end, 16).ok()?;
        let mut bytes = vec![0; usize::try_from(end - start).ok()?];
        File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, start).ok()?;
        Some(bytes)
    };
    read().map_or(ImageData::Closed, ImageData::Bytes)
}

/// The names in a perf map that cover the given addresses: lines of start, size (hex) and name. Code may have moved, so
/// the last line that covers an address counts.
///
/// Format: Linux `tools/perf/Documentation/jit-interface.txt`.
pub fn read_perf_map(mut map: impl Read, addresses: &[u64]) -> Vec<(u64, String)> {
    let mut bytes = Vec::new();
    if map.read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut entries: Vec<(u64, u64, &str)> = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(start), Some(size), Some(name)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let number = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16);
        if let (Ok(start), Ok(size)) = (number(start), number(size)) {
            entries.push((start, size, name));
        }
    }
    let mut sorted: Vec<u64> = addresses.to_vec();
    sorted.sort_unstable();
    let mut names: Vec<Option<&str>> = vec![None; sorted.len()];
    for (start, size, name) in entries {
        let from = sorted.partition_point(|&a| a < start);
        let to = sorted.partition_point(|&a| a < start.saturating_add(size));
        names[from..to].fill(Some(name));
    }
    sorted.into_iter().zip(names).filter_map(|(address, name)| Some((address, name?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_perf_map_that_covers_an_address_names_it() {
        let map = b"1000 100 first\n0x2000 10 JS:*f a b.js:1:2\nnonsense\n1080 10 moved here\n3000 zz broken\n";
        let names = read_perf_map(&map[..], &[0x2005, 0x1000, 0x1085, 0x10ff, 0x1100, 0x2010]);
        let expect = [(0x1000, "first"), (0x1085, "moved here"), (0x10ff, "first"), (0x2005, "JS:*f a b.js:1:2")];
        assert_eq!(names, expect.map(|(address, name)| (address, name.to_owned())));
    }

    #[test]
    fn the_vdso_is_an_image_with_unwind_tables() {
        let mut images = Images::default();
        let mapped = Mapped { pid: 1, start: 0, end: 0x2000, offset: 0, key: FileKey::default(), path: VDSO };
        let id = images.of_mapping(&mapped);
        let headers = &images.get(id).headers;
        assert!(headers.unwind.eh_frame.and_then(|section| images.get(id).read(section)).is_some(), "{headers:?}");
        assert_eq!(images.of_mapping(&mapped), id);
    }
}
