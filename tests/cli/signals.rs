//! `run` and signals: from `kill`, and from a terminal with a shell that has job control.

use crate::bundles::Place;
use crate::shell::Shell;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

/// A program under `run` that said it is ready.
fn started(place: &Place, script: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = place
        .command(&["run", "-q", "--", "sh", "-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("ready"), "{line}");
    (child, stdout)
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn rest(mut stdout: BufReader<ChildStdout>) -> String {
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_is_sent_to_us_alone_reaches_the_program_once() {
    let place = Place::new();
    for (name, signal) in [
        ("TERM", Signal::SIGTERM),
        ("INT", Signal::SIGINT),
        ("HUP", Signal::SIGHUP),
        ("QUIT", Signal::SIGQUIT),
        ("USR1", Signal::SIGUSR1),
        ("USR2", Signal::SIGUSR2),
        ("WINCH", Signal::SIGWINCH),
        ("ALRM", Signal::SIGALRM),
    ] {
        // Waits until the signal came, however long that takes here, and then whether it comes again.
        let script = format!(
            "left=300; trap 'echo {name}; left=4' {name}; echo ready
             while [ $left -gt 0 ]; do sleep 0.1; left=$((left-1)); done; exit 6"
        );
        let (mut child, stdout) = started(&place, &script);
        send(&child, signal);
        assert_eq!(rest(stdout), format!("{name}\n"));
        assert_eq!(child.wait().unwrap().code(), Some(6), "{name}");
    }
}

#[test]
fn a_signal_that_ends_the_program_is_its_exit_code() {
    let place = Place::new();
    let (mut child, _stdout) = started(&place, "echo ready; exec sleep 100");
    send(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let report = place.json(&["report", "last", "--format", "json"]);
    assert_eq!(report["run"]["exit_code"], 143, "{report}");
}

#[test]
fn a_program_that_ignores_signals_goes_on() {
    let place = Place::new();
    let (mut child, stdout) = started(&place, "trap '' TERM INT HUP; echo ready; sleep 0.4; echo through; exit 2");
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        send(&child, signal);
    }
    assert_eq!(rest(stdout), "through\n");
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn a_stop_without_a_terminal_stops_the_program_alone() {
    let place = Place::new();
    let (mut child, mut stdout) = started(&place, "echo ready $$; sleep 1; echo through; exit 8");
    // Nobody watches this job: whoever stopped the program continues it, and not us.
    let pid = {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
        Pid::from_raw(children.split_ascii_whitespace().next().unwrap().parse().unwrap())
    };
    kill(pid, Signal::SIGSTOP).unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(text, "through\n");
    assert_eq!(child.wait().unwrap().code(), Some(8));
}

#[test]
fn the_program_has_the_terminal_and_its_size() {
    let mut shell = Shell::start(33, 77);
    let script = "test -t 0 && test -t 1 && test -t 2 && stty size; trap \"stty size; exit 4\" WINCH; echo rea\"\"dy; \
                  while :; do sleep 0.05; done";
    shell.send(&format!("$P run -q -- sh -c '{script}'; echo code=$?\n"));
    shell.expect("33 77");
    shell.expect("ready");
    shell.resize(40, 100);
    shell.expect("40 100");
    shell.expect("code=4");
}

#[test]
fn ctrl_c_and_ctrl_backslash_reach_the_program_once_and_not_us() {
    let mut shell = Shell::start(24, 80);
    for (key, name, code) in [("\x03", "INT", 130), ("\x1c", "QUIT", 131)] {
        shell.send(&format!(
            "$P run -q -- sh -c 'left=300; trap \"echo g\"\"ot; left=4\" {name}; echo rea\"\"dy; \
             while [ $left -gt 0 ]; do sleep 0.1; left=$((left-1)); done; exit 5'; echo code=$?\n"
        ));
        shell.expect("ready");
        shell.send(key);
        shell.expect("got");
        assert_eq!(shell.expect("code=5").matches("got").count(), 0, "once");
        shell.send("$P run -q -- sh -c 'ulimit -c 0; echo rea\"\"dy; exec sleep 100'; echo code=$?\n");
        shell.expect("ready");
        shell.send(key);
        shell.expect(&format!("code={code}"));
    }
}

#[test]
fn ctrl_z_stops_both_and_fg_goes_on_with_both() {
    let mut shell = Shell::start(24, 80);
    shell.send("$P run -q -- sh -c 'echo rea\"\"dy; read x; echo g\"\"ot $x; exit 9'; echo code=$?\n");
    shell.expect("ready");
    shell.send("\x1a");
    shell.expect("Stopped");
    shell.send("jobs -l; fg; echo code=$?\n");
    shell.expect("Stopped");
    // What is typed before the program has the terminal may go to the shell.
    shell.until("hello\n", "got hello");
    shell.expect("code=9");
}

#[test]
fn a_job_in_the_background_that_reads_is_stopped_as_without_us() {
    let mut shell = Shell::start(24, 80);
    shell.send("$P run -q -- sh -c 'read x; echo g\"\"ot $x; exit 9' &\n");
    shell.until("jobs\n", "Stopped");
    shell.send("fg; echo code=$?\n");
    shell.until("some words\n", "got some words");
    shell.expect("code=9");
}

#[test]
fn the_program_and_a_pager_share_the_terminal() {
    let mut shell = Shell::start(24, 80);
    shell.send("$P run -q -- seq 5 | tac | tr '\\n' ,; echo code=${PIPESTATUS[0]}\n");
    shell.expect("5,4,3,2,1,");
    shell.expect("code=0");
}
