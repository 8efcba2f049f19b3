//! What the spawner tells of one run: a row of numbers that passes a pipe.

use super::counters::COUNTERS;
use perfcollect_shared::model::Exit;

/// Numbers of a record.
const FIELDS: usize = 13 + COUNTERS.len();
/// Bytes of a record in the pipe.
pub(super) const BYTES: usize = FIELDS * 8;

/// What a record is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A run that ended by itself, or was killed because it took too long.
    #[default]
    Run,
    /// A run that was killed because the benchmark ends: its figures say nothing.
    Interrupted,
    /// The program could not be started; `status` is the error's number.
    NotStarted,
    /// The end of a batch; `max_rss_kib` is the spawner's own peak.
    End,
}

/// Figures of one run, as the kernel gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub kind: Kind,
    pub benchmark: u32,
    pub block: u32,
    /// As `wait4` gives it.
    pub status: i32,
    pub timed_out: bool,
    /// Processes of its group were still there when it had ended.
    pub left_behind: bool,
    /// Start by `CLOCK_MONOTONIC`.
    pub start_ns: u64,
    pub wall_ns: u64,
    pub user_us: u64,
    pub system_us: u64,
    pub max_rss_kib: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    pub voluntary_switches: u64,
    pub involuntary_switches: u64,
    /// `COUNTERS`, each where it was counted from beginning to end.
    pub counters: [Option<u64>; COUNTERS.len()],
}

/// Stands for no value in a row.
const NONE: u64 = u64::MAX;

impl Record {
    pub(super) fn to_bytes(&self) -> [u8; BYTES] {
        let kind = match self.kind {
            Kind::Run => 0,
            Kind::Interrupted => 1,
            Kind::NotStarted => 2,
            Kind::End => 3,
        };
        let flags = kind | u64::from(self.timed_out) << 8 | u64::from(self.left_behind) << 9;
        let fixed = [
            flags,
            u64::from(self.benchmark),
            u64::from(self.block),
            u64::from(self.status.cast_unsigned()),
            self.start_ns,
            self.wall_ns,
            self.user_us,
            self.system_us,
            self.max_rss_kib,
            self.minor_faults,
            self.major_faults,
            self.voluntary_switches,
            self.involuntary_switches,
        ];
        let all = fixed.into_iter().chain(self.counters.iter().map(|value| value.unwrap_or(NONE)));
        let mut bytes = [0; BYTES];
        for (place, value) in bytes.chunks_exact_mut(8).zip(all) {
            place.copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; BYTES]) -> Self {
        let mut row = [0; FIELDS];
        for (value, place) in row.iter_mut().zip(bytes.chunks_exact(8)) {
            *value = u64::from_ne_bytes(place.try_into().unwrap_or_default());
        }
        let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let kind = match row[0] & 0xff {
            0 => Kind::Run,
            1 => Kind::Interrupted,
            2 => Kind::NotStarted,
            _ => Kind::End,
        };
        let mut counters = [None; COUNTERS.len()];
        for (counter, &value) in counters.iter_mut().zip(&row[13..]) {
            *counter = Some(value).filter(|&value| value != NONE);
        }
        Self {
            kind,
            benchmark: small(row[1]),
            block: small(row[2]),
            status: small(row[3]).cast_signed(),
            timed_out: row[0] & 1 << 8 != 0,
            left_behind: row[0] & 1 << 9 != 0,
            start_ns: row[4],
            wall_ns: row[5],
            user_us: row[6],
            system_us: row[7],
            max_rss_kib: row[8],
            minor_faults: row[9],
            major_faults: row[10],
            voluntary_switches: row[11],
            involuntary_switches: row[12],
            counters,
        }
    }

    /// How the run ended.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if libc::WIFSIGNALED(self.status) {
            Exit { code: None, signal: Some(libc::WTERMSIG(self.status)) }
        } else {
            Exit { code: Some(libc::WEXITSTATUS(self.status)), signal: None }
        }
    }
}

/// One run that the spawner is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub benchmark: u32,
    pub block: u32,
}

impl Asked {
    pub(super) fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.benchmark) << 32 | u64::from(self.block)).to_ne_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Self {
        let both = u64::from_ne_bytes(bytes);
        let half = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
        Self { benchmark: half(both >> 32), block: half(both) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_through_the_pipe_comes_out() {
        let record = Record {
            kind: Kind::Run,
            benchmark: 7,
            block: 9,
            status: 0x8b,
            timed_out: true,
            left_behind: true,
            start_ns: 1 << 60,
            wall_ns: 2,
            user_us: 3,
            system_us: 4,
            max_rss_kib: 5,
            minor_faults: 6,
            major_faults: 7,
            voluntary_switches: 8,
            involuntary_switches: 9,
            counters: [Some(10), None, Some(0), Some(13)],
        };
        assert_eq!(Record::from_bytes(&record.to_bytes()), record);
        assert_eq!(record.exit(), Exit { code: None, signal: Some(11) });
        for kind in [Kind::Interrupted, Kind::NotStarted, Kind::End] {
            let record = Record { kind, status: -1, ..Record::default() };
            assert_eq!(Record::from_bytes(&record.to_bytes()), record);
        }
        let asked = Asked { benchmark: u32::MAX, block: 3 };
        assert_eq!(Asked::from_bytes(asked.to_bytes()), asked);
    }
}
