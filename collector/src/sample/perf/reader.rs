//! The thread that reads the rings of all CPUs and merges their records in order of time.

use super::events;
use super::recorder::Recorder;
use super::ring::Ring;
use crate::launch::monotonic_ns;
use linux_perf_event_reader::{RawEventRecord, RecordParseInfo};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::EventFd;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rings are read at least this often.
const ROUND_MS: u16 = 100;
/// Records are left in their ring for so long: another CPU may be about to write one with an earlier time.
const SETTLE_NS: u64 = 2_000_000;

/// Tells the reader to end.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    asked: Arc<AtomicBool>,
    wake: Arc<EventFd>,
}

impl Stop {
    pub(super) fn new() -> nix::Result<Self> {
        Ok(Self { asked: Arc::default(), wake: Arc::new(EventFd::new()?) })
    }

    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        // A counter that is full wakes as well.
        self.wake.write(1).ok();
    }
}

/// Rings of all CPUs.
pub(super) struct Reader {
    rings: Vec<Ring>,
    /// Events of other threads that write into the same rings.
    joined: Vec<OwnedFd>,
    heads: Vec<u64>,
    /// Time of the next record of each ring.
    next: Vec<Option<u64>>,
    parse_info: RecordParseInfo,
}

impl Reader {
    pub(super) fn new(rings: Vec<Ring>, joined: Vec<OwnedFd>) -> Self {
        let (heads, next) = (vec![0; rings.len()], vec![None; rings.len()]);
        Self { rings, joined, heads, next, parse_info: events::parse_info() }
    }

    /// Reads until asked to stop, and then what is left.
    pub(super) fn run(mut self, mut recorder: Recorder, stop: &Stop) -> Recorder {
        let mut ended = vec![false; self.rings.len()];
        while !stop.asked.load(Ordering::Acquire) {
            self.wait(stop, &mut ended);
            self.round(&mut recorder, monotonic_ns().saturating_sub(SETTLE_NS));
            recorder.flush();
        }
        self.rings.iter().map(Ring::fd).chain(&self.joined).for_each(events::disable);
        recorder.counted().disable();
        self.round(&mut recorder, u64::MAX);
        recorder
    }

    /// Waits until a ring is half full, or for a while.
    fn wait(&self, stop: &Stop, ended: &mut [bool]) {
        let mut polled = vec![PollFd::new(stop.wake.as_fd(), PollFlags::POLLIN)];
        let mut which = Vec::new();
        for (index, ring) in self.rings.iter().enumerate().filter(|(index, _)| !ended[*index]) {
            polled.push(PollFd::new(ring.fd().as_fd(), PollFlags::POLLIN));
            which.push(index);
        }
        // Interrupted or not, a round follows.
        poll(&mut polled, PollTimeout::from(ROUND_MS)).ok();
        for (entry, index) in polled[1..].iter().zip(which) {
            // When all its processes are gone an event says so for ever: asking it again would not wait.
            ended[index] = entry.revents().is_some_and(|events| events.contains(PollFlags::POLLHUP));
        }
    }

    /// Applies all records up to a time, in order.
    fn round(&mut self, recorder: &mut Recorder, until: u64) {
        for index in 0..self.rings.len() {
            self.heads[index] = self.rings[index].head();
            self.next[index] = self.time_of_next(index);
        }
        while let Some((index, time)) = self.earliest().filter(|&(_, time)| time <= until) {
            let head = self.heads[index];
            let ring = &mut self.rings[index];
            let size = ring.peek(head).map(|record| {
                let raw = RawEventRecord::new(record.kind, record.misc, record.body, self.parse_info);
                recorder.apply(time, &raw);
                record.size
            });
            match size {
                Some(size) => ring.advance(size),
                None => ring.skip_to(head),
            }
            ring.release();
            self.next[index] = self.time_of_next(index);
        }
    }

    fn earliest(&self) -> Option<(usize, u64)> {
        self.next.iter().enumerate().filter_map(|(index, time)| Some((index, (*time)?))).min_by_key(|&(_, time)| time)
    }

    /// Time of a ring's next record; one without a time comes at once.
    fn time_of_next(&self, index: usize) -> Option<u64> {
        let ring = &self.rings[index];
        let head = self.heads[index];
        if ring.tail() >= head {
            return None;
        }
        let time = ring
            .peek(head)
            .and_then(|record| RawEventRecord::new(record.kind, record.misc, record.body, self.parse_info).timestamp());
        Some(time.unwrap_or(0))
    }
}
