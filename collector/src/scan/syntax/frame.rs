//! What is known at one place of the walk: the scope, its names so far, the loops around it.

use crate::scan::facts::{Effect, Name, Origin, Scope};
use foldhash::{HashMap, HashSet};

/// A name that a function binds.
#[derive(Clone, Copy)]
pub(super) struct Local {
    pub(super) binding: u32,
    /// Of the value that it was given last.
    pub(super) origin: Origin,
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
    pub(super) locals: HashMap<Name, Local>,
    /// Declared `global` (true) or `nonlocal`.
    pub(super) outer: HashMap<Name, bool>,
    pub(super) seen: HashSet<Name>,
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
        self.locals.clear();
        self.outer.clear();
        self.seen.clear();
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
