//! The machine a recording was made on.

use crate::fields::fields;
use crate::units::Bytes;
use serde::Serialize;

/// Machine and system at the start of a recording. `null` and empty mean not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Environment {
    pub hostname: String,
    /// Distribution with version.
    pub os: String,
    pub kernel: String,
    pub arch: String,
    pub cpu_model: String,
    /// Logical processors that the program could run on.
    pub cpus: u32,
    pub memory_bytes: Bytes,
    /// Frequency governor of the first processor.
    pub governor: Option<String>,
    /// Container or virtual machine, as far as it shows.
    pub container: Option<String>,
    /// Load averages of 1, 5 and 15 minutes before the start.
    pub load: Option<[f64; 3]>,
    /// Pressure stall information before the start.
    pub pressure: Vec<Pressure>,
    /// `kernel.perf_event_paranoid`.
    pub perf_event_paranoid: Option<i32>,
    /// Effective user id was 0.
    pub root: bool,
}

fields!(Environment:;
    hostname, os, kernel, arch, cpu_model, cpus, memory_bytes, governor, container, load, pressure,
    perf_event_paranoid, root
);

/// Share of the last 10 s in which some task waited for a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pressure {
    /// `cpu`, `memory` or `io`.
    pub resource: String,
    /// Between 0 and 1.
    pub some_10s: f64,
}

fields!(Pressure: resource, some_10s;);
