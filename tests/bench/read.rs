//! How long bundles take to be written and read natively:
//! `PERFCOLLECT_NO_VIEWER=1 cargo run --release -p perfcollect --example read [ROUNDS]`.
//!
//! One of a million samples over 20,000 stacks, and one of 200,000 readings of processes (JSON lines), which `serde_json` reads
//! into its own values in the same turns. Prints medians and their spread.

use perfcollect_shared::bundle::{read, write};
use perfcollect_shared::model::{
    Bundle, FrameSpec, FunctionSpec, Process, Profile, ProfileBuilder, ProfileInfo, ResourceSample, SampleSpec,
    ThreadSpec, Timeline,
};
use perfcollect_shared::units::{Bytes, Nanos};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const SAMPLES: u64 = 1_000_000;
const STACKS: u32 = 20_000;
const READINGS: u64 = 200_000;

fn profile() -> Profile {
    let mut builder = ProfileBuilder::new();
    let module = builder.module("/home/u/app", "");
    let frames: Vec<_> = (0..2_000)
        .map(|n| {
            let name = format!("app::part_{}::function_{n}", n % 40);
            let function = builder.function(FunctionSpec { name: &name, module, ..Default::default() });
            builder.frame(FrameSpec { function, line: n, inlined: false, address: u64::from(n) * 64 })
        })
        .collect();
    let thread = builder.thread(ThreadSpec { pid: 1, tid: 1, name: "main", process: "app" });
    let stacks: Vec<_> = (0..STACKS as usize)
        .filter_map(|n| {
            let path = (0..25).map(|depth| frames[(n * (depth + 1) / 25 + depth * 77) % frames.len()]);
            path.fold(None, |prefix, frame| Some(builder.stack(prefix, frame)))
        })
        .collect();
    for n in 0..SAMPLES {
        let stack = stacks[usize::try_from(n * 7_919 % u64::from(STACKS)).unwrap_or(0)];
        let time = Some(Nanos(n * 2_000));
        builder.sample(SampleSpec { time, stack, thread, weight: Nanos(2_000), count: 1 });
    }
    builder.finish(ProfileInfo { name: "cpu".into(), ..Default::default() }).expect("a profile")
}

fn timeline() -> Timeline {
    let mut timeline = Timeline::default();
    timeline.processes.push(Process { pid: 7, ppid: 1, name: "app".into(), ..Default::default() });
    timeline.samples = (0..READINGS)
        .map(|n| ResourceSample {
            t_ns: Nanos(n * 100_000_000),
            pid: 7,
            rss_bytes: Bytes(n * 4096),
            threads: 3,
            user_ns: Nanos(n * 1_000_003),
            ..Default::default()
        })
        .collect();
    timeline
}

#[expect(clippy::print_stdout, reason = "its whole purpose")]
fn main() {
    let rounds = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(7);
    let of_profile = Bundle { profiles: vec![Arc::new(profile())], ..Default::default() };
    let of_lines = Bundle { timeline: Arc::new(timeline()), ..Default::default() };
    let packed = [&of_profile, &of_lines].map(|bundle| write(bundle).expect("a bundle"));
    let line = r#"{"t_ns":12300000000,"pid":7,"rss_bytes":503808,"threads":3,"user_ns":123000369,"system_ns":0,"read_bytes":null}"#;
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..rounds {
        let works: [&dyn Fn(); 4] = [
            &|| drop(black_box(write(&of_profile))),
            &|| drop(black_box(read(&packed[0]))),
            &|| drop(black_box(read(&packed[1]))),
            &|| (0..READINGS).for_each(|_| drop(black_box(serde_json::from_str::<serde_json::Value>(black_box(line))))),
        ];
        for (work, times) in works.iter().zip(&mut times) {
            let began = Instant::now();
            work();
            times.push(began.elapsed().as_secs_f64());
        }
    }
    let names =
        ["write a million samples", "read a million samples", "read 200,000 readings", "serde_json, as many lines"];
    for (name, mut times) in names.into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        println!("{name}: {:.3} s [{:.3}, {:.3}]", times[times.len() / 2], times[0], times[times.len() - 1]);
    }
}
