//! `profile.proto` to tables, through the builder.
//!
//! Accepts any valid profile: numbers packed or not, messages in any order, ids of any size, missing mappings, value types
//! in any order and unit of time, gzip or not. Two passes: the first notes where messages lie, since samples may come
//! before the strings they need.

use super::super::Limits;
use super::super::gzip::{GunzipError, MAGIC, gunzip};
use super::super::order::{Order, OrderError};
use super::tables::Tables;
use super::tag;
use super::wire::{Fields, Slice};
use super::{samples::Samples, value::ValueColumns};
use crate::model::{BuildError, Profile, ProfileBuilder, ProfileInfo, SampleSpec, SampleTable, WeightKind};
use crate::units::Nanos;

/// Why a profile could not be decoded, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} (byte {byte} of the uncompressed profile)")]
pub struct DecodeError {
    /// Offset in the uncompressed message.
    pub byte: usize,
    pub fault: Fault,
}

/// What is wrong at a byte.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("this is no protocol-buffer field")]
    Wire,
    #[error("a field claims {length} bytes, more than there are")]
    Length { length: u64 },
    #[error("{what} {id} is named but not there")]
    Missing { what: &'static str, id: u64 },
    #[error("{what} {id} is defined twice")]
    Duplicate { what: &'static str, id: u64 },
    #[error("the profile measures no time ({types}); only profiles of CPU or wall-clock time can be read so")]
    NoTime { types: String },
    #[error("a sample has {values} values where the profile names {types}")]
    Values { values: usize, types: usize },
    #[error("a sample has the value {value}, which is below zero or too large")]
    Value { value: i64 },
    #[error("the profile has more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error(transparent)]
    Gzip(#[from] GunzipError),
    #[error("the order columns do not fit: {0}")]
    Order(#[from] OrderError),
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl DecodeError {
    fn at_start(fault: impl Into<Fault>) -> Self {
        Self { byte: 0, fault: fault.into() }
    }
}

/// Reads a pprof profile, gzip or not, and where there are order columns gives each raw sample its time.
///
/// `info` says what a pprof profile cannot (name, rates, losses); its number of samples is counted anew.
///
/// # Errors
/// When it is no valid profile, measures no time, or is larger than a bundle may hold.
pub fn decode(bytes: &[u8], info: ProfileInfo, order: Option<&Order>) -> Result<Profile, DecodeError> {
    if !bytes.starts_with(&MAGIC) {
        return decode_plain(bytes, info, order);
    }
    let limits = Limits::default();
    let plain = gunzip(bytes, &limits, limits.member_bytes).map_err(DecodeError::at_start)?;
    decode_plain(&plain, info, order)
}

/// As [`decode`], of bytes that are not compressed.
pub(in super::super) fn decode_plain(
    bytes: &[u8],
    mut info: ProfileInfo,
    order: Option<&Order>,
) -> Result<Profile, DecodeError> {
    let messages = Messages::of(bytes)?;
    let mut builder = ProfileBuilder::new();
    let tables = Tables::read(&messages, &mut builder)?;
    let columns = ValueColumns::choose(&messages, &tables, &info)?;
    if columns.wall {
        info.weight = WeightKind::Wall;
    }
    let rows = Samples::read(&messages, &tables, &columns, &mut builder)?;
    match order {
        Some(order) => place(&rows, order, info.weight, &mut builder).map_err(DecodeError::at_start)?,
        None => {
            for index in 0..rows.stack.len() {
                builder.sample(SampleSpec {
                    time: None,
                    stack: rows.stack[index],
                    thread: rows.thread[index],
                    weight: Nanos(rows.weight[index]),
                    count: rows.count[index],
                });
            }
        }
    }
    builder.finish(info).map_err(DecodeError::at_start)
}

/// Where the messages of a profile lie.
#[derive(Default)]
pub(super) struct Messages<'a> {
    pub strings: Vec<Slice<'a>>,
    pub sample_types: Vec<Slice<'a>>,
    pub samples: Vec<Slice<'a>>,
    pub mappings: Vec<Slice<'a>>,
    pub locations: Vec<Slice<'a>>,
    pub functions: Vec<Slice<'a>>,
    pub period_type: Option<Slice<'a>>,
    pub period: u64,
    pub default_sample_type: u64,
}

/// Most rows of one kind; beyond it no browser could show them.
const MAX_MESSAGES: usize = 64 << 20;

impl<'a> Messages<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut found = Self::default();
        for field in Fields::of(Slice { bytes, offset: 0 }) {
            let (tag, value) = field?;
            let (list, what) = match tag {
                tag::STRING_TABLE => (&mut found.strings, "strings"),
                tag::SAMPLE_TYPE => (&mut found.sample_types, "value types"),
                tag::SAMPLE => (&mut found.samples, "samples"),
                tag::MAPPING => (&mut found.mappings, "mappings"),
                tag::LOCATION => (&mut found.locations, "locations"),
                tag::FUNCTION => (&mut found.functions, "functions"),
                tag::PERIOD_TYPE => {
                    found.period_type = Some(value.message());
                    continue;
                }
                tag::PERIOD => {
                    found.period = value.number();
                    continue;
                }
                tag::DEFAULT_SAMPLE_TYPE => {
                    found.default_sample_type = value.number();
                    continue;
                }
                _ => continue,
            };
            let message = value.message();
            if list.len() >= MAX_MESSAGES {
                return Err(DecodeError { byte: message.offset, fault: Fault::TooMany { what, limit: MAX_MESSAGES } });
            }
            list.push(message);
        }
        Ok(found)
    }
}

/// Turns rows into raw samples, after checking that the columns add up to the rows. Of live bytes, the samples of the last
/// snapshot must.
fn place(rows: &Samples, order: &Order, kind: WeightKind, builder: &mut ProfileBuilder) -> Result<(), OrderError> {
    if kind.adds_up() == order.count.is_some() {
        return Err(OrderError::Counts);
    }
    let (samples, total) = (order.row.len(), rows.stack.len());
    if let Some(sample) = order.row.iter().position(|&row| row as usize >= total) {
        return Err(OrderError::Row { sample, row: order.row[sample], rows: total });
    }
    let count_of = |sample: usize| order.count.as_ref().map_or(1, |counts| counts[sample]);
    let weight_of = |sample: usize| {
        let row = order.row[sample] as usize;
        let even = || rows.weight[row].checked_div(u64::from(rows.count[row])).unwrap_or(0);
        order.weight.as_ref().map_or_else(even, |weights| weights[sample].0)
    };
    let thread_of = |sample: usize| rows.thread[order.row[sample] as usize];
    let counted = (!kind.adds_up()).then(|| {
        let table = SampleTable {
            thread: (0..samples).map(thread_of).collect(),
            stack: order.row.iter().map(|&row| rows.stack[row as usize]).collect(),
            time: Some(order.time.clone()),
            ..Default::default()
        };
        table.of_last_snapshot()
    });
    let mut sums = vec![(0_u64, 0_u64); total];
    for sample in (0..samples).filter(|&sample| counted.as_ref().is_none_or(|counted| counted[sample])) {
        let sum = &mut sums[order.row[sample] as usize];
        sum.0 = sum.0.saturating_add(u64::from(count_of(sample)));
        sum.1 = sum.1.saturating_add(weight_of(sample));
    }
    let differs = |&row: &usize| sums[row] != (u64::from(rows.count[row]), rows.weight[row]);
    if let Some(row) = (0..total).find(differs) {
        return Err(OrderError::Sums { row });
    }
    for sample in 0..samples {
        let row = order.row[sample] as usize;
        builder.sample(SampleSpec {
            time: Some(order.time[sample]),
            stack: rows.stack[row],
            thread: rows.thread[row],
            weight: Nanos(weight_of(sample)),
            count: count_of(sample),
        });
    }
    Ok(())
}
