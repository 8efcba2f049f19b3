//! criterion.rs: the files below `target/criterion`, one by one or as a folder.
//!
//! `<benchmark>/{new,base,<baseline>}/{sample,estimates,benchmark}.json`, internal to criterion and not stable; read from its
//! sources at 0.8.2 and, for the older forms (a sample as two lists, capital letters), at 0.3.

use super::json::Node;
use super::set::{self, benchmark, given, of_processes};
use super::{BenchFile, ImportError, json, text};
use crate::bench::{BenchSet, Benchmark, Given};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names of the files that say something; others need not be read.
pub const CRITERION_FILES: [&str; 3] = ["sample.json", "estimates.json", "benchmark.json"];

/// Folders below a benchmark that hold no measurement.
const NO_BASELINE: [&str; 2] = ["change", "report"];

/// The benchmarks of a folder of criterion from its files with their relative paths: those of the last run (`new`), or of a
/// baseline. `None` where the files are not criterion's.
///
/// # Errors
/// When a file is damaged, or there is no such baseline.
#[must_use]
pub fn read_criterion(
    source: &str,
    files: &[(String, Vec<u8>)],
    baseline: Option<&str>,
) -> Option<Result<BenchSet, ImportError>> {
    let mut folders: BTreeMap<(&str, &str), BTreeMap<&str, &[u8]>> = BTreeMap::new();
    for (path, bytes) in files {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let (benchmark, baseline) = folder.rsplit_once('/').unwrap_or(("", folder));
        if !NO_BASELINE.contains(&baseline) {
            folders.entry((benchmark, baseline)).or_default().insert(file, bytes);
        }
    }
    folders.retain(|_, files| files.contains_key("sample.json") || files.contains_key("estimates.json"));
    (!folders.is_empty()).then(|| folder(source, &folders, baseline))
}

fn folder(
    source: &str,
    folders: &BTreeMap<(&str, &str), BTreeMap<&str, &[u8]>>,
    baseline: Option<&str>,
) -> Result<BenchSet, ImportError> {
    let wanted = baseline.unwrap_or("new");
    // The folder of one measurement itself.
    let alone = folders.len() == 1 && folders.keys().all(|(_, name)| name.is_empty());
    let chosen = folders.iter().filter(|((_, name), _)| *name == wanted || alone);
    let mut set = set::set(source, "criterion");
    for ((path, name), files) in chosen {
        let place = [path, name].into_iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
        let told = |file: &str, error: ImportError| ImportError {
            reason: format!("{} ({})", error.reason, [place.as_str(), file].join("/")),
            ..error
        };
        let parse = |file: &str| -> Result<Option<Value>, ImportError> {
            let Some(bytes) = files.get(file) else { return Ok(None) };
            document(bytes).map(Some).map_err(|error| told(file, error))
        };
        let (sample, estimates, info) = (parse("sample.json")?, parse("estimates.json")?, parse("benchmark.json")?);
        let measured = Parts { sample: sample.as_ref(), estimates: estimates.as_ref(), info: info.as_ref() };
        let fallback = if path.is_empty() { place.as_str() } else { path };
        set.benchmarks.push(measured.benchmark(fallback).map_err(|error| told("…", error))?);
    }
    if set.benchmarks.is_empty() {
        let there: BTreeSet<&str> = folders.keys().map(|(_, name)| *name).collect();
        let there = there.into_iter().collect::<Vec<_>>().join(", ");
        return Err(
            ImportError::new(format!("no benchmark has a baseline `{wanted}`")).hint(format!("there are {there}"))
        );
    }
    set.warnings.extend(one_process(&set));
    Ok(set)
}

fn document(bytes: &[u8]) -> Result<Value, ImportError> {
    let text = text(bytes)?;
    match json::documents(&text) {
        (mut documents, None) if documents.len() == 1 => Ok(documents.swap_remove(0)),
        (_, error) => Err(error.unwrap_or_else(|| ImportError::new("is not one JSON value"))),
    }
}

/// What every file of one process says of itself.
pub(super) fn one_process(set: &BenchSet) -> Option<String> {
    let alone = set.benchmarks.iter().flat_map(|benchmark| &benchmark.metrics).any(|metric| !metric.within.is_empty());
    let tool = &set.tool;
    alone.then(|| {
        format!(
            "{tool} measured inside one process: its measurements share that process's luck (addresses, layout), so they \
             count as one value; several files of separate processes can be compared"
        )
    })
}

/// The files of one measurement.
struct Parts<'a> {
    sample: Option<&'a Value>,
    estimates: Option<&'a Value>,
    info: Option<&'a Value>,
}

