//! Several recordings as one bundle, put one after the other in time, and several profiles as one.
//!
//! Owns where a run lies in time: each begins where the one before it has ended, so that the time between runs (which is
//! ours) is not in the bundle, and the sum of the runs' wall times is as long as the recording. Must not measure: figures
//! of a run are those of its own recording.

mod profile;
mod warnings;

pub use warnings::FEW_SAMPLES;

use crate::bench::{counted, figures_of};
use crate::derive::summary::summarize;
use crate::model::{
    BenchmarkInfo, BuildError, Bundle, CacheRecord, CallCount, KeyTrace, LineCount, Manifest, MemorySnapshot, Overhead,
    ProcessCounter, Profile, Run, SnapshotReason, SourceChunk, Timeline,
};
use crate::units::{Bytes, Nanos};
use profile::ProfileMerger;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Why recordings cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    #[error("there is no recording to put together")]
    Nothing,
    #[error("the profile {profile} measures different things in different recordings")]
    Weights { profile: String },
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Merges profiles of one weight: equal functions, frames, stacks and threads are there once, and the times of each
/// profile's samples are its offset later. Where samples of one have no times, none has.
///
/// The second value is the place in `parts` that each sample comes from, in the order of the merged samples.
///
/// # Errors
/// When there is none, weights differ, or the tables grow too large.
pub fn profiles(parts: &[(&Profile, Nanos)]) -> Result<(Profile, Vec<u32>), MergeError> {
    if parts.is_empty() {
        return Err(MergeError::Nothing);
    }
    let mut merger = ProfileMerger::default();
    for (part, &(profile, offset)) in (0..).zip(parts) {
        merger.push(profile, offset, part)?;
    }
    merger.finish()
}

/// Puts recordings one after the other; see [`Merger`].
///
/// # Errors
/// When there is none, or their profiles cannot be merged.
pub fn runs(parts: impl IntoIterator<Item = (Bundle, Run)>) -> Result<Bundle, MergeError> {
    let mut merger = Merger::new();
    for (bundle, run) in parts {
        merger.push(&bundle, run, true)?;
    }
    merger.finish()
}

/// Puts recordings one after the other, each as soon as it is there, so that memory holds their sum and no more than one
/// of them besides.
///
/// The manifest is the first recording's, with sums of all; its exit is the first that is not 0.
#[derive(Debug, Default)]
pub struct Merger {
    manifest: Option<Manifest>,
    /// Where the next run begins.
    next: Nanos,
    parts: u32,
    order: Vec<String>,
    profiles: BTreeMap<String, ProfileMerger>,
    timeline: Timeline,
    memory: Vec<MemorySnapshot>,
    calls: Vec<CallCount>,
    lines: Vec<LineCount>,
    caches: Vec<CacheRecord>,
    keys: Vec<Arc<KeyTrace>>,
    counters: Vec<ProcessCounter>,
    /// Text and whether it changed, by file and line.
    source: BTreeMap<String, (BTreeMap<u32, String>, bool)>,
    runs: Vec<Run>,
}

impl Merger {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many runs it holds, those to warm up included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Takes a run that was not recorded, or whose recording is not to be kept (one to warm up).
    pub fn push_run(&mut self, run: Run) {
        self.runs.push(Run { order: count(self.runs.len()), t_ns: None, ..run });
    }

    /// Takes the recording of a run. Of `run`, the start, the place and the exit are filled in here, and figures that it
    /// does not have, unless the run was not `whole`: what was stopped half way says nothing of the program's times.
    ///
    /// # Errors
    /// When its profiles cannot be merged with those before.
    pub fn push(&mut self, bundle: &Bundle, mut run: Run, whole: bool) -> Result<(), MergeError> {
        let offset = self.next;
        let length = length(bundle);
        for profile in &bundle.profiles {
            let name = &profile.info.name;
            if !self.profiles.contains_key(name) {
                self.order.push(name.clone());
            }
            self.profiles.entry(name.clone()).or_default().push(profile, offset, self.parts)?;
        }
        self.timeline(&bundle.timeline, offset, offset + length);
        self.memory(&bundle.memory, offset);
        let first_row = count(self.calls.len());
        self.calls.extend(bundle.calls.iter().cloned().map(|mut call| {
            call.callers.iter_mut().for_each(|caller| caller.row = caller.row.saturating_add(first_row));
            call
        }));
        self.lines.extend(bundle.lines.iter().cloned());
        self.caches(bundle, offset);
        self.counters.extend(bundle.counters.iter().cloned());
        self.source(&bundle.source);
        if whole {
            let figures = figures_of(&bundle.manifest).into_iter().map(|(name, value)| (name.to_owned(), value));
            for (name, value) in figures.chain(counted(bundle)) {
                run.metrics.entry(name).or_insert(value);
            }
        }
        (run.t_ns, run.order, run.exit) = (Some(offset), count(self.runs.len()), bundle.manifest.exit);
        self.manifest(bundle, &run, offset);
        self.runs.push(run);
        // A moment between the two keeps processes apart whose numbers are the same.
        self.next = offset + length + Nanos(1);
        self.parts += 1;
        Ok(())
    }

