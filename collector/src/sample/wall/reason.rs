//! Why a thread is blocked: from the system call that it is in, its arguments, and what its descriptors are.

use super::blocked::Blocked;
use crate::pack::merge::is_interpreter;
use crate::sample::python::read_memory;
use perfcollect_shared::model::WaitReason;
use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// Between two looks for the interpreter's memory in a process that waits for locks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Descriptors of a poll that are looked at.
const POLLED: usize = 16;
/// Sockets whose kind is remembered.
const SOCKETS_MAX: usize = 4096;

/// What a descriptor leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Network,
    /// Pipes, terminals, files, sockets within this machine's kernel.
    Local,
    /// A set of others (epoll).
    Set,
}

/// What it takes to name reasons, for all processes.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    /// Static memory of the Python interpreter, by process: its lock is there.
    interpreters: HashMap<u32, (Instant, Vec<(u64, u64)>)>,
    /// Whether a socket, by its inode, is of the Unix family.
    local_sockets: HashMap<u64, bool>,
}

impl Reasons {
    /// The process ended or runs another program.
    pub(super) fn forget(&mut self, pid: u32) {
        self.interpreters.remove(&pid);
    }

    /// The reason that `blocked` tells; `uninterruptible` asks whether no signal would end the sleep.
    pub(super) fn of(&mut self, pid: u32, blocked: &Blocked, uninterruptible: impl Fn() -> bool) -> WaitReason {
        let Some(call) = blocked.call else { return WaitReason::Disk };
        let [first, second, ..] = blocked.arguments;
        let local = |target: Target| if target == Target::Network { WaitReason::Network } else { WaitReason::Io };
        match call {
            libc::SYS_futex | libc::SYS_futex_waitv => self.lock(pid, first),
            SYS_FUTEX_WAIT | libc::SYS_semtimedop | libc::SYS_semop | libc::SYS_flock | libc::SYS_fcntl => {
                WaitReason::Lock
            }
            libc::SYS_nanosleep | libc::SYS_clock_nanosleep => WaitReason::Sleeping,
            libc::SYS_wait4 | libc::SYS_waitid | libc::SYS_clone | libc::SYS_clone3 => WaitReason::Child,
            _ if is_vfork(call) => WaitReason::Child,
            libc::SYS_ppoll => self.polled(pid, first, second),
            libc::SYS_pselect6 => self.selected(pid, first, second),
            _ if is_poll(call) => self.polled(pid, first, second),
            _ if is_select(call) => self.selected(pid, first, second),
            libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => local(self.set(pid, first)),
            _ if is_epoll_wait(call) => local(self.set(pid, first)),
            _ if is_transfer(call) => match self.target(pid, first) {
                Some(Target::Network) => WaitReason::Network,
                _ if uninterruptible() => WaitReason::Disk,
                _ => WaitReason::Io,
            },
            _ if is_local(call) => WaitReason::Io,
            _ if uninterruptible() => WaitReason::Disk,
            _ => WaitReason::Other,
        }
    }

    /// A wait on the word at `address`. Python's lock is in the interpreter's static memory, all others of a Python
    /// program are not.
    fn lock(&mut self, pid: u32, address: u64) -> WaitReason {
        let known = self.interpreters.get(&pid);
        let fresh = known.is_some_and(|(read, ranges)| !ranges.is_empty() || read.elapsed() < LOOK_EVERY);
        if !fresh {
            let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
            let ranges = interpreter_memory(&String::from_utf8_lossy(&maps));
            self.interpreters.insert(pid, (Instant::now(), ranges));
        }
        let ranges = self.interpreters.get(&pid).map_or(&[][..], |(_, ranges)| ranges);
        let gil = ranges.iter().any(|&(start, end)| (start..end).contains(&address));
        if gil { WaitReason::Gil } else { WaitReason::Lock }
    }

