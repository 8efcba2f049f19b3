//! Two named threads whose work is inlined from `mix` into `busy` and `lazy`: three quarters and one quarter of the CPU
//! time. Usage: threads [SECONDS]

use std::hint::black_box;
use std::thread::Builder;
use std::time::{Duration, Instant};

#[inline(always)]
fn mix(mut seed: u64, rounds: u64) -> u64 {
    for _ in 0..rounds {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
    }
    seed
}

#[inline(never)]
fn busy(seed: u64) -> u64 {
    black_box(mix(seed, 300_000))
}

#[inline(never)]
fn lazy(seed: u64) -> u64 {
    black_box(mix(seed, 100_000))
}

struct Worker<F: Fn(u64) -> u64> {
    work: F,
}

impl<F: Fn(u64) -> u64> Worker<F> {
    #[inline(never)]
    fn run(&self, rounds: u64) -> u64 {
        (0..rounds).fold(88_172_645_463_325_252, |seed, _| (self.work)(seed))
    }
}

fn main() {
    let seconds: f64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1.0);
    // Rounds that take the wished time, so that both threads do the same number of them.
    let start = Instant::now();
    let mut per_second = 0_u64;
    while start.elapsed() < Duration::from_millis(50) {
        lazy(per_second);
        per_second += 1;
    }
    let rounds = (per_second as f64 * 20.0 * seconds / 4.0) as u64;
    let first = Builder::new().name("busy".into()).spawn(move || Worker { work: busy }.run(rounds)).unwrap();
    let second = Builder::new().name("lazy".into()).spawn(move || Worker { work: lazy }.run(rounds)).unwrap();
    black_box((first.join().unwrap(), second.join().unwrap()));
}
