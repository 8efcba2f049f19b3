//! Self and total time by function.
//!
//! Self time of a function is the weight of samples whose innermost frame is in it; total time that of samples with it
//! anywhere in the stack, where recursion counts a sample once. Must not look at time or threads: the selection does.

use super::function_tree::{FunctionTree, ROOT};
use super::selection::{Selected, Selection, selected_rows};
use crate::model::{FunctionId, Profile, StackId};
use crate::order::Order;
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
    /// Weight of the chosen samples, those without a frame left included.
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
    // From stack to stack, without the tree of a selection: where stacks hardly repeat, that has millions of nodes.
    let groups = FunctionGroups::new(profile);
    let mut rows = empty_rows(&groups);
    let (mut weight, mut count) = (Nanos::ZERO, 0);
    let mut seen_in = vec![usize::MAX; rows.len()];
    for (turn, (stack, stack_weight, stack_count)) in stack_sums(profile).enumerate() {
        weight += stack_weight;
        count += stack_count;
        for (place, frame) in profile.stacks.frames(stack).enumerate() {
            let group = groups.of(profile.frame_function(frame));
            let row = &mut rows[group];
            if place == 0 {
                row.self_weight += stack_weight;
                row.self_samples += stack_count;
            }
            if seen_in[group] != turn {
                seen_in[group] = turn;
                row.total_weight += stack_weight;
                row.total_samples += stack_count;
            }
        }
    }
    sorted(profile, rows, weight, count)
}

/// Weight and raw samples that ended in each stack, without those where nothing did.
fn stack_sums(profile: &Profile) -> impl Iterator<Item = (StackId, Nanos, u64)> {
    let samples = &profile.samples;
    let mut order: Vec<usize> = (0..samples.len()).collect();
    order.order_by_key(|&row| samples.stack[row]);
    let mut sums: Vec<(StackId, Nanos, u64)> = Vec::new();
    for row in order {
        let (stack, weight, count) = (samples.stack[row], samples.weight[row], u64::from(samples.count[row]));
        match sums.last_mut().filter(|last| last.0 == stack) {
            Some(sum) => {
                sum.1 += weight;
                sum.2 += count;
            }
            None => sums.push((stack, weight, count)),
        }
    }
    sums.into_iter()
}

/// The table of the samples that a selection takes.
#[must_use]
pub fn top_table(profile: &Profile, selection: &Selection) -> TopTable {
    top_table_of(profile, &selected_rows(profile, selection))
}

/// The table of samples that were chosen before.
#[must_use]
pub fn top_table_of(profile: &Profile, selected: &Selected) -> TopTable {
    let groups = FunctionGroups::new(profile);
    let mut rows = empty_rows(&groups);
    let tree = &selected.tree;
    let (mut weights, mut counts) = selected.self_sums(profile);
    for (node, _, function) in tree.nodes() {
        let row = &mut rows[groups.of(function)];
        row.self_weight += weights[node as usize];
        row.self_samples += counts[node as usize];
    }
    add_up(tree, &mut weights, &mut counts);
    let outermost = outermost(tree, &groups);
    for (node, _, function) in tree.nodes().filter(|&(node, ..)| outermost[node as usize]) {
        let row = &mut rows[groups.of(function)];
        row.total_weight += weights[node as usize];
        row.total_samples += counts[node as usize];
    }
    sorted(profile, rows, selected.weight, selected.count)
}

/// One row for each group.
fn empty_rows(groups: &FunctionGroups) -> Vec<TopRow> {
    let row = |group| TopRow {
        function: groups.representative(group),
        self_weight: Nanos::ZERO,
        total_weight: Nanos::ZERO,
        self_samples: 0,
        total_samples: 0,
    };
    (0..groups.len()).map(row).collect()
}

