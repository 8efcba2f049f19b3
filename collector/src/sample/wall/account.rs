//! Where the time of one thread went: from two readings of the scheduler's sums to running, ready and waiting.
//!
//! The sums are exact whenever the thread does not run. While it runs they are up to date to the last tick only, so what
//! is left of the time then is kept until the thread is seen waiting.

use perfcollect_shared::units::Nanos;

/// A thread that stays where it is gives a sample whenever it has waited for this long.
const CHUNK: i64 = 100_000_000;
/// The same once it has waited for as long as [`LONG`].
const LONG_CHUNK: i64 = 1_000_000_000;
const LONG: i64 = 10_000_000_000;
/// Ready time is told in pieces of at least this.
const READY_CHUNK: u64 = 2_000_000;
/// Running time likewise.
const RAN_CHUNK: u64 = 100_000_000;

/// `/proc/PID/task/TID/schedstat`: time on a processor, time spent ready without one, times that it was given one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sched {
    pub(super) ran: u64,
    pub(super) ready: u64,
    pub(super) turns: u64,
}

impl Sched {
    /// Reads the three numbers.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_ascii_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { ran: next()?, ready: next()?, turns: next()? })
    }
}

/// What a thread does when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// On a processor or ready for one.
    Running,
    /// Blocked in the stack of this row, whose leaf is the reason.
    Waiting(u32),
}

/// Time that went somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    Waiting { until: Nanos, stack: u32, time: Nanos },
    Ready { until: Nanos, time: Nanos },
    Ran { until: Nanos, time: Nanos },
}

/// A stay in one place.
#[derive(Clone, Copy, Debug)]
struct Stay {
    stack: u32,
    since: Nanos,
    /// The last look that saw it.
    until: Nanos,
    /// It is still there, as far as is known.
    here: bool,
}

/// One thread.
#[derive(Debug)]
pub(super) struct Account {
    looked: Nanos,
    sched: Sched,
    /// Time that is neither running nor ready and was not told yet. Below 0 where the kernel told late of ready time.
    left: i64,
    stay: Option<Stay>,
    ready: u64,
    ran: u64,
}

impl Account {
    /// A thread that was born at `born`.
    pub(super) fn new(born: Nanos) -> Self {
        Self { looked: born, sched: Sched::default(), left: 0, stay: None, ready: 0, ran: 0 }
    }

    /// When it was looked at last.
    pub(super) fn looked(&self) -> Nanos {
        self.looked
    }

    /// Whether it has not run at all since the last look, at which it was waiting: then it still is, in the same place.
    pub(super) fn still_waits(&self, sched: Sched) -> bool {
        self.stay.is_some_and(|stay| stay.here) && sched.turns == self.sched.turns && sched.ran == self.sched.ran
    }

    /// Takes a reading at `now`. `seen` must be given where [`Self::still_waits`] says no.
    pub(super) fn look(&mut self, now: Nanos, sched: Sched, seen: Option<Seen>, tell: &mut impl FnMut(Spent)) {
        let still = self.still_waits(sched);
        let before = self.left;
        self.read(now, sched);
        // Less where the kernel tells only now that it was ready.
        let before = before.min(self.left);
        match (self.stay, seen) {
            (Some(stay), _) if still => {
                self.stay = Some(Stay { until: now, ..stay });
                let chunk = if (now - stay.since).0.cast_signed() > LONG { LONG_CHUNK } else { CHUNK };
                if self.left >= chunk {
                    self.tell_left(now, stay.stack, self.left, tell);
                }
            }
            (stay, Some(Seen::Waiting(stack))) => {
                if let Some(stay) = stay {
                    if stay.here {
                        self.tell_left(stay.until, stay.stack, before, tell);
                    }
                    // It left one place, may have been in others, and came to the next: when is not known.
                    self.tell_left(stay.until, stay.stack, self.left / 2, tell);
                }
                self.stay = Some(Stay { stack, since: now, until: now, here: true });
            }
            (Some(stay), _) => {
                if stay.here {
                    self.tell_left(stay.until, stay.stack, before, tell);
                }
                self.stay = Some(Stay { here: false, ..stay });
            }
            (None, _) => {}
        }
        self.tell_rest(now, (READY_CHUNK, RAN_CHUNK), tell);
    }

    /// The thread ended at `now`, as far as is known; `sched` where it could still be read. What cannot be placed goes to
    /// the stack `unknown`.
    pub(super) fn end(&mut self, now: Nanos, sched: Option<Sched>, unknown: u32, tell: &mut impl FnMut(Spent)) {
        self.read(now, sched.unwrap_or(self.sched));
        let stack = self.stay.map_or(unknown, |stay| stay.stack);
        self.tell_left(now, stack, self.left, tell);
        self.tell_rest(now, (1, 1), tell);
    }

