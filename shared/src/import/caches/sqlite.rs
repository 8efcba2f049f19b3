//! `analysis.db` of wtf-codebot: how many entries, how large, how old. From the pages of the file
//! (sqlite.org/fileformat2.html), read only; values are pickled objects and are never looked into.

use super::CacheFile;
use crate::import::bench::ImportError;
use crate::model::{CacheRecord, CacheScope, CounterSource};
use crate::units::{Bytes, Nanos};

pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";
const TABLE: &[u8] = b"cache_entries";
/// Deepest tree of pages: each has two children or more.
const DEPTH: usize = 32;
/// Kinds of pages of a table.
const LEAF: u8 = 13;
const INTERIOR: u8 = 5;

fn damaged(page: u32) -> ImportError {
    ImportError::new(format!("page {page} of the database is damaged"))
        .hint("copy the file again, with the program closed")
}

/// A value of a row as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
enum Column {
    Null,
    Integer(i64),
    Real(f64),
    /// Text or bytes: how many, and where in the row.
    Bytes {
        length: u64,
        at: u64,
    },
}

struct Database<'a> {
    bytes: &'a [u8],
    page: usize,
    /// Bytes of a page that rows may use.
    usable: usize,
    /// Pages that may still be visited, so that links in a circle end.
    left: usize,
}

/// A row where it lies: a part in its page, the rest in pages that follow each other.
struct Row<'a> {
    local: &'a [u8],
    length: u64,
    overflow: u32,
}

pub(super) fn read(bytes: &[u8]) -> Result<CacheFile, ImportError> {
    let mut database = Database::open(bytes)?;
    let mut root = None;
    database.rows(1, &mut |database, row| {
        let columns = database.columns(&row, 5)?;
        let is = |place: usize, text: &[u8]| match columns.get(place) {
            Some(&Column::Bytes { length, at }) if length == text.len() as u64 => {
                usize::try_from(at).is_ok_and(|at| row.local.get(at..).is_some_and(|rest| rest.starts_with(text)))
            }
            _ => false,
        };
        if is(0, b"table") && is(1, TABLE) {
            root = match columns.get(3) {
                Some(&Column::Integer(page)) => u32::try_from(page).ok(),
                _ => None,
            };
        }
        Ok(())
    })?;
    let Some(root) = root else {
        return Err(ImportError::new("this database of SQLite has no table cache_entries")
            .hint("wtf-codebot's analysis.db has one"));
    };
    let (mut entries, mut size, mut ttls, mut stamps) = (0, 0, Vec::new(), Vec::new());
    database.rows(root, &mut |database, row| {
        let columns = database.columns(&row, 4)?;
        entries += 1;
        if let Some(Column::Bytes { length, .. }) = columns.get(1) {
            size += length;
        }
        let number = |place: usize| match columns.get(place) {
            Some(&Column::Real(number)) => Some(number),
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            Some(&Column::Integer(number)) => Some(number as f64),
            _ => None,
        };
        stamps.extend(number(2));
        ttls.push(number(3));
        Ok(())
    })?;
    Ok(told(&database, entries, size, &ttls, &stamps))
}

