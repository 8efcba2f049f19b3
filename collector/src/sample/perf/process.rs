//! Which code lies where in each process.

use crate::symbolize::{FileKey, ImageId, Images, Mapped, VDSO};
use crate::tree;
use std::fs;
use std::sync::Arc;

/// What an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// A file; the bias is taken from an address to get the stated one.
    Image { id: ImageId, bias: u64 },
    /// Memory without a file: code made at run time.
    Jit,
    /// Nothing that we know of.
    Unknown,
}

/// Addresses from `start` to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    start: u64,
    end: u64,
    pub(super) code: Code,
}

impl Mapping {
    fn holds(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }
}

/// One process of the tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    /// In order of addresses, without overlaps. Shared with forked children until one of them maps something.
    mappings: Arc<Vec<Mapping>>,
    pub(super) has_jit: bool,
    /// Threads that live.
    pub(super) threads: u32,
    /// Sampled addresses of code made at run time.
    pub(super) jit_addresses: Vec<u64>,
    /// Records were lost, perhaps of mappings.
    pub(super) stale: bool,
}

impl Process {
    /// A process that has just executed a program.
    pub(super) fn executed() -> Self {
        Self { threads: 1, ..Self::default() }
    }

    /// What a forked child starts with.
    pub(super) fn forked(&self) -> Self {
        Self { threads: 1, jit_addresses: Vec::new(), ..self.clone() }
    }

    /// The mappings of a live process that no event told of.
    pub(super) fn of_live(pid: u32, images: &mut Images) -> Self {
        let mut process = Self::executed();
        let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
        for line in String::from_utf8_lossy(&maps).lines() {
            if let Some(mapped) = parse_maps_line(pid, line) {
                process.map(&mapped, images);
            }
        }
        process
    }

    /// A process that ran before, with all its threads.
    pub(super) fn of_running(pid: u32, images: &mut Images) -> Self {
        let threads = u32::try_from(tree::threads(pid).len()).unwrap_or(u32::MAX);
        Self { threads, ..Self::of_live(pid, images) }
    }

    /// Reads the mappings anew, if the process still lives.
    pub(super) fn refresh(&mut self, pid: u32, images: &mut Images) {
        self.stale = false;
        let found = Self::of_live(pid, images);
        if !found.mappings.is_empty() {
            self.mappings = found.mappings;
            self.has_jit |= found.has_jit;
        }
    }

    /// The mapping of an address; `guess` is tried first.
    pub(super) fn find(&self, address: u64, guess: Option<Mapping>) -> Option<Mapping> {
        if let Some(guess) = guess.filter(|guess| guess.holds(address)) {
            return Some(guess);
        }
        let after = self.mappings.partition_point(|mapping| mapping.start <= address);
        let mapping = self.mappings.get(after.checked_sub(1)?)?;
        mapping.holds(address).then_some(*mapping)
    }

    /// Adds a mapping; what it covers of others is gone.
    pub(super) fn map(&mut self, mapped: &Mapped<'_>, images: &mut Images) {
        let code = code_of(mapped, images);
        self.has_jit |= code == Code::Jit;
        let new = Mapping { start: mapped.start, end: mapped.end, code };
        let mappings = Arc::make_mut(&mut self.mappings);
        let from = mappings.partition_point(|m| m.end <= new.start);
        let to = mappings.partition_point(|m| m.start < new.end);
        let mut instead = Vec::with_capacity(3);
        if let Some(first) = mappings.get(from).filter(|m| from < to && m.start < new.start) {
            instead.push(Mapping { end: new.start, ..*first });
        }
        instead.push(new);
        if let Some(last) = to.checked_sub(1).and_then(|i| mappings.get(i)).filter(|m| from < to && m.end > new.end) {
            instead.push(Mapping { start: new.end, ..*last });
        }
        mappings.splice(from..to, instead);
    }
}

fn code_of(mapped: &Mapped<'_>, images: &mut Images) -> Code {
    // The kernel says `//anon` for memory without a file, `[heap]`, `[stack]` and `[anon:…]` for named memory.
    let file = mapped.path.starts_with('/') && !mapped.path.starts_with("//") && !mapped.path.starts_with("/dev/zero");
    if !file && mapped.path != VDSO {
        return Code::Jit;
    }
    let id = images.of_mapping(mapped);
    let bias = images.get(id).headers.bias(mapped.start, mapped.offset);
    Code::Image { id, bias }
}

/// An executable mapping of `/proc/PID/maps`: `start-end rwxp offset major:minor inode path`.
fn parse_maps_line(pid: u32, line: &str) -> Option<Mapped<'_>> {
    let mut rest = line;
    let mut field = || {
        let (first, others) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = others.trim_start();
        first
    };
    let (range, rights, offset, device, inode) = (field(), field(), field(), field(), field());
    let path = rest;
    if !rights.contains('x') || path == "[vsyscall]" {
        return None;
    }
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = range.split_once('-')?;
    let (major, minor) = device.split_once(':')?;
    let key = FileKey {
        major: u32::from_str_radix(major, 16).ok()?,
        minor: u32::from_str_radix(minor, 16).ok()?,
        inode: inode.parse().ok()?,
        generation: 0,
    };
    let path = if path.is_empty() { "//anon" } else { path };
    Some(Mapped { pid, start: hex(start)?, end: hex(end)?, offset: hex(offset)?, key, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anon(start: u64, end: u64) -> Mapped<'static> {
        Mapped { pid: 1, start, end, offset: 0, key: FileKey::default(), path: "//anon" }
    }

    fn ranges(process: &Process) -> Vec<(u64, u64)> {
        process.mappings.iter().map(|m| (m.start, m.end)).collect()
    }

    #[test]
    fn a_new_mapping_cuts_what_it_covers() {
        let mut images = Images::default();
        let mut process = Process::default();
        process.map(&anon(10, 40), &mut images);
        process.map(&anon(20, 30), &mut images);
        assert_eq!(ranges(&process), [(10, 20), (20, 30), (30, 40)]);
        process.map(&anon(15, 35), &mut images);
        assert_eq!(ranges(&process), [(10, 15), (15, 35), (35, 40)]);
        process.map(&anon(0, 5), &mut images);
        process.map(&anon(50, 60), &mut images);
        assert_eq!(ranges(&process), [(0, 5), (10, 15), (15, 35), (35, 40), (50, 60)]);
        assert!(process.find(14, None).is_some());
        assert!(process.find(7, None).is_none());
        assert!(process.find(60, None).is_none());
    }

    #[test]
    fn own_mappings_are_read_from_proc() {
        let mut images = Images::default();
        let process = Process::of_live(std::process::id(), &mut images);
        let here = own_mappings_are_read_from_proc as *const () as u64;
        let Some(Mapping { code: Code::Image { id, .. }, .. }) = process.find(here, None) else {
            panic!("{process:?}")
        };
        assert_eq!(images.get(id).path, std::env::current_exe().unwrap().to_str().unwrap());
        assert!(!images.get(id).headers.code.is_empty());
    }
}
