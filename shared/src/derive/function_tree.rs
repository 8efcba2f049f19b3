//! Stacks of functions as a prefix tree: what is left of the frames once lines and addresses are forgotten.

use crate::model::{FunctionId, Profile};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Children that are looked for one by one; more than these are hashed. Most nodes have one or two, and a table of all
/// nodes would be larger than the tree.
const LISTED: u32 = 16;

/// Node that stands for "everything"; it has no function.
pub const ROOT: u32 = 0;
/// Stands for "no node" in maps between trees.
pub const NO_NODE: u32 = u32::MAX;
const NO_FUNCTION: u32 = u32::MAX;

/// A prefix tree of functions in columns.
///
/// Invariants: row 0 is [`ROOT`]; a parent is a smaller row than its children; no two children of a row have the same
/// function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionTree {
    parent: Vec<u32>,
    function: Vec<u32>,
}

impl FunctionTree {
    /// Number of nodes, the root included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Never true: the root is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Parent of a node; the root is its own.
    #[must_use]
    pub fn parent(&self, node: u32) -> u32 {
        self.parent[node as usize]
    }

    /// Function of a node, `None` for the root.
    #[must_use]
    pub fn function(&self, node: u32) -> Option<FunctionId> {
        let function = self.function[node as usize];
        (function != NO_FUNCTION).then_some(FunctionId(function))
    }

    /// The functions from a node up to the root, leaf first.
    pub fn functions(&self, leaf: u32) -> impl Iterator<Item = FunctionId> + '_ {
        let up = |&node: &u32| (node != ROOT).then(|| self.parent(node));
        std::iter::successors(Some(leaf), up).filter_map(|node| self.function(node))
    }

    /// The nodes without the root, callers before callees, with parent and function.
    pub fn nodes(&self) -> impl Iterator<Item = (u32, u32, FunctionId)> + '_ {
        (1u32..).zip(self.parent.iter().zip(&self.function).skip(1)).map(|(n, (&p, &f))| (n, p, FunctionId(f)))
    }
}

/// Adds nodes to a tree, equal ones once.
#[derive(Debug)]
pub struct TreeBuilder {
    tree: FunctionTree,
    /// First listed child of each node and next listed child of its parent; [`ROOT`] for none.
    first_child: Vec<u32>,
    sibling: Vec<u32>,
    /// Children that are not listed, by parent and function.
    others: HashMap<u64, u32, BuildHasherDefault<PairHasher>>,
}

impl TreeBuilder {
    #[must_use]
    pub fn new() -> Self {
        let tree = FunctionTree { parent: vec![ROOT], function: vec![NO_FUNCTION] };
        Self { tree, first_child: vec![ROOT], sibling: vec![ROOT], others: HashMap::default() }
    }

    /// The node of a function called from `parent`.
    pub fn child(&mut self, parent: u32, function: FunctionId) -> u32 {
        let mut listed = 0;
        let mut node = self.first_child[parent as usize];
        while node != ROOT {
            if self.tree.function[node as usize] == function.0 {
                return node;
            }
            listed += 1;
            node = self.sibling[node as usize];
        }
        let key = u64::from(parent) << 32 | u64::from(function.0);
        if listed >= LISTED
            && let Some(&node) = self.others.get(&key)
        {
            return node;
        }
        let node = FunctionId::from_index(self.tree.parent.len()).0;
        self.tree.parent.push(parent);
        self.tree.function.push(function.0);
        self.first_child.push(ROOT);
        self.sibling.push(ROOT);
        if listed < LISTED {
            self.sibling[node as usize] = std::mem::replace(&mut self.first_child[parent as usize], node);
        } else {
            self.others.insert(key, node);
        }
        node
    }

    /// Function of a node that was added.
    #[must_use]
    pub fn function(&self, node: u32) -> Option<FunctionId> {
        self.tree.function(node)
    }

    #[must_use]
    pub fn finish(self) -> FunctionTree {
        self.tree
    }
}

impl Default for TreeBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// The tree of the stacks that `used` names, and the node of each stack (`NO_NODE` for the others).
#[must_use]
pub fn from_stacks(profile: &Profile, used: &[bool]) -> (FunctionTree, Vec<u32>) {
    use crate::model::StackId;
    let stacks = &profile.stacks;
    let mut needed = used.to_vec();
    for index in (0..needed.len()).rev() {
        if needed[index]
            && let Some(prefix) = stacks.prefix(StackId::from_index(index))
        {
            needed[prefix.index()] = true;
        }
    }
    let mut builder = TreeBuilder::new();
    let mut nodes = vec![NO_NODE; stacks.len()];
    for index in 0..stacks.len() {
        if needed[index] {
            let id = StackId::from_index(index);
            let parent = stacks.prefix(id).map_or(ROOT, |prefix| nodes[prefix.index()]);
            nodes[index] = builder.child(parent, profile.frame_function(stacks.frame(id)));
        }
    }
    (builder.finish(), nodes)
}

/// Hashes one packed pair of handles. Not for untrusted keys of other kinds: handles are dense, made by us.
#[derive(Default, Debug)]
pub struct PairHasher(u64);

impl Hasher for PairHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (value ^ (value >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_made_once_however_many_there_are() {
        let mut builder = TreeBuilder::new();
        let parent = builder.child(ROOT, FunctionId(7));
        let children: Vec<u32> = (0..100).map(|function| builder.child(parent, FunctionId(function))).collect();
        for (function, &child) in (0..).zip(&children) {
            assert_eq!(builder.child(parent, FunctionId(function)), child);
            assert_eq!(builder.function(child), Some(FunctionId(function)));
        }
        let tree = builder.finish();
        assert_eq!(tree.len(), 102);
        assert!(children.iter().all(|&child| tree.parent(child) == parent));
    }
}
