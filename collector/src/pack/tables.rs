//! Merged stacks to the tables of a profile.
//!
//! Stacks are sorted by their frames and added in that order: what is equal lies side by side, so that no table of all
//! known stacks is needed, and the bundle's rows come out as its writer wants them.

use super::merge::{FastMap, Merged, MergedFrame, MergedStack};
use crate::spool::{RawFrame, RawStacks};
use crate::symbolize::{Resolved, module_name};
use perfcollect_shared::model::{
    FrameId, FrameSpec, FunctionId, FunctionSpec, KERNEL_MODULE, KERNEL_NOT_SAMPLED, NATIVE_MODULE, NATIVE_NOT_SAMPLED,
    ProfileBuilder, SampleSpec, StackId, TOO_SHORT, ThreadSpec, UNKNOWN_FUNCTION,
};
use std::collections::BTreeMap;

/// Puts named frames into the builder.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) builder: ProfileBuilder,
    /// Functions that stand for all unnamed code of a module, with its path.
    pub(super) unnamed: BTreeMap<FunctionId, String>,
    places: Places,
}

/// Runs of frames that stand for one raw frame, outermost first; several where calls were inlined.
#[derive(Debug, Default)]
struct Places {
    runs: Vec<Vec<FrameId>>,
    known: FastMap<Vec<FrameId>, u32>,
}

/// The different stacks of all samples, as places from the root on.
#[derive(Debug, Default)]
pub(super) struct Paths {
    places: Vec<u32>,
    /// Where each path ends.
    ends: Vec<usize>,
    /// Path of each stack; of samples without one too.
    known: FastMap<Option<MergedStack>, u32>,
}

/// Path and build id of a module, empty where a damaged spool names none.
pub(super) fn module(raw: &RawStacks, row: u32) -> (&str, &str) {
    raw.modules.get(row as usize).map_or(("", ""), |(path, build_id)| (path, build_id))
}

impl Tables {
    /// Adds all samples, with the paths that [`Self::paths`] made of their stacks.
    pub(super) fn add(&mut self, paths: Paths, merged: &Merged) {
        let stacks = self.stacks(&paths);
        let known = paths.known;
        let threads: Vec<_> = merged
            .threads
            .iter()
            .map(|t| ThreadSpec { pid: t.pid, tid: t.tid, name: &t.name, process: &t.process })
            .map(|thread| self.builder.thread(thread))
            .collect();
        for sample in &merged.samples {
            let Some(&thread) = threads.get(sample.thread as usize) else { continue };
            let stack = stacks[known[&sample.stack] as usize];
            self.builder.sample(SampleSpec { time: Some(sample.time), stack, thread, weight: sample.weight, count: 1 });
        }
    }

    /// Every stack that a sample has, once.
    pub(super) fn paths(&mut self, native: &RawStacks, resolved: &[Vec<Resolved>], merged: &Merged) -> Paths {
        let native_places: Vec<u32> =
            native.frames.iter().zip(resolved).map(|(frame, names)| self.place(native, frame, names)).collect();
        let no_modules = RawStacks::default();
        let python_places: Vec<u32> =
            merged.python_frames.iter().map(|frame| self.place(&no_modules, frame, &[])).collect();
        let mut paths = Paths::default();
        for sample in &merged.samples {
            if paths.known.contains_key(&sample.stack) {
                continue;
            }
            let start = paths.places.len();
            let place = |rows: &[u32], row: u32| rows.get(row as usize).copied();
            match sample.stack {
                Some(MergedStack::Native(row)) => {
                    let rows = rows_up(row, |row| native.stacks.get(row as usize).copied());
                    paths.places.extend(rows.filter_map(|frame| place(&native_places, frame)));
                }
                Some(MergedStack::Merged(row)) => {
                    for frame in rows_up(row, |row| merged.stacks.get(row as usize).copied()) {
                        let known = match frame {
                            MergedFrame::Native(row) => place(&native_places, row),
                            MergedFrame::Python(row) => place(&python_places, row),
                            MergedFrame::KernelNotSampled => Some(self.named_place(KERNEL_MODULE, KERNEL_NOT_SAMPLED)),
                            MergedFrame::NativeNotSampled => Some(self.named_place(NATIVE_MODULE, NATIVE_NOT_SAMPLED)),
                            MergedFrame::TooShort => Some(self.named_place("", TOO_SHORT)),
                        };
                        paths.places.extend(known);
                    }
                }
                None => {}
            }
            if paths.places.len() == start {
                let unknown = self.named_place("", UNKNOWN_FUNCTION);
                paths.places.push(unknown);
            }
            paths.places[start..].reverse();
            paths.end(sample.stack);
        }
        paths
    }

