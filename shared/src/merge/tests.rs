//! Merged recordings against sums of their parts.

use super::*;
use crate::derive::timeline::{Metric, figures, series};
use crate::model::{CallerCount, Exit, ProfileBuilder, Settings, Warning};
use crate::model::{FrameSpec, FunctionSpec, Process, ProfileInfo, ResourceSample, SampleSpec, ThreadSpec, WeightKind};
use crate::{bundle, testing};

const MS: u64 = Nanos::MILLISECOND.0;

/// A recording of `ms` whose process `pid` was read at its start and its end.
fn recording(pid: u32, ms: u64, picture: &str, code: i32) -> Bundle {
    let at = |part: u64| Nanos(part * MS);
    let reading = |t: u64, cpu: u64, mib: u64| ResourceSample {
        t_ns: at(t),
        pid,
        user_ns: at(cpu),
        rss_bytes: Bytes(mib << 20),
        threads: 1,
        ..ResourceSample::default()
    };
    let process = Process { pid, ppid: 1, name: "app".into(), end_ns: Some(at(ms)), ..Process::default() };
    let profile = Arc::new(testing::profile(picture));
    let manifest = Manifest {
        format: 1,
        id: format!("id{pid}"),
        command: vec!["./app".into()],
        start: "2026-11-21T10:02:03Z".into(),
        exit: Exit { code: Some(code), signal: None },
        wall_ns: Some(at(ms)),
        cpu_ns: Some(at(ms - 1)),
        user_ns: Some(at(ms - 1)),
        system_ns: Some(Nanos(0)),
        overhead: Overhead { collector_cpu_ns: Some(at(2)), ..Overhead::default() },
        settings: Settings { native_rate_hz: Some(499.0), injected: vec!["A=1".into()], ..Settings::default() },
        warnings: vec![Warning::FewSamples { profile: "cpu".into(), samples: profile.samples.len() as u64 }],
        summary: crate::model::Summary {
            peak_process_rss_bytes: Some(Bytes(u64::from(pid) << 20)),
            ..Default::default()
        },
        ..Manifest::default()
    };
    Bundle {
        manifest,
        profiles: vec![profile],
        timeline: Arc::new(Timeline {
            processes: vec![process],
            samples: vec![reading(1, 0, 10), reading(ms, ms - 1, 30)],
        }),
        memory: Arc::new(vec![MemorySnapshot { pid, t_ns: at(1), ..MemorySnapshot::default() }]),
        calls: Arc::new(vec![
            CallCount { pid, name: "main".into(), calls: 1, ..CallCount::default() },
            CallCount {
                pid,
                name: "f".into(),
                callers: vec![CallerCount { row: 0, calls: 1, ..CallerCount::default() }],
                ..CallCount::default()
            },
        ]),
        lines: Arc::new(vec![LineCount { pid, file: "a.py".into(), line: 1, hits: 1, ..LineCount::default() }]),
        source: Arc::new(vec![SourceChunk {
            file: "a.py".into(),
            start: 1 + pid % 2,
            lines: vec!["one".into(), "two".into()],
            changed: false,
        }]),
        ..Bundle::default()
    }
}

fn run(block: u32) -> Run {
    Run { benchmark: "app".into(), block, ..Run::default() }
}

fn three() -> Bundle {
    let parts = [recording(40, 20, "A A\nB C", 0), recording(41, 30, "A A A\nB B D", 3), recording(40, 10, "A\nB", 4)];
    runs(parts.into_iter().zip((0..).map(run))).unwrap()
}

#[test]
fn totals_are_the_sums_of_the_parts() {
    let bundle = three();
    let manifest = &bundle.manifest;
    assert_eq!((manifest.wall_ns, manifest.cpu_ns), (Some(Nanos(60 * MS)), Some(Nanos(57 * MS))));
    assert_eq!(manifest.overhead.collector_cpu_ns, Some(Nanos(6 * MS)));
    assert_eq!(manifest.exit.code, Some(3), "the first that is not 0");
    assert_eq!(testing::folded(&bundle.profiles[0]), "A;B 4\nA;C 1\nA;D 1\n");
    assert_eq!(bundle.profiles[0].info.samples, 6);
    assert_eq!(manifest.summary.samples, 6);
    assert_eq!(manifest.summary.top[0].self_ns, Nanos(4 * MS));
    assert_eq!((manifest.summary.processes, manifest.summary.resource_samples), (3, 6));
    assert_eq!(manifest.summary.rss_bytes_max, Some(Bytes(30 << 20)), "runs did not live together");
    assert_eq!(manifest.summary.peak_process_rss_bytes, Some(Bytes(41 << 20)));
    assert_eq!(manifest.settings.injected, ["A=1"]);
    assert_eq!(manifest.warnings, [Warning::FewSamples { profile: "cpu".into(), samples: 6 }]);
    assert_eq!(bundle.calls.iter().flat_map(|call| &call.callers).map(|c| c.row).collect::<Vec<_>>(), [0, 2, 4]);
    assert_eq!(bundle.lines.iter().map(|line| line.hits).sum::<u64>(), 3);
    let chunk = SourceChunk {
        file: "a.py".into(),
        start: 1,
        lines: ["one", "two", "two"].map(String::from).into(),
        changed: false,
    };
    assert_eq!(*bundle.source, [chunk]);
}

