//! The simulator against oracles that know nothing of it: naive caches on generated requests, and published miss counts.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::disallowed_methods, reason = "tests read the published traces")]

mod adaptive;
mod corpus;
mod golden;
mod naive;
mod sampled;
