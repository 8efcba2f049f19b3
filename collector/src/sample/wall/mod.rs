//! Where threads are while they do not run: looks at every thread of the tree from outside, some times a second.
//!
//! The kernel's scheduler tells how long each thread ran, was ready and neither, since the last look; where it is blocked
//! says /proc. A thread that has not run since costs one small read. Must not count time that a thread ran: the other
//! samplers do, and `pack` puts both together. Must not stop a thread, nor look up symbols.

mod account;
mod blocked;
mod look;
mod reason;

use super::pace::Pace;
use super::python::run_at_once;
use crate::launch::Clock;
use crate::spool::{self, StackWriter};
use crate::symbolize::Images;
use crate::tree::ProcessTree;
use look::Looker;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Looks a second where nothing else is asked for.
pub const DEFAULT_RATE_HZ: f64 = 100.0;
/// Looking may take one part in so many of a processor.
const BUDGET: u32 = 20;
const FLUSH_EVERY: Duration = Duration::from_millis(400);

#[derive(Clone, Debug)]
pub struct WallSettings {
    /// Looks a second.
    pub rate_hz: f64,
    pub clock: Clock,
}

/// What it leaves behind. Counts and warnings are in the spool.
#[derive(Debug, Default)]
pub struct WallOutcome {
    /// Files that code of waiting threads was mapped from.
    pub images: Images,
    /// The first failure to write.
    pub write_error: Option<io::Error>,
}

/// Looks at the threads of a tree until it is finished.
#[derive(Debug)]
pub struct WallSampler {
    stop: Arc<Stop>,
    thread: io::Result<JoinHandle<WallOutcome>>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: Mutex<bool>,
    wake: Condvar,
}

impl Stop {
    /// Sleeps until `deadline`; false if the end came meanwhile.
    fn sleep_until(&self, deadline: Instant) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.wake.wait_timeout_while(asked, left, |asked| !*asked);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl WallSampler {
    /// Starts to look. A spool file that cannot be made is told by [`WallSampler::finish`].
    #[must_use]
    pub fn start(settings: &WallSettings, spool: &Path, tree: &Arc<ProcessTree>) -> Self {
        let stop = Arc::new(Stop::default());
        let thread = StackWriter::create(&spool.join(spool::WALL)).and_then(|writer| {
            let looker = Looker::new(settings, writer, tree);
            let (stop, period) = (Arc::clone(&stop), period(settings.rate_hz));
            std::thread::Builder::new().name("wall".to_owned()).spawn(move || run(looker, &stop, period))
        });
        Self { stop, thread }
    }

    /// Looks a last time and flushes.
    #[must_use]
    pub fn finish(self) -> WallOutcome {
        *self.stop.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.wake.notify_all();
        let crashed = || io::Error::other("the thread that looks at waiting threads has crashed");
        let outcome = self.thread.and_then(|thread| thread.join().map_err(|_panic| crashed()));
        outcome.unwrap_or_else(|error| WallOutcome { write_error: Some(error), ..WallOutcome::default() })
    }
}

fn period(rate_hz: f64) -> Duration {
    let rate_hz = if rate_hz.is_finite() { rate_hz.clamp(0.1, 10_000.0) } else { DEFAULT_RATE_HZ };
    Duration::from_secs_f64(1.0 / rate_hz)
}

fn run(mut looker: Looker, stop: &Stop, period: Duration) -> WallOutcome {
    run_at_once();
    let mut pace = Pace::new(period, BUDGET, std::process::id());
    let mut flushed = Instant::now();
    loop {
        let before = cpu_time();
        looker.look();
        pace.took(cpu_time().saturating_sub(before));
        if flushed.elapsed() > FLUSH_EVERY {
            looker.flush();
            flushed = Instant::now();
        }
        let (deadline, passed) = pace.next(1);
        looker.counts.due += passed;
        looker.counts.met += 1;
        if !stop.sleep_until(deadline) {
            return looker.finish(1.0 / period.as_secs_f64());
        }
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.map_or(Duration::ZERO, Duration::from)
}
