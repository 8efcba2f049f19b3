//! Cache simulation: what any size or policy would have done with recorded requests, and how sure that is.
//!
//! Keys are dense numbers ([`Interner`] makes them), so that every table is an array. No I/O, no clock, no thread, no
//! dependency: the same code runs in the collector and in the page. Memory is proportional to distinct keys, but for Belady's
//! optimum, which keeps four bytes a request to know the future.

pub mod band;
pub mod bootstrap;
mod curve;
mod lists;
mod part;
mod policy;
pub mod shards;
mod simulator;
mod stack;
mod trace;

pub use curve::{Curve, CurveBuilder, lru_curve, lru_each};
pub use policy::Future;
pub use simulator::{MissKinds, Outcome, Simulator, simulate, simulate_all};
pub use trace::{Interner, Removal, Trace};

/// How a cache chooses what leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Policy {
    Lru,
    Fifo,
    Clock,
    Sieve,
    S3Fifo,
    TwoQ,
    Arc,
    Slru,
    Lfu,
    WTinyLfu,
    Lirs,
    /// The optimum that knows the future: a bound, not a policy one can have.
    Belady,
}

impl Policy {
    pub const ALL: [Self; 12] = [
        Self::Lru,
        Self::Fifo,
        Self::Clock,
        Self::Sieve,
        Self::S3Fifo,
        Self::TwoQ,
        Self::Arc,
        Self::Slru,
        Self::Lfu,
        Self::WTinyLfu,
        Self::Lirs,
        Self::Belady,
    ];

    /// As it is written on the command line and in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::Fifo => "fifo",
            Self::Clock => "clock",
            Self::Sieve => "sieve",
            Self::S3Fifo => "s3fifo",
            Self::TwoQ => "2q",
            Self::Arc => "arc",
            Self::Slru => "slru",
            Self::Lfu => "lfu",
            Self::WTinyLfu => "wtinylfu",
            Self::Lirs => "lirs",
            Self::Belady => "belady",
        }
    }

    /// As it is written in a sentence.
    pub fn label(self) -> &'static str {
        match self {
            Self::Lru => "LRU",
            Self::Fifo => "FIFO",
            Self::Clock => "CLOCK",
            Self::Sieve => "SIEVE",
            Self::S3Fifo => "S3-FIFO",
            Self::TwoQ => "2Q",
            Self::Arc => "ARC",
            Self::Slru => "SLRU",
            Self::Lfu => "LFU",
            Self::WTinyLfu => "W-TinyLFU",
            Self::Lirs => "LIRS",
            Self::Belady => "Belady",
        }
    }

    /// The policy of an id; case and hyphens do not matter.
    pub fn from_id(id: &str) -> Option<Self> {
        let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
        let id = plain(id);
        let also = |policy: &Self| plain(policy.label()) == id || plain(policy.id()) == id;
        Self::ALL.into_iter().find(also).or_else(|| (id == "twoq").then_some(Self::TwoQ))
    }
}

/// How much a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    Entries(u64),
    Bytes(u64),
}

impl Capacity {
    /// The number, in its unit.
    pub fn room(self) -> u64 {
        match self {
            Self::Entries(room) | Self::Bytes(room) => room,
        }
    }
}
