//! The page's replays of one bundle, natively: for each line on its standard input it does them, and prints their steps' seconds.

#![expect(clippy::disallowed_methods, reason = "reads a bundle and the clock")]

use perfcollect_shared::bundle;
use perfcollect_shared::caches;
use perfcollect_shared::cachesim::Policy;
use perfcollect_shared::derive::caches::Tracer;
use std::time::Instant;

#[expect(clippy::print_stdout, reason = "its whole purpose")]
fn main() {
    let path = std::env::args().nth(1).expect("usage: caches_page BUNDLE");
    let bundle = bundle::read(&std::fs::read(path).expect("a file")).expect("a bundle");
    let found = caches::evidence(&bundle);
    let evidence = found.iter().find(|one| !one.keys.is_empty()).expect("a cache with recorded keys");
    for _ in std::io::stdin().lines() {
        let began = Instant::now();
        let tracer = Tracer::new(&bundle, evidence).expect("requests");
        let curve = tracer.lru();
        let mut steps = vec![format!("curve {}", began.elapsed().as_secs_f64())];
        for policy in Policy::ALL {
            let began = Instant::now();
            let found = tracer.policy(policy, &curve);
            steps.push(format!("{} {}", policy.id(), began.elapsed().as_secs_f64()));
            assert!(found.rates.iter().all(|rate| rate.is_finite()), "{policy:?}");
        }
        println!("{}", steps.join(" "));
    }
}
