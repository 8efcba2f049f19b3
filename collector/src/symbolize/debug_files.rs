//! Debug information that distributions keep in files of its own.
//!
//! Places as in "Debugging Information in Separate Files" of the GDB manual.

use super::elf::hex;
use super::mapped::map;
use memmap2::Mmap;
use object::Object;
use std::fs::File;
use std::path::{Path, PathBuf};

const ROOT: &str = "/usr/lib/debug";

/// The debug file of a stripped one, found by its build id or by the link in it.
pub(super) fn find(object: &object::File<'_>, path: &str) -> Option<Mmap> {
    let build_id = object.build_id().ok().flatten();
    if let Some(found) = build_id.and_then(|id| open(&by_build_id(id)?, Some(id))) {
        return Some(found);
    }
    let (name, _crc) = object.gnu_debuglink().ok()??;
    let name = str::from_utf8(name).ok()?;
    let folder = Path::new(path).parent()?;
    let below_root = Path::new(ROOT).join(folder.strip_prefix("/").ok()?).join(name);
    // Without a build id to compare, a file of the right name may be of another version.
    let build_id = build_id?;
    [folder.join(name), folder.join(".debug").join(name), below_root].iter().find_map(|path| open(path, Some(build_id)))
}

/// The file with what several debug files share (made by `dwz`).
pub(super) fn find_shared(object: &object::File<'_>, path: &str) -> Option<Mmap> {
    let (name, build_id) = object.gnu_debugaltlink().ok()??;
    let name = Path::new(str::from_utf8(name).ok()?);
    let from_link = Path::new(path).parent()?.join(name);
    let candidates = [Some(from_link), by_build_id(build_id)];
    candidates.into_iter().flatten().find_map(|path| open(&path, Some(build_id)))
}

fn by_build_id(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first()?;
    Some(PathBuf::from(format!("{ROOT}/.build-id/{}/{}.debug", hex(&[*first]), hex(rest))))
}

fn open(path: &Path, build_id: Option<&[u8]>) -> Option<Mmap> {
    let bytes = map(&File::open(path).ok()?).ok()?;
    let matches = object::File::parse(&*bytes).ok()?.build_id().ok()? == build_id;
    matches.then_some(bytes)
}
