//! `compare`: real recordings with a regression that was planted, and what cannot be compared.

use crate::native::{run, source};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const PERFCOLLECT: &str = env!("CARGO_BIN_EXE_perfcollect");
/// Recordings of each side, and how often as many are added where noise hides what was planted.
const RECORDINGS: usize = 4;
const TRIES: usize = 3;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Records each side in turns and names the recordings of each: `a0,a1,…`; more of them while the noise of the
    /// machine hides what was planted.
    fn record(&self, sides: [&[&str]; 2]) -> [String; 2] {
        let mut names = [Vec::new(), Vec::new()];
        for round in 0..TRIES {
            self.record_more(sides, round * RECORDINGS, &mut names);
            let [base, new] = [names[0].join(","), names[1].join(",")];
            let carriers = &self.json(&[&base, &new])["explained"][0]["carriers"];
            if carriers.as_array().is_some_and(|carriers| !carriers.is_empty()) {
                break;
            }
        }
        names.map(|names| names.join(","))
    }

    fn record_more(&self, sides: [&[&str]; 2], from: usize, names: &mut [Vec<String>; 2]) {
        for turn in from..from + RECORDINGS {
            for (side, command) in sides.iter().enumerate() {
                let bundle = self.path(&format!("{}{turn}.perf.zip", ["a", "b"][side]));
                let mut record = Command::new(PERFCOLLECT);
                record.args(["run", "--quiet", "--rate", "999", "-o"]).arg(&bundle).arg("--").args(*command);
                run(&mut record, "");
                names[side].push(bundle.display().to_string());
            }
        }
    }

    fn compare(&self, args: &[&str]) -> Output {
        Command::new(PERFCOLLECT).current_dir(self.0.path()).arg("compare").args(args).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let done = self.compare(&[args, &["--format", "json"]].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    fn text(&self, args: &[&str]) -> String {
        let done = self.compare(args);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    fn error(&self, args: &[&str]) -> String {
        let done = self.compare(args);
        assert_eq!(done.status.code(), Some(1), "{args:?}");
        assert!(done.stdout.is_empty(), "{args:?}");
        String::from_utf8(done.stderr).unwrap()
    }
}

/// The planted function is named first, with its callers, and carries most of the difference; its siblings are grey.
fn check_planted(folder: &Folder, sides: &[String; 2]) {
    let report = folder.json(&[&sides[0], &sides[1]]);
    let explained = &report["explained"][0];
    let first = &explained["carriers"][0];
    assert_eq!(first["name"], "parse", "{explained}");
    assert_eq!(explained["total"]["effect"], "worse", "{explained}");
    let path: Vec<&str> = first["own_path"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(path.ends_with(&["main", "parse"]), "{path:?}");
    let share = first["share"].as_f64().unwrap();
    assert!(share > 0.7 && share < 1.4, "{explained}");
    let (low, high) = (first["low_ns"].as_f64().unwrap(), first["high_ns"].as_f64().unwrap());
    assert!(low > 0.0 && low < high, "{explained}");
    let functions = report["functions"].as_array().unwrap();
    for sibling in ["load", "store"] {
        let row = functions.iter().find(|row| row["name"] == sibling).unwrap();
        assert_eq!(row["charged"]["effect"], "same", "{row}");
    }
    let text = folder.text(&[&sides[0], &sides[1]]);
    let sentence = text.lines().next().unwrap();
    assert!(sentence.contains("main ▸ parse"), "{text}");
    let markdown = folder.text(&[&sides[0], &sides[1], "--format", "markdown"]);
    assert!(markdown.starts_with("**") && markdown.contains("<details>") && markdown.contains("| parse"), "{markdown}");
}

#[test]
fn a_regression_in_one_function_of_a_c_program_is_named_first() {
    let folder = Folder::new();
    let builds = ["1", "3"].map(|factor| {
        let program = folder.path(&format!("build{factor}"));
        let mut compiler = Command::new("gcc");
        compiler.args(["-O1", &format!("-DFACTOR={factor}"), "-o"]).arg(&program).arg(source("planted.c"));
        run(&mut compiler, "run: apt-get install gcc");
        program.display().to_string()
    });
    let sides = folder.record([&[&builds[0]], &[&builds[1]]]);
    check_planted(&folder, &sides);

    let (one, other) = (sides[0].split(',').next().unwrap(), sides[1].split(',').next().unwrap());
    let report = folder.json(&[one, other]);
    assert_eq!(report["explained"][0]["noise_unknown"], true);
    let effects = report["functions"].as_array().unwrap().iter().map(|row| row["charged"]["effect"].as_str().unwrap());
    assert!(effects.clone().all(|effect| ["unknown", "same", "new", "gone"].contains(&effect)), "{report}");
    let verdicts = report["comparisons"].as_array().unwrap();
    assert!(verdicts.iter().all(|comparison| comparison["verdict"] == "inconclusive"), "{report}");
    assert!(folder.text(&[one, other]).contains("one run a side"));
}

#[test]
fn a_regression_in_what_a_python_function_calls_is_charged_to_the_function() {
    let folder = Folder::new();
    let program = source("planted.py").display().to_string();
    let sides = folder.record([&["python3", &program, "1"], &["python3", &program, "5"]]);
    check_planted(&folder, &sides);
    let report = folder.json(&[&sides[0], &sides[1]]);
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("the commands differ"), "{warnings}");
}

fn hyperfine(name: &str, times: &[f64]) -> String {
    serde_json::json!({"results": [{"command": name, "mean": 1.0, "times": times}]}).to_string()
}

#[test]
fn benchmark_files_give_verdicts_in_three_forms() {
    let folder = Folder::new();
    let times = |factor: f64| (0..20).map(|i| (1.0 + f64::from(i * 7 % 10) / 2000.0) * factor).collect::<Vec<f64>>();
    folder.write("old.json", &hyperfine("sort", &times(1.0)));
    folder.write("new.json", &hyperfine("sort", &times(1.3)));
    folder.write("other.json", &hyperfine("merge", &times(1.0)));
    let report = folder.json(&["old.json", "new.json"]);
    let first = &report["comparisons"][0];
    assert_eq!((&first["verdict"], &first["metric"]), (&"slower".into(), &"wall_ns".into()), "{report}");
    assert!((first["ratio"].as_f64().unwrap() - 1.3).abs() < 0.01, "{report}");
    assert!(first["floor"].as_f64().unwrap() < 0.01, "{report}");
    let text = folder.text(&["old.json", "new.json"]);
    assert!(text.starts_with("sort: slower by 30 % ["), "{text}");
    let margins = folder.json(&["old.json", "new.json", "--margin", "50"]);
    assert_eq!(margins["comparisons"][0]["verdict"], "same", "{margins}");
    let named = folder.json(&["--a", "old.json", "--b", "new.json"]);
    assert_eq!(named["comparisons"], report["comparisons"]);
    let several = folder.json(&["old.json", "new.json", "other.json"]);
    assert_eq!(several["sides"].as_array().unwrap().len(), 3);
    assert_eq!(several["comparisons"].as_array().unwrap().len(), 2);

    let out = folder.path("report.md");
    let done = folder.compare(&["old.json", "new.json", "--format", "markdown", "-o", out.to_str().unwrap()]);
    assert!(done.status.success() && done.stdout.is_empty());
    let written = fs::read_to_string(out).unwrap();
    assert!(written.starts_with("**sort: slower by 30 % \\["), "{written}");
}

#[test]
fn what_cannot_be_compared_says_why() {
    let folder = Folder::new();
    let two = serde_json::json!({"results": [
        {"command": "x", "mean": 1.0, "times": [1.0, 1.1]}, {"command": "y", "mean": 1.0, "times": [1.0, 1.1]}]});
    folder.write("two.json", &two.to_string());
    folder.write("one.json", &hyperfine("z", &[1.0, 1.1]));
    folder.write("damaged.json", "{\"results\": [");
    let error = folder.error(&["two.json", "one.json"]);
    assert!(error.contains("no benchmark in common: two.json has x, y; one.json has z"), "{error}");
    assert!(folder.error(&["one.json", "one.json"]).contains("named twice"));
    assert!(folder.error(&["one.json", "damaged.json"]).contains("damaged.json"));
    assert!(folder.error(&["one.json", "gone.json"]).contains("gone.json"));
    assert!(folder.error(&["one.json"]).contains("name a second side"));
    assert!(folder.error(&["two.json", "one.json", "--metric", "nothing"]).contains("nothing"));
    let usage = folder.compare(&[]);
    assert_eq!(usage.status.code(), Some(2));

    let bundle = folder.path("a.perf.zip");
    let mut record = Command::new(PERFCOLLECT);
    record.args(["run", "--quiet", "--no-native", "--no-python", "-o"]).arg(&bundle).args(["--", "true"]);
    run(&mut record, "");
    let (bundle, again) = (bundle.to_str().unwrap(), folder.path("b.perf.zip"));
    fs::copy(Path::new(bundle), &again).unwrap();
    let error = folder.error(&[bundle, again.to_str().unwrap()]);
    assert!(error.contains("are the same recording"), "{error}");
    let mut record = Command::new(PERFCOLLECT);
    record.args(["run", "--quiet", "--no-native", "--no-python", "-o"]).arg(&again).args(["--", "true"]);
    run(&mut record, "");
    let text = folder.text(&[bundle, again.to_str().unwrap()]);
    assert!(text.contains("stacks are not compared"), "{text}");
}
