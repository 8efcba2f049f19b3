//! airspeed velocity: `results/MACHINE/HASH-ENV.json` of versions 1 and 2, with `benchmarks.json` where it is near, and the text
//! of a run.
//!
//! Read from asv's `results.py`. Lists of results are in the order of `itertools.product` of the parameters.

use super::json::Node;
use super::set::{self, benchmark, given, metric, of_processes};
use super::{BenchFile, ImportError, json};
use crate::bench::{BenchSet, Benchmark, Given, Metric};
use serde_json::Value;

pub(super) fn is_results(file: &BenchFile<'_>) -> bool {
    let Some(document) = file.document() else { return false };
    let has = |key: &str| document.get(key).is_some();
    has("results") && (has("commit_hash") || has("result_columns")) || is_definitions(document) || is_machine(document)
}

fn is_definitions(document: &Value) -> bool {
    let of_asv = |entry: &Value| entry.get("param_names").is_some() && entry.get("code").is_some();
    document.as_object().is_some_and(|entries| entries.values().any(of_asv))
}

fn is_machine(document: &Value) -> bool {
    let has = |key: &str| document.get(key).is_some_and(Value::is_string);
    has("machine") && has("arch") && document.get("results").is_none()
}

pub(super) fn results(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    if is_definitions(document) || is_machine(document) {
        let what = if is_machine(document) { "describes a machine" } else { "describes benchmarks" };
        return Err(ImportError::new(format!("this file of asv {what}, but holds no results"))
            .hint("results lie in results/MACHINE/HASH-ENVIRONMENT.json"));
    }
    let root = Node::root(document);
    let definitions = ["../benchmarks.json", "benchmarks.json"].into_iter().find_map(|path| (file.beside)(path));
    let definitions = definitions
        .and_then(|bytes| json::documents(&String::from_utf8_lossy(&bytes)).0.into_iter().next())
        .filter(is_definitions)
        .unwrap_or_default();
    let mut set = set::set(file.name, "asv");
    set.commit = root.text_of("commit_hash").map(str::to_owned);
    set.start = root.number_of("date")?.map(date);
    if let Some(params) = root.get("params") {
        for (key, value) in params.fields()? {
            let ours = if key == "num_cpu" { "cpus" } else { key };
            if !value.value.is_null() {
                set.config.insert(ours.to_owned(), value.plain());
            }
        }
    }
    if let Some(environment) = root.text_of("env_name") {
        set.config.insert("environment".to_owned(), environment.to_owned());
    }
    let columns = root.get("result_columns").map_or(Ok(Vec::new()), |columns| columns.items())?;
    let columns = columns.iter().map(Node::text).collect::<Result<Vec<_>, _>>()?;
    let versions = root.get("benchmark_version");
    let mut failed = Vec::new();
    for (name, result) in root.need("results")?.fields()? {
        let definition = Node::root(&definitions).get(name);
        let mut row = Row::read(&result, &columns)?;
        row.version = row.version.or_else(|| Some(versions.as_ref()?.text_of(name)?.to_owned()));
        row.add(&mut set, name, definition.as_ref(), &mut failed)?;
    }
    if !failed.is_empty() {
        let told = failed.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = failed.len().saturating_sub(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        set.warnings.push(format!("these failed or were skipped: {told}{more}"));
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::at_path("results", "holds no value: every benchmark failed or was skipped"));
    }
    Ok(vec![set])
}

fn date(milliseconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a date; `as` ends at the limits")]
    let seconds = (milliseconds / 1000.0) as i64;
    set::rfc3339(seconds)
}

/// The columns of one benchmark.
#[derive(Default)]
struct Row<'a> {
    result: Option<Node<'a>>,
    params: Option<Node<'a>>,
    samples: Option<Node<'a>>,
    number: Option<Node<'a>>,
    version: Option<String>,
}

