//! What the kernel says of the tree while it runs: CPU time, memory, threads, files, I/O.
//!
//! A probe is one file and one line in [`PROBES`]. Must not look at stacks or change anything of the program.

mod cpu;
mod files;
mod io;
mod memory;
mod prober;
mod switches;

pub use prober::{Prober, ResourceOutcome, ResourceSettings, command_of};

use crate::tree::Stat;
use perfcollect_shared::model::ResourceSample;

/// Reads some figures of a process.
trait Probe: Sync {
    /// Fills its part of the sample; what cannot be read stays as it is. `before` is the last sample of the process.
    fn read(&self, stat: &Stat, before: Option<&ResourceSample>, sample: &mut ResourceSample);
}

/// Those that need nothing but the last sample; `switches` keeps more and is read beside them.
static PROBES: &[&dyn Probe] = &[&cpu::Cpu, &memory::Memory, &io::Io, &files::OpenFiles];
