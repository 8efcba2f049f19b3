//! The units of debug information that hold given addresses, so that the others need not be read.
//!
//! The C library of Debian has two thousand units, of which a recording meets ten; reading the tables of all takes longer
//! than anything else at the end of a short recording.

use super::dwarf::Reader;
use addr2line::gimli::{self, DebugAbbrev, DebugAranges, DebugInfo, UnitHeader, UnitType};
use std::collections::{BTreeSet, HashSet};

/// With fewer units it is not worth the while.
const UNITS_MIN: usize = 100;

/// A `.debug_info` of those units alone that may hold one of the sorted `addresses`: by `.debug_aranges`, and every
/// unit that it does not list. `None` where all are needed, or where units refer to each other.
pub(super) fn select(
    info: Reader<'_>,
    abbreviations: Reader<'_>,
    ranges: Reader<'_>,
    addresses: &[u64],
) -> Option<Vec<u8>> {
    let (listed, wanted) = listed(ranges, addresses)?;
    if listed.len() < UNITS_MIN {
        return None;
    }
    let abbreviations = DebugAbbrev::from(abbreviations);
    let mut selected = Vec::new();
    let mut units = DebugInfo::from(info).units();
    while let Some(unit) = units.next().ok()? {
        let start = unit.debug_info_offset()?.0;
        if listed.contains(&start) && !wanted.contains(&start) {
            continue;
        }
        if !stands_alone(&unit, &abbreviations)? {
            return None;
        }
        selected.extend_from_slice(info.slice().get(start..start.checked_add(unit.length_including_self())?)?);
    }
    Some(selected)
}

/// Offsets of the units in `.debug_aranges`, and of those among them that hold one of the addresses.
fn listed(ranges: Reader<'_>, addresses: &[u64]) -> Option<(HashSet<usize>, BTreeSet<usize>)> {
    let (mut listed, mut wanted) = (HashSet::new(), BTreeSet::new());
    let mut headers = DebugAranges::from(ranges).headers();
    while let Some(header) = headers.next().ok()? {
        let unit = header.debug_info_offset().0;
        let mut entries = header.entries();
        while let Some(entry) = entries.next().ok()? {
            // A unit whose entry is empty tells nothing of where its code is.
            if entry.length() == 0 {
                continue;
            }
            listed.insert(unit);
            let first = addresses.partition_point(|&address| address < entry.address());
            if addresses.get(first).is_some_and(|&address| address - entry.address() < entry.length()) {
                wanted.insert(unit);
            }
        }
    }
    Some((listed, wanted))
}

/// Whether no entry of a unit refers to another unit. gcc and dwz give codes from 1 on, without gaps.
fn stands_alone(unit: &UnitHeader<Reader<'_>>, abbreviations: &DebugAbbrev<Reader<'_>>) -> Option<bool> {
    if !matches!(unit.type_(), UnitType::Compilation) {
        return Some(false);
    }
    let table = unit.abbreviations(abbreviations).ok()?;
    let mut declared = (1..).map_while(|code| table.get(code));
    Some(declared.all(|entry| entry.attributes().iter().all(|part| part.form() != gimli::DW_FORM_ref_addr)))
}
