//! What a benchmark file says, whatever tool wrote it: benchmarks with their values by metric.
//!
//! Owns the form that comparisons, gates, trends and views read. Must not judge: that is `stats` and `compare`.

#[cfg(feature = "bench-import")]
pub mod log;

use crate::model::{Better, Bundle, Manifest, MetricInfo, Run, Unit, WeightKind};
use crate::order::Order;
use crate::units::{Bytes, Nanos};
use std::collections::BTreeMap;

/// Metrics that are shown first, where a benchmark has them.
pub const HEADLINES: [&str; 3] = ["wall_ns", "cpu_ns", "rss_bytes"];

/// The benchmarks of one source (a bundle, a log's entry, a file of another tool), measured in one session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BenchSet {
    /// What a person calls the source: a file name, `last-1`.
    pub source: String,
    /// What measured: `perfcollect`, `hyperfine`, …
    pub tool: String,
    /// Start of the measurement, RFC 3339 or as the source words it.
    pub start: Option<String>,
    /// Commit that was measured.
    pub commit: Option<String>,
    /// Whether files differed from that commit; `None` where the source does not tell.
    pub dirty: Option<bool>,
    /// Folder that the commands ran in.
    pub cwd: Option<String>,
    /// What must be equal for two sets to be comparable, field by field: processor, kernel, settings.
    pub config: BTreeMap<String, String>,
    /// Stacks were sampled meanwhile, which the figures pay for.
    pub recorded: bool,
    pub benchmarks: Vec<Benchmark>,
    /// What the reading of the source met, and what the source says of its own quality.
    pub warnings: Vec<String>,
}

/// One benchmark.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Benchmark {
    pub name: String,
    /// Empty where the source does not tell.
    pub command: Vec<String>,
    pub parameters: BTreeMap<String, String>,
    /// The first is the one that decides; `wall_ns` and `cpu_ns` decide together.
    pub metrics: Vec<Metric>,
}

/// The values of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metric {
    pub name: String,
    pub unit: Unit,
    pub better: Better,
    /// One for each run, in order of time; of a harness that measures many times in one process, one for each process.
    pub values: Vec<f64>,
    /// Block of each value: as many as values, or none where runs were not made in blocks.
    pub blocks: Vec<u32>,
    /// Measurements inside one process that were reduced to the values (a harness such as criterion), in order of time;
    /// empty where each value is a run of its own.
    pub within: Vec<f64>,
    /// What the source says where it holds no values.
    pub given: Option<Given>,
}

/// Figures that a source gives in place of values; `None` where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Given {
    pub n: Option<u64>,
    pub mean: Option<f64>,
    pub median: Option<f64>,
    pub stddev: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl BenchSet {
    /// The runs of a bundle; a bundle without runs is one run of its command.
    #[must_use]
    pub fn of_bundle(bundle: &Bundle, source: &str) -> Self {
        let manifest = &bundle.manifest;
        let environment = &manifest.environment;
        let config = [
            ("cpu", environment.cpu_model.clone()),
            ("cpus", environment.cpus.to_string()),
            ("kernel", environment.kernel.clone()),
            ("os", environment.os.clone()),
            ("governor", environment.governor.clone().unwrap_or_default()),
        ];
        let mut set = Self {
            source: source.to_owned(),
            tool: manifest.tool.name.clone(),
            start: Some(manifest.start.clone()),
            commit: manifest.git.as_ref().map(|git| git.commit.clone()).filter(|commit| !commit.is_empty()),
            dirty: manifest.git.as_ref().and_then(|git| git.dirty),
            cwd: Some(manifest.cwd.clone()).filter(|folder| !folder.is_empty()),
            config: config.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            recorded: !bundle.profiles.is_empty(),
            ..Self::default()
        };
        if bundle.runs.is_empty() {
            set.benchmarks.extend(one_run(bundle));
            return set;
        }
        if !bundle.profiles.is_empty() {
            set.warnings.push("the runs were recorded with stacks: their times hold what recording costs".to_owned());
        }
        for info in &manifest.benchmarks {
            let runs: Vec<&Run> = bundle.runs.iter().filter(|run| run.counts() && run.benchmark == info.name).collect();
            let mut names: Vec<&String> = runs.iter().flat_map(|run| run.metrics.keys()).collect();
            names.order_by_key(|name| (place(name), *name));
            names.dedup();
            let metrics = names.into_iter().map(|name| {
                let own = info.metrics.iter().find(|metric| metric.name == *name);
                let own = own.cloned().unwrap_or_else(|| MetricInfo::of_name(name));
                let measured = runs.iter().filter_map(|run| Some((*run.metrics.get(name)?, run.block)));
                let (values, blocks) = measured.unzip();
                Metric { name: own.name, unit: own.unit, better: own.better, values, blocks, ..Metric::default() }
            });
            set.benchmarks.push(Benchmark {
                name: info.name.clone(),
                command: info.command.clone(),
                parameters: info.parameters.clone(),
                metrics: metrics.collect(),
            });
        }
        set
    }
}

impl Benchmark {
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

impl Run {
    /// Whether its figures belong into results.
    #[must_use]
    pub fn counts(&self) -> bool {
        !self.warmup && !self.timed_out
    }
}

/// Wall and CPU time first, then memory, then all else.
fn place(metric: &str) -> usize {
    HEADLINES.iter().position(|known| *known == metric).unwrap_or(usize::MAX)
}

/// Figures of one recorded run of a command, by the names that [`Run::metrics`] has; what was not measured is not there.
#[must_use]
pub fn figures_of(manifest: &Manifest) -> Vec<(&'static str, f64)> {
    let figures = [
        ("wall_ns", manifest.wall_ns.map(Nanos::as_f64)),
        ("cpu_ns", manifest.cpu_ns.map(Nanos::as_f64)),
        ("rss_bytes", manifest.summary.peak_process_rss_bytes.map(Bytes::as_f64)),
        ("user_ns", manifest.user_ns.map(Nanos::as_f64)),
        ("system_ns", manifest.system_ns.map(Nanos::as_f64)),
    ];
    figures.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// What was counted of each event over the whole tree, by its name: the samples of a profile of events add up to it.
#[must_use]
pub fn counted(bundle: &Bundle) -> Vec<(String, f64)> {
    let events = bundle.profiles.iter().filter(|profile| profile.info.weight == WeightKind::Events);
    events.map(|profile| (profile.info.name.clone(), profile.samples.total_weight().as_f64())).collect()
}

fn one_run(bundle: &Bundle) -> Option<Benchmark> {
    let manifest = &bundle.manifest;
    let figures = figures_of(manifest).into_iter().map(|(name, value)| (name.to_owned(), value));
    let metrics: Vec<Metric> = figures
        .chain(counted(bundle))
        .map(|(name, value)| {
            let MetricInfo { name, unit, better } = MetricInfo::of_name(&name);
            Metric { name, unit, better, values: vec![value], ..Metric::default() }
        })
        .collect();
    (!metrics.is_empty()).then(|| Benchmark {
        name: crate::format::program(&manifest.command),
        command: manifest.command.clone(),
        parameters: BTreeMap::new(),
        metrics,
    })
}
