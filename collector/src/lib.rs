//! Recording, storing, reporting and serving: everything of perfcollect that touches the system.
//!
//! The analysis lives in `perfcollect_shared`; this crate feeds it and prints what it says.

pub mod spool;
