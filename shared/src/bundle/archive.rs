//! The zip around the members, with limits on all that it claims.

use super::directory::{Entry, data, entries};
use super::gzip::{GunzipError, check_crc, gunzip, inflate};
use super::{Limits, ReadError};
use std::collections::HashMap;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Where members come from: a zip's directory, or what is left of one.
pub(super) trait Members {
    /// A member of at most `size` bytes.
    fn member(&mut self, path: &str, size: u64) -> Result<MemberBytes, MemberError>;
    /// What a member holds, decompressed.
    fn gunzip(&mut self, member: &MemberBytes) -> Result<Vec<u8>, MemberError>;
}

/// An opened zip whose names and counts were checked.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: HashMap<Vec<u8>, Entry>,
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
        let directory = |reason: &str| ReadError::Directory { reason: reason.to_owned() };
        let listed = entries(bytes, limits.members).map_err(directory)?;
        let members = listed.len();
        if members > limits.members {
            return Err(ReadError::TooManyMembers { members, limit: limits.members });
        }
        let mut entries = HashMap::with_capacity(members);
        for entry in listed {
            if let Some(reason) = fault_of_name(&entry.name) {
                return Err(ReadError::BadName { name: String::from_utf8_lossy(&entry.name).into_owned(), reason });
            }
            entries.insert(entry.name.clone(), entry);
        }
        if entries.len() < members {
            return Err(ReadError::DuplicateNames);
        }
        Ok(Self { bytes, entries, limits: *limits, left: limits.total_bytes })
    }
}

impl Members for Archive<'_> {
    fn member(&mut self, path: &str, size: u64) -> Result<MemberBytes, MemberError> {
        let entry = self.entries.get(path.as_bytes()).ok_or(MemberError::Missing)?;
        let damaged = |byte: u64, reason: &str| MemberError::Damaged { byte, reason: reason.to_owned() };
        let found =
            data(self.bytes, entry).ok_or_else(|| damaged(entry.header, "its data is not where it should be"))?;
        let (byte, packed) = found;
        let limit = self.limits.output_of(packed.len(), size.min(self.left));
        let bytes = match entry.method {
            _ if entry.encrypted => return Err(damaged(byte, "it is encrypted")),
            STORED if packed.len() as u64 > limit => return Err(MemberError::TooLarge { limit }),
            STORED => packed.to_vec(),
            DEFLATED => inflate(packed, limit).map_err(|error| at(byte, error))?.0,
            _ => return Err(damaged(byte, "it is compressed in a way that perfcollect does not write")),
        };
        check_crc(&bytes, entry.crc).map_err(|error| at(byte, error))?;
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
