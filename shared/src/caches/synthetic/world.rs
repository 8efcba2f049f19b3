//! Caches that are made up: requests with the true cost of each, and the bundle that a recording of them would give.

use crate::model::{
    Bundle, CacheRecord, CallCount, FrameSpec, FunctionSpec, KeyTrace, Lookup, Profile, ProfileBuilder, ProfileInfo,
    SampleSpec, ThreadSpec,
};
use crate::units::Nanos;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A random sequence (Steele, Lea and Flood 2014, OOPSLA: `SplitMix`).
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// From 0 to 1.
    pub(super) fn part(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / f64::from(u32::MAX)
    }

    #[expect(clippy::cast_possible_truncation, reason = "below a number of 32 bits")]
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        (self.next() % u64::from(limit.max(1))) as u32
    }

    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(u32::try_from(choices.len()).unwrap()) as usize]
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.part())
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.part().max(1e-9).ln()).sqrt() * (std::f64::consts::TAU * self.part()).cos()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    Zipf,
    Loop,
    Scan,
    Mixed,
    HotAndCold,
    Phases,
    Expiring,
    Uniform,
}

pub(super) const SHAPES: [Shape; 8] = [
    Shape::Zipf,
    Shape::Loop,
    Shape::Scan,
    Shape::Mixed,
    Shape::HotAndCold,
    Shape::Phases,
    Shape::Expiring,
    Shape::Uniform,
];

/// What a recording would have seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Counters, and the cost of a miss by calls, by the library, by samples or not at all.
    Calls,
    Library,
    Samples,
    Costless,
    /// Every key, or some of them.
    Keys,
    SomeKeys,
    Candidate,
}

/// One cache with everything that is true of it.
pub(super) struct World {
    pub(super) shape: Shape,
    pub(super) seen: Seen,
    pub(super) requests: u32,
    pub(super) capacity: Option<u64>,
    pub(super) ttl_ns: Option<u64>,
    pub(super) recursive: bool,
    pub(super) cut: bool,
    pub(super) cleared: bool,
    pub(super) hit_ns: f64,
    pub(super) miss_ns: f64,
    keys: u32,
    skew: f64,
    cost: f64,
    sigma: f64,
    /// By how much the cost of popular keys differs.
    popular: f64,
    noise: f64,
    seed: u64,
}

pub(super) struct Request {
    pub(super) key: u32,
    pub(super) t_ns: u64,
    pub(super) cost: f64,
}

impl World {
    pub(super) fn new(number: u32, seed: u64) -> Self {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(u64::from(number));
        let mut random = Random(seed);
        let shape = SHAPES[number as usize % SHAPES.len()];
        let kinds = [
            Seen::Calls,
            Seen::Keys,
            Seen::Samples,
            Seen::Keys,
            Seen::Library,
            Seen::Keys,
            Seen::Calls,
            Seen::SomeKeys,
            Seen::Keys,
            Seen::Candidate,
            Seen::Costless,
        ];
        let mut known = kinds[number as usize / SHAPES.len() % kinds.len()];
        if shape == Shape::Expiring && known == Seen::Candidate {
            known = Seen::Keys;
        }
        let requests = match number % 19 {
            0 => 0,
            1 => 1 + random.below(29),
            _ => 800 + random.below(4_000),
        };
        let machine = random.between(0.7, 1.5);
        let mut capacity = random.of(&[Some(16), Some(64), Some(128), Some(128), Some(512), Some(1_024), None]);
        if known == Seen::Candidate || shape == Shape::Expiring {
            capacity = None;
        }
        Self {
            shape,
            seen: known,
            requests,
            capacity,
            ttl_ns: None.or((shape == Shape::Expiring).then(|| 1_000_000 * u64::from(1 + random.below(400)))),
            recursive: number % 23 == 5,
            cut: number % 13 == 7,
            cleared: number % 17 == 3 && known != Seen::Candidate,
            hit_ns: 55.0 * machine,
            miss_ns: 80.0 * machine,
            keys: random.of(&[50, 150, 200, 400, 1_500, 5_000]),
            skew: 0.6 + 0.6 * random.part(),
            cost: if number.is_multiple_of(3) { random.between(20.0, 400.0) } else { random.between(400.0, 5e6) },
            sigma: random.of(&[0.0, 0.3, 1.0]),
            popular: random.of(&[1.0, 1.0, 0.5, 2.0]),
            noise: random.of(&[0.05, 0.3]),
            seed,
        }
    }