    fn timeline(&mut self, timeline: &Timeline, offset: Nanos, end: Nanos) {
        self.timeline.processes.extend(timeline.processes.iter().cloned().map(|mut process| {
            process.start_ns += offset;
            // What outlived its run is not seen any more.
            process.end_ns = Some(process.end_ns.map_or(end, |end| end + offset));
            process
        }));
        self.timeline.samples.extend(timeline.samples.iter().cloned().map(|mut sample| {
            sample.t_ns += offset;
            sample
        }));
    }

    fn memory(&mut self, snapshots: &[MemorySnapshot], offset: Nanos) {
        let first = self.memory.len();
        self.memory.extend(snapshots.iter().cloned().map(|mut snapshot| {
            snapshot.t_ns += offset;
            snapshot
        }));
        // With its run a process has ended, whether it said so or was killed.
        let mut seen = HashSet::new();
        for snapshot in self.memory[first..].iter_mut().rev() {
            if seen.insert(snapshot.pid) {
                snapshot.reason = SnapshotReason::Exit;
            }
        }
    }

    fn caches(&mut self, bundle: &Bundle, offset: Nanos) {
        self.caches.extend(bundle.caches.iter().cloned().map(|mut record| {
            for time in [&mut record.from_ns, &mut record.to_ns].into_iter().flatten() {
                *time += offset;
            }
            record.series.t_ns.iter_mut().for_each(|time| *time = time.saturating_add(offset.0));
            record
        }));
        for trace in &bundle.keys {
            let mut trace = KeyTrace::clone(trace);
            trace.name = format!("{}-{}", self.parts, trace.name);
            trace.t_ns.iter_mut().for_each(|time| *time = time.saturating_add(offset.0));
            self.keys.push(Arc::new(trace));
        }
    }

    fn source(&mut self, chunks: &[SourceChunk]) {
        for chunk in chunks {
            let (lines, changed) = self.source.entry(chunk.file.clone()).or_default();
            *changed |= chunk.changed;
            for (line, text) in (chunk.start..).zip(&chunk.lines) {
                lines.entry(line).or_insert_with(|| text.clone());
            }
        }
    }

    fn manifest(&mut self, bundle: &Bundle, run: &Run, offset: Nanos) {
        let new = &bundle.manifest;
        let is_first = self.manifest.is_none();
        let manifest = self.manifest.get_or_insert_with(|| Manifest {
            warnings: Vec::new(),
            profiles: Vec::new(),
            members: Vec::new(),
            benchmarks: Vec::new(),
            ..new.clone()
        });
        if !is_first {
            add_sums(manifest, new);
        }
        for warning in bundle.warnings() {
            warnings::unite(&mut manifest.warnings, warning.clone(), offset);
        }
        if manifest.benchmarks.iter().all(|known| known.name != run.benchmark) {
            let (name, command) = (run.benchmark.clone(), new.command.clone());
            manifest.benchmarks.push(BenchmarkInfo { name, command, ..BenchmarkInfo::default() });
        }
    }

