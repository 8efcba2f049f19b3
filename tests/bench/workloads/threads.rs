//! threads ITERATIONS: three threads, one for each function, with 6, 3 and 1 units an iteration.
#[path = "clocks.rs"]
mod clocks;

use std::hint::black_box;
use std::thread;

#[inline(never)]
fn work_heavy(x: u64) -> u64 {
    clocks::unit(x, 6)
}

#[inline(never)]
fn work_medium(x: u64) -> u64 {
    clocks::unit(x, 3)
}

#[inline(never)]
fn work_light(x: u64) -> u64 {
    clocks::unit(x, 1)
}

fn main() {
    let jobs: [(&str, u64, fn(u64) -> u64); 3] =
        [("heavy", 6, work_heavy), ("medium", 3, work_medium), ("light", 1, work_light)];
    let threads = jobs.map(|(name, units, work)| {
        let body = move || {
            let start = clocks::thread_ns();
            let count = clocks::iterations() * units;
            black_box((0..count).fold(88_172_645_463_325_252, |x, _| black_box(work(x))));
            clocks::thread_ns() - start
        };
        thread::Builder::new().name(name.into()).spawn(body).expect("a thread can be started")
    });
    clocks::tell(threads.map(|thread| thread.join().expect("no thread panics")));
}
