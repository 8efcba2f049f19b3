//! Benchmarks printed as text: libtest's and criterion's lines, cargo-criterion's JSON lines, catch2's table and XML, the blocks of
//! iai and gungraun, and gungraun's summary.json.

use super::criterion::one_process;
use super::json::{self, Node};
use super::managed::higher;
use super::set::{self, benchmark, given, metric, of_processes};
use super::{BenchFile, ImportError};
use crate::bench::{BenchSet, Benchmark, Given, Metric};
use serde_json::Value;

/// `1,234.5`.
fn number(text: &str) -> Option<f64> {
    text.replace(',', "").parse().ok().filter(|number: &f64| number.is_finite())
}

/// `test NAME ... bench:   1,234.50 ns/iter (+/- 56)`.
fn libtest_row(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim_start().strip_prefix("test ")?;
    let (name, rest) = rest.split_once(" ... bench:")?;
    Some((name.trim(), rest.trim()))
}

pub(super) fn is_libtest(file: &BenchFile<'_>) -> bool {
    file.text.lines().any(|line| libtest_row(line).is_some())
}

/// libtest's own median (of 50 samples) with the distance from its smallest to its largest value, which is no deviation.
pub(super) fn libtest(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut set = set::set(file.name, "cargo bench");
    for (index, line) in file.text.lines().enumerate() {
        let Some((name, rest)) = libtest_row(line) else { continue };
        let mut words = rest.split_whitespace();
        let value = words.next().and_then(number).zip(words.next());
        let Some((value, unit)) = value else {
            set.warnings.push(format!("line {} was left out: `{rest}` is no measurement", index + 1));
            continue;
        };
        let (kind, factor) = set::of_unit(unit);
        let figures = Given { median: Some(value * factor), ..Given::default() };
        set.benchmarks.push(benchmark(name, vec![Metric { given: Some(figures), ..kind }]));
    }
    let failed = file.text.lines().filter(|line| line.starts_with("test ") && line.ends_with("... FAILED")).count();
    if failed > 0 {
        set.warnings.push(format!("{} failed and gave no figures", crate::format::plural(failed as u64, "benchmark")));
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::new(
            "no line of this text is whole: `test NAME ... bench: NUMBER ns/iter (+/- NUMBER)`",
        ));
    }
    set::number_equal_names(&mut set.benchmarks);
    set::measured(set)
}

/// `time:   [2.0246 ns 2.2311 ns 2.4461 ns]`: what stands before it, and its three times.
fn criterion_row(line: &str) -> Option<(&str, [f64; 3])> {
    let (name, rest) = line.split_once("time:")?;
    let cells: Vec<&str> = rest.trim_start().strip_prefix('[')?.split_once(']')?.0.split_whitespace().collect();
    let [low, low_unit, middle, middle_unit, high, high_unit] = cells.as_slice() else { return None };
    let time = |text: &str, unit: &str| Some(number(text)? * set::nanoseconds(unit)?);
    Some((name.trim(), [time(low, low_unit)?, time(middle, middle_unit)?, time(high, high_unit)?]))
}

pub(super) fn is_criterion(file: &BenchFile<'_>) -> bool {
    file.text.lines().any(|line| criterion_row(line).is_some())
}

pub(super) fn criterion(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut set = set::set(file.name, "criterion");
    let mut before = "";
    for line in file.text.lines() {
        if let Some((name, [_, middle, _])) = criterion_row(line) {
            // A long name stands on a line of its own.
            let name = if name.is_empty() { before.trim() } else { name };
            let figures = Given { mean: Some(middle), ..Given::default() };
            set.benchmarks.push(benchmark(name, vec![given("time_ns", figures)]));
        } else if !line.trim().is_empty() {
            before = line;
        }
    }
    set.warnings.push(
        "the text of criterion is rounded and holds no values; the folder target/criterion holds them".to_owned(),
    );
    set::number_equal_names(&mut set.benchmarks);
    set::measured(set)
}

/// `NAME x 1,431,759 ops/sec ±0.74% (93 runs sampled)`.
fn benchmark_js_row(line: &str) -> Option<(&str, f64)> {
    let (before, rest) = line.split_once(" ops/sec")?;
    let (name, rate) = before.rsplit_once(" x ")?;
    rest.trim_start().starts_with('±').then_some((name.trim(), number(rate.trim())?))
}

