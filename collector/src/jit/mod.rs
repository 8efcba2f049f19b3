//! Code that programs compile while they run: what makes them tell its names, and the files in which they do.
//!
//! Owns which variables are set for that, and the perf maps that our asking left behind. Must not set a variable that an
//! interpreter at hand would refuse, nor remove a file that was not caused by us.

pub mod maps;
mod node;
mod python;

use crate::cli::Jit;
use crate::launch::Variable;
use std::env;
use std::ffi::OsString;

pub use node::OPTIONS as NODE_OPTIONS;

/// A question to the interpreters at hand that is not answered yet.
#[derive(Debug)]
pub struct Asked {
    node: Option<node::Probe>,
    python: bool,
}

impl Asked {
    /// Looks for interpreters that `command` may start. Takes no time: the answer is waited for in [`Self::finish`].
    #[must_use]
    pub fn start(jit: Jit, command: &[OsString]) -> Self {
        match jit {
            Jit::Off => Self { node: None, python: false },
            Jit::Auto => Self { node: node::Probe::start(command), python: python::needs_trampoline(command) },
        }
    }

    /// The variables to be set; and what is new in them, a line each, without what the user had set.
    #[must_use]
    pub fn finish(self) -> (Vec<Variable>, Vec<String>) {
        let (mut variables, mut said) = (Vec::new(), Vec::new());
        if self.node.is_some_and(node::Probe::allows) {
            variables.push((node::VARIABLE.into(), node::with_options(env::var_os(node::VARIABLE))));
            said.push(format!("{}={NODE_OPTIONS}", node::VARIABLE));
        }
        if self.python {
            variables.push((python::VARIABLE.into(), "1".into()));
            said.push(format!("{}=1", python::VARIABLE));
        }
        (variables, said)
    }
}
