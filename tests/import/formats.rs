//! Each format from a small file of ours: names, metrics, units and values; and what damaged files are answered.

use super::read;
use perfcollect_shared::bench::{BenchSet, Metric};
use perfcollect_shared::import::bench;
use perfcollect_shared::model::Better;
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/bench"))
}

fn one(file: &str) -> BenchSet {
    let mut sets = read(&folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(sets.len(), 1, "{file}");
    sets.remove(0)
}

fn metric<'a>(set: &'a BenchSet, benchmark: &str, name: &str) -> &'a Metric {
    let names: Vec<&String> = set.benchmarks.iter().map(|benchmark| &benchmark.name).collect();
    let found = set.benchmarks.iter().find(|other| other.name == benchmark).unwrap_or_else(|| panic!("{names:?}"));
    let names: Vec<&String> = found.metrics.iter().map(|metric| &metric.name).collect();
    found.metric(name).unwrap_or_else(|| panic!("{benchmark}: {names:?}"))
}

/// A benchmark of a file has these values for a metric.
fn values(file: &str, tool: &str, benchmark: &str, name: &str, expected: &[f64]) {
    let set = one(file);
    assert_eq!(set.tool, tool, "{file}");
    let found = &metric(&set, benchmark, name).values;
    let close =
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= b.abs() * 1e-12);
    assert!(close, "{file}, {benchmark}, {name}: {found:?}, not {expected:?}");
}

/// A file gives no values of a benchmark's time, but this median or, without one, mean.
fn figure(file: &str, tool: &str, benchmark: &str, name: &str, expected: f64) {
    let set = one(file);
    assert_eq!(set.tool, tool, "{file}");
    let metric = metric(&set, benchmark, name);
    let given = metric.given.and_then(|given| given.median.or(given.mean)).unwrap();
    assert!(
        metric.values.is_empty() && (given - expected).abs() <= expected * 1e-12,
        "{file}: {given}, not {expected}"
    );
}

#[test]
fn every_format_gives_names_units_and_values() {
    values("hyperfine1.json", "hyperfine", "./a 1", "wall_ns", &[0.125e9, 0.375e9, 0.25e9]);
    values("hyperfine2.json", "hyperfine", "a", "wall_ns", &[0.25e9, 0.5e9]);
    values("hyperfine2.json", "hyperfine", "a", "cpu_ns", &[0.125e9, 0.25e9]);
    values("hyperfine2.json", "hyperfine", "a", "rss_bytes", &[1024.0, 2048.0]);
    values("hyperfine2.json", "hyperfine", "a", "instructions", &[7000.0, 7001.0]);
    figure("hyperfine.csv", "hyperfine", "./a \"x\", y", "wall_ns", 0.5e9);
    values("criterion.csv", "criterion", "g/f/7", "time_ns", &[17.5]);
    values("cargo-criterion.jsonl", "criterion", "g/f", "time_ns", &[17.5]);
    figure("criterion.txt", "criterion", "short", "time_ns", 2000.0);
    figure("criterion.txt", "criterion", "a name that is too long for its column", "time_ns", 4e6);
    figure("libtest.txt", "cargo bench", "tests::fast", "time_ns", 1250.5);
    figure("libtest.txt", "cargo bench", "tests::slow", "time_ns", 2e6);
    values("nanobench.json", "nanobench", "t/n", "time_ns", &[1000.0]);
    values("nanobench.json", "nanobench", "t/n", "instructions", &[21.0]);
    values("custom-bigger.json", "github-action-benchmark", "requests", "req_per_second", &[70.0]);
    values("custom-bigger.json", "github-action-benchmark", "free", "memory_bytes", &[150e6]);
    values("bencher.json", "Bencher", "a", "time_ns", &[12.5]);
    values("bencher.json", "Bencher", "b", "build_size", &[9.0]);
    figure("paracle.json", "paracle", "a", "time_ns", 1.25e6);
    values("codebot.json", "wtf-codebot", "scan", "wall_ns", &[2e9]);
    values("codebot.json", "wtf-codebot", "scan", "rss_bytes", &[1.5 * 1024.0 * 1024.0]);
    values("codebot-suite.json", "wtf-codebot", "p/scan", "files_per_second", &[5.0]);
    figure("catch2.txt", "Catch2", "Outer case inner section: plain 10", "time_ns", 344.0);
    figure("catch2.txt", "Catch2", "Outer case inner section: wrapped with more words", "time_ns", 41_500.0);
    figure("catch2.xml", "Catch2", "Outer & case: x < y", "time_ns", 344.5);
    values("iai.txt", "iai", "bench_short", "instructions", &[1735.0]);
    values("gungraun.txt", "gungraun", "m::g::f x:1", "instructions", &[1734.0]);
    values("gungraun.json", "gungraun", "m::g::f x", "ir", &[70.0]);
    values("julia.json", "BenchmarkTools.jl", "g/t", "time_ns", &[2.0]);
    values("julia.json", "BenchmarkTools.jl", "g/t", "allocated_bytes", &[16.0]);
    figure("asv.txt", "asv", "b.time_x", "time_ns", 11_500.0);
    values("asv.txt", "asv", "b.peakmem_z", "memory_bytes", &[2.5e6]);
    figure("benchmark-js.txt", "Benchmark.js", "a x b", "ops_per_second", 1_431_759.0);
    values("google.txt", "google benchmark", "BM_x/8", "wall_ns", &[1500.0, 2500.0]);
    values("go.jsonl", "go test", "X-2", "time_ns", &[2.5, 9.5]);
}

