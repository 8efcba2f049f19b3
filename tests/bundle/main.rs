//! The bundle as a file: round trips, hostile bytes, old versions, repair.

mod hostile;
mod pprof;
mod repair;
mod round_trip;
mod traced;
mod versions;
mod world;
mod zips;
