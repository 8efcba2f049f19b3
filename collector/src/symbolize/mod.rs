//! Names, source files and lines of native addresses.
//!
//! Owns the files that code was mapped from and all that is read from them. Must not know of samples or bundles.

mod elf;
mod images;

pub use elf::{ElfHeaders, Stretch, hex};
pub use images::{FileKey, Image, ImageData, ImageId, Images, Mapped, VDSO, read_perf_map};

use crate::spool::RawStacks;
use perfcollect_shared::model::{JIT_MODULE, KERNEL_MODULE};
use std::collections::HashMap;

/// One function at an address; several where calls were inlined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// For people: demangled, without hashes.
    pub name: String,
    /// As in the symbol table.
    pub system_name: String,
    /// Empty where not known.
    pub file: String,
    /// Line being executed, 0 where not known.
    pub line: u32,
    /// Line of the definition, 0 where not known.
    pub start_line: u32,
    /// The compiler expanded this call into the one before it.
    pub inlined: bool,
}

/// Looks up addresses.
#[derive(Debug, Default)]
pub struct Symbolizer {
    images: Vec<Image>,
    jit: HashMap<(u32, u64), String>,
}

impl Symbolizer {
    #[must_use]
    pub fn new(images: Images) -> Self {
        let (images, jit) = images.into_parts();
        Self { images, jit }
    }

    /// Looks up all native frames of a recording, module by module. Call it before [`Self::resolve`], which is slow for
    /// addresses that were not prepared.
    pub fn prepare(&mut self, stacks: &RawStacks) {
        self.images.retain(|image| stacks.modules.iter().any(|(path, _)| *path == image.path));
    }

    /// The functions at an address of a module, outermost first; empty where nothing is known.
    #[must_use]
    pub fn resolve(&mut self, path: &str, build_id: &str, address: u64) -> Vec<Resolved> {
        let jit = path.strip_prefix("[jit:").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
        let name = jit.and_then(|pid| self.jit.get(&(pid, address))).filter(|_| build_id.is_empty());
        name.map(|name| Resolved { name: name.clone(), ..Resolved::default() }).into_iter().collect()
    }
}

/// The name that a module has in a profile: the sampler's pseudo-modules `[jit:PID]` and `[kernel:BOOT]` lose what comes
/// after the colon.
#[must_use]
pub fn module_name(path: &str) -> &str {
    match path.split_once(':') {
        Some(("[jit", _)) => JIT_MODULE,
        Some(("[kernel", _)) => KERNEL_MODULE,
        _ => path,
    }
}
