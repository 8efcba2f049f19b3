//! Counters of the processor over the recorded tree: misses of caches and of branch prediction, in user code.
//!
//! Owns the opening of counting events. Must not sample. Where there is no such counter (most virtual machines) there is no
//! figure, and `doctor` says why.
#![expect(unsafe_code, reason = "perf_event_open has no safe wrapper")]

use perf_event_open_sys as sys;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::FromRawFd;
use sys::bindings as b;

/// Name, kind and number of an event.
type Event = (&'static str, u32, u64);

/// Reads that missed a cache, as `perf_event_open(2)` numbers them.
pub(crate) const fn read_misses(cache: u32) -> u64 {
    (cache | b::PERF_COUNT_HW_CACHE_OP_READ << 8 | b::PERF_COUNT_HW_CACHE_RESULT_MISS << 16) as u64
}

/// Every counter, by the name that it has in bundles.
const EVENTS: [Event; 5] = [
    ("branch_misses", b::PERF_TYPE_HARDWARE, b::PERF_COUNT_HW_BRANCH_MISSES as u64),
    ("l1d_misses", b::PERF_TYPE_HW_CACHE, read_misses(b::PERF_COUNT_HW_CACHE_L1D)),
    ("llc_misses", b::PERF_TYPE_HW_CACHE, read_misses(b::PERF_COUNT_HW_CACHE_LL)),
    ("dtlb_misses", b::PERF_TYPE_HW_CACHE, read_misses(b::PERF_COUNT_HW_CACHE_DTLB)),
    ("instructions", b::PERF_TYPE_HARDWARE, b::PERF_COUNT_HW_INSTRUCTIONS as u64),
];

/// Counters of a program and all that it starts.
#[derive(Debug)]
pub struct Hardware {
    counters: Vec<(&'static str, File)>,
}

impl Hardware {
    /// Opens them on a forked child; they begin when it executes its program.
    #[must_use]
    pub fn arm(child: u32) -> Self {
        Self::arm_with(&EVENTS, child)
    }

    fn arm_with(events: &[Event], child: u32) -> Self {
        let pid = i32::try_from(child).unwrap_or(0);
        let open = |&(name, kind, number): &Event| Some((name, open(kind, number, pid).ok()?));
        Self { counters: events.iter().filter_map(open).collect() }
    }

    /// What each has counted, up to now where the tree lives on. One that shared its place in the processor with others is
    /// scaled by the time it had; one that never had it is left out.
    #[must_use]
    pub fn read(mut self) -> BTreeMap<String, u64> {
        let read = |(name, file): &mut (&str, File)| Some(((*name).to_owned(), scaled(values(file)?)?));
        self.counters.iter_mut().filter_map(read).collect()
    }
}

/// Names of the counters that this machine has, tried on ourselves; why there is none.
///
/// # Errors
/// What the kernel said to the first.
pub fn available() -> io::Result<Vec<&'static str>> {
    let tried: Vec<_> = EVENTS.iter().map(|&(name, kind, number)| open(kind, number, 0).map(|_file| name)).collect();
    if tried.iter().any(Result::is_ok) {
        return Ok(tried.into_iter().flatten().collect());
    }
    tried.into_iter().next().unwrap_or_else(|| Err(io::ErrorKind::Unsupported.into())).map(|name| vec![name])
}

/// Count, time enabled, time running; what else the event tells is passed over.
pub(crate) fn values(file: &mut File) -> Option<[u64; 3]> {
    let mut bytes = [0; 32];
    let length = file.read(&mut bytes).ok()?;
    if length < 24 {
        return None;
    }
    let mut values = [0; 3];
    for (value, place) in values.iter_mut().zip(bytes.chunks_exact(8)) {
        *value = u64::from_ne_bytes(place.try_into().ok()?);
    }
    Some(values)
}

/// What it would have counted, had it run all the time.
fn scaled([count, enabled, running]: [u64; 3]) -> Option<u64> {
    let whole = u128::from(count) * u128::from(enabled);
    u64::try_from(whole.checked_div(u128::from(running))?).ok()
}

/// Opens a counter of user code on a process that has not executed its program yet, or (0) on this one: it counts from the
/// next exec on, in children too.
pub(crate) fn open(kind: u32, number: u64, pid: i32) -> io::Result<File> {
    let mut attr = b::perf_event_attr {
        type_: kind,
        size: u32::try_from(size_of::<b::perf_event_attr>()).map_err(io::Error::other)?,
        config: number,
        read_format: u64::from(b::PERF_FORMAT_TOTAL_TIME_ENABLED | b::PERF_FORMAT_TOTAL_TIME_RUNNING),
        ..Default::default()
    };
    attr.set_disabled(1);
    attr.set_inherit(1);
    attr.set_enable_on_exec(1);
    attr.set_exclude_kernel(1);
    attr.set_exclude_hv(1);
    // SAFETY: `attr` is a whole perf_event_attr whose size field is its size.
    let fd = unsafe { sys::perf_event_open(&raw mut attr, pid, -1, -1, b::PERF_FLAG_FD_CLOEXEC.into()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that the kernel has just given us.
    Ok(unsafe { File::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// Counters of the kernel itself, which every machine has: the way from the tree to the figures is the same.
    #[test]
    fn a_program_and_its_children_are_counted_from_its_exec_on() {
        let faults = ("page_faults", b::PERF_TYPE_SOFTWARE, u64::from(b::PERF_COUNT_SW_PAGE_FAULTS));
        let none = ("none", b::PERF_TYPE_SOFTWARE, 9_999);
        let count = |children: &str| {
            let mut waiting = Command::new("sh");
            waiting.args(["-c", &format!("read go; exec sh -c 'for i in {children}; do (exec true); done'")]);
            let mut child = waiting.stdin(Stdio::piped()).spawn().unwrap();
            let hardware = Hardware::arm_with(&[faults, none], child.id());
            child.stdin.take().unwrap().write_all(b"\n").unwrap();
            child.wait().unwrap();
            hardware.read()
        };
        let (one, many) = (count("1"), count("1 2 3 4 5 6 7 8"));
        if one.is_empty() {
            assert!(open(faults.1, faults.2, 0).is_err(), "no events at all");
            return;
        }
        assert_eq!((one.len(), many.len()), (1, 1), "what is not there has no figure");
        assert!(one["page_faults"] > 10 && many["page_faults"] > one["page_faults"] * 2, "{one:?} {many:?}");
    }

    #[test]
    fn shared_counters_are_scaled() {
        assert_eq!(scaled([10, 100, 100]), Some(10));
        assert_eq!(scaled([10, 100, 25]), Some(40));
        assert_eq!(scaled([0, 100, 0]), None, "it never ran");
    }
}
