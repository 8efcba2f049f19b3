//! What is left where rights are missing, and that every tool says the same about it.

use crate::native::{build, column, open, report, source};
use perfcollect_shared::model::{NATIVE_NOT_SAMPLED, Warning};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PERFCOLLECT: &str = env!("CARGO_BIN_EXE_perfcollect");
/// A user that nobody else is, so that what others lock in memory does not count.
const STRANGER: u32 = 54_321;
const NOBODY: u32 = 65_534;

fn output(command: &mut Command) -> Output {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; apt-get install util-linux"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done
}

/// A folder that any user may write to, with perfcollect in it: the build folder may be closed to others.
struct Open {
    folder: TempDir,
    perfcollect: PathBuf,
}

impl Open {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let perfcollect = folder.path().join("perfcollect");
        fs::copy(PERFCOLLECT, &perfcollect).unwrap();
        for name in ["split.py", "refuse.py"] {
            fs::copy(source(name), folder.path().join(name)).unwrap();
        }
        Self { folder, perfcollect }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The words that run a command as another user, where we may change users.
    fn as_user(user: u32) -> Vec<String> {
        let words = ["setpriv", "--reuid", &user.to_string(), "--regid", &user.to_string(), "--clear-groups"];
        if nix::unistd::geteuid().is_root() { words.map(str::to_owned).to_vec() } else { vec!["env".to_owned()] }
    }

    fn command(&self, before: &[String], arguments: &[&str]) -> Command {
        let mut command = Command::new(before.first().map_or(self.perfcollect.as_path(), |first| Path::new(first)));
        if let Some((_, rest)) = before.split_first() {
            command.args(rest).arg(&self.perfcollect);
        }
        command.args(arguments).current_dir(self.folder.path()).env_remove("PERFCOLLECT_QUIET");
        command.env("TMPDIR", self.folder.path());
        command
    }

    fn doctor(&self, before: &[String], check: &str) -> (String, String) {
        let done = output(&mut self.command(before, &["doctor", "--format", "json"]));
        let diagnosis: Value = serde_json::from_slice(&done.stdout).unwrap();
        let found = diagnosis["checks"].as_array().unwrap().iter().find(|found| found["id"] == check).unwrap().clone();
        let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
        (text("detail"), text("fix"))
    }
}

/// A Python that other users can run too.
fn python() -> &'static str {
    if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" }
}

fn message(report: &Value, code: &str) -> String {
    let warnings = report["warnings"].as_array().unwrap();
    let found = warnings.iter().find(|warning| warning["code"] == code);
    found.unwrap_or_else(|| panic!("no {code} in {warnings:?}"))["message"].as_str().unwrap().to_owned()
}

/// Python is there, and what else ran is one frame, so that shares are of all CPU time.
fn check_without_native(report: &Value) {
    let shares = column(report, "self_share");
    let python: f64 = ["hot70", "warm20", "cool10"].iter().filter_map(|name| shares.get(*name)).sum();
    assert!(python > 0.3 && python < 0.6, "{shares:?}");
    assert!((shares["hot70"] / python - 0.7).abs() < 0.08, "{shares:?}");
    let rest = shares[NATIVE_NOT_SAMPLED];
    assert!(rest > 0.35 && (rest + python - 1.0).abs() < 0.1, "{shares:?}");
    let (weight, cpu) =
        (report["profiles"][0]["weight_ns"].as_f64().unwrap(), report["run"]["cpu_ns"].as_f64().unwrap());
    assert!((weight / cpu - 1.0).abs() < 0.02, "{weight} of {cpu}");
    assert!(report["profiles"][0]["rate_hz"].is_null(), "native stacks had no rate");
}

#[test]
fn a_filter_that_refuses_the_system_call() {
    let place = Open::new();
    let native = build("split.c", &place.folder, &[]);
    let both = format!("{} split.py --seconds 1.2; {} 1.2", python(), native.display());
    for (errno, word) in [(libc_errno::EPERM, "refuses"), (libc_errno::ENOSYS, "hides")] {
        let before: Vec<String> = ["python3", "refuse.py", &errno.to_string()].map(str::to_owned).to_vec();
        let bundle = place.at("filtered.perf.zip");
        let done =
            output(&mut place.command(&before, &["run", "-o", bundle.to_str().unwrap(), "--", "sh", "-c", &both]));
        let report = report(&bundle);
        check_without_native(&report);
        let told = message(&report, "native_unavailable");
        let (reason, fix) = place.doctor(&before, "native_stacks");
        assert!(
            reason.contains("seccomp filter") && reason.contains(word) && fix.contains("seccomp=unconfined"),
            "{reason}"
        );
        assert_eq!(told, format!("native stacks were not recorded ({reason}); {fix}"), "doctor and bundle agree");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(said.contains(&told) && said.contains(NATIVE_NOT_SAMPLED), "{said}");
    }
}