impl<'a> Row<'a> {
    /// Version 2 has columns, of which the last may be left out; version 1 an object, or a value of its own.
    fn read(result: &Node<'a>, columns: &[&str]) -> Result<Self, ImportError> {
        if !columns.is_empty() && result.value.is_array() {
            let cells = result.items()?;
            let cell = |name: &str| {
                let index = columns.iter().position(|column| *column == name)?;
                cells.get(index).filter(|cell| !cell.value.is_null()).cloned()
            };
            return Ok(Self {
                result: cell("result"),
                params: cell("params"),
                samples: cell("samples"),
                number: cell("stats_repeat"),
                version: cell("version").map(|version| version.plain()),
            });
        }
        if result.value.is_object() {
            let (samples, params) = (result.get("samples"), result.get("params"));
            return Ok(Self { result: result.get("result"), params, samples, ..Self::default() });
        }
        Ok(Self { result: Some(result.clone()).filter(|result| !result.value.is_null()), ..Self::default() })
    }

    fn add(
        self,
        set: &mut BenchSet,
        name: &str,
        definition: Option<&Node<'_>>,
        failed: &mut Vec<String>,
    ) -> Result<(), ImportError> {
        let Some(result) = &self.result else {
            failed.push(name.to_owned());
            return Ok(());
        };
        let (kind, factor) = kind(name, definition);
        let cases = match result.value {
            Value::Array(_) => result.items()?,
            _ => vec![result.clone()],
        };
        let params = self.params.as_ref().map_or(Ok(Vec::new()), Node::items)?;
        let params = params.iter().map(Node::items).collect::<Result<Vec<_>, _>>()?;
        let names = definition.and_then(|definition| definition.get("param_names")?.items().ok()).unwrap_or_default();
        let listed = |column: &Option<Node<'a>>, index: usize| {
            column.as_ref().and_then(|column| column.items().ok()?.into_iter().nth(index))
        };
        for (index, case) in cases.iter().enumerate() {
            let chosen = product(&params, index);
            let joined = chosen.iter().map(|value| value.plain()).collect::<Vec<_>>().join(", ");
            let case_name = if chosen.is_empty() { name.to_owned() } else { format!("{name}({joined})") };
            if case.value.is_null() {
                failed.push(case_name);
                continue;
            }
            let value = case.number()? * factor;
            let samples = listed(&self.samples, index).filter(|samples| !samples.value.is_null());
            let metric = match samples {
                Some(samples) => of_processes(&kind, &[set::scaled(&samples.numbers()?, factor)]),
                // A tracked value or a size is one; a time is the median of what was measured.
                None if !kind.ends_with("_ns") => metric(&kind, vec![value]),
                None => {
                    let n = listed(&self.number, index).and_then(|n| n.value.as_u64());
                    given(&kind, Given { n, median: Some(value), ..Given::default() })
                }
            };
            let mut found = benchmark(case_name, vec![metric]);
            for (position, value) in chosen.iter().enumerate() {
                let key = names.get(position).map_or_else(|| format!("param{}", position + 1), Node::plain);
                found.parameters.insert(key, value.plain());
            }
            if let Some(version) = &self.version {
                // Benchmarks of differing code are not comparable.
                found.parameters.insert("version".to_owned(), version.chars().take(12).collect());
            }
            set.benchmarks.push(found);
        }
        Ok(())
    }
}

/// The combination of parameters at a place of their product, of which the last changes fastest.
fn product<'a, 'b>(params: &'b [Vec<Node<'a>>], index: usize) -> Vec<&'b Node<'a>> {
    let mut rest = index;
    let mut chosen: Vec<&Node<'_>> = Vec::new();
    for values in params.iter().rev() {
        if values.is_empty() {
            return Vec::new();
        }
        chosen.push(&values[rest % values.len()]);
        rest /= values.len();
    }
    chosen.reverse();
    chosen
}

