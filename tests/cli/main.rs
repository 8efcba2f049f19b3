//! The real binary, from the outside.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod accuracy;
mod agent;
mod attach;
mod bench;
mod bundles;
mod check;
mod compare;
mod completions;
mod damaged;
mod doctor;
mod export;
mod imports;
mod jit;
mod kill;
mod large;
mod lines;
mod list;
mod memory;
mod native;
mod pprof;
mod python;
mod recover;
mod repeat;
mod report;
mod rerun;
mod rights;
mod run;
mod serve;
mod shell;
mod signals;
mod source;
mod stacks;
mod store;
mod trend;
mod wall;
