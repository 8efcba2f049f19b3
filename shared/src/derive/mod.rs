//! Pure functions from tables to what views, reports and CI show.

pub mod summary;
pub mod top_table;