/// By the definition's unit or, without one, by the name's beginning, as asv itself decides.
fn kind(name: &str, definition: Option<&Node<'_>>) -> (String, f64) {
    if let Some(unit) = definition.and_then(|definition| definition.text_of("unit")) {
        return match unit {
            "seconds" => ("time_ns".to_owned(), 1e9),
            "bytes" => ("memory_bytes".to_owned(), 1.0),
            "unit" => ("value".to_owned(), 1.0),
            other => {
                let (metric, factor) = set::of_unit(other);
                (metric.name, factor)
            }
        };
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    match last {
        _ if last.starts_with("time") => ("time_ns".to_owned(), 1e9),
        _ if last.starts_with("mem") || last.starts_with("peakmem") => ("memory_bytes".to_owned(), 1.0),
        _ => ("value".to_owned(), 1.0),
    }
}

/// `[ 35.00%] ··· benchmarks.TimeSuite.time_keys      11.1±0.01μs`.
fn text_row(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim_start().strip_prefix('[')?.split_once("%]")?.1.trim_start();
    let rest = rest.strip_prefix("···")?;
    let (name, value) = rest.trim().rsplit_once(char::is_whitespace)?;
    let name = name.trim_end();
    (!name.contains(char::is_whitespace) && !name.is_empty() && name != "Running").then_some((name, value))
}

pub(super) fn is_text(file: &BenchFile<'_>) -> bool {
    file.text.lines().any(|line| text_row(line).is_some_and(|(_, value)| text_value(value).is_some()))
}

fn text_value(value: &str) -> Option<Metric> {
    let number = value.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = &value[number.len()..];
    let middle: f64 = number.split('±').next()?.parse().ok()?;
    if number.contains('±') {
        let median = Some(middle * set::nanoseconds(unit)?);
        return Some(given("time_ns", Given { median, ..Given::default() }));
    }
    let factor = match unit {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    };
    Some(metric(if unit.is_empty() { "value" } else { "memory_bytes" }, vec![middle * factor]))
}

pub(super) fn text(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut set = set::set(file.name, "asv");
    for (name, value) in file.text.lines().filter_map(text_row) {
        match text_value(value) {
            Some(metric) => set.benchmarks.push(Benchmark { metrics: vec![metric], ..benchmark(name, Vec::new()) }),
            None => set.warnings.push(format!("{name} was left out: `{value}` is no measurement")),
        }
    }
    set.warnings.push("the text of asv is rounded and has no parameters; its results lie in JSON files".to_owned());
    set::number_equal_names(&mut set.benchmarks);
    set::measured(set)
}

#[cfg(test)]
mod tests {
    use super::super::read;

    const V2: &str = r#"{"version":2,"commit_hash":"abc","env_name":"py","date":1389468105000,"params":{"cpu":"X","num_cpu":"2"},
        "result_columns":["result","params","version","samples"],
        "results":{"b.time_x":[[1.5,null,NaN,0.5],[["1","2"],["'a'","'b'"]],"v1",[[1.0,2.0,3.0],null,null,null]],
        "b.peakmem_y":[[1024]],"b.time_f":null,"b.track_z":[[7],[]]}}"#;

    #[test]
    fn parameters_are_a_product_and_null_is_a_failure() {
        let set = read("r.json", V2.as_bytes(), &|_| None).unwrap().remove(0);
        let told: Vec<(&str, &str)> =
            set.benchmarks.iter().map(|b| (b.name.as_str(), b.metrics[0].name.as_str())).collect();
        let names = [
            ("b.peakmem_y", "memory_bytes"),
            ("b.time_x(1, 'a')", "time_ns"),
            ("b.time_x(2, 'b')", "time_ns"),
            ("b.track_z", "value"),
        ];
        assert_eq!(told, names);
        assert_eq!(set.benchmarks[1].metrics[0].values, [2e9]);
        assert_eq!(set.benchmarks[2].metrics[0].given.and_then(|given| given.median), Some(0.5e9));
        assert_eq!(set.benchmarks[2].parameters["param2"], "'b'");
        assert_eq!(set.start.as_deref(), Some("2014-01-11T19:21:45Z"));
        assert_eq!(set.warnings, ["these failed or were skipped: b.time_f, b.time_x(1, 'b'), b.time_x(2, 'a')"]);
    }

    #[test]
    fn definitions_near_the_results_give_units() {
        let definitions = r#"{"b.track_z":{"code":"","param_names":[],"unit":"MiB"},"version":2}"#;
        let beside = |path: &str| (path == "../benchmarks.json").then(|| definitions.as_bytes().to_vec());
        let set = read("r.json", V2.as_bytes(), &beside).unwrap().remove(0);
        assert_eq!(set.benchmarks[3].metrics[0].name, "memory_bytes");
        assert_eq!(set.benchmarks[3].metrics[0].values, [7.0 * 1024.0 * 1024.0]);
        let error = read("benchmarks.json", definitions.as_bytes(), &|_| None).unwrap_err().to_string();
        assert!(error.starts_with("this file of asv describes benchmarks, but holds no results; "), "{error}");
    }
}
