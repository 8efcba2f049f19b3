//! What is known at one place of the walk: the scope, its names so far, the loops around it.

use crate::scan::facts::{NOWHERE, Name, Origin, Scope};
use foldhash::{HashMap, HashSet};

/// A name that a function binds.
#[derive(Clone, Copy)]
pub(super) struct Local {
    pub(super) binding: u32,
    /// Of the value that it was given last.
    pub(super) origin: Origin,
}

/// The module, a function or a class body.
pub(super) struct Frame {
    pub(super) scope: Scope,
    /// The function whose code this is.
    pub(super) function: u32,
    /// The class whose body or method this is.
    pub(super) class: Option<u32>,
    /// First parameter of a method.
    pub(super) itself: Option<Name>,
    pub(super) prefix: String,
    pub(super) locals: HashMap<Name, Local>,
    /// Declared `global` (true) or `nonlocal`.
    pub(super) outer: HashMap<Name, bool>,
    pub(super) seen: HashSet<Name>,
    pub(super) loops: Vec<Loop>,
    pub(super) comprehensions: u32,
}

/// A loop or a comprehension.
pub(super) struct Loop {
    /// Names that it binds.
    pub(super) bound: Vec<Name>,
    /// Calls before it.
    pub(super) first: usize,
}

impl Frame {
    pub(super) fn module() -> Self {
        Self::new(Scope::Module, NOWHERE, None, String::new())
    }

    pub(super) fn new(scope: Scope, function: u32, class: Option<u32>, prefix: String) -> Self {
        Self {
            scope,
            function,
            class,
            itself: None,
            prefix,
            locals: HashMap::default(),
            outer: HashMap::default(),
            seen: HashSet::default(),
            loops: Vec::new(),
            comprehensions: 0,
        }
    }

    /// Another frame in the same memory.
    pub(super) fn again(mut self, scope: Scope, function: u32, class: Option<u32>, prefix: String) -> Self {
        self.locals.clear();
        self.outer.clear();
        self.seen.clear();
        self.loops.clear();
        Self { scope, function, class, itself: None, prefix, comprehensions: 0, ..self }
    }

    pub(super) fn in_function(&self) -> bool {
        matches!(self.scope, Scope::Function(_))
    }

    pub(super) fn loop_depth(&self) -> u8 {
        u8::try_from(self.loops.len()).unwrap_or(u8::MAX)
    }
}
