//! Samplers: each writes the stacks it sees into its own file of the spool.
//!
//! A sampler owns a thread and nothing of the program that is recorded. Must not look up symbols or build profiles.

mod pace;
pub mod perf;
pub mod python;
pub mod wall;
