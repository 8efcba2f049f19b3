//! `check`: exit codes of gates on real bundles, and the forms of its answer.

use crate::bundles::Place;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

/// A program that computes for about so many milliseconds of CPU time, by its own clock, so that load cannot change it.
const BURN: &str = "import sys, time\ndef burn(ms):\n    end = time.process_time() + ms / 1000\n    while time.process_time() < end:\n        pass\nburn(float(sys.argv[1]))\n";

/// A folder with the bundles `fast` (20 ms of CPU time) and `slow` (300 ms), of eight runs each.
fn recorded() -> Place {
    let place = Place::new();
    fs::write(place.path().join("burn.py"), BURN).unwrap();
    for (label, ms) in [("fast", "20"), ("slow", "300")] {
        place.stdout(&["run", "-q", "--runs", "8", "--no-python", "--label", label, "--", "python3", "burn.py", ms]);
    }
    place
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_shell_script_tells_pass_fail_and_unknown_apart() {
    let place = recorded();
    let script = place.path().join("gate.sh");
    fs::write(
        &script,
        "perfcollect check \"$@\" >answer.txt\nstatus=$?\ncase $status in\n0) echo merge ;;\n3) echo stop ;;\n4) echo measure more ;;\n*) echo broken ;;\nesac\nexit $status\n",
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_perfcollect")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = |arguments: &[&str]| {
        let output =
            Command::new("sh").arg(&script).args(arguments).current_dir(place.path()).env("PATH", &path).output();
        let output = output.unwrap();
        let answer = fs::read_to_string(place.path().join("answer.txt")).unwrap();
        (code(&output), text(&output).trim().to_owned(), answer)
    };
    // Fifteen times the CPU time is a regression whatever else runs; a fifteenth is none.
    let (status, said, answer) = run(&["slow", "--against", "fast", "--regression", "cpu=50%"]);
    assert_eq!((status, said.as_str()), (Some(3), "stop"), "{answer}");
    assert!(answer.starts_with("Failed: of 1 gate 1 failed.") && answer.contains("CPU time not worse"), "{answer}");
    let (status, said, answer) = run(&["fast", "--against", "fast", "--max", "cpu=100s", "--max", "rss=10GiB"]);
    assert_eq!((status, said.as_str()), (Some(0), "merge"), "{answer}");
    let (status, said, answer) = run(&["fast", "--max", "wall.p99=100s"]);
    assert_eq!((status, said.as_str()), (Some(4), "measure more"), "{answer}");
    assert!(answer.contains("8 runs cannot bound the p99 at 95 % confidence, 368 can"), "{answer}");
    assert_eq!(run(&["fast", "--max", "wall.p99=100s", "--allow-unknown"]).0, Some(0));
    assert_eq!(run(&["fast", "--max", "wall.p99=1ms"]).0, Some(3), "a failure needs no 368 runs");
    assert_eq!(run(&["fast", "--regression", "cpu"]).0, Some(4), "nothing to compare with");
    assert_eq!(run(&["gone", "--max", "wall=1s"]).1, "broken");
}

#[test]
fn functions_are_gated_by_name() {
    let place = Place::new();
    fs::write(place.path().join("burn.py"), BURN).unwrap();
    place.stdout(&["run", "-q", "--label", "one", "--", "python3", "burn.py", "1500"]);
    let check = |gate: &str| place.run(&["check", "one", "--function", gate]);
    let fails = check("burn=30%");
    assert_eq!(code(&fails), Some(3), "{}", text(&fails));
    let passes = check("burn=100%");
    assert_eq!(code(&passes), Some(0), "{}", text(&passes));
    let unknown = check("bern=100%");
    assert_eq!(code(&unknown), Some(4), "{}", text(&unknown));
    assert!(text(&unknown).contains("no function that fits `bern`"), "{}", text(&unknown));
}

#[test]
fn the_nearest_configuration_is_read_and_its_faults_have_a_place() {
    let place = recorded();
    let config = |text: &str| fs::write(place.path().join("perfcollect.toml"), text).unwrap();
    config(
        "against = \"fast\"\n[[regression]]\nmetric = \"cpu\"\nmargin = \"50%\"\n[[target]]\nmetric = \"hit_ratio\"\nmin = \"90%\"\n",
    );
    let below = place.path().join("deep/er");
    fs::create_dir_all(&below).unwrap();
    let bundle = fs::read_dir(place.library()).unwrap().map(|entry| entry.unwrap().path());
    let bundles: Vec<String> =
        bundle.map(|path| path.display().to_string()).filter(|path| path.contains(".perf.")).collect();
    let slow = bundles.iter().find(|path| path.contains("0002-")).unwrap();
    let fast = bundles.iter().find(|path| path.contains("0001-")).unwrap();
    let output =
        place.command(&["check", slow, "--against", fast, "--format", "json"]).current_dir(&below).output().unwrap();
    assert_eq!(code(&output), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["schema"].as_u64(), report["status"].as_str()), (Some(1), Some("fail")));
    let outcomes = report["outcomes"].as_array().unwrap();
    assert_eq!(outcomes[0]["kind"], "regression");
    assert!(outcomes[0]["low"].as_f64().unwrap() > 1.5, "{report}");
    assert_eq!(outcomes[1]["status"], "unknown");
    assert!(outcomes[1]["why"].as_str().unwrap().contains("hit_ratio was not measured"), "{report}");

    config("[[target]]\nmetrik = \"wall\"\n");
    let error = place.failure(1, &["check", "fast"]);
    assert!(error.contains("perfcollect.toml:2:1: there is no key `metrik`; did you mean `metric`?"), "{error}");
    let error = place.failure(2, &["check", "fast", "--no-config"]);
    assert!(error.contains("there is no gate to check"), "{error}");
    let usage = place.run(&["check", "fast", "--max", "wall=5MiB"]);
    assert_eq!(code(&usage), Some(2));
    assert!(String::from_utf8_lossy(&usage.stderr).contains("a time, such as 1.5s"));
}