#[test]
fn each_run_has_its_own_time() {
    let bundle = three();
    let starts: Vec<u64> = bundle.runs.iter().filter_map(|run| run.t_ns).map(|t| t.0).collect();
    assert_eq!(starts, [0, 20 * MS + 1, 50 * MS + 2]);
    let profile = &bundle.profiles[0];
    let times = profile.samples.time.as_ref().unwrap();
    let of_run = |t: &Nanos| starts.iter().rposition(|&start| start <= t.0).unwrap();
    assert_eq!(times.iter().map(of_run).collect::<Vec<_>>(), [0, 0, 1, 1, 1, 2]);
    let spans: Vec<_> = bundle.timeline.processes.iter().map(|p| (p.pid, p.start_ns.0, p.end_ns.unwrap().0)).collect();
    assert_eq!(spans, [(40, 0, 20 * MS), (41, 20 * MS + 1, 50 * MS + 1), (40, 50 * MS + 2, 60 * MS + 2)]);
    assert_eq!(bundle.memory.iter().map(|row| row.t_ns.0).collect::<Vec<_>>(), [MS, 21 * MS + 1, 51 * MS + 2]);
}

#[test]
fn a_run_has_the_figures_of_its_recording() {
    let bundle = three();
    let second = &bundle.runs[1];
    assert_eq!((second.order, second.block, second.exit.code), (1, 1, Some(3)));
    assert!((second.metrics["wall_ns"] - 30e6).abs() < 0.5 && (second.metrics["cpu_ns"] - 29e6).abs() < 0.5);
    assert!((second.metrics["rss_bytes"] - f64::from(41 << 20)).abs() < 0.5);
    let measured = Run { metrics: BTreeMap::from([("wall_ns".to_owned(), 5.0)]), ..run(0) };
    let kept = runs([(recording(1, 9, "A", 0), measured)]).unwrap();
    assert!((kept.runs[0].metrics["wall_ns"] - 5.0).abs() < 1e-9, "what was measured elsewhere stands");
}

#[test]
fn what_was_counted_of_an_event_is_a_figure_of_its_run() {
    let mut one = recording(1, 9, "A", 0);
    let mut faults = testing::profile("A");
    (faults.info.name, faults.info.weight) = ("page-faults".into(), WeightKind::Events);
    let counted = faults.samples.total_weight().as_f64();
    one.profiles.push(Arc::new(faults));
    let kept = runs([(one.clone(), run(0))]).unwrap();
    assert!(counted > 0.0 && (kept.runs[0].metrics["page-faults"] - counted).abs() < 1e-9, "{:?}", kept.runs);
    let alone = crate::bench::BenchSet::of_bundle(&one, "a");
    assert_eq!(alone.benchmarks[0].metric("page-faults").map(|metric| metric.values.clone()), Some(vec![counted]));
}

#[test]
fn a_merged_bundle_is_read_as_it_was_written() {
    let bundle = three();
    let read = bundle::read(&bundle::write(&bundle).unwrap()).unwrap();
    assert_eq!(read.reading, []);
    assert_eq!((&read.runs, &read.timeline, &read.calls), (&bundle.runs, &bundle.timeline, &bundle.calls));
    assert_eq!(read.manifest.settings, bundle.manifest.settings);
    assert_eq!(read.manifest.benchmarks, bundle.manifest.benchmarks);
    assert_eq!(read.profiles[0].samples.time, bundle.profiles[0].samples.time);
    assert_eq!(testing::folded(&read.profiles[0]), testing::folded(&bundle.profiles[0]));
}

#[test]
fn resources_of_one_run_never_reach_into_another() {
    let bundle = three();
    let end = |index: usize| bundle.timeline.processes[index].end_ns.unwrap();
    let start = |index: usize| bundle.timeline.processes[index].start_ns;
    for (index, cpu) in [(0, 19.0), (1, 29.0), (2, 9.0)] {
        let total = series(&bundle.timeline, Metric::Cpu).total;
        let found = figures(&total, (start(index), end(index))).unwrap();
        assert!((found.sum * 1000.0 - cpu).abs() < 0.01, "{index}: {} ms of CPU time", found.sum * 1000.0);
    }
    let memory = figures(&series(&bundle.timeline, Metric::Memory).total, (Nanos(0), Nanos(u64::MAX))).unwrap();
    assert!((memory.peak - f64::from(30 << 20)).abs() < 1.0, "{}", memory.peak);
}