    /// The builder's stack for each path.
    fn stacks(&mut self, paths: &Paths) -> Vec<StackId> {
        let mut order: Vec<usize> = (0..paths.ends.len()).collect();
        order.sort_unstable_by(|&a, &b| paths.get(a).cmp(paths.get(b)));
        let mut stacks = vec![StackId(0); order.len()];
        let mut sorted = self.builder.sorted_stacks();
        let mut before: &[u32] = &[];
        let frames = |places: &[u32]| places.iter().map(|&place| self.places.runs[place as usize].len()).sum();
        for index in order {
            let path = paths.get(index);
            let shared = path.iter().zip(before).take_while(|(a, b)| a == b).count();
            let rest = path[shared..].iter().flat_map(|&place| self.places.runs[place as usize].iter().copied());
            if let Some(stack) = sorted.add(frames(&path[..shared]), rest) {
                stacks[index] = stack;
            }
            before = path;
        }
        stacks
    }

    /// The place of a raw frame.
    fn place(&mut self, raw: &RawStacks, frame: &RawFrame, resolved: &[Resolved]) -> u32 {
        let run = match frame {
            RawFrame::Native(row, address) => {
                let (path, build_id) = module(raw, *row);
                self.native(path, build_id, *address, resolved)
            }
            RawFrame::Named { module, name, file, start_line, line } => {
                vec![self.named(module, name, file, *start_line, *line)]
            }
        };
        self.places.number(run)
    }

    fn named_place(&mut self, module: &str, name: &str) -> u32 {
        let frame = self.named(module, name, "", 0, 0);
        self.places.number(vec![frame])
    }

    fn named(&mut self, module: &str, name: &str, file: &str, start_line: u32, line: u32) -> FrameId {
        let module = self.builder.module(module, "");
        let function = self.builder.function(FunctionSpec { name, system_name: "", file, start_line, module });
        self.builder.frame(FrameSpec { function, line, inlined: false, address: 0 })
    }

    fn native(&mut self, path: &str, build_id: &str, address: u64, resolved: &[Resolved]) -> Vec<FrameId> {
        let path = module_name(path);
        let module = self.builder.module(path, build_id);
        if resolved.is_empty() {
            let name = unnamed(path);
            let function = self.builder.function(FunctionSpec { name: &name, module, ..Default::default() });
            self.unnamed.insert(function, path.to_owned());
            return vec![self.builder.frame(FrameSpec { function, line: 0, inlined: false, address })];
        }
        let place = |found: &Resolved| {
            let Resolved { name, system_name, file, line, start_line, inlined } = found;
            let spec = FunctionSpec { name, system_name, file, start_line: *start_line, module };
            let function = self.builder.function(spec);
            self.builder.frame(FrameSpec { function, line: *line, inlined: *inlined, address })
        };
        resolved.iter().map(place).collect()
    }
}

impl Places {
    fn number(&mut self, run: Vec<FrameId>) -> u32 {
        let runs = &mut self.runs;
        *self.known.entry(run).or_insert_with_key(|run| {
            runs.push(run.clone());
            u32::try_from(runs.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

impl Paths {
    /// The path from the last end on is that of this stack.
    fn end(&mut self, stack: Option<MergedStack>) {
        self.known.insert(stack, u32::try_from(self.ends.len()).unwrap_or(u32::MAX));
        self.ends.push(self.places.len());
    }

    fn get(&self, path: usize) -> &[u32] {
        let start = path.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.places[start..self.ends[path]]
    }
}

/// What the rows of a stack hold, from the leaf to the root. A prefix is a smaller row; anything else would be a circle.
fn rows_up<T>(leaf: u32, get: impl Fn(u32) -> Option<(Option<u32>, T)>) -> impl Iterator<Item = T> {
    let mut next = Some(leaf);
    std::iter::from_fn(move || {
        let row = next?;
        let (prefix, frame) = get(row)?;
        next = prefix.filter(|&prefix| prefix < row);
        Some(frame)
    })
}

/// All unnamed code of a module is one function, called `[libfoo.so.1]`.
fn unnamed(path: &str) -> String {
    let base = path.trim_end_matches(" (deleted)").rsplit('/').next().unwrap_or(path);
    match base {
        "" => UNKNOWN_FUNCTION.to_owned(),
        base if base.starts_with('[') => base.to_owned(),
        base => format!("[{base}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unnamed_code_is_called_after_its_module() {
        assert_eq!(unnamed("/usr/lib/libfoo.so.1"), "[libfoo.so.1]");
        assert_eq!(unnamed("/tmp/app (deleted)"), "[app]");
        assert_eq!(unnamed("[vdso]"), "[vdso]");
        assert_eq!(unnamed(""), "[unknown]");
    }
}
