//! Who called a function and what it called.
//!
//! Both tables divide the function's total time: callers are those of its outermost call in each sample, callees those of
//! its innermost, so that recursion appears in neither.

use super::function_tree::ROOT;
use super::selection::{Selected, Selection, selected_rows};
use super::top_table::FunctionGroups;
use crate::model::{FunctionId, Profile, is_recorder};
use crate::order::Order;
use crate::units::Nanos;
use std::collections::HashMap;

/// Part of a function's time that came through one caller or went to one callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SandwichRow {
    /// `None`: for callers the start of the thread, for callees the function's own code.
    pub function: Option<FunctionId>,
    pub weight: Nanos,
    pub samples: u64,
}

/// A function between its callers and callees. Each list adds up to the total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandwich {
    pub self_weight: Nanos,
    pub self_samples: u64,
    pub total_weight: Nanos,
    pub total_samples: u64,
    /// Heaviest first.
    pub callers: Vec<SandwichRow>,
    /// Heaviest first.
    pub callees: Vec<SandwichRow>,
    /// Weight of all chosen samples, for shares.
    pub weight: Nanos,
    pub samples: u64,
}

/// Callers and callees of a function among the samples that a selection takes.
#[must_use]
pub fn callers_and_callees(profile: &Profile, selection: &Selection, function: FunctionId) -> Sandwich {
    callers_and_callees_of(profile, &selected_rows(profile, selection), function)
}

/// The same for samples that were chosen before.
#[must_use]
pub fn callers_and_callees_of(profile: &Profile, selected: &Selected, function: FunctionId) -> Sandwich {
    let groups = FunctionGroups::new(profile);
    let wanted = groups.of(function);
    let tree = &selected.tree;
    let group_of = |node: u32| tree.function(node).map(|function| groups.of(function));
    // The nearest call at or above each node that is not of our own recorder, which stands between traced calls and their callers.
    let mut own: Vec<u32> = vec![ROOT; tree.len()];
    // For each node what lies on its path: caller of the outermost call and callee of the innermost, if there is a call.
    let mut paths: Vec<Option<(Option<usize>, Option<usize>)>> = vec![None; tree.len()];
    for (node, parent, function) in tree.nodes() {
        own[node as usize] = if is_recorder(profile.function_file(function)) { own[parent as usize] } else { node };
        let group = groups.of(function);
        let above = paths[parent as usize];
        paths[node as usize] = match above {
            None if group == wanted => Some((group_of(own[parent as usize]), None)),
            Some((caller, _)) if group == wanted => Some((caller, None)),
            // The first frame below the call is its callee; what that calls in turn stays its.
            Some((caller, None)) => Some((caller, Some(group))),
            other => other,
        };
    }
    let (weights, counts) = selected.self_sums(profile);
    let mut sandwich = Sandwich { weight: selected.weight, samples: selected.count, ..Default::default() };
    let (mut above, mut below) = (Sums::default(), Sums::default());
    for node in (ROOT as usize + 1)..tree.len() {
        let (weight, count) = (weights[node], counts[node]);
        let Some((up, down)) = paths[node].filter(|_| count > 0 || weight > Nanos::ZERO) else { continue };
        sandwich.total_weight += weight;
        sandwich.total_samples += count;
        if down.is_none() {
            sandwich.self_weight += weight;
            sandwich.self_samples += count;
        }
        above.add(up, weight, count);
        below.add(down, weight, count);
    }
    sandwich.callers = above.rows(profile, &groups);
    sandwich.callees = below.rows(profile, &groups);
    sandwich
}

#[derive(Default)]
struct Sums(HashMap<Option<usize>, (Nanos, u64)>);

impl Sums {
    fn add(&mut self, group: Option<usize>, weight: Nanos, samples: u64) {
        let sum = self.0.entry(group).or_default();
        sum.0 += weight;
        sum.1 += samples;
    }

    fn rows(self, profile: &Profile, groups: &FunctionGroups) -> Vec<SandwichRow> {
        let row = |(group, (weight, samples)): (Option<usize>, _)| SandwichRow {
            function: group.map(|group| groups.representative(group)),
            weight,
            samples,
        };
        let mut rows: Vec<SandwichRow> = self.0.into_iter().map(row).collect();
        let name = |row: &SandwichRow| row.function.map(|function| profile.function_name(function));
        rows.order_by(|a, b| {
            b.weight.cmp(&a.weight).then_with(|| name(a).cmp(&name(b))).then_with(|| a.function.cmp(&b.function))
        });
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// `callers > self/total > callees`, weights in ms, `-` for the start or own code.
    fn check(picture: &str, name: &str, expect: &str) {
        let profile = testing::profile(picture);
        let function = (0..profile.functions.len())
            .map(FunctionId::from_index)
            .find(|&id| profile.function_name(id) == name)
            .expect("the picture has the function");
        let sandwich = callers_and_callees(&profile, &Selection::default(), function);
        let ms = |weight: Nanos| weight.0 / Nanos::MILLISECOND.0;
        let row = |row: &SandwichRow| {
            format!("{} {}", row.function.map_or("-", |id| profile.function_name(id)), ms(row.weight))
        };
        let list = |rows: &[SandwichRow]| rows.iter().map(row).collect::<Vec<_>>().join(", ");
        let (above, below) = (list(&sandwich.callers), list(&sandwich.callees));
        let own = format!("{}/{}", ms(sandwich.self_weight), ms(sandwich.total_weight));
        assert_eq!(format!("{above} > {own} > {below}"), expect, "{picture}");
    }

    #[test]
    fn both_sides_add_up_to_the_total() {
        check("A A B\nC C C\nD E .", "C", "A 2, B 1 > 1/3 > - 1, D 1, E 1");
        check("A A B\nC C C\nD E .", "A", "- 2 > 0/2 > C 2");
        check("A A B\nC C C\nD E .", "E", "C 1 > 1/1 > - 1");
    }

    #[test]
    fn recursion_is_on_neither_side() {
        check("A A\nC C\nC B\nD C\n. D", "C", "A 2 > 0/2 > D 2");
        check("C C\nC C\nC B", "C", "- 2 > 1/2 > - 1, B 1");
    }
}