#[test]
fn a_warm_up_is_a_run_without_a_place_in_time() {
    let mut merger = Merger::new();
    merger.push_run(Run { warmup: true, ..run(0) });
    merger.push(&recording(7, 10, "A", 0), run(1), true).unwrap();
    let bundle = merger.finish().unwrap();
    let told: Vec<_> = bundle.runs.iter().map(|run| (run.order, run.warmup, run.t_ns)).collect();
    assert_eq!(told, [(0, true, None), (1, false, Some(Nanos(0)))]);
    assert_eq!(bundle.manifest.wall_ns, Some(Nanos(10 * MS)));
}

#[test]
fn many_recordings_have_enough_samples_together() {
    let parts = (0..60).map(|n| (recording(n + 1, 5, "A A\nB C", 0), run(n)));
    assert_eq!(runs(parts).unwrap().manifest.warnings, []);
}

#[test]
fn samples_know_their_part() {
    let (a, b) = (testing::profile("A A A\nB B C"), testing::profile("A D\nB ."));
    let (merged, parts) = profiles(&[(&a, Nanos(0)), (&b, Nanos(MS))]).unwrap();
    assert_eq!(parts, [0, 0, 1, 0, 1], "in order of time, equal times in order of parts");
    assert_eq!(testing::folded(&merged), "A;B 3\nA;C 1\nD 1\n");
    assert_eq!(merged.functions.rows.len(), 4, "equal functions are there once");
    let (merged, parts) = profiles(&[(&a.only(&[0, 2]), Nanos(0)), (&b, Nanos(0))]).unwrap();
    assert_eq!((merged.samples.time.is_none(), parts), (true, vec![0, 0, 1, 1]));
    assert_eq!(profiles(&[]), Err(MergeError::Nothing));
}

#[test]
fn live_bytes_and_time_are_not_added() {
    let time = testing::profile("A");
    let mut bytes = testing::profile("A");
    bytes.info.weight = WeightKind::Bytes;
    let found = profiles(&[(&time, Nanos(0)), (&bytes, Nanos(0))]);
    assert_eq!(found, Err(MergeError::Weights { profile: "cpu".into() }));
}

#[test]
fn random_profiles_keep_every_weight() {
    for seed in 0..20 {
        let parts: Vec<Profile> = (0..5).map(|n| testing::profile(&testing::random_picture(seed * 5 + n))).collect();
        let shifted: Vec<_> = parts.iter().zip(0..).map(|(part, n)| (part, Nanos(n * 7 * MS))).collect();
        let (merged, of) = profiles(&shifted).unwrap();
        for (index, part) in (0..).zip(&parts) {
            let rows: Vec<usize> = (0..of.len()).filter(|&row| of[row] == index).collect();
            assert_eq!(testing::folded(&merged.only(&rows)), testing::folded(part), "seed {seed}, part {index}");
        }
    }
}

#[test]
fn reached_rates_are_means_by_time() {
    let make = |samples: usize, reached: Option<f64>| {
        let mut builder = ProfileBuilder::new();
        let function = builder.function(FunctionSpec { name: "f", ..FunctionSpec::default() });
        let frame = builder.frame(FrameSpec { function, line: 0, inlined: false, address: 0 });
        let (stack, thread) = (builder.stack(None, frame), builder.thread(ThreadSpec::default()));
        for _ in 0..samples {
            builder.sample(SampleSpec { time: Some(Nanos(1)), stack, thread, weight: Nanos(MS), count: 1 });
        }
        let lost = reached.map(|_| 2);
        builder.finish(ProfileInfo { reached_hz: reached, lost, unwind_failures: 1, ..ProfileInfo::default() }).unwrap()
    };
    let (a, b, c) = (make(3, Some(400.0)), make(1, Some(800.0)), make(9, None));
    let info = profiles(&[(&a, Nanos(0)), (&b, Nanos(0))]).unwrap().0.info;
    assert_eq!((info.reached_hz, info.lost, info.unwind_failures), (Some(500.0), Some(4), 2));
    let info = profiles(&[(&c, Nanos(0)), (&a, Nanos(0))]).unwrap().0.info;
    assert_eq!((info.reached_hz, info.lost), (Some(400.0), None), "what one did not count is not known");
}
