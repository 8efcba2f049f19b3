//! Puts native frames below the Python frames that ran them.

use super::{FastMap, Merged, MergedFrame};
use crate::spool::RawStacks;
use perfcollect_shared::model::TOO_SHORT;

/// What a native frame is to a Python program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameRole {
    /// The loop that runs Python code.
    Eval,
    /// Other code of the interpreter.
    Interpreter,
    /// C and maths library, loader, vdso.
    System,
    /// Where every thread starts: its callers are known to be all there.
    Root,
    Kernel,
    /// Kernel code that only a system call runs.
    KernelCall,
    /// Extension modules, libraries, anything else.
    Other,
}

/// The role of a native frame from the path of its module and the names of its functions (outermost first; empty where
/// it has no symbol).
#[must_use]
pub fn role_of<'a>(module: &str, mut names: impl Iterator<Item = &'a str> + Clone) -> FrameRole {
    const ROOTS: [&str; 6] =
        ["_start", "__libc_start_main", "__libc_start_call_main", "start_thread", "clone3", "main"];
    // The sampler says which boot it was: `[kernel:BOOT]`.
    if module.is_empty() && names.clone().any(|name| name == TOO_SHORT) {
        // Starts and ends of threads, mostly: not what a Python sample near in time says.
        return FrameRole::Root;
    }
    if module.starts_with("[kernel") {
        let call = names.any(|name| name.contains("syscall") || name.contains("el0_svc") || name.contains("SYSCALL"));
        return if call { FrameRole::KernelCall } else { FrameRole::Kernel };
    }
    let base = module.rsplit('/').next().unwrap_or(module);
    if is_interpreter(base) {
        if names.clone().any(is_eval_loop) {
            return FrameRole::Eval;
        }
        return if names.any(|name| ROOTS.contains(&name)) { FrameRole::Root } else { FrameRole::Interpreter };
    }
    if is_system_library(base) {
        let root = names.any(|name| ROOTS.iter().any(|root| name.starts_with(root)) || name == "__clone");
        return if root { FrameRole::Root } else { FrameRole::System };
    }
    if names.any(|name| ROOTS.contains(&name)) { FrameRole::Root } else { FrameRole::Other }
}

/// Whether a file name is that of `CPython`: `python3.11`, `libpython3.11.so.1.0`; not `pypy3`.
pub(crate) fn is_interpreter(base: &str) -> bool {
    let rest = base.strip_prefix("libpython").or_else(|| base.strip_prefix("python"));
    rest.is_some_and(|rest| {
        let version = rest.split_once(".so").map_or(rest, |(version, _)| version);
        version.trim_end_matches("-dbg").chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'm' | 'd' | 'u' | 't'))
    })
}

/// `_PyEval_EvalFrameDefault` and its parts and forerunners; from 3.14 on one function an instruction.
fn is_eval_loop(name: &str) -> bool {
    // `_PyEval_EvalFrame` without more is a wrapper that compilers expand into its callers.
    ["_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx", "_TAIL_CALL_"].iter().any(|start| name.starts_with(start))
}

fn is_system_library(base: &str) -> bool {
    ["libc.", "libc-", "libm.", "libm-", "libpthread", "ld-linux", "ld-musl", "ld-2", "libdl.", "libdl-", "[vdso]"]
        .iter()
        .any(|name| base.starts_with(name))
}

/// What a native stack looks like, as far as Python goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// It holds the interpreter loop, so many times if the stack is whole.
    Python { loops: Option<u32> },
    /// It could not be followed to its root, so it may come from Python.
    Cut,
    /// It reaches its root without the loop: start and end of the interpreter, threads of libraries.
    NotPython,
}

impl Shape {
    /// Whether a Python stack may belong above it.
    pub(super) fn is_python(self) -> bool {
        self != Self::NotPython
    }
}

/// A native stack, taken apart once.
#[derive(Clone)]
struct Parts {
    shape: Shape,
    /// What stays below the Python frame, caller first.
    below: Vec<u32>,
}

/// Joins native and Python stacks, each pair once.
pub(super) struct Splicer<'a> {
    native: &'a RawStacks,
    roles: &'a [FrameRole],
    python: &'a RawStacks,
    /// The interpreter's symbols tell its loop from the rest of it.
    loop_is_known: bool,
    parts: FastMap<u32, Parts>,
    spliced: FastMap<(Option<u32>, u32), Option<u32>>,
    python_rows: FastMap<u32, Option<u32>>,
}

