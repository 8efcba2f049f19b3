//! Interning of raw stacks on their way into the spool and back out of it.

use super::lines::LineWriter;
use super::record::{RawFrame, StackRecord, StreamCounts};
use perfcollect_shared::model::Warning;
use perfcollect_shared::units::Nanos;
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// Writes stacks to a spool file, each module, frame and stack once.
#[derive(Debug)]
pub struct StackWriter {
    lines: LineWriter,
    modules: HashMap<(String, String), u32>,
    frames: HashMap<RawFrame, u32>,
    stacks: HashMap<(Option<u32>, u32), u32>,
    threads: HashMap<(u32, u32), u32>,
    pub samples: u64,
}

impl StackWriter {
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            lines: LineWriter::create(path)?,
            modules: HashMap::new(),
            frames: HashMap::new(),
            stacks: HashMap::new(),
            threads: HashMap::new(),
            samples: 0,
        })
    }

    pub fn module(&mut self, path: &str, build_id: &str) -> u32 {
        let key = (path.to_owned(), build_id.to_owned());
        if let Some(&id) = self.modules.get(&key) {
            return id;
        }
        self.lines.push(&StackRecord::Module(key.0.clone(), key.1.clone()));
        let id = next(self.modules.len());
        self.modules.insert(key, id);
        id
    }

    pub fn frame(&mut self, frame: RawFrame) -> u32 {
        if let Some(&id) = self.frames.get(&frame) {
            return id;
        }
        let id = next(self.frames.len());
        self.lines.push(&StackRecord::Frame(frame.clone()));
        self.frames.insert(frame, id);
        id
    }

    pub fn stack(&mut self, prefix: Option<u32>, frame: u32) -> u32 {
        if let Some(&id) = self.stacks.get(&(prefix, frame)) {
            return id;
        }
        let id = next(self.stacks.len());
        self.lines.push(&StackRecord::Stack(prefix, frame));
        self.stacks.insert((prefix, frame), id);
        id
    }

    /// The number of a thread; `describe` gives (name, process name) when it is new.
    pub fn thread(&mut self, pid: u32, tid: u32, describe: impl FnOnce() -> (String, String)) -> u32 {
        if let Some(&id) = self.threads.get(&(pid, tid)) {
            return id;
        }
        let id = next(self.threads.len());
        self.threads.insert((pid, tid), id);
        let (name, process) = describe();
        self.lines.push(&StackRecord::Thread { id, pid, tid, name, process });
        id
    }

    /// Replaces what is known of a thread (exec, renaming). A thread without samples so far is left alone.
    pub fn rename_thread(&mut self, pid: u32, tid: u32, name: &str, process: &str) {
        if let Some(&id) = self.threads.get(&(pid, tid)) {
            let (name, process) = (name.to_owned(), process.to_owned());
            self.lines.push(&StackRecord::Thread { id, pid, tid, name, process });
        }
    }

    pub fn sample(&mut self, time: Nanos, stack: Option<u32>, thread: u32, weight: Nanos) {
        self.samples += 1;
        self.lines.push(&StackRecord::Sample(time, stack, thread, weight));
    }

    pub fn counts(&mut self, counts: &StreamCounts) {
        self.lines.push(&StackRecord::Counts(counts.clone()));
    }

    pub fn warning(&mut self, warning: Warning) {
        self.lines.push(&StackRecord::Warning(warning));
    }

    pub fn flush(&mut self) {
        self.lines.flush();
    }

    /// Flushes; the first write error, if there was one.
    pub fn finish(self) -> Option<io::Error> {
        self.lines.finish()
    }
}

fn next(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// A raw sample as read back from the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawSample {
    pub time: Nanos,
    pub stack: Option<u32>,
    pub thread: u32,
    pub weight: Nanos,
}

/// A thread as read back from the spool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawThread {
    pub pid: u32,
    pub tid: u32,
    pub name: String,
    pub process: String,
}

/// The tables of one spool file, read back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawStacks {
    /// Path and build id.
    pub modules: Vec<(String, String)>,
    pub frames: Vec<RawFrame>,
    /// Prefix and frame; a prefix is a smaller row.
    pub stacks: Vec<(Option<u32>, u32)>,
    pub threads: Vec<RawThread>,
    pub samples: Vec<RawSample>,
    pub counts: StreamCounts,
    pub warnings: Vec<Warning>,
    /// The file ended in a cut line with this number.
    pub cut_at_line: Option<u64>,
}

impl RawStacks {
    /// Reads a spool file; a missing one gives empty tables. Rows that name rows not there are dropped.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut raw = Self::default();
        raw.cut_at_line = super::read_lines(path, |record| raw.push(record))?;
        Ok(raw)
    }

    fn push(&mut self, record: StackRecord) {
        match record {
            StackRecord::Module(path, build_id) => self.modules.push((path, build_id)),
            StackRecord::Frame(frame) => self.frames.push(frame),
            StackRecord::Stack(prefix, frame) => self.stacks.push((prefix, frame)),
            StackRecord::Thread { id, pid, tid, name, process } => {
                let thread = RawThread { pid, tid, name, process };
                match self.threads.get_mut(id as usize) {
                    Some(known) => *known = thread,
                    None => self.threads.push(thread),
                }
            }
            StackRecord::Sample(time, stack, thread, weight) => {
                let stack_known = stack.is_none_or(|s| (s as usize) < self.stacks.len());
                if stack_known && (thread as usize) < self.threads.len() {
                    self.samples.push(RawSample { time, stack, thread, weight });
                }
            }
            StackRecord::Counts(counts) => self.counts = counts,
            StackRecord::Warning(warning) => self.warnings.push(warning),
        }
    }
}
