//! Folders with bundles in them, and the binary run there.

use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, Exit, Manifest, Process, ResourceSample, Tool};
use perfcollect_shared::testing;
use perfcollect_shared::units::{Bytes, Nanos};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use tempfile::TempDir;

/// A working folder with a library of its own.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn library(&self) -> PathBuf {
        self.path().join(".perfcollect")
    }

    /// Puts a file into the library.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::create_dir_all(self.library()).unwrap();
        let path = self.library().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// `perfcollect` in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
        command.args(arguments).current_dir(self.path());
        for name in ["PERFCOLLECT_QUIET", "DISPLAY", "WAYLAND_DISPLAY"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Stdout of a command that must end with 0.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Stderr of a command that must end with this code.
    pub(crate) fn failure(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.lines().all(|line| line.starts_with("perfcollect: ")), "{stderr}");
        stderr
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.stdout(arguments)).unwrap()
    }
}

/// A small bundle: `main` calling `work` twice and `wait` once, one process with two resource samples.
pub(crate) fn bundle_bytes(program: &str, label: Option<&str>) -> Vec<u8> {
    let mut timeline = perfcollect_shared::model::Timeline::default();
    timeline.processes.push(Process { pid: 7, ppid: 1, name: "app".into(), ..Default::default() });
    for at in [0, 100] {
        let rss_bytes = Bytes(1 << 20);
        let t_ns = Nanos(at * 1_000_000);
        timeline.samples.push(ResourceSample { t_ns, pid: 7, rss_bytes, threads: 1, ..Default::default() });
    }
    let profile = testing::profile("main main main\nwork work wait");
    let mut manifest = Manifest {
        id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
        label: label.map(str::to_owned),
        tool: Tool { name: "perfcollect".into(), version: "0.1.0".into() },
        command: vec![format!("./{program}"), "--fast".into()],
        cwd: "/home/u".into(),
        exit: Exit { code: Some(3), signal: None },
        start: "2026-11-21T10:02:03Z".into(),
        wall_ns: Some(Nanos(1_500_000_000)),
        cpu_ns: Some(Nanos(3_000_000)),
        ..Default::default()
    };
    manifest.summary = perfcollect_shared::derive::summary::summarize(Some(&profile), &timeline);
    let bundle =
        Bundle { manifest, profiles: vec![Arc::new(profile)], timeline: Arc::new(timeline), ..Default::default() };
    bundle::write(&bundle).unwrap()
}
