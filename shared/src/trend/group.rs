//! Sessions to series: what may stand in one line of a history.

use super::{Point, Series, Wanted};
use crate::bench::{BenchSet, Benchmark, HEADLINES, Metric};
use crate::check::matches;
use crate::stats::summary;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// Series by benchmark, then metric, in the order in which they came first; each with its environments, oldest first.
pub(super) fn group(sets: &[BenchSet], wanted: &Wanted) -> Vec<Series> {
    let mut families: Vec<Vec<Series>> = Vec::new();
    // Family and place in it by what must be equal; the family by the same without the environment.
    let mut known_families = HashMap::new();
    let mut known = HashMap::new();
    for set in sets {
        let config = config(set);
        let environment = hash(&config);
        for benchmark in set.benchmarks.iter().filter(|benchmark| is_wanted(benchmark, wanted)) {
            for metric in metrics(benchmark, wanted) {
                let Some(point) = point(set, metric, &wanted.rules) else { continue };
                let name = (&benchmark.name, &benchmark.command, &benchmark.parameters, &metric.name);
                let family = *known_families.entry(name).or_insert_with(|| {
                    families.push(Vec::new());
                    families.len() - 1
                });
                let members = &mut families[family];
                let place = *known.entry((name, environment.clone())).or_insert_with(|| {
                    let before = members.last();
                    let differs = before.map(|before| differences(&before.config, &config)).unwrap_or_default();
                    members.push(Series { differs, ..empty(benchmark, metric, &environment, &config) });
                    members.len() - 1
                });
                members[place].points.push(point);
            }
        }
    }
    families.into_iter().flatten().collect()
}

fn is_wanted(benchmark: &Benchmark, wanted: &Wanted) -> bool {
    wanted.benchmark.as_deref().is_none_or(|pattern| matches(pattern, &benchmark.name))
}

fn metrics<'a>(benchmark: &'a Benchmark, wanted: &'a Wanted) -> Vec<&'a Metric> {
    if !wanted.metrics.is_empty() {
        return wanted.metrics.iter().filter_map(|name| benchmark.metric(name)).collect();
    }
    let headlines: Vec<&Metric> = HEADLINES.iter().filter_map(|name| benchmark.metric(name)).collect();
    if headlines.is_empty() { benchmark.metrics.iter().take(1).collect() } else { headlines }
}

fn empty(benchmark: &Benchmark, metric: &Metric, environment: &str, config: &BTreeMap<String, String>) -> Series {
    Series {
        benchmark: benchmark.name.clone(),
        command: benchmark.command.clone(),
        parameters: benchmark.parameters.clone(),
        metric: metric.name.clone(),
        unit: metric.unit,
        better: metric.better,
        environment: environment.to_owned(),
        config: config.clone(),
        ..Series::default()
    }
}

/// One value a session: the median of its runs, or what the source gives in its place. `None` where there is no number.
fn point(set: &BenchSet, metric: &Metric, rules: &crate::stats::Rules) -> Option<Point> {
    let values: Vec<f64> = metric.values.iter().copied().filter(|value| value.is_finite()).collect();
    let runs = summary(&values, rules.confidence);
    let given = metric.given.unwrap_or_default();
    let (n, value) = match runs {
        None => (given.n.unwrap_or(1), given.median.or(given.mean).filter(|value| value.is_finite())?),
        Some(runs) => (runs.n, runs.median),
    };
    Some(Point {
        source: set.source.clone(),
        start: set.start.clone(),
        commit: set.commit.clone(),
        dirty: set.dirty,
        n,
        value,
        low: runs.and_then(|runs| runs.low),
        high: runs.and_then(|runs| runs.high),
    })
}

/// What must be equal: the source's own fields and what measured.
fn config(set: &BenchSet) -> BTreeMap<String, String> {
    let mut config = set.config.clone();
    config.retain(|_, value| !value.is_empty());
    if !set.tool.is_empty() {
        config.insert("tool".into(), set.tool.clone());
    }
    config
}

/// Eight digits that tell two environments apart.
fn hash(config: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (key, value) in config {
        // Debug form: quotes and escapes, so that no value can look like another field.
        let _infallible = write!(text, "{key:?}={value:?};");
    }
    Sha256::digest(text.as_bytes()).iter().take(4).fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// Fields that differ: `kernel: 6.1 → 6.2`.
fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let of = |config: &BTreeMap<String, String>, key: &str| {
        config.get(key).cloned().unwrap_or_else(|| crate::format::NOT_MEASURED.to_owned())
    };
    let pairs = keys.into_iter().map(|key| (key, of(before, key), of(after, key)));
    pairs.filter(|(_, a, b)| a != b).map(|(key, a, b)| format!("{key}: {a} → {b}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::series;
    use super::*;

    fn set(source: &str, kernel: &str, command: &str, values: &[f64]) -> BenchSet {
        let metric = |name: &str| Metric { name: name.into(), values: values.to_vec(), ..Metric::default() };
        let benchmark = Benchmark {
            name: "sort".into(),
            command: vec![command.into()],
            metrics: vec![metric("wall_ns"), metric("faults")],
            ..Benchmark::default()
        };
        BenchSet {
            source: source.into(),
            config: [("kernel".to_owned(), kernel.to_owned())].into(),
            benchmarks: vec![benchmark],
            ..BenchSet::default()
        }
    }

    #[test]
    fn a_new_environment_begins_a_new_series_and_an_old_one_goes_on() {
        let sets = [
            set("1", "6.1", "sort", &[3.0, 1.0, 2.0]),
            set("2", "6.2", "sort", &[9.0]),
            set("3", "6.1", "sort", &[2.5, 1.5]),
            set("4", "6.1", "sort -n", &[7.0]),
        ];
        let trend = series(&sets, &Wanted::default());
        let told: Vec<String> = trend
            .series
            .iter()
            .map(|one| {
                let points: Vec<String> = one.points.iter().map(|p| format!("{}={}", p.source, p.value)).collect();
                format!("{} {} [{}] {}", one.command[0], one.metric, points.join(" "), one.differs.join(", "))
            })
            .collect();
        assert_eq!(told, ["sort wall_ns [1=2 3=2] ", "sort wall_ns [2=9] kernel: 6.1 → 6.2", "sort -n wall_ns [4=7] "]);
        assert_ne!(trend.series[0].environment, trend.series[1].environment);
        assert!(trend.series.iter().all(|one| one.changes.is_empty() && one.segments.is_empty()));
    }

    #[test]
    fn metrics_and_benchmarks_can_be_chosen() {
        let sets = [set("1", "6.1", "sort", &[1.0])];
        let names = |wanted: Wanted| -> Vec<String> {
            series(&sets, &wanted).series.into_iter().map(|one| one.metric).collect()
        };
        assert_eq!(names(Wanted { metrics: vec!["faults".into()], ..Wanted::default() }), ["faults"]);
        assert_eq!(names(Wanted { benchmark: Some("s*t".into()), ..Wanted::default() }), ["wall_ns"]);
        assert!(names(Wanted { benchmark: Some("parse".into()), ..Wanted::default() }).is_empty());
    }

    #[test]
    fn values_that_look_like_fields_do_not_collide() {
        let config = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert_ne!(hash(&config(&[("a", "1\";\"b\"=\"2")])), hash(&config(&[("a", "1"), ("b", "2")])));
    }
}
