//! One thread for each server that reads it at its times, the first time before the program starts.

use super::address::{Address, Kind};
use super::wire::Wire;
use super::{Fault, Reading, ServerLine, memcached, redis};
use crate::launch::{Clock, monotonic_ns};
use crate::spool::LineWriter;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longest time for one reading, the connection included. The program's start waits for the first.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest time between two tries to reach a server that is away.
const AWAY_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for a thread at the end; one that hangs in the system's search for a host is left alone.
const LAST_WAIT: Duration = Duration::from_millis(2500);

/// The spool's file of a server.
pub(super) fn file_name(number: usize) -> String {
    format!("cache-{number}.jsonl")
}

/// Reads servers beside the program.
#[derive(Debug)]
pub struct Servers {
    watches: Vec<Watch>,
    /// The first file or thread that could not be made.
    failed: Option<io::Error>,
}

#[derive(Debug)]
struct Watch {
    /// One word when the program starts, one when it has ended.
    control: Sender<()>,
    done: Receiver<Option<io::Error>>,
}

impl Servers {
    /// Reads each server once, and waits for that no longer than a second. To be called before the program starts.
    #[must_use]
    pub fn start(addresses: &[Address], interval: Duration, spool: &Path, clock: &Clock) -> Self {
        let mut servers = Self { watches: Vec::new(), failed: None };
        let mut first = Vec::new();
        for (number, address) in addresses.iter().enumerate() {
            match Watch::start(address, interval, &spool.join(file_name(number)), clock) {
                Ok((watch, read)) => {
                    servers.watches.push(watch);
                    first.push(read);
                }
                Err(error) => servers.failed = servers.failed.or(Some(error)),
            }
        }
        let deadline = Instant::now() + PATIENCE;
        for read in first {
            // One that takes longer begins later, which its times tell.
            read.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
        }
        servers
    }

    /// The program starts now.
    pub fn program_starts(&self) {
        self.tell();
    }

    /// The program has ended: a last reading.
    pub fn program_ended(&self) {
        self.tell();
    }

    fn tell(&self) {
        for watch in &self.watches {
            // Where the thread is gone, `finish` tells.
            watch.control.send(()).ok();
        }
    }

    /// Waits for the last readings; the first error while they were written.
    #[must_use]
    pub fn finish(self) -> Option<io::Error> {
        let deadline = Instant::now() + LAST_WAIT;
        let mut failed = self.failed;
        for watch in &self.watches {
            let left = deadline.saturating_duration_since(Instant::now());
            failed = failed.or(match watch.done.recv_timeout(left) {
                Ok(error) => error,
                // What it has written is there; its last reading is not, as that of any server that is away.
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(io::Error::other("the thread that reads a server failed")),
            });
        }
        failed
    }
}

impl Watch {
    fn start(address: &Address, interval: Duration, path: &Path, clock: &Clock) -> io::Result<(Self, Receiver<()>)> {
        let mut lines = LineWriter::create(path)?;
        lines.push(&ServerLine::Server { name: address.name.clone(), library: address.library.to_owned() });
        lines.flush();
        let (control, told) = channel();
        let (read, first) = channel();
        let (ended, done) = channel();
        let state = State {
            address: address.clone(),
            interval,
            clock: clock.clone(),
            lines,
            wire: None,
            last: None,
            hopeless: false,
            pause: interval,
        };
        thread::Builder::new().name("cache server".to_owned()).spawn(move || {
            let error = state.run(&told, &read);
            // Nobody waits for one that hung.
            ended.send(error).ok();
        })?;
        Ok((Self { control, done }, first))
    }
}

struct State {
    address: Address,
    interval: Duration,
    clock: Clock,
    lines: LineWriter,
    wire: Option<Wire>,
    /// The last line was a fault: this one.
    last: Option<Fault>,
    /// No other try would end otherwise.
    hopeless: bool,
    pause: Duration,
}

impl State {
    fn run(mut self, told: &Receiver<()>, first: &Sender<()>) -> Option<io::Error> {
        let (at, result) = self.take();
        first.send(()).ok();
        if told.recv().is_err() {
            // It was not started.
            return None;
        }
        self.note(at, result);
        while !self.hopeless {
            let last = !matches!(told.recv_timeout(self.pause), Err(RecvTimeoutError::Timeout));
            // Who has just hung would do so once more.
            if !(last && self.last == Some(Fault::Hangs)) {
                let begin = Instant::now();
                let (at, result) = self.take();
                let away = result.is_err();
                // At most one part in twenty of the time goes into readings.
                self.pause = if away {
                    (self.pause * 2).min(AWAY_EVERY.max(self.interval))
                } else {
                    self.interval.max(begin.elapsed() * 20)
                };
                self.note(at, result);
            }
            if last {
                break;
            }
        }
        self.lines.finish()
    }

    /// One reading, and when it was made.
    fn take(&mut self) -> (u64, Result<Reading, Fault>) {
        let deadline = Instant::now() + PATIENCE;
        let had = self.wire.is_some();
        let mut result = self.ask(deadline);
        // Servers close connections as they like: that alone is no gap.
        if had && result == Err(Fault::Closed) {
            result = self.ask(deadline);
        }
        (monotonic_ns(), result.map_err(|fault| self.harmless(fault)))
    }

    fn ask(&mut self, deadline: Instant) -> Result<Reading, Fault> {
        let login = self.address.login.as_ref();
        let mut wire = if let Some(wire) = self.wire.take() {
            wire
        } else {
            let mut wire = Wire::open(&self.address.place, deadline)?;
            match self.address.kind {
                Kind::Redis => redis::greet(&mut wire, login, deadline)?,
                Kind::Memcached => memcached::greet(&mut wire, login, deadline)?,
            }
            wire
        };
        let reading = match self.address.kind {
            Kind::Redis => redis::read(&mut wire, deadline)?,
            Kind::Memcached => memcached::read(&mut wire, deadline)?,
        };
        self.wire = Some(wire);
        Ok(reading)
    }

    /// A server's own words may hold what it was sent.
    fn harmless(&self, fault: Fault) -> Fault {
        match (fault, &self.address.login) {
            (Fault::Refuses(text), Some(login))
                if text.contains(&login.password) || login.user.as_ref().is_some_and(|user| text.contains(user)) =>
            {
                Fault::Refuses(String::new())
            }
            (fault, _) => fault,
        }
    }

    fn note(&mut self, monotonic_ns: u64, result: Result<Reading, Fault>) {
        let t_ns = self.clock.at(monotonic_ns);
        match result {
            Ok(reading) => {
                self.last = None;
                self.lines.push(&ServerLine::Reading { t_ns, reading });
            }
            Err(fault) => {
                self.hopeless = !fault.passes();
                if self.last.as_ref() != Some(&fault) {
                    self.lines.push(&ServerLine::Fault { t_ns, fault: fault.clone() });
                    self.last = Some(fault);
                }
            }
        }
        self.lines.flush();
    }
}