/// The table without what was not seen.
fn sorted(profile: &Profile, mut rows: Vec<TopRow>, weight: Nanos, samples: u64) -> TopTable {
    rows.retain(|row| row.total_samples > 0 || row.total_weight > Nanos::ZERO);
    rows.order_by(|a, b| {
        let by_weight = (b.self_weight, b.total_weight).cmp(&(a.self_weight, a.total_weight));
        let by_name = || profile.function_name(a.function).cmp(profile.function_name(b.function));
        by_weight.then_with(by_name).then_with(|| a.function.cmp(&b.function))
    });
    TopTable { rows, weight, samples }
}

/// Turns what ended in each node into what passed through it.
pub(super) fn add_up(tree: &FunctionTree, weights: &mut [Nanos], counts: &mut [u64]) {
    for node in (1..tree.len()).rev() {
        let parent = tree.parent(FunctionId::from_index(node).0) as usize;
        let (weight, count) = (weights[node], counts[node]);
        weights[parent] += weight;
        counts[parent] += count;
    }
}

/// For each node whether no caller of it is the same function. One walk in depth-first order, without recursion.
pub(super) fn outermost(tree: &FunctionTree, groups: &FunctionGroups) -> Vec<bool> {
    let group = |node: u32| tree.function(node).map(|function| groups.of(function));
    let mut first_child = vec![ROOT; tree.len()];
    let mut sibling = vec![ROOT; tree.len()];
    for (node, parent, _) in tree.nodes() {
        sibling[node as usize] = std::mem::replace(&mut first_child[parent as usize], node);
    }
    let mut outermost = vec![false; tree.len()];
    let mut on_path = vec![0u32; groups.len()];
    let mut node = first_child[ROOT as usize];
    while node != ROOT {
        if let Some(group) = group(node) {
            outermost[node as usize] = on_path[group] == 0;
            on_path[group] += 1;
        }
        // Down to the first child, else on to the next sibling of the nearest caller that has one.
        let mut next = first_child[node as usize];
        while next == ROOT && node != ROOT {
            if let Some(group) = group(node) {
                on_path[group] -= 1;
            }
            next = sibling[node as usize];
            node = tree.parent(node);
        }
        node = next;
    }
    outermost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::selection::{FunctionKey, Transform};
    use crate::testing;

    /// The table as `name self/total`, in ms.
    fn table_text(picture: &str, selection: &Selection) -> String {
        let profile = testing::profile(picture);
        let table = top_table(&profile, selection);
        if *selection == Selection::default() {
            assert_eq!(whole_table(&profile), table, "{picture}");
        }
        let ms = |nanos: Nanos| nanos.0 / Nanos::MILLISECOND.0;
        let row =
            |r: &TopRow| format!("{} {}/{}", profile.function_name(r.function), ms(r.self_weight), ms(r.total_weight));
        table.rows.iter().map(row).collect::<Vec<_>>().join(", ")
    }

    fn check(picture: &str, expect: &str) {
        assert_eq!(table_text(picture, &Selection::default()), expect, "{picture}");
    }

    #[test]
    fn self_time_is_the_leafs_and_total_time_every_callers() {
        check("A A A\nB B C", "B 2/2, C 1/1, A 0/3");
        check("A A B\nB . A", "A 2/3, B 1/2");
    }

    #[test]
    fn recursion_counts_a_sample_once() {
        check("A A\nA B\nA A", "A 2/2, B 0/1");
        check("A A A\nB C B\nA B A\nD D B", "D 2/2, B 1/3, A 0/3, C 0/1");
    }

    #[test]
    fn nothing_recorded_is_an_empty_table() {
        check("", "");
    }

    #[test]
    fn a_selection_restricts_the_table() {
        let ms = |n: u64| Nanos(n * Nanos::MILLISECOND.0);
        let range = Selection { range: Some((ms(1), ms(3))), ..Default::default() };
        assert_eq!(table_text("A A A\nB B C", &range), "B 1/1, C 1/1, A 0/2");
        let focus = vec![Transform::Focus(FunctionKey("B".into()))];
        let focus = Selection { transforms: focus, ..Default::default() };
        assert_eq!(table_text("A A A\nB B C\nD . .", &focus), "B 1/2, D 1/1");
    }
}
