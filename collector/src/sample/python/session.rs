//! What the threads of one recording share: the spool file, the end, and how well sampling goes.

use super::{PythonOutcome, PythonSettings};
use crate::launch::Clock;
use crate::spool::{StackWriter, StreamCounts};
use crate::tree::Stat;
use perfcollect_shared::model::Warning;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Share of failed reads from which readers are warned.
const ERRORS_WORTH_A_WARNING: f64 = 0.05;
/// Share of the asked rate below which readers are warned.
const RATE_WORTH_A_WARNING: f64 = 0.8;
/// Fewer reads than this say nothing about rates.
const ENOUGH_READS: u64 = 50;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) clock: Clock,
    pub(super) period: Duration,
    rate_hz: f64,
    attached: Option<u64>,
    writer: Mutex<Option<StackWriter>>,
    stopping: Mutex<bool>,
    wake: Condvar,
    /// Threads of ours that run.
    threads: Mutex<u64>,
    ended: Condvar,
    pub(super) tally: Tally,
    unavailable: AtomicBool,
}

/// Sums over all processes.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Reads of a process's stacks that were wanted, and that failed for good.
    pub(super) attempts: AtomicU64,
    pub(super) errors: AtomicU64,
    /// Moments to sample at by the asked rate, and those that were met.
    pub(super) due: AtomicU64,
    pub(super) met: AtomicU64,
    /// Interpreters found, and those that run at the moment.
    pub(super) processes: AtomicU64,
    pub(super) busy: AtomicU64,
}

impl Session {
    pub(super) fn new(settings: &PythonSettings, writer: Option<StackWriter>) -> Self {
        let rate_hz = if settings.rate_hz.is_finite() { settings.rate_hz.clamp(0.1, 10_000.0) } else { 100.0 };
        Self {
            clock: settings.clock.clone(),
            period: Duration::from_secs_f64(1.0 / rate_hz),
            rate_hz,
            attached: settings.attached,
            writer: Mutex::new(writer),
            stopping: Mutex::new(false),
            wake: Condvar::new(),
            threads: Mutex::new(0),
            ended: Condvar::new(),
            tally: Tally::default(),
            unavailable: AtomicBool::new(false),
        }
    }

    /// Whether a process ran before the recording began.
    pub(super) fn is_older(&self, pid: u32) -> bool {
        self.attached.is_some_and(|since| Stat::read(pid).is_some_and(|stat| stat.start_ticks < since))
    }

    /// Writes, unless the recording has ended.
    pub(super) fn write(&self, write: impl FnOnce(&mut StackWriter)) {
        if let Some(writer) = lock(&self.writer).as_mut() {
            write(writer);
        }
    }

    /// Hands what was written to the kernel, with the counts so far.
    pub(super) fn flush(&self) {
        let counts = self.counts();
        self.write(|writer| {
            if counts.attempts > 0 {
                writer.counts(&counts);
            }
            writer.flush();
        });
    }

    /// Sleeps until `deadline`; false if the recording ended meanwhile.
    pub(super) fn sleep_until(&self, deadline: Instant) -> bool {
        let mut stopping = lock(&self.stopping);
        while !*stopping {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            stopping = self.wake.wait_timeout(stopping, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    pub(super) fn stopped(&self) -> bool {
        *lock(&self.stopping)
    }

    /// Warns, once a recording, of a process that could not be sampled.
    pub(super) fn unavailable(&self, pid: u32, reason: String, fix: String) {
        if !self.unavailable.swap(true, Ordering::Relaxed) {
            self.write(|writer| writer.warning(Warning::PythonUnavailable { pid, reason, fix }));
        }
    }

    /// Starts a thread of ours that the end waits for.
    pub(super) fn spawn(
        self: &std::sync::Arc<Self>,
        name: &str,
        run: impl FnOnce(&std::sync::Arc<Self>) + Send + 'static,
    ) -> std::io::Result<()> {
        *lock(&self.threads) += 1;
        let session = std::sync::Arc::clone(self);
        let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let running = Running(&session);
            run(&session);
            drop(running);
        });
        if started.is_err() {
            *lock(&self.threads) -= 1;
        }
        started.map(drop)
    }

    pub(super) fn finish(&self, within: Duration) -> PythonOutcome {
        *lock(&self.stopping) = true;
        self.wake.notify_all();
        let threads = lock(&self.threads);
        let waited = self.ended.wait_timeout_while(threads, within, |running| *running > 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        // A thread left behind finds no writer any more.
        let Some(mut writer) = lock(&self.writer).take() else { return PythonOutcome::default() };
        let counts = self.counts();
        writer.counts(&counts);
        for warning in self.warnings(&counts) {
            writer.warning(warning);
        }
        let (samples, processes) = (writer.samples, self.tally.processes.load(Ordering::Relaxed));
        PythonOutcome { write_error: writer.finish(), samples, processes }
    }

    fn counts(&self) -> StreamCounts {
        StreamCounts {
            attempts: self.tally.attempts.load(Ordering::Relaxed),
            errors: self.tally.errors.load(Ordering::Relaxed),
            due: self.tally.due.load(Ordering::Relaxed),
            met: self.tally.met.load(Ordering::Relaxed),
            ..StreamCounts::default()
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
    fn warnings(&self, counts: &StreamCounts) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let (attempts, errors) = (counts.attempts, counts.errors);
        if attempts >= ENOUGH_READS && errors as f64 > ERRORS_WORTH_A_WARNING * attempts as f64 {
            warnings.push(Warning::PythonReadErrors { errors, attempts });
        }
        let (due, met) = (self.tally.due.load(Ordering::Relaxed), self.tally.met.load(Ordering::Relaxed));
        let reached_hz = self.rate_hz * met as f64 / due.max(1) as f64;
        if due >= ENOUGH_READS && reached_hz < RATE_WORTH_A_WARNING * self.rate_hz {
            let profile = "cpu".to_owned();
            warnings.push(Warning::SlowSampler { profile, asked_hz: self.rate_hz, reached_hz });
        }
        warnings
    }
}

/// Counts a thread out, however it ends.
struct Running<'a>(&'a Session);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *lock(&self.0.threads) -= 1;
        self.0.ended.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No lock is held while anything that may panic leaves its value half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
