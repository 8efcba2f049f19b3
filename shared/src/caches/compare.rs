//! The caches of two recordings beside each other.

use super::Row;
use crate::format::file_name;
use crate::stats::Interval;
use serde::Serialize;

/// One cache on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowChange {
    pub name: String,
    pub library: String,
    pub shift: Shift,
    /// Difference of the hit rates, new less base, with its 95 % interval.
    #[serde(serialize_with = "as_fields")]
    pub difference: Option<Interval>,
    pub base: Option<Row>,
    pub new: Option<Row>,
}

/// How a hit rate changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    Lower,
    Higher,
    Gone,
    New,
    Same,
    /// One of them was not measured.
    Unknown,
}

#[expect(clippy::ref_option, reason = "serde's signature")]
pub(crate) fn as_fields<S: serde::Serializer>(of: &Option<Interval>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields {
        value: f64,
        low: f64,
        high: f64,
    }
    of.map(|of| Fields { value: of.value, low: of.low, high: of.high }).serialize(serializer)
}

/// Joins caches by library, name and file (lines move, and so do folders), the changed ones first.
#[must_use]
pub fn compare(base: &[Row], new: &[Row]) -> Vec<RowChange> {
    let file = |row: &Row| row.file.as_deref().map(|file| file_name(file).to_owned());
    let named = |a: &Row, b: &Row| a.library == b.library && a.name == b.name && file(a) == file(b);
    let same = |a: &Row, b: &Row| a.library == b.library && a.name == b.name && a.file == b.file;
    // Two caches of one name and file: those of one line belong together, else those in the same place of the list.
    let mut left: Vec<&Row> = new.iter().collect();
    let mut changes: Vec<RowChange> = Vec::new();
    for row in base {
        let exact = left.iter().position(|other| same(row, other) && row.line == other.line);
        let near = || left.iter().position(|other| same(row, other));
        let moved = || left.iter().position(|other| named(row, other));
        let partner = exact.or_else(near).or_else(moved).map(|place| left.remove(place));
        changes.push(change(Some(row), partner));
    }
    changes.extend(left.into_iter().map(|row| change(None, Some(row))));
    changes.sort_by_key(|change| change.shift);
    changes
}

fn change(base: Option<&Row>, new: Option<&Row>) -> RowChange {
    let either = base.or(new);
    let rate = |row: &Row| Some(Interval { value: row.rate?, low: row.rate_low?, high: row.rate_high? });
    let difference = base.and_then(rate).zip(new.and_then(rate)).map(|(base, new)| {
        let value = new.value - base.value;
        let less = (new.value - new.low).hypot(base.high - base.value);
        let more = (new.high - new.value).hypot(base.value - base.low);
        Interval { value, low: value - less, high: value + more }
    });
    let shift = match (base, new, difference) {
        (Some(_), None, _) => Shift::Gone,
        (None, Some(_), _) => Shift::New,
        (_, _, Some(by)) if by.low > 0.0 => Shift::Higher,
        (_, _, Some(by)) if by.high < 0.0 => Shift::Lower,
        (_, _, Some(_)) => Shift::Same,
        _ => Shift::Unknown,
    };
    RowChange {
        name: either.map_or_else(String::new, |row| row.name.clone()),
        library: either.map_or_else(String::new, |row| row.library.clone()),
        shift,
        difference,
        base: base.cloned(),
        new: new.cloned(),
    }
}