mod libc_errno {
    pub(super) const EPERM: i32 = nix::errno::Errno::EPERM as i32;
    pub(super) const ENOSYS: i32 = nix::errno::Errno::ENOSYS as i32;
}

/// Ends a program of ours with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Rings are locked memory, of which each user has little. Where it is too little for full ones they are smaller; where
/// other recordings of the user have it all, Python is still sampled.
#[test]
fn too_little_locked_memory() {
    let place = Open::new();
    let native = build("split.c", &place.folder, &[]);
    let mut before = Open::as_user(STRANGER);
    before.extend(["prlimit", "--memlock=0:0"].map(str::to_owned));
    let small = place.at("small.perf.zip");
    let arguments =
        ["run", "--quiet", "--no-python", "-o", small.to_str().unwrap(), "--", native.to_str().unwrap(), "1"];
    output(&mut place.command(&before, &arguments));
    assert!(column(&report(&small), "self_share")["hot70"] > 0.6, "smaller rings will do");

    let mut others = Vec::new();
    for number in 0..3 {
        let other = place.at(&format!("other{number}.perf.zip"));
        let arguments = ["run", "--quiet", "--no-python", "-o", other.to_str().unwrap(), "--", "sleep", "120"];
        // What it runs outlives it by minutes, and must not hold the streams of the tests.
        let mut command = place.command(&before, &arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        others.push(Ended(command.spawn().unwrap()));
        wait_for(&place.at(&format!("other{number}.perf.zip.spool/timeline.jsonl")));
    }
    let bundle = place.at("none.perf.zip");
    let both = format!("{} split.py --seconds 1.2; {} 1.2", python(), native.display());
    output(&mut place.command(&before, &["run", "-o", bundle.to_str().unwrap(), "--", "sh", "-c", &both]));
    let report = report(&bundle);
    check_without_native(&report);
    let (reason, fix) = place.doctor(&before, "native_stacks");
    assert!(
        reason.contains("locked in memory") && fix.contains("sysctl kernel.perf_event_mlock_kb"),
        "{reason}; {fix}"
    );
    assert_eq!(message(&report, "native_unavailable"), format!("native stacks were not recorded ({reason}); {fix}"));
}

fn wait_for(file: &Path) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !file.exists() {
        assert!(Instant::now() < deadline, "{} did not come", file.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_ordinary_user_gets_the_functions_that_root_gets() {
    let place = Open::new();
    let native = build("split.c", &place.folder, &[]);
    let both = format!("{} split.py --seconds 1.5; {} 1.5", python(), native.display());
    let record = |before: &[String], name: &str| {
        let bundle = place.at(name);
        let arguments = ["run", "--quiet", "--rate", "999", "-o", bundle.to_str().unwrap(), "--", "sh", "-c", &both];
        output(&mut place.command(before, &arguments));
        bundle
    };
    let (ours, theirs) = (record(&[], "ours.perf.zip"), record(&Open::as_user(NOBODY), "theirs.perf.zip"));
    let names = |bundle: &Path, at_least: f64| -> BTreeSet<String> {
        let report = report(bundle);
        let functions = report["functions"].as_array().unwrap().iter();
        let kept = functions.filter(|f| f["language"] != "kernel" && f["total_share"].as_f64().unwrap() >= at_least);
        kept.map(|f| format!("{} {} {}", f["name"], f["file"], f["line"])).collect()
    };
    for (one, other) in [(&ours, &theirs), (&theirs, &ours)] {
        let missing: Vec<_> = names(one, 0.02).difference(&names(other, 0.0)).cloned().collect();
        assert_eq!(missing, [] as [String; 0]);
    }
    assert!(names(&theirs, 0.02).iter().any(|name| name.contains("hot70") && name.contains("split.py")));
    assert!(names(&theirs, 0.02).iter().any(|name| name.contains("hot70") && !name.contains("split.py")));
    if nix::unistd::geteuid().is_root() {
        let codes: Vec<_> = open(&theirs).manifest.warnings;
        if codes.iter().any(|warning| matches!(warning, Warning::KernelNotSampled { .. })) {
            let (reason, fix) = place.doctor(&Open::as_user(NOBODY), "kernel_stacks");
            let told = message(&report(&theirs), "kernel_not_sampled");
            assert!(told.contains(&reason) && told.ends_with(&fix), "{told} / {reason} / {fix}");
        }
    }
}

/// A Python that has protected its memory, as one with file capabilities is, cannot be read by its own user.
#[test]
fn a_program_that_hides_its_memory() {
    let place = Open::new();
    let script = "import ctypes, time\nctypes.CDLL(None).prctl(4, 0)\nend = time.process_time() + 1\n\
                  while time.process_time() < end: pass\nprint('done')";
    let bundle = place.at("hidden.perf.zip");
    let arguments = ["run", "--quiet", "-o", bundle.to_str().unwrap(), "--", python(), "-c", script];
    let done = output(&mut place.command(&Open::as_user(STRANGER), &arguments));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "done\n");
    let told = message(&report(&bundle), "python_unavailable");
    assert!(told.contains("protected itself") && told.contains("sudo perfcollect"), "{told}");
}

/// Names are in the bundle, not where it is read: neither binaries nor debug files nor sources are there.
#[test]
fn a_bundle_has_its_names_on_an_empty_machine() {
    let place = Open::new();
    let native = build("clocks.c", &place.folder, &["-g"]);
    let bundle = place.at("moved.perf.zip");
    let both = format!("{} split.py --seconds 1; {} 1", python(), native.display());
    let arguments = ["run", "--quiet", "--rate", "999", "-o", bundle.to_str().unwrap(), "--", "sh", "-c", &both];
    output(&mut place.command(&[], &arguments));
    let here = report(&bundle);

    // Nothing but perfcollect, the libraries that it needs, and the bundle.
    let empty = place.at("empty");
    for library in libraries() {
        let copy = empty.join(library.strip_prefix("/").unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&library, copy).unwrap();
    }
    fs::copy(PERFCOLLECT, empty.join("perfcollect")).unwrap();
    fs::rename(&bundle, empty.join("b.perf.zip")).unwrap();
    fs::remove_file(&native).unwrap();
    let mut there = Command::new("unshare");
    there.args(["--map-root-user", "chroot"]).arg(&empty).args([
        "/perfcollect",
        "report",
        "/b.perf.zip",
        "--format",
        "json",
    ]);
    let there: Value = serde_json::from_slice(&output(&mut there).stdout).unwrap();
    assert_eq!(there, here);
    let totals = column(&there, "total_share");
    for name in ["hot70", "warm20", "ask", "main"] {
        assert!(totals.get(name).is_some_and(|&share| share > 0.05), "{name} in {totals:?}");
    }
    let ask = there["functions"].as_array().unwrap().iter().find(|f| f["name"] == "ask").unwrap();
    assert!(ask["file"].as_str().unwrap().ends_with("clocks.c") && ask["line"].as_u64() > Some(0), "{ask}");
    // The kernel's own page of code has names too.
    let vdso: Vec<_> = there["functions"].as_array().unwrap().iter().filter(|f| f["module"] == "[vdso]").collect();
    let named = |f: &&&Value| f["name"].as_str().unwrap().contains("clock_gettime") || f["name"] == "do_hres";
    let share: f64 = vdso.iter().filter(named).map(|f| f["total_share"].as_f64().unwrap()).sum();
    assert!(share > 0.1, "{vdso:?}");
}

/// What the loader needs for perfcollect.
fn libraries() -> Vec<PathBuf> {
    let done = output(Command::new("ldd").arg(PERFCOLLECT));
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// Samples that found no room are counted and told: perfcollect itself is stopped while the program goes on.
#[test]
fn lost_samples_are_counted() {
    let place = Open::new();
    let native = build("split.c", &place.folder, &[]);
    let bundle = place.at("lost.perf.zip");
    let arguments = [
        "run",
        "--quiet",
        "--no-python",
        "--rate",
        "5000",
        "-o",
        bundle.to_str().unwrap(),
        "--",
        native.to_str().unwrap(),
        "2",
    ];
    let mut run = place.command(&[], &arguments).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&place.at("lost.perf.zip.spool/timeline.jsonl"));
    std::thread::sleep(Duration::from_millis(300));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(run.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    assert!(run.wait().unwrap().success());
    let report = report(&bundle);
    let lost = report["profiles"][0]["lost"].as_u64().unwrap();
    assert!(lost > 0, "{}", report["profiles"][0]);
    assert!(message(&report, "lost_samples").contains(" lost beside "), "{report}");
    // Those that were taken are still right.
    let shares = column(&report, "self_share");
    assert!((shares["hot70"] - 0.7).abs() < 0.06, "{shares:?}");
}
