//! Sums per node of the call tree, from callers to callees or the other way round.

use super::function_tree::{FunctionTree, NO_NODE, ROOT};
use super::selection::{Selected, Selection, selected_rows};
use crate::model::{FunctionId, Profile};
use crate::order::Order;
use crate::units::Nanos;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::ops::Range;

/// Which way a tree grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From callers to callees.
    #[default]
    TopDown,
    /// From where time was spent to who called it.
    Inverted,
}

/// More nodes than this are not made of an inverted tree, which can be far larger than the stacks it comes from.
const INVERTED_LIMIT: usize = 2_000_000;

/// A call tree in columns, in order of levels: node 0 is everything, then all nodes of depth 1, and so on.
///
/// Invariants: the children of a node are neighbours, largest first; parents are in the order of their children, so that
/// each level is drawn from left to right as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallTree {
    pub direction: Direction,
    /// Parent of each node; the root is its own.
    pub parent: Vec<u32>,
    function: Vec<u32>,
    /// Of samples that end in this node.
    pub self_weight: Vec<Nanos>,
    pub self_count: Vec<u64>,
    /// Of samples that pass through or end in this node.
    pub total_weight: Vec<Nanos>,
    pub total_count: Vec<u64>,
    /// Where each level starts, and one more entry for the end.
    level: Vec<usize>,
    /// Where the children of each node start, and one more entry for the end.
    first_child: Vec<u32>,
    /// Top-down: the node of each node of the selected tree, `NO_NODE` where no sample uses it. Else empty.
    pub of_selected: Vec<u32>,
    /// Deeper nodes were left out, since there are too many.
    pub truncated: bool,
}

/// The call tree of what a selection takes.
#[must_use]
pub fn build(profile: &Profile, selection: &Selection, direction: Direction) -> CallTree {
    from_selected(profile, &selected_rows(profile, selection), direction)
}

/// The call tree of chosen samples.
#[must_use]
pub fn from_selected(profile: &Profile, selected: &Selected, direction: Direction) -> CallTree {
    match direction {
        Direction::TopDown => top_down(profile, selected),
        Direction::Inverted => inverted(profile, selected, INVERTED_LIMIT),
    }
}

impl CallTree {
    /// Number of nodes, the root included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there is nothing but the root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() <= 1
    }

    /// Function of a node, `None` for the root.
    #[must_use]
    pub fn function(&self, node: u32) -> Option<FunctionId> {
        (node != ROOT).then(|| FunctionId(self.function[node as usize]))
    }

    /// Number of levels, the root's included.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.level.len() - 1
    }

    /// The nodes of a depth, from left to right; empty below the deepest.
    #[must_use]
    pub fn level(&self, depth: usize) -> Range<usize> {
        match self.level.get(depth..depth + 2) {
            Some(&[start, end]) => start..end,
            _ => 0..0,
        }
    }

    /// How far a node is from the root.
    #[must_use]
    pub fn depth(&self, node: u32) -> usize {
        self.level.partition_point(|&start| start <= node as usize).saturating_sub(1)
    }

    /// Children of a node, largest first.
    #[must_use]
    pub fn children(&self, node: u32) -> Range<u32> {
        self.first_child[node as usize]..self.first_child[node as usize + 1]
    }

    /// A node and its ancestors up to the root, the node first.
    pub fn ancestors(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(node), |&node| (node != ROOT).then(|| self.parent[node as usize]))
    }

    fn with_capacity(direction: Direction, nodes: usize) -> Self {
        Self {
            direction,
            parent: Vec::with_capacity(nodes),
            function: Vec::with_capacity(nodes),
            self_weight: Vec::with_capacity(nodes),
            self_count: Vec::with_capacity(nodes),
            total_weight: Vec::with_capacity(nodes),
            total_count: Vec::with_capacity(nodes),
            level: Vec::new(),
            first_child: Vec::with_capacity(nodes + 1),
            of_selected: Vec::new(),
            truncated: false,
        }
    }

    fn push(&mut self, row: &Row) {
        self.parent.push(row.parent);
        self.function.push(row.function);
        self.self_weight.push(row.own.0);
        self.self_count.push(row.own.1);
        self.total_weight.push(row.total.0);
        self.total_count.push(row.total.1);
    }
}

/// Weight and raw samples.
type Sum = (Nanos, u64);

struct Row {
    parent: u32,
    function: u32,
    own: Sum,
    total: Sum,
}

