//! Memory snapshots to the profile `alloc` and the totals of each snapshot.

use crate::agent::{AllocFrame, AllocSnapshot};
use perfcollect_shared::model::{
    BuildError, FrameSpec, FunctionSpec, MemorySnapshot, PYTHON_MODULE, Profile, ProfileBuilder, ProfileInfo,
    SampleSpec, StackId, ThreadId, ThreadSpec, Timeline, Warning, WeightKind,
};
use perfcollect_shared::units::{Bytes, Nanos};
use std::collections::HashMap;

/// Name of the profile, and so of its members.
const NAME: &str = "alloc";
/// Stands for the stacks that are too small to be listed.
const OTHER: &str = "[other]";

/// The profile and its totals; `None` where no snapshot was taken.
///
/// # Errors
/// When there is more than a profile can hold.
pub(super) fn build(
    snapshots: &[AllocSnapshot],
    start_mono_ns: u64,
    timeline: &Timeline,
) -> Result<Option<(Profile, Vec<MemorySnapshot>)>, BuildError> {
    if snapshots.is_empty() {
        return Ok(None);
    }
    let mut tables = Tables { builder: ProfileBuilder::new(), threads: HashMap::new() };
    let mut totals = Vec::with_capacity(snapshots.len());
    for snapshot in snapshots {
        let time = Nanos(snapshot.mono_ns.saturating_sub(start_mono_ns));
        let thread = tables.thread(snapshot.pid, timeline);
        let (mut bytes, mut blocks) = snapshot.other;
        for row in &snapshot.rows {
            let stack = tables.stack(&row.frames);
            tables.sample(time, thread, stack, (row.bytes, row.blocks));
            bytes = bytes.saturating_add(row.bytes);
            blocks = blocks.saturating_add(row.blocks);
        }
        // A snapshot that found nothing is one too.
        if snapshot.other.0 > 0 || snapshot.rows.is_empty() {
            let stack = tables.other();
            tables.sample(time, thread, stack, snapshot.other);
        }
        totals.push(MemorySnapshot {
            pid: snapshot.pid,
            t_ns: time,
            current_bytes: Bytes(bytes),
            peak_bytes: snapshot.peak_bytes,
            blocks: Some(blocks),
            tracer_bytes: Some(snapshot.tracer_bytes),
            cost_ns: Some(snapshot.cost_ns),
            reason: snapshot.reason,
        });
    }
    totals.sort_by_key(|total| (total.t_ns, total.pid));
    let info = ProfileInfo { name: NAME.to_owned(), weight: WeightKind::Bytes, ..ProfileInfo::default() };
    Ok(Some((tables.builder.finish(info)?, totals)))
}

/// The recorder measures its snapshots, not what tracemalloc adds to every allocation.
pub(super) fn cost_of_tracing(snapshots: &[AllocSnapshot]) -> Option<Warning> {
    let what = "tracemalloc, which makes each allocation several times slower: times are not those of a plain run";
    (!snapshots.is_empty()).then(|| Warning::Injected { what: what.to_owned() })
}

struct Tables {
    builder: ProfileBuilder,
    threads: HashMap<u32, ThreadId>,
}

impl Tables {
    fn thread(&mut self, pid: u32, timeline: &Timeline) -> ThreadId {
        let process = timeline.processes.iter().find(|process| process.pid == pid);
        let name = process.map_or("python", |process| process.name.as_str());
        let spec = ThreadSpec { pid, tid: pid, name, process: name };
        *self.threads.entry(pid).or_insert_with(|| self.builder.thread(spec))
    }

    fn stack(&mut self, frames: &[AllocFrame]) -> StackId {
        let mut stack = None;
        for frame in frames.iter().rev() {
            stack = Some(self.push(stack, &frame.name, &frame.file, frame.start_line, frame.line));
        }
        stack.unwrap_or_else(|| self.other())
    }

    fn other(&mut self) -> StackId {
        self.push(None, OTHER, "", 0, 0)
    }

    fn push(&mut self, prefix: Option<StackId>, name: &str, file: &str, start_line: u32, line: u32) -> StackId {
        let module = self.builder.module(PYTHON_MODULE, "");
        let function = self.builder.function(FunctionSpec { name, system_name: "", file, start_line, module });
        let frame = self.builder.frame(FrameSpec { function, line, inlined: false, address: 0 });
        self.builder.stack(prefix, frame)
    }

    fn sample(&mut self, time: Nanos, thread: ThreadId, stack: StackId, (bytes, blocks): (u64, u64)) {
        let count = u32::try_from(blocks).unwrap_or(u32::MAX);
        self.builder.sample(SampleSpec { time: Some(time), stack, thread, weight: Nanos(bytes), count });
    }
}
