//! Lets a sampling thread run the moment its time has come.
//!
//! On a machine with no idle processor an ordinary thread waits for the program to be interrupted, which happens more
//! often in some places (system calls that read a CPU clock) than in others: samples would favour those.
#![expect(unsafe_code, reason = "one system call that has no safe wrapper")]

/// Makes this thread a real-time one where that is allowed (root, `CAP_SYS_NICE`, a limit for real-time priority);
/// elsewhere nothing changes. What we fork would not inherit it.
pub(in crate::sample) fn run_at_once() {
    let param = libc::sched_param { sched_priority: 1 };
    // SAFETY: `param` lives through the call; thread 0 is the calling one. A refusal changes nothing.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const param) };
}
