//! Which of a sample's values count samples and which measure time or live bytes.

use super::decode::Messages;
use super::tables::Tables;
use super::wire::Fields;
use super::{DecodeError, Fault, Slice, tag};
use crate::model::{ProfileInfo, WeightKind};

/// Places of the values that we read.
pub(super) struct ValueColumns {
    pub types: usize,
    /// Raw samples behind a row.
    pub count: Option<usize>,
    pub weight: Weight,
    /// The weight is wall-clock time, though the caller did not say so.
    pub wall: bool,
}

/// Where a weight in nanoseconds (or bytes) comes from.
pub(super) enum Weight {
    /// A value times the nanoseconds of its unit (or the bytes).
    Value { index: usize, unit_ns: u64 },
    /// The number of samples at this place times the sampling period.
    Period { index: usize, period_ns: u64 },
}

struct ValueType<'a> {
    what: &'a str,
    unit: &'a str,
}

impl<'a> ValueType<'a> {
    fn read(message: Slice<'_>, tables: &'a Tables<'_>) -> Result<Self, DecodeError> {
        let (mut what, mut unit) = ("", "");
        for field in Fields::of(message) {
            let (tag, value) = field?;
            match tag {
                tag::value_type::TYPE => what = tables.string(value.number(), message.offset)?,
                tag::value_type::UNIT => unit = tables.string(value.number(), message.offset)?,
                _ => {}
            }
        }
        Ok(Self { what, unit })
    }

    fn unit_bytes(&self) -> Option<u64> {
        match self.unit {
            "bytes" | "byte" | "B" => Some(1),
            _ => None,
        }
    }

    fn unit_ns(&self) -> Option<u64> {
        match self.unit {
            "nanoseconds" | "nanosecond" | "ns" => Some(1),
            "microseconds" | "microsecond" | "us" => Some(1_000),
            "milliseconds" | "millisecond" | "ms" => Some(1_000_000),
            "seconds" | "second" | "s" => Some(1_000_000_000),
            _ => None,
        }
    }

    fn is_wall(&self) -> bool {
        self.what.contains("wall")
    }
}

impl ValueColumns {
    /// Takes the type that `info` asks for, else the profile's default, else the last that is a time.
    pub(super) fn choose(
        messages: &Messages<'_>,
        tables: &Tables<'_>,
        info: &ProfileInfo,
    ) -> Result<Self, DecodeError> {
        let types: Result<Vec<_>, _> =
            messages.sample_types.iter().map(|&message| ValueType::read(message, tables)).collect();
        let types = types?;
        let count = types.iter().position(|t| t.what == "samples" || t.what == "sample").or_else(|| {
            let mut counts = types.iter().enumerate().filter(|(_, t)| t.unit == "count");
            counts.next().filter(|_| counts.next().is_none()).map(|(index, _)| index)
        });
        let default = tables.string(messages.default_sample_type, 0)?;
        let asked = match info.weight {
            WeightKind::Cpu => "cpu",
            WeightKind::Wall => "wall",
            WeightKind::Bytes => "inuse_space",
            WeightKind::Events => &info.name,
        };
        let unit = |t: &ValueType<'_>| match info.weight {
            WeightKind::Bytes => t.unit_bytes(),
            WeightKind::Events => (t.unit == "count").then_some(1),
            WeightKind::Cpu | WeightKind::Wall => t.unit_ns(),
        };
        let place = |what: &str| types.iter().position(|t| t.what == what && unit(t).is_some());
        let found = place(asked).or_else(|| place(default)).or_else(|| types.iter().rposition(|t| unit(t).is_some()));
        if let Some((index, unit_ns)) = found.and_then(|index| Some((index, unit(&types[index])?))) {
            // Heap profiles count objects of each kind: of those in use before the bytes in use.
            let objects = || types.iter().position(|t| t.what == "inuse_objects");
            let count = if info.weight.adds_up() { count } else { objects().or(count) };
            let wall = info.weight.is_time() && types[index].is_wall();
            return Ok(Self { types: types.len(), count, weight: Weight::Value { index, unit_ns }, wall });
        }
        let period = messages.period_type.map(|message| ValueType::read(message, tables)).transpose()?;
        let period_ns = period.as_ref().and_then(ValueType::unit_ns).and_then(|ns| ns.checked_mul(messages.period));
        if let (Some(index), Some(period_ns), true) = (count, period_ns.filter(|&ns| ns > 0), info.weight.is_time()) {
            let wall = period.is_some_and(|period| period.is_wall());
            return Ok(Self { types: types.len(), count, weight: Weight::Period { index, period_ns }, wall });
        }
        let types: Vec<String> = types.iter().map(|t| format!("{} in {}", t.what, t.unit)).collect();
        Err(DecodeError { byte: 0, fault: Fault::NoTime { types: types.join(", ") } })
    }

    /// Count and weight of a sample at `byte`.
    pub(super) fn of(&self, values: &[u64], byte: usize) -> Result<(u32, u64), DecodeError> {
        let fault = |fault| DecodeError { byte, fault };
        if values.len() != self.types {
            return Err(fault(Fault::Values { values: values.len(), types: self.types }));
        }
        let bad = |value: u64| fault(Fault::Value { value: value.cast_signed() });
        let positive = |value: u64| if value.cast_signed() < 0 { Err(bad(value)) } else { Ok(value) };
        let count = self.count.map_or(1, |index| values[index]);
        let (value, factor) = match self.weight {
            Weight::Value { index, unit_ns } => (values[index], unit_ns),
            Weight::Period { index, period_ns } => (values[index], period_ns),
        };
        let weight = positive(value)?.checked_mul(factor).ok_or_else(|| bad(value))?;
        let count = u32::try_from(positive(count)?).map_err(|_error| bad(count))?;
        Ok((count, weight))
    }
}
