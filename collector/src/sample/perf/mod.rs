//! Native CPU stacks of a whole process tree through Linux `perf_event_open`, as root or as an ordinary user.
//!
//! Owns the events, their rings, the unwinding of stacks and `native.jsonl`. Must not look up symbols: it only keeps the
//! files open that `symbolize` will read, since they may be gone by then.

mod attach;
mod counted;
mod events;
mod intern;
mod kernel;
pub(super) mod parked;
mod process;
mod reader;
mod recorder;
mod ring;
mod short_lived;
mod unwind;

pub use counted::{Event, event, not_counted};
pub use events::{kernel_left_out, refused};

use crate::launch::Clock;
use crate::spool::{self, StackWriter};
use crate::symbolize::Images;
use crate::tree::ProcessTree;
use counted::Counted;
use reader::{Reader, Stop};
use recorder::Recorder;
use ring::Ring;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::{fmt, io};

/// What to sample.
#[derive(Clone, Debug)]
pub struct PerfSettings {
    /// Samples per second of CPU time of each thread.
    pub rate_hz: u32,
    /// Sampled and counted besides, of programs that are started.
    pub events: Vec<&'static Event>,
    /// Times of samples are given as this clock has them.
    pub clock: Clock,
}

/// Why native stacks cannot be recorded here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("native stacks cannot be recorded: {reason}; {fix}")]
pub struct Unavailable {
    pub reason: String,
    /// What to do about it, a command where there is one.
    pub fix: String,
}

/// What a sampler leaves behind when it is done.
#[derive(Debug, Default)]
pub struct PerfOutcome {
    /// Files that code was mapped from, kept open.
    pub images: Images,
    /// Whether kernel code was sampled too.
    pub kernel_sampled: bool,
    /// The first error while writing `native.jsonl`.
    pub write_error: Option<io::Error>,
}

/// Samples a process tree. Made before the program is executed, so that its first instruction counts.
#[derive(Debug)]
pub struct PerfSampler {
    stop: Stop,
    kernel_sampled: bool,
    stage: Option<Stage>,
}

enum Stage {
    Armed(Box<(Reader, Recorder)>),
    Reading(JoinHandle<Recorder>),
}

impl PerfSampler {
    /// Opens events on a forked child that has not yet executed its program; they start by themselves when it does, and
    /// its threads and children inherit them.
    ///
    /// # Errors
    /// [`Unavailable`] where the system does not allow it.
    pub fn arm(child: u32, settings: &PerfSettings, spool: &Path, tree: Arc<ProcessTree>) -> Result<Self, Unavailable> {
        let failed = |reason: String| Unavailable { reason, fix: "run: perfcollect doctor".to_owned() };
        let events = events::open(child, settings.period_ns())?;
        let rings = Ring::map_all(events.fds)?;
        let leaders: Vec<&OwnedFd> = rings.iter().map(Ring::fd).collect();
        let (counted, refused) = Counted::arm(&settings.events, child, events.kernel_sampled, &leaders);
        let mut writer = StackWriter::create(&spool.join(spool::NATIVE))
            .map_err(|error| failed(format!("cannot write {}: {error}", spool.join(spool::NATIVE).display())))?;
        if !events.kernel_sampled {
            writer.warning(events::kernel_left_out());
        }
        for warning in refused {
            writer.warning(warning);
        }
        let stop = Stop::new().map_err(|error| failed(format!("cannot make an event descriptor: {error}")))?;
        let recorder = Recorder::new(settings, events.kernel_sampled, child, writer, tree).with_counted(counted);
        let stage = Some(Stage::Armed(Box::new((Reader::new(rings, Vec::new()), recorder))));
        Ok(Self { stop, kernel_sampled: events.kernel_sampled, stage })
    }

    /// Whether the kernel's code is sampled too.
    #[must_use]
    pub fn kernel_sampled(&self) -> bool {
        self.kernel_sampled
    }

    /// Starts the thread that reads the rings.
    pub fn start(&mut self) {
        self.stage = match self.stage.take() {
            Some(Stage::Armed(parts)) => {
                let stop = self.stop.clone();
                Some(Stage::Reading(std::thread::spawn(move || parts.0.run(parts.1, &stop))))
            }
            other => other,
        };
    }

    /// Reads what is left and ends the thread.
    #[must_use]
    pub fn finish(mut self) -> PerfOutcome {
        self.stop.ask();
        let recorder = match self.stage.take() {
            Some(Stage::Armed(parts)) => Some(parts.0.run(parts.1, &self.stop)),
            Some(Stage::Reading(thread)) => thread.join().ok(),
            None => None,
        };
        let (images, write_error) = match recorder {
            Some(recorder) => recorder.finish(),
            None => (Images::default(), Some(io::Error::other("the thread that reads native stacks has crashed"))),
        };
        PerfOutcome { images, kernel_sampled: self.kernel_sampled, write_error }
    }
}

impl Drop for PerfSampler {
    fn drop(&mut self) {
        self.stop.ask();
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Armed(_) => "Armed",
            Self::Reading(_) => "Reading",
        })
    }
}

impl PerfSettings {
    /// CPU time between two samples of a thread, in nanoseconds.
    #[must_use]
    pub fn period_ns(&self) -> u64 {
        1_000_000_000 / u64::from(self.rate_hz.max(1))
    }
}

#[cfg(test)]
mod tests;
