//! What all recordings need: /proc, a place for bundles, a page to show them; and what confines us.

use super::Check;
use crate::assets::ASSETS;
use crate::environment::text;
use crate::store::Library;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use perfcollect_shared::format;
use perfcollect_shared::units::Bytes;
use std::fs;
use std::path::Path;

/// Free space below which a long recording may not fit.
const SPACE: Bytes = Bytes(256 << 20);

pub(super) fn checks() -> Vec<Check> {
    vec![resources(), stall(), library(), page(), confinement()]
}

fn resources() -> Check {
    let (id, title) = ("resources", "resources");
    let needed = ["stat", "statm", "status", "io", "fd"];
    let refused: Vec<&str> = needed.into_iter().filter(|name| !readable(&format!("/proc/self/{name}"))).collect();
    if refused.is_empty() {
        return Check::works(id, title, "CPU, memory, threads, files, switches and I/O of every process");
    }
    let detail = format!("/proc/PID/{} cannot be read", refused.join(", "));
    Check::limited(id, title, detail, "mount /proc without hidepid: sudo mount -o remount,hidepid=0 /proc")
}

fn readable(path: &str) -> bool {
    fs::read(path).is_ok() || fs::read_dir(path).is_ok()
}

fn stall() -> Check {
    let (id, title) = ("pressure", "pressure");
    if text("/proc/pressure/cpu").is_some() {
        return Check::works(id, title, "the kernel says how long tasks waited for CPU, memory and I/O");
    }
    Check::limited(id, title, "no pressure stall information", "boot with psi=1 (kernel 4.20 or newer)")
}

fn library() -> Check {
    let (id, title) = ("library", "bundles");
    let folder = Library::local().folder;
    let there = if folder.is_dir() { folder.as_path() } else { Path::new(".") };
    if let Err(errno) = access(there, AccessFlags::W_OK | AccessFlags::X_OK) {
        let detail = format!("{} cannot be written: {}", there.display(), errno.desc());
        return Check::missing(id, title, detail, "cd to another folder, or: perfcollect run -o FILE");
    }
    let Ok(disk) = statvfs(there) else {
        return Check::limited(id, title, "free space is not known", "df .");
    };
    let free = Bytes(disk.blocks_available().saturating_mul(disk.fragment_size()));
    let detail = format!("kept in {}, {} free", folder.display(), format::bytes(free));
    if free < SPACE {
        return Check::limited(id, title, detail, "free some space, or: perfcollect run -o FILE on another disk");
    }
    Check::works(id, title, detail)
}

fn page() -> Check {
    let (id, title) = ("page", "browser page");
    if ASSETS.is_empty() {
        let fix = "build again without PERFCOLLECT_NO_VIEWER";
        return Check::missing(id, title, "this perfcollect was built without its page", fix);
    }
    let size: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
    Check::works(id, title, format!("built in, {}", format::bytes(Bytes(size as u64))))
}

fn confinement() -> Check {
    let (id, title) = ("confinement", "confinement");
    let status = text("/proc/self/status").unwrap_or_default();
    let seccomp = status.lines().any(|line| line == "Seccomp:\t2");
    match crate::environment::read().container {
        Some(name) if seccomp => {
            let detail = format!("{name} with a seccomp filter, which may refuse system calls of samplers");
            Check::limited(
                id,
                title,
                detail,
                "docker run --cap-add PERFMON --cap-add SYS_PTRACE --security-opt seccomp=unconfined",
            )
        }
        Some(name) => Check::works(id, title, format!("{name}, no seccomp filter")),
        None if seccomp => {
            let detail = "a seccomp filter is on us, which may refuse system calls of samplers";
            Check::limited(id, title, detail, "start perfcollect outside of the sandbox")
        }
        None => Check::works(id, title, "no container, no seccomp filter"),
    }
}
