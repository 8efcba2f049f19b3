//! Where requests come from: a file that is read anew for each pass, or keys in memory.

use anyhow::Context;
use perfcollect_shared::format::plural;
use perfcollect_shared::import::trace::{Options, TraceReader};
use perfcollect_shared::model::{KeyTrace, Lookup};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum What {
    #[default]
    Request,
    /// The program threw an entry away.
    Remove,
    /// The program threw everything away.
    Clear,
}

/// One request, or what the program did to its cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub id: u64,
    pub size: u32,
    pub what: What,
    /// Number of the next request for it, where the trace tells.
    pub next: Option<i64>,
}

/// Events that are handed on at once.
const PIECE: usize = 1 << 16;

/// The requests of a trace.
pub struct Source {
    kind: Kind,
    notes: Vec<String>,
    what: String,
}

enum Kind {
    File { path: PathBuf, options: Options },
    Keys(Vec<Arc<KeyTrace>>),
}

impl Source {
    /// A file of another tool.
    pub fn file(path: PathBuf, options: Options) -> Self {
        Self { kind: Kind::File { path, options }, notes: Vec::new(), what: String::new() }
    }

    /// Traced keys of one cache. Each process had a cache of its own: the one with the most lookups is taken.
    pub fn keys(mut traces: Vec<Arc<KeyTrace>>) -> Self {
        traces.sort_by_key(|trace| std::cmp::Reverse(trace.requests));
        let mut notes = Vec::new();
        if let [first, others @ ..] = &traces[..] {
            if !others.is_empty() {
                let (more, process) = (plural(others.len() as u64, "other process"), first.pid.unwrap_or(0));
                notes.push(format!(
                    "{more} had a cache of the same name; this is the one of process {process}, with the most lookups"
                ));
            }
            if first.unhashable > 0 {
                let lookups = plural(first.unhashable, "lookup");
                notes.push(format!("{lookups} had keys that could not be hashed; they are not in the figures"));
            }
            if first.rate < 1.0 {
                notes.push(format!("{} of all keys were traced: the figures are estimates", share(first.rate)));
            }
        }
        let what = traces.first().map_or_else(String::new, |trace| {
            let cache = if trace.candidate { "calls, without a cache, of" } else { "keys of" };
            format!("{cache} {} ({})", trace.cache, trace.library)
        });
        traces.truncate(1);
        Self { kind: Kind::Keys(traces), notes, what }
    }

    /// What it is, once it was read.
    pub(super) fn what(&self) -> String {
        self.what.clone()
    }

    /// What was met, and is taken from it.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Part of all keys that it holds.
    pub(super) fn part(&self) -> f64 {
        match &self.kind {
            Kind::Keys(traces) => traces.first().map_or(1.0, |trace| trace.rate),
            Kind::File { .. } => 1.0,
        }
    }

    /// All requests, those that are not in it included, where it tells that.
    pub(super) fn requests(&self) -> Option<u64> {
        match &self.kind {
            Kind::Keys(traces) => traces.first().map(|trace| trace.requests - trace.unhashable.min(trace.requests)),
            Kind::File { .. } => None,
        }
    }

    /// Whether requests have sizes; `None` without any.
    pub(super) fn has_sizes(&self) -> anyhow::Result<Option<bool>> {
        match &self.kind {
            Kind::Keys(traces) => Ok(traces.first().map(|trace| !trace.size.is_empty())),
            Kind::File { path, options } => Ok(Some(open(path, options)?.has_sizes())),
        }
    }

    /// Hands every event to `take`, in pieces and in order.
    pub(super) fn pass(&mut self, mut take: impl FnMut(&[Event])) -> anyhow::Result<()> {
        match &self.kind {
            Kind::Keys(traces) => {
                for trace in traces {
                    let events: Vec<Event> = (0..trace.key.len()).map(|at| event_of(trace, at)).collect();
                    events.chunks(PIECE).for_each(&mut take);
                }
            }
            Kind::File { path, options } => {
                let mut reader = open(path, options)?;
                let mut piece = Vec::with_capacity(PIECE);
                while let Some(request) = reader.next_request()? {
                    let (id, size, next) = (request.id, request.size, request.next);
                    piece.push(Event { id, size, what: What::Request, next });
                    if piece.len() == PIECE {
                        take(&piece);
                        piece.clear();
                    }
                }
                take(&piece);
                self.notes = reader.notes();
                let packing = reader.packing().map_or_else(String::new, |packing| format!(", {packing}"));
                self.what = format!("{} ({}{packing})", path.display(), reader.format().id());
            }
        }
        Ok(())
    }
}

fn event_of(trace: &KeyTrace, at: usize) -> Event {
    let what = match trace.kind[at] {
        Lookup::Invalidated => What::Remove,
        Lookup::Cleared => What::Clear,
        _ => What::Request,
    };
    Event { id: trace.key[at].into(), size: trace.size.get(at).copied().unwrap_or(1), what, next: None }
}

fn open(path: &PathBuf, options: &Options) -> anyhow::Result<TraceReader<'static>> {
    let file = File::open(path).context("it cannot be opened")?;
    Ok(TraceReader::open(Box::new(file), options)?)
}

pub(super) fn share(part: f64) -> String {
    perfcollect_shared::format::share(part)
}
