//! One table of functions and one tree for the stacks of both sides.
//!
//! A function is found again by its name, its language and the last part of its file (of its module where the file is not
//! known): two builds of a program have different addresses, lines and folders. What then is on one side only is matched
//! by name alone where no other own function has that name, so that `old.py` and `new.py` can be compared.

use super::{DiffError, Stacks};
use crate::derive::function_tree::{FunctionTree, NO_NODE, ROOT, TreeBuilder};
use crate::derive::top_table::{FunctionGroups, outermost};
use crate::format::file_name;
use crate::model::{FunctionId, FunctionKind, FunctionSpec, Profile, ProfileBuilder, ProfileInfo};
use crate::order::Order;
use std::collections::HashMap;

/// Python's name of a file's own code, which nearly every file has.
const MODULE_CODE: &str = "<module>";

/// Both sides' stacks as one tree.
#[derive(Debug)]
pub(super) struct Aligned {
    /// Functions of both sides.
    pub(super) profile: Profile,
    pub(super) tree: FunctionTree,
    /// Whether no caller of a node is the same function.
    pub(super) outermost: Vec<bool>,
    /// The function that what ends in a node is charged to.
    pub(super) charged: Vec<u32>,
    /// By side and source: node of the tree for each node of the source's own.
    pub(super) nodes: [Vec<Vec<u32>>; 2],
    /// The largest nodes.
    pub(super) kept: FunctionTree,
    /// Node among the kept ones for each of the tree.
    pub(super) place: Vec<u32>,
    pub(super) left_out: usize,
}

/// A function that was seen, before both sides are matched.
struct Seen<'a> {
    /// Where to read it: of the new side where that has it.
    profile: &'a Profile,
    id: FunctionId,
    weight: [f64; 2],
    on: [bool; 2],
}