impl<'a> Splicer<'a> {
    pub(super) fn new(native: &'a RawStacks, roles: &'a [FrameRole], python: &'a RawStacks) -> Self {
        let loop_is_known = roles.contains(&FrameRole::Eval);
        Self {
            native,
            roles,
            python,
            loop_is_known,
            parts: FastMap::default(),
            spliced: FastMap::default(),
            python_rows: FastMap::default(),
        }
    }

    pub(super) fn shape(&mut self, stack: Option<u32>) -> Shape {
        stack.map_or(Shape::Cut, |row| self.parts(row).shape)
    }

    /// The merged stack of a native one and its Python partner.
    pub(super) fn splice(&mut self, merged: &mut Merged, native: Option<u32>, python: u32) -> Option<u32> {
        if let Some(&row) = self.spliced.get(&(native, python)) {
            return row;
        }
        let prefix = self.python_stack(merged, python);
        let below = native.map(|row| self.parts(row).below.clone()).unwrap_or_default();
        let row = merged.extend(prefix, below.into_iter().map(MergedFrame::Native));
        self.spliced.insert((native, python), row);
        row
    }

    pub(super) fn python_stack(&mut self, merged: &mut Merged, row: u32) -> Option<u32> {
        if let Some(&known) = self.python_rows.get(&row) {
            return known;
        }
        let frames = frames_of(self.python, row);
        let merged_row = merged.extend(None, frames.into_iter().map(MergedFrame::Python));
        self.python_rows.insert(row, merged_row);
        merged_row
    }

    /// A native stack as a merged one, for others to build on.
    pub(super) fn native_stack(&self, merged: &mut Merged, row: u32) -> Option<u32> {
        merged.extend(None, frames_of(self.native, row).into_iter().map(MergedFrame::Native))
    }

    fn parts(&mut self, row: u32) -> &Parts {
        let (native, roles, loop_is_known) = (self.native, self.roles, self.loop_is_known);
        self.parts.entry(row).or_insert_with(|| take_apart(&frames_of(native, row), roles, loop_is_known))
    }
}

/// Frames of a stack, root first.
pub(in crate::pack) fn frames_of(raw: &RawStacks, row: u32) -> Vec<u32> {
    let mut frames = Vec::new();
    let mut next = Some(row);
    while let Some((prefix, frame)) = next.and_then(|row| raw.stacks.get(row as usize)) {
        frames.push(*frame);
        // A prefix is a smaller row; anything else would be a circle.
        next = prefix.filter(|prefix| next.is_some_and(|row| *prefix < row));
    }
    frames.reverse();
    frames
}

fn take_apart(whole: &[u32], roles: &[FrameRole], loop_is_known: bool) -> Parts {
    let role = |frame: u32| roles.get(frame as usize).copied().unwrap_or(FrameRole::Other);
    let wanted = if loop_is_known { FrameRole::Eval } else { FrameRole::Interpreter };
    let last = whole.iter().rposition(|&frame| role(frame) == wanted);
    let rooted = whole.first().is_some_and(|&frame| role(frame) == FrameRole::Root);
    let count = whole.iter().filter(|&&frame| role(frame) == FrameRole::Eval).count();
    let shape = match (last, rooted) {
        (Some(_), _) => Shape::Python { loops: u32::try_from(count).ok().filter(|_| loop_is_known && rooted) },
        (None, true) => Shape::NotPython,
        (None, false) => Shape::Cut,
    };
    let leafward = &whole[last.map_or(0, |row| row + 1)..];
    let asked_for = leafward.iter().any(|&frame| role(frame) == FrameRole::KernelCall);
    let mut below = Vec::new();
    // Whether the frame before was kept: what the interpreter calls in the C library or the kernel is its own time.
    let mut kept = false;
    for &frame in leafward {
        kept = match role(frame) {
            FrameRole::Other => true,
            FrameRole::Eval | FrameRole::Interpreter | FrameRole::Root => false,
            FrameRole::System => kept,
            FrameRole::Kernel | FrameRole::KernelCall => kept || asked_for,
        };
        if kept {
            below.push(frame);
        }
    }
    Parts { shape, below }
}