/// A row number as a handle; tables are limited by the builder of profiles.
fn handle(index: usize) -> u32 {
    FunctionId::from_index(index).0
}

fn top_down(profile: &Profile, selected: &Selected) -> CallTree {
    let (weights, counts) = selected.self_sums(profile);
    of_sums(&selected.tree, &weights, &counts)
}

/// The top-down tree of nodes in which this much ended. Nodes that no sample passed through are left out.
pub(super) fn of_sums(source: &FunctionTree, own_weight: &[Nanos], own_count: &[u64]) -> CallTree {
    let (mut weight, mut count) = (own_weight.to_vec(), own_count.to_vec());
    for node in (1..source.len()).rev() {
        let parent = source.parent(handle(node)) as usize;
        weight[parent] = weight[parent] + weight[node];
        count[parent] += count[node];
    }
    let used = |node: &usize| count[*node] > 0;
    let mut start = vec![0usize; source.len() + 1];
    for node in (1..source.len()).filter(used) {
        start[source.parent(handle(node)) as usize + 1] += 1;
    }
    for index in 1..start.len() {
        start[index] += start[index - 1];
    }
    let mut children = vec![ROOT; start[source.len()]];
    let mut next = start.clone();
    for node in (1..source.len()).filter(used) {
        let slot = &mut next[source.parent(handle(node)) as usize];
        children[*slot] = handle(node);
        *slot += 1;
    }
    let mut tree = CallTree::with_capacity(Direction::TopDown, children.len() + 1);
    tree.of_selected = vec![NO_NODE; source.len()];
    let mut order = vec![ROOT];
    tree.level.push(0);
    while tree.level[tree.level.len() - 1] < order.len() {
        let from = tree.level[tree.level.len() - 1];
        let to = order.len();
        for index in from..to {
            let old = order[index] as usize;
            tree.of_selected[old] = handle(index);
            tree.push(&Row {
                parent: tree.of_selected[source.parent(handle(old)) as usize],
                function: source.function(handle(old)).map_or(0, |function| function.0),
                own: (own_weight[old], own_count[old]),
                total: (weight[old], count[old]),
            });
            tree.first_child.push(handle(order.len()));
            let family = &mut children[start[old]..start[old + 1]];
            family.order_by_key(|&node| (Reverse((weight[node as usize], count[node as usize])), node));
            order.extend_from_slice(family);
        }
        tree.level.push(to);
    }
    tree.first_child.push(handle(order.len()));
    tree
}

/// A stack on its way up: the next node to add to the tree, and what its samples weigh.
#[derive(Clone, Copy)]
struct Cursor {
    node: u32,
    function: u32,
    sum: Sum,
}

fn inverted(profile: &Profile, selected: &Selected, limit: usize) -> CallTree {
    let source = &selected.tree;
    let (own_weight, own_count) = selected.self_sums(profile);
    let at = |node: u32, sum: Sum| {
        let function = source.function(node).map_or(u32::MAX, |function| function.0);
        Cursor { node, function, sum }
    };
    // The stacks that pass through each node of the last level, and where each node's begin.
    let mut cursors: Vec<Cursor> = (0..source.len())
        .filter(|&node| own_count[node] > 0)
        .map(|node| at(handle(node), (own_weight[node], own_count[node])))
        .collect();
    let mut groups = vec![0, cursors.len()];
    let mut tree = CallTree::with_capacity(Direction::Inverted, cursors.len());
    let ended = sum_of(cursors.iter().filter(|cursor| cursor.node == ROOT));
    tree.push(&Row { parent: ROOT, function: 0, own: ended, total: (selected.weight, selected.count) });
    tree.level.extend([0, 1]);
    cursors.retain(|cursor| cursor.node != ROOT);
    groups[1] = cursors.len();
    while !cursors.is_empty() {
        let first = tree.level[tree.level.len() - 2];
        let (mut above, mut next) = (Vec::with_capacity(cursors.len()), vec![0]);
        for (index, bounds) in groups.windows(2).enumerate() {
            tree.first_child.push(handle(tree.parent.len()));
            let family = &mut cursors[bounds[0]..bounds[1]];
            family.order_by_key(|cursor| (cursor.function, cursor.node));
            let mut calls: Vec<(Sum, &[Cursor])> =
                family.chunk_by(|a, b| a.function == b.function).map(|chunk| (sum_of(chunk.iter()), chunk)).collect();
            calls.order_by_key(|&(sum, chunk)| (Reverse(sum), chunk[0].function));
            for (total, chunk) in calls {
                let up = chunk.iter().map(|cursor| at(source.parent(cursor.node), cursor.sum));
                above.extend(up.filter(|cursor| cursor.node != ROOT));
                let own = sum_of(chunk.iter().filter(|cursor| source.parent(cursor.node) == ROOT));
                tree.push(&Row { parent: handle(first + index), function: chunk[0].function, own, total });
                next.push(above.len());
            }
        }
        tree.level.push(tree.parent.len());
        (cursors, groups) = (above, next);
        if tree.len() + cursors.len() > limit && !cursors.is_empty() {
            tree.truncated = true;
            break;
        }
    }
    tree.first_child.resize(tree.len() + 1, handle(tree.len()));
    tree
}

