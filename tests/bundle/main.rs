//! The bundle as a file: round trips, hostile bytes, old versions, repair.

mod round_trip;
mod world;
