//! `profiles/<name>.order.gz`: when each raw sample was taken, and which row of the pprof member it is.
//!
//! Layout before gzip, every number a varint as in protocol buffers:
//!
//! ```text
//! "PCORDER" 1                     8 bytes: magic and version of the layout
//! samples                         N
//! columns                         0; 1 where the weight column is there; 3 where weight and count columns are
//! bytes, then N times             nanoseconds since the sample before (the first: since the start)
//! bytes, then N rows              zigzag of the difference to the row before (the first: to 0)
//! bytes, then N weights           zigzag of the difference to the weight before (the first: to 0)
//! bytes, then N counts            likewise
//! ```

use crate::units::Nanos;
use prost::encoding::{decode_varint, encode_varint};

const MAGIC: &[u8; 8] = b"PCORDER\x01";
/// Largest number of samples: four hours of eight busy cores at 499 Hz are 57 million.
pub(super) const MAX_SAMPLES: u64 = 64 << 20;

/// Columns of equal length, one entry per raw sample in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Since the start of the recording, never decreasing.
    pub time: Vec<Nanos>,
    /// Row of the pprof member, counted from 0.
    pub row: Vec<u32>,
    /// `None` where every sample of a row weighs the same: its row's weight over its row's count.
    pub weight: Option<Vec<Nanos>>,
    /// Blocks behind each sample of live bytes; `None` where every sample counts once. Never without weights.
    pub count: Option<Vec<u32>>,
}

/// Why order columns cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("it does not begin with the mark of order columns of version 1 (byte 0)")]
    Magic,
    #[error("it does not begin with the mark of a trace of keys of version 1 (byte 0)")]
    Trace,
    #[error("the {column} column is damaged at byte {byte}")]
    Column { column: &'static str, byte: usize },
    #[error("it claims {samples} samples in {bytes} bytes")]
    TooMany { samples: u64, bytes: usize },
    #[error("sample {sample} names row {row} of {rows}")]
    Row { sample: usize, row: u32, rows: usize },
    #[error("its samples of row {row} do not add up to what the profile says")]
    Sums { row: usize },
    #[error("it has a column of counts where the profile measures time, or none where it measures bytes")]
    Counts,
}

impl Order {
    /// The columns before gzip.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.time.len() * 6 + 64);
        bytes.extend_from_slice(MAGIC);
        encode_varint(self.time.len() as u64, &mut bytes);
        encode_varint(u64::from(self.weight.is_some()) | u64::from(self.count.is_some()) << 1, &mut bytes);
        let mut column = Vec::with_capacity(self.time.len() * 4);
        let mut last = 0;
        for time in &self.time {
            encode_varint(time.0.saturating_sub(last), &mut column);
            last = time.0;
        }
        push_column(&mut column, &mut bytes);
        deltas(self.row.iter().map(|&row| u64::from(row)), &mut column);
        push_column(&mut column, &mut bytes);
        if let Some(weights) = &self.weight {
            deltas(weights.iter().map(|weight| weight.0), &mut column);
            push_column(&mut column, &mut bytes);
        }
        if let Some(counts) = &self.count {
            deltas(counts.iter().map(|&count| u64::from(count)), &mut column);
            push_column(&mut column, &mut bytes);
        }
        bytes
    }

    /// Reads the columns from what gzip gave.
    ///
    /// # Errors
    /// On anything that `encode` does not write; rows are checked when a profile takes them.
    pub fn decode(bytes: &[u8]) -> Result<Self, OrderError> {
        let mut rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(OrderError::Magic)?;
        let head = |byte: usize| OrderError::Column { column: "head", byte };
        let samples = varint(&mut rest).ok_or(head(MAGIC.len()))?;
        let columns = varint(&mut rest).filter(|flags| matches!(flags, 0 | 1 | 3));
        let columns = columns.ok_or(head(bytes.len() - rest.len()))?;
        if samples > MAX_SAMPLES || samples > bytes.len() as u64 {
            return Err(OrderError::TooMany { samples, bytes: bytes.len() });
        }
        let samples = usize::try_from(samples).unwrap_or(0);
        let mut column = |name| Column::next(name, bytes, &mut rest);
        let time = column("time")?.times(samples, Nanos)?;
        let row = column("row")?.values(samples, |value| u32::try_from(value).ok())?;
        let weight = match columns & 1 {
            0 => None,
            _ => Some(column("weight")?.values(samples, |value| Some(Nanos(value)))?),
        };
        let count = match columns & 2 {
            0 => None,
            _ => Some(column("count")?.values(samples, |value| u32::try_from(value).ok())?),
        };
        Ok(Self { time, row, weight, count })
    }
}

/// A column of a member: its length in bytes, then its bytes.
pub(super) struct Column<'a> {
    pub(super) part: &'a [u8],
    name: &'static str,
    /// Offset of the byte after it.
    end: usize,
}

