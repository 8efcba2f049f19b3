//! The directory at the end of a zip: which members there are and where their data lies.
//!
//! Our own reader of the few fields that a bundle needs: the zip crate's is 40 KB in the page, most of it for archives that no
//! bundle is (encrypted, split, dated). Layout: APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16,
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>. Must not trust a figure in it: every read is checked.

const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_64_BYTES: usize = 20;
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// Longest comment behind the directory.
const COMMENT_BYTES: usize = 65_535;
/// Id of the extra field that holds what does not fit into 32 bits.
const ZIP64: u16 = 1;
const ENCRYPTED: u16 = 1;

/// What the directory says of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: Vec<u8>,
    pub encrypted: bool,
    /// 0 for stored, 8 for deflated.
    pub method: u16,
    /// CRC-32 of the content.
    pub crc: u32,
    /// Bytes in the file.
    pub packed: u64,
    /// Where its local header begins.
    pub header: u64,
}

/// A place in bytes from which little-endian numbers are read.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The bytes from an offset on, if they begin with these.
    fn at(bytes: &'a [u8], offset: u64, signature: [u8; 4]) -> Option<Self> {
        let rest = bytes.get(usize::try_from(offset).ok()?..)?;
        rest.starts_with(&signature).then_some(Self(rest))
    }

    fn number<const N: usize>(self, at: usize) -> Option<u64> {
        let bytes = self.0.get(at..at + N)?;
        Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn short(self, at: usize) -> Option<u16> {
        self.number::<2>(at).and_then(|number| u16::try_from(number).ok())
    }

    fn long(self, at: usize) -> Option<u64> {
        self.number::<4>(at)
    }

    fn wide(self, at: usize) -> Option<u64> {
        self.number::<8>(at)
    }
}

/// All entries of the directory, at most `limit` and one more.
///
/// # Errors
/// In words, when there is no directory or it does not hold what it says.
pub(super) fn entries(bytes: &[u8], limit: usize) -> Result<Vec<Entry>, &'static str> {
    let end = end_of_directory(bytes).ok_or("the end of the file is missing")?;
    let (count, mut at) = extent(bytes, end).ok_or("its end points outside of the file")?;
    let mut entries = Vec::new();
    for _ in 0..count {
        if entries.len() > limit {
            break;
        }
        let (entry, length) = Reader::at(bytes, at, ENTRY).and_then(entry).ok_or("an entry is damaged")?;
        entries.push(entry);
        at += length;
    }
    Ok(entries)
}

/// Where the data of an entry lies in the file.
pub(super) fn data<'a>(bytes: &'a [u8], entry: &Entry) -> Option<(u64, &'a [u8])> {
    let local = Reader::at(bytes, entry.header, LOCAL)?;
    let start = entry.header + 30 + u64::from(local.short(26)?) + u64::from(local.short(28)?);
    let end = start.checked_add(entry.packed)?;
    Some((start, bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?))
}

/// The last end record whose comment reaches to the end of the file.
fn end_of_directory(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_BYTES)?;
    let first = last.saturating_sub(COMMENT_BYTES);
    (first..=last).rev().find(|&at| {
        let comment = Reader(&bytes[at..]).short(20);
        bytes[at..].starts_with(&END)
            && comment.is_some_and(|comment| at + END_BYTES + usize::from(comment) == bytes.len())
    })
}

/// Number of entries and where the first is, from the wide record where the short one is full.
fn extent(bytes: &[u8], end: usize) -> Option<(u64, u64)> {
    let record = Reader(&bytes[end..]);
    let (count, start) = (u64::from(record.short(10)?), record.long(16)?);
    if count < u64::from(u16::MAX) && start < u64::from(u32::MAX) {
        return Some((count, start));
    }
    let wide = end.checked_sub(LOCATOR_64_BYTES).and_then(|at| Reader::at(bytes, at as u64, LOCATOR_64));
    let Some(locator) = wide else { return Some((count, start)) };
    let record = Reader::at(bytes, locator.wide(8)?, END_64)?;
    Some((record.wide(32)?, record.wide(48)?))
}

/// An entry and its length.
fn entry(record: Reader<'_>) -> Option<(Entry, u64)> {
    let length = |at: usize| record.short(at).map(usize::from);
    let name_end = 46 + length(28)?;
    let extra_end = name_end + length(30)?;
    let name = record.0.get(46..name_end)?.to_vec();
    let (mut packed, unpacked, mut header) = (record.long(20)?, record.long(24)?, record.long(42)?);
    let full = u64::from(u32::MAX);
    if let Some(extra) = zip64(record.0.get(name_end..extra_end)?) {
        // Only what is full in the short record is in the field, in this order.
        let mut at = if unpacked == full { 8 } else { 0 };
        for value in [&mut packed, &mut header] {
            if *value == full {
                *value = extra.wide(at)?;
                at += 8;
            }
        }
    }
    let crc = u32::try_from(record.long(16)?).ok()?;
    let (encrypted, method) = (record.short(8)? & ENCRYPTED != 0, record.short(10)?);
    Some((Entry { name, encrypted, method, crc, packed, header }, (extra_end + length(32)?) as u64))
}

fn zip64(mut extra: &[u8]) -> Option<Reader<'_>> {
    loop {
        let (id, length) = (Reader(extra).short(0)?, usize::from(Reader(extra).short(2)?));
        let field = extra.get(4..4 + length)?;
        if id == ZIP64 {
            return Some(Reader(field));
        }
        extra = &extra[4 + length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn zip(large: bool) -> Vec<u8> {
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, content) in [("a", &b"first"[..]), ("b/ü", b"second")] {
            let method = if name == "a" { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
            let options = SimpleFileOptions::default().compression_method(method).large_file(large);
            zip.start_file(name, options).expect("starts");
            zip.write_all(content).expect("writes");
        }
        zip.set_comment("PK\x05\x06 in a comment").expect("a comment");
        zip.finish().expect("finishes").into_inner()
    }

    #[test]
    fn what_the_zip_crate_wrote_is_found() {
        for large in [false, true] {
            let bytes = zip(large);
            let entries = entries(&bytes, 10).expect("a directory");
            let names: Vec<&[u8]> = entries.iter().map(|entry| &entry.name[..]).collect();
            assert_eq!(names, [b"a", "b/ü".as_bytes()]);
            assert_eq!((entries[0].method, entries[1].method, entries[0].encrypted), (0, 8, false));
            let (at, content) = data(&bytes, &entries[0]).expect("its data");
            assert_eq!((content, &bytes[usize::try_from(at).expect("small")..][..5]), (&b"first"[..], &b"first"[..]));
        }
    }

    #[test]
    fn a_directory_that_lies_is_refused() {
        let whole = zip(false);
        for cut in 0..whole.len() {
            assert!(entries(&whole[..cut], 10).is_err(), "cut at {cut}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            for entry in entries(&bytes, 10).unwrap_or_default() {
                data(&bytes, &entry);
            }
        }
        assert_eq!(entries(&whole, 0).expect("a directory").len(), 1);
    }
}
