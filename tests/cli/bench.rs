//! `perfcollect bench`: real commands, their figures, and everything that goes wrong with commands.

use perfcollect::spool;
use perfcollect_shared::bundle::read;
use perfcollect_shared::model::{Bundle, Run, Warning};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfcollect"));
    command.arg("bench").args(args).current_dir(folder).stdin(Stdio::null()).env_remove("PERFCOLLECT_QUIET");
    command
}

fn bench(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(folder, args).output().expect("perfcollect starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let (code, stdout, stderr) = bench(folder, &[&["--format", "json"], args].concat());
    assert_eq!(code, Some(0), "{stderr}");
    serde_json::from_str(&stdout).expect("one object of JSON")
}

/// The only bundle of a folder.
fn bundle(folder: &Path) -> Bundle {
    let library = fs::read_dir(folder.join(".perfcollect")).expect("a library");
    let mut paths =
        library.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().ends_with(".perf.zip"));
    let bundle = read(&fs::read(paths.next().expect("a bundle")).expect("reads")).expect("a bundle");
    assert_eq!((paths.next(), bundle.reading.len()), (None, 0));
    bundle
}

fn counted(bundle: &Bundle) -> Vec<&Run> {
    bundle.runs.iter().filter(|run| run.counts()).collect()
}

/// A program written for a test.
fn compiled(folder: &Path, name: &str, options: &[&str], source: &str) -> String {
    let (text, program) = (folder.join(format!("{name}.c")), folder.join(name));
    fs::write(&text, source).expect("writes");
    let built = Command::new("gcc").arg("-O1").args(options).arg("-o").arg(&program).arg(&text).status();
    assert!(built.expect("gcc is installed (apt-get install gcc)").success());
    program.to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn two_commands_are_measured_and_compared() {
    let temp = tempfile::tempdir().unwrap();
    let report = json(temp.path(), &["--runs", "8", "--warmup", "2", "-n", "short", "sleep 0.01", "sleep 0.1"]);
    let benchmarks = report["benchmarks"].as_array().unwrap();
    assert_eq!(benchmarks[0]["name"], "short");
    assert_eq!(benchmarks[1]["name"], "sleep 0.1");
    assert_eq!(benchmarks[1]["command"], serde_json::json!(["sleep", "0.1"]));
    for benchmark in benchmarks {
        for metric in ["wall_ns", "cpu_ns"] {
            let figures = &benchmark["metrics"][metric];
            assert_eq!((figures["n"].as_u64(), figures["values"].as_array().map(Vec::len)), (Some(8), Some(8)));
            let of = |name: &str| figures[name].as_f64().unwrap_or_else(|| panic!("{metric} {name}: {figures}"));
            assert!(of("min") <= of("low") && of("low") <= of("median"), "{figures}");
            assert!(of("median") <= of("high") && of("high") <= of("max"), "{figures}");
            assert!(of("mean") >= of("min") && of("stddev") >= 0.0, "{figures}");
        }
    }
    let wall = &benchmarks[1]["metrics"]["wall_ns"]["min"];
    assert!(wall.as_f64().unwrap() >= 1e8, "{wall}: sleep sleeps at least so long");
    let of_wall = report["comparisons"].as_array().unwrap().iter().find(|one| one["metric"] == "wall_ns").unwrap();
    assert_eq!((of_wall["base"].as_str(), of_wall["new"].as_str()), (Some("short"), Some("sleep 0.1")));
    assert_eq!(of_wall["verdict"], "slower", "{of_wall}");
    assert_eq!(of_wall["runs"], 8);
    assert!(report["warnings"].is_array());

    let bundle = bundle(temp.path());
    assert_eq!((bundle.runs.len(), counted(&bundle).len()), (20, 16));
    assert!(bundle.runs[..4].iter().all(|run| run.warmup), "warm-ups come first");
    let in_order = bundle.runs.iter().zip(0..).all(|(run, order)| run.order == order);
    assert!(in_order && bundle.runs.is_sorted_by_key(|run| run.t_ns), "{:?}", bundle.runs);
    assert!(bundle.runs[4].load.is_some(), "read before the first block");
    let settings = &bundle.manifest.settings.bench;
    assert_eq!((settings["runs"].as_str(), settings["warmup"].as_str()), ("8", "2"));
    assert!(settings["seed"].parse::<u64>().is_ok());
    assert_eq!(bundle.manifest.exit.code, Some(0));
    assert!(!bundle.manifest.partial && bundle.manifest.command.starts_with(&["perfcollect".into(), "bench".into()]));
}

#[test]
fn blocks_hold_every_benchmark_once_in_an_order_that_the_seed_tells() {
    let temp = tempfile::tempdir().unwrap();
    let orders = |name: &str, seed: &str| -> Vec<Vec<String>> {
        let folder = temp.path().join(name);
        fs::create_dir(&folder).unwrap();
        let (code, stdout, stderr) = bench(&folder, &["-q", "-r", "12", "--seed", seed, "true", "echo", "echo 2"]);
        assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
        let bundle = bundle(&folder);
        let blocks = bundle.runs.chunks(3).map(|block| {
            assert!(block.iter().all(|run| run.block == block[0].block), "{block:?}");
            block.iter().map(|run| run.benchmark.clone()).collect::<Vec<_>>()
        });
        blocks.collect()
    };
    let one = orders("one", "7");
    for block in &one {
        let mut sorted = block.clone();
        sorted.sort();
        assert_eq!(sorted, ["echo", "echo 2", "true"]);
    }
    assert!(one.iter().any(|block| *block != one[0]), "{one:?}");
    assert_eq!(one, orders("again", "7"));
    assert_ne!(one, orders("other", "8"));
}

#[test]
fn memory_is_the_programs_own_and_not_that_of_its_parent() {
    let temp = tempfile::tempdir().unwrap();
    let source = "#include <stdlib.h>\nint main(int n, char **v) { long size = atol(v[1]) << 20; \
                  volatile char *m = malloc(size); for (long i = 0; i < size; i += 4096) m[i] = 1; return 0; }";
    let program = compiled(temp.path(), "hold", &[], source);
    let arguments: Vec<String> = [8, 64, 20].iter().map(|mib| format!("{program} {mib}")).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = json(temp.path(), &[&["-r", "5"][..], &arguments].concat());
    for (benchmark, mib) in report["benchmarks"].as_array().unwrap().iter().zip([8.0, 64.0, 20.0]) {
        for value in benchmark["metrics"]["rss_bytes"]["values"].as_array().unwrap() {
            let more = value.as_f64().unwrap() / 1_048_576.0 - mib;
            assert!((0.0..3.0).contains(&more), "{mib} MiB and {more} more");
        }
    }
    let floor = bundle(temp.path()).manifest.overhead.child_rss_floor_bytes.unwrap();
    assert!(floor.0 < 6 << 20, "{floor:?}: what a program is started by is to be small");
}

#[test]
fn a_program_that_needs_less_than_its_parent_has_no_peak() {
    let temp = tempfile::tempdir().unwrap();
    let program = compiled(temp.path(), "nothing", &["-static"], "int main(void) { return 0; }");
    let report = json(temp.path(), &["-r", "20", &program]);
    assert_eq!(report["benchmarks"][0]["metrics"]["rss_bytes"], Value::Null);
    let told = report["warnings"].to_string();
    assert!(told.contains("perfcollect's own part"), "{told}");
}

#[test]
fn cpu_time_is_not_time_that_is_slept() {
    let temp = tempfile::tempdir().unwrap();
    let spin = "while :; do case $(($(date +%s%N) - t)) in ?????????*) exit;; esac; done";
    fs::write(temp.path().join("spin.sh"), format!("t=$(date +%s%N)\n{spin}\n")).unwrap();
    let report = json(temp.path(), &["-r", "3", "sleep 0.3", "sh spin.sh"]);
    let median =
        |index: usize, metric: &str| report["benchmarks"][index]["metrics"][metric]["median"].as_f64().unwrap();
    assert!(median(0, "cpu_ns") < median(0, "wall_ns") / 10.0, "sleep uses no processor");
    assert!(median(1, "cpu_ns") > median(0, "cpu_ns") * 5.0, "with children that were waited for");
}

#[test]
fn a_failing_run_ends_it_and_what_was_measured_stays() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("third.sh"), "echo x >> count; [ $(wc -l < count) -lt 3 ] || exit 9").unwrap();
    let (code, _, stderr) = bench(temp.path(), &["-r", "10", "--", "sh", "third.sh"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("`sh third.sh` ended with exit code 9 in run 3"), "{stderr}");
    let runs = bundle(temp.path());
    assert_eq!(runs.runs.iter().map(|run| run.exit.code).collect::<Vec<_>>(), [Some(0), Some(0), Some(9)]);
    assert!(runs.manifest.partial);

    for (flag, count) in [("-i", 13), ("--ignore-failure=8,9", 13)] {
        fs::remove_dir_all(temp.path().join(".perfcollect")).unwrap();
        fs::remove_file(temp.path().join("count")).unwrap();
        let (code, stdout, stderr) = bench(temp.path(), &["-r", "13", flag, "--", "sh", "third.sh"]);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(stdout.contains("11 runs failed"), "{stdout}");
        assert_eq!(counted(&bundle(temp.path())).len(), count);
    }
    fs::remove_dir_all(temp.path().join(".perfcollect")).unwrap();
    let (code, _, stderr) = bench(temp.path(), &["-r", "3", "--ignore-failure=8", "sh -c 'kill -SEGV $$'"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("killed by signal 11 in run 1"), "{stderr}");
}

#[test]
fn a_run_that_takes_too_long_is_killed_with_what_it_started() {
    let temp = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let (code, _, stderr) = bench(temp.path(), &["-r", "3", "--timeout", "200ms", "--shell", "sleep 500 & sleep 600"]);
    assert_eq!(code, Some(1));
    assert!(begun.elapsed() < Duration::from_secs(100), "the whole group is killed");
    assert!(stderr.contains("took longer than 200ms in run 1"), "{stderr}");
    fs::remove_dir_all(temp.path().join(".perfcollect")).unwrap();
    let (code, _, stderr) = bench(temp.path(), &["-i", "-r", "3", "--timeout", "200ms", "sleep 600", "true"]);
    assert_eq!(code, Some(0), "{stderr}");
    let bundle = bundle(temp.path());
    assert_eq!(bundle.runs.iter().filter(|run| run.timed_out).count(), 3);
    assert!(counted(&bundle).iter().all(|run| run.benchmark == "true"));
}

#[test]
fn nonsense_is_told_before_anything_runs() {
    let temp = tempfile::tempdir().unwrap();
    let check = |args: &[&str], code: i32, text: &str| {
        let (found, stdout, stderr) = bench(temp.path(), args);
        assert_eq!((found, stdout.as_str()), (Some(code), ""), "{args:?}: {stderr}");
        assert!(stderr.contains(text), "{args:?}: {stderr}");
        assert!(!temp.path().join("ran").exists(), "{args:?}");
    };
    check(&["touch ran", "no-such-program-here x"], 1, "there is no program `no-such-program-here` in PATH");
    check(&["touch ran", "/proc/version"], 1, "`/proc/version` cannot be executed");
    check(&["touch ran", "echo 'a"], 2, "the single quote at byte 5 of the command `echo 'a` is never closed");
    check(&[], 2, "no command to measure");
    check(&["--runs", "0", "touch ran"], 2, "at least one run");
    check(&["-P", "n", "1", "5", "-D", "0", "touch ran"], 2, "a step of 0 never reaches 5");
    check(&["-P", "n", "1", "5", "-D", "-1", "touch ran"], 2, "there is no value");
    check(&["--input", "missing", "touch ran"], 1, "cannot read missing");
    check(&["--output", "no/file", "touch ran"], 1, "cannot write no/file");
    check(&["--export-json", "no/file", "touch ran"], 1, "cannot write no/file");
    check(&["-o", "no/bundle.perf.zip", "touch ran"], 1, "cannot write no/bundle.perf.zip");
    check(&["--setup", "echo out of luck >&2; exit 3", "touch ran"], 1, "out of luck");
}

#[test]
fn parameters_hooks_and_streams_are_as_in_hyperfine() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("in.txt"), "five\nlines\nof\nreal\ntext\n").unwrap();
    let log = |what: &str| format!("echo {what} >> log");
    let report = json(
        temp.path(),
        &["-r", "2", "-L", "n", "1,2", "--setup", &log("setup-{n}"), "--prepare", &log("prepare-{n}")]
            .into_iter()
            .chain(["--conclude", &log("conclude-{n}"), "--cleanup", &log("cleanup-{n}"), "--input", "in.txt"])
            .chain(["--output", "out.txt", "-n", "head {n} {m}", "head -n {n}"])
            .collect::<Vec<_>>(),
    );
    let names: Vec<&str> =
        report["benchmarks"].as_array().unwrap().iter().map(|benchmark| benchmark["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["head 1 {m}", "head 2 {m}"]);
    assert_eq!(report["benchmarks"][1]["parameters"], serde_json::json!({"n": "2"}));
    let out = fs::read_to_string(temp.path().join("out.txt")).unwrap();
    assert!(["five\n", "five\nlines\n"].contains(&out.as_str()), "each run writes it anew: {out:?}");
    let log = fs::read_to_string(temp.path().join("log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines[..2].join(" "), lines[10..].join(" ")), ("setup-1 setup-2".into(), "cleanup-1 cleanup-2".into()));
    for pair in lines[2..10].chunks(2) {
        let number = pair[0].strip_prefix("prepare-").unwrap();
        assert_eq!(pair[1], format!("conclude-{number}"), "{lines:?}");
    }
}

#[test]
fn what_commands_write_goes_where_it_is_asked_to() {
    let temp = tempfile::tempdir().unwrap();
    let (code, stdout, _) = bench(temp.path(), &["-q", "-r", "2", "--show-output", "echo seen"]);
    assert_eq!((code, stdout.as_str()), (Some(0), "seen\nseen\n"));
    let (_, stdout, stderr) = bench(temp.path(), &["--format", "json", "-r", "2", "--output", "inherit", "echo seen"]);
    assert!(serde_json::from_str::<Value>(&stdout).is_ok() && stderr.starts_with("seen\nseen\n"), "{stdout} {stderr}");
    // More than any pipe holds: somebody must read it.
    let (code, _, stderr) = bench(temp.path(), &["-r", "2", "--output", "pipe", "head -c 3000000 /dev/zero"]);
    assert_eq!(code, Some(0), "{stderr}");
    let (code, stdout, _) = bench(temp.path(), &["-r", "2", "--shell", "echo a | cat > piped"]);
    assert_eq!((code, fs::read_to_string(temp.path().join("piped")).unwrap().as_str()), (Some(0), "a\n"));
    assert!(stdout.contains("the start of the shell alone takes"), "{stdout}");
}

#[test]
fn exports_have_the_forms_that_scripts_know() {
    let temp = tempfile::tempdir().unwrap();
    let files = ["--export-json", "x.json", "--export-csv", "x.csv", "--export-markdown", "x.md"];
    let (code, _, stderr) = bench(temp.path(), &[&["-r", "6", "-L", "s", "0,\\,"][..], &files, &["echo {s}"]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let text = |name: &str| fs::read_to_string(temp.path().join(name)).unwrap();
    let found: Value = serde_json::from_str(&text("x.json")).unwrap();
    let result = &found["results"][0];
    assert_eq!((result["command"].as_str(), result["parameters"]["s"].as_str()), (Some("echo 0"), Some("0")));
    for name in ["mean", "stddev", "median", "user", "system", "min", "max"] {
        assert!(result[name].as_f64().is_some_and(|seconds| (0.0..100.0).contains(&seconds)), "{name}: {result}");
    }
    let times: Vec<f64> = serde_json::from_value(result["times"].clone()).unwrap();
    let mean = times.iter().sum::<f64>() / 6.0;
    assert!((mean - result["mean"].as_f64().unwrap()).abs() < 1e-9 && times.len() == 6);
    assert_eq!(result["exit_codes"], serde_json::json!([0, 0, 0, 0, 0, 0]));
    let csv = text("x.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "command,mean,stddev,median,user,system,min,max,parameter_s");
    assert!(
        lines[1].starts_with("echo 0,0.") && lines[2].starts_with("\"echo ,\",0.") && lines[2].ends_with(",\",\""),
        "{csv}"
    );
    assert_eq!(text("x.md").lines().count(), 4);
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_cleans_up() {
    let temp = tempfile::tempdir().unwrap();
    let mut running = command(temp.path(), &["-r", "100", "--cleanup", "touch cleaned", "true", "sleep 0.3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_runs(temp.path(), 6);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(running.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let status = running.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let mut table = String::new();
    running.stdout.take().unwrap().read_to_string(&mut table).unwrap();
    assert!(table.contains("sleep 0.3"), "{table}");
    assert!(temp.path().join("cleaned").exists());
    let bundle = bundle(temp.path());
    assert!(bundle.manifest.partial && bundle.runs.len() >= 6 && bundle.runs.len() < 200, "{}", bundle.runs.len());
    assert!(bundle.runs.iter().all(|run| run.exit.code == Some(0)), "the run that was cut short is none");
}

#[test]
fn kill_9_leaves_runs_that_can_be_recovered_and_no_program() {
    let temp = tempfile::tempdir().unwrap();
    let mut running = command(temp.path(), &["-q", "-r", "100", "sleep 0.05", "sleep 987654"]).spawn().unwrap();
    thread::sleep(Duration::from_millis(10));
    let alone = command(temp.path(), &["-q", "-r", "100", "-o", "b.perf.zip", "sleep 0.05"]).spawn();
    let mut alone = alone.unwrap();
    wait_for_lines(&spool::folder_of(&temp.path().join("b.perf.zip")), 5);
    running.kill().unwrap();
    alone.kill().unwrap();
    running.wait().unwrap();
    alone.wait().unwrap();
    let spool = spool::folder_of(&temp.path().join("b.perf.zip"));
    let mut lines = fs::read(spool.join(spool::BENCHMARKS)).unwrap();
    let whole = String::from_utf8_lossy(&lines).lines().count();
    lines.extend(b"{\"benchmark\":\"sl");
    fs::write(spool.join(spool::BENCHMARKS), lines).unwrap();
    let recovered =
        Command::new(env!("CARGO_BIN_EXE_perfcollect")).arg("recover").arg(&spool).current_dir(&temp).output();
    let recovered = recovered.unwrap();
    let told = String::from_utf8_lossy(&recovered.stdout).into_owned();
    assert!(told.contains(&format!("recovered {whole} runs into")), "{told}");
    let bundle = read(&fs::read(temp.path().join("b.perf.zip")).unwrap()).unwrap();
    assert_eq!((bundle.runs.len(), bundle.reading.len()), (whole, 0));
    assert!(bundle.manifest.warnings.iter().any(|warning| matches!(warning, Warning::Partial { .. })));
    assert_eq!(bundle.manifest.benchmarks[0].command, ["sleep", "0.05"]);
    assert!(!spool.exists());
    let begun = Instant::now();
    while running_sleep() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the program outlives us");
        thread::sleep(Duration::from_millis(20));
    }
}

fn running_sleep() -> bool {
    let commands =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok());
    commands.into_iter().any(|command| command == b"sleep\x00987654\x00")
}

/// Waits for the spool of the only benchmark of a library to hold so many runs.
fn wait_for_runs(folder: &Path, runs: usize) {
    let begun = Instant::now();
    loop {
        let library = fs::read_dir(folder.join(".perfcollect")).into_iter().flatten();
        let spool =
            library.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|e| e == "spool"));
        if let Some(spool) = spool {
            return wait_for_lines(&spool, runs);
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "nothing is measured");
        thread::sleep(Duration::from_millis(20));
    }
}

fn wait_for_lines(spool: &Path, runs: usize) {
    let begun = Instant::now();
    let lines = || fs::read_to_string(spool.join(spool::BENCHMARKS)).map_or(0, |text| text.lines().count());
    while lines() < runs {
        assert!(begun.elapsed() < Duration::from_mins(1), "{} runs", lines());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn ten_thousand_runs_need_no_more_memory_than_one_thousand() {
    let temp = tempfile::tempdir().unwrap();
    let program = compiled(temp.path(), "nothing", &["-static"], "int main(void) { return 0; }");
    let peak = |runs: &str| {
        let (out, binary) = (temp.path().join(format!("{runs}.perf.zip")), env!("CARGO_BIN_EXE_perfcollect"));
        let script = "import os,resource,subprocess,sys; subprocess.run(sys.argv[1:], check=True); \
                      print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
        let output = Command::new("python3")
            .args(["-c", script, binary, "bench", "-q", "-r", runs, "-o"])
            .arg(&out)
            .arg(&program)
            .output()
            .expect("python3 is installed (apt-get install python3)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(read(&fs::read(out).unwrap()).unwrap().runs.len().to_string(), runs);
        String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().unwrap()
    };
    let (few, many) = (peak("1000"), peak("10000"));
    assert!(many < few + 3 * 1024, "{few} KiB for 1,000 runs, {many} KiB for 10,000");
}

#[test]
fn as_many_runs_as_it_takes() {
    let temp = tempfile::tempdir().unwrap();
    let report = json(temp.path(), &["--max-time", "20s", "sleep 0.02", "sleep 0.2"]);
    let wall = report["comparisons"].as_array().unwrap().iter().find(|one| one["metric"] == "wall_ns").unwrap();
    assert_eq!(wall["verdict"], "slower", "{wall}");
    assert!(wall["runs"].as_u64().is_some_and(|runs| runs <= 40), "ten times as long is clear soon: {wall}");
    let report = json(temp.path(), &["-M", "12", "true"]);
    assert_eq!(report["benchmarks"][0]["metrics"]["wall_ns"]["n"], 12);
}

#[test]
fn leftovers_are_told() {
    let temp = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = bench(temp.path(), &["-r", "2", "--", "sh", "-c", "sleep 1 &"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("2 runs left processes behind"), "{stdout}");
}

#[test]
fn set_ups_that_undo_each_other_make_no_pairs() {
    let temp = tempfile::tempdir().unwrap();
    let report = json(
        temp.path(),
        &["-r", "6", "-L", "v", "1,2", "--setup", "echo {v} > which", "sh -c 'sleep 0.0$(cat which)'"],
    );
    let comparisons = report["comparisons"].as_array().unwrap();
    assert!(comparisons.iter().all(|one| one["method"] != "paired"), "{comparisons:?}");
    let blocks: Vec<u32> = bundle(temp.path()).runs.iter().map(|run| run.block).collect();
    assert_eq!(blocks, (1..=12).collect::<Vec<u32>>());
}

#[test]
fn a_log_grows_by_one_line_each_time() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        let (code, _, stderr) = bench(temp.path(), &["-q", "-r", "6", "--log", "benchmarks.log", "-n", name, "true"]);
        assert_eq!(code, Some(0), "{stderr}");
    }
    let log = fs::read_to_string(temp.path().join("benchmarks.log")).unwrap();
    let log = perfcollect_shared::bench::log::read(&log, "benchmarks.log");
    assert_eq!((log.entries.len(), log.warnings.len()), (2, 0), "{:?}", log.warnings);
    let walls =
        |entry: usize, name: &str| log.entries[entry].set.benchmarks.iter().find(|one| one.name == name).cloned();
    assert_eq!(walls(1, "two").and_then(|one| Some(one.metric("wall_ns")?.values.len())), Some(6));
}

#[test]
fn with_profile_each_run_is_recorded_too() {
    let temp = tempfile::tempdir().unwrap();
    let exports = ["--export-json", "x.json", "--export-csv", "x.csv"];
    let hook = ["--prepare", "echo x >> prepared"];
    let report =
        json(temp.path(), &[&["--profile", "-r", "2"][..], &exports, &hook, &["sleep 0.05", "sleep 0.1"]].concat());
    let exported: Value = serde_json::from_slice(&fs::read(temp.path().join("x.json")).unwrap()).unwrap();
    assert_eq!(exported["results"][1]["exit_codes"], serde_json::json!([0, 0]));
    assert_eq!(fs::read_to_string(temp.path().join("x.csv")).unwrap().lines().count(), 3);
    let names: Vec<&Value> = report["benchmarks"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["sleep 0.05", "sleep 0.1"]);
    assert_eq!(report["benchmarks"][1]["metrics"]["wall_ns"]["n"], 2);
    assert_eq!(fs::read_to_string(temp.path().join("prepared")).unwrap().lines().count(), 4);
    let bundle = bundle(temp.path());
    assert_eq!(bundle.runs.len(), 4);
    assert!(!bundle.timeline.samples.is_empty() || !bundle.profiles.is_empty(), "recorded");
    let (code, _, stderr) = bench(temp.path(), &["--profile", "-r", "3", "-o", "f.perf.zip", "false"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("`false` ended with exit code 1"), "{stderr}");
}
