//! Opening the events: one per CPU, on a forked child that has not executed its program yet or on each running thread.
#![expect(unsafe_code, reason = "perf_event_open and its ioctls have no safe wrapper")]

use super::Unavailable;
use linux_perf_event_reader::{
    BranchSampleFormat, Endianness, ReadFormat, RecordIdParseInfo, RecordParseInfo, SampleFormat,
};
use perf_event_open_sys as sys;
use perfcollect_shared::model::Warning;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Bytes of stack that each sample carries for unwinding by DWARF tables.
///
/// 16 KiB hold about a hundred frames of C or C++ (perf copies 8 KiB, which cuts the stacks of `CPython` and LLVM). The copy
/// costs about 2 µs, 0.2 % at 1 kHz; a cut stack is completed from the frame-pointer chain where there is one, and
/// counted otherwise. The kernel's limit for a whole record is 64 KiB.
pub(super) const STACK_BYTES: u32 = 16 * 1024;

/// Frames of the kernel's own walk over frame pointers: its default limit, larger values are refused.
const CHAIN_FRAMES: u16 = 127;

#[cfg(target_arch = "x86_64")]
mod registers {
    pub(in super::super) const BP: u64 = 6;
    pub(in super::super) const SP: u64 = 7;
    pub(in super::super) const IP: u64 = 8;
    pub(super) const MASK: u64 = 1 << BP | 1 << SP | 1 << IP;
}
#[cfg(target_arch = "aarch64")]
mod registers {
    pub(in super::super) const BP: u64 = 29;
    pub(in super::super) const LR: u64 = 30;
    pub(in super::super) const SP: u64 = 31;
    pub(in super::super) const IP: u64 = 32;
    pub(super) const MASK: u64 = 1 << BP | 1 << LR | 1 << SP | 1 << IP;
}
#[cfg(target_arch = "aarch64")]
pub(super) use registers::LR;
pub(super) use registers::{BP, IP, SP};

const SAMPLE_TYPE: u64 = (sys::bindings::PERF_SAMPLE_IP
    | sys::bindings::PERF_SAMPLE_TID
    | sys::bindings::PERF_SAMPLE_TIME
    | sys::bindings::PERF_SAMPLE_IDENTIFIER
    | sys::bindings::PERF_SAMPLE_PERIOD
    | sys::bindings::PERF_SAMPLE_CALLCHAIN
    | sys::bindings::PERF_SAMPLE_REGS_USER
    | sys::bindings::PERF_SAMPLE_STACK_USER) as u64;

/// What is told of a thread at its end: a count, and these.
const READ_FORMAT: u64 = (sys::bindings::PERF_FORMAT_TOTAL_TIME_ENABLED
    | sys::bindings::PERF_FORMAT_TOTAL_TIME_RUNNING
    | sys::bindings::PERF_FORMAT_ID) as u64;

/// How the records of our events are to be parsed; agrees with [`SAMPLE_TYPE`].
pub(super) fn parse_info() -> RecordParseInfo {
    RecordParseInfo {
        endian: if cfg!(target_endian = "little") { Endianness::LittleEndian } else { Endianness::BigEndian },
        sample_format: SampleFormat::from_bits_truncate(SAMPLE_TYPE),
        branch_sample_format: BranchSampleFormat::empty(),
        read_format: ReadFormat::empty(),
        common_data_offset_from_end: Some(24), // pid and tid, time, id
        sample_regs_user: registers::MASK,
        user_regs_count: u8::try_from(registers::MASK.count_ones()).unwrap_or(0),
        sample_regs_intr: 0,
        intr_regs_count: 0,
        id_parse_info: RecordIdParseInfo {
            nonsample_record_id_offset_from_end: Some(8),
            sample_record_id_offset_from_start: Some(0),
        },
        nonsample_record_time_offset_from_end: Some(16),
        sample_record_time_offset_from_start: Some(24), // after id, ip, pid and tid
    }
}

/// The events of all CPUs.
pub(super) struct Events {
    pub(super) fds: Vec<OwnedFd>,
    pub(super) kernel_sampled: bool,
}

/// When an event begins to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// When the process executes a program.
    Exec,
    Now,
}

/// What an event counts, and when it takes a sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct What {
    pub(super) kind: u32,
    pub(super) number: u64,
    pub(super) sampling: Sampling,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Sampling {
    /// After so much of it.
    Period(u64),
    /// So many samples a second: the kernel chooses the period, and says it with each sample.
    Frequency(u64),
}

