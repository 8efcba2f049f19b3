//! Binaries and pseudo-modules that code came from.

use super::ids::{ModuleId, StringId};

/// Where code was mapped from. `path` is a file, or a pseudo-module in brackets (`[python]`, `[kernel]`, `[jit]`, `[vdso]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Module {
    pub path: StringId,
    /// GNU build id in lower-case hex, empty where there is none.
    pub build_id: StringId,
}

/// All modules, one row each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleTable {
    pub rows: Vec<Module>,
}

impl ModuleTable {
    #[must_use]
    pub fn get(&self, id: ModuleId) -> Module {
        self.rows[id.index()]
    }
}