    /// `poll(descriptors, count, …)`.
    fn polled(&mut self, pid: u32, list: u64, count: u64) -> WaitReason {
        let count = usize::try_from(count).unwrap_or(0).min(POLLED);
        let mut bytes = vec![0; count * 8];
        if count == 0 {
            return WaitReason::Sleeping;
        }
        if read_memory(pid, list, &mut bytes).is_err() {
            return WaitReason::Io;
        }
        // struct pollfd: int fd; short events, revents.
        let descriptor = |entry: &[u8]| i32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]);
        let descriptors: Vec<i32> = bytes.chunks_exact(8).map(descriptor).collect();
        self.any(pid, descriptors.into_iter().filter_map(|number| u64::try_from(number).ok()))
    }

    /// `select(count, readable, …)`: the descriptors to be read from tell enough.
    fn selected(&mut self, pid: u32, count: u64, readable: u64) -> WaitReason {
        if count == 0 {
            return WaitReason::Sleeping;
        }
        let mut set = [0_u8; 128];
        let bytes = usize::try_from(count.div_ceil(64) * 8).unwrap_or(set.len()).min(set.len());
        if readable == 0 || read_memory(pid, readable, &mut set[..bytes]).is_err() {
            return WaitReason::Io;
        }
        let wanted = (0..count.min(1024)).filter(|&fd| set[(fd / 8) as usize] & (1 << (fd % 8)) != 0);
        self.any(pid, wanted.take(POLLED))
    }

    fn any(&mut self, pid: u32, mut descriptors: impl Iterator<Item = u64>) -> WaitReason {
        let network = descriptors.any(|descriptor| match self.target(pid, descriptor) {
            Some(Target::Set) => self.set(pid, descriptor) == Target::Network,
            target => target == Some(Target::Network),
        });
        if network { WaitReason::Network } else { WaitReason::Io }
    }

    /// What an epoll descriptor watches: `tfd:` lines of its `fdinfo`.
    fn set(&mut self, pid: u32, descriptor: u64) -> Target {
        let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap_or_default();
        let watched =
            text.lines().filter_map(|line| line.strip_prefix("tfd:")?.split_whitespace().next()?.parse().ok());
        let watched: Vec<u64> = watched.take(POLLED).collect();
        let network = watched.into_iter().any(|fd| self.target(pid, fd) == Some(Target::Network));
        if network { Target::Network } else { Target::Local }
    }

    fn target(&mut self, pid: u32, descriptor: u64) -> Option<Target> {
        let link = fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).ok()?;
        let link = link.to_string_lossy();
        if link == "anon_inode:[eventpoll]" {
            return Some(Target::Set);
        }
        let Some(inode) = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')?.parse().ok()) else {
            return Some(Target::Local);
        };
        if self.local_sockets.len() >= SOCKETS_MAX {
            self.local_sockets.clear();
        }
        let local = *self.local_sockets.entry(inode).or_insert_with(|| is_unix_socket(pid, inode));
        Some(if local { Target::Local } else { Target::Network })
    }
}

/// Whether the kernel's table of Unix sockets, as the process sees it, has this one: the seventh column is the inode.
fn is_unix_socket(pid: u32, inode: u64) -> bool {
    let table = fs::read_to_string(format!("/proc/{pid}/net/unix")).unwrap_or_default();
    table.lines().any(|line| line.split_whitespace().nth(6).and_then(|text| text.parse().ok()) == Some(inode))
}

/// Ranges of memory that the interpreter's file is mapped to, with the memory without a file that follows each.
fn interpreter_memory(maps: &str) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let mut end_of_file = None;
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let range = fields.next().and_then(|range| range.split_once('-'));
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let Some((Some(start), Some(end))) = range.map(|(start, end)| (hex(start), hex(end))) else { continue };
        let path = fields.nth(4).unwrap_or("");
        let of_file = is_interpreter(path.rsplit('/').next().unwrap_or(""));
        if of_file || (path.is_empty() && end_of_file == Some(start)) {
            match ranges.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => ranges.push((start, end)),
            }
            end_of_file = Some(end);
        } else {
            end_of_file = None;
        }
    }
    ranges
}

/// Not in every version of libc.
const SYS_FUTEX_WAIT: i64 = 455;

/// Calls that wait for something within this machine.
fn is_local(call: i64) -> bool {
    const CALLS: [i64; 8] = [
        libc::SYS_io_uring_enter,
        libc::SYS_io_getevents,
        libc::SYS_splice,
        libc::SYS_tee,
        libc::SYS_mq_timedreceive,
        libc::SYS_mq_timedsend,
        libc::SYS_msgrcv,
        libc::SYS_msgsnd,
    ];
    CALLS.contains(&call)
}