impl What {
    fn clock(period_ns: u64) -> Self {
        let (kind, number) = (sys::bindings::PERF_TYPE_SOFTWARE, sys::bindings::PERF_COUNT_SW_CPU_CLOCK);
        Self { kind, number: number.into(), sampling: Sampling::Period(period_ns) }
    }
}

/// Opens one event per CPU on `child`, with the kernel's code where that is allowed.
pub(super) fn open(child: u32, period_ns: u64) -> Result<Events, Unavailable> {
    open_with_or_without_kernel(child, period_ns, Begin::Exec).map_err(|error| refused(&error))
}

fn open_with_or_without_kernel(thread: u32, period_ns: u64, begin: Begin) -> io::Result<Events> {
    match open_all(thread, period_ns, false, begin) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM)) => {
            Ok(Events { fds: open_all(thread, period_ns, true, begin)?, kernel_sampled: false })
        }
        other => Ok(Events { fds: other?, kernel_sampled: true }),
    }
}

/// Opens one event per CPU on the first of the running threads that has not ended; the second part of the answer.
pub(super) fn open_on_running(threads: &[u32], period_ns: u64) -> Result<(Events, u32), Unavailable> {
    for &thread in threads {
        match open_with_or_without_kernel(thread, period_ns, Begin::Now) {
            Ok(events) => return Ok((events, thread)),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(error) => return Err(refused(&error)),
        }
    }
    Err(Unavailable { reason: "the process has ended".to_owned(), fix: "attach to another one".to_owned() })
}

/// Opens events on one more running thread that write into the rings of `leaders`, one of each CPU; none where the
/// thread has ended.
pub(super) fn join<'a>(
    thread: u32,
    period_ns: u64,
    kernel_sampled: bool,
    leaders: impl Iterator<Item = &'a OwnedFd>,
) -> Result<Vec<OwnedFd>, Unavailable> {
    let fds = match open_all(thread, period_ns, !kernel_sampled, Begin::Now) {
        Ok(fds) => fds,
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(Vec::new()),
        Err(error) => return Err(refused(&error)),
    };
    for (fd, leader) in fds.iter().zip(leaders) {
        // SAFETY: an ioctl on a descriptor that we own; its argument is another one of the same CPU.
        if unsafe { sys::ioctls::SET_OUTPUT(fd.as_raw_fd(), leader.as_raw_fd()) } < 0 {
            return Err(refused(&io::Error::last_os_error()));
        }
    }
    Ok(fds)
}

/// Opens another event on `child` that writes into the rings of `leaders`, with what the kernel calls each.
pub(super) fn beside(
    child: u32,
    what: What,
    exclude_kernel: bool,
    leaders: &[&OwnedFd],
) -> io::Result<Vec<(OwnedFd, u64)>> {
    let cpus = online_cpus().into_iter().zip(leaders);
    cpus.map(|(cpu, leader)| {
        let fd = open_one(child, cpu, what, exclude_kernel, Begin::Exec)?;
        let mut id = 0_u64;
        // SAFETY: ioctls on a descriptor that we own; one takes another one of the same CPU, one a number to fill.
        let failed = unsafe {
            sys::ioctls::SET_OUTPUT(fd.as_raw_fd(), leader.as_raw_fd()) < 0
                || sys::ioctls::ID(fd.as_raw_fd(), &raw mut id) < 0
        };
        if failed { Err(io::Error::last_os_error()) } else { Ok((fd, id)) }
    })
    .collect()
}

/// An event that counts nothing, and that children do not inherit.
///
/// When the kernel switches between a task and its clone it may swap their sets of events and then swaps the counts back, one
/// by one in the order of two lists. The list of the first task is in the order of opening, that of its clones is sorted by
/// CPU and kind, so that counts of different events would be swapped. A set that is not inherited whole is not swapped, and
/// the sets of clones are sorted alike. (`inherited_all` and `perf_event_sync_stat` in Linux `kernel/events/core.c`)
pub(super) fn keep_apart(child: u32) -> io::Result<OwnedFd> {
    let mut attr = sys::bindings::perf_event_attr {
        type_: sys::bindings::PERF_TYPE_SOFTWARE,
        size: u32::try_from(size_of::<sys::bindings::perf_event_attr>()).unwrap_or(0),
        config: sys::bindings::PERF_COUNT_SW_DUMMY.into(),
        ..Default::default()
    };
    attr.set_disabled(1);
    attr.set_exclude_kernel(1);
    attr.set_exclude_hv(1);
    open_attr(&mut attr, child, -1)
}

