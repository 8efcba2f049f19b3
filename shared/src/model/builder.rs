//! The only door to a [`Profile`]: interns, validates, and says what it had to leave out.

use super::classify::{UNKNOWN_FUNCTION, classify};
use super::{
    Frame, FrameId, Function, FunctionId, Module, ModuleId, Profile, ProfileInfo, StackId, StringId, Thread, ThreadId,
};
use crate::order::Order;
use crate::units::Nanos;
use foldhash::{HashMap, HashMapExt};
use std::sync::Arc;

/// A function as a sampler or an importer knows it. Empty text and line 0 mean not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct FunctionSpec<'a> {
    pub name: &'a str,
    /// Symbol before demangling; empty for "the same as the name".
    pub system_name: &'a str,
    pub file: &'a str,
    pub start_line: u32,
    pub module: ModuleId,
}

/// A place in a function, see [`Frame`].
#[derive(Clone, Copy, Debug)]
pub struct FrameSpec {
    pub function: FunctionId,
    pub line: u32,
    pub inlined: bool,
    pub address: u64,
}

/// A thread, see [`Thread`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadSpec<'a> {
    pub pid: u32,
    pub tid: u32,
    pub name: &'a str,
    pub process: &'a str,
}

/// One sample, see [`super::SampleTable`].
#[derive(Clone, Copy, Debug)]
pub struct SampleSpec {
    /// Since the start of the recording; all samples of a profile have one, or none has.
    pub time: Option<Nanos>,
    pub stack: StackId,
    pub thread: ThreadId,
    pub weight: Nanos,
    pub count: u32,
}