impl Parts<'_> {
    fn benchmark(&self, fallback: &str) -> Result<Benchmark, ImportError> {
        let info = self.info.map(Node::root);
        let text = |key: &str| info.as_ref().and_then(|info| info.text_of(key));
        let parts = [text("group_id"), text("function_id"), text("value_str")];
        let joined = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
        let name = text("full_id").or(Some(joined.as_str()).filter(|name| !name.is_empty())).unwrap_or(fallback);
        let metric = match (self.sample, self.estimates) {
            (Some(sample), _) => of_processes("time_ns", &[per_iteration(&Node::root(sample))?]),
            (None, Some(estimates)) => given("time_ns", estimated(&Node::root(estimates))?),
            (None, None) => return Err(ImportError::new("holds neither sample.json nor estimates.json")),
        };
        let mut benchmark = benchmark(name, vec![metric]);
        if let Some(throughput) = info.as_ref().and_then(|info| info.get("throughput")) {
            benchmark.parameters.insert("throughput".to_owned(), throughput.plain());
        }
        if let Some(value) = text("value_str") {
            benchmark.parameters.insert("value".to_owned(), value.to_owned());
        }
        Ok(benchmark)
    }
}

/// Nanoseconds of each iteration: totals over iterations, sample by sample.
fn per_iteration(sample: &Node<'_>) -> Result<Vec<f64>, ImportError> {
    let (iterations, times) = match sample.value {
        Value::Array(_) => match sample.items()?.as_slice() {
            [iterations, times] => (iterations.clone(), times.clone()),
            _ => return Err(sample.wrong("is not a list of iterations and one of times")),
        },
        _ => (sample.need("iters")?, sample.need("times")?),
    };
    let (counts, totals) = (iterations.numbers()?, times.numbers()?);
    if counts.len() != totals.len() || counts.is_empty() {
        return Err(times.wrong(format!("has {} values for {} counts of iterations", totals.len(), counts.len())));
    }
    let positive = counts.iter().all(|&count| count > 0.0);
    if !positive {
        return Err(iterations.wrong("holds a count that is not positive"));
    }
    Ok(totals.iter().zip(&counts).map(|(total, count)| total / count).collect())
}

fn estimated(estimates: &Node<'_>) -> Result<Given, ImportError> {
    let point = |keys: [&str; 2]| -> Result<Option<f64>, ImportError> {
        let Some(estimate) = keys.into_iter().find_map(|key| estimates.get(key)) else { return Ok(None) };
        estimate.need("point_estimate")?.number().map(Some)
    };
    let stddev = point(["std_dev", "StdDev"])?;
    if stddev.is_none() {
        return Err(ImportError::new("these estimates are of a change between two measurements, not of one")
            .hint("name the folder of the benchmark, or the estimates in its folder `new` or `base`"));
    }
    Ok(Given { mean: point(["mean", "Mean"])?, median: point(["median", "Median"])?, stddev, ..Given::default() })
}

/// A single file, recognised by its content.
pub(super) fn is_file(file: &BenchFile<'_>) -> bool {
    let Some(document) = file.document() else { return false };
    let pair = document.as_array().is_some_and(|lists| lists.len() == 2 && lists.iter().all(Value::is_array));
    let has = |key: &str| document.get(key).is_some();
    pair || (has("iters") && has("times"))
        || ["mean", "Mean"].iter().any(|key| document.get(key).is_some_and(|mean| mean.get("point_estimate").is_some()))
        || is_info(document)
        || is_tukey(document)
}

fn is_info(document: &Value) -> bool {
    document.get("group_id").is_some() && document.get("function_id").is_some()
}

fn is_tukey(document: &Value) -> bool {
    document.as_array().is_some_and(|fences| fences.len() == 4 && fences.iter().all(Value::is_number))
}

pub(super) fn file(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let Some(document) = file.document() else { return Ok(Vec::new()) };
    if is_info(document) || is_tukey(document) {
        let what =
            if is_info(document) { "names a benchmark of criterion" } else { "holds criterion's fences of outliers" };
        return Err(ImportError::new(format!("this file {what}, but no measurement"))
            .hint("name the folder that it lies in, or sample.json beside it"));
    }
    let is_estimates = document.get("mean").or(document.get("Mean")).is_some();
    let own = if is_estimates { "estimates.json" } else { "sample.json" };
    // In criterion's own folder it is `benchmark.json`; where files were put into one folder, their names begin alike.
    let base = file.base_name();
    let info = (file.beside)(&base.replace(own, "benchmark.json")).or_else(|| (file.beside)("benchmark.json"));
    let info = info.and_then(|bytes| self::document(&bytes).ok());
    let parts = Parts {
        sample: Some(document).filter(|_| !is_estimates),
        estimates: Some(document).filter(|_| is_estimates),
        info: info.as_ref(),
    };
    let mut set = set::set(file.name, "criterion");
    set.benchmarks.push(parts.benchmark(base.trim_end_matches(".json"))?);
    set.warnings.extend(one_process(&set));
    Ok(vec![set])
}

