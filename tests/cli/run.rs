//! `run`: the program behaves as without us, its exit code is ours, and what was recorded is not lost.

use crate::bundles::Place;
use pprof::protos::{Message, Profile};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

fn sh(place: &Place, script: &str) -> Output {
    place.run(&["run", "-q", "--", "sh", "-c", script])
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Pseudo-random bytes, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn the_exit_code_is_the_programs_own() {
    let place = Place::new();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
        ("kill -SEGV $$", 139),
        ("kill -40 $$", 168),
        ("sh -c 'exit 4' | cat; exit 6", 6),
    ] {
        let output = sh(&place, script);
        assert_eq!(output.status.code(), Some(code), "{script}: {}", stderr(&output));
        assert_eq!((stderr(&output).as_str(), output.stdout.as_slice()), ("", &b""[..]), "{script}");
    }
}

#[test]
fn what_cannot_be_started_says_so() {
    let place = Place::new();
    fs::write(place.path().join("text"), "no program").unwrap();
    fs::write(place.path().join("script"), "#!/no/such/interpreter\n").unwrap();
    assert!(Command::new("chmod").arg("+x").arg(place.path().join("script")).status().unwrap().success());
    for (code, program, said) in [
        (127, "no-such-program", "no program `no-such-program` in PATH"),
        (127, "./no-such-program", "no program `./no-such-program`"),
        (127, "", "no program ``"),
        (127, "./script", "interpreter"),
        (126, "./text", "permission denied"),
        (126, "/", "cannot be executed"),
    ] {
        let said_indeed = place.failure(code, &["run", "--", program]);
        assert!(said_indeed.contains(said), "{program}: {said_indeed}");
    }
    let usage = place.run(&["run"]);
    assert_eq!(usage.status.code(), Some(2), "{}", stderr(&usage));
    let left: Vec<_> = fs::read_dir(place.library()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| name.to_string_lossy().starts_with('.')), "nothing is left behind: {left:?}");
}

#[test]
fn where_the_bundle_cannot_be_written_the_program_is_not_started() {
    let place = Place::new();
    fs::write(place.path().join("file"), "").unwrap();
    fs::create_dir(place.path().join("folder")).unwrap();
    for output in ["file/x.perf.zip", "no/such/folder/x.perf.zip", "/proc/x.perf.zip", "folder"] {
        let said = place.failure(125, &["run", "-o", output, "--", "touch", "started"]);
        assert!(said.contains(output.split('/').next().unwrap()), "{said}");
        assert!(!place.path().join("started").exists(), "{output}");
    }
    fs::write(place.library(), "a file where the library would be").unwrap();
    let said = place.failure(125, &["run", "--", "touch", "started"]);
    assert!(said.contains("-o FILE") && !place.path().join("started").exists(), "{said}");
}

#[test]
fn a_recording_that_was_cut_short_is_not_overwritten() {
    let place = Place::new();
    let spool = place.path().join("x.perf.zip.spool");
    fs::create_dir(&spool).unwrap();
    fs::write(spool.join("manifest.json"), "{}").unwrap();
    let said = place.failure(125, &["run", "-o", "x.perf.zip", "--", "touch", "started"]);
    assert!(said.contains("recover") && !place.path().join("started").exists(), "{said}");
    assert_eq!(fs::read_to_string(spool.join("manifest.json")).unwrap(), "{}");
}