fn told(database: &Database<'_>, entries: u64, size: u64, ttls: &[Option<f64>], stamps: &[f64]) -> CacheFile {
    let same = ttls.first().copied().flatten().filter(|first| ttls.iter().all(|ttl| *ttl == Some(*first)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
    let ttl_ns = same.filter(|ttl| (0.0..1e9).contains(ttl)).map(|ttl| Nanos((ttl * 1e9) as u64));
    let name = String::from_utf8_lossy(TABLE).into_owned();
    let mut notes = vec![(name.clone(), "it has no counters; values are pickled and were not read".to_owned())];
    if let (Some(first), Some(last)) =
        (stamps.iter().copied().reduce(f64::min), stamps.iter().copied().reduce(f64::max))
    {
        notes.push((name.clone(), format!("its entries were written within {:.0} s", last - first)));
    }
    if database.bytes[18] == 2 {
        let wal = "the database keeps a log beside it (-wal): what lies only there is not in these figures";
        notes.push((name.clone(), wal.to_owned()));
    }
    let record = CacheRecord {
        name,
        library: "wtf-codebot".to_owned(),
        scope: CacheScope::Object,
        source: CounterSource::Imported,
        entries: Some(entries),
        bytes: Some(Bytes(size)),
        ttl_ns,
        ..CacheRecord::default()
    };
    CacheFile { tool: "wtf-codebot", records: vec![record], notes }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A number of one to nine bytes, most significant first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..9 {
        let byte = *bytes.split_off_first()?;
        if place == 8 {
            return Some(value << 8 | u64::from(byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            break;
        }
    }
    Some(value)
}

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, ImportError> {
        let short =
            || ImportError::new(format!("the database is cut: it has {} bytes", bytes.len())).hint("copy it again");
        let page = match u16_at(bytes, 16).ok_or_else(short)? {
            1 => 1 << 16,
            page => page,
        };
        let reserved = usize::from(*bytes.get(20).ok_or_else(short)?);
        if !page.is_power_of_two() || page < 512 || reserved > page - 480 {
            return Err(damaged(1));
        }
        if bytes.len() < page || !bytes.len().is_multiple_of(page) {
            return Err(short());
        }
        Ok(Self { bytes, page, usable: page - reserved, left: bytes.len() / page })
    }

    fn page(&mut self, number: u32) -> Result<&'a [u8], ImportError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| damaged(number))?;
        self.peek(number).ok_or_else(|| damaged(number))
    }

    fn peek(&self, number: u32) -> Option<&'a [u8]> {
        let start = usize::try_from(number.checked_sub(1)?).ok()?.checked_mul(self.page)?;
        self.bytes.get(start..start.checked_add(self.page)?)
    }

    /// Gives every row of a table to `take`.
    fn rows(
        &mut self,
        root: u32,
        take: &mut dyn FnMut(&Self, Row<'a>) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        self.left = self.bytes.len() / self.page;
        let mut open = vec![(root, 0)];
        while let Some((number, depth)) = open.pop() {
            let page = self.page(number)?;
            let fault = || damaged(number);
            let head = if number == 1 { 100 } else { 0 };
            let kind = page[head];
            let (interior, length) = match kind {
                LEAF => (false, 8),
                INTERIOR if depth < DEPTH => (true, 12),
                _ => return Err(fault()),
            };
            let cells = u16_at(page, head + 3).ok_or_else(fault)?;
            for cell in 0..cells {
                let at = u16_at(page, head + length + cell * 2).ok_or_else(fault)?;
                if interior {
                    open.push((u32_at(page, at).ok_or_else(fault)?, depth + 1));
                } else {
                    let row = self.row(page, at).ok_or_else(fault)?;
                    take(self, row)?;
                }
            }
            if interior {
                open.push((u32_at(page, head + 8).ok_or_else(fault)?, depth + 1));
            }
        }
        Ok(())
    }

    /// The row of a cell of a leaf ("B-tree Cell Format").
    fn row(&self, page: &'a [u8], at: usize) -> Option<Row<'a>> {
        let mut rest = page.get(at..self.usable)?;
        let length = varint(&mut rest)?;
        varint(&mut rest)?;
        let most = self.usable - 35;
        let whole = usize::try_from(length).ok()?;
        if whole <= most {
            return Some(Row { local: rest.get(..whole)?, length, overflow: 0 });
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let some = least + (whole - least) % (self.usable - 4);
        let local = if some <= most { some } else { least };
        Some(Row { local: rest.get(..local)?, length, overflow: u32_at(rest, local)? })
    }

    /// Eight bytes or fewer of a row, from `at` on; pages before them are passed over.
    fn bytes_of(&self, row: &Row<'a>, at: u64, length: usize) -> Option<Vec<u8>> {
        let mut found = Vec::with_capacity(length);
        let (mut part, mut before, mut next) = (row.local, 0_u64, row.overflow);
        let mut left = self.bytes.len() / self.page;
        loop {
            let end = before + part.len() as u64;
            while found.len() < length && at + (found.len() as u64) < end {
                let place = usize::try_from(at + found.len() as u64 - before).ok()?;
                found.push(*part.get(place)?);
            }
            if found.len() == length {
                return Some(found);
            }
            left = left.checked_sub(1)?;
            let page = self.peek(next)?;
            next = u32_at(page, 0)?;
            before = end;
            part = page.get(4..self.usable)?;
        }
    }

    /// The first columns of a row ("Record Format"). Their types must lie in the row's own page.
    fn columns(&self, row: &Row<'a>, wanted: usize) -> Result<Vec<Column>, ImportError> {
        self.columns_of(row, wanted)
            .ok_or_else(|| ImportError::new("a row of the database is damaged").hint("copy it again"))
    }

    fn columns_of(&self, row: &Row<'a>, wanted: usize) -> Option<Vec<Column>> {
        let mut types = row.local;
        let length = varint(&mut types)?;
        let header = usize::try_from(length).ok()?;
        let mut types = row.local.get(row.local.len() - types.len()..header)?;
        let mut at = length;
        let mut columns = Vec::new();
        while columns.len() < wanted && !types.is_empty() {
            let kind = varint(&mut types)?;
            let (column, size) = match kind {
                0 => (Column::Null, 0),
                1..=6 => {
                    let size = [1, 2, 3, 4, 6, 8][usize::try_from(kind).ok()? - 1];
                    let bytes = self.bytes_of(row, at, size)?;
                    let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
                    let value = bytes.iter().fold(sign, |value: i64, &byte| value << 8 | i64::from(byte));
                    (Column::Integer(value), size as u64)
                }
                7 => {
                    let bytes: [u8; 8] = self.bytes_of(row, at, 8)?.try_into().ok()?;
                    (Column::Real(f64::from_be_bytes(bytes)), 8)
                }
                8 | 9 => (Column::Integer(i64::from(kind == 9)), 0),
                10 | 11 => return None,
                _ => {
                    let length = (kind - 12) / 2;
                    (Column::Bytes { length, at }, length)
                }
            };
            at = at.checked_add(size).filter(|&at| at <= row.length)?;
            columns.push(column);
        }
        Some(columns)
    }
}
