//! Frames: a function at a place in it.

use super::ids::{FrameId, FunctionId};

/// One place in one function.
///
/// A physical call frame with inlined calls is a run of rows in a stack: first (nearer the root) the function that owns
/// the address, then each function inlined into it with `inlined` set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    pub function: FunctionId,
    /// Line being executed, 0 where not known.
    pub line: u32,
    /// The compiler expanded this call into the frame before it in the stack.
    pub inlined: bool,
    /// Offset in the module's file, 0 where not native.
    pub address: u64,
}

/// All frames, one row each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameTable {
    pub rows: Vec<Frame>,
}

impl FrameTable {
    #[must_use]
    pub fn get(&self, id: FrameId) -> Frame {
        self.rows[id.index()]
    }
}