    /// Requests of one run: runs differ as runs of a program do.
    pub(super) fn run(&self, run: u64, requests: u32) -> Vec<Request> {
        let mut random = Random(self.seed ^ (run.wrapping_mul(0xABCD_EF01_2345_6789)));
        let weights: Vec<f64> = (0..self.keys)
            .scan(0.0, |sum, rank| {
                *sum += f64::from(rank + 1).powf(-self.skew);
                Some(*sum)
            })
            .collect();
        let total = weights.last().copied().unwrap_or(1.0);
        let zipf = |random: &mut Random| {
            let wanted = random.part() * total;
            u32::try_from(weights.partition_point(|&sum| sum < wanted)).unwrap().min(self.keys - 1)
        };
        let mut fresh = 1_000_000;
        let mut new = || {
            fresh += 1;
            fresh
        };
        let mut t_ns = 0;
        (0..requests)
            .map(|number| {
                t_ns += 1 + u64::from(random.below(200_000));
                let key = match self.shape {
                    Shape::Loop => number % self.keys,
                    Shape::Scan if random.part() < 0.02 => random.below(self.keys),
                    Shape::Scan => new(),
                    Shape::Mixed if number % 400 >= 300 => new(),
                    Shape::Zipf | Shape::Expiring | Shape::Mixed => zipf(&mut random),
                    Shape::HotAndCold if random.part() < 0.9 => random.below(20),
                    Shape::HotAndCold => random.below(self.keys * 10),
                    Shape::Phases => number / (requests / 4).max(1) * 100_000 + zipf(&mut random),
                    Shape::Uniform => random.below(self.keys),
                };
                Request { key, t_ns, cost: self.cost_of(key) * (1.0 + self.noise * random.normal()).max(0.2) }
            })
            .collect()
    }

    /// The true mean cost of a key.
    fn cost_of(&self, key: u32) -> f64 {
        let mut random = Random(self.seed ^ u64::from(key).wrapping_mul(0x1234_5678_9ABC_DEF1));
        let popular = if key % 100_000 < self.keys / 10 { self.popular } else { 1.0 };
        self.cost * popular * (self.sigma * random.normal() - self.sigma * self.sigma / 2.0).exp()
    }

    /// What a recording of the first run has.
    pub(super) fn bundle(&self) -> Bundle {
        let requests = self.run(0, self.requests);
        let clear_at = if self.cleared { requests.len() / 2 } else { usize::MAX };
        let mut cache = Lru::new(self.capacity.filter(|_| self.seen != Seen::Candidate), self.ttl_ns);
        let (mut kinds, mut hits, mut spent, mut evicted) = (Vec::new(), 0, 0.0, 0);
        let seen = if self.cut { requests.len() * 2 / 3 } else { requests.len() };
        for (place, request) in requests.iter().take(seen).enumerate() {
            if place == clear_at {
                cache = Lru::new(self.capacity, self.ttl_ns);
            }
            let kind = if self.seen == Seen::Candidate { Lookup::Call } else { cache.ask(request.key, request.t_ns) };
            hits += u64::from(kind == Lookup::Hit);
            spent += if kind == Lookup::Hit { 0.0 } else { request.cost };
            evicted += u64::from(cache.evicted);
            kinds.push(kind);
        }
        let requests = &requests[..seen];
        let misses = requests.len() as u64 - hits;
        let mut bundle = Bundle::default();
        let timed = Nanos(whole(spent));
        if self.seen != Seen::Candidate {
            bundle.caches = Arc::new(vec![CacheRecord {
                recursive: self.recursive,
                cut: self.cut,
                resets: u64::from(self.cleared),
                requests: Some(hits + misses),
                hits: Some(hits),
                misses: Some(misses),
                load_ns: (self.seen == Seen::Library).then_some(timed),
                evictions: Some(evicted),
                entries: Some(cache.held.len() as u64),
                capacity: self.capacity,
                unbounded: self.capacity.is_none(),
                ttl_ns: self.ttl_ns.map(Nanos),
                name: "app.f".into(),
                library: "functools".into(),
                file: Some("app.py".into()),
                line: Some(3),
                ..CacheRecord::default()
            }]);
        }
        match self.seen {
            Seen::Calls => bundle.calls = Arc::new(vec![calls(misses, timed)]),
            Seen::Samples => bundle.profiles = vec![Arc::new(self.profile(timed))],
            Seen::Keys | Seen::Candidate => bundle.keys = vec![Arc::new(self.trace(requests, &kinds, clear_at, 1.0))],
            Seen::SomeKeys => bundle.keys = vec![Arc::new(self.trace(requests, &kinds, clear_at, 0.3))],
            Seen::Library | Seen::Costless => {}
        }
        // The program does nothing else, and never waits.
        (bundle.manifest.wall_ns, bundle.manifest.cpu_ns) = (Some(timed), Some(timed));
        bundle
    }

