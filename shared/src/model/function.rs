//! Functions: a name, where it is defined, and what sort of code it is.

use super::ids::{FunctionId, ModuleId, StringId};
use serde::{Deserialize, Serialize};

/// The language a function was written in, as far as its symbol or module tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    Python,
    Rust,
    Cpp,
    /// Native code whose symbols carry no mark: C, assembler, Go, stripped code.
    Native,
    /// Compiled while the program ran or interpreted by V8, named by a perf map.
    #[serde(rename = "javascript")]
    JavaScript,
    /// Other code compiled while the program ran (Java, .NET, …), named by a perf map.
    Jit,
    Kernel,
    #[default]
    Unknown,
}

impl Language {
    /// Every language with its word in addresses and what people call it.
    pub const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Python, "python", "Python"),
        (Self::Rust, "rust", "Rust"),
        (Self::Cpp, "cpp", "C++"),
        (Self::Native, "native", "native"),
        (Self::JavaScript, "javascript", "JavaScript"),
        (Self::Jit, "jit", "JIT"),
        (Self::Kernel, "kernel", "kernel"),
        (Self::Unknown, "unknown", "unknown"),
    ];

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].2
    }
}

/// Whose code a function is, for dimming libraries and charging their time to the nearest own caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionKind {
    /// The user's own code.
    #[default]
    Own,
    /// A package or shared library.
    Library,
    /// The language's runtime, interpreter or standard start-up code.
    Runtime,
    Kernel,
    /// No code: why a thread waits, see [`super::WaitReason`].
    Waiting,
}

/// One function of one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// Demangled, for people.
    pub name: StringId,
    /// As in the symbol table; equal to `name` where nothing was mangled.
    pub system_name: StringId,
    pub file: StringId,
    /// Line of the definition, 0 where not known.
    pub start_line: u32,
    pub module: ModuleId,
    /// Derived from the fields above by `classify`, never stored.
    pub language: Language,
    /// Derived likewise.
    pub kind: FunctionKind,
}

/// All functions, one row each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionTable {
    pub rows: Vec<Function>,
}

impl FunctionTable {
    #[must_use]
    pub fn get(&self, id: FunctionId) -> &Function {
        &self.rows[id.index()]
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_its_row() {
        for (row, (language, word, name)) in Language::ALL.into_iter().enumerate() {
            assert_eq!(language as usize, row, "{word}");
            assert_eq!(language.name(), name);
        }
        assert_eq!(Language::ALL.len(), Language::Unknown as usize + 1);
    }
}