pub(super) fn is_benchmark_js(file: &BenchFile<'_>) -> bool {
    file.text.lines().any(|line| benchmark_js_row(line).is_some())
}

/// Benchmark.js: the mean rate of its samples, all in one process.
pub(super) fn benchmark_js(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut set = set::set(file.name, "Benchmark.js");
    for (name, mean) in file.text.lines().filter_map(benchmark_js_row) {
        let figures = Given { mean: Some(mean), ..Given::default() };
        let rate = set::rate("ops_per_second", Vec::new());
        set.benchmarks.push(benchmark(name, vec![Metric { given: Some(figures), ..rate }]));
    }
    set::number_equal_names(&mut set.benchmarks);
    set::measured(set)
}

/// JSON documents among other lines, such as those of a test harness.
fn documents(file: &BenchFile<'_>) -> Vec<Value> {
    if !file.json.is_empty() && file.json_error.is_none() {
        return file.json.to_vec();
    }
    let by_line = file.text.lines().map(str::trim).filter(|line| line.starts_with('{') && line.ends_with('}'));
    let mut found: Vec<Value> = by_line.filter_map(|line| serde_json::from_str(line).ok()).collect();
    if found.is_empty() {
        // Pretty-printed, behind lines of text.
        let start = file.text.find("\n{").map_or(0, |at| at + 1);
        found = json::documents(file.text.get(start..).unwrap_or_default()).0;
    }
    found
}

fn is_cargo_criterion_line(value: &Value) -> bool {
    value.get("reason").is_some_and(|reason| reason == "benchmark-complete" || reason == "group-complete")
}

pub(super) fn is_cargo_criterion(file: &BenchFile<'_>) -> bool {
    file.text.contains("\"reason\"") && documents(file).iter().any(is_cargo_criterion_line)
}

/// `cargo criterion --message-format=json`; measured values are totals of a sample.
pub(super) fn cargo_criterion(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut set = set::set(file.name, "criterion");
    let lines = documents(file);
    for line in lines.iter().filter(|line| line.get("reason").is_some_and(|reason| reason == "benchmark-complete")) {
        let line = Node::root(line);
        let name = line.need("id")?.text()?;
        let (counts, totals) = (line.need("iteration_count")?.numbers()?, line.need("measured_values")?);
        let values = totals.numbers()?;
        if counts.len() != values.len() || counts.iter().any(|&count| count <= 0.0) {
            return Err(totals.wrong(format!("of {name} does not fit its counts of iterations")));
        }
        let (kind, factor) = set::of_unit(line.text_of("unit").unwrap_or("ns"));
        let values: Vec<f64> = values.iter().zip(&counts).map(|(total, count)| total / count * factor).collect();
        let measured = of_processes(&kind.name, &[values]);
        set.benchmarks.push(benchmark(name, vec![Metric { unit: kind.unit, better: kind.better, ..measured }]));
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::new("no line of cargo-criterion is of a benchmark that was completed"));
    }
    set.warnings.extend(one_process(&set));
    Ok(vec![set])
}

pub(super) fn is_catch2(file: &BenchFile<'_>) -> bool {
    file.text.contains("<BenchmarkResults") || file.text.lines().any(is_catch2_title)
}

fn is_catch2_title(line: &str) -> bool {
    line.starts_with("benchmark name ") && line.contains("samples") && line.contains("iterations")
}

pub(super) fn catch2(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut set = set::set(file.name, "Catch2");
    if file.text.contains("<BenchmarkResults") {
        catch2_xml(file.text, &mut set);
    } else {
        catch2_table(file.text, &mut set);
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::new("no benchmark of Catch2 in this file is whole"));
    }
    set::number_equal_names(&mut set.benchmarks);
    set::measured(set)
}