fn sum_of<'a>(cursors: impl Iterator<Item = &'a Cursor>) -> Sum {
    cursors.fold((Nanos::ZERO, 0), |(weight, count), cursor| (weight + cursor.sum.0, count + cursor.sum.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// The tree as lines `name total self`, indented by depth, in order of drawing.
    fn picture(profile: &Profile, tree: &CallTree) -> String {
        let mut lines = Vec::new();
        let mut stack: Vec<u32> = tree.children(ROOT).rev().collect();
        while let Some(node) = stack.pop() {
            let name = tree.function(node).map_or("", |function| profile.function_name(function));
            let (indent, index) = (tree.depth(node) - 1, node as usize);
            let (total, own) = (tree.total_count[index], tree.self_count[index]);
            lines.push(format!("{}{name} {total} {own}\n", " ".repeat(indent)));
            stack.extend(tree.children(node).rev());
        }
        lines.concat()
    }

    fn check(input: &str, direction: Direction, expect: &str) {
        let profile = testing::profile(input);
        let tree = build(&profile, &Selection::default(), direction);
        assert_eq!(picture(&profile, &tree), expect, "{input:?} {direction:?}");
    }

    #[test]
    fn larger_children_come_first() {
        check("A A A\nB C C", Direction::TopDown, "A 3 0\n C 2 2\n B 1 1\n");
        check("A B A\nC C .", Direction::TopDown, "A 2 1\n C 1 1\nB 1 0\n C 1 1\n");
        check("", Direction::TopDown, "");
    }

    #[test]
    fn an_inverted_tree_begins_where_time_was_spent() {
        check("A B A\nC C .", Direction::Inverted, "C 2 0\n A 1 1\n B 1 1\nA 1 1\n");
        check("A A A\nB C C", Direction::Inverted, "C 2 0\n A 2 2\nB 1 0\n A 1 1\n");
        check("f\nf\nf", Direction::Inverted, "f 1 0\n f 1 0\n  f 1 1\n");
        check("", Direction::Inverted, "");
    }

    #[test]
    fn both_directions_add_up() {
        for seed in 0..40 {
            let profile = testing::profile(&testing::random_picture(seed));
            let selected = selected_rows(&profile, &Selection::default());
            for direction in [Direction::TopDown, Direction::Inverted] {
                let tree = from_selected(&profile, &selected, direction);
                assert_eq!(tree.total_weight[0], selected.weight);
                assert_eq!(tree.self_count.iter().sum::<u64>(), selected.count, "{direction:?} {seed}");
                for node in 0..handle(tree.len()) {
                    let children: u64 = tree.children(node).map(|child| tree.total_count[child as usize]).sum();
                    let index = node as usize;
                    assert_eq!(children + tree.self_count[index], tree.total_count[index], "{direction:?} {seed}");
                    assert!(tree.children(node).all(|child| tree.parent[child as usize] == node));
                    assert!(tree.children(node).all(|child| tree.depth(child) == tree.depth(node) + 1));
                }
            }
        }
    }

    #[test]
    fn an_inverted_tree_that_is_too_large_says_so() {
        let profile = testing::profile(&testing::random_picture(7));
        let selected = selected_rows(&profile, &Selection::default());
        let (cut, whole) = (inverted(&profile, &selected, 60), inverted(&profile, &selected, 1_000_000));
        assert!(cut.truncated && !whole.truncated && cut.len() < whole.len());
        assert_eq!(cut.level(1), whole.level(1));
        assert!(cut.children(handle(cut.len() - 1)).is_empty());
    }
}
