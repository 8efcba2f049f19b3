//! Traces of lines: ids alone, or columns.

use super::columns::{Columns, is_other_operation, plain};
use super::input::Input;
use super::{Next, Notes, Request};
use crate::import::bench::ImportError;
use std::hash::{BuildHasher, Hasher};

/// An id as 64 bits: the number that it is, or else a hash.
fn id_of(field: &[u8], line: u64, notes: &mut Notes) -> u64 {
    number(field).unwrap_or_else(|| {
        notes.hashed += 1;
        notes.first_hashed.get_or_insert(line);
        let mut hasher = foldhash::quality::FixedState::with_seed(0x7065_7266).build_hasher();
        hasher.write(field);
        hasher.finish()
    })
}

/// A number of 64 bits, signed or not.
fn number(field: &[u8]) -> Option<u64> {
    let (digits, negative) = field.strip_prefix(b"-").map_or((field, false), |digits| (digits, true));
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    let mut value = 0_u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(digit.into())?;
    }
    match negative {
        false => Some(value),
        true if value <= 1 << 63 => Some(value.wrapping_neg()),
        true => None,
    }
}

fn shown(field: &[u8]) -> String {
    String::from_utf8_lossy(&field[..field.len().min(40)]).into_owned()
}

/// An id a line.
pub(super) struct Ids {
    line: u64,
    /// Every id is a number.
    numbers: bool,
}

impl Ids {
    pub(super) fn new(numbers: bool) -> Self {
        Self { line: 0, numbers }
    }

    pub(super) fn next(&mut self, input: &mut Input<'_>, notes: &mut Notes) -> Result<Next, ImportError> {
        loop {
            let Some((length, end)) = input.line()? else { return Ok(Next::End) };
            if end == 0 && input.end() == super::End::Cut {
                return Ok(Next::Cut(format!("in line {}, ", self.line + 1)));
            }
            self.line += 1;
            let field = input.ahead()[..length].trim_ascii();
            if field.is_empty() || field == b"*" {
                notes.marks += u64::from(!field.is_empty());
                input.take(length + end);
                continue;
            }
            if self.numbers && number(field).is_none() {
                let reason = format!("`{}` is neither a number of 64 bits nor *", shown(field));
                return Err(ImportError::at_row(self.line_number(), reason)
                    .hint("read ids of any kind with --trace-format txt"));
            }
            let id = id_of(field, self.line, notes);
            input.take(length + end);
            notes.last_line_open |= end == 0;
            return Ok(Next::Request(Request { id, size: 1, ..Request::default() }));
        }
    }

    fn line_number(&self) -> usize {
        usize::try_from(self.line).unwrap_or(usize::MAX)
    }
}

/// A request a line, in columns.
pub(super) struct Rows {
    columns: Columns,
    delimiter: u8,
    line: u64,
    /// The last column that is needed.
    last: usize,
    /// Ends of the fields of a line.
    ends: Vec<usize>,
}

impl Rows {
    pub(super) fn new(columns: Columns, lines_before: u64) -> Self {
        let needed = columns.size.iter().chain(&columns.time).chain(&columns.next).chain(&columns.operation);
        let last = needed.copied().max().unwrap_or(0).max(columns.id);
        let delimiter = columns.delimiter.unwrap_or(b',');
        Self { columns, delimiter, line: lines_before, last, ends: Vec::new() }
    }

    pub(super) fn has_sizes(&self) -> bool {
        !self.columns.size.is_empty()
    }

    pub(super) fn next(&mut self, input: &mut Input<'_>, notes: &mut Notes) -> Result<Next, ImportError> {
        loop {
            let Some((length, end)) = input.line()? else { return Ok(Next::End) };
            self.line += 1;
            let line = input.ahead()[..length].trim_ascii();
            if line.is_empty() {
                input.take(length + end);
                continue;
            }
            if end == 0 && input.end() == super::End::Cut {
                return Ok(Next::Cut(format!("in line {}, ", self.line)));
            }
            self.split(line);
            if self.ends.len() <= self.last {
                let found = self.ends.len();
                if end == 0 {
                    return Ok(Next::Cut(format!("in line {} of {found} columns, ", self.line)));
                }
                let reason =
                    format!("it has {found} columns, and column {} is needed: `{}`", self.last + 1, shown(line));
                return Err(self.fault(reason));
            }
            let request = self.request(line, notes)?;
            input.take(length + end);
            if let Some(request) = request {
                return Ok(Next::Request(request));
            }
            notes.other_operations += 1;
        }
    }

    /// Finds the fields of a line, of which a key with the delimiter in it is one.
    fn split(&mut self, line: &[u8]) {
        self.ends.clear();
        let delimiter = self.delimiter;
        let mut ends = line.iter().enumerate().filter(|(_, byte)| **byte == delimiter).map(|(place, _)| place);
        if delimiter == b' ' {
            // Blanks in a row are one.
            ends.by_ref().filter(|&place| line[place - 1] != b' ').for_each(|place| self.ends.push(place));
        } else {
            self.ends.extend(ends);
        }
        self.ends.push(line.len());
        if let Some(behind) = self.columns.behind_id {
            let width = self.columns.id + 1 + behind;
            if let Some(more) = self.ends.len().checked_sub(width) {
                self.ends.drain(self.columns.id..self.columns.id + more);
            }
        }
    }

    fn field<'l>(&self, line: &'l [u8], column: usize) -> &'l [u8] {
        let end = self.ends.get(column).copied().unwrap_or(0);
        let start = column.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&before| before + 1);
        plain(line.get(start..end).unwrap_or_default())
    }

    fn request(&self, line: &[u8], notes: &mut Notes) -> Result<Option<Request>, ImportError> {
        let columns = &self.columns;
        if columns.operation.is_some_and(|column| is_other_operation(self.field(line, column))) {
            return Ok(None);
        }
        let mut size = u64::from(columns.size.is_empty());
        for &column in &columns.size {
            size += self.size(self.field(line, column))?;
        }
        let Ok(size) = u32::try_from(size) else {
            return Err(self.fault(format!("a size of {size} bytes is above the 4 GiB that an entry may have")));
        };
        let id = self.field(line, columns.id);
        if id.is_empty() {
            return Err(self.fault("its id is empty"));
        }
        let time = columns.time.map(|column| self.field(line, column)).and_then(number);
        let time_ns = time.filter(|_| columns.seconds).and_then(|time| time.checked_mul(1_000_000_000));
        let next = columns.next.map(|column| self.field(line, column)).and_then(number).map(u64::cast_signed);
        let next = next.map(|next| if next == i64::MAX { -1 } else { next });
        Ok(Some(Request { id: id_of(id, self.line, notes), size, time_ns, next }))
    }

    fn size(&self, field: &[u8]) -> Result<u64, ImportError> {
        if field.starts_with(b"-") && number(field).is_some() {
            return Err(self.fault(format!("its size is negative ({})", shown(field))));
        }
        let whole = number(field).filter(|&size| size <= 1 << 40);
        whole.ok_or_else(|| self.fault(format!("its size is no number of bytes (`{}`)", shown(field))))
    }

    fn fault(&self, reason: impl Into<String>) -> ImportError {
        ImportError::at_row(usize::try_from(self.line).unwrap_or(usize::MAX), reason)
    }
}
