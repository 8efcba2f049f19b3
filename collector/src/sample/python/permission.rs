//! Why the memory of a process may not be read, and what changes that.

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::fs;
use std::io::IoSliceMut;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The system does not let us read a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAccess {
    pub reason: String,
    /// A command or a change that would help.
    pub fix: String,
}

/// Reads memory of another process; all of `buffer` or an error.
pub(in crate::sample) fn read_memory(pid: u32, address: u64, buffer: &mut [u8]) -> Result<(), Errno> {
    let len = buffer.len();
    let base = usize::try_from(address).map_err(|_too_large| Errno::EFAULT)?;
    let pid = Pid::from_raw(i32::try_from(pid).map_err(|_too_large| Errno::ESRCH)?);
    let read = process_vm_readv(pid, &mut [IoSliceMut::new(buffer)], &[RemoteIoVec { base, len }])?;
    if read == len { Ok(()) } else { Err(Errno::EFAULT) }
}

/// Whether the kernel refuses to let us read the process. The right is checked before the address.
pub(super) fn refused(pid: u32) -> bool {
    read_memory(pid, 0, &mut [0]) == Err(Errno::EPERM)
}

/// Why, as far as the system tells.
#[must_use]
pub fn explain(pid: u32) -> NoAccess {
    let own = nix::unistd::geteuid().as_raw();
    let owner = |path: String| fs::metadata(path).map(|data| data.uid()).ok();
    let user = match owner(format!("/proc/{pid}")) {
        _ if own == 0 => Owner::Anyone,
        Some(user) if user != own => Owner::Another,
        // What the kernel keeps from the user of a process (`PR_SET_DUMPABLE`) belongs to root.
        _ if owner(format!("/proc/{pid}/environ")) == Some(0) => Owner::OursHidden,
        _ => Owner::Ours,
    };
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    let scope = scope.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let container = ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists());
    explain_from(user, scope, container)
}

/// Whose a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// We are root.
    Anyone,
    Another,
    Ours,
    OursHidden,
}

fn explain_from(owner: Owner, yama_scope: u8, container: bool) -> NoAccess {
    const AS_ROOT: &str = "run perfcollect as root: sudo perfcollect …";
    let (reason, fix) = match (owner, yama_scope) {
        (Owner::Another, _) => ("it runs as another user", AS_ROOT),
        (Owner::OursHidden, _) => ("the process has protected itself (PR_SET_DUMPABLE, file capabilities)", AS_ROOT),
        _ if container => (
            "this container may not read the memory of other processes",
            "start the container with: --cap-add SYS_PTRACE",
        ),
        (_, 3..) => {
            ("kernel.yama.ptrace_scope is 3", "boot with kernel.yama.ptrace_scope=1 (3 cannot be changed until then)")
        }
        (_, 2) => ("kernel.yama.ptrace_scope is 2", "run: sudo sysctl kernel.yama.ptrace_scope=1"),
        (_, 1) => (
            "kernel.yama.ptrace_scope is 1 and the process is not of perfcollect's own tree",
            "run: sudo sysctl kernel.yama.ptrace_scope=0",
        ),
        (Owner::Anyone, _) => {
            ("perfcollect lacks the capability CAP_SYS_PTRACE", "start the container with: --cap-add SYS_PTRACE")
        }
        (Owner::Ours, _) => ("the system refuses it", AS_ROOT),
    };
    NoAccess { reason: format!("its memory may not be read: {reason}"), fix: fix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_own_way_out() {
        let fix = |owner, scope, container| explain_from(owner, scope, container).fix;
        assert!(fix(Owner::Another, 0, false).contains("sudo perfcollect"));
        assert!(fix(Owner::OursHidden, 1, true).contains("sudo perfcollect"));
        assert!(fix(Owner::Ours, 1, true).contains("--cap-add SYS_PTRACE"));
        assert!(fix(Owner::Ours, 2, false).contains("ptrace_scope=1"));
        assert!(fix(Owner::Ours, 1, false).contains("ptrace_scope=0"));
        assert!(fix(Owner::Anyone, 3, false).contains("boot with"));
        assert!(fix(Owner::Anyone, 0, false).contains("--cap-add SYS_PTRACE"));
    }

    #[test]
    fn own_memory_can_be_read() {
        let secret = *b"perfcollect";
        let mut read = [0; 11];
        let result = read_memory(std::process::id(), secret.as_ptr() as u64, &mut read);
        assert_eq!((result, &read), (Ok(()), &secret));
        assert!(!refused(std::process::id()));
    }
}