impl Aligned {
    pub(super) fn new(sides: [&[Stacks<'_>]; 2], limit: usize) -> Result<Self, DiffError> {
        let (seen, rows) = functions(sides);
        let joined = joined(&seen);
        let mut builder = ProfileBuilder::new();
        let ids: Vec<FunctionId> = (0..seen.len()).map(|index| add(&mut builder, &seen[joined[index]])).collect();
        let info = ProfileInfo { weight: weight_of(sides), ..ProfileInfo::default() };
        let profile = builder.finish(info).map_err(|_too_large| DiffError::TooLarge)?;
        let mut trees = TreeBuilder::new();
        let mut weights = [Vec::new(), Vec::new()];
        let nodes = [0, 1].map(|side| {
            let of_source = |(source, stacks): (usize, &Stacks<'_>)| {
                let function = |local: FunctionId| ids[rows[side][source][local.index()]];
                merge(&mut trees, stacks, function, &mut weights[side])
            };
            sides[side].iter().enumerate().map(of_source).collect()
        });
        let tree = trees.finish();
        let outermost = outermost(&tree, &FunctionGroups::new(&profile));
        let charged = charged(&profile, &tree);
        let (kept, place) = keep(&tree, &weights, limit);
        let left_out = tree.len() - kept.len();
        Ok(Self { profile, tree, outermost, charged, nodes, kept, place, left_out })
    }
}

fn weight_of(sides: [&[Stacks<'_>]; 2]) -> crate::model::WeightKind {
    let first = sides.into_iter().flatten().next();
    first.map(|stacks| stacks.profile.info.weight).unwrap_or_default()
}

/// Every function that was seen, and which of them each function of each source is.
fn functions<'a>(sides: [&[Stacks<'a>]; 2]) -> (Vec<Seen<'a>>, [Vec<Vec<usize>>; 2]) {
    let mut seen: Vec<Seen<'a>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut rows = [Vec::new(), Vec::new()];
    for (side, sources) in sides.into_iter().enumerate() {
        for stacks in sources {
            let profile = stacks.profile;
            let weights = function_weights(stacks);
            let mut of_source = vec![usize::MAX; profile.functions.len()];
            for (index, weight) in weights.into_iter().enumerate() {
                let Some(weight) = weight else { continue };
                let id = FunctionId::from_index(index);
                let row = *known.entry(key(profile, id)).or_insert_with(|| {
                    seen.push(Seen { profile, id, weight: [0.0; 2], on: [false; 2] });
                    seen.len() - 1
                });
                let function = &mut seen[row];
                if side == 1 && !function.on[1] {
                    (function.profile, function.id) = (profile, id);
                }
                function.weight[side] += weight;
                function.on[side] = true;
                of_source[index] = row;
            }
            rows[side].push(of_source);
        }
    }
    (seen, rows)
}

/// What passes through each function, roughly (recursion counts twice); `None` for those that no chosen sample has.
fn function_weights(stacks: &Stacks<'_>) -> Vec<Option<f64>> {
    let tree = &stacks.selected.tree;
    let (mut weights, mut counts) = stacks.selected.self_sums(stacks.profile);
    crate::derive::top_table::add_up(tree, &mut weights, &mut counts);
    let mut sums = vec![None; stacks.profile.functions.len()];
    for (node, _, function) in tree.nodes().filter(|&(node, ..)| counts[node as usize] > 0) {
        *sums[function.index()].get_or_insert(0.0) += weights[node as usize].as_f64();
    }
    sums
}

fn key(profile: &Profile, id: FunctionId) -> String {
    let function = profile.function(id);
    let file = file_name(profile.function_file(id));
    let place = match function.kind {
        _ if !file.is_empty() => file,
        // Two builds of a program have two names.
        FunctionKind::Own => "",
        _ => library(file_name(profile.function_module(id))),
    };
    format!("{}\n{:?}{:?}\n{place}", profile.function_name(id), function.language, function.kind)
}

/// `libpython` of `libpython3.11.so.1.0`, `python` of `python3.12`.
fn library(module: &str) -> &str {
    let stem = module.split(".so").next().unwrap_or(module);
    stem.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-')
}

/// For each function the one that it is shown as: itself, or its match on the new side.
fn joined(seen: &[Seen<'_>]) -> Vec<usize> {
    let mut joined: Vec<usize> = (0..seen.len()).collect();
    let mut lonely: HashMap<String, [Vec<usize>; 2]> = HashMap::new();
    let mut names = Vec::new();
    for (index, function) in seen.iter().enumerate() {
        let row = function.profile.function(function.id);
        if function.on == [true, true] || row.kind != FunctionKind::Own {
            continue;
        }
        let name = format!("{}\n{:?}", function.profile.function_name(function.id), row.language);
        let side = usize::from(function.on[1]);
        lonely.entry(name.clone()).or_insert_with(|| {
            names.push(name);
            Default::default()
        })[side]
            .push(index);
    }
    for name in names {
        let [mut base, mut new] = lonely.remove(&name).unwrap_or_default();
        if name.starts_with(MODULE_CODE) {
            // The program's own code runs all the rest.
            for (side, list) in [&mut base, &mut new].into_iter().enumerate() {
                list.order_by(|&a, &b| seen[b].weight[side].total_cmp(&seen[a].weight[side]));
                list.truncate(1);
            }
        }
        if let ([base], [new]) = (base.as_slice(), new.as_slice()) {
            joined[*base] = *new;
        }
    }
    joined
}

fn add(builder: &mut ProfileBuilder, seen: &Seen<'_>) -> FunctionId {
    let (profile, function) = (seen.profile, seen.profile.function(seen.id));
    let module = profile.modules.get(function.module);
    let module = builder.module(profile.string(module.path), profile.string(module.build_id));
    builder.function(FunctionSpec {
        name: profile.string(function.name),
        system_name: profile.string(function.system_name),
        file: profile.string(function.file),
        start_line: function.start_line,
        module,
    })
}

/// Adds the used stacks of a source to the tree, and what passes through each node to `weights`.
fn merge(
    trees: &mut TreeBuilder,
    stacks: &Stacks<'_>,
    function: impl Fn(FunctionId) -> FunctionId,
    weights: &mut Vec<f64>,
) -> Vec<u32> {
    let tree = &stacks.selected.tree;
    let (mut sums, mut counts) = stacks.selected.self_sums(stacks.profile);
    crate::derive::top_table::add_up(tree, &mut sums, &mut counts);
    let mut nodes = vec![NO_NODE; tree.len()];
    nodes[ROOT as usize] = ROOT;
    for (node, parent, local) in tree.nodes().filter(|&(node, ..)| counts[node as usize] > 0) {
        nodes[node as usize] = trees.child(nodes[parent as usize], function(local));
    }
    for (&node, sum) in nodes.iter().zip(&sums).filter(|(node, _)| **node != NO_NODE) {
        let node = node as usize;
        if weights.len() <= node {
            weights.resize(node + 1, 0.0);
        }
        weights[node] += sum.as_f64();
    }
    nodes
}

/// The nearest own caller of each node, itself included; the function itself where there is none. The root's is the first
/// function, and nothing.
fn charged(profile: &Profile, tree: &FunctionTree) -> Vec<u32> {
    let mut charged = vec![(0, false); tree.len()];
    for (node, parent, function) in tree.nodes() {
        let own = profile.function(function).kind == FunctionKind::Own;
        let above = charged[parent as usize];
        charged[node as usize] = if !own && above.1 { above } else { (function.0, own) };
    }
    charged.into_iter().map(|(function, _)| function).collect()
}

/// The `limit` largest nodes, which have their callers among them, and the place of each node there.
fn keep(tree: &FunctionTree, weights: &[Vec<f64>; 2], limit: usize) -> (FunctionTree, Vec<u32>) {
    let size = |node: usize| {
        let of = |side: &Vec<f64>| side.get(node).copied().unwrap_or(0.0);
        of(&weights[0]).max(of(&weights[1]))
    };
    let least = if tree.len() > limit.max(1) {
        let mut sizes: Vec<f64> = (0..tree.len()).map(size).collect();
        let (_, &mut least, _) = sizes.select_nth_unstable_by(limit.max(1) - 1, |a, b| b.total_cmp(a));
        least
    } else {
        f64::NEG_INFINITY
    };
    let mut kept = TreeBuilder::new();
    let mut place = vec![NO_NODE; tree.len()];
    place[ROOT as usize] = ROOT;
    let mut left = limit.max(1);
    for (node, parent, function) in tree.nodes() {
        // Equal ones may be more than the limit: then those that come first.
        let wanted = size(node as usize) >= least && place[parent as usize] != NO_NODE && left > 1;
        if wanted {
            place[node as usize] = kept.child(place[parent as usize], function);
            left -= 1;
        }
    }
    (kept.finish(), place)
}