/// Why a profile could not be finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error("the profile has {rows} {table}, more than the {limit} that one can hold")]
    TooLarge { table: &'static str, rows: usize, limit: usize },
    #[error("sample {sample} names {what} {index}, which does not exist")]
    DanglingHandle { sample: usize, what: &'static str, index: u32 },
    #[error("{timed} of {samples} samples have a time; all or none must")]
    MixedTimes { timed: usize, samples: usize },
}

impl Default for ModuleId {
    /// The module of functions that name none (row 0 of every profile).
    fn default() -> Self {
        Self(0)
    }
}

/// Builds a profile row by row. Equal rows are made once.
#[derive(Debug)]
pub struct ProfileBuilder {
    profile: Profile,
    strings: HashMap<Arc<str>, StringId>,
    modules: HashMap<Module, ModuleId>,
    functions: HashMap<(StringId, StringId, StringId, u32, ModuleId), FunctionId>,
    frames: HashMap<Frame, FrameId>,
    stacks: HashMap<(Option<StackId>, FrameId), StackId>,
    threads: HashMap<Thread, ThreadId>,
    samples: Vec<SampleSpec>,
}

impl ProfileBuilder {
    #[must_use]
    pub fn new() -> Self {
        let mut builder = Self {
            profile: Profile::default(),
            strings: HashMap::new(),
            modules: HashMap::new(),
            functions: HashMap::new(),
            frames: HashMap::new(),
            stacks: HashMap::new(),
            threads: HashMap::new(),
            samples: Vec::new(),
        };
        builder.strings.insert(Arc::from(""), StringId(0));
        builder.module("", "");
        builder
    }

    pub fn string(&mut self, text: &str) -> StringId {
        if let Some(&id) = self.strings.get(text) {
            return id;
        }
        let text: Arc<str> = Arc::from(text);
        let id = self.profile.strings.push(Arc::clone(&text));
        self.strings.insert(text, id);
        id
    }

    /// A binary or pseudo-module, see [`Module`].
    pub fn module(&mut self, path: &str, build_id: &str) -> ModuleId {
        let module = Module { path: self.string(path), build_id: self.string(build_id) };
        let rows = &mut self.profile.modules.rows;
        *self.modules.entry(module).or_insert_with(|| {
            rows.push(module);
            ModuleId::from_index(rows.len() - 1)
        })
    }

    /// A function; one without a name is called `[unknown]`.
    pub fn function(&mut self, spec: FunctionSpec<'_>) -> FunctionId {
        let name = if spec.name.is_empty() { UNKNOWN_FUNCTION } else { spec.name };
        let system_name = if spec.system_name.is_empty() { name } else { spec.system_name };
        let (name_id, system_id, file_id) = (self.string(name), self.string(system_name), self.string(spec.file));
        let key = (name_id, system_id, file_id, spec.start_line, spec.module);
        if let Some(&id) = self.functions.get(&key) {
            return id;
        }
        let module_path =
            self.profile.modules.rows.get(spec.module.index()).map_or("", |m| self.profile.strings.get(m.path));
        let (language, kind) = classify(module_path, spec.file, name, system_name);
        let id = FunctionId::from_index(self.profile.functions.rows.len());
        self.profile.functions.rows.push(Function {
            name: name_id,
            system_name: system_id,
            file: file_id,
            start_line: spec.start_line,
            module: spec.module,
            language,
            kind,
        });
        self.functions.insert(key, id);
        id
    }

    pub fn frame(&mut self, spec: FrameSpec) -> FrameId {
        let frame = Frame { function: spec.function, line: spec.line, inlined: spec.inlined, address: spec.address };
        let rows = &mut self.profile.frames.rows;
        *self.frames.entry(frame).or_insert_with(|| {
            rows.push(frame);
            FrameId::from_index(rows.len() - 1)
        })
    }

    /// The stack of `frame` called from `prefix` (`None`: a root).
    pub fn stack(&mut self, prefix: Option<StackId>, frame: FrameId) -> StackId {
        let stacks = &mut self.profile.stacks;
        *self.stacks.entry((prefix, frame)).or_insert_with(|| stacks.push(prefix, frame))
    }

    /// Adds stacks that come sorted by their frames from the root on, as [`SortedStacks`] says. Millions of stacks that
    /// hardly repeat cost no table of what is there that way.
    pub fn sorted_stacks(&mut self) -> SortedStacks<'_> {
        SortedStacks { builder: self, path: Vec::new() }
    }

    pub fn thread(&mut self, spec: ThreadSpec<'_>) -> ThreadId {
        let thread =
            Thread { pid: spec.pid, tid: spec.tid, name: self.string(spec.name), process: self.string(spec.process) };
        let rows = &mut self.profile.threads.rows;
        *self.threads.entry(thread).or_insert_with(|| {
            rows.push(thread);
            ThreadId::from_index(rows.len() - 1)
        })
    }

    pub fn sample(&mut self, sample: SampleSpec) {
        self.samples.push(sample);
    }

    /// Sorts samples by time, checks every handle and fills in the counts of `info`.
    ///
    /// # Errors
    /// A table too large for its handles, a handle of another profile, or times on some samples only.
    pub fn finish(mut self, info: ProfileInfo) -> Result<Profile, BuildError> {
        self.check_sizes()?;
        let timed = self.samples.iter().filter(|s| s.time.is_some()).count();
        if timed != 0 && timed != self.samples.len() {
            return Err(BuildError::MixedTimes { timed, samples: self.samples.len() });
        }
        self.samples.order_by_key(|s| s.time);
        let table = &mut self.profile.samples;
        table.time = (timed > 0).then(|| self.samples.iter().filter_map(|s| s.time).collect());
        for (index, sample) in self.samples.iter().enumerate() {
            if sample.stack.index() >= self.profile.stacks.len() {
                return Err(BuildError::DanglingHandle { sample: index, what: "stack", index: sample.stack.0 });
            }
            if sample.thread.index() >= self.profile.threads.rows.len() {
                return Err(BuildError::DanglingHandle { sample: index, what: "thread", index: sample.thread.0 });
            }
            table.stack.push(sample.stack);
            table.thread.push(sample.thread);
            table.weight.push(sample.weight);
            table.count.push(sample.count);
        }
        let samples = &self.profile.samples;
        let count = if info.weight.adds_up() { samples.total_count() } else { samples.len() as u64 };
        self.profile.info = ProfileInfo { samples: count, ..info };
        Ok(self.profile)
    }

    fn check_sizes(&self) -> Result<(), BuildError> {
        let limit = u32::MAX as usize - 1;
        let tables = [
            ("strings", self.profile.strings.len()),
            ("frames", self.profile.frames.rows.len()),
            ("stacks", self.profile.stacks.len()),
            ("samples", self.samples.len()),
        ];
        match tables.into_iter().find(|&(_, rows)| rows > limit) {
            Some((table, rows)) => Err(BuildError::TooLarge { table, rows, limit }),
            None => Ok(()),
        }
    }
}

/// Adds stacks in order of their frames, each new frame as one row. What is equal to the stack before is shared.
///
/// Rows that [`ProfileBuilder::stack`] made are not found: a profile takes its stacks from one or the other.
#[derive(Debug)]
pub struct SortedStacks<'a> {
    builder: &'a mut ProfileBuilder,
    /// Rows of the last stack, root first.
    path: Vec<StackId>,
}

impl SortedStacks<'_> {
    /// Adds a stack, given as what it shares with the one before (in frames) and the frames that follow. `None` for a
    /// stack without frames.
    pub fn add(&mut self, shared: usize, rest: impl IntoIterator<Item = FrameId>) -> Option<StackId> {
        self.path.truncate(shared);
        for frame in rest {
            let stack = self.builder.profile.stacks.push(self.path.last().copied(), frame);
            self.path.push(stack);
        }
        self.path.last().copied()
    }
}

impl Default for ProfileBuilder {
    fn default() -> Self {
        Self::new()
    }
}
