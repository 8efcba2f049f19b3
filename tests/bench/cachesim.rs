//! The simulator for tests/bench/cachesim.py: reads a trace once, then times what it is asked to on its standard input.
//!
//! A line is a task: `policy ID SIZE`, `curve`, `shards RATE SALTS`, `size KEYS SALTS`, each with `from-ids` in front to make the
//! keys dense within the time; the answer is JSON. `cachesim_bench TASK REQUESTS KEYS` only works, to be measured from outside.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed measurement")]
#![expect(clippy::print_stdout, reason = "answers tests/bench/cachesim.py")]
#![expect(clippy::disallowed_methods, reason = "reads a trace and the clock")]

use perfcollect_cachesim::shards;
use perfcollect_cachesim::{Capacity, Curve, CurveBuilder, Future, Interner, Policy, Simulator, Trace, lru_curve};
use std::time::Instant;
use std::{env, fs, io};

/// Ids of a file in libCacheSim's oracleGeneral format.
fn ids(path: &str) -> Vec<u64> {
    let bytes = fs::read(path).unwrap();
    let (records, _) = bytes.as_chunks::<24>();
    records.iter().map(|record| u64::from_le_bytes(record[4..12].try_into().unwrap())).collect()
}

/// Mean and largest error of the hit rate at a hundred sizes, evenly spread, and at a hundred over the logarithm from 100 on.
fn errors(curve: &Curve, exact: &Curve) -> [f64; 4] {
    let error = |sizes: Vec<u64>| {
        let errors = sizes.iter().map(|&size| (curve.hit_rate(size).unwrap() - exact.hit_rate(size).unwrap()).abs());
        let n = f64::from(u32::try_from(sizes.len()).unwrap());
        [errors.clone().sum::<f64>() / n, errors.fold(0.0, f64::max)]
    };
    let [even, even_most] = error((1..=100).map(|part| exact.distinct * part / 100).collect());
    let [log, log_most] = error(exact.plot_sizes(160).into_iter().filter(|&size| size >= 100).collect());
    [even, even_most, log, log_most]
}

struct Bench {
    ids: Vec<u64>,
    trace: Trace,
    exact: Option<Curve>,
}

impl Bench {
    /// Seconds, and what came out.
    fn run(&mut self, task: &[&str]) -> String {
        let number = |at: usize| task[at].parse::<f64>().unwrap();
        let started = Instant::now();
        let fresh = (task[0] == "from-ids").then(|| Trace::of_ids(self.ids.iter().copied()));
        let trace = fresh.as_ref().unwrap_or(&self.trace);
        let task = if fresh.is_some() { &task[1..] } else { task };
        let [answer, memory] = match task[0] {
            "intern" => [Trace::of_ids(self.ids.iter().copied()).distinct.to_string(), String::new()],
            "curve" => {
                let curve = lru_curve(trace);
                let hits = curve.hits(1000).to_string();
                self.exact.get_or_insert(curve);
                [hits, String::new()]
            }
            "builder" => {
                let mut builder = CurveBuilder::default();
                trace.keys.iter().for_each(|&key| _ = builder.request(key));
                [builder.curve().hits(1000).to_string(), builder.memory().to_string()]
            }
            "policy" => {
                let policy = Policy::from_id(task[1]).unwrap();
                let capacity = Capacity::Entries(task[2].parse().unwrap());
                let future = if policy == Policy::Belady { Future::of(trace) } else { Future::default() };
                let mut simulator = Simulator::with_future(policy, capacity, None, &future);
                simulator.run(trace);
                [simulator.outcome().misses.to_string(), simulator.memory().to_string()]
            }
            "shards" | "size" => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
                let (whole, salts) = (number(1) as usize, number(2) as u32);
                let fixed_rate = task[0] == "shards";
                let curve = if fixed_rate {
                    shards::fixed_rate(trace, number(1), salts)
                } else {
                    shards::fixed_size(trace, whole, salts)
                };
                let seconds = started.elapsed().as_secs_f64();
                let errors = self.exact.as_ref().map(|exact| errors(&curve, exact));
                return format!("{{\"seconds\": {seconds}, \"errors\": {:?}}}", errors.unwrap_or_default());
            }
            other => panic!("no task {other}"),
        };
        let seconds = started.elapsed().as_secs_f64();
        let memory = if memory.is_empty() { "null".to_owned() } else { memory };
        format!("{{\"seconds\": {seconds}, \"answer\": {answer}, \"memory\": {memory}}}")
    }
}

/// Feeds requests as they are made to one simulation, so that the process holds nothing else: its memory is read from outside.
fn stream(task: &str, requests: u64, keys: u64) {
    let mut state = 7u64;
    let mut key = |at: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = state >> 33;
        // Every key once, then some much more often than others.
        if at < keys { at } else { (((part * part) >> 31) * keys) >> 31 }
    };
    let mut interner = Interner::default();
    let ids = (0..requests).map(|at| key(at).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    match task {
        "keys" => ids.for_each(|id| _ = interner.intern(id)),
        "curve" => {
            let mut builder = CurveBuilder::default();
            ids.for_each(|id| _ = builder.request(interner.intern(id)));
        }
        "shards" => {
            let mut samples = shards::FixedRate::new(0.01, 5);
            ids.for_each(|id| samples.request(id));
        }
        policy => {
            let room = Capacity::Entries(keys / 10);
            let mut cache = Simulator::new(Policy::from_id(policy).unwrap(), room, None).unwrap();
            for id in ids {
                cache.request(interner.intern(id), 1, 0);
            }
        }
    }
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, task, requests, keys] = &arguments[..] {
        return stream(task, requests.parse().unwrap(), keys.parse().unwrap());
    }
    let ids = ids(&env::args().nth(1).expect("a trace"));
    let mut interner = Interner::default();
    let keys: Vec<u32> = ids.iter().map(|&id| interner.intern(id)).collect();
    let mut bench = Bench { trace: Trace::new(keys), ids, exact: None };
    println!("{}", bench.trace.distinct);
    for line in io::stdin().lines() {
        let line = line.unwrap();
        let task: Vec<&str> = line.split_whitespace().collect();
        println!("{}", bench.run(&task));
    }
}
