//! Self and total time by function.
//!
//! Self time of a function is the weight of samples whose innermost frame is in it; total time that of samples with it
//! anywhere in the stack, where recursion counts a sample once. Must not look at time or threads: the selection does.

use crate::model::{FunctionId, Profile, StackId};
use crate::units::Nanos;
use std::collections::HashMap;

/// Figures of one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopRow {
    /// One of the rows of the function table that make up this function, see [`FunctionGroups`].
    pub function: FunctionId,
    pub self_weight: Nanos,
    pub total_weight: Nanos,
    /// Raw samples behind `self_weight`.
    pub self_samples: u64,
    /// Raw samples behind `total_weight`.
    pub total_samples: u64,
}

/// Every function that was seen, each once, and the sums that shares are taken of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopTable {
    /// Most self time first, then most total time, then by name.
    pub rows: Vec<TopRow>,
    pub weight: Nanos,
    pub samples: u64,
}

/// Which rows of a function table are one function to a reader.
///
/// Monomorphised or cloned copies differ in their symbol only; a table that listed each would show one name many times.
/// One function is therefore: same name, file, first line and module.
#[derive(Clone, Debug)]
pub struct FunctionGroups {
    /// Group of each function.
    group: Vec<u32>,
    /// First function of each group.
    first: Vec<FunctionId>,
}

impl FunctionGroups {
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        let mut known = HashMap::new();
        let mut first = Vec::new();
        let mut group = Vec::with_capacity(profile.functions.len());
        for (index, function) in profile.functions.rows.iter().enumerate() {
            let module = profile.modules.get(function.module).path;
            let key = (function.name, function.file, function.start_line, module);
            group.push(*known.entry(key).or_insert_with(|| {
                first.push(FunctionId::from_index(index));
                u32::try_from(first.len() - 1).unwrap_or(u32::MAX)
            }));
        }
        Self { group, first }
    }

    /// Group of a function, a number below [`Self::len`].
    #[must_use]
    pub fn of(&self, function: FunctionId) -> usize {
        self.group[function.index()] as usize
    }

    /// The function that stands for a group.
    #[must_use]
    pub fn representative(&self, group: usize) -> FunctionId {
        self.first[group]
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

/// The table of a whole profile.
#[must_use]
pub fn whole_table(profile: &Profile) -> TopTable {
    let samples = &profile.samples;
    let rows = (0..samples.len()).map(|row| (samples.stack[row], samples.weight[row], samples.count[row]));
    table_of(profile, sums_by_stack(rows))
}

/// Weight and raw samples of each distinct stack, in order of the stack table.
fn sums_by_stack(rows: impl Iterator<Item = (StackId, Nanos, u32)>) -> Vec<(StackId, Nanos, u64)> {
    let mut sums: HashMap<StackId, (Nanos, u64)> = HashMap::new();
    for (stack, weight, count) in rows {
        let sum = sums.entry(stack).or_default();
        sum.0 += weight;
        sum.1 += u64::from(count);
    }
    let mut sums: Vec<_> = sums.into_iter().map(|(stack, (weight, count))| (stack, weight, count)).collect();
    sums.sort_unstable_by_key(|&(stack, ..)| stack);
    sums
}

fn table_of(profile: &Profile, stacks: Vec<(StackId, Nanos, u64)>) -> TopTable {
    let groups = FunctionGroups::new(profile);
    let mut rows: Vec<TopRow> = (0..groups.len())
        .map(|group| TopRow {
            function: groups.representative(group),
            self_weight: Nanos::ZERO,
            total_weight: Nanos::ZERO,
            self_samples: 0,
            total_samples: 0,
        })
        .collect();
    let mut table = TopTable::default();
    // The stack that last counted towards a group's total, so that recursion counts once.
    let mut seen: Vec<Option<StackId>> = vec![None; groups.len()];
    for (stack, weight, count) in stacks {
        table.weight += weight;
        table.samples += count;
        for (depth, frame) in profile.stacks.frames(stack).enumerate() {
            let group = groups.of(profile.frame_function(frame));
            let row = &mut rows[group];
            if depth == 0 {
                row.self_weight += weight;
                row.self_samples += count;
            }
            if seen[group] != Some(stack) {
                seen[group] = Some(stack);
                row.total_weight += weight;
                row.total_samples += count;
            }
        }
    }
    rows.retain(|row| row.total_samples > 0 || row.total_weight > Nanos::ZERO);
    rows.sort_by(|a, b| {
        let by_weight = (b.self_weight, b.total_weight).cmp(&(a.self_weight, a.total_weight));
        by_weight.then_with(|| profile.function_name(a.function).cmp(profile.function_name(b.function)))
    });
    table.rows = rows;
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// The table as `name self/total`, in ms.
    fn check(picture: &str, expect: &str) {
        let profile = testing::profile(picture);
        let table = whole_table(&profile);
        let ms = |nanos: Nanos| nanos.0 / Nanos::MILLISECOND.0;
        let text: Vec<String> = table
            .rows
            .iter()
            .map(|r| format!("{} {}/{}", profile.function_name(r.function), ms(r.self_weight), ms(r.total_weight)))
            .collect();
        assert_eq!(text.join(", "), expect, "{picture}");
        assert_eq!(table.samples, profile.samples.total_count());
    }

    #[test]
    fn self_time_is_the_leafs_and_total_time_every_callers() {
        check("A A A\nB B C", "B 2/2, C 1/1, A 0/3");
        check("A A B\nB . A", "A 2/3, B 1/2");
    }

    #[test]
    fn recursion_counts_a_sample_once() {
        check("A A\nA B\nA A", "A 2/2, B 0/1");
    }

    #[test]
    fn nothing_recorded_is_an_empty_table() {
        check("", "");
    }
}
