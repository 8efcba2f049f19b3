//! Cache servers (`run --cache URL`): their own counters, read beside the program from threads of ours.
//!
//! Owns the addresses as they are typed, the conversation with Redis (Valkey) and memcached, and the spool's files of
//! readings. Must not judge what it read (`pack/servers.rs` does), and never lets a password out: not into the spool, a
//! message, or the list of processes.

mod address;
mod hide;
mod memcached;
mod redis;
mod watch;
mod wire;

pub use address::{Address, AddressError, Kind, Typed};
pub use hide::{hide, pass_on, take_over};
pub use watch::Servers;

use crate::spool;
use perfcollect_shared::units::Nanos;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// One line of the spool's `cache-N.jsonl`.
#[expect(clippy::large_enum_variant, reason = "nearly all lines are readings")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerLine {
    /// Which server: the first line.
    Server { name: String, library: String },
    /// What it said.
    Reading { t_ns: Nanos, reading: Reading },
    /// Why it said nothing; written when that changes.
    Fault { t_ns: Nanos, fault: Fault },
}

/// Counters of a server since its start or their last reset; `None` is what it does not expose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Which run of the server: another one counts from 0.
    pub instance: String,
    pub uptime_s: Option<u64>,
    pub hits: Option<u64>,
    pub misses: Option<u64>,
    pub sets: Option<u64>,
    pub deletes: Option<u64>,
    pub invalidations: Option<u64>,
    pub evictions: Option<u64>,
    pub expired: Option<u64>,
    /// All that it did (commands, bytes): falls whenever counters are reset, even if those of lookups have grown past it.
    pub work: Option<u64>,
    pub entries: Option<u64>,
    pub bytes: Option<u64>,
    pub capacity_bytes: Option<u64>,
    pub unbounded: bool,
    pub policy: Option<String>,
}

/// Why a server could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nobody listens there.
    Refused,
    /// No way there: no such host, no route, no rights.
    Unreachable(String),
    /// It closed the connection.
    Closed,
    /// No whole answer within the time.
    Hangs,
    NeedsPassword,
    WrongPassword,
    /// The user may not ask for counters.
    NotAllowed,
    /// It reads its data from disk first.
    Loading,
    /// It refuses for a reason of its own, which it said.
    Refuses(String),
    OtherLanguage,
    /// An answer longer than any that counters have.
    Flood,
}

impl Fault {
    /// Whether another try may end otherwise.
    fn passes(&self) -> bool {
        !matches!(
            self,
            Self::NeedsPassword | Self::WrongPassword | Self::NotAllowed | Self::OtherLanguage | Self::Flood
        )
    }
}

/// Name and first damaged line of a file.
pub type Damage = (String, u64);

/// What was read of each server, in the order of the command line.
///
/// # Errors
/// When a file cannot be read.
pub fn read(spool: &Path) -> io::Result<(Vec<Vec<ServerLine>>, Vec<Damage>)> {
    let (mut all, mut cut) = (Vec::new(), Vec::new());
    for number in 0.. {
        let name = watch::file_name(number);
        let path = spool.join(&name);
        if !path.exists() {
            break;
        }
        let mut lines = Vec::new();
        cut.extend(spool::read_lines(&path, |line| lines.push(line))?.map(|line| (name, line)));
        all.push(lines);
    }
    Ok((all, cut))
}