    fn trace(&self, requests: &[Request], kinds: &[Lookup], clear_at: usize, rate: f64) -> KeyTrace {
        let mut trace = KeyTrace {
            cache: "app.f".into(),
            library: "functools".into(),
            file: Some("app.py".into()),
            line: Some(3),
            candidate: self.seen == Seen::Candidate,
            recursive: self.recursive,
            rate,
            requests: requests.len() as u64,
            ..Default::default()
        };
        let mut numbers = HashMap::new();
        for (place, (request, &kind)) in requests.iter().zip(kinds).enumerate() {
            if place == clear_at {
                trace.t_ns.push(request.t_ns);
                trace.key.push(0);
                trace.kind.push(Lookup::Cleared);
                trace.cost_ns.push(0);
            }
            let hash = Random(u64::from(request.key) ^ 0x5EED).next();
            if f64::from(u32::try_from(hash >> 32).unwrap()) > rate * f64::from(u32::MAX) {
                continue;
            }
            let next = u32::try_from(numbers.len()).unwrap();
            let number = *numbers.entry(hash).or_insert_with(|| {
                trace.hashes.push(hash);
                next
            });
            trace.t_ns.push(request.t_ns);
            trace.key.push(number);
            trace.kind.push(kind);
            trace.cost_ns.push(if kind == Lookup::Hit { 0 } else { whole(request.cost) });
        }
        trace
    }

    /// The function at the rate of Python samples, as many as chance gives.
    fn profile(&self, spent: Nanos) -> Profile {
        let period = 2e6;
        let mut random = Random(self.seed ^ 0xFACE);
        let expected = spent.as_f64() / period;
        let samples = whole((expected + expected.sqrt() * random.normal()).max(0.0));
        let mut builder = ProfileBuilder::new();
        let module = builder.module("/home/u/app", "");
        let thread = builder.thread(ThreadSpec { pid: 1, tid: 1, name: "main", process: "app" });
        for (name, count) in [("f", samples), ("main", 500)] {
            let start_line = if name == "f" { 3 } else { 90 };
            let function =
                builder.function(FunctionSpec { name, file: "app.py", start_line, module, ..Default::default() });
            let frame = builder.frame(FrameSpec { function, line: 4, inlined: false, address: 0 });
            let stack = builder.stack(None, frame);
            for _ in 0..count {
                builder.sample(SampleSpec { time: None, stack, thread, weight: Nanos(whole(period)), count: 1 });
            }
        }
        builder.finish(ProfileInfo { name: "cpu".into(), ..Default::default() }).unwrap()
    }
}

fn calls(calls: u64, total_ns: Nanos) -> CallCount {
    let (file, name) = ("app.py".into(), "f".into());
    CallCount { pid: 1, file, line: 3, name, calls, primitive: calls, total_ns, ..Default::default() }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times of a made-up run")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// An LRU cache as one would write it first; nothing of the simulator is in it.
pub(super) struct Lru {
    held: HashMap<u32, (u64, u64)>,
    by_use: BTreeMap<u64, u32>,
    clock: u64,
    capacity: Option<u64>,
    ttl_ns: Option<u64>,
    evicted: bool,
}

impl Lru {
    pub(super) fn new(capacity: Option<u64>, ttl_ns: Option<u64>) -> Self {
        Self { held: HashMap::new(), by_use: BTreeMap::new(), clock: 0, capacity, ttl_ns, evicted: false }
    }

    pub(super) fn ask(&mut self, key: u32, now: u64) -> Lookup {
        self.clock += 1;
        self.evicted = false;
        let before = self.held.get(&key).copied();
        let expired = before.is_some_and(|(_, filled)| self.ttl_ns.is_some_and(|ttl| now - filled > ttl));
        if let Some((used, _)) = before {
            self.by_use.remove(&used);
        }
        let filled = before.filter(|_| !expired).map_or(now, |(_, filled)| filled);
        self.held.insert(key, (self.clock, filled));
        self.by_use.insert(self.clock, key);
        if self.capacity.is_some_and(|capacity| self.held.len() as u64 > capacity)
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.held.remove(&oldest);
            self.evicted = true;
        }
        match (before, expired) {
            (Some(_), false) => Lookup::Hit,
            (Some(_), true) => Lookup::Expired,
            (None, _) => Lookup::Miss,
        }
    }
}