#[test]
fn bytes_pass_unchanged() {
    let place = Place::new();
    let sent = noise(10 << 20);
    let mut child = place
        .command(&["run", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn({
        let sent = sent.clone();
        move || stdin.write_all(&sent)
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.stdout == sent, "{} bytes of {} came back", output.stdout.len(), sent.len());
    assert!(output.status.success());
}

#[test]
fn our_words_come_after_the_programs_and_only_on_stderr() {
    let place = Place::new();
    let output = place.run(&["run", "--", "sh", "-c", "echo out; echo err >&2"]);
    assert_eq!(output.stdout, b"out\n");
    let said = stderr(&output);
    let ours = said.strip_prefix("err\n").unwrap();
    assert!(ours.lines().count() <= 10 && ours.lines().all(|line| line.starts_with("perfcollect: ")), "{said}");
    assert!(ours.contains("perfcollect serve .perfcollect/0001-sh-"), "{said}");
    let quiet = place.command(&["run", "--", "true"]).env("PERFCOLLECT_QUIET", "1").output().unwrap();
    assert_eq!(stderr(&quiet), "");
}

/// What a program can see of how it was started. Pipes have other numbers each time.
const SEEN: &str = "grep -E '^(Sig(Blk|Ign|Cgt)|NoNewPrivs|Seccomp|CapEff|Cpus_allowed|NSpid|Groups|Uid)' /proc/self/status \
    | grep -v NSpid; ls /proc/self/fd; ulimit -a; ulimit -aH; env | sort; nice; pwd; umask; cut -d' ' -f5,6 /proc/$$/stat; \
    cat /proc/$$/oom_score_adj /proc/$$/cgroup /proc/$$/coredump_filter";

#[test]
fn the_program_finds_everything_as_without_us() {
    let place = Place::new();
    for setting in [
        "",
        "trap '' PIPE",
        "trap '' INT QUIT CHLD",
        "exec <&-",
        "exec <&- 2>&-",
        "exec 7</dev/null",
        "ulimit -n 100; ulimit -c 0; ulimit -s 4096",
        "umask 077",
    ] {
        let seen = |before: &str| {
            let script = format!("{setting}\nexec {before} sh -c \"$0\"");
            let output = Command::new("sh")
                .args(["-c", &script, SEEN])
                .current_dir(place.path())
                .env("PERFCOLLECT", env!("CARGO_BIN_EXE_perfcollect"))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let plain = seen("nice -n 5");
        assert!(plain.contains("SigBlk") && plain.lines().count() > 30, "{plain}");
        // What every program gets: where to report of itself if it likes, and the recorder that Python finds.
        let ours = |line: &&str| line.starts_with("PERFCOLLECT_EVENTS=") || line.starts_with("PYTHONPATH=");
        let lines =
            |text: &str| -> Vec<String> { text.lines().filter(|line| !ours(line)).map(str::to_owned).collect() };
        let unnamed = seen("nice -n 5 \"$PERFCOLLECT\" run -q --jit off --");
        assert_eq!(lines(&plain), lines(&unnamed), "{setting}");
        // All that asking Node for names changes.
        let mut named = lines(&seen("nice -n 5 \"$PERFCOLLECT\" run -q --"));
        named.retain(|line| !line.starts_with("NODE_OPTIONS="));
        assert_eq!(lines(&plain), named, "{setting}");
    }
}

#[test]
fn readers_and_writers_see_the_programs_end_not_ours() {
    let place = Place::new();
    let mut child =
        place.command(&["run", "-q", "--", "yes"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "y\n");
    assert_eq!(child.wait().unwrap().code(), Some(141), "ended by SIGPIPE");
}

#[test]
fn a_program_that_closes_its_streams_is_recorded() {
    let place = Place::new();
    let output = sh(&place, "exec <&- >&- 2>&-; sleep 0.25; exit 5");
    assert_eq!(output.status.code(), Some(5));
    let report = place.json(&["report", "last", "--format", "json"]);
    assert!(report["resources"]["samples"].as_u64().unwrap() >= 2, "{report}");
}

#[test]
fn a_daemon_outlives_the_recording() {
    let place = Place::new();
    let output = sh(&place, "(setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $! > pid); sleep 0.1");
    assert_eq!(output.status.code(), Some(0));
    let pid = fs::read_to_string(place.path().join("pid")).unwrap();
    let alive = Path::new("/proc").join(pid.trim()).join("stat").exists();
    assert!(Command::new("kill").arg(pid.trim()).status().unwrap().success());
    assert!(alive);
    let report = place.json(&["report", "last", "--format", "json"]);
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("survivors") && warnings.contains(&format!("sleep ({})", pid.trim())), "{warnings}");
}

#[test]
fn the_tree_is_in_the_bundle() {
    let place = Place::new();
    let work = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
    let script = format!("sh -c '{work}' | cat; {work} & wait");
    let output = place.run(&["run", "-o", "x.zip", "--label", "pipes", "--tag", "a", "--", "sh", "-c", &script]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let bundle = perfcollect_shared::bundle::read(&fs::read(place.path().join("x.zip")).unwrap()).unwrap();
    let manifest = &bundle.manifest;
    assert_eq!((manifest.label.as_deref(), manifest.tags.as_slice()), (Some("pipes"), &["a".to_owned()][..]));
    assert_eq!(manifest.command[..2], ["sh", "-c"]);
    assert!(!manifest.partial && manifest.wall_ns > Some(perfcollect_shared::units::Nanos::ZERO));
    assert!(manifest.overhead.collector_cpu_ns.is_some() && manifest.overhead.finish_ns.is_some());
    let names: Vec<&str> = bundle.timeline.processes.iter().map(|process| process.name.as_str()).collect();
    assert!(names.iter().filter(|&&name| name == "sh").count() >= 3 && names.contains(&"cat"), "{names:?}");
    // Sums of a process never go back.
    for process in &bundle.timeline.processes {
        let of = bundle.timeline.samples.iter().filter(|sample| sample.pid == process.pid);
        let cpu: Vec<_> = of.map(|sample| (sample.user_ns, sample.system_ns)).collect();
        assert!(cpu.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "{cpu:?}");
    }
    let sampled = bundle.timeline.samples.iter().map(|s| s.user_ns + s.system_ns).max().unwrap();
    assert!(sampled <= manifest.cpu_ns.unwrap() + perfcollect_shared::units::Nanos(20_000_000));
}

#[test]
fn the_time_of_a_process_that_lost_its_parent_counts() {
    let place = Place::new();
    let work = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo through > through";
    let script = format!("(sh -c '{work}' & ); while [ ! -e through ]; do sleep 0.05; done; sleep 0.3");
    assert_eq!(sh(&place, &script).status.code(), Some(0));
    let path = fs::read_dir(place.library()).unwrap().flatten().map(|entry| entry.path());
    let path = path.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "zip")).unwrap();
    let bundle = perfcollect_shared::bundle::read(&fs::read(path).unwrap()).unwrap();
    let most = bundle.timeline.samples.iter().map(|s| s.user_ns + s.system_ns).max().unwrap();
    assert!(bundle.manifest.cpu_ns.unwrap() > most, "{:?} is less than {most:?}", bundle.manifest.cpu_ns);
}

#[test]
fn open_shows_the_recording_until_it_is_told_to_end() {
    let place = Place::new();
    let mut child = place
        .command(&["run", "--open", "--port", "0", "--", "sh", "-c", "echo out; exit 4"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    let port: u16 = loop {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "no address: {said}");
        let address = said.split("http://127.0.0.1:").nth(1);
        if let Some(port) = address.and_then(|rest| rest.split('/').next()) {
            break port.parse().unwrap();
        }
    };
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    write!(stream, "GET /api/library HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("0001-sh-"), "{answer}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(4), &b"out\n"[..]), "{said}");
}

/// The limit that `ulimit -f` sets is ours too; the program's own output goes into a pipe.
#[test]
fn where_our_files_cannot_grow_the_programs_code_stands() {
    let place = Place::new();
    let run = |strict: &str| {
        let script = "i=0; while [ $i -lt 10 ]; do i=$((i+1)); sleep 0.05 & sleep 0.05; done; echo done; exit 3";
        let limited = format!("ulimit -f 8; exec \"$0\" run {strict} -q -o limited{strict}.zip -- sh -c '{script}'");
        let output = Command::new("sh")
            .args(["-c", &limited, env!("CARGO_BIN_EXE_perfcollect")])
            .current_dir(place.path())
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"done\n");
        (output.status.code(), stderr(&output))
    };
    let (code, said) = run("");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("not complete") && said.contains("File too large"), "{said}");
    let (code, said) = run("--strict");
    assert_eq!(code, Some(125), "{said}");
}

/// A disk of its own, filled by the program that is recorded.
#[test]
fn a_full_disk_keeps_the_spool_until_there_is_room() {
    let place = Place::new();
    let script = "
        mount -t tmpfs -o size=200k tmpfs disk || exit 99
        \"$0\" run --no-caches -o disk/x.zip -- sh -c 'sleep 0.3; dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null; sleep 0.7; exit 3'
        echo \"code $?\"
        ls disk disk/x.zip.spool
        rm disk/fill
        \"$0\" recover disk/x.zip.spool && ls disk && cp disk/x.zip saved.zip";
    fs::create_dir(place.path().join("disk")).unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_perfcollect")])
        .current_dir(place.path())
        .output()
        .expect("install util-linux: apt-get install util-linux");
    let (out, said) = (String::from_utf8_lossy(&output.stdout), stderr(&output));
    assert!(out.starts_with("code 3\n"), "{out}{said}");
    assert!(out.contains("timeline.jsonl"), "the spool is kept: {out}{said}");
    assert!(said.contains("recover disk/x.zip.spool"), "{said}");
    assert!(output.status.success(), "{out}{said}");
    let bundle = perfcollect_shared::bundle::read(&fs::read(place.path().join("saved.zip")).unwrap()).unwrap();
    assert!(bundle.manifest.partial && !bundle.timeline.samples.is_empty());
}

#[test]
fn our_own_profile_is_a_pprof_file() {
    let place = Place::new();
    let output = place.run(&["run", "--self-profile", "self.pb", "--", "sleep", "0.2"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let mut bytes = Vec::new();
    fs::File::open(place.path().join("self.pb")).unwrap().read_to_end(&mut bytes).unwrap();
    Profile::decode(bytes.as_slice()).unwrap();
}