    /// The bundle.
    ///
    /// # Errors
    /// When there was no recording, or the tables of a profile grew too large.
    pub fn finish(mut self) -> Result<Bundle, MergeError> {
        let mut manifest = self.manifest.ok_or(MergeError::Nothing)?;
        let mut profiles = Vec::with_capacity(self.order.len());
        for name in &self.order {
            if let Some(merger) = self.profiles.remove(name) {
                profiles.push(Arc::new(merger.finish()?.0));
            }
        }
        warnings::settle(&mut manifest.warnings, &profiles);
        let peak = manifest.summary.peak_process_rss_bytes;
        let mut bundle = Bundle {
            profiles,
            timeline: Arc::new(self.timeline),
            memory: Arc::new(self.memory),
            calls: Arc::new(self.calls),
            lines: Arc::new(self.lines),
            caches: Arc::new(self.caches),
            keys: self.keys,
            counters: Arc::new(self.counters),
            source: Arc::new(chunks(self.source)),
            runs: Arc::new(self.runs),
            ..Bundle::default()
        };
        manifest.summary = summarize(bundle.main_profile().map(|profile| &**profile), &bundle.timeline);
        manifest.summary.peak_process_rss_bytes = peak;
        manifest.summary.runs = u64::from(self.parts);
        bundle.manifest = manifest;
        Ok(bundle)
    }
}

/// Time that a recording takes: to the end of its program, or its last reading where that was later.
fn length(bundle: &Bundle) -> Nanos {
    let stacks = bundle.profiles.iter().filter_map(|profile| profile.samples.time.as_ref()?.last().copied());
    let processes = bundle.timeline.processes.iter().flat_map(|process| [Some(process.start_ns), process.end_ns]);
    let readings = bundle.timeline.samples.iter().map(|sample| sample.t_ns);
    let snapshots = bundle.memory.iter().map(|snapshot| snapshot.t_ns);
    let all = stacks.chain(processes.flatten()).chain(readings).chain(snapshots).chain(bundle.manifest.wall_ns);
    all.max().unwrap_or(Nanos::ZERO)
}

/// Adds what adds up, and keeps the largest of what does not. What one of them did not measure is not known of both.
fn add_sums(manifest: &mut Manifest, new: &Manifest) {
    let sum = |a: Option<Nanos>, b: Option<Nanos>| a.zip(b).map(|(a, b)| a + b);
    manifest.wall_ns = sum(manifest.wall_ns, new.wall_ns);
    manifest.cpu_ns = sum(manifest.cpu_ns, new.cpu_ns);
    manifest.user_ns = sum(manifest.user_ns, new.user_ns);
    manifest.system_ns = sum(manifest.system_ns, new.system_ns);
    // What one of them did not count is not known of both.
    manifest.counters.retain(|name, count| new.counters.get(name).map(|more| *count += more).is_some());
    if manifest.exit.status() == Some(0) {
        manifest.exit = new.exit;
    }
    manifest.partial |= new.partial;
    let (ours, theirs) = (&manifest.overhead, &new.overhead);
    let most = |a: Option<Bytes>, b: Option<Bytes>| a.max(b);
    manifest.overhead = Overhead {
        collector_cpu_ns: sum(ours.collector_cpu_ns, theirs.collector_cpu_ns),
        finish_ns: sum(ours.finish_ns, theirs.finish_ns),
        collector_rss_bytes: most(ours.collector_rss_bytes, theirs.collector_rss_bytes),
        agent_cpu_ns: sum(ours.agent_cpu_ns, theirs.agent_cpu_ns),
        child_rss_floor_bytes: most(ours.child_rss_floor_bytes, theirs.child_rss_floor_bytes),
    };
    let peak = &mut manifest.summary.peak_process_rss_bytes;
    *peak = most(*peak, new.summary.peak_process_rss_bytes);
    for variable in &new.settings.injected {
        if !manifest.settings.injected.contains(variable) {
            manifest.settings.injected.push(variable.clone());
        }
    }
}

/// Neighbouring lines in one chunk each.
fn chunks(source: BTreeMap<String, (BTreeMap<u32, String>, bool)>) -> Vec<SourceChunk> {
    let mut chunks: Vec<SourceChunk> = Vec::new();
    for (file, (lines, changed)) in source {
        let mut after = None;
        for (line, text) in lines {
            match chunks.last_mut() {
                Some(chunk) if after == Some(line) => chunk.lines.push(text),
                _ => chunks.push(SourceChunk { file: file.clone(), start: line, lines: vec![text], changed }),
            }
            after = Some(line + 1);
        }
    }
    chunks
}

#[expect(clippy::cast_possible_truncation, reason = "saturated before")]
fn count(rows: usize) -> u32 {
    rows.min(u32::MAX as usize) as u32
}

#[cfg(test)]
mod tests;
