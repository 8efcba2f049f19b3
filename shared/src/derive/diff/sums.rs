//! Weights of a side, or of one run of it, by node and by function.

use super::Stacks;
use super::align::Aligned;
use super::runs::{Plan, all_units};
use crate::derive::function_tree::{NO_NODE, ROOT};

/// What stacks pass through or end in, by node that is kept.
pub(super) const NODE_TOTAL: usize = 0;
/// What ends in a node, by node that is kept.
pub(super) const NODE_OWN: usize = 1;
/// What ends in a function.
pub(super) const OWN: usize = 2;
/// What passes through or ends in a function.
pub(super) const TOTAL: usize = 3;
/// What a function is charged with.
pub(super) const CHARGED: usize = 4;
pub(super) const FIGURES: usize = 5;

/// A column of sums.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) weight: Vec<f64>,
    /// Sums of squared weights of samples: the variance that counting them has.
    pub(super) squares: Vec<f64>,
    pub(super) count: Vec<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Sums {
    pub(super) figures: [Figures; FIGURES],
}

impl Figures {
    fn new(rows: usize) -> Self {
        Self { weight: vec![0.0; rows], squares: vec![0.0; rows], count: vec![0; rows] }
    }

    fn take(&mut self, to: usize, from: &Self, index: usize) {
        self.weight[to] += from.weight[index];
        self.squares[to] += from.squares[index];
        self.count[to] += from.count[index];
    }
}

impl Sums {
    pub(super) fn of_side(aligned: &Aligned, side: usize, sources: &[Stacks<'_>], plan: &Plan) -> Self {
        let mut own = Figures::new(aligned.tree.len());
        for unit in all_units(plan, side) {
            add(&mut own, aligned, side, sources, plan, unit);
        }
        Self::of(aligned, own)
    }

    pub(super) fn of_unit(aligned: &Aligned, side: usize, sources: &[Stacks<'_>], plan: &Plan, unit: usize) -> Self {
        let mut own = Figures::new(aligned.tree.len());
        add(&mut own, aligned, side, sources, plan, unit);
        Self::of(aligned, own)
    }

    /// Weight of all samples.
    pub(super) fn whole(&self) -> f64 {
        self.figures[NODE_TOTAL].weight[ROOT as usize]
    }

    pub(super) fn whole_count(&self) -> u64 {
        self.figures[NODE_TOTAL].count[ROOT as usize]
    }

    /// All figures from what ended in each node of the whole tree.
    fn of(aligned: &Aligned, own: Figures) -> Self {
        let tree = &aligned.tree;
        let functions = aligned.profile.functions.len();
        let [mut function_own, mut function_total, mut charged] = std::array::from_fn(|_| Figures::new(functions));
        for (node, _, function) in tree.nodes() {
            function_own.take(function.index(), &own, node as usize);
            charged.take(aligned.charged[node as usize] as usize, &own, node as usize);
        }
        let node_own = aligned.keep(&own);
        let mut total = own;
        for (node, parent) in aligned.upwards() {
            let (weight, squares, count) = (total.weight[node], total.squares[node], total.count[node]);
            total.weight[parent] += weight;
            total.squares[parent] += squares;
            total.count[parent] += count;
        }
        for (node, _, function) in tree.nodes().filter(|&(node, ..)| aligned.outermost[node as usize]) {
            function_total.take(function.index(), &total, node as usize);
        }
        Self { figures: [aligned.keep(&total), node_own, function_own, function_total, charged] }
    }
}

impl Aligned {
    fn upwards(&self) -> impl Iterator<Item = (usize, usize)> {
        (1..self.tree.len()).rev().map(|node| {
            #[expect(clippy::cast_possible_truncation, reason = "nodes are numbered in 32 bits")]
            let parent = self.tree.parent(node as u32);
            (node, parent as usize)
        })
    }

    /// The rows of nodes that are kept.
    fn keep(&self, all: &Figures) -> Figures {
        let mut kept = Figures::new(self.kept.len());
        for (node, &place) in self.place.iter().enumerate().filter(|(_, place)| **place != NO_NODE) {
            kept.take(place as usize, all, node);
        }
        kept
    }
}

fn add(own: &mut Figures, aligned: &Aligned, side: usize, sources: &[Stacks<'_>], plan: &Plan, unit: usize) {
    for (source, stacks) in sources.iter().enumerate() {
        let nodes = &aligned.nodes[side][source];
        let samples = &stacks.profile.samples;
        for &position in plan.rows(side, source, unit) {
            let node = nodes[stacks.selected.node[position as usize] as usize];
            let row = stacks.selected.row[position as usize] as usize;
            if node == NO_NODE {
                continue;
            }
            let (node, weight, count) = (node as usize, samples.weight[row].as_f64(), samples.count[row]);
            own.weight[node] += weight;
            // A row of several samples is that many of equal weight.
            own.squares[node] += weight * weight / f64::from(count.max(1));
            own.count[node] += u64::from(count);
        }
    }
}
