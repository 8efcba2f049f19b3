//! Resident and proportional set size.

use super::Probe;
use crate::tree::Stat;
use nix::unistd::{SysconfVar, sysconf};
use perfcollect_shared::model::ResourceSample;
use perfcollect_shared::units::Bytes;
use std::fs;
use std::sync::LazyLock;

/// Resident set from `/proc/PID/statm`.
pub(super) struct Memory;

static PAGE: LazyLock<u64> = LazyLock::new(|| {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|size| u64::try_from(size).ok());
    size.unwrap_or(4096)
});

impl Probe for Memory {
    fn read(&self, _: &Stat, _: Option<&ResourceSample>, sample: &mut ResourceSample) {
        let pages = fs::read_to_string(format!("/proc/{}/statm", sample.pid)).ok();
        let pages = pages.and_then(|text| text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
        sample.rss_bytes = Bytes(pages.unwrap_or(0).saturating_mul(*PAGE));
    }
}

/// Proportional set size: shared pages count in parts. The kernel walks all mappings for it and holds the program's
/// memory lock meanwhile, so this is asked for seldom.
pub(super) fn proportional(pid: u32) -> Option<Bytes> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_is_there() {
        let pid = std::process::id();
        let mut sample = ResourceSample { pid, ..ResourceSample::default() };
        Memory.read(&Stat::read(pid).unwrap(), None, &mut sample);
        assert!(sample.rss_bytes > Bytes(100_000), "{sample:?}");
        assert!(proportional(pid).unwrap() > Bytes(10_000));
    }
}
