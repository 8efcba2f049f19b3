//! CPU time, threads and page faults.

use super::Probe;
use crate::tree::Stat;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};
use perfcollect_shared::model::ResourceSample;
use perfcollect_shared::units::Nanos;
use std::sync::LazyLock;

/// From `/proc/PID/stat`, and the process's own CPU clock: the ticks of the former are 10 ms long.
pub(super) struct Cpu;

static TICK_NS: LazyLock<u64> = LazyLock::new(|| {
    let hz = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|hz| u64::try_from(hz).ok());
    1_000_000_000 / hz.filter(|&hz| hz > 0).unwrap_or(100)
});

impl Probe for Cpu {
    fn read(&self, stat: &Stat, before: Option<&ResourceSample>, sample: &mut ResourceSample) {
        let ticks = Nanos((stat.user_ticks + stat.system_ticks).saturating_mul(*TICK_NS));
        let total = process_clock(sample.pid).filter(|&precise| precise >= ticks).unwrap_or(ticks);
        let (user, system) = before.map_or_else(Default::default, |before| (before.user_ns, before.system_ns));
        (sample.user_ns, sample.system_ns) = split(total, (stat.user_ticks, stat.system_ticks), (user, system));
        sample.threads = stat.threads;
        sample.minor_faults = stat.minor_faults;
        sample.major_faults = stat.major_faults;
    }
}

/// CPU time of all threads, ended ones too: the clock that `clock_getcpuclockid` gives (`linux/posix-timers_types.h`).
fn process_clock(pid: u32) -> Option<Nanos> {
    const CPUCLOCK_SCHED: i32 = 2;
    let clock = (!i32::try_from(pid).ok()? << 3) | CPUCLOCK_SCHED;
    let time = clock_gettime(ClockId::from_raw(clock)).ok()?;
    let (seconds, nanos) = (u64::try_from(time.tv_sec()).ok()?, u64::try_from(time.tv_nsec()).ok()?);
    Some(Nanos(seconds * 1_000_000_000 + nanos))
}

/// Splits a total by the coarse ticks, so that neither part is ever less than it was before.
fn split(total: Nanos, ticks: (u64, u64), before: (Nanos, Nanos)) -> (Nanos, Nanos) {
    let all = u128::from(ticks.0 + ticks.1);
    let by_ticks = (u128::from(total.0) * u128::from(ticks.1)).checked_div(all).unwrap_or(0);
    let by_ticks = u64::try_from(by_ticks).unwrap_or(total.0);
    let system = by_ticks.min(total.saturating_sub(before.0).0).max(before.1.0);
    (total.saturating_sub(Nanos(system)).max(before.0), Nanos(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_shrink_and_make_the_total() {
        assert_eq!(split(Nanos(90), (2, 1), (Nanos(0), Nanos(0))), (Nanos(60), Nanos(30)));
        assert_eq!(split(Nanos(100), (9, 1), (Nanos(60), Nanos(30))), (Nanos(70), Nanos(30)));
        assert_eq!(split(Nanos(100), (1, 9), (Nanos(60), Nanos(30))), (Nanos(60), Nanos(40)));
        assert_eq!(split(Nanos(5), (0, 0), (Nanos(0), Nanos(0))), (Nanos(5), Nanos(0)));
    }

    #[test]
    fn our_own_clock_is_there() {
        assert!(process_clock(std::process::id()).unwrap() > Nanos::ZERO);
    }
}
