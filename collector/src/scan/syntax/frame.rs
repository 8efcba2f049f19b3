//! What is known at one place of the walk: the scope, its names so far, the loops around it.

use crate::scan::facts::{Effect, Name, Origin, Scope};
use foldhash::HashMap;

/// A name that a frame binds.
#[derive(Clone, Copy, Default)]
pub(super) struct Local {
    /// The frame; 0 is none.
    pub(super) frame: u32,
    pub(super) binding: u32,
    /// Of the value that it was given last.
    pub(super) origin: Origin,
}

/// A name at one place of the walk.
#[derive(Clone, Copy, Default)]
pub(super) struct Slot {
    /// The innermost frame around that binds it.
    pub(super) local: Local,
    /// The frame that last read it without binding it.
    pub(super) read: u32,
}

/// The module, a function or a class body.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) scope: Scope,
    /// The function whose code this is.
    pub(super) function: u32,
    /// The class whose body or method this is.
    pub(super) class: Option<u32>,
    /// First parameter of a method.
    pub(super) itself: Option<Name>,
    /// How long the prefix of the names in it is.
    pub(super) prefix: usize,
    /// No other frame of the file has it.
    pub(super) id: u32,
    /// What its names are bound to around it.
    pub(super) hidden: Vec<(Name, Local)>,
    /// Declared `global` (true) or `nonlocal`.
    pub(super) outer: HashMap<Name, bool>,
    pub(super) loops: Vec<Loop>,
    /// Names that the loops bind, those of inner ones behind.
    pub(super) bound: Vec<Name>,
    /// What the function does.
    pub(super) effects: Vec<Effect>,
    pub(super) comprehensions: u32,
}

/// A loop or a comprehension.
pub(super) struct Loop {
    /// Names in `bound` before it.
    pub(super) bound: usize,
    /// Calls in `pending` before it.
    pub(super) first: usize,
}

impl Frame {
    /// Empties it, and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.itself = None;
        self.hidden.clear();
        self.outer.clear();
        self.loops.clear();
        self.bound.clear();
        self.effects.clear();
        self.comprehensions = 0;
    }

    pub(super) fn in_function(&self) -> bool {
        matches!(self.scope, Scope::Function(_))
    }

    pub(super) fn loop_depth(&self) -> u8 {
        u8::try_from(self.loops.len()).unwrap_or(u8::MAX)
    }
}