    fn read(&mut self, now: Nanos, sched: Sched) {
        let ran = sched.ran.saturating_sub(self.sched.ran);
        let ready = sched.ready.saturating_sub(self.sched.ready);
        let passed = (now - self.looked).0;
        self.left = self.left.saturating_add(passed.cast_signed()).saturating_sub((ran + ready).cast_signed());
        self.ready += ready;
        self.ran += ran;
        (self.looked, self.sched) = (now, sched);
    }

    fn tell_left(&mut self, until: Nanos, stack: u32, time: i64, tell: &mut impl FnMut(Spent)) {
        if let Ok(time) = u64::try_from(time)
            && time > 0
        {
            self.left -= time.cast_signed();
            tell(Spent::Waiting { until, stack, time: Nanos(time) });
        }
    }

    fn tell_rest(&mut self, now: Nanos, (ready, ran): (u64, u64), tell: &mut impl FnMut(Spent)) {
        if self.ready >= ready {
            tell(Spent::Ready { until: now, time: Nanos(std::mem::take(&mut self.ready)) });
        }
        if self.ran >= ran {
            tell(Spent::Ran { until: now, time: Nanos(std::mem::take(&mut self.ran)) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const MS: u64 = 1_000_000;

    /// Looks every 10 ms; each is (ran ms, ready ms, turns, stack or 0 for running) as sums since birth. Gives ms by
    /// stack, with 900 for ready, 901 for running and 99 for unknown.
    fn spent(looks: &[(u64, u64, u64, u32)]) -> BTreeMap<u32, u64> {
        let mut sums = BTreeMap::new();
        let mut tell = |spent: Spent| {
            let (place, time) = match spent {
                Spent::Waiting { stack, time, .. } => (stack, time),
                Spent::Ready { time, .. } => (900, time),
                Spent::Ran { time, .. } => (901, time),
            };
            *sums.entry(place).or_insert(0) += time.0;
        };
        let mut account = Account::new(Nanos::ZERO);
        let mut now = Nanos::ZERO;
        for &(ran, ready, turns, stack) in looks {
            now += Nanos(10 * MS);
            let sched = Sched { ran: ran * MS, ready: ready * MS, turns };
            let seen = if stack == 0 { Seen::Running } else { Seen::Waiting(stack) };
            let seen = (!account.still_waits(sched)).then_some(seen);
            account.look(now, sched, seen, &mut tell);
        }
        account.end(now, None, 99, &mut tell);
        sums.into_iter().map(|(place, time)| (place, time / MS)).collect()
    }

    fn check(looks: &[(u64, u64, u64, u32)], expect: &[(u32, u64)]) {
        let sums = spent(looks);
        assert_eq!(sums.iter().map(|(&place, &time)| (place, time)).collect::<Vec<_>>(), expect, "{looks:?}");
        assert_eq!(sums.values().sum::<u64>(), looks.len() as u64 * 10, "all of its life: {looks:?}");
    }

    #[test]
    fn a_thread_that_stays_waits_there() {
        check(&[(1, 0, 1, 7), (1, 0, 1, 7), (1, 0, 1, 7)], &[(7, 29), (901, 1)]);
        let long = vec![(1, 0, 1, 7); 1_500];
        check(&long, &[(7, 14_999), (901, 1)]);
    }

    #[test]
    fn time_between_two_places_is_shared() {
        // 4 ms of the second interval were running, 2 ready; the other 4 were the end of one and the begin of the other.
        check(&[(0, 0, 1, 7), (4, 2, 3, 8)], &[(7, 12), (8, 2), (900, 2), (901, 4)]);
    }

    #[test]
    fn running_is_exact_only_when_it_ended() {
        // At the third look the kernel's sum of running time is late by 3 ms.
        check(&[(0, 0, 1, 7), (10, 0, 2, 0), (17, 0, 2, 0), (24, 0, 3, 8)], &[(7, 13), (8, 3), (901, 24)]);
        check(&[(7, 0, 1, 0), (20, 0, 1, 0)], &[(901, 20)]);
    }

    #[test]
    fn ready_time_that_is_told_late_is_not_waiting() {
        // Woken at 15 ms, given a processor at 38 ms: until then it looks as if it still waited.
        check(&[(1, 0, 1, 7), (1, 0, 1, 7), (1, 0, 1, 7), (3, 23, 2, 7)], &[(7, 14), (900, 23), (901, 3)]);
    }

    #[test]
    fn a_life_between_two_looks_is_not_lost() {
        check(&[(2, 0, 1, 0)], &[(99, 8), (901, 2)]);
    }

    #[test]
    fn the_kernel_s_line_is_read() {
        let sched = Sched { ran: 12, ready: 3, turns: 4 };
        assert_eq!(Sched::parse("12 3 4\n"), Some(sched));
        assert_eq!(Sched::parse("12 3"), None);
    }
}
