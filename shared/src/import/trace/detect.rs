//! Which kind of trace a file is, by its first bytes.

use super::Format;
use super::binary::{CACHE2K, ORACLE, oracle_record};
use super::columns::{self, delimiter_of, fields};
use crate::import::bench::ImportError;

/// Bytes of content that decide.
pub(super) const HEAD: usize = 64 << 10;
/// Lines or records of them that are looked at.
const LOOKED_AT: usize = 200;

/// The kind of a file that begins with `head`; `all` where there is no more.
pub(super) fn format(head: &[u8], all: bool) -> Result<Format, ImportError> {
    if head.is_empty() {
        return Err(ImportError::new("the file is empty"));
    }
    if is_text(head) { of_lines(head, all) } else { of_records(head) }
}

/// Bytes of controls are in no line of text.
fn is_text(head: &[u8]) -> bool {
    !head.iter().any(|&byte| byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t'))
}

fn of_lines(head: &[u8], all: bool) -> Result<Format, ImportError> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut lines: Vec<&[u8]> = head.split(|&byte| byte == b'\n').collect();
    if lines.len() > 1 && !all {
        lines.pop();
    }
    let lines = lines.into_iter().map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let lines: Vec<&[u8]> = lines.take(LOOKED_AT).collect();
    let Some(first) = lines.first() else { return Err(ImportError::new("the file holds empty lines only")) };
    if first.starts_with(b"{") || first.starts_with(b"[") || first.starts_with(b"<") {
        return Err(ImportError::new("this is no trace of cache requests").hint(known()));
    }
    if lines.iter().all(|line| is_number(line) || *line == b"*") {
        return Ok(if lines.contains(&&b"*"[..]) { Format::Lirs } else { Format::Txt });
    }
    if Columns7::is_twitter(&lines) {
        return Ok(Format::Twitter);
    }
    let Some(delimiter) = delimiter_of(first) else { return Ok(Format::Txt) };
    if columns::of_names(first, delimiter).is_some() {
        return Ok(Format::Csv);
    }
    let width = fields(first, delimiter).len();
    if delimiter == b' ' && !lines.iter().all(|line| fields(line, delimiter).iter().all(|field| is_number(field))) {
        return Ok(Format::Txt);
    }
    // Where lines are of one width, there are columns whose meaning is not known, which reading them says.
    let even = lines.iter().filter(|line| fields(line, delimiter).len() == width).count();
    Ok(if even * 10 >= lines.len() * 9 { Format::Csv } else { Format::Txt })
}

struct Columns7;

impl Columns7 {
    /// Seven columns or more, since keys may hold commas, of which the last but one is an operation.
    fn is_twitter(lines: &[&[u8]]) -> bool {
        lines.iter().all(|line| {
            let fields = fields(line, b',');
            let is = |place: usize| fields.len().checked_sub(place).and_then(|at| fields.get(at));
            fields.len() >= 7
                && is_number(fields[0])
                && is(2).is_some_and(|operation| columns::is_operation(operation))
                && [5, 4, 1].iter().all(|&place| is(place).is_some_and(|field| is_number(field)))
        })
    }
}

pub(super) fn is_number(field: &[u8]) -> bool {
    let digits = field.strip_prefix(b"-").unwrap_or(field);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn of_records(head: &[u8]) -> Result<Format, ImportError> {
    if is_oracle_general(head) {
        return Ok(Format::OracleGeneral);
    }
    // Keys are numbers from 0 on, so that the most significant of four bytes varies least.
    let keys = head.chunks_exact(CACHE2K);
    let small = keys.clone().filter(|key| key[0] == 0).count();
    let varied = keys.clone().filter(|key| key[3] != 0).count();
    if small * 100 >= keys.len() * 99 && varied * 2 >= keys.len() && keys.len() > 0 {
        return Ok(Format::Cache2k);
    }
    Err(ImportError::new("this is no trace that can be told by its content").hint(known()))
}

/// Times that do not fall, next uses that lie ahead or are -1.
fn is_oracle_general(head: &[u8]) -> bool {
    let mut last = 0;
    let mut records = head.chunks_exact(ORACLE).take(LOOKED_AT).zip(0_i64..).peekable();
    records.peek().is_some()
        && records.all(|(record, number)| {
            let Ok(record) = record.try_into() else { return false };
            let (time, _, _, next) = oracle_record(record);
            let grows = time >= last;
            last = time;
            grows && (next == -1 || next > number)
        })
}

/// The kinds that are known, for messages.
pub(super) fn known() -> String {
    let kinds: Vec<&str> = Format::ALL.iter().map(|format| format.id()).collect();
    format!("say which it is with --trace-format: {}", kinds.join(", "))
}
