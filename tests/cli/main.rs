//! The real binary, from the outside.

mod pprof;
mod recover;
