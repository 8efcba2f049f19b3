//! `trend`: a library of bundles over the commits of a repository, and what confirms a suspect.

use crate::bundles::Place;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, Environment, Exit, Git, Manifest, Tool};
use perfcollect_shared::units::Nanos;
use std::fs;
use std::process::Command;

fn git(place: &Place, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").args(identity).args(arguments).current_dir(place.path()).output();
    let output = output.expect("git is installed (apt-get install git)");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with a program that computes for 10 ms, then for 300 ms; both commits.
fn repository() -> (Place, [String; 2]) {
    let place = Place::new();
    git(&place, &["init", "-q", "-b", "main"]);
    let commits = ["10", "300"].map(|ms| {
        let program = format!("import time\nwhile time.process_time() < {ms} / 1000:\n    pass\n");
        fs::write(place.path().join("work it.py"), program).unwrap();
        git(&place, &["add", "-A", "."]);
        git(&place, &["commit", "-q", "-m", ms]);
        git(&place, &["rev-parse", "HEAD"])
    });
    (place, commits)
}

/// A session with fixed figures: what `run` would have written at a commit.
fn session(place: &Place, number: u32, commit: &str, wall_ms: u64, kernel: &str) {
    let manifest = Manifest {
        id: format!("01ARZ3NDEKTSV4RRFFQ69{number:05}"),
        tool: Tool { name: "perfcollect".into(), version: "0.1.0".into() },
        command: vec!["python3".into(), "work it.py".into()],
        cwd: place.path().display().to_string(),
        exit: Exit { code: Some(0), signal: None },
        start: format!("2026-11-21T10:{number:02}:03Z"),
        wall_ns: Some(Nanos(wall_ms * 1_000_000)),
        cpu_ns: Some(Nanos(wall_ms * 1_000_000)),
        environment: Environment { kernel: kernel.into(), ..Environment::default() },
        git: Some(Git { commit: commit.into(), branch: Some("main".into()), dirty: Some(false) }),
        ..Manifest::default()
    };
    let bytes = bundle::write(&Bundle { manifest, ..Bundle::default() }).unwrap();
    place.put(&format!("{number:04}-work-aaaaaa.perf.zip"), &bytes);
}

#[test]
fn a_change_is_found_in_a_library_and_its_commands_confirm_it() {
    let (place, [old, new]) = repository();
    for (index, wall) in [100, 101, 99, 100, 102, 100].into_iter().enumerate() {
        session(&place, u32::try_from(index).unwrap() + 1, &old, wall, "6.1");
        session(&place, u32::try_from(index).unwrap() + 7, &new, wall * 3, "6.1");
    }
    // Another kernel: much slower, and no regression.
    session(&place, 13, &new, 5_000, "6.2");
    let trend = place.json(&["trend", "--format", "json", "--metric", "wall"]);
    let series = trend["series"].as_array().unwrap();
    assert_eq!(series.len(), 2, "{trend}");
    assert_eq!(series[0]["points"].as_array().unwrap().len(), 12);
    assert_eq!(series[1]["differs"][0], "kernel: 6.1 → 6.2");
    assert!(series[1]["summary"].as_str().unwrap().contains("1 session in this environment"), "{trend}");
    assert_eq!(series[1]["changes"].as_array().unwrap().len(), 0);
    let changes = series[0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{trend}");
    let change = &changes[0];
    assert_eq!((change["at"].as_u64(), change["worse"].as_bool()), (Some(6), Some(true)));
    assert_eq!((change["commit_before"].as_str(), change["commit_after"].as_str()), (Some(&*old), Some(&*new)));

    let text = place.stdout(&["trend"]);
    assert!(text.contains("confirm it with an interleaved run of both commits:") && text.contains('|'), "{text}");
    let markdown = place.stdout(&["trend", "--format", "markdown"]);
    assert!(markdown.starts_with("**") && markdown.contains("worktree add"), "{markdown}");

    // The commands as they are printed, in a shell; only the number of runs is cut, for the time that the test takes.
    let confirm: Vec<&str> = change["confirm"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let confirmed = |runs: u32| {
        let few = format!("perfcollect bench --runs {runs} --format json ");
        let script = confirm.join("\n").replace("perfcollect bench ", &few);
        let bin = std::path::Path::new(env!("CARGO_BIN_EXE_perfcollect")).parent().unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-e", "-c", &script])
            .current_dir(place.path())
            .env("PATH", path)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{error}");
        // Git says before where its work trees are.
        let said = String::from_utf8(output.stdout).unwrap();
        let result: serde_json::Value = serde_json::from_str(&said[said.find("{\n").unwrap()..]).unwrap();
        let comparisons = result["comparisons"].as_array().unwrap();
        let cpu = comparisons.iter().find(|one| one["metric"] == "cpu_ns").unwrap();
        (cpu["verdict"].as_str().unwrap().to_owned(), result.to_string())
    };
    // On a machine where others work, so few runs may leave it open; never may they say the opposite.
    let mut answers = [6, 12, 24].into_iter().map(confirmed);
    let (verdict, result) =
        answers.find(|(verdict, _)| verdict != "inconclusive").expect("24 runs tell a threefold time");
    assert_eq!(verdict, "slower", "{result}");
    assert_eq!(git(&place, &["worktree", "list"]).lines().count(), 1, "the work trees are gone");
}

#[test]
fn few_sessions_say_what_is_missing_and_failed_ones_are_left_out() {
    let (place, [old, _]) = repository();
    let empty = place.stdout(&["trend"]);
    assert!(empty.contains("no history in .perfcollect") && empty.contains("perfcollect bench"), "{empty}");
    session(&place, 1, &old, 100, "6.1");
    session(&place, 2, &old, 100, "6.1");
    place.put("0003-broken-aaaaaa.perf.zip", b"no zip");
    let text = place.stdout(&["trend"]);
    assert!(
        text.contains("2 sessions in this environment; a change can be told from 4 on, so 2 more are needed"),
        "{text}"
    );
    assert!(text.contains("warning: 0003-broken-aaaaaa.perf.zip: "), "{text}");
    let nothing = place.stdout(&["trend", "--benchmark", "parse"]);
    assert!(nothing.contains("what was asked for is not there; there are the benchmarks work it.py"), "{nothing}");
    assert!(place.failure(1, &["trend", "gone.json"]).contains("gone.json"));
}

#[test]
fn the_entries_of_a_log_are_sessions() {
    let place = Place::new();
    let line = |minute: usize, status: &str, median: f64| {
        let rows = format!(
            r#"[{{"label": "get", "notes": "hot", "runs": 60, "median_ms": {median}, "mean_ms": {median}, "stdev_ms": 0.1}}]"#
        );
        format!(
            r#"{{"ts": "2026-11-21T10:{minute:02}:00", "status": "{status}", "error": null, "command": "b.py", "python": "3.11.7", "config": {{"runs": 60}}, "results": {{"hot": {rows}}}}}"#
        )
    };
    let medians = [1.0, 1.01, 0.99, 1.0, 1.02, 2.0, 2.02, 1.99, 2.0, 2.01];
    let mut lines: Vec<String> =
        medians.iter().enumerate().map(|(minute, &median)| line(minute, "ok", median)).collect();
    lines.push(line(10, "interrupted", 9.0));
    lines.push("{\"ts\": cut".into());
    let log = place.path().join("benchmarks.log");
    fs::write(&log, lines.join("\n")).unwrap();
    let trend = place.json(&["trend", "--log", log.to_str().unwrap(), "--format", "json"]);
    let series = &trend["series"].as_array().unwrap()[0];
    assert_eq!(series["points"].as_array().unwrap().len(), medians.len(), "{series}");
    let changes = series["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{series}");
    let warnings = trend["warnings"].to_string();
    assert!(warnings.contains("line 11: left out, its status is interrupted") && warnings.contains("12"), "{warnings}");
}
