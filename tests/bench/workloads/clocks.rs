//! Clocks of the Rust workloads, and their line of truth on stderr.

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanos: i64,
}
unsafe extern "C" {
    safe fn clock_gettime(clock: i32, time: &mut Timespec) -> i32;
}
const MONOTONIC: i32 = 1;
const PROCESS_CPU: i32 = 2;
const THREAD_CPU: i32 = 3;

fn clock_ns(clock: i32) -> i64 {
    let mut time = Timespec { seconds: 0, nanos: 0 };
    clock_gettime(clock, &mut time);
    time.seconds * 1_000_000_000 + time.nanos
}

/// CPU time of this thread so far.
pub fn thread_ns() -> i64 {
    clock_ns(THREAD_CPU)
}

/// Tells the CPU time of the three functions and of the process.
pub fn tell([heavy, medium, light]: [i64; 3]) {
    eprintln!(
        "{{\"truth\": {{\"work_heavy\": {heavy}, \"work_medium\": {medium}, \"work_light\": {light}}}, \
         \"total_ns\": {}, \"end_ns\": {}}}",
        clock_ns(PROCESS_CPU),
        clock_ns(MONOTONIC)
    );
}

/// Iterations asked for on the command line.
pub fn iterations() -> u64 {
    std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100)
}

/// One unit of work; the salt keeps the compiler from merging its callers.
#[inline(always)]
pub fn unit(mut x: u64, salt: u64) -> u64 {
    for _ in 0..1_000_000 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x = x.wrapping_add(salt);
    }
    x
}