/// Three lines a benchmark: its name with samples, its mean, its deviation. The test case stands between two rules above.
fn catch2_table(text: &str, set: &mut BenchSet) {
    let is_rule = |line: &str| line.len() > 20 && line.chars().all(|c| c == '-');
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let (mut case, mut index, mut in_table) = (String::new(), 0, false);
    while index < lines.len() {
        let line = lines[index];
        if is_catch2_title(line) {
            in_table = true;
        } else if is_rule(line) {
            let end = lines[index + 1..].iter().take(20).position(|line| is_rule(line) || is_catch2_title(line));
            let named = end.map(|end| &lines[index + 1..index + 1 + end]);
            let titled =
                named.filter(|named| !named.is_empty() && !in_table && named.iter().all(|line| !line.is_empty()));
            if let Some(named) = titled {
                case = named.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
                index += named.len() + 1;
            }
        } else if line.starts_with("..") || line.starts_with("==") {
            in_table = false;
        } else if in_table && let Some([name, samples]) = catch2_head(line) {
            let cells = |line: Option<&&str>| line.and_then(|line| catch2_times(line));
            if let (Some((more, mean)), Some((_, stddev))) = (cells(lines.get(index + 1)), cells(lines.get(index + 2)))
            {
                let figures =
                    Given { n: samples.parse().ok(), mean: Some(mean), stddev: Some(stddev), ..Given::default() };
                // A long name goes on in the next line.
                let name = [case.as_str(), ": ", name, " ", &more].concat();
                let name = name.trim_end().trim_start_matches(": ");
                set.benchmarks.push(benchmark(name, vec![given("time_ns", figures)]));
                index += 2;
            }
        }
        index += 1;
        // The table ends with an empty line after which a rule begins the next case.
        if in_table
            && line.trim().is_empty()
            && lines.get(index).is_some_and(|next| next.trim().is_empty() || is_rule(next))
        {
            in_table = false;
        }
    }
}

/// `NAME   SAMPLES   ITERATIONS   TIME UNIT`.
fn catch2_head(line: &str) -> Option<[&str; 2]> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name @ .., samples, iterations, _, unit] = words.as_slice() else { return None };
    let whole = number(samples).is_some() && number(iterations).is_some() && set::nanoseconds(unit).is_some();
    let first = name.first().filter(|_| whole)?;
    let last = name.last()?;
    let start = line.find(first)?;
    let end =
        line.find(samples).and_then(|at| line[..at].rfind(last)).map_or(start + first.len(), |at| at + last.len());
    Some([line.get(start..end)?, samples])
}

/// The first of three times at the end of a line, and what stands before them.
fn catch2_times(line: &str) -> Option<(String, f64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [before @ .., time, unit, _, _, _, _] = words.as_slice() else { return None };
    Some((before.join(" "), number(time)? * set::nanoseconds(unit)?))
}

/// `<BenchmarkResults name="…" samples="…"><mean value="ns"…/><standardDeviation value="ns"…/>`, inside `<TestCase name="…">`.
fn catch2_xml(text: &str, set: &mut BenchSet) {
    let mut case = String::new();
    let mut found: Option<(String, Given)> = None;
    for tag in text.split('<').skip(1) {
        let attribute = |name: &str| {
            let rest = tag.split_once(&format!(" {name}=\""))?.1;
            Some(unescape(rest.split_once('"')?.0))
        };
        let value = || attribute("value").and_then(|value| number(&value));
        match tag.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next() {
            Some("TestCase") => case = attribute("name").unwrap_or_default(),
            Some("BenchmarkResults") => {
                let n = attribute("samples").and_then(|samples| samples.parse().ok());
                found = attribute("name").map(|name| (name, Given { n, ..Given::default() }));
            }
            Some("mean") => {
                if let Some((_, given)) = &mut found {
                    given.mean = value();
                }
            }
            Some("standardDeviation") => {
                if let Some((_, given)) = &mut found {
                    given.stddev = value();
                }
            }
            _ if tag.starts_with("/BenchmarkResults") => {
                if let Some((name, figures)) = found.take().filter(|(_, figures)| figures.mean.is_some()) {
                    let name = if case.is_empty() { name } else { format!("{case}: {name}") };
                    set.benchmarks.push(benchmark(name, vec![given("time_ns", figures)]));
                }
            }
            _ => {}
        }
    }
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}

/// `  Instructions:      1735|1650      (+5.1%)`: a count of the new run, perhaps beside that of the old.
fn count_row(line: &str) -> Option<(&str, f64)> {
    let (name, rest) = line.strip_prefix("  ")?.split_once(':')?;
    let first = rest.trim_start().split(|c: char| c.is_whitespace() || c == '|').next()?;
    Some((name.trim(), number(first)?)).filter(|(name, _)| !name.is_empty())
}

