//! Spools as a recorder leaves them, packed and read back.

use super::{EndOfRun, pack};
use crate::spool::{self, LineWriter, RawFrame, StackWriter, StreamCounts};
use crate::symbolize::Images;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{
    Bundle, Exit, KERNEL_NOT_SAMPLED, Manifest, Overhead, PYTHON_MODULE, Process, ResourceSample, Settings,
    TimelineLine, Warning,
};
use perfcollect_shared::testing::folded;
use perfcollect_shared::units::{Bytes, Nanos};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

const MS: u64 = 1_000_000;

/// A recording of a program `app` with process 10, in a folder of its own.
struct Recording {
    folder: tempfile::TempDir,
    manifest: Manifest,
}

impl Recording {
    fn new() -> Self {
        let settings = Settings { native_rate_hz: Some(1000.0), ..Default::default() };
        let manifest = Manifest {
            format: 1,
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
            command: vec!["./app".into()],
            start: "2026-11-21T10:00:00Z".into(),
            settings,
            ..Default::default()
        };
        Self { folder: tempfile::tempdir().unwrap(), manifest }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("0001-app-9g5fav.perf.zip")
    }

    fn spool(&self) -> PathBuf {
        spool::folder_of(&self.target())
    }

    fn write(&self, samples: impl FnOnce(&mut StackWriter), timeline: &[TimelineLine]) {
        let spool = self.spool();
        fs::create_dir_all(&spool).unwrap();
        fs::write(spool.join(spool::MANIFEST), serde_json::to_vec(&self.manifest).unwrap()).unwrap();
        let mut writer = StackWriter::create(&spool.join(spool::NATIVE)).unwrap();
        samples(&mut writer);
        assert!(writer.finish().is_none());
        let mut lines = LineWriter::create(&spool.join(spool::TIMELINE)).unwrap();
        for line in timeline {
            lines.push(line);
        }
        assert!(lines.finish().is_none());
    }

    fn pack(&self, end: Option<&EndOfRun>) -> Bundle {
        let packed = pack(&self.spool(), &self.target(), Images::default(), end).unwrap();
        assert_eq!(packed.path, self.target());
        let bytes = fs::read(&packed.path).unwrap();
        assert_eq!(packed.bytes, Bytes(bytes.len() as u64));
        assert!(!self.spool().exists(), "the spool is removed");
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 1, "nothing else is left");
        bundle::read(&bytes).unwrap()
    }
}

fn end() -> EndOfRun {
    EndOfRun {
        exit: Exit { code: Some(3), signal: None },
        wall_ns: Nanos(900 * MS),
        user_ns: Some(Nanos(300 * MS)),
        system_ns: Some(Nanos(100 * MS)),
        peak_process_rss_bytes: Some(Bytes(5000)),
        overhead: Overhead { collector_cpu_ns: Some(Nanos(7)), ..Default::default() },
        counters: [("l1d_misses".to_owned(), 5)].into(),
        warnings: vec![Warning::Survivors { processes: vec!["sleep".into()] }],
        partial: false,
        ended: Instant::now(),
        show_progress: false,
    }
}

fn process() -> TimelineLine {
    TimelineLine::Process(Process { pid: 10, ppid: 1, name: "app".into(), ..Default::default() })
}

fn reading(at: u64, user: u64, system: u64) -> TimelineLine {
    TimelineLine::Sample(ResourceSample {
        t_ns: Nanos(at * MS),
        pid: 10,
        user_ns: Nanos(user * MS),
        system_ns: Nanos(system * MS),
        rss_bytes: Bytes(4096),
        threads: 1,
        ..Default::default()
    })
}

/// `main` calling `work` 200 times, `[libx.so.1]` 100 times; no stack 5 times. 1 ms each.
fn samples(writer: &mut StackWriter) {
    let module = writer.module("/opt/lib/libx.so.1", "ab");
    let named = |name: &str| RawFrame::Named {
        module: PYTHON_MODULE.into(),
        name: name.into(),
        file: "a.py".into(),
        start_line: 1,
        line: 2,
    };
    let main = writer.frame(named("main"));
    let work = writer.frame(named("work"));
    let deep = [writer.frame(RawFrame::Native(module, 64)), writer.frame(RawFrame::Native(module, 128))];
    let root = writer.stack(None, main);
    let leaf = writer.stack(Some(root), work);
    let native = deep.map(|frame| writer.stack(Some(root), frame));
    let thread = writer.thread(10, 10, || ("main".into(), "app".into()));
    for n in 0..305 {
        let stack = match n {
            0..200 => Some(leaf),
            200..300 => Some(native[n % 2]),
            _ => None,
        };
        writer.sample(Nanos(n as u64 * MS), stack, thread, Nanos(MS));
    }
    writer.counts(&StreamCounts { lost: 2, unwind_failures: 5, ..Default::default() });
}

