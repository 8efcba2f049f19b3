//! Follows the process tree and gives each Python process a sampler.

use super::detect::{self, Program};
use super::process::{self, End};
use super::session::Session;
use crate::tree::{ProcessRef, ProcessTree, TreeEvent};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Most processes that are sampled at a time; each costs a thread.
const MOST_PROCESSES: usize = 256;
/// Shortest time between two looks at the processes.
const SOON: Duration = Duration::from_millis(2);
/// Between two scans of /proc by us. Perf's records are faster, but there may be none.
const SCAN_EVERY: Duration = Duration::from_millis(20);
const FLUSH_EVERY: Duration = Duration::from_millis(300);

/// Starts the thread that follows `tree`.
pub(super) fn start(session: &Arc<Session>, tree: Arc<ProcessTree>) -> io::Result<()> {
    session.spawn("python-watch", move |session| {
        let (ended, ends) = mpsc::channel();
        let watch = Watch { session, processes: HashMap::new(), ended, scan_cost: Duration::ZERO };
        watch.run(&tree, &ends);
    })
}

struct Watch<'a> {
    session: &'a Arc<Session>,
    processes: HashMap<u32, Watched>,
    ended: mpsc::Sender<(u32, End)>,
    scan_cost: Duration,
}

/// A process of the tree.
struct Watched {
    process: ProcessRef,
    /// Since when it is not known to be anything else than now.
    since: Instant,
    look_at: Instant,
    /// The next look at what it has mapped: dearer, so rarer.
    maps_at: Instant,
    /// Set to make its sampler start anew; there while it has one.
    sampled: Option<Arc<AtomicBool>>,
}

impl Watched {
    fn new(process: ProcessRef) -> Self {
        let now = Instant::now();
        Self { process, since: now, look_at: now, maps_at: now + Duration::from_millis(50), sampled: None }
    }

    fn begin_anew(&mut self) {
        *self = Self { sampled: self.sampled.take(), ..Self::new(self.process) };
    }
}

impl Watch<'_> {
    fn run(mut self, tree: &ProcessTree, ends: &Receiver<(u32, End)>) {
        let events = tree.subscribe();
        let (mut scan_at, mut flush_at) = (Instant::now(), Instant::now());
        while !self.session.stopped() {
            let wait = self.next_look().min(scan_at).saturating_duration_since(Instant::now());
            match events.recv_timeout(wait.clamp(Duration::from_micros(200), FLUSH_EVERY)) {
                Ok(event) => {
                    self.take(&event);
                    for event in events.try_iter() {
                        self.take(&event);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(SOON),
            }
            for (pid, end) in ends.try_iter() {
                self.sampler_ended(pid, end);
            }
            self.look();
            if Instant::now() >= scan_at {
                let begun = Instant::now();
                tree.scan();
                self.scan_cost = begun.elapsed();
                scan_at = Instant::now() + SCAN_EVERY.max(self.scan_cost * 50);
            }
            if Instant::now() >= flush_at {
                self.session.flush();
                flush_at = Instant::now() + FLUSH_EVERY;
            }
        }
    }

    fn take(&mut self, event: &TreeEvent) {
        match *event {
            TreeEvent::Started { process, .. } => {
                // A sampler that already runs stays the only one.
                let sampled = self.processes.remove(&process.pid).and_then(|known| known.sampled);
                self.processes.insert(process.pid, Watched { sampled, ..Watched::new(process) });
            }
            TreeEvent::Exec { process, .. } => {
                if let Some(watched) = self.processes.get_mut(&process.pid) {
                    watched.begin_anew();
                    if let Some(changed) = &watched.sampled {
                        changed.store(true, Ordering::Relaxed);
                    }
                }
            }
            TreeEvent::Ended { process, .. } => {
                self.processes.remove(&process.pid);
            }
        }
    }

    fn sampler_ended(&mut self, pid: u32, end: End) {
        if let Some(watched) = self.processes.get_mut(&pid) {
            watched.sampled = None;
            watched.begin_anew();
            watched.look_at += match end {
                End::NotPython => Duration::ZERO,
                End::Gone => Duration::from_secs(1),
                // Until it runs another program.
                End::Unreadable => Duration::from_hours(1),
            };
        }
    }

    fn next_look(&self) -> Instant {
        let looks = self.processes.values().filter(|watched| watched.sampled.is_none());
        looks.map(|watched| watched.look_at).min().unwrap_or_else(|| Instant::now() + FLUSH_EVERY)
    }

    /// Looks at the processes that have no sampler and are due.
    fn look(&mut self) {
        let now = Instant::now();
        let mut sampled = self.processes.values().filter(|watched| watched.sampled.is_some()).count();
        let mut due: Vec<_> = self.processes.values().filter(|w| w.sampled.is_none() && w.look_at <= now).collect();
        due.sort_by_key(|watched| watched.process.pid);
        for pid in due.into_iter().map(|watched| watched.process.pid).collect::<Vec<_>>() {
            let Some(watched) = self.processes.get_mut(&pid) else { continue };
            let age = watched.since.elapsed();
            // Often at first: the shell that becomes Python, the interpreter that lives for 50 ms only.
            watched.look_at = now + (age / 10).clamp(SOON, Duration::from_millis(250));
            let maps_due = watched.maps_at <= now;
            if maps_due {
                watched.maps_at = now + age.clamp(Duration::from_millis(100), Duration::from_secs(10));
            }
            let python = match detect::program(pid) {
                Program::Python(_) => true,
                Program::Other(_) => maps_due && detect::maps_libpython(pid),
                Program::Unknown => false,
            };
            if python && sampled < MOST_PROCESSES {
                let changed = Arc::new(AtomicBool::new(false));
                if start_sampler(self.session, pid, &changed, &self.ended).is_ok() {
                    watched.sampled = Some(changed);
                    sampled += 1;
                }
            }
        }
    }
}

fn start_sampler(
    session: &Arc<Session>,
    pid: u32,
    changed: &Arc<AtomicBool>,
    ended: &mpsc::Sender<(u32, End)>,
) -> io::Result<()> {
    let (changed, ended) = (Arc::clone(changed), ended.clone());
    session.spawn("python-sample", move |session| {
        let end = process::sample(session, pid, &changed);
        // Nobody listens any more when the recording has ended.
        ended.send((pid, end)).ok();
    })
}
