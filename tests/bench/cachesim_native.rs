//! The steps of `cachesim_steps`, natively.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed measurement")]
#![expect(clippy::print_stdout, reason = "answers tests/bench/caches_page.py")]
#![expect(clippy::disallowed_methods, reason = "reads the clock")]

#[path = "cachesim_steps.rs"]
mod steps;

use std::io;
use std::time::Instant;

fn main() {
    for line in io::stdin().lines() {
        let step = line.unwrap().trim().parse().unwrap();
        let began = Instant::now();
        let sum = steps::run(step);
        println!("{} {sum}", began.elapsed().as_secs_f64());
    }
}