#[test]
fn a_finished_recording_becomes_a_bundle() {
    let recording = Recording::new();
    recording.write(samples, &[process(), reading(100, 50, 10), reading(200, 100, 30)]);
    let bundle = recording.pack(Some(&end()));
    let manifest = &bundle.manifest;
    assert_eq!(manifest.exit.code, Some(3));
    assert_eq!((manifest.wall_ns, manifest.cpu_ns), (Some(Nanos(900 * MS)), Some(Nanos(400 * MS))));
    assert_eq!(manifest.summary.peak_process_rss_bytes, Some(Bytes(5000)));
    assert_eq!((manifest.summary.samples, manifest.summary.resource_samples), (305, 2));
    assert_eq!(manifest.overhead.collector_cpu_ns, Some(Nanos(7)));
    assert!(manifest.overhead.finish_ns.is_some() && manifest.overhead.collector_rss_bytes.is_some());
    assert!(!manifest.partial && bundle.reading.is_empty());
    let profile = bundle.main_profile().unwrap();
    assert_eq!(folded(profile), "main;work 200\nmain;[libx.so.1] 100\n[unknown] 5\n");
    assert_eq!(profile.info.unsymbolicated, 100);
    let expect = [
        Warning::Survivors { processes: vec!["sleep".into()] },
        Warning::UnwindFailures { failed: 5, samples: 305 },
        Warning::LostSamples { profile: "cpu".into(), lost: 2, samples: 305 },
        Warning::Unsymbolicated { samples: 100, of: 305, modules: vec!["/opt/lib/libx.so.1".into()] },
    ];
    assert_eq!(manifest.warnings, expect);
}

#[test]
fn a_recording_cut_short_is_partial_and_its_end_is_not_known() {
    let recording = Recording::new();
    recording.write(samples, &[process(), reading(100, 50, 10)]);
    let cut = |name: &str| {
        let mut file = fs::File::options().append(true).open(recording.spool().join(name)).unwrap();
        file.write_all(b"{\"s\":[300").unwrap();
    };
    cut(spool::NATIVE);
    cut(spool::TIMELINE);
    let bundle = recording.pack(None);
    assert!(bundle.manifest.partial);
    assert_eq!(bundle.manifest.exit, Exit::default());
    assert_eq!((bundle.manifest.wall_ns, bundle.manifest.cpu_ns), (None, None));
    assert_eq!(bundle.main_profile().unwrap().info.samples, 305);
    let codes = &bundle.manifest.warnings;
    assert!(codes.iter().any(|warning| matches!(warning, Warning::Partial { .. })), "{codes:?}");
    assert!(!codes.iter().any(|warning| matches!(warning, Warning::SkippedLines { .. })), "{codes:?}");
}

#[test]
fn damage_in_the_middle_of_a_spool_is_told() {
    let recording = Recording::new();
    recording.write(samples, &[process(), reading(100, 50, 10)]);
    let path = recording.spool().join(spool::TIMELINE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("\0\0\0\n{text}")).unwrap();
    let bundle = recording.pack(None);
    let skipped = bundle.manifest.warnings.iter().find_map(|warning| match warning {
        Warning::SkippedLines { member, count, first_line, .. } => Some((member.as_str(), *count, *first_line)),
        _ => None,
    });
    assert_eq!(skipped, Some((spool::TIMELINE, 3, 1)));
}

#[test]
fn kernel_time_that_was_not_sampled_is_a_frame_of_its_own() {
    let mut recording = Recording::new();
    let [reason, fix] = ["paranoid".to_owned(), "sysctl".to_owned()];
    recording.manifest.warnings.push(Warning::KernelNotSampled { reason, fix });
    recording.write(samples, &[process(), reading(100, 80, 40), reading(400, 220, 180)]);
    let bundle = recording.pack(Some(&end()));
    let profile = bundle.main_profile().unwrap();
    assert_eq!(profile.samples.total_weight(), Nanos(400 * MS), "shares are of all CPU time");
    assert!(folded(profile).contains(KERNEL_NOT_SAMPLED), "{}", folded(profile));
}

#[test]
fn few_samples_are_told_and_none_is_no_failure() {
    let recording = Recording::new();
    recording.write(|_| {}, &[process()]);
    let bundle = recording.pack(Some(&end()));
    let warnings = &bundle.manifest.warnings;
    assert!(warnings.contains(&Warning::FewSamples { profile: "cpu".into(), samples: 0 }), "{warnings:?}");
    assert!(warnings.contains(&Warning::ShortLivedProcesses { count: 1 }), "{warnings:?}");
}

#[test]
fn without_samplers_there_is_no_profile() {
    let mut recording = Recording::new();
    recording.manifest.settings.native_rate_hz = None;
    recording.write(|_| {}, &[process(), reading(100, 50, 10)]);
    assert!(recording.pack(Some(&end())).profiles.is_empty());
}

#[test]
fn a_target_that_cannot_be_written_keeps_the_spool_and_says_how_to_go_on() {
    let recording = Recording::new();
    recording.write(samples, &[process()]);
    let target = recording.folder.path().join("not there/x.perf.zip");
    let error = pack(&recording.spool(), &target, Images::default(), Some(&end())).unwrap_err();
    let told = format!("{error:#}");
    assert!(told.contains("perfcollect recover ") && told.contains(" -o ELSEWHERE"), "{told}");
    assert!(recording.spool().join(spool::NATIVE).exists());
}

#[test]
fn a_spool_left_behind_by_its_own_bundle_does_not_replace_it() {
    let recording = Recording::new();
    recording.write(samples, &[process()]);
    recording.pack(Some(&end()));
    recording.write(|_| {}, &[process()]);
    let bundle = recording.pack(None);
    assert_eq!((bundle.manifest.exit.code, bundle.manifest.partial), (Some(3), false));
}

#[test]
fn a_folder_that_is_no_spool_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let error = pack(temp.path(), Path::new("x.perf.zip"), Images::default(), None).unwrap_err();
    assert!(format!("{error:#}").contains("is not the folder of a recording"), "{error:#}");
    assert!(temp.path().exists());
}
