//! Inside Python programs: they do and print what they would without us, and every call of theirs is counted.

use perfcollect_shared::model::{Bundle, Warning};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const OPTIONS: [&str; 4] = ["-X", "dev", "-W", "error"];

fn program(name: &str) -> String {
    format!("{}/../tests/data/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// One binary a version: the system's, those that pyenv installed, and those of `PERFCOLLECT_TEST_PYTHONS` (with colons).
pub(crate) fn interpreters() -> Vec<PathBuf> {
    let more = std::env::var_os("PERFCOLLECT_TEST_PYTHONS").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&more).collect();
    candidates.extend(["python3", "/usr/bin/python3"].map(PathBuf::from));
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let installed = std::fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin/python3")).collect();
    installed.sort();
    candidates.extend(installed);
    let mut seen = BTreeSet::new();
    let found: Vec<PathBuf> = candidates
        .iter()
        .filter_map(|path| version_of(path))
        .filter(|(version, real)| *version >= (3, 9) && seen.insert((*version, real.starts_with("/usr"))))
        .map(|(_, real)| real)
        .collect();
    assert!(!found.is_empty(), "no Python: apt-get install python3");
    found
}

fn version_of(python: &Path) -> Option<((u32, u32), PathBuf)> {
    let code = "import os, sys; print(*sys.version_info[:2], os.path.realpath(sys.executable))";
    let output = Command::new(python).args(["-c", code]).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut words = text.splitn(3, ' ');
    let (major, minor) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(((major, minor), PathBuf::from(words.next()?)))
}

struct Inside {
    output: Output,
    bundle: Bundle,
}

/// Runs a command from inside perfcollect, counting calls.
fn inside(command: &[&str], adjust: impl Fn(&mut Command)) -> Inside {
    let folder = tempfile::tempdir().unwrap();
    // Another user may come this way.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let target = folder.path().join("a.perf.zip");
    let mut run = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    run.args(["run", "--quiet", "--no-native", "--no-python", "--python", "calls", "-o"]).arg(&target).arg("--");
    adjust(run.args(command));
    let output = run.output().unwrap();
    let bytes = std::fs::read(&target).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    Inside { output, bundle: perfcollect_shared::bundle::read(&bytes).unwrap() }
}

/// The same without and with us: output and exit code must be equal, byte for byte.
fn same(command: &[&str], adjust: impl Fn(&mut Command)) -> Inside {
    let mut plain = Command::new(command[0]);
    adjust(plain.args(&command[1..]));
    let plain = plain.output().unwrap();
    let inside = inside(command, &adjust);
    let text = |bytes: &[u8]| without_addresses(&String::from_utf8_lossy(bytes));
    assert_eq!(text(&inside.output.stdout), text(&plain.stdout), "{command:?}\n{}", text(&inside.output.stderr));
    assert_eq!(text(&inside.output.stderr), text(&plain.stderr), "{command:?}");
    let code = |output: &Output| output.status.code();
    let signal = std::os::unix::process::ExitStatusExt::signal(&plain.status).map(|signal| 128 + signal);
    assert_eq!(code(&inside.output), code(&plain).or(signal), "{command:?}");
    inside
}

/// Addresses in memory differ from run to run.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + "0x…" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}

fn case(python: &Path, name: &str) -> Inside {
    let program = program("agent.py");
    let python = python.to_str().unwrap();
    same(&[&[python], &OPTIONS[..], &[&program, name]].concat(), |_| {})
}

impl Inside {
    fn calls_of(&self, name: &str) -> u64 {
        self.bundle.calls.iter().filter(|row| row.name == name).map(|row| row.calls).sum()
    }

    fn processes_of(&self, name: &str) -> usize {
        let rows = self.bundle.calls.iter().filter(|row| row.name == name);
        rows.map(|row| row.pid).collect::<BTreeSet<_>>().len()
    }

    fn warnings(&self) -> Vec<&Warning> {
        let ours = |warning: &&Warning| {
            matches!(warning, Warning::PythonNotEntered { .. } | Warning::AgentFailed { .. } | Warning::AgentCut { .. })
        };
        self.bundle.warnings().filter(ours).collect()
    }
}

/// Calls of `work` in each of these cases, on every interpreter, and nothing else of us to be seen.
fn check(cases: &[(&str, u64, usize)]) {
    for python in interpreters() {
        for &(name, calls, processes) in cases {
            let inside = case(&python, name);
            let what = format!("{} {name}: {:?}", python.display(), inside.warnings());
            assert_eq!((inside.calls_of("work"), inside.processes_of("work")), (calls, processes), "{what}");
            assert_eq!(inside.warnings().len(), 0, "{what}");
        }
    }
}

#[test]
fn a_program_sees_nothing_of_us() {
    check(&[("returns", 1000, 1), ("looks", 10, 1)]);
}

#[test]
fn calls_are_counted_however_a_process_ends() {
    check(&[("exits", 10, 1), ("raises", 10, 1), ("leaves", 10, 1), ("execs", 1010, 1)]);
}

#[test]
fn children_are_entered_however_they_are_made() {
    check(&[("forks", 40, 4), ("daemon", 20, 2), ("children", 30, 3)]);
}

#[test]
fn workers_of_pools_are_counted_though_they_are_ended_by_a_signal() {
    for python in interpreters() {
        for name in ["pool_fork", "pool_spawn", "pool_forkserver", "executor"] {
            let inside = case(&python, name);
            let expect = if name == "executor" { 80 } else { 90 };
            assert_eq!(inside.calls_of("work"), expect, "{} {name}: {:?}", python.display(), inside.warnings());
        }
    }
}

#[test]
fn a_worker_that_is_not_woken_by_the_signal_that_ends_it_ends_all_the_same() {
    for python in interpreters() {
        let inside = inside(&[python.to_str().unwrap(), &program("agent.py"), "pool_unseen"], |_| {});
        let said = String::from_utf8_lossy(&inside.output.stdout);
        assert_eq!(said, "10\nTrue\n", "{} {:?}", python.display(), inside.output);
        assert_eq!(inside.calls_of("work"), 10);
    }
}

#[test]
fn threads_generators_and_coroutines_are_counted() {
    check(&[("threads", 820, 1), ("generators", 100, 1), ("interrupted", 100, 1)]);
}

#[test]
fn a_program_that_drops_its_rights_is_still_counted() {
    check(&[("moves", 10, 1)]);
}

/// What is counted is what cProfile counts, in functions of the program and of the library that it uses.
#[test]
fn counts_are_those_of_cprofile() {
    for python in interpreters() {
        let folder = tempfile::tempdir().unwrap();
        let (bundle, ours, theirs) =
            (folder.path().join("a.perf.zip"), folder.path().join("a.prof"), folder.path().join("b.prof"));
        let mut run = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
        run.args(["run", "--quiet", "--no-native", "--no-python", "--python", "calls", "-o"]).arg(&bundle).arg("--");
        assert!(run.arg(&python).arg(program("calls.py")).output().unwrap().status.success());
        let mut export = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
        export.arg("export").arg(&bundle).args(["--to", "pstats", "-o"]).arg(&ours);
        assert!(export.output().unwrap().status.success());
        let mut oracle = Command::new(&python);
        oracle.args(["-m", "cProfile", "-o"]).arg(&theirs).arg(program("calls.py"));
        assert!(oracle.output().unwrap().status.success());
        let compared = Command::new(&python).arg(program("compare_prof.py")).arg(&ours).arg(&theirs).output().unwrap();
        let text = String::from_utf8_lossy(&compared.stdout);
        assert!(compared.status.success() && text.starts_with("equal"), "{}: {text}{compared:?}", python.display());
    }
}

#[test]
fn a_killed_program_loses_no_more_than_since_its_last_flush() {
    for python in interpreters() {
        let inside = inside(&[python.to_str().unwrap(), &program("agent.py"), "killed"], |_| {});
        let made: u64 = String::from_utf8_lossy(&inside.output.stdout).trim().parse().unwrap();
        let counted = inside.calls_of("work");
        assert!(counted <= made && counted * 10 > made, "{counted} of {made}");
        assert!(matches!(inside.warnings()[..], [Warning::AgentCut { .. }]), "{:?}", inside.warnings());
    }
}

#[test]
fn a_program_that_profiles_itself_is_left_alone() {
    for python in interpreters() {
        for (name, at_least) in [("own_profiler", 10), ("own_hook", 10)] {
            let inside = case(&python, name);
            assert!(inside.calls_of("work") >= at_least, "{} {name}", python.display());
        }
    }
}

#[test]
fn where_python_is_told_to_keep_us_out_that_is_said() {
    for python in interpreters() {
        for flag in ["-I", "-S", "-E"] {
            let python = python.to_str().unwrap();
            let command = [python, flag, "-c", "import time; time.sleep(0.4); print(6 * 7)"];
            let inside = same(&command, |_| {});
            let [Warning::PythonNotEntered { processes, reason, .. }] = &inside.warnings()[..] else {
                panic!("{command:?}: {:?}", inside.warnings())
            };
            assert!(processes.len() == 1 && reason.starts_with(flag), "{processes:?} {reason}");
        }
    }
}

/// The program's own sitecustomize runs as without us, whether it is good, fails, or lies in a virtual environment.
#[test]
fn the_next_sitecustomize_has_its_turn() {
    let show = "import sys; print([n for n in sys.modules if 'customize' in n], sys.path[:2])";
    for python in interpreters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::write(path.join("usercustomize.py"), "print('user')").unwrap();
        for text in ["print('own', __name__, __file__)", "raise ValueError('no')", "import nothing_such"] {
            std::fs::write(path.join("sitecustomize.py"), text).unwrap();
            let command = [python.to_str().unwrap(), "-c", show];
            let inside = same(&command, |run| {
                run.env("PYTHONPATH", path);
            });
            assert_eq!(inside.warnings().len(), 0, "{:?}", inside.warnings());
        }
        let venv = path.join("venv");
        let made =
            Command::new(&python).args(["-m", "venv", "--without-pip", "--symlinks"]).arg(&venv).output().unwrap();
        if !made.status.success() {
            // Debian keeps ensurepip, and with it venv, in a package of its own; the layout alone is enough.
            assert!(String::from_utf8_lossy(&made.stdout).contains("python3-venv"), "{made:?}");
            continue;
        }
        let site = venv.join("lib").read_dir().unwrap().next().unwrap().unwrap().path().join("site-packages");
        std::fs::write(site.join("sitecustomize.py"), "print('of the environment')").unwrap();
        let inside = same(&[venv.join("bin/python").to_str().unwrap(), "-c", show], |_| {});
        // Debian's own sitecustomize comes before that of an environment.
        let first = python.starts_with("/usr") || inside.output.stdout.starts_with(b"of the environment");
        assert!(first && !inside.bundle.calls.is_empty(), "{}", python.display());
    }
}

