//! Interning of raw stacks on their way into the spool and back out of it.

use super::fast;
use super::lines::{LineWriter, each_line};
use super::record::{RawFrame, StackRecord, StreamCounts};
use perfcollect_shared::model::{ProcessCounter, Warning};
use perfcollect_shared::units::Nanos;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::io;
use std::path::Path;

/// Writes stacks to a spool file, each module, frame and stack once.
#[derive(Debug)]
pub struct StackWriter {
    lines: LineWriter,
    modules: HashMap<(String, String), u32>,
    frames: HashMap<RawFrame, u32>,
    stacks: HashMap<(Option<u32>, u32), u32>,
    paths: Paths,
    /// Stack rows so far.
    rows: u32,
    threads: HashMap<(u32, u32), u32>,
    pub samples: u64,
}

/// Paths that were written. Deep stacks that hardly repeat would fill memory as rows of a table, so only the hash of each
/// whole path is kept: 64 bits do not collide among the few million that there may be.
#[derive(Debug, Default)]
struct Paths {
    known: HashMap<u64, u32, BuildHasherDefault<AlreadyHashed>>,
    hasher: foldhash::fast::FixedState,
    /// Frames and rows of the last path, root first.
    last: Vec<(u32, u32)>,
}

/// Known paths at most; then they are forgotten and written again.
const PATHS_MAX: usize = 1 << 20;

