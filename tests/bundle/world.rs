//! Bundles to test with, and what they say as text.

use perfcollect_shared::model::{
    Bundle, CacheRecord, CacheSeries, CallCount, CallerCount, Exit, FrameSpec, FunctionSpec, KeyTrace, LineCount,
    Lookup, Manifest, MemorySnapshot, ModuleId, Process, Profile, ProfileBuilder, ProfileInfo, ResourceSample,
    SampleSpec, SnapshotReason, SourceChunk, StackId, ThreadSpec, Timeline, Tool, WeightKind,
};
use perfcollect_shared::units::{Bytes, Nanos};
use std::fmt::Write as _;
use std::sync::Arc;

/// A bundle with two profiles (native with inlined calls and threads, Python with uneven weights) and a timeline.
pub(crate) fn bundle() -> Bundle {
    let mut bundle = Bundle { manifest: manifest(), ..Default::default() };
    bundle.profiles.push(Arc::new(profile()));
    bundle.profiles.push(Arc::new(untimed()));
    bundle.timeline = Arc::new(timeline());
    bundle
}

/// As `bundle`, with what only some recordings have: traced memory, counted lines, captured source.
pub(crate) fn traced() -> Bundle {
    let mut bundle = bundle();
    bundle.profiles.push(Arc::new(alloc()));
    let snapshot = |t: u64, bytes: u64, reason| MemorySnapshot {
        pid: 7,
        t_ns: Nanos(t),
        current_bytes: Bytes(bytes),
        peak_bytes: Bytes(900),
        blocks: Some(4),
        tracer_bytes: None,
        cost_ns: Some(Nanos(5)),
        reason,
    };
    bundle.memory = Arc::new(vec![snapshot(10, 500, SnapshotReason::Start), snapshot(30, 700, SnapshotReason::Exit)]);
    let line = |line, hits| LineCount {
        pid: 7,
        file: "/home/u/app/orders.py".into(),
        line,
        hits,
        self_ns: Nanos(hits * 100),
        total_ns: Nanos(hits * 150),
    };
    let call = |name: &str, callers| CallCount {
        pid: 7,
        file: "/home/u/app/orders.py".into(),
        line: 3,
        name: name.into(),
        calls: 1 << 40,
        primitive: 1,
        self_ns: Nanos(5),
        total_ns: Nanos(9),
        callers,
    };
    let caller = CallerCount { row: 0, calls: 2, primitive: 1, self_ns: Nanos(3), total_ns: Nanos(4) };
    bundle.calls = Arc::new(vec![call("f", Vec::new()), call("<lambda>", vec![caller])]);
    bundle.lines = Arc::new(vec![line(3, 1), line(4, 1 << 40)]);
    let chunk = |start, changed| SourceChunk {
        file: "/home/u/app/orders.py".into(),
        start,
        lines: vec!["def ü(x):".into(), String::new(), "\treturn \"\u{0}\"".into()],
        changed,
    };
    bundle.source = Arc::new(vec![chunk(1, false), chunk(40, true)]);
    let cache = |pid, hits| CacheRecord {
        name: "orders.price_of".into(),
        library: "functools".into(),
        file: Some("/home/u/app/orders.py".into()),
        line: Some(3),
        pid: Some(pid),
        hits: Some(hits),
        misses: Some(0),
        capacity: Some(128),
        series: CacheSeries {
            t_ns: vec![5, 9],
            hits: vec![None, Some(hits)],
            misses: vec![None, Some(0)],
            ..CacheSeries::default()
        },
        ..CacheRecord::default()
    };
    bundle.caches = Arc::new(vec![cache(7, 1 << 40), cache(7, 0)]);
    bundle.keys = vec![Arc::new(keys("7-0", Vec::new())), Arc::new(keys("7-1", vec![0, 70_000, 3]))];
    bundle
}

/// Three lookups of two keys.
fn keys(name: &str, size: Vec<u32>) -> KeyTrace {
    KeyTrace {
        name: name.into(),
        cache: "orders.price_of".into(),
        library: "functools".into(),
        pid: Some(7),
        rate: 0.1,
        requests: 31,
        hashes: vec![u64::MAX, 5],
        t_ns: vec![0, 40, 1 << 40],
        key: vec![0, 1, 0],
        kind: vec![Lookup::Miss, Lookup::Expired, Lookup::Hit],
        cost_ns: vec![800, 1 << 33, 0],
        size,
        ..KeyTrace::default()
    }
}

/// Live bytes of two processes at different times; one stack of each is gone at its end.
pub(crate) fn alloc() -> Profile {
    let mut builder = ProfileBuilder::new();
    let stacks = ["<module>@[python] load@[python]", "<module>@[python] keep@[python]", "[other]@[python]"]
        .map(|names| stack(&mut builder, names));
    let threads = [7, 8].map(|pid| builder.thread(ThreadSpec { pid, tid: pid, name: "main", process: "python3" }));
    let rows = [
        (10, 0, 0, 300, 3),
        (10, 0, 1, 200, 1),
        (20, 1, 1, 50, 2),
        (30, 0, 1, 650, 2),
        (30, 0, 2, 50, 2),
        (40, 1, 2, 0, 0),
    ];
    for (time, thread, stack, weight, count) in rows {
        let (thread, stack) = (threads[thread], stacks[stack]);
        builder.sample(SampleSpec { time: Some(Nanos(time)), stack, thread, weight: Nanos(weight), count });
    }
    let info = ProfileInfo { name: "alloc".into(), weight: WeightKind::Bytes, ..Default::default() };
    builder.finish(info).expect("a valid profile")
}

