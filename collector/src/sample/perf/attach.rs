//! Sampling processes that run already: events on each of their threads, all of a CPU into one ring.
//!
//! Threads and children that are started from then on inherit the events. One that is started while we open them may or
//! may not have inherited one; the record of its start in a ring tells.

use super::events;
use super::recorder::Recorder;
use super::ring::Ring;
use super::{PerfSampler, PerfSettings, Reader, Stage, Stop, Unavailable};
use crate::spool::{self, StackWriter};
use crate::tree::{self, ProcessTree};
use linux_perf_event_reader::RecordType;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// A program that starts threads faster than we can look is followed this far.
const MOST_PASSES: usize = 32;

impl PerfSampler {
    /// Opens events on all threads of the processes of `tree`; they count at once.
    ///
    /// # Errors
    /// [`Unavailable`] where the system does not allow it.
    pub fn attach(settings: &PerfSettings, spool: &Path, tree: &Arc<ProcessTree>) -> Result<Self, Unavailable> {
        let failed = |reason: String| Unavailable { reason, fix: "run: perfcollect doctor".to_owned() };
        let Opened { rings, joined, kernel_sampled } = open(settings.period_ns(), tree)?;
        let mut writer = StackWriter::create(&spool.join(spool::NATIVE))
            .map_err(|error| failed(format!("cannot write {}: {error}", spool.join(spool::NATIVE).display())))?;
        if !kernel_sampled {
            writer.warning(events::kernel_left_out());
        }
        let stop = Stop::new().map_err(|error| failed(format!("cannot make an event descriptor: {error}")))?;
        let mut recorder = Recorder::new(settings, kernel_sampled, tree.root(), writer, Arc::clone(tree));
        for process in tree.live() {
            recorder.adopt(process.pid);
        }
        let stage = Some(Stage::Armed(Box::new((Reader::new(rings, joined), recorder))));
        Ok(Self { stop, kernel_sampled, stage })
    }
}

struct Opened {
    rings: Vec<Ring>,
    joined: Vec<OwnedFd>,
    kernel_sampled: bool,
}

fn open(period_ns: u64, tree: &ProcessTree) -> Result<Opened, Unavailable> {
    allow_many_files();
    let (events, first) = events::open_on_running(&threads(tree), period_ns)?;
    let kernel_sampled = events.kernel_sampled;
    let mut opened = Opened { rings: Ring::map_all(events.fds)?, joined: Vec::new(), kernel_sampled };
    let mut covered = BTreeSet::from([first]);
    for _ in 0..MOST_PASSES {
        tree.scan();
        let there = threads(tree);
        covered.extend(opened.rings.iter().flat_map(started));
        let new: Vec<u32> = there.into_iter().filter(|thread| covered.insert(*thread)).collect();
        if new.is_empty() {
            break;
        }
        for thread in new {
            let leaders = opened.rings.iter().map(Ring::fd);
            opened.joined.extend(events::join(thread, period_ns, kernel_sampled, leaders)?);
        }
    }
    Ok(opened)
}

fn threads(tree: &ProcessTree) -> Vec<u32> {
    let mut processes: Vec<u32> = tree.live().iter().map(|process| process.pid).collect();
    // The root's main thread first: its events carry the rings.
    processes.sort_by_key(|&pid| (pid != tree.root(), pid));
    processes.into_iter().flat_map(tree::threads).collect()
}

/// Threads whose start a ring tells of: they have inherited their events.
fn started(ring: &Ring) -> impl Iterator<Item = u32> {
    let forks = ring.records().filter(|record| record.kind == RecordType::FORK);
    forks.filter_map(|record| {
        // perf_event.h, PERF_RECORD_FORK: process, parent process, thread, parent thread.
        let (mut body, mut numbers) = (record.body, [0; 12]);
        body.read_exact(&mut numbers).ok()?;
        Some(u32::from_ne_bytes([numbers[8], numbers[9], numbers[10], numbers[11]]))
    })
}

/// An event for each thread and CPU takes many descriptors.
fn allow_many_files() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // Where this fails, opening tells.
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).ok();
    }
}
