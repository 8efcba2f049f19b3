//! `bench`: runs commands beside each other and measures each run.
//!
//! A small process, forked before anything large is made, starts the commands ([`spawner`]); this one decides the order
//! ([`schedule`]), runs hooks, appends each run to the spool and ends when the answer is clear ([`session`]). Must not
//! judge: verdicts are `shared::compare`'s.

pub mod columns;
mod counters;
pub mod enough;
pub mod export;
pub mod finish;
mod hooks;
mod load;
pub mod parameters;
pub mod plan;
pub mod profiled;
pub mod progress;
mod record;
pub mod schedule;
pub mod session;
mod signals;
mod small;
pub mod spawner;
pub mod streams;
pub mod table;
mod warnings;
pub mod words;

pub use counters::COUNTERS;
pub use record::{Asked, Kind, Record};
pub use signals::Signals;
pub use warnings::warnings;