pub(super) fn is_csv(file: &BenchFile<'_>) -> bool {
    file.text.starts_with("group,function,value,")
}

/// `raw.csv`: a row a sample; of the older form (`sample_time_nanos`) and the newer (`sample_measured_value`, `unit`).
pub(super) fn csv(file: &BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let mut rows = set::rows(file.text, ',').into_iter();
    let (_, titles) = rows.next().unwrap_or_default();
    let column = |title: &str| titles.iter().position(|other| other == title);
    let missing = |title: &str| ImportError::at_row(1, format!("there is no column {title}"));
    let measured = column("sample_measured_value").or_else(|| column("sample_time_nanos"));
    let measured = measured.ok_or_else(|| missing("sample_measured_value"))?;
    let iterations = column("iteration_count").ok_or_else(|| missing("iteration_count"))?;
    let mut found: Vec<(String, String, Vec<f64>)> = Vec::new();
    for (line, cells) in rows {
        let cell = |index: usize| cells.get(index).map(String::as_str).unwrap_or_default();
        let number = |index: usize| {
            let wrong = |_not_one| ImportError::at_row(line, format!("`{}` is no number", cell(index)));
            cell(index).parse::<f64>().map_err(wrong)
        };
        let (total, count) = (number(measured)?, number(iterations)?);
        if count <= 0.0 {
            return Err(ImportError::at_row(line, "the count of iterations is not positive"));
        }
        let name = (0..3).map(cell).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let unit = column("unit").map_or("ns", cell).to_owned();
        match found.iter_mut().find(|(other, _, _)| *other == name) {
            Some((_, _, values)) => values.push(total / count),
            None => found.push((name, unit, vec![total / count])),
        }
    }
    let mut set = set::set(file.name, "criterion");
    for (name, unit, values) in found {
        let (kind, factor) = set::of_unit(&unit);
        set.benchmarks.push(benchmark(name, vec![of_processes(&kind.name, &[set::scaled(&values, factor)])]));
    }
    if set.benchmarks.is_empty() {
        return Err(ImportError::new("the table of criterion has no row"));
    }
    set.warnings.extend(one_process(&set));
    Ok(vec![set])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<(String, Vec<u8>)> {
        let sample = |factor: f64| {
            format!(r#"{{"sampling_mode":"Flat","iters":[2.0,4.0],"times":[{},{}]}}"#, 2.0 * factor, 8.0 * factor)
        };
        let info =
            r#"{"group_id":"g","function_id":"f x","value_str":"7","throughput":{"Bytes":64},"full_id":"g/f x/7"}"#;
        [
            ("g/f_x/7/new/sample.json", sample(1.0)),
            ("g/f_x/7/new/benchmark.json", info.to_owned()),
            ("g/f_x/7/base/sample.json", sample(10.0)),
            ("g/f_x/7/change/estimates.json", "{}".to_owned()),
        ]
        .map(|(path, text)| (path.to_owned(), text.into_bytes()))
        .to_vec()
    }

    #[test]
    fn a_folder_gives_the_last_run_or_a_baseline() {
        let new = read_criterion("target/criterion", &files(), None).unwrap().unwrap();
        let benchmark = &new.benchmarks[0];
        assert_eq!(benchmark.name, "g/f x/7");
        assert_eq!(benchmark.parameters["throughput"], r#"{"Bytes":64}"#);
        assert_eq!((&benchmark.metrics[0].within, &benchmark.metrics[0].values), (&vec![1.0, 2.0], &vec![1.5]));
        let base = read_criterion("x", &files(), Some("base")).unwrap().unwrap();
        assert_eq!((base.benchmarks[0].name.as_str(), base.benchmarks[0].metrics[0].values[0]), ("g/f_x/7", 15.0));
        let error = read_criterion("x", &files(), Some("main")).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "no benchmark has a baseline `main`; there are base, new");
        assert!(read_criterion("x", &files()[3..], None).is_none());
    }

    #[test]
    fn a_damaged_file_is_named() {
        let mut files = files();
        files[0].1.truncate(30);
        let error = read_criterion("x", &files, None).unwrap().unwrap_err().to_string();
        assert!(error.starts_with("line 1, byte 2") && error.contains("(g/f_x/7/new/sample.json)"), "{error}");
    }
}
