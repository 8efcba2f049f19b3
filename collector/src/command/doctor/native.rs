//! Native stacks: perf events, kernel frames, symbols.

use super::Check;
use crate::environment::text;
use crate::hardware;
use crate::launch::Clock;
use crate::sample::perf::{PerfSampler, PerfSettings, kernel_left_out, refused};
use crate::tree::ProcessTree;
use nix::sys::resource::{Resource, getrlimit};
use perfcollect_shared::format;
use perfcollect_shared::model::Warning;
use perfcollect_shared::units::Bytes;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

const TITLE: &str = "native stacks";
const RATE_HZ: u32 = 499;

pub(super) fn checks() -> Vec<Check> {
    let mut checks = match try_events() {
        Ok(kernel_sampled) => {
            let detail = format!("perf events on every CPU, {RATE_HZ} stacks a second");
            vec![Check::works("native_stacks", TITLE, detail), kernel(kernel_sampled)]
        }
        Err((reason, fix)) => vec![Check::missing("native_stacks", TITLE, reason, fix)],
    };
    checks.extend([processor_counters(), locked_memory(), kernel_symbols(), debug_files()]);
    checks
}

/// Opens the events and their rings on ourselves, as `run` does on a program; whether the kernel's code is seen too.
fn try_events() -> Result<bool, (String, String)> {
    let unwritable = |error: std::io::Error| {
        let folder = std::env::temp_dir();
        (format!("cannot write {}: {error}", folder.display()), "set TMPDIR to a folder that can be written".to_owned())
    };
    let spool = std::env::temp_dir().join(format!("perfcollect-doctor-{}", std::process::id()));
    fs::create_dir_all(&spool).map_err(unwritable)?;
    let (pid, clock) = (std::process::id(), Clock::new());
    let settings = PerfSettings { rate_hz: RATE_HZ, events: Vec::new(), clock: clock.clone() };
    let armed = PerfSampler::arm(pid, &settings, &spool, ProcessTree::new(pid, clock));
    let tried = armed.map(|sampler| sampler.kernel_sampled()).map_err(|refused| (refused.reason, refused.fix));
    // Left behind in a folder for temporary files at worst.
    fs::remove_dir_all(&spool).ok();
    tried
}

fn kernel(sampled: bool) -> Check {
    let (id, title) = ("kernel_stacks", "kernel stacks");
    if sampled {
        return Check::works(id, title, "kernel code is sampled too");
    }
    let Warning::KernelNotSampled { reason, fix } = kernel_left_out() else { return Check::works(id, title, "") };
    Check::limited(id, title, reason, fix)
}

/// Counters of cache misses and their like.
fn processor_counters() -> Check {
    let (id, title) = ("processor_counters", "processor counters");
    let error = match hardware::available() {
        Ok(names) => return Check::works(id, title, format!("{} of every run", names.join(", ").replace('_', " "))),
        Err(error) => error,
    };
    if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV)) {
        let detail = "the processor shows no counters here, as in most virtual machines: cache misses are not known";
        return Check::missing(id, title, detail, "give the virtual machine a PMU, or record on the machine itself");
    }
    let refused = refused(&error);
    Check::missing(id, title, format!("cache misses are not known: {}", refused.reason), refused.fix)
}

/// The rings of the events are locked memory.
fn locked_memory() -> Check {
    let (id, title) = ("locked_memory", "locked memory");
    let events: u64 = text("/proc/sys/kernel/perf_event_mlock_kb").and_then(|kib| kib.parse().ok()).unwrap_or(516);
    let limit = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(0, |(soft, _)| soft);
    let root = nix::unistd::geteuid().is_root();
    let each = format::bytes(Bytes(events * 1024));
    match limit {
        _ if root => Check::works(id, title, "not limited for root"),
        u64::MAX => Check::works(id, title, "not limited"),
        limit if limit >= 8 << 20 => {
            Check::works(id, title, format!("{each} a CPU for events, and {} besides", format::bytes(Bytes(limit))))
        }
        limit => {
            let limit = format::bytes(Bytes(limit));
            let detail =
                format!("{each} a CPU for events and only {limit} besides: buffers are small, samples may be lost");
            Check::limited(id, title, detail, "run: sudo sysctl kernel.perf_event_mlock_kb=4096")
        }
    }
}

fn kernel_symbols() -> Check {
    let (id, title) = ("kernel_symbols", "kernel symbols");
    let known = File::open("/proc/kallsyms").is_ok_and(|file| {
        let lines = BufReader::new(file).lines().take(64).map_while(Result::ok);
        lines.into_iter().any(|line| line.split(' ').next().is_some_and(|address| address.bytes().any(|b| b != b'0')))
    });
    if known {
        return Check::works(id, title, "kernel functions have names");
    }
    let level = text("/proc/sys/kernel/kptr_restrict").unwrap_or_else(|| "not known".to_owned());
    if level == "0" {
        // The kernel then shows addresses to those whom it lets profile it.
        let detail = "kernel functions have no names for users that may not sample the kernel";
        return Check::limited(id, title, detail, "run: sudo sysctl kernel.perf_event_paranoid=1");
    }
    let detail = format!("kernel.kptr_restrict is {level}: kernel functions have no names");
    Check::limited(id, title, detail, "run: sudo sysctl kernel.kptr_restrict=0")
}

fn debug_files() -> Check {
    let (id, title) = ("debug_files", "debug files");
    if Path::new("/usr/lib/debug/.build-id").is_dir() {
        return Check::works(id, title, "separate debug files are installed under /usr/lib/debug");
    }
    let detail = "none under /usr/lib/debug: system libraries show their exported names only, without lines";
    Check::limited(id, title, detail, "sudo apt-get install libc6-dbg (or your system's debug packages)")
}
