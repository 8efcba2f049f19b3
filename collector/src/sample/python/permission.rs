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
    let owner = fs::metadata(format!("/proc/{pid}")).map(|data| data.uid()).ok();
    let own = nix::unistd::geteuid().as_raw();
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    let scope = scope.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let container = ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists());
    explain_from(owner.is_some_and(|owner| owner != own && own != 0), scope, container, own == 0)
}

fn explain_from(other_user: bool, yama_scope: u8, container: bool, root: bool) -> NoAccess {
    let (reason, fix) = if other_user {
        ("it runs as another user", "run perfcollect as that user or as root")
    } else if container {
        (
            "this container may not read the memory of other processes",
            "start the container with --cap-add=SYS_PTRACE (Kubernetes: securityContext.capabilities.add)",
        )
    } else if yama_scope >= 3 {
        ("kernel.yama.ptrace_scope is 3", "boot with kernel.yama.ptrace_scope=1 (3 cannot be changed until then)")
    } else if yama_scope == 2 {
        ("kernel.yama.ptrace_scope is 2", "sudo sysctl kernel.yama.ptrace_scope=1, or run perfcollect as root")
    } else if yama_scope == 1 {
        (
            "kernel.yama.ptrace_scope is 1 and the process has left the program's tree",
            "sudo sysctl kernel.yama.ptrace_scope=0, or run perfcollect as root",
        )
    } else if root {
        ("perfcollect lacks the capability CAP_SYS_PTRACE", "run perfcollect with CAP_SYS_PTRACE")
    } else {
        ("the process has protected itself (PR_SET_DUMPABLE, file capabilities)", "run perfcollect as root")
    };
    NoAccess { reason: format!("its memory may not be read: {reason}"), fix: fix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_own_way_out() {
        let fix = |other, scope, container, root| explain_from(other, scope, container, root).fix;
        assert!(fix(true, 0, false, false).contains("that user"));
        assert!(fix(false, 1, true, true).contains("--cap-add=SYS_PTRACE"));
        assert!(fix(false, 2, false, false).contains("ptrace_scope=1"));
        assert!(fix(false, 1, false, false).contains("ptrace_scope=0"));
        assert!(fix(false, 0, false, true).contains("CAP_SYS_PTRACE"));
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
