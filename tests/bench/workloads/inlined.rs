//! inlined ITERATIONS: the three functions are compiled into their caller, so that only debug information tells them
//! apart; 6, 3 and 1 units an iteration.
#[path = "clocks.rs"]
mod clocks;

use std::hint::black_box;

#[inline(always)]
fn work_heavy(mut x: u64) -> u64 {
    for _ in 0..6 {
        x = clocks::unit(x, 6);
    }
    x
}

#[inline(always)]
fn work_medium(mut x: u64) -> u64 {
    for _ in 0..3 {
        x = clocks::unit(x, 3);
    }
    x
}

#[inline(always)]
fn work_light(x: u64) -> u64 {
    clocks::unit(x, 1)
}

fn main() {
    let mut spent = [0; 3];
    let mut x = 88_172_645_463_325_252;
    for _ in 0..clocks::iterations() {
        let start = clocks::thread_ns();
        x = black_box(work_heavy(black_box(x)));
        let heavy = clocks::thread_ns();
        x = black_box(work_medium(x));
        let medium = clocks::thread_ns();
        x = black_box(work_light(x));
        let light = clocks::thread_ns();
        for (sum, took) in spent.iter_mut().zip([heavy - start, medium - heavy, light - medium]) {
            *sum += took;
        }
    }
    clocks::tell(spent);
}
