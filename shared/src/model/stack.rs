//! Stacks as a prefix tree in columns.

use super::ids::{FrameId, StackId};

/// Each row is a frame called from another row, its prefix.
///
/// Invariant: a prefix is a smaller row than the stack that has it, so one forward pass sees callers before callees
/// and one backward pass sees callees before callers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackTable {
    prefix: Vec<u32>,
    frame: Vec<FrameId>,
}

const NO_PREFIX: u32 = u32::MAX;

impl StackTable {
    #[must_use]
    pub fn len(&self) -> usize {
        self.frame.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frame.is_empty()
    }

    /// The caller's stack, `None` at the root.
    #[must_use]
    pub fn prefix(&self, id: StackId) -> Option<StackId> {
        let prefix = self.prefix[id.index()];
        (prefix != NO_PREFIX).then_some(StackId(prefix))
    }

    #[must_use]
    pub fn frame(&self, id: StackId) -> FrameId {
        self.frame[id.index()]
    }

    /// The frames of a stack, leaf first.
    pub fn frames(&self, leaf: StackId) -> impl Iterator<Item = FrameId> + '_ {
        std::iter::successors(Some(leaf), |&id| self.prefix(id)).map(|id| self.frame(id))
    }

    pub(super) fn push(&mut self, prefix: Option<StackId>, frame: FrameId) -> StackId {
        let id = StackId::from_index(self.frame.len());
        self.prefix.push(prefix.map_or(NO_PREFIX, |p| p.0));
        self.frame.push(frame);
        id
    }
}
