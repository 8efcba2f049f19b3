//! Names, source files and lines of native addresses.
//!
//! Owns the files that code was mapped from and all that is read from them. Must not know of samples or bundles.

pub(crate) mod cache;
mod debug_files;
mod demangle;
mod dwarf;
mod elf;
mod images;
mod jit;
mod kernel;
mod lookup;
mod mapped;
mod symbols;
mod units;

pub use elf::{ElfHeaders, Stretch, hex};
pub use images::{FileKey, Image, ImageData, ImageId, Images, Mapped, VDSO, read_perf_map};

use crate::spool::{RawFrame, RawStacks};
use cache::Cache;
use perfcollect_shared::model::{JIT_MODULE, KERNEL_MODULE};
use std::collections::HashMap;
use std::fs::File;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Each holds the debug information of one module in memory.
const WORKERS_MAX: usize = 4;

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
    /// What perf maps say, by process and address.
    jit: HashMap<(u32, u64), String>,
    /// By path and build id, then by address.
    found: HashMap<(String, String), HashMap<u64, Vec<Resolved>>>,
    /// What earlier recordings computed; none by default.
    cache: Option<Cache>,
}

impl Symbolizer {
    #[must_use]
    pub fn new(images: Images) -> Self {
        Self { images: images.into_list(), cache: Cache::of_user(), ..Self::default() }
    }

    /// Looks up all native frames of a recording, module by module. Call it before [`Self::resolve`], which is slow for
    /// addresses that were not prepared.
    pub fn prepare(&mut self, stacks: &RawStacks) {
        self.jit.clone_from(&stacks.jit);
        let mut addresses: Vec<Vec<u64>> = vec![Vec::new(); stacks.modules.len()];
        for frame in &stacks.frames {
            if let RawFrame::Native(module, address) = frame
                && let Some(list) = addresses.get_mut(*module as usize)
            {
                list.push(*address);
            }
        }
        for list in &mut addresses {
            list.sort_unstable();
            list.dedup();
        }
        let jobs: Vec<_> = stacks.modules.iter().zip(addresses).filter(|(_, list)| !list.is_empty()).collect();
        let resolved = self.look_up_all(&jobs);
        for ((module, addresses), resolved) in jobs.into_iter().zip(resolved) {
            self.found.insert(module.clone(), addresses.into_iter().zip(resolved).collect());
        }
    }

    /// Looks up modules side by side, the one with most addresses first.
    fn look_up_all(&self, jobs: &[(&(String, String), Vec<u64>)]) -> Vec<Vec<Vec<Resolved>>> {
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        order.sort_by_key(|&job| std::cmp::Reverse(jobs[job].1.len()));
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some(&job) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let ((path, build_id), addresses) = &jobs[job];
                done.push((job, self.look_up(path, build_id, addresses)));
            }
            done
        };
        let workers = thread::available_parallelism().map_or(1, NonZero::get).min(WORKERS_MAX).min(jobs.len());
        let mut all: Vec<_> = jobs.iter().map(|(_, addresses)| vec![Vec::new(); addresses.len()]).collect();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            // One that crashes leaves its modules without names; the others are not lost.
            for (job, resolved) in workers.into_iter().filter_map(|worker| worker.join().ok()).flatten() {
                all[job] = resolved;
            }
        });
        all
    }

    /// The functions at an address of a module, outermost first; empty where nothing is known.
    #[must_use]
    pub fn resolve(&mut self, path: &str, build_id: &str, address: u64) -> Vec<Resolved> {
        let key = (path.to_owned(), build_id.to_owned());
        if let Some(known) = self.found.get(&key).and_then(|module| module.get(&address)) {
            return known.clone();
        }
        let found = self.look_up(path, build_id, &[address]).pop().unwrap_or_default();
        self.found.entry(key).or_default().insert(address, found.clone());
        found
    }

    /// What each of the sorted addresses is.
    fn look_up(&self, path: &str, build_id: &str, addresses: &[u64]) -> Vec<Vec<Resolved>> {
        match pseudo_module(path) {
            Some(("[jit", pid)) => {
                let pid = pid.parse().unwrap_or(0);
                let name = |&address| self.jit.get(&(pid, address)).map(|name| jit::resolve(name));
                addresses.iter().map(|address| name(address).into_iter().collect()).collect()
            }
            Some((_, boot_id)) => {
                kernel::names(boot_id, addresses, self.cache.as_ref()).into_iter().map(named).collect()
            }
            None => self.in_file(path, build_id, addresses),
        }
    }

    fn in_file(&self, path: &str, build_id: &str, addresses: &[u64]) -> Vec<Vec<Resolved>> {
        let image = self.images.iter().find(|image| {
            image.path == path && image.headers.build_id == build_id && !matches!(image.data, ImageData::Closed)
        });
        let cache = self.cache.as_ref();
        match image.map(|image| &image.data) {
            Some(ImageData::Bytes(bytes)) => return lookup::look_up(bytes, path, addresses, cache),
            Some(ImageData::File(file)) => {
                if let Ok(bytes) = mapped::map(file) {
                    return lookup::look_up(&bytes, path, addresses, cache);
                }
            }
            Some(ImageData::Closed) | None => {
                if let Some(bytes) = same_file(path, build_id) {
                    return lookup::look_up(&bytes, path, addresses, cache);
                }
            }
        }
        vec![Vec::new(); addresses.len()]
    }
}

/// The file that lies at a path now, if it is the one that was mapped then.
fn same_file(path: &str, build_id: &str) -> Option<memmap2::Mmap> {
    let bytes = mapped::map(&File::open(path).ok()?).ok()?;
    let same = !build_id.is_empty() && ElfHeaders::read(&*bytes)?.build_id == build_id;
    same.then_some(bytes)
}

fn named(name: Option<String>) -> Vec<Resolved> {
    name.map(|name| Resolved { system_name: name.clone(), name, ..Resolved::default() }).into_iter().collect()
}

/// The kind and the rest of `[jit:PID]` and `[kernel:BOOT]`, as the sampler names them.
fn pseudo_module(path: &str) -> Option<(&str, &str)> {
    let (kind, rest) = path.strip_suffix(']')?.split_once(':')?;
    matches!(kind, "[jit" | "[kernel").then_some((kind, rest))
}

/// The name that a module has in a profile: the sampler's pseudo-modules `[jit:PID]` and `[kernel:BOOT]` lose what comes
/// after the colon.
#[must_use]
pub fn module_name(path: &str) -> &str {
    match pseudo_module(path) {
        Some(("[jit", _)) => JIT_MODULE,
        Some(_) => KERNEL_MODULE,
        None => path,
    }
}

#[cfg(test)]
mod tests;
