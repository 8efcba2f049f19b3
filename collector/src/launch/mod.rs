//! Starting the program and staying out of its way: fork, exec, signals, job control, exit status.
//!
//! Must not sample or write files.

mod clock;

pub use clock::{Clock, monotonic_ns};
