//! Gates: what must hold for a change to be merged, and whether it does.
//!
//! Owns pass, fail and unknown. A figure that is not there, or whose interval lies on both sides of a bound, is unknown, never a
//! pass. Must not read files: bundles and configuration come in as values.

mod interval;
mod wildcard;

pub use interval::quantile_interval;
pub use wildcard::matches;
