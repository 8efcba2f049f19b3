//! One interpreter as py-spy reads it: the only place that knows that library.

use super::ENTRY_MODULE;
use super::quiet::quietly;
use crate::spool::RawFrame;
use perfcollect_shared::model::PYTHON_MODULE;
use py_spy::config::{Config, LineNo, LockingStrategy};
use py_spy::{PythonSpy, StackTrace};
use std::collections::HashMap;

/// Longest name or path that is believed. A read of memory in change may give anything.
const LONGEST_TEXT: usize = 2_000;

/// An interpreter that is being read.
pub(super) struct Spy {
    inner: PythonSpy,
    /// Definition lines by function (file, name) and line.
    starts: HashMap<(String, String), HashMap<u32, u32>>,
}

/// The stack of one thread.
#[derive(Debug)]
pub(super) struct ThreadStack {
    /// As the interpreter has it (3.11 and later). In a process that was forked it may be the parent's.
    pub(super) tid: Option<u32>,
    /// Address of the thread's `pthread_t`.
    pub(super) pthread: u64,
    pub(super) name: Option<String>,
    /// Caller first.
    pub(super) frames: Vec<RawFrame>,
}

impl Spy {
    /// Finds the interpreter of a process: reads symbols for some milliseconds.
    ///
    /// # Errors
    /// While the interpreter starts, and for what py-spy does not know.
    pub(super) fn attach(pid: u32) -> Result<Self, String> {
        let pid = i32::try_from(pid).map_err(|_too_large| "no such process".to_owned())?;
        let config = Config {
            blocking: LockingStrategy::NonBlocking,
            // Shortening would look for `__init__.py` files.
            full_filenames: true,
            lineno: LineNo::LastInstruction,
            ..Config::default()
        };
        match quietly(|| PythonSpy::new(pid, &config)) {
            Ok(Ok(inner)) => Ok(Self { inner, starts: HashMap::new() }),
            Ok(Err(error)) => Err(error.root_cause().to_string()),
            Err(panic) => Err(panic),
        }
    }

    /// Makes py-spy look for the names of threads again.
    pub(super) fn forget_names(&mut self) {
        self.inner.python_thread_names.clear();
    }

    /// Stacks of all threads.
    ///
    /// # Errors
    /// When memory changed under the read, or the process is gone.
    pub(super) fn read(&mut self) -> Result<Vec<ThreadStack>, String> {
        let traces = self.traces()?;
        if traces.iter().flat_map(|trace| &trace.frames).any(|frame| !believable(frame)) {
            return Err("a frame in change".to_owned());
        }
        if traces.iter().any(|trace| !self.starts_known(trace)) {
            self.learn_starts(&traces);
        }
        Ok(traces.into_iter().map(|trace| self.thread_stack(trace)).collect())
    }

    fn traces(&mut self) -> Result<Vec<StackTrace>, String> {
        match quietly(|| self.inner.get_stack_traces()) {
            Ok(Ok(traces)) => Ok(traces),
            Ok(Err(error)) => Err(error.root_cause().to_string()),
            Err(panic) => Err(panic),
        }
    }

    fn starts_known(&self, trace: &StackTrace) -> bool {
        trace.frames.iter().all(|frame| self.start(frame).is_some())
    }

    fn start(&self, frame: &py_spy::Frame) -> Option<u32> {
        // Looking up by a pair of borrowed strings would need a map of maps; frames that are new are rare.
        let lines = self.starts.get(&(frame.filename.clone(), frame.name.clone()))?;
        lines.get(&line_of(frame)).copied()
    }

    /// py-spy gives either the running line or the line of the definition. For lines seen first, the stacks are read
    /// once more with the other; what is still the same stack up to some frame tells the definitions up to there.
    fn learn_starts(&mut self, traces: &[StackTrace]) {
        self.inner.config.lineno = LineNo::First;
        let again = self.traces();
        self.inner.config.lineno = LineNo::LastInstruction;
        for first in again.into_iter().flatten() {
            let Some(trace) = traces.iter().find(|trace| trace.thread_id == first.thread_id) else { continue };
            for (frame, start) in trace.frames.iter().rev().zip(first.frames.iter().rev()) {
                if frame.name != start.name || frame.filename != start.filename {
                    break;
                }
                let (line, start) = (line_of(frame), line_of(start));
                if start <= line || line == 0 {
                    let function = (frame.filename.clone(), frame.name.clone());
                    self.starts.entry(function).or_default().insert(line, start);
                }
            }
        }
    }

    fn thread_stack(&self, trace: StackTrace) -> ThreadStack {
        let frames = trace.frames.iter().rev().map(|frame| RawFrame::Named {
            module: if frame.is_entry || frame.is_shim_entry { ENTRY_MODULE } else { PYTHON_MODULE }.to_owned(),
            name: frame.name.clone(),
            file: frame.filename.clone(),
            start_line: self.start(frame).unwrap_or(0),
            line: line_of(frame),
        });
        ThreadStack {
            frames: frames.collect(),
            tid: trace.os_thread_id.and_then(|tid| u32::try_from(tid).ok()),
            pthread: trace.thread_id,
            name: trace.thread_name,
        }
    }
}

fn line_of(frame: &py_spy::Frame) -> u32 {
    u32::try_from(frame.line).unwrap_or(0)
}

fn believable(frame: &py_spy::Frame) -> bool {
    let text = |text: &str| !text.is_empty() && text.len() <= LONGEST_TEXT && !text.contains(char::is_control);
    text(&frame.name) && text(&frame.filename)
}
