//! Benchmark files of other tools and logs of benchmarks: `import`, `list --log`.

use crate::bundles::Place;
use std::fs;

const LINE: &str = r#"{"ts": "2026-11-20T20:44:50", "status": "ok", "error": null, "command": "python tests/benchmark.py", "python": "3.11.7", "config": {"seed": 1}, "results": {"hot": [{"label": "A", "notes": "hit", "runs": 60, "median_ms": 0.5, "mean_ms": 0.75, "stdev_ms": 0.25}]}}"#;

fn fixture(name: &str) -> String {
    format!("{}/../tests/data/bench/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_log_is_listed_with_its_configurations_and_what_could_not_be_read() {
    let place = Place::new();
    let second = LINE.replace("\"seed\": 1", "\"seed\": 2").replace("\"results\"", "\"sections\"");
    fs::write(place.path().join("b.log"), format!("{LINE}\nnote\n{second}\n{}", &LINE[..100])).unwrap();
    let text = place.stdout(&["list", "--log", "b.log"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("no.  when") && lines[0].ends_with("configuration"), "{text}");
    assert!(lines[1].contains("0  2026-11-20T20:44:50  ok"), "{text}");
    assert!(lines[2].ends_with("python=3.11.7 seed=2"), "{text}");
    assert_eq!(lines[3], "line 2 of b.log is no entry and was left out");
    assert_eq!(lines[4], "line 4 of b.log was left out: it is cut off");

    let listing = place.json(&["list", "--log", "b.log", "--format", "json"]);
    assert_eq!(listing["entries"][1]["line"], 3);
    assert_eq!(listing["entries"][1]["config"]["seed"], "2");
    assert_eq!(listing["entries"][0]["benchmarks"], serde_json::json!(["hot/A"]));
    assert_eq!(listing["warnings"].as_array().unwrap().len(), 2);
    assert!(place.failure(1, &["list", "--log", "gone.log"]).contains("cannot read gone.log"));
}

#[test]
fn a_benchmark_file_becomes_a_bundle_with_its_runs() {
    let place = Place::new();
    place.stdout(&["import", &fixture("hyperfine2.json")]);
    let listed = &place.json(&["list", "--format", "json"])["bundles"][0];
    assert!(listed["name"].as_str().unwrap().starts_with("0001-hyperfine2.json-"), "{listed}");
    assert_eq!(listed["label"], "hyperfine2.json");
    assert_eq!(listed["start"], "2026-01-02T03:04:05Z");
    let bundle =
        perfcollect_shared::bundle::read(&fs::read(place.path().join(listed["path"].as_str().unwrap())).unwrap())
            .unwrap();
    let walls: Vec<f64> = bundle.runs.iter().map(|run| run.metrics["wall_ns"]).collect();
    assert_eq!(walls, [0.25e9, 0.5e9]);
    assert_eq!(bundle.manifest.benchmarks[0].name, "a");
    assert_eq!((bundle.manifest.tool.name.as_str(), bundle.manifest.environment.os.as_str()), ("hyperfine", "linux"));
    let report = place.stdout(&["report", "last"]);
    assert!(!report.is_empty());

    place.stdout(&["import", &fixture("criterion.csv"), "-o", "c.perf.zip"]);
    let bundle = perfcollect_shared::bundle::read(&fs::read(place.path().join("c.perf.zip")).unwrap()).unwrap();
    assert_eq!((bundle.runs.len(), bundle.runs[0].metrics["time_ns"]), (1, 17.5));
    assert_eq!(bundle.manifest.warnings.len(), 2, "{:?}", bundle.manifest.warnings);
}

#[test]
fn a_file_of_several_sessions_asks_for_one_and_unknown_files_name_what_is_known() {
    let place = Place::new();
    fs::write(place.path().join("b.log"), format!("{LINE}\n{LINE}\n")).unwrap();
    let said = place.failure(1, &["import", "b.log", "-o", "x.perf.zip"]);
    assert!(
        said.contains("b.log holds 2 sessions; choose one: b.log:last, b.log:last-1, b.log:0 to b.log:1"),
        "{said}"
    );
    place.stdout(&["import", "b.log:last", "-o", "x.perf.zip"]);
    assert!(place.path().join("x.perf.zip").exists());
    fs::write(place.path().join("x.txt"), "hello").unwrap();
    let said = place.failure(1, &["import", "x.txt"]);
    assert!(
        said.contains("cannot read x.txt") && said.contains("known are files of") && said.contains("pyperf"),
        "{said}"
    );
    fs::write(place.path().join("cut.json"), "{\"results\": [{\"command\": \"a\",\n \"times\": [1, 2").unwrap();
    let said = place.failure(1, &["import", "cut.json"]);
    assert!(said.contains("line 2, byte 44: the JSON is cut off"), "{said}");
}
