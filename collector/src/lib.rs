//! Recording, storing, reporting and serving: everything of perfcollect that touches the system.
//!
//! The analysis lives in `perfcollect_shared`; this crate feeds it and prints what it says.

pub mod agent;
pub mod assets;
pub mod bench;
pub mod bench_source;
pub mod cache_server;
pub mod cli;
pub mod command;
pub mod curve;
pub mod environment;
pub mod events;
pub mod exit_code;
pub mod git;
pub mod hardware;
pub mod heap;
pub mod history;
pub mod jit;
pub mod launch;
pub mod pack;
pub mod resource;
pub mod sample;
pub mod scan;
pub mod series;
pub mod serve;
pub mod spool;
pub mod store;
pub mod symbolize;
pub mod terminal;
pub mod tree;
