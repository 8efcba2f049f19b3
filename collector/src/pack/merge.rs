//! One list of samples out of what the native and the Python sampler saw: CPU time that both saw counts once.
//!
//! The rule, thread by thread:
//! - Where perf sampled a thread, its samples carry the weight. Each takes the Python frames of the Python sample of the
//!   same thread that is nearest in CPU time, of those taken while it ran if there are such. Of its own frames those from
//!   the root to the last interpreter loop are what the Python frames stand for and are dropped. Towards the leaf, code of
//!   extension modules and of libraries that they call stays below the Python frame; the interpreter itself, and the C
//!   library called by it, is dropped, so that running a Python function is that function's self time. So is kernel time
//!   that nobody asked for (page faults, interrupts) while the interpreter runs; system calls stay as a chain of kernel
//!   frames at the leaf.
//! - Native samples with no Python sample near, or outside of the interpreter loop, stay as they are.
//! - A thread that perf saw nothing of, though its Python samples say that it ran, keeps its Python samples with the
//!   CPU time that the kernel's scheduler counted.
//!
//! The sum of weights is that of the samples taken over. Must not look up symbols (the caller says what each native
//! frame is) nor build profiles.

mod partner;
mod splice;
#[cfg(test)]
mod tests;
mod threads;
mod unsampled;
mod waiting;

pub(crate) use splice::is_interpreter;
pub use splice::{FrameRole, role_of};
pub use unsampled::{CpuUse, add_unsampled_time};
pub use waiting::{WaitingSamples, add_waiting};

use crate::spool::{RawFrame, RawSample, RawStacks};
use partner::Partners;
use perfcollect_shared::units::Nanos;
use splice::Splicer;
use threads::Threads;

pub use threads::MergedThread;

/// Maps of rows, which nobody chooses to collide.
pub(super) type FastMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// A thread without native samples keeps its Python samples from this CPU time on. Below it is likely that perf just
/// missed it, and its time is in what other samples stand for.
const PYTHON_ONLY_FROM: Nanos = Nanos(20 * Nanos::MILLISECOND.0);

/// A frame of a merged stack: a row of the native frames, or a row of [`Merged::python_frames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MergedFrame {
    Native(u32),
    Python(u32),
    /// CPU time of the kernel that could not be sampled.
    KernelNotSampled,
    /// CPU time of native code, where none could be sampled.
    NativeNotSampled,
    /// What ended threads did before their first sample or after their last one.
    TooShort,
}

/// Where the stack of a merged sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MergedStack {
    /// As the native sampler saw it: a row of its stacks.
    Native(u32),
    /// A row of [`Merged::stacks`].
    Merged(u32),
}

/// One sample of the merged list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergedSample {
    /// Since the start of the recording.
    pub time: Nanos,
    /// `None` where no stack could be had.
    pub stack: Option<MergedStack>,
    /// Row of [`Merged::threads`].
    pub thread: u32,
    pub weight: Nanos,
}

/// What both samplers saw, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged {
    pub threads: Vec<MergedThread>,
    /// Stacks that are not just a native one: prefix (caller, a smaller row) and frame.
    pub stacks: Vec<(Option<u32>, MergedFrame)>,
    pub samples: Vec<MergedSample>,
    /// Frames of the Python stacks, with definition lines filled in where another sample knew them.
    pub python_frames: Vec<RawFrame>,
    interned: FastMap<(Option<u32>, MergedFrame), u32>,
}

impl Merged {
    /// Sum of the weights of all samples.
    #[must_use]
    pub fn weight(&self) -> Nanos {
        self.samples.iter().map(|sample| sample.weight).sum()
    }

    /// Row of the stack of `frame` called from `prefix`.
    fn stack(&mut self, prefix: Option<u32>, frame: MergedFrame) -> u32 {
        let next = u32::try_from(self.stacks.len()).unwrap_or(u32::MAX);
        let row = *self.interned.entry((prefix, frame)).or_insert(next);
        if row == next {
            self.stacks.push((prefix, frame));
        }
        row
    }

    /// Appends `frames`, root first, to the stack `prefix`.
    fn extend(&mut self, prefix: Option<u32>, frames: impl IntoIterator<Item = MergedFrame>) -> Option<u32> {
        frames.into_iter().fold(prefix, |prefix, frame| Some(self.stack(prefix, frame)))
    }
}

/// Merges both lists. `roles` says what each row of `native.frames` is (see [`role_of`]); `python_period` is the asked
/// time between two Python samples.
#[must_use]
pub fn merge(native: &RawStacks, roles: &[FrameRole], python: &RawStacks, python_period: Nanos) -> Merged {
    let mut merged = Merged { python_frames: threads::with_start_lines(&python.frames), ..Merged::default() };
    let threads = Threads::join(native, python);
    let partners = Partners::new(native, python, &threads, python_period);
    let mut splicer = Splicer::new(native, roles, python);
    let mut seen_by_native = vec![false; threads.rows.len()];
    for sample in &native.samples {
        seen_by_native[threads.of_native(sample.thread) as usize] = true;
        place(&mut merged, sample, &threads, &partners, &mut splicer);
    }
    let python_only = partners.threads_only_python_saw(&seen_by_native, native.samples.is_empty(), PYTHON_ONLY_FROM);
    for sample in &python.samples {
        let thread = threads.of_python(sample.thread);
        if python_only[thread as usize] {
            let stack = sample.stack.and_then(|row| splicer.python_stack(&mut merged, row)).map(MergedStack::Merged);
            merged.samples.push(MergedSample { time: sample.time, stack, thread, weight: sample.weight });
        }
    }
    merged.samples.sort_by_key(|sample| sample.time);
    merged.threads = threads.rows;
    merged
}

/// The same for the samples of another event, whose stacks and threads are those of `native`. What only Python's sampler saw
/// has none.
#[must_use]
pub fn merge_event(
    samples: &[RawSample],
    native: &RawStacks,
    roles: &[FrameRole],
    python: &RawStacks,
    python_period: Nanos,
) -> Merged {
    let mut merged = Merged { python_frames: threads::with_start_lines(&python.frames), ..Merged::default() };
    let threads = Threads::join(native, python);
    let partners = Partners::new(native, python, &threads, python_period);
    let mut splicer = Splicer::new(native, roles, python);
    for sample in samples {
        place(&mut merged, sample, &threads, &partners, &mut splicer);
    }
    merged.threads = threads.rows;
    merged
}

/// Adds a native sample, with the Python frames that belong to it.
fn place(
    merged: &mut Merged,
    sample: &RawSample,
    threads: &Threads,
    partners: &Partners<'_>,
    splicer: &mut Splicer<'_>,
) {
    let thread = threads.of_native(sample.thread);
    let partner = if partners.has_any(thread) {
        partners.nearest(thread, sample.time, splicer.shape(sample.stack)).and_then(|partner| partner.stack)
    } else {
        None
    };
    let stack = match partner {
        Some(python) => splicer.splice(merged, sample.stack, python).map(MergedStack::Merged),
        None => sample.stack.map(MergedStack::Native),
    };
    merged.samples.push(MergedSample { time: sample.time, stack, thread, weight: sample.weight });
}
