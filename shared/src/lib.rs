//! Model, bundle format, derivations and number formatting of perfcollect.
//!
//! Owns everything that the terminal, the page and CI must agree on. Must not do I/O, read a clock, start a thread or
//! touch a DOM: bytes come in, values go out, on the host and on wasm32 alike (held by `shared/.clippy.toml`).

pub mod bench;
pub mod bundle;
pub mod caches;
pub mod check;
pub mod compare;
pub mod derive;
pub mod export;
mod fields;
pub mod format;
pub mod import;
pub mod merge;
pub mod model;
pub mod order;
pub mod palette;
pub mod report;
pub mod stats;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod trend;
pub mod units;
pub mod view_state;

/// Cache simulation, in a crate of its own so that the page can have it fast where the rest is small.
pub mod cachesim {
    pub use perfcollect_cachesim::*;
}
