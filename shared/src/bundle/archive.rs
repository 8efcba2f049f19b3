//! The zip around the members, with limits on all that it claims.

use super::gzip::{GunzipError, gunzip, read_limited};
use super::{Limits, ReadError};
use std::io::Cursor;
use zip::ZipArchive;

/// Where members come from: a zip's directory, or what is left of one.
pub(super) trait Members {
    /// A member of at most `size` bytes.
    fn member(&mut self, path: &str, size: u64) -> Result<MemberBytes, MemberError>;
    /// What a member holds, decompressed.
    fn gunzip(&mut self, member: &MemberBytes) -> Result<Vec<u8>, MemberError>;
}

/// An opened zip whose names and counts were checked.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    limits: Limits,
    /// Output bytes that may still be made.
    left: u64,
}

/// A member as it came out of the zip.
pub(super) struct MemberBytes {
    pub bytes: Vec<u8>,
    /// Where its data begins in the file.
    pub byte: u64,
}

/// Why one member gave nothing.
pub(super) enum MemberError {
    Missing,
    Damaged { byte: u64, reason: String },
    TooLarge { limit: u64 },
}

impl<'a> Archive<'a> {
    /// Opens the directory at the end of `bytes`; no member is read.
    pub(super) fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, ReadError> {
        if bytes.is_empty() {
            return Err(ReadError::Empty);
        }
        if !bytes.starts_with(b"PK") {
            return Err(ReadError::NotZip);
        }
        let zip =
            ZipArchive::new(Cursor::new(bytes)).map_err(|error| ReadError::Directory { reason: reason_of(&error) })?;
        if zip.len() > limits.members {
            return Err(ReadError::TooManyMembers { members: zip.len(), limit: limits.members });
        }
        if zip.has_duplicate_names() {
            return Err(ReadError::DuplicateNames);
        }
        for name in zip.file_names_raw() {
            if let Some(reason) = fault_of_name(name) {
                return Err(ReadError::BadName { name: String::from_utf8_lossy(name).into_owned(), reason });
            }
        }
        Ok(Self { zip, limits: *limits, left: limits.total_bytes })
    }
}

impl Members for Archive<'_> {
    fn member(&mut self, path: &str, size: u64) -> Result<MemberBytes, MemberError> {
        let index = self.zip.index_for_name(path).ok_or(MemberError::Missing)?;
        let header = self.zip.metadata().entry(index).map_or(0, |entry| entry.header_start());
        let damaged = |error: zip::result::ZipError| MemberError::Damaged { byte: header, reason: error.to_string() };
        let file = self.zip.by_index(index).map_err(damaged)?;
        let byte = file.data_start().unwrap_or(file.header_start());
        let input = usize::try_from(file.compressed_size()).unwrap_or(usize::MAX);
        let limit = self.limits.output_of(input, size.min(self.left));
        let bytes = read_limited(file, input, limit).map_err(|error| at(byte, error))?;
        self.left -= bytes.len() as u64;
        Ok(MemberBytes { bytes, byte })
    }

    fn gunzip(&mut self, member: &MemberBytes) -> Result<Vec<u8>, MemberError> {
        gunzip_member(member, &self.limits, &mut self.left)
    }
}

/// Decompresses a member and takes its size from what is `left`.
pub(super) fn gunzip_member(member: &MemberBytes, limits: &Limits, left: &mut u64) -> Result<Vec<u8>, MemberError> {
    let size = limits.member_bytes.min(*left);
    let bytes = gunzip(&member.bytes, limits, size).map_err(|error| at(member.byte, error))?;
    *left -= bytes.len() as u64;
    Ok(bytes)
}

/// The zip crate's words, but for the one that everybody meets.
fn reason_of(error: &zip::result::ZipError) -> String {
    match error.to_string() {
        text if text.contains("EOCD") => "the end of the file is missing".to_owned(),
        text => text,
    }
}

fn at(byte: u64, error: GunzipError) -> MemberError {
    match error {
        GunzipError::TooLarge { limit, .. } => MemberError::TooLarge { limit },
        damaged @ GunzipError::Damaged { .. } => MemberError::Damaged { byte, reason: damaged.to_string() },
    }
}

/// What is wrong with a member's name, if anything.
pub(super) fn fault_of_name(name: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(name);
    if text.is_empty() {
        Some("is empty")
    } else if text.contains('\0') {
        Some("holds a NUL")
    } else if text.contains('\\') {
        Some("holds a backslash")
    } else if text.starts_with('/') || text.as_bytes().get(1) == Some(&b':') {
        Some("is absolute")
    } else if text.split('/').any(|part| part == ".." || part == ".") {
        Some("leaves the bundle or stays in place (`..`, `.`)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::fault_of_name;

    #[test]
    fn names_that_could_leave_a_folder_are_refused() {
        for bad in ["", "../x", "a/../b", "/etc/passwd", "C:/x", "a\\b", "a\0b", "./a", "a/.."] {
            assert!(fault_of_name(bad.as_bytes()).is_some(), "{bad:?}");
        }
        for good in ["manifest.json", "profiles/cpu.pb.gz", "source/", "log/a..b", "a/…"] {
            assert_eq!(fault_of_name(good.as_bytes()), None, "{good:?}");
        }
    }
}