impl<'a> Column<'a> {
    /// Takes the next column of `bytes`, of which `rest` is left.
    pub(super) fn next(name: &'static str, bytes: &[u8], rest: &mut &'a [u8]) -> Result<Self, OrderError> {
        let fault = |rest: &[u8]| OrderError::Column { column: name, byte: bytes.len() - rest.len() };
        let length = varint(rest).and_then(|n| usize::try_from(n).ok()).ok_or_else(|| fault(rest))?;
        let (part, after) = rest.split_at_checked(length).ok_or_else(|| fault(rest))?;
        *rest = after;
        Ok(Self { part, name, end: bytes.len() - after.len() })
    }

    fn fault(&self) -> OrderError {
        OrderError::Column { column: self.name, byte: self.end - self.part.len() }
    }

    /// `count` values of which each is read by `next`, and nothing behind them.
    fn all<T>(mut self, count: usize, mut next: impl FnMut(&mut &'a [u8]) -> Option<T>) -> Result<Vec<T>, OrderError> {
        // Each takes a byte or more, whatever was claimed.
        let mut values = Vec::with_capacity(count.min(self.part.len()));
        for _ in 0..count {
            values.push(next(&mut self.part).ok_or_else(|| self.fault())?);
        }
        if self.part.is_empty() { Ok(values) } else { Err(self.fault()) }
    }

    /// Times by the difference to the one before.
    pub(super) fn times<T>(self, count: usize, unit: impl Fn(u64) -> T) -> Result<Vec<T>, OrderError> {
        let mut last = 0_u64;
        self.all(count, |part| {
            last = varint(part).and_then(|delta| last.checked_add(delta))?;
            Some(unit(last))
        })
    }

    /// Numbers by the zigzag of the difference to the one before.
    pub(super) fn values<T>(self, count: usize, accept: impl Fn(u64) -> Option<T>) -> Result<Vec<T>, OrderError> {
        let mut last = 0_u64;
        self.all(count, |part| {
            last = last.wrapping_add(unzigzag(varint(part)?));
            accept(last)
        })
    }

    /// Numbers as they are.
    pub(super) fn numbers<T>(self, count: usize, accept: impl Fn(u64) -> Option<T>) -> Result<Vec<T>, OrderError> {
        self.all(count, |part| accept(varint(part)?))
    }
}

pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    decode_varint(rest).ok()
}

/// Puts a column behind its length, and leaves `column` empty.
pub(super) fn push_column(column: &mut Vec<u8>, bytes: &mut Vec<u8>) {
    encode_varint(column.len() as u64, bytes);
    bytes.append(column);
}

/// Numbers by the zigzag of the difference to the one before.
pub(super) fn deltas(values: impl Iterator<Item = u64>, column: &mut Vec<u8>) {
    let mut last = 0_u64;
    for value in values {
        encode_varint(zigzag(value.wrapping_sub(last)), column);
        last = value;
    }
}

/// Small differences of either sign become small numbers.
fn zigzag(delta: u64) -> u64 {
    (delta << 1) ^ (delta.cast_signed() >> 63).cast_unsigned()
}

fn unzigzag(coded: u64) -> u64 {
    (coded >> 1) ^ (coded & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(order: &Order) {
        assert_eq!(Order::decode(&order.encode()).as_ref(), Ok(order));
    }

    #[test]
    fn columns_come_back_equal() {
        check(&Order::default());
        let time = vec![Nanos(0), Nanos(5), Nanos(5), Nanos(u64::MAX)];
        let row = vec![7, 0, u32::MAX, 1];
        check(&Order { time: time.clone(), row: row.clone(), weight: None, count: None });
        let weight = Some(vec![Nanos(u64::MAX), Nanos(0), Nanos(3), Nanos(2)]);
        check(&Order { time: time.clone(), row: row.clone(), weight: weight.clone(), count: None });
        check(&Order { time, row, weight, count: Some(vec![0, u32::MAX, 7, 0]) });
    }

    #[test]
    fn zigzag_is_that_of_protocol_buffers() {
        for (value, coded) in [(0_i64, 0), (-1, 1), (1, 2), (-2, 3), (i64::MAX, u64::MAX - 1), (i64::MIN, u64::MAX)] {
            assert_eq!(zigzag(value.cast_unsigned()), coded);
            assert_eq!(unzigzag(coded), value.cast_unsigned());
        }
    }

    #[test]
    fn every_cut_and_every_flip_is_an_error_or_other_columns() {
        let order = Order {
            time: vec![Nanos(3), Nanos(400), Nanos(70_000)],
            row: vec![0, 300, 2],
            weight: Some(vec![Nanos(10), Nanos(11), Nanos(9)]),
            count: Some(vec![1, 1, 300]),
        };
        let bytes = order.encode();
        for cut in 0..bytes.len() {
            assert!(Order::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Order::decode(&flipped).as_ref(), Ok(&order), "bit {bit}");
        }
    }

    #[test]
    fn a_claim_of_many_samples_takes_no_memory() {
        let mut bytes = MAGIC.to_vec();
        encode_varint(1 << 40, &mut bytes);
        encode_varint(0, &mut bytes);
        assert!(matches!(Order::decode(&bytes), Err(OrderError::TooMany { .. })));
    }
}