fn open_all(thread: u32, period_ns: u64, exclude_kernel: bool, begin: Begin) -> io::Result<Vec<OwnedFd>> {
    let what = What::clock(period_ns);
    online_cpus().into_iter().map(|cpu| open_one(thread, cpu, what, exclude_kernel, begin)).collect()
}

fn open_one(thread: u32, cpu: i32, what: What, exclude_kernel: bool, begin: Begin) -> io::Result<OwnedFd> {
    let mut attr = sys::bindings::perf_event_attr {
        type_: what.kind,
        size: u32::try_from(size_of::<sys::bindings::perf_event_attr>()).unwrap_or(0),
        config: what.number,
        read_format: READ_FORMAT,
        sample_type: SAMPLE_TYPE,
        sample_regs_user: registers::MASK,
        sample_stack_user: STACK_BYTES,
        sample_max_stack: CHAIN_FRAMES,
        clockid: libc::CLOCK_MONOTONIC,
        ..Default::default()
    };
    match what.sampling {
        Sampling::Period(period) => {
            attr.__bindgen_anon_1.sample_period = period;
            // What happens to processes is told once, by the clock's events.
            attr.set_mmap(1);
            attr.set_mmap2(1);
            attr.set_comm(1);
            attr.set_comm_exec(1);
            attr.set_task(1);
        }
        Sampling::Frequency(rate) => {
            attr.__bindgen_anon_1.sample_freq = rate;
            attr.set_freq(1);
        }
    }
    attr.set_disabled((begin == Begin::Exec).into());
    attr.set_enable_on_exec((begin == Begin::Exec).into());
    attr.set_inherit(1);
    attr.set_inherit_stat(1); // tells the CPU time, or the count, of each thread at its end
    attr.set_exclude_kernel(exclude_kernel.into());
    attr.set_exclude_callchain_kernel(exclude_kernel.into());
    attr.set_exclude_hv(1);
    attr.set_use_clockid(1);
    attr.set_sample_id_all(1);
    attr.set_watermark(1); // of 0 bytes: the kernel wakes us when half of a ring is full
    open_attr(&mut attr, thread, cpu)
}

fn open_attr(attr: &mut sys::bindings::perf_event_attr, thread: u32, cpu: i32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(thread).map_err(io::Error::other)?;
    // SAFETY: `attr` is a whole perf_event_attr whose size field is its size; the event only reads from the process.
    let fd = unsafe { sys::perf_event_open(attr, pid, cpu, -1, sys::bindings::PERF_FLAG_FD_CLOEXEC.into()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call returned this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Stops an event for the whole tree.
pub(super) fn disable(fd: &OwnedFd) {
    // SAFETY: an ioctl without argument on a descriptor that we own. A failure leaves it running, which is harmless.
    unsafe { sys::ioctls::DISABLE(fd.as_raw_fd(), 0) };
}

/// CPUs that are there: `0-3,6`.
fn online_cpus() -> Vec<i32> {
    let text = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let cpus: Vec<i32> = text
        .trim()
        .split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.parse::<i32>().ok()?..=last.parse::<i32>().ok()?)
        })
        .flatten()
        .collect();
    if !cpus.is_empty() {
        return cpus;
    }
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (0..i32::try_from(count).unwrap_or(1)).collect()
}

/// Says that kernel code is not sampled, and why.
#[must_use]
pub fn kernel_left_out() -> Warning {
    let level = paranoid_level();
    let reason = if level >= 2 {
        format!("kernel.perf_event_paranoid is {level}, which keeps kernel code from ordinary users")
    } else {
        "the system refuses it (locked down, or a container)".to_owned()
    };
    Warning::KernelNotSampled { reason, fix: "run: sudo sysctl kernel.perf_event_paranoid=1".to_owned() }
}

fn paranoid_level() -> i32 {
    let text = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(2)
}