/// For keys that are hashes.
#[derive(Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, &byte| hash << 8 | u64::from(byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
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
            paths: Paths::default(),
            rows: 0,
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
        let id = self.next_row();
        self.lines.push(&StackRecord::Stack(prefix, frame));
        self.stacks.insert((prefix, frame), id);
        id
    }

    /// The stack of frames that are given from the leaf on; `None` for none. Cheaper than [`Self::stack`] frame by frame
    /// where stacks are deep and hardly repeat.
    pub fn path(&mut self, leaf_first: &[u32]) -> Option<u32> {
        let hash = self.paths.hasher.hash_one(leaf_first);
        if let Some(&row) = self.paths.known.get(&hash) {
            return Some(row);
        }
        let last = &self.paths.last;
        let shared = leaf_first.iter().rev().zip(last).take_while(|(frame, last)| **frame == last.0).count();
        let row = if shared == leaf_first.len() {
            self.paths.last.get(shared.checked_sub(1)?)?.1 // the last path began with this one
        } else {
            self.paths.last.truncate(shared);
            let new: Vec<u32> = leaf_first[..leaf_first.len() - shared].iter().rev().copied().collect();
            for &frame in &new {
                let row = self.next_row();
                self.paths.last.push((frame, row));
            }
            self.lines.push(&StackRecord::Path(next(shared), new));
            self.paths.last.last()?.1
        };
        if self.paths.known.len() >= PATHS_MAX {
            self.paths.known.clear();
        }
        self.paths.known.insert(hash, row);
        Some(row)
    }

    fn next_row(&mut self) -> u32 {
        let row = self.rows;
        self.rows = self.rows.saturating_add(1);
        row
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

    /// Makes an event known; events are numbered in this order.
    pub fn event(&mut self, name: &str) {
        self.lines.push(&StackRecord::Event(name.to_owned()));
    }

    /// A sample that stands for so many of an event.
    pub fn event_sample(&mut self, event: u32, sample: RawSample) {
        let RawSample { time, stack, thread, weight } = sample;
        self.lines.push(&StackRecord::EventSample(event, time, stack, thread, weight));
    }

    /// Keeps what was counted in a process, in place of what is there of it.
    pub fn counter(&mut self, counter: ProcessCounter) {
        self.lines.push(&StackRecord::Counter(counter));
    }

    /// Keeps what a perf map says of an address of a process.
    pub fn jit(&mut self, pid: u32, address: u64, name: String) {
        self.lines.push(&StackRecord::Jit(pid, address, name));
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
    /// Events beside the clock, with their samples.
    pub events: Vec<(String, Vec<RawSample>)>,
    pub counters: Vec<ProcessCounter>,
    /// Names of code compiled at run time, by process and address.
    pub jit: HashMap<(u32, u64), String>,
    pub counts: StreamCounts,
    pub warnings: Vec<Warning>,
    /// The file ended in a cut line with this number.
    pub cut_at_line: Option<u64>,
    /// Rows of the last path, root first.
    last_path: Vec<u32>,
}

impl RawStacks {
    /// Reads a spool file; a missing one gives empty tables. Rows that name rows not there are dropped.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut raw = Self::default();
        let mut frames = Vec::new();
        raw.cut_at_line = each_line(path, |line| raw.push_line(line, &mut frames))?;
        Ok(raw)
    }

    /// Takes over the tables of another file; its samples stay with it, with rows as they are here.
    pub fn take_tables(&mut self, other: &mut Self) {
        let modules: Vec<u32> =
            std::mem::take(&mut other.modules).into_iter().map(|module| self.row_of(module)).collect();
        let (frames, stacks) = (next(self.frames.len()), next(self.stacks.len()));
        self.frames.extend(std::mem::take(&mut other.frames).into_iter().map(|frame| match frame {
            RawFrame::Native(module, address) => {
                RawFrame::Native(modules.get(module as usize).copied().unwrap_or(u32::MAX), address)
            }
            named @ RawFrame::Named { .. } => named,
        }));
        let moved = |&(prefix, frame): &(Option<u32>, u32)| (prefix.map(|prefix| prefix + stacks), frame + frames);
        self.stacks.extend(other.stacks.iter().map(moved));
        other.stacks.clear();
        other.samples.iter_mut().for_each(|sample| sample.stack = sample.stack.map(|stack| stack + stacks));
        self.jit.extend(std::mem::take(&mut other.jit));
    }

    fn row_of(&mut self, module: (String, String)) -> u32 {
        let known = self.modules.iter().position(|known| *known == module);
        next(known.unwrap_or_else(|| {
            self.modules.push(module);
            self.modules.len() - 1
        }))
    }

    /// Whether the line could be read.
    fn push_line(&mut self, line: &[u8], frames: &mut Vec<u32>) -> bool {
        if let Some(shared) = fast::path(line, frames) {
            self.push_path(shared, frames);
        } else if let Some((time, stack, thread, weight)) = fast::sample(line) {
            self.push(StackRecord::Sample(Nanos(time), stack, thread, Nanos(weight)));
        } else if let Ok(record) = serde_json::from_slice(line) {
            self.push(record);
        } else {
            return false;
        }
        true
    }

    fn push(&mut self, record: StackRecord) {
        match record {
            StackRecord::Module(path, build_id) => self.modules.push((path, build_id)),
            StackRecord::Frame(frame) => self.frames.push(frame),
            StackRecord::Stack(prefix, frame) => self.stacks.push((prefix, frame)),
            StackRecord::Path(shared, frames) => self.push_path(shared, &frames),
            StackRecord::Thread { id, pid, tid, name, process } => {
                let thread = RawThread { pid, tid, name, process };
                match self.threads.get_mut(id as usize) {
                    Some(known) => *known = thread,
                    None => self.threads.push(thread),
                }
            }
            StackRecord::Sample(time, stack, thread, weight) => {
                if self.is_known(stack, thread) {
                    self.samples.push(RawSample { time, stack, thread, weight });
                }
            }
            StackRecord::Event(name) => self.events.push((name, Vec::new())),
            StackRecord::EventSample(event, time, stack, thread, weight) => {
                let is_known = self.is_known(stack, thread);
                if let Some((_, samples)) = self.events.get_mut(event as usize).filter(|_| is_known) {
                    samples.push(RawSample { time, stack, thread, weight });
                }
            }
            StackRecord::Counter(counter) => {
                let same = |known: &&mut ProcessCounter| (known.pid, &known.event) == (counter.pid, &counter.event);
                match self.counters.iter_mut().find(same) {
                    Some(known) => *known = counter,
                    None => self.counters.push(counter),
                }
            }
            StackRecord::Jit(pid, address, name) => {
                self.jit.insert((pid, address), name);
            }
            StackRecord::Counts(counts) => self.counts = counts,
            StackRecord::Warning(warning) => self.warnings.push(warning),
        }
    }

    fn is_known(&self, stack: Option<u32>, thread: u32) -> bool {
        stack.is_none_or(|stack| (stack as usize) < self.stacks.len()) && (thread as usize) < self.threads.len()
    }

    fn push_path(&mut self, shared: u32, frames: &[u32]) {
        self.last_path.truncate(shared as usize);
        for &frame in frames {
            self.stacks.push((self.last_path.last().copied(), frame));
            self.last_path.push(next(self.stacks.len() - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames from the root on.
    fn frames(raw: &RawStacks, row: u32) -> Vec<u32> {
        let rows = std::iter::successors(Some(row), |&row| raw.stacks[row as usize].0);
        let mut frames: Vec<u32> = rows.map(|row| raw.stacks[row as usize].1).collect();
        frames.reverse();
        frames
    }

    #[test]
    fn paths_and_single_stacks_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stacks.jsonl");
        let mut writer = StackWriter::create(&file).unwrap();
        // From the leaf on: fresh, a sibling, a prefix of the last, after a single stack, repeated, empty.
        let paths: [&[u32]; 6] = [&[3, 2, 1], &[4, 2, 1], &[2, 1], &[9], &[3, 2, 1], &[6, 5, 4, 2, 1]];
        let rows: Vec<u32> = paths.iter().map(|path| writer.path(path).unwrap()).collect();
        let single = writer.stack(Some(rows[1]), 7);
        let after = writer.path(&[8, 5, 4, 2, 1]).unwrap();
        assert_eq!(writer.path(&[]), None);
        assert!(writer.finish().is_none());
        let raw = RawStacks::read(&file).unwrap();
        for (path, row) in paths.iter().zip(&rows) {
            assert!(frames(&raw, *row).iter().eq(path.iter().rev()), "{path:?} {raw:?}");
        }
        assert_eq!(rows[0], rows[4], "a known path is not written again");
        assert_eq!(frames(&raw, single), [1, 2, 4, 7]);
        assert_eq!(frames(&raw, after), [1, 2, 4, 5, 8]);
    }
}
