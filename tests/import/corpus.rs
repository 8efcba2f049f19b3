//! Real files of other tools, from the folder that `PERFCOLLECT_CORPUS` names; without it there is nothing to test here.

use super::read;
use perfcollect_shared::bench::Metric;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the corpus that hold benchmarks.
const FOLDERS: [&str; 27] = [
    "asv",
    "asv-text",
    "benchmarkdotnet",
    "catch2",
    "criterion",
    "criterion-text",
    "gobench",
    "googlebenchmark",
    "googlebenchmark-json",
    "googlebenchmark-text",
    "gungraun",
    "hyperfine",
    "iai",
    "jmh-json",
    "julia-benchmark",
    "libtest-bench",
    "pyperf",
    "pytest-benchmark",
    "series",
    "local/advanced_caching",
    "local/asv",
    "local/asv/vm",
    "local/go",
    "local/hyperfine",
    "local/pyperf",
    "local/pytest-benchmark",
    "benchmark-expected",
];

pub(crate) fn corpus() -> Option<PathBuf> {
    env::var_os("PERFCOLLECT_CORPUS").map(PathBuf::from)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

/// Files beside the inputs that are what a tool printed of them, or of other tools, and what each is answered.
const REFUSED: [(&str, &str); 25] = [
    (".expected.", "this "),
    ("expected_result", "this JSON is of no benchmark tool"),
    ("benchmark-expected/", "this JSON is of no benchmark tool"),
    ("series/", "this "),
    (".stdout", "this is no benchmark file"),
    (".stderr", "this is no benchmark file"),
    ("_expected.txt", "this is no benchmark file"),
    ("compare_to_", "this is "),
    ("compare_to_py36", "line 1, byte 3: this is not JSON"),
    ("asv/asv__benchmarks.json", "this file of asv describes benchmarks"),
    ("local/asv/benchmarks.json", "this file of asv describes benchmarks"),
    ("__05d4f83d-", "results holds no value: every benchmark failed"),
    ("__623fc362-", "results holds no value: every benchmark failed"),
    ("machine.json", "this file of asv describes a machine"),
    ("__aaaaaaaa-", "line 2, byte 6: this is not JSON"),
    ("__bbbbbbbb-", "this JSON is of no benchmark tool"),
    ("__benchmark.json", "this file names a benchmark of criterion"),
    ("__tukey.json", "this file holds criterion's fences of outliers"),
    ("__change__estimates.json", "these estimates are of a change"),
    ("gbench__test4_run.json", "benchmarks[0] has no real_time"),
    ("gbench__test4_run1.json", "benchmarks holds no measurement"),
    (".pb.gz", "this is no benchmark file"),
    ("console.txt", "this is no benchmark file"),
    ("one.md", "this is no benchmark file"),
    ("old_vs_new.expected.benchstat.csv", "the file is empty"),
];

#[test]
fn every_file_is_read_or_refused_with_its_reason() {
    let Some(corpus) = corpus() else { return };
    let mut read_files = 0;
    for path in FOLDERS.iter().flat_map(|folder| files(&corpus.join(folder))) {
        let name = path.strip_prefix(&corpus).unwrap().display().to_string();
        // The last fitting line is the most exact.
        let expected = REFUSED.iter().rfind(|(part, _)| name.contains(part));
        match (read(&path), expected) {
            (Ok(sets), _) => {
                read_files += 1;
                for benchmark in sets.iter().flat_map(|set| &set.benchmarks) {
                    let whole = |metric: &Metric| {
                        let numbers = metric.values.iter().chain(&metric.within).all(|value| value.is_finite());
                        numbers && (!metric.values.is_empty() || metric.given.is_some())
                    };
                    assert!(
                        !benchmark.metrics.is_empty() && benchmark.metrics.iter().all(whole),
                        "{name}: {benchmark:?}"
                    );
                }
            }
            (Err(error), Some((_, reason))) => {
                let error = error.to_string();
                assert!(error.starts_with(reason), "{name}: {error}");
            }
            (Err(error), None) => panic!("{name}: {error}"),
        }
    }
    assert!(read_files >= 90, "{read_files}");
}

/// A figure of each benchmark in a file, sorted: the values' mean, or what the file gives.
fn figures(path: &Path) -> Vec<f64> {
    let sets = read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let figure = |metric: &Metric| {
        let n = f64::from(u32::try_from(metric.values.len()).unwrap());
        let given = metric.given.and_then(|given| given.mean.or(given.median));
        given.unwrap_or_else(|| metric.values.iter().sum::<f64>() / n)
    };
    let mut found: Vec<f64> =
        sets.iter().flat_map(|set| &set.benchmarks).map(|found| figure(&found.metrics[0])).collect();
    found.sort_by(f64::total_cmp);
    found
}

/// What Bencher's own tests expect of its adapters, in nanoseconds, operations a second or instructions.
#[test]
fn bencher_reads_the_same_values() {
    let Some(corpus) = corpus() else { return };
    let text = fs::read_to_string(corpus.join("benchmark-expected/bencher__adapter.expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    // Files, the tests that expect their values, and how near ours must be: 2 % where Bencher expects the mean of values that
    // we reduce to their median.
    let cases = [
        ("cpp/catch2", "validate_adapter_cpp_catch2", "catch2/bencher__cpp__catch2__four.txt", 1e-9),
        ("cpp/catch2", "adapter_cpp_catch2_two", "catch2/bencher__cpp__catch2__two.txt", 1e-9),
        ("cpp/google", "validate_adapter_cpp_google", "googlebenchmark-text/bencher__cpp__google__two.txt", 1e-9),
        ("go/bench", "validate_adapter_go_bench", "gobench/bencher__go__bench__five.txt", 1e-9),
        ("go/bench", "adapter_go_bench_three", "gobench/bencher__go__bench__three.txt", 1e-9),
        ("java/jmh", "adapter_java_jmh_latency", "jmh-json/bencher__java__jmh__latency.json", 0.02),
        ("java/jmh", "adapter_java_jmh_throughput", "jmh-json/bencher__java__jmh__throughput.json", 0.02),
        ("java/jmh", "validate_adapter_java_jmh", "jmh-json/bencher__java__jmh__six.json", 0.06),
        (
            "c_sharp/dot_net",
            "validate_adapter_c_sharp_dot_net",
            "benchmarkdotnet/bencher__c_sharp__dot_net__two.json",
            1e-9,
        ),
        (
            "c_sharp/dot_net",
            "adapter_c_sharp_dot_net_two_more_median",
            "benchmarkdotnet/bencher__c_sharp__dot_net__two_more.json",
            1e-9,
        ),
        ("python/asv", "validate_adapter_python_asv", "asv-text/bencher__python__asv__six.txt", 1e-9),
        ("python/pytest", "adapter_python_pytest_two", "pytest-benchmark/bencher__python__pytest__two.json", 1e-9),
        (
            "python/pytest",
            "validate_adapter_python_pytest",
            "pytest-benchmark/bencher__python__pytest__four.json",
            0.001,
        ),
        ("rust/bench", "adapter_rust_failed", "libtest-bench/bencher__rust__bench__failed.txt", 1e-9),
        (
            "rust/criterion",
            "validate_adapter_rust_criterion",
            "criterion-text/bencher__rust__criterion__many.txt",
            1e-9,
        ),
        (
            "rust/criterion",
            "adapter_rust_criterion_dogfood",
            "criterion-text/bencher__rust__criterion__dogfood.txt",
            1e-9,
        ),
        ("shell/hyperfine", "validate_adapter_shell_hyperfine", "hyperfine/bencher__shell__hyperfine__two.json", 1e-6),
        ("rust/iai", "adapter_rust_iai_change", "iai/bencher__rust__iai__change.txt", 1e-9),
        ("rust/iai", "validate_adapter_rust_iai", "iai/bencher__rust__iai__two.txt", 1e-9),
    ];
    for (adapter, test, file, by) in cases {
        let rows = expected[adapter][test].as_array().unwrap_or_else(|| panic!("{adapter} {test}"));
        let mut wanted: Vec<f64> = rows.iter().map(|row| row[2].as_f64().unwrap()).collect();
        wanted.sort_by(f64::total_cmp);
        let mut found = figures(&corpus.join(file));
        // Memory in asv's text is no expectation of Bencher's.
        if adapter == "python/asv" {
            found.retain(|value| wanted.iter().any(|other| (other - value).abs() <= other * by));
        }
        let same = found.len() == wanted.len() && found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() <= b.abs() * by);
        assert!(same, "{file}: {found:?}, not {wanted:?}");
    }
}

/// What github-action-benchmark's own tests expect, where it reports the value that we keep.
#[test]
fn github_action_benchmark_reads_the_same_values() {
    let Some(corpus) = corpus() else { return };
    let text = fs::read_to_string(corpus.join("benchmark-expected/gab__extract.expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (name, folder) in [
        ("cargo - cargo_output.txt", "libtest-bench"),
        ("cargo - cargo_output2.txt", "libtest-bench"),
        ("cargo - cargo_output3.txt", "libtest-bench"),
        ("cargo - criterion_output.txt", "criterion-text"),
        ("catch2 - catch2_output_v3.txt", "catch2"),
        ("googlecpp - googlecpp_output.json", "googlebenchmark-json"),
        ("julia - julia_output.json", "julia-benchmark"),
    ] {
        let key = format!("extractResult() extracts benchmark output from {name} 1");
        // A snapshot of jest: JSON but for its trailing commas.
        let snapshot = expected[&key].as_str().unwrap_or_else(|| panic!("{key}"));
        let factor = |unit: &str| if unit.starts_with("us") { 1e3 } else { 1.0 };
        let field = |line: &str, key: &str| {
            Some(line.trim().strip_prefix(key)?.trim_end_matches(',').trim_matches('"').to_owned())
        };
        let units: Vec<String> = snapshot.lines().filter_map(|line| field(line, "\"unit\": ")).collect();
        let values = snapshot.lines().filter_map(|line| field(line, "\"value\": "));
        let mut wanted: Vec<f64> =
            values.zip(&units).map(|(value, unit)| value.parse::<f64>().unwrap() * factor(unit)).collect();
        wanted.sort_by(f64::total_cmp);
        let file = name.split(" - ").nth(1).unwrap();
        let found = figures(&corpus.join(folder).join(format!("gab__{file}")));
        let same =
            found.len() == wanted.len() && found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() <= b.abs() * 1e-9);
        assert!(same, "{file}: {found:?}, not {wanted:?}");
    }
}