/// Says why an event beside the clock, which could be opened, cannot be counted.
pub(super) fn no_event(error: &io::Error) -> Unavailable {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP | libc::EINVAL) => Unavailable {
            reason: format!("this machine has no counter for it ({error}), as most virtual machines"),
            fix: "run it on a machine whose `perf list hw cache` has it".to_owned(),
        },
        _ => refused(error),
    }
}

/// Says why an event that happens in the kernel cannot be counted where kernel code is left out.
pub(super) fn out_of_sight() -> Unavailable {
    match kernel_left_out() {
        Warning::KernelNotSampled { reason, fix } => {
            Unavailable { reason: format!("it happens in the kernel, and {reason}"), fix }
        }
        _ => Unavailable { reason: String::new(), fix: String::new() },
    }
}

/// Says why the kernel refused, as far as can be told.
#[must_use]
pub fn refused(error: &io::Error) -> Unavailable {
    explain(error, paranoid_level(), seccomp_filtered(), nix::unistd::geteuid().is_root())
}

/// Level 3 and above is a patch of Debian and Ubuntu, and of Android: it answers EACCES. The kernel as it is released
/// takes the value and allows what 2 allows. A seccomp filter answers what its author chose, mostly EPERM or ENOSYS.
fn explain(error: &io::Error, paranoid_level: i32, filtered: bool, root: bool) -> Unavailable {
    const CONTAINER: &str = "start the container with: --cap-add PERFMON --security-opt seccomp=unconfined";
    let told = |reason: String, fix: &str| Unavailable { reason, fix: fix.to_owned() };
    match error.raw_os_error() {
        Some(libc::EACCES) if paranoid_level >= 3 && !root => told(
            format!("kernel.perf_event_paranoid is {paranoid_level}, which forbids it to ordinary users"),
            "run: sudo sysctl kernel.perf_event_paranoid=2",
        ),
        Some(libc::EACCES | libc::EPERM) if filtered => {
            told("a seccomp filter (of a container?) refuses perf_event_open".to_owned(), CONTAINER)
        }
        Some(libc::ENOSYS) if filtered => {
            told("a seccomp filter (of a container?) hides perf_event_open".to_owned(), CONTAINER)
        }
        Some(libc::EACCES | libc::EPERM) if root => told(
            format!("the system refuses perf_event_open even to root: {error}"),
            "start the container with: --cap-add PERFMON",
        ),
        Some(libc::EACCES | libc::EPERM) => told(
            format!("the system refuses perf_event_open: {error}"),
            "run: sudo setcap cap_perfmon+ep $(command -v perfcollect)",
        ),
        Some(libc::ENOSYS) => {
            told("this kernel was built without perf events".to_owned(), "boot a kernel with CONFIG_PERF_EVENTS")
        }
        Some(libc::EMFILE | libc::ENFILE) => {
            told("too many open files for one event per thread and CPU".to_owned(), "run: ulimit -n 65536")
        }
        _ => told(format!("perf_event_open failed: {error}"), "run: perfcollect doctor"),
    }
}

/// Whether a seccomp filter is on us.
fn seccomp_filtered() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| status.lines().any(|line| line == "Seccomp:\t2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_reason_and_one_command() {
        let check = |errno: i32, level: i32, filtered: bool, root: bool, reason: &str, fix: &str| {
            let told = explain(&io::Error::from_raw_os_error(errno), level, filtered, root);
            assert!(told.reason.contains(reason) && told.fix.contains(fix), "{errno} {level}: {told:?}");
        };
        check(libc::EACCES, 4, false, false, "perf_event_paranoid is 4", "sysctl kernel.perf_event_paranoid=2");
        check(libc::EACCES, 3, true, false, "perf_event_paranoid is 3", "sysctl kernel.perf_event_paranoid=2");
        check(libc::EPERM, 3, true, false, "seccomp filter", "seccomp=unconfined");
        check(libc::EPERM, 2, true, true, "seccomp filter", "seccomp=unconfined");
        check(libc::ENOSYS, 2, true, false, "hides perf_event_open", "seccomp=unconfined");
        check(libc::ENOSYS, 2, false, false, "without perf events", "CONFIG_PERF_EVENTS");
        check(libc::EACCES, 2, false, false, "refuses", "setcap cap_perfmon+ep");
        check(libc::EPERM, -1, false, true, "even to root", "--cap-add PERFMON");
        check(libc::EMFILE, 2, false, false, "open files", "ulimit -n");
    }
}
