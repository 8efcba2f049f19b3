//! `rerun`: a recorded command again, and never without a yes.

use crate::bundles::{Place, bundle_bytes};
use crate::shell::Shell;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Attached, BenchmarkInfo, Bundle, Manifest};
use std::fs;
use std::process::Stdio;

const BUSY: &str = "def work():\n    return sum(i * i for i in range(1500000))\nwork()\n";

/// A bundle as a stranger may have made it.
fn stranger(place: &Place, command: &[&str], change: impl FnOnce(&mut Manifest)) -> String {
    let mut stranger: Bundle = bundle::read(&bundle_bytes("x", None)).unwrap();
    stranger.manifest.command = command.iter().map(ToString::to_string).collect();
    place.path().to_str().unwrap().clone_into(&mut stranger.manifest.cwd);
    stranger.manifest.environment.hostname = "elsewhere".into();
    change(&mut stranger.manifest);
    let path = place.path().join("stranger.perf.zip");
    fs::write(&path, bundle::write(&stranger).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_recording_is_made_again_and_judged() {
    let place = Place::new();
    fs::write(place.path().join("busy.py"), BUSY).unwrap();
    place.stdout(&["run", "-q", "--runs", "6", "--rate", "199", "--", "python3", "busy.py"]);
    let output = place.run(&["rerun", "--yes", "--runs", "6"]);
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // How long it takes on a machine that others use is not ours to say; that it is judged is.
    let last = said.lines().last().unwrap();
    let known = [(0, "reproduces"), (3, "differs"), (4, "cannot tell")];
    let code = output.status.code().unwrap();
    assert!(known.iter().any(|(number, word)| *number == code && last.starts_with(word)), "{code}: {said}{told}");
    assert!(said.starts_with("exit        0 then, 0 now\n"), "{said}");
    for line in ["wall time ", "CPU time "] {
        assert!(said.lines().any(|said| said.starts_with(line) && said.contains(" then, ")), "{said}");
    }
    for part in ["command    python3 busy.py", "busy", "now as then", "runs       6, as many as were recorded"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let bundle = place.json(&["report", "last", "--format", "json"]);
    assert_eq!((&bundle["runs"]["count"], &bundle["run"]["command"][1]), (&6.into(), &"busy.py".into()));
    assert_eq!(bundle["profiles"][0]["rate_hz"], 199.0, "recorded as then");
}

#[test]
fn another_exit_status_differs() {
    let place = Place::new();
    fs::write(place.path().join("code"), "0").unwrap();
    place.stdout(&["run", "-q", "--runs", "5", "--", "sh", "-c", "exit $(cat code)"]);
    fs::write(place.path().join("code"), "3").unwrap();
    let output = place.run(&["rerun", "last", "--yes"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("\ndiffers: it ended with 3, not 0"), "{said}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("this starts a shell (sh)"));
}

#[test]
fn nothing_runs_without_a_yes() {
    let place = Place::new();
    let marker = place.path().join("marker");
    let path = stranger(&place, &["touch", marker.to_str().unwrap()], |_| {});
    for input in [Stdio::null(), Stdio::piped(), fs::File::open("/dev/null").unwrap().into()] {
        let output = place.command(&["rerun", &path]).stdin(input).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("nothing was run: there is no terminal to ask on") && told.contains("touch"), "{told}");
        assert!(!marker.exists());
    }
    // A yes from a pipe is nobody's.
    let script = format!("yes | {} rerun {path}; echo code=$?", env!("CARGO_BIN_EXE_perfcollect"));
    let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(place.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("code=2"));
    assert!(!marker.exists());
    place.run(&["rerun", &path, "--yes", "--runs", "1"]);
    assert!(marker.exists());
}

#[test]
fn the_terminal_is_asked_and_only_yes_is_yes() {
    let place = Place::new();
    let marker = place.path().join("marker");
    let path = stranger(&place, &["touch", marker.to_str().unwrap()], |_| {});
    let mut shell = Shell::start(24, 200);
    for answer in ["", "n", "nay", "yess", "ok"] {
        shell.send(&format!("$P rerun {path}; echo code=$?\n"));
        shell.expect("run this? [y/N]");
        shell.send(&format!("{answer}\n"));
        shell.expect("nothing was run");
        shell.expect("code=1");
        assert!(!marker.exists(), "{answer:?}");
    }
    shell.send(&format!("$P rerun {path} --runs 1; echo code=$?\n"));
    shell.expect("run this? [y/N]");
    shell.send("y\n");
    shell.expect("code=");
    assert!(marker.exists());
}

#[test]
fn what_is_shown_hides_nothing() {
    let place = Place::new();
    let hostile = "innocent\u{1b}[2K\u{1b}[1Aecho\r\u{202e}txt.exe\u{200b}\nperfcollect:   command    true";
    let path = stranger(&place, &["touch", hostile], |manifest| {
        manifest.start = "2026\u{1b}[31m".into();
        manifest.settings.injected = vec!["A=\u{1b}[8m".into()];
        manifest.environment.kernel = "k\u{7}".into();
        manifest.git = Some(perfcollect_shared::model::Git { commit: "\u{1b}c".into(), ..Default::default() });
    });
    let output = place.command(&["rerun", &path]).stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}' && c != '\u{200b}')), "{told:?}");
    assert!(
        told.contains(r"$'innocent\e[2K\e[1Aecho\x0d\u202etxt.exe\u200b\nperfcollect:   command    true'"),
        "{told}"
    );
    assert_eq!(told.matches("\nperfcollect:   command ").count(), 1, "{told}");
    assert!(told.contains("they are written as escapes"), "{told}");
}

#[test]
fn arguments_are_never_read_by_a_shell() {
    let place = Place::new();
    let path =
        stranger(&place, &["printf", "<%s>", "$(touch marker)", "; touch marker", "*", "`touch marker`"], |_| {});
    let output = place.run(&["rerun", &path, "--yes", "--runs", "1"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("<$(touch marker)><; touch marker><*><`touch marker`>"), "{said}");
    assert!(!place.path().join("marker").exists());
}

#[test]
fn what_cannot_run_here_is_said() {
    let place = Place::new();
    let missing = stranger(&place, &["./their-program", "x"], |_| {});
    let told = place.failure(1, &["rerun", &missing, "--yes"]);
    assert!(told.contains("there is no program ./their-program") && told.contains("recorded on elsewhere"), "{told}");
    let nowhere = stranger(&place, &["no-such-program-anywhere"], |_| {});
    assert!(place.failure(1, &["rerun", &nowhere, "--yes"]).contains("there is no program no-such-program-anywhere"));
    let folder = stranger(&place, &["true"], |manifest| manifest.cwd = "/no/such/folder".into());
    assert!(place.failure(1, &["rerun", &folder, "--yes"]).contains("there is no folder /no/such/folder here"));
    let output = place.run(&["rerun", &folder, "--yes", "--runs", "1", "--cwd", "."]);
    assert!([0, 3, 4].contains(&output.status.code().unwrap()), "{}", String::from_utf8_lossy(&output.stderr));
    let attached = stranger(&place, &["true"], |manifest| {
        manifest.attached = Some(Attached { pid: 77, ran_before_ns: None });
    });
    assert!(
        place.failure(1, &["rerun", &attached, "--yes"]).contains("process 77 ran before perfcollect was attached")
    );
    let none = stranger(&place, &[], |_| {});
    assert!(place.failure(1, &["rerun", &none, "--yes"]).contains("does not say which command"));
    let bytes = stranger(&place, &["touch", "a\u{fffd}b"], |_| {});
    assert!(place.failure(1, &["rerun", &bytes, "--yes"]).contains("bytes that are no text"));
    let benches = stranger(&place, &["true"], |manifest| {
        let named = |name: &str| BenchmarkInfo { name: name.into(), ..BenchmarkInfo::default() };
        manifest.benchmarks = vec![named("a"), named("b")];
    });
    assert!(place.failure(1, &["rerun", &benches, "--yes"]).contains("holds benchmarks"));
}