#[test]
fn junit_and_markdown_survive_hostile_names() {
    let place = Place::new();
    let name = "<x a=\\\"1\\\">|&]]>\\u0001@everyone";
    let file = format!(
        r#"{{"results": [{{"command": "{name}", "mean": 0.5, "times": [0.25, 0.75, 0.5, 0.4, 0.6, 0.5, 0.5]}}]}}"#
    );
    fs::write(place.path().join("new.json"), file).unwrap();
    let output = place.run(&[
        "check",
        "new.json",
        "--max",
        "wall=1s",
        "--max",
        "wall.p99=1s",
        "--max",
        "wall.max=100ms",
        "-o",
        "junit=gates.xml",
        "-o",
        "markdown=gates.md",
    ]);
    assert_eq!(code(&output), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        text(&output).starts_with("Failed: of 3 gates 1 failed, 1 could not be decided, 1 passed."),
        "{}",
        text(&output)
    );
    let read = "import sys, xml.etree.ElementTree as e\n\
                t = e.parse('gates.xml').getroot()\n\
                print(t.tag, t[0].get('tests'), len(t.findall('.//failure')), len(t.findall('.//error')), t.findall('.//testcase')[0].get('classname'))";
    let parsed = Command::new("python3").args(["-c", read]).current_dir(place.path()).output().unwrap();
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    assert_eq!(text(&parsed).trim(), "testsuites 3 1 1 <x a=\"1\">|&]]>\u{fffd}@everyone wall_ns");
    let markdown = fs::read_to_string(place.path().join("gates.md")).unwrap();
    assert!(markdown.starts_with("**Failed: of 3 gates"), "{markdown}");
    assert!(markdown.contains("&lt;x a=\"1\"&gt;\\|&amp;\\]\\]&gt; &#64;everyone"), "{markdown}");
}
