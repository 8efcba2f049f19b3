//! Where a thread is blocked, from /proc, and the memory of its stack.

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::fs;
use std::io::{self, IoSliceMut};

/// Bytes of a stack that are read at most.
pub(super) const STACK_BYTES: usize = 32 << 10;
const PAGE: usize = 4096;

/// `/proc/PID/task/TID/syscall` of a thread that does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    /// `None`: not in a system call, but in a page fault or the like.
    pub(super) call: Option<i64>,
    pub(super) arguments: [u64; 6],
    pub(super) sp: u64,
    pub(super) pc: u64,
}

/// What the kernel says of a thread.
#[derive(Debug)]
pub(super) enum State {
    /// On a processor or ready for one.
    Running,
    Blocked(Blocked),
    /// The kernel does not let us know.
    Refused,
    Gone,
}

/// Where a thread is right now.
pub(super) fn state(pid: u32, tid: u32) -> State {
    match fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")) {
        Ok(text) => parse(&text).map_or(State::Running, State::Blocked),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => State::Refused,
        Err(_) => State::Gone,
    }
}

/// `NR A B C D E F SP PC`, `-1 SP PC` or `running`.
fn parse(text: &str) -> Option<Blocked> {
    let mut fields = text.split_ascii_whitespace();
    let call: i64 = fields.next()?.parse().ok()?;
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let numbers = fields.map(hex).collect::<Option<Vec<u64>>>()?;
    let (&pc, rest) = numbers.split_last()?;
    let (&sp, arguments) = rest.split_last()?;
    let argument = |index: usize| arguments.get(index).copied().unwrap_or(0);
    Some(Blocked { call: (call >= 0).then_some(call), arguments: std::array::from_fn(argument), sp, pc })
}

/// The letter of the thread's state, such as `S`, `D` or `Z`.
pub(super) fn letter(pid: u32, tid: u32) -> Option<char> {
    let stat = fs::read(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    // The name may hold anything; the last bracket ends it.
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(end + 2).map(|&byte| char::from(byte))
}

/// The memory from `address` on, up to [`STACK_BYTES`] or the end of what is mapped.
pub(super) fn stack_memory(pid: u32, address: u64, buffer: &mut Vec<u8>) -> Result<(), Errno> {
    buffer.resize(STACK_BYTES, 0);
    let start = usize::try_from(address).map_err(|_too_large| Errno::EFAULT)?;
    // Parts are read or not as a whole, so each page is one.
    let mut parts = Vec::with_capacity(STACK_BYTES / PAGE + 1);
    let (mut base, end) = (start, start.checked_add(STACK_BYTES).ok_or(Errno::EFAULT)?);
    while base < end {
        let next = (base / PAGE + 1).saturating_mul(PAGE).min(end);
        parts.push(RemoteIoVec { base, len: next - base });
        base = next;
    }
    let pid = Pid::from_raw(i32::try_from(pid).map_err(|_too_large| Errno::ESRCH)?);
    let read = process_vm_readv(pid, &mut [IoSliceMut::new(buffer)], &parts)?;
    buffer.truncate(read);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_line_is_read() {
        let blocked = parse("230 0x0 0x1 0x7f 0x4 0x5 0x6 0x7fff 0x55aa\n").unwrap();
        assert_eq!(blocked, Blocked { call: Some(230), arguments: [0, 1, 0x7f, 4, 5, 6], sp: 0x7fff, pc: 0x55aa });
        let fault = parse("-1 0x7fff 0x55aa\n").unwrap();
        assert_eq!((fault.call, fault.sp, fault.pc), (None, 0x7fff, 0x55aa));
        assert_eq!(parse("running\n"), None);
    }

    #[test]
    fn a_thread_that_sleeps_is_blocked_with_its_stack() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            tell.send(nix::unistd::gettid().as_raw().unsigned_abs()).unwrap();
            receiver.recv().unwrap_err();
        });
        let (pid, tid) = (std::process::id(), told.recv().unwrap());
        let blocked = loop {
            if let State::Blocked(blocked) = state(pid, tid) {
                break blocked;
            }
            std::thread::yield_now();
        };
        assert_eq!((blocked.call, letter(pid, tid)), (Some(libc::SYS_futex), Some('S')));
        let mut memory = Vec::new();
        stack_memory(pid, blocked.sp, &mut memory).unwrap();
        assert!(!memory.is_empty() && memory.len() <= STACK_BYTES);
        drop(sender);
        thread.join().unwrap();
        assert!(matches!(state(pid, u32::MAX), State::Gone));
    }
}