/// An exact count; only of rates of hits is more better.
fn count(key: &str, value: f64) -> Metric {
    let is_rate_of_hits = key.to_lowercase().replace(' ', "").ends_with("hitrate");
    higher(metric(&set::word(key), vec![value]), is_rate_of_hits)
}

pub(super) fn is_counts(file: &BenchFile<'_>) -> bool {
    file.text.lines().any(|line| {
        count_row(line)
            .is_some_and(|(name, _)| matches!(name, "Instructions" | "Estimated Cycles" | "L1 Hits" | "Ir" | "Dr"))
    })
}

/// iai and gungraun (before: iai-callgrind): a name, and below it its counts. They are exact: one run is enough.
pub(super) fn counts(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let is_iai = file.text.contains("L1 Accesses:");
    let mut set = set::set(file.name, if is_iai { "iai" } else { "gungraun" });
    let mut name = "";
    for line in file.text.lines() {
        match count_row(line) {
            Some((key, value)) if !name.is_empty() => {
                let metric = count(key, value);
                match set.benchmarks.last_mut().filter(|benchmark| benchmark.name == name) {
                    Some(found) => found.metrics.push(metric),
                    None => set.benchmarks.push(benchmark(name, vec![metric])),
                }
            }
            Some(_) => {}
            None if line.starts_with(char::is_whitespace) || line.trim().is_empty() => {}
            None => name = line.trim_end(),
        }
    }
    set::number_equal_names(&mut set.benchmarks);
    set::measured(set)
}

fn is_summary(value: &Value) -> bool {
    value.get("module_path").is_some() && (value.get("profiles").is_some() || value.get("callgrind_summary").is_some())
}

pub(super) fn is_gungraun(file: &BenchFile<'_>) -> bool {
    file.text.contains("\"module_path\"") && documents(file).iter().any(is_summary)
}

/// summary.json of version 6, one or several, perhaps among the lines of the harness.
pub(super) fn gungraun(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut set = set::set(file.name, "gungraun");
    for summary in documents(file).iter().filter(|value| is_summary(value)) {
        let root = Node::root(summary);
        let profiles = root.get("profiles").ok_or_else(|| {
            ImportError::at_path("version", "is older than 6, the version of gungraun's summaries that is known")
                .hint("run the benchmark with gungraun 0.17 or newer")
        })?;
        let mut name = root.need("module_path")?.text()?.to_owned();
        if let Some(id) = root.text_of("id") {
            name = format!("{name} {id}");
        }
        let mut found = Benchmark::default();
        for profile in profiles.items()? {
            let tool = profile.text_of("tool").unwrap_or_default();
            let total = profile.get("summaries").and_then(|summaries| summaries.get("total")?.get("summary"));
            for (_, metrics) in total.map_or(Ok(Vec::new()), |total| total.fields())? {
                for (key, diff) in metrics.fields()? {
                    let Some(value) = new_of(&diff)? else { continue };
                    let prefix = if tool == "Callgrind" { String::new() } else { format!("{} ", tool.to_lowercase()) };
                    found.metrics.push(count(&format!("{prefix}{key}"), value));
                }
            }
        }
        if found.metrics.is_empty() {
            set.warnings.push(format!("{name} has no counts"));
            continue;
        }
        found.metrics.sort_by_key(|metric| metric.name != "ir");
        set.benchmarks.push(Benchmark { name, ..found });
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::new("no summary of gungraun in this file holds counts"));
    }
    set::number_equal_names(&mut set.benchmarks);
    set::measured(set)
}

/// `{"metrics": {"Left": new} | {"Both": [new, old]} | {"Right": old}}`, a value being `{"Int": n}` or `{"Float": x}`.
fn new_of(diff: &Node<'_>) -> Result<Option<f64>, ImportError> {
    let Some(metrics) = diff.get("metrics") else { return Ok(None) };
    let both = metrics.get("Both").and_then(|both| both.items().ok()?.into_iter().next());
    let Some(value) = metrics.get("Left").or(both) else { return Ok(None) };
    match value.get("Int").or(value.get("Float")) {
        Some(number) => number.number_or_none(),
        None => Ok(None),
    }
}
