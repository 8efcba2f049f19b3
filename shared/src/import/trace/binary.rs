//! Traces of records of a fixed length.

use super::Next;
use super::Request;
use super::input::Input;
use crate::import::bench::{ImportError, Place};

/// Length of a record of oracleGeneral: `{u32 time; u64 id; u32 size; i64 next}`, packed, least byte first.
pub(super) const ORACLE: usize = 24;
/// Length of a key of cache2k.
pub(super) const CACHE2K: usize = 4;

/// A record of oracleGeneral: seconds, id, bytes, number of the next request for it.
pub(super) fn oracle_record(record: &[u8; ORACLE]) -> (u32, u64, u32, i64) {
    let [t0, t1, t2, t3, id @ .., s0, s1, s2, s3, n0, n1, n2, n3, n4, n5, n6, n7] = *record;
    let time = u32::from_le_bytes([t0, t1, t2, t3]);
    let size = u32::from_le_bytes([s0, s1, s2, s3]);
    (time, u64::from_le_bytes(id), size, i64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7]))
}

pub(super) fn oracle_general(input: &mut Input<'_>, before: u64) -> Result<Next, ImportError> {
    input.fill(ORACLE)?;
    let Some(record) = input.ahead().first_chunk::<ORACLE>() else { return Ok(rest(input, ORACLE)) };
    let (time, id, size, next) = oracle_record(record);
    if size > i32::MAX.unsigned_abs() {
        let place = Place::Record { record: before + 1, byte: input.at() };
        let negative = ImportError::new(format!("its size is negative ({})", size.cast_signed()));
        return Err(ImportError { place: Some(place), ..negative }.hint("no object of a trace is that large"));
    }
    input.take(ORACLE);
    let next = if next == i64::MAX { -1 } else { next };
    Ok(Next::Request(Request { id, size, time_ns: Some(u64::from(time) * 1_000_000_000), next: Some(next) }))
}

pub(super) fn cache2k(input: &mut Input<'_>) -> Result<Next, ImportError> {
    input.fill(CACHE2K)?;
    let Some(&key) = input.ahead().first_chunk::<CACHE2K>() else { return Ok(rest(input, CACHE2K)) };
    input.take(CACHE2K);
    Ok(Next::Request(Request { id: u32::from_be_bytes(key).into(), size: 1, ..Request::default() }))
}

/// The end of the content, or of a record of `length` bytes that is cut.
fn rest(input: &Input<'_>, length: usize) -> Next {
    match input.ahead().len() {
        0 => Next::End,
        bytes => Next::Cut(format!("{bytes} bytes into a record of {length}, ")),
    }
}