#[test]
fn directions_parameters_and_warnings_come_along() {
    let better = |file: &str, benchmark: &str, name: &str| metric(&one(file), benchmark, name).better;
    assert_eq!(better("custom-bigger.json", "free", "memory_bytes"), Better::Higher, "the file's name says so");
    assert_eq!(better("bencher.json", "a", "ops_per_second"), Better::Higher);
    assert_eq!(better("codebot.json", "scan", "hit_ratio"), Better::Higher);
    assert_eq!(better("gungraun.txt", "m::g::f x:1", "l1_hit_rate"), Better::Higher);
    assert_eq!(better("gungraun.json", "m::g::f x", "estimatedcycles"), Better::Lower);

    let hyperfine = one("hyperfine1.json");
    assert_eq!(hyperfine.benchmarks[0].parameters["n"], "1");
    assert_eq!(metric(&hyperfine, "./a 1", "rss_bytes").values, [2048.0, 4096.0], "only where it rises");
    assert!(hyperfine.benchmarks[1].metric("rss_bytes").is_none());
    assert!(hyperfine.warnings[0].contains("2 of 4 values are left out"), "{:?}", hyperfine.warnings);
    assert_eq!(hyperfine.warnings[1], "runs that failed are among the values: 1 with exit code 3, 1 by a signal");
    let second = one("hyperfine2.json");
    assert_eq!((second.config["os"].as_str(), second.start.as_deref()), ("linux", Some("2026-01-02T03:04:05Z")));
    assert_eq!(one("paracle.json").warnings, ["b failed: boom"]);
    assert_eq!(one("libtest.txt").warnings, ["1 benchmark failed and gave no figures"]);

    let log = read(&folder().join("sections.log")).unwrap();
    let medians: Vec<Option<f64>> =
        log.iter().map(|set| metric(set, "cold/baseline", "time_ns").given.and_then(|given| given.median)).collect();
    assert_eq!(medians, [Some(5e6), Some(4e6)]);
    assert_eq!((log[0].config["seed"].as_str(), log[1].config["seed"].as_str()), ("1", "2"));
    assert_eq!(log[1].warnings, ["the session ended with status `interrupted` (ctrl-c): it may not be whole"]);
}

fn refused(name: &str, text: &str) -> String {
    bench::read(name, text.as_bytes(), &|_| None).unwrap_err().to_string()
}

#[test]
fn damaged_and_unknown_files_say_what_is_wrong_and_where() {
    let result = r#"{"results": [{"command": "a", "times": [1, 2]}, {"command": "b", "mean": 1, "times": [1, "2"]}]}"#;
    assert_eq!(refused("x", result), "results[1].times[1] is a string, a number was expected");
    let cut = &result[..result.len() - 20];
    let said = refused("x", cut);
    assert!(said.starts_with(&format!("line 1, byte {}: the JSON is cut off", cut.len() - 1)), "{said}");
    assert_eq!(
        refused("x", r#"{"results": [{"command": 7, "mean": 1}]}"#),
        "results[0].command is a number, a string was expected"
    );
    assert_eq!(
        refused("x", r#"{"benchmarks":[{"metadata":{},"runs":[{"values":3}]}]}"#),
        "benchmarks[0].runs[0].values is a number, a list was expected"
    );
    assert_eq!(refused("x", "  \n"), "the file is empty");
    let said = refused("x", "hello");
    assert!(said.starts_with("this is no benchmark file that is known; known are files of "), "{said}");
    for tool in ["hyperfine", "criterion", "pyperf", "go test", "benchmarks.log"] {
        assert!(said.contains(tool), "{tool}: {said}");
    }
    assert!(refused("x", "{\"a\": 1}").starts_with("this JSON is of no benchmark tool that is known; known are"));
    assert!(refused("x", "\u{1f}\u{0}").starts_with("this is no benchmark file"));
    let said = bench::read("x", &[0x1f, 0x8b, 8, 0, 0], &|_| None).unwrap_err().to_string();
    assert!(said.starts_with("the gzip file is damaged"), "{said}");
}

#[test]
fn text_of_powershell_is_read() {
    let text = fs::read_to_string(folder().join("hyperfine1.json")).unwrap();
    let wide: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(bench::read("x", &wide, &|_| None).unwrap()[0].benchmarks.len(), 2);
    let marked = ["\u{feff}", &text.replace('\n', "\r\n")].concat();
    assert_eq!(bench::read("x", marked.as_bytes(), &|_| None).unwrap()[0].benchmarks.len(), 2);
}

#[test]
fn no_damage_breaks_the_reader() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let try_it = |bytes: &[u8]| drop(bench::read("x", bytes, &|_| None));
        for end in 0..bytes.len() {
            try_it(&bytes[..end]);
        }
        for (at, replacement) in (0..bytes.len()).flat_map(|at| b"{]\"9-x\n\xff".iter().map(move |byte| (at, *byte))) {
            let mut changed = bytes.clone();
            changed[at] = replacement;
            // Every 7th, to be quick: each byte meets some of the replacements.
            if (at + usize::from(replacement)).is_multiple_of(7) {
                try_it(&changed);
            }
        }
    }
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    assert!(refused("x", &deep).contains("recursion limit"), "{}", refused("x", &deep));
}
