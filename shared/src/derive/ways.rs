//! The whole stacks that lead to a function, and what each of them pays.

use super::function_tree::ROOT;
use super::selection::Selected;
use super::top_table::FunctionGroups;
use crate::format::count;
use crate::model::{FunctionId, Profile, is_recorder};
use crate::order::Order;
use crate::units::Nanos;
use std::collections::BTreeMap;

/// One way to a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// From the nearest caller to the start of the thread, each with how often it stands there in a row.
    pub callers: Vec<(FunctionId, usize)>,
    pub weight: Nanos,
    pub samples: u64,
}

/// Ways to the outermost call of a function among the chosen samples, heaviest first. Their weights add up to its total.
#[must_use]
pub fn ways_to(profile: &Profile, selected: &Selected, function: FunctionId) -> Vec<Way> {
    let groups = FunctionGroups::new(profile);
    let (wanted, tree) = (groups.of(function), &selected.tree);
    let mut outermost = vec![ROOT; tree.len()];
    for (node, parent, function) in tree.nodes() {
        let above = outermost[parent as usize];
        outermost[node as usize] = if above == ROOT && groups.of(function) == wanted { node } else { above };
    }
    let (weights, counts) = selected.self_sums(profile);
    let mut ends: BTreeMap<u32, (Nanos, u64)> = BTreeMap::new();
    for node in (ROOT as usize + 1)..tree.len() {
        if outermost[node] != ROOT && (counts[node] > 0 || weights[node] > Nanos::ZERO) {
            let sum = ends.entry(outermost[node]).or_default();
            *sum = (sum.0 + weights[node], sum.1 + counts[node]);
        }
    }
    // Our own recorder stands between traced calls and their callers: without it two ways may be one.
    let mut ways: BTreeMap<Vec<(usize, usize)>, (Nanos, u64)> = BTreeMap::new();
    for (end, (weight, samples)) in ends {
        let mut callers: Vec<(usize, usize)> = Vec::new();
        for caller in tree.functions(end).skip(1).filter(|&caller| !is_recorder(profile.function_file(caller))) {
            let group = groups.of(caller);
            match callers.last_mut().filter(|last| last.0 == group) {
                Some(last) => last.1 += 1,
                None => callers.push((group, 1)),
            }
        }
        let sum = ways.entry(callers).or_default();
        *sum = (sum.0 + weight, sum.1 + samples);
    }
    let way = |(callers, (weight, samples)): (Vec<(usize, usize)>, _)| {
        let callers = callers.into_iter().map(|(group, times)| (groups.representative(group), times)).collect();
        Way { callers, weight, samples }
    };
    let mut ways: Vec<Way> = ways.into_iter().map(way).collect();
    ways.order_by(|a, b| b.weight.cmp(&a.weight));
    ways
}

impl Way {
    /// `load ▸ walk ×3 ▸ main`, nearest caller first.
    #[must_use]
    pub fn words(&self, profile: &Profile) -> String {
        let word = |&(function, times): &(FunctionId, usize)| {
            let name = profile.function_name(function);
            if times > 1 { format!("{name} ×{}", count(times as u64)) } else { name.to_owned() }
        };
        let words: Vec<String> = self.callers.iter().map(word).collect();
        if words.is_empty() { "the start of the thread".to_owned() } else { words.join(" ▸ ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::sandwich::callers_and_callees_of;
    use crate::derive::selection::{Selection, selected_rows};
    use crate::testing;

    /// Ways to `F` as `weight/samples words`.
    fn check(picture: &str, expect: &[&str]) {
        let profile = testing::profile(picture);
        let all = (0..profile.functions.len()).map(FunctionId::from_index);
        let function = all.into_iter().find(|&id| profile.function_name(id) == "F").unwrap();
        let selected = selected_rows(&profile, &Selection::default());
        let ways = ways_to(&profile, &selected, function);
        let said: Vec<String> = ways
            .iter()
            .map(|way| format!("{}/{} {}", way.weight.0 / Nanos::MILLISECOND.0, way.samples, way.words(&profile)))
            .collect();
        assert_eq!(said, expect, "{picture}");
        let total: Nanos = ways.iter().map(|way| way.weight).sum();
        assert_eq!(total, callers_and_callees_of(&profile, &selected, function).total_weight);
    }

    #[test]
    fn whole_stacks_are_told_apart_though_their_last_caller_is_one() {
        check("A A B C\nG G G F\nF F F .\n. X . .", &["2/2 G ▸ A", "1/1 G ▸ B", "1/1 C"]);
        check("F A\nX F\n. F", &["1/1 the start of the thread", "1/1 A"]);
    }

    #[test]
    fn recursion_is_counted_not_listed() {
        check("A\nB\nB\nB\nF\nG\nF", &["1/1 B ×3 ▸ A"]);
    }
}
