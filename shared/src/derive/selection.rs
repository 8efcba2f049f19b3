//! Which samples a view counts, and with which stacks.

use super::function_tree::{FunctionTree, NO_NODE, from_stacks};
pub use super::transform::{FunctionKey, Transform};
use super::transform::{hide_library, only_language};
use crate::model::{Language, Profile, ThreadId};
use crate::order::Order;
use crate::units::Nanos;
use serde::{Deserialize, Serialize};

/// What the reader restricted every view to. The default restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// From (included) and to (excluded), since the start of the recording. Without effect where samples have no time.
    pub range: Option<(Nanos, Nanos)>,
    pub pid: Option<u32>,
    pub tid: Option<u32>,
    /// Charge library, runtime and kernel frames to the nearest own caller. Done after the transforms.
    pub hide_library: bool,
    /// Show the frames of this language only, charge what they call to them, and leave out samples without any. Done after the
    /// transforms and before library frames are hidden.
    #[serde(default)]
    pub language: Option<Language>,
    /// In the order in which the reader made them.
    pub transforms: Vec<Transform>,
}

impl Selection {
    /// Whether samples of this time and thread count.
    #[must_use]
    pub fn takes(&self, time: Option<Nanos>, pid: u32, tid: u32) -> bool {
        let in_range = match (self.range, time) {
            (Some((from, to)), Some(time)) => from <= time && time < to,
            _ => true,
        };
        in_range && self.pid.is_none_or(|only| only == pid) && self.tid.is_none_or(|only| only == tid)
    }
}

/// The chosen samples with their stacks after all transforms.
///
/// Invariant: `row` and `node` are equally long; rows ascend, so that they stay in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The stacks that are left; may have nodes that no sample uses any more.
    pub tree: FunctionTree,
    /// Rows of the profile's sample table.
    pub row: Vec<u32>,
    /// Node of `tree` for each row; the root where a transform left no frame.
    pub node: Vec<u32>,
    /// Sum of the weights of these rows.
    pub weight: Nanos,
    /// Raw samples behind these rows.
    pub count: u64,
}

impl Selected {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.row.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// Node, weight and number of raw samples of each row.
    pub fn samples<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = (u32, Nanos, u64)> + 'a {
        let table = &profile.samples;
        self.row
            .iter()
            .zip(&self.node)
            .map(|(&row, &node)| (node, table.weight[row as usize], u64::from(table.count[row as usize])))
    }

    /// Weight and samples that ended in each node of `tree`.
    #[must_use]
    pub fn self_sums(&self, profile: &Profile) -> (Vec<Nanos>, Vec<u64>) {
        let (mut weights, mut counts) = (vec![Nanos::ZERO; self.tree.len()], vec![0; self.tree.len()]);
        for (node, weight, count) in self.samples(profile) {
            weights[node as usize] += weight;
            counts[node as usize] += count;
        }
        (weights, counts)
    }

    /// Only the samples of one thread.
    #[must_use]
    pub fn of_thread(&self, profile: &Profile, thread: ThreadId) -> Self {
        let mut only =
            Self { tree: self.tree.clone(), row: Vec::new(), node: Vec::new(), weight: Nanos::ZERO, count: 0 };
        let table = &profile.samples;
        for (&row, &node) in self.row.iter().zip(&self.node) {
            let index = row as usize;
            if table.thread[index] == thread {
                only.row.push(row);
                only.node.push(node);
                only.weight += table.weight[index];
                only.count += u64::from(table.count[index]);
            }
        }
        only
    }

    /// Threads among the chosen samples with their weight and raw samples, busiest first.
    #[must_use]
    pub fn threads(&self, profile: &Profile) -> Vec<(ThreadId, Nanos, u64)> {
        let mut sums = vec![(Nanos::ZERO, 0u64); profile.threads.rows.len()];
        for &row in &self.row {
            let row = row as usize;
            let sum = &mut sums[profile.samples.thread[row].index()];
            sum.0 += profile.samples.weight[row];
            sum.1 += u64::from(profile.samples.count[row]);
        }
        let rows = sums.into_iter().enumerate().filter(|(_, (_, count))| *count > 0);
        let mut threads: Vec<_> = rows.map(|(id, (weight, count))| (ThreadId::from_index(id), weight, count)).collect();
        threads.order_by_key(|&(id, weight, count)| (std::cmp::Reverse((weight, count)), id));
        threads
    }
}

/// A change of stacks: the new tree, and for each old node its new one.
type Change<'a> = Box<dyn Fn(&FunctionTree) -> (FunctionTree, Vec<u32>) + 'a>;

/// The samples that a selection takes, with their stacks changed as it asks.
#[must_use]
pub fn selected_rows(profile: &Profile, selection: &Selection) -> Selected {
    let samples = &profile.samples;
    let wanted: Vec<bool> =
        profile.threads.rows.iter().map(|thread| selection.takes(None, thread.pid, thread.tid)).collect();
    let in_range = |row: usize| match (selection.range, &samples.time) {
        (Some((from, to)), Some(time)) => from <= time[row] && time[row] < to,
        _ => true,
    };
    let mut used = vec![false; profile.stacks.len()];
    let mut rows = Vec::new();
    for row in 0..samples.len() {
        if wanted[samples.thread[row].index()] && in_range(row) {
            used[samples.stack[row].index()] = true;
            rows.push(ThreadId::from_index(row).0);
        }
    }
    let (mut tree, mut nodes) = from_stacks(profile, &used);
    let mut changes: Vec<Change> = Vec::new();
    for transform in &selection.transforms {
        changes.push(Box::new(|tree| transform.apply(profile, tree)));
    }
    if let Some(language) = selection.language {
        changes.push(Box::new(move |tree| only_language(profile, tree, language)));
    }
    if selection.hide_library {
        changes.push(Box::new(|tree| hide_library(profile, tree)));
    }
    for change in changes {
        let (new, map) = change(&tree);
        tree = new;
        for node in nodes.iter_mut().filter(|node| **node != NO_NODE) {
            *node = map[*node as usize];
        }
    }
    let mut selected = Selected { tree, row: Vec::new(), node: Vec::new(), weight: Nanos::ZERO, count: 0 };
    for row in rows {
        let index = row as usize;
        let node = nodes[samples.stack[index].index()];
        if node != NO_NODE {
            selected.row.push(row);
            selected.node.push(node);
            selected.weight += samples.weight[index];
            selected.count += u64::from(samples.count[index]);
        }
    }
    selected
}
