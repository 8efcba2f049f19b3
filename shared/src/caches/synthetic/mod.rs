//! Whether verdicts are right: made-up caches of which the truth is known, judged from what a recording would have.
//!
//! The truth is what each action brings on another run of the same program, by the true cost of every request and a plain LRU.
//! An action is wrong where it loses more than 2 % of all time at stake (of what computing every request costs) against doing
//! the opposite of it, or brings 10 % less than the best. Prints its table as Markdown, for BENCHMARKS.md:
//! `cargo test -p perfcollect-shared caches::synthetic -- --nocapture`.

#![cfg(not(target_family = "wasm"))]

mod world;

use super::{Row, Verdict, evidence, judge, simulate};
use crate::model::Lookup;
use perfcollect_cachesim::{Capacity, Policy, Simulator};
use std::collections::BTreeMap;
use world::{Lru, Request, Seen, World};

/// Not the one that the rules were tried on.
const SEED: u64 = 20_261_121;
const CACHES: u32 = 264;
/// Loss that makes the direction wrong, and loss against the best, in parts of what is at stake.
const DIRECTION: f64 = 0.02;
const BEST: f64 = 0.1;
/// Sizes above this are not affordable where the size of values is not known: as the verdict takes it.
const LARGEST: u64 = 65_536;

/// What one cache would bring, by the truth.
struct Truth<'w> {
    world: &'w World,
    requests: Vec<Request>,
    stake: f64,
    cleared_at: Option<u64>,
}

impl<'w> Truth<'w> {
    fn new(world: &'w World) -> Self {
        let requests = world.run(1, world.requests.max(800));
        let stake = requests.iter().map(|request| request.cost).sum();
        let cleared_at = world.cleared.then(|| requests[requests.len() / 2].t_ns);
        Self { world, requests, stake, cleared_at }
    }

    /// Net benefit over no cache.
    fn benefit(&self, mut hit: impl FnMut(&Request) -> bool) -> f64 {
        let of = |request: &Request| if hit(request) { request.cost - self.world.hit_ns } else { -self.world.miss_ns };
        self.requests.iter().map(of).sum()
    }

    fn lru(&self, capacity: Option<u64>, ttl_ns: Option<u64>) -> f64 {
        let mut cache = Lru::new(capacity, ttl_ns);
        self.benefit(|request| {
            if self.cleared_at == Some(request.t_ns) {
                cache = Lru::new(capacity, ttl_ns);
            }
            cache.ask(request.key, request.t_ns) == Lookup::Hit
        })
    }

    fn policy(&self, policy: Policy) -> f64 {
        let capacity = Capacity::Entries(self.world.capacity.unwrap_or(u64::from(u32::MAX)));
        let mut cache = Simulator::new(policy, capacity, None).unwrap();
        let mut numbers = perfcollect_cachesim::Interner::default();
        self.benefit(|request| {
            if self.cleared_at == Some(request.t_ns) {
                cache.remove(None);
            }
            cache.request(numbers.intern(u64::from(request.key)), 1, request.t_ns)
        })
    }

    /// As it is.
    fn now(&self) -> f64 {
        if self.world.seen == Seen::Candidate { 0.0 } else { self.lru(self.world.capacity, self.world.ttl_ns) }
    }