/// Calls that move bytes through the descriptor that is their first argument, or wait for a connection on it.
fn is_transfer(call: i64) -> bool {
    const CALLS: [i64; 26] = [
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_pread64,
        libc::SYS_pwrite64,
        libc::SYS_readv,
        libc::SYS_writev,
        libc::SYS_preadv,
        libc::SYS_pwritev,
        libc::SYS_preadv2,
        libc::SYS_pwritev2,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_recvmmsg,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_connect,
        libc::SYS_fsync,
        libc::SYS_fdatasync,
        libc::SYS_sync_file_range,
        libc::SYS_getdents64,
        libc::SYS_ftruncate,
        libc::SYS_fallocate,
        libc::SYS_sendfile,
    ];
    CALLS.contains(&call)
}

#[cfg(target_arch = "x86_64")]
fn is_vfork(call: i64) -> bool {
    call == libc::SYS_vfork || call == libc::SYS_fork
}
#[cfg(target_arch = "x86_64")]
fn is_poll(call: i64) -> bool {
    call == libc::SYS_poll
}
#[cfg(target_arch = "x86_64")]
fn is_select(call: i64) -> bool {
    call == libc::SYS_select
}
#[cfg(target_arch = "x86_64")]
fn is_epoll_wait(call: i64) -> bool {
    call == libc::SYS_epoll_wait
}

// Newer machines have the general forms of these alone.
#[cfg(not(target_arch = "x86_64"))]
fn is_vfork(_call: i64) -> bool {
    false
}
#[cfg(not(target_arch = "x86_64"))]
fn is_poll(_call: i64) -> bool {
    false
}
#[cfg(not(target_arch = "x86_64"))]
fn is_select(_call: i64) -> bool {
    false
}
#[cfg(not(target_arch = "x86_64"))]
fn is_epoll_wait(_call: i64) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn reason(call: i64, arguments: [u64; 6]) -> WaitReason {
        let blocked = Blocked { call: Some(call), arguments, sp: 0, pc: 0 };
        Reasons::default().of(std::process::id(), &blocked, || false)
    }

    #[test]
    fn a_system_call_tells_the_reason() {
        assert_eq!(reason(libc::SYS_futex, [8; 6]), WaitReason::Lock);
        assert_eq!(reason(libc::SYS_clock_nanosleep, [0; 6]), WaitReason::Sleeping);
        assert_eq!(reason(libc::SYS_wait4, [0; 6]), WaitReason::Child);
        assert_eq!(reason(libc::SYS_ppoll, [0; 6]), WaitReason::Sleeping, "of nothing");
        assert_eq!(reason(libc::SYS_pause, [0; 6]), WaitReason::Other);
        let none = Blocked { call: None, arguments: [0; 6], sp: 0, pc: 0 };
        assert_eq!(Reasons::default().of(1, &none, || false), WaitReason::Disk);
    }

    #[test]
    fn a_descriptor_tells_pipes_from_the_network() {
        let (pipe, _writer) = nix::unistd::pipe().unwrap();
        let (unix, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let of = |fd: i32, call| reason(call, [u64::try_from(fd).unwrap(), 0, 0, 0, 0, 0]);
        assert_eq!(of(pipe.as_raw_fd(), libc::SYS_read), WaitReason::Io);
        assert_eq!(of(unix.as_raw_fd(), libc::SYS_recvfrom), WaitReason::Io);
        assert_eq!(of(listener.as_raw_fd(), libc::SYS_accept4), WaitReason::Network);
        let polled = [libc::pollfd { fd: listener.as_raw_fd(), events: 1, revents: 0 }];
        assert_eq!(reason(libc::SYS_ppoll, [polled.as_ptr() as u64, 1, 0, 0, 0, 0]), WaitReason::Network);
    }

    #[test]
    fn static_memory_of_the_interpreter_is_found() {
        let maps = "\
1000-2000 r--p 0 08:01 1 /usr/bin/python3.11
2000-3000 rw-p 0 08:01 1 /usr/bin/python3.11
3000-5000 rw-p 0 00:00 0 
7000-8000 rw-p 0 00:00 0 [heap]
9000-a000 r-xp 0 08:01 2 /usr/lib/libc.so.6
a000-b000 rw-p 0 00:00 0 
";
        assert_eq!(interpreter_memory(maps), [(0x1000, 0x5000)]);
    }
}