/// A spool that cannot be written to costs the figures, nothing else.
#[test]
fn a_full_disk_is_not_the_programs_concern() {
    for python in interpreters() {
        let line = format!("ulimit -f 0; exec {} {} exits", python.display(), program("agent.py"));
        same(&["sh", "-c", &line], |_| {});
    }
}

/// Packages that `tests/run tools` installs.
pub(crate) fn packages() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python");
    assert!(folder.join("flask").exists(), "the Python packages of the tests are missing: tests/run tools");
    folder
}

#[test]
fn flask_and_its_test_client_pass_through() {
    let packages = packages();
    for python in interpreters() {
        let inside = same(&[python.to_str().unwrap(), &program("wild/shop.py")], |run| {
            run.env("PYTHONPATH", &packages).env("PYTHONDONTWRITEBYTECODE", "1");
        });
        assert_eq!((inside.calls_of("price"), inside.calls_of("show")), (50, 50), "{}", python.display());
        assert_eq!(inside.warnings().len(), 0, "{:?}", inside.warnings());
    }
}

#[test]
fn pytest_and_the_processes_of_xdist_pass_through() {
    let packages = packages();
    for python in interpreters() {
        let tests = program("wild");
        let options = ["-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"];
        let command = [&[python.to_str().unwrap()], &options[..], &[&tests]].concat();
        let inside = inside(&command, |run| {
            run.env("PYTHONPATH", &packages).env("PYTHONDONTWRITEBYTECODE", "1");
        });
        let said = String::from_utf8_lossy(&inside.output.stdout);
        assert!(inside.output.status.success() && said.contains("20 passed"), "{}: {said}", python.display());
        assert!(inside.output.stderr.is_empty(), "{}", String::from_utf8_lossy(&inside.output.stderr));
        assert_eq!((inside.calls_of("test_prices"), inside.calls_of("price")), (20, 60), "{}", python.display());
        assert_eq!(inside.processes_of("price"), 2, "{}", python.display());
        assert_eq!(inside.warnings().len(), 0, "{:?}", inside.warnings());
    }
}