    /// The most that any action brings; that of policies is known by theirs.
    fn best(&self) -> f64 {
        let sizes = [16, 64, 128, 200, 400, 1_024, LARGEST];
        let limited = sizes.iter().map(|&size| self.lru(Some(size), self.world.ttl_ns));
        let free = self.lru(None, None);
        limited.chain([0.0, self.now(), free]).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// What was advised, as what it brings; `None` where nothing was.
fn advised(truth: &Truth<'_>, row: &Row) -> Option<f64> {
    let ttl = truth.world.ttl_ns;
    match row.verdict {
        Verdict::Keep => Some(truth.now()),
        Verdict::Remove => Some(0.0),
        Verdict::Resize | Verdict::Add => Some(truth.lru(row.advised_capacity, ttl)),
        Verdict::Ttl => Some(truth.lru(truth.world.capacity, row.advised_ttl_ns.map(|ttl| ttl.0))),
        Verdict::Policy => Some(truth.policy(Policy::from_id(row.advised_policy?)?)),
        Verdict::Inconclusive | Verdict::NotExercised => None,
    }
}

/// What the rules of thumb say, as what it brings: they always say something.
fn rules(truth: &Truth<'_>, row: &Row) -> f64 {
    let presets = &row.presets;
    let applied = presets.speed_up.as_ref().is_some_and(|rule| rule.says == "apply");
    match &presets.hit_rate {
        _ if applied => truth.lru(Some(128), None),
        Some(rule) if rule.says == "adjust size" => truth.lru(rule.capacity, truth.world.ttl_ns),
        Some(rule) if rule.says == "keep" => truth.now(),
        _ => 0.0,
    }
}

/// Whether an action is wrong.
fn wrong(truth: &Truth<'_>, brings: f64, best: f64) -> bool {
    let scale = truth.stake.max(crate::caches::real(truth.requests.len() as u64) * truth.world.miss_ns);
    let opposite = if brings.abs() < f64::EPSILON { truth.now() } else { 0.0 };
    brings < opposite - DIRECTION * scale || brings < best - BEST * scale
}

/// What is known beforehand of the verdict that is right to give, whatever the truth.
fn undecidable(world: &World, row: &Row) -> Option<Verdict> {
    match world {
        World { requests: 0, seen: Seen::Candidate, .. } => None,
        World { requests: 0, cut: true, .. } => Some(Verdict::Inconclusive),
        World { requests: 0, .. } => Some(Verdict::NotExercised),
        World { requests: ..=29, .. } | World { recursive: true, .. } | World { seen: Seen::Costless, .. } => {
            Some(Verdict::Inconclusive)
        }
        _ if row.requests == Some(0) => Some(Verdict::NotExercised),
        _ => None,
    }
}

#[derive(Default)]
struct Tally {
    caches: u32,
    decided: u32,
    wrong: u32,
    rules_wrong: u32,
    undecidable: u32,
    undecidable_said: u32,
    words: BTreeMap<&'static str, u32>,
}

/// Judges every made-up cache of a seed, by what was seen of it.
fn tallied(seed: u64, mut told: impl FnMut(u32, &World, &Row, &Truth<'_>, f64)) -> BTreeMap<&'static str, Tally> {
    let mut tallies: BTreeMap<&'static str, Tally> = BTreeMap::new();
    for number in 0..CACHES {
        let world = World::new(number, seed);
        let bundle = world.bundle();
        let Some(found) = evidence(&bundle).into_iter().next() else { continue };
        let row = judge(&found, simulate(&bundle, &found).as_ref());
        let truth = Truth::new(&world);
        let best = truth.best();
        let class = match world.seen {
            Seen::Keys => "every key",
            Seen::SomeKeys => "30 % of the keys",
            Seen::Candidate => "calls of a function without a cache",
            Seen::Calls => "counters, exact calls",
            Seen::Library => "counters, the library's clock",
            Seen::Samples => "counters, CPU samples",
            Seen::Costless => "counters alone",
        };
        let tally = tallies.entry(class).or_default();
        tally.caches += 1;
        *tally.words.entry(row.verdict.word()).or_default() += 1;
        if let Some(expected) = undecidable(&world, &row) {
            tally.undecidable += 1;
            tally.undecidable_said += u32::from(row.verdict == expected);
        }
        if let Some(brings) = advised(&truth, &row) {
            tally.decided += 1;
            if wrong(&truth, brings, best) {
                tally.wrong += 1;
                told(number, &world, &row, &truth, brings);
            }
        }
        tally.rules_wrong += u32::from(wrong(&truth, rules(&truth, &row), best));
    }
    tallies
}

#[test]
fn verdicts_on_made_up_caches() {
    let tallies = tallied(SEED, |number, world, row, truth, brings| {
        println!(
            "wrong: {number} {:?} {:?}, {} requests, capacity {:?}: {:?} to {:?} brings {:.3} of what is at stake, as it is {:.3}, best {:.3}; {}",
            world.shape,
            world.seen,
            world.requests,
            world.capacity,
            row.verdict,
            row.advised_capacity,
            brings / truth.stake,
            truth.now() / truth.stake,
            truth.best() / truth.stake,
            row.reasons.join("; ")
        );
    });
    println!(
        "| what was recorded | caches | decided | wrong | undecidable, and said so | rules of thumb: decided | wrong |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let mut all = Tally::default();
    let line = |name: &str, of: &Tally| {
        println!(
            "| {name} | {} | {} | {} | {} of {} | {} | {} |",
            of.caches, of.decided, of.wrong, of.undecidable_said, of.undecidable, of.caches, of.rules_wrong
        );
    };
    for (name, tally) in &tallies {
        line(name, tally);
        all.caches += tally.caches;
        all.decided += tally.decided;
        all.wrong += tally.wrong;
        all.undecidable += tally.undecidable;
        all.undecidable_said += tally.undecidable_said;
        all.rules_wrong += tally.rules_wrong;
        for (&word, number) in &tally.words {
            *all.words.entry(word).or_default() += number;
        }
    }
    line("all", &all);
    let words: Vec<String> = all.words.iter().map(|(word, number)| format!("{word} {number}")).collect();
    println!("\nverdicts: {}", words.join(", "));
    assert!(all.caches >= 200);
    assert!(f64::from(all.wrong) <= 0.02 * f64::from(all.decided), "{} of {} are wrong", all.wrong, all.decided);
    assert_eq!(all.undecidable_said, all.undecidable, "what cannot be decided is said so");
    assert!(
        all.decided * 2 > all.caches - all.undecidable,
        "a verdict that never decides is never wrong: {}",
        all.decided
    );
    assert!(all.rules_wrong > 5 * all.wrong);
}
