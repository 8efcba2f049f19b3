//! The threads of both samplers as one list, and definition lines that single reads missed.

use crate::sample::python::ENTRY_MODULE;
use crate::spool::{RawFrame, RawStacks, RawThread};
use perfcollect_shared::model::PYTHON_MODULE;
use std::collections::HashMap;

/// A thread of the merged list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedThread {
    pub pid: u32,
    pub tid: u32,
    /// Python's name of it where that is known, else the kernel's.
    pub name: String,
    pub process: String,
}

/// Threads by (pid, tid), with the rows that each list's threads got.
pub(super) struct Threads {
    pub(super) rows: Vec<MergedThread>,
    native: Vec<u32>,
    python: Vec<u32>,
}

impl Threads {
    pub(super) fn join(native: &RawStacks, python: &RawStacks) -> Self {
        let mut rows: Vec<MergedThread> = Vec::new();
        let mut known = HashMap::new();
        let mut join = |thread: &RawThread, name_wins: bool| {
            let row = *known.entry((thread.pid, thread.tid)).or_insert_with(|| {
                rows.push(MergedThread { pid: thread.pid, tid: thread.tid, ..MergedThread::default() });
                rows.len() - 1
            });
            let merged = &mut rows[row];
            if !thread.name.is_empty() && (name_wins || merged.name.is_empty()) {
                merged.name.clone_from(&thread.name);
            }
            if merged.process.is_empty() {
                merged.process.clone_from(&thread.process);
            }
            u32::try_from(row).unwrap_or(u32::MAX)
        };
        let native = native.threads.iter().map(|thread| join(thread, false)).collect();
        let python = python.threads.iter().map(|thread| join(thread, true)).collect();
        Self { rows, native, python }
    }

    pub(super) fn of_native(&self, thread: u32) -> u32 {
        self.native[thread as usize]
    }

    pub(super) fn of_python(&self, thread: u32) -> u32 {
        self.python[thread as usize]
    }
}

/// The frames with their definition lines: where a read did not get one, the nearest definition above the line among
/// those known of the same function. Without this a function would fall apart into two.
pub(super) fn with_start_lines(frames: &[RawFrame]) -> Vec<RawFrame> {
    let mut known: HashMap<(&str, &str), Vec<u32>> = HashMap::new();
    for frame in frames {
        if let RawFrame::Named { name, file, start_line, .. } = frame
            && *start_line > 0
        {
            known.entry((name, file)).or_default().push(*start_line);
        }
    }
    frames
        .iter()
        .map(|frame| match frame {
            RawFrame::Named { name, file, start_line, line, .. } if *start_line > 0 => {
                python(name, file, *start_line, *line)
            }
            RawFrame::Named { name, file, line, .. } => {
                let starts = known.get(&(name.as_str(), file.as_str())).map_or(&[][..], Vec::as_slice);
                let above = starts.iter().copied().filter(|start| start <= line).max();
                let start_line = above.or_else(|| starts.iter().copied().min()).unwrap_or(0);
                python(name, file, start_line, *line)
            }
            native @ RawFrame::Native(..) => native.clone(),
        })
        .collect()
}

/// A frame without what the sampler noted in its module.
fn python(name: &str, file: &str, start_line: u32, line: u32) -> RawFrame {
    let (module, name, file) = (PYTHON_MODULE.to_owned(), name.to_owned(), file.to_owned());
    RawFrame::Named { module, name, file, start_line, line }
}

/// For each stack, how many interpreter loops it runs in.
pub(super) fn loops(python: &RawStacks) -> Vec<u32> {
    let begins = |frame: u32| match python.frames.get(frame as usize) {
        Some(RawFrame::Named { module, .. }) => u32::from(module == ENTRY_MODULE),
        _ => 0,
    };
    let mut loops: Vec<u32> = Vec::with_capacity(python.stacks.len());
    for &(prefix, frame) in &python.stacks {
        let before = prefix.and_then(|prefix| loops.get(prefix as usize)).copied().unwrap_or(0);
        loops.push(before + begins(frame));
    }
    loops
}