pub(crate) fn manifest() -> Manifest {
    Manifest {
        format: 1,
        id: "01JABCDEFGHJKMNPQRSTVWXYZ0".into(),
        tool: Tool { name: "perfcollect".into(), version: "0.1.0".into() },
        command: vec!["python3".into(), "orders.py".into()],
        cwd: "/home/u/app".into(),
        exit: Exit { code: Some(0), signal: None },
        start: "2026-11-21T07:10:00.5Z".into(),
        wall_ns: Some(Nanos(2_500_000_000)),
        ..Default::default()
    }
}

/// A stack of functions, callers first. `name@module` sets the module, `~name` is inlined into the one before.
fn stack(builder: &mut ProfileBuilder, names: &str) -> StackId {
    let mut at = None;
    let mut address = 0;
    for name in names.split_whitespace() {
        let (inlined, name) = name.strip_prefix('~').map_or((false, name), |name| (true, name));
        let (name, module) = name.split_once('@').unwrap_or((name, "/home/u/app/bin"));
        let native = !module.starts_with('[');
        let module: ModuleId = builder.module(module, if native { "00c0ffee" } else { "" });
        if !inlined {
            address = if native { 0x1000 + name.len() as u64 } else { 0 };
        }
        let function = builder.function(FunctionSpec {
            name,
            system_name: &format!("_Z{name}"),
            file: &format!("src/{name}.c"),
            start_line: 10,
            module,
        });
        let frame = builder.frame(FrameSpec { function, line: 12, inlined, address });
        at = Some(builder.stack(at, frame));
    }
    at.expect("a stack has a frame")
}

pub(crate) fn profile() -> Profile {
    let mut builder = ProfileBuilder::new();
    let stacks = [
        "main parse",
        "main parse ~scan ~next",
        "main parse ~scan",
        "<module>@[python] handle@[python] join@[python]",
        "main parse ~scan leaf@/usr/lib/libc.so.6",
        "main",
    ]
    .map(|names| stack(&mut builder, names));
    let threads = [
        ThreadSpec { pid: 7, tid: 7, name: "main", process: "app" },
        ThreadSpec { pid: 7, tid: 9, name: "worker", process: "app" },
        ThreadSpec::default(),
    ]
    .map(|thread| builder.thread(thread));
    for sample in 0..40_u64 {
        let pick = usize::try_from(sample * 7 % 11).expect("small");
        builder.sample(SampleSpec {
            time: Some(Nanos(sample / 2 * 2_004_008)),
            stack: stacks[pick % stacks.len()],
            thread: threads[pick % threads.len()],
            weight: Nanos(2_000_000 + sample % 5),
            count: 1,
        });
    }
    builder
        .finish(ProfileInfo { name: "cpu".into(), lost: Some(2), rate_hz: Some(499.0), ..Default::default() })
        .expect("a valid profile")
}

/// Sums over stacks, as an importer gives them.
pub(crate) fn untimed() -> Profile {
    let mut builder = ProfileBuilder::new();
    let stacks = ["main", "main read", "main read wait"].map(|names| stack(&mut builder, names));
    let thread = builder.thread(ThreadSpec { pid: 7, tid: 7, name: "main", process: "app" });
    for (stack, count) in stacks.into_iter().zip(1..) {
        let weight = Nanos(u64::from(count) * 10);
        builder.sample(SampleSpec { time: None, stack, thread, weight, count });
    }
    let info = ProfileInfo { name: "wall".into(), weight: WeightKind::Wall, ..Default::default() };
    builder.finish(info).expect("a valid profile")
}

pub(crate) fn timeline() -> Timeline {
    let process = Process { pid: 7, ppid: 1, name: "python3".into(), end_ns: Some(Nanos(9)), ..Default::default() };
    let child = Process { pid: 8, ppid: 7, name: "gzip".into(), ..Default::default() };
    let sample = |t: u64, pid| ResourceSample {
        t_ns: Nanos(t * 100_000_000),
        pid,
        user_ns: Nanos(t * 90_000_000),
        rss_bytes: Bytes(10 << 20),
        threads: 2,
        open_files: (pid == 7).then_some(5),
        ..Default::default()
    };
    Timeline { processes: vec![process, child], samples: (0..3).flat_map(|t| [sample(t, 7), sample(t, 8)]).collect() }
}

/// All that a profile says of what was sampled, one line per sample, so that row numbers do not matter.
pub(crate) fn dump(profile: &Profile) -> String {
    let mut text = format!("{:?}\n", profile.info);
    for row in 0..profile.samples.len() {
        let samples = &profile.samples;
        let thread = profile.threads.get(samples.thread[row]);
        let time = samples.time.as_ref().map(|time| time[row].0);
        write!(
            text,
            "{time:?} {}/{} {}/{} {}x {}",
            thread.pid,
            thread.tid,
            profile.string(thread.process),
            profile.string(thread.name),
            samples.count[row],
            samples.weight[row].0
        )
        .expect("text");
        for frame in profile.stacks.frames(samples.stack[row]) {
            let frame = profile.frames.get(frame);
            let function = profile.function(frame.function);
            let module = profile.modules.get(function.module);
            write!(
                text,
                " < {}{}|{}|{}:{}:{}|{}|{}+{:#x}",
                if frame.inlined { "~" } else { "" },
                profile.string(function.name),
                profile.string(function.system_name),
                profile.string(function.file),
                function.start_line,
                frame.line,
                profile.string(module.build_id),
                profile.string(module.path),
                frame.address,
            )
            .expect("text");
        }
        text.push('\n');
    }
    text
}

/// As `dump`, with the lines of an untimed profile in one order.
pub(crate) fn dump_sorted(profile: &Profile) -> String {
    let mut lines: Vec<String> = dump(profile).lines().map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}
