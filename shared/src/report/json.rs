//! The report as data. Its JSON is documented in `docs/report-schema.md`: names end in their unit, `null` is not measured.

use super::calls::{self, ReportCall, ReportCallsTotal};
use super::events::{self, ReportEvent};
use super::lines::{self, ReportLine};
use super::memory::{self, ReportMemory};
use super::runs::{self, ReportRuns};
use super::waiting::waiting;
use super::{Quality, ReportWaiting, quality, warning_text};
use crate::caches::{self, Row};
use crate::derive::top_table::whole_table;
use crate::format::{file_name, place};
use crate::model::{Bundle, FunctionKind, Git, Language, Profile, ProfileInfo, Warning, WeightKind};
use crate::units::{Bytes, Nanos};
use crate::view_state::{CachesState, ViewState};
use serde::Serialize;
use std::collections::BTreeMap;

/// Recorded lookups of a cache that the report replays; `perfcollect caches` replays all.
const REPLAYED: usize = 200_000;

/// Version of the JSON form. It grows when a field changes its meaning or goes; new fields do not count.
pub const SCHEMA_VERSION: u32 = 1;

/// What a bundle says, in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// See [`SCHEMA_VERSION`].
    pub schema: u32,
    /// Id of the bundle (ULID).
    pub id: String,
    pub label: Option<String>,
    /// Version of perfcollect that recorded it.
    pub recorded_by: String,
    /// The recording did not end as planned.
    pub partial: bool,
    pub run: ReportRun,
    /// Its runs, where there were several; times of the report are then sums over all of them.
    pub runs: Option<ReportRuns>,
    pub resources: ReportResources,
    pub profiles: Vec<ReportProfile>,
    /// How good the main profile is.
    pub quality: Quality,
    /// What the times of the functions are: CPU time, or wall time where that was asked for.
    pub clock: WeightKind,
    /// Functions of the main profile (or of the one of wall time), each once, most self time first.
    pub functions: Vec<ReportFunction>,
    /// Exact calls together; `null` where they were not counted.
    pub calls_total: Option<ReportCallsTotal>,
    /// Python functions by exact calls, most self time first.
    pub calls: Vec<ReportCall>,
    /// Live memory; `null` where it was not traced.
    pub memory: Option<ReportMemory>,
    /// Counted lines with most self time; `null` where they were not counted.
    pub lines: Option<Vec<ReportLine>>,
    /// Events of the processor and the kernel; `null` where none was asked for.
    pub events: Option<Vec<ReportEvent>>,
    /// Where threads waited; `null` where that was not recorded.
    pub waiting: Option<ReportWaiting>,
    /// Caches, judged, what would bring most first.
    pub caches: Vec<Row>,
    /// What matters most of them; `null` where there are none.
    pub cache_finding: Option<ReportCacheFinding>,
    pub warnings: Vec<ReportWarning>,
}

/// What ran and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportRun {
    pub command: Vec<String>,
    pub cwd: String,
    /// RFC 3339.
    pub start: String,
    /// As a shell shows it: 128 + n after signal n; `null` where the end was not seen.
    pub exit_code: Option<i32>,
    /// Signal that ended it.
    pub signal: Option<i32>,
    /// Process that was recorded while it ran; `null` where perfcollect started it.
    pub attached_pid: Option<u32>,
    pub wall_ns: Option<Nanos>,
    /// User and system time of the whole tree.
    pub cpu_ns: Option<Nanos>,
    pub user_ns: Option<Nanos>,
    pub system_ns: Option<Nanos>,
    /// Counters of the processor over the whole tree, by name; `null` where there were none.
    pub counters: Option<BTreeMap<String, u64>>,
    pub git: Option<Git>,
}

/// Peaks of the process tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportResources {
    /// Largest sum of resident sizes over the tree at one moment.
    pub rss_bytes_max: Option<Bytes>,
    /// Largest resident size of one process.
    pub peak_process_rss_bytes: Option<Bytes>,
    /// Readings of `/proc`, one a process and moment.
    pub samples: u64,
    pub processes: u64,
    pub threads_max: Option<u64>,
}

/// One profile and how good it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportProfile {
    pub name: String,
    pub weight: WeightKind,
    /// Sum of all weights, `null` where the profile could not be read or measures no time.
    pub weight_ns: Option<Nanos>,
    pub samples: u64,
    pub lost: Option<u64>,
    pub rate_hz: Option<f64>,
    pub python_rate_hz: Option<f64>,
    pub reached_hz: Option<f64>,
    pub python_reached_hz: Option<f64>,
    pub throttled: Option<u64>,
    pub unwind_failures: u64,
    pub truncated_stacks: u64,
    pub unsymbolicated: u64,
}

/// One function of the main profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportFunction {
    pub name: String,
    /// Empty where not known.
    pub file: String,
    /// Line of the definition, 0 where not known.
    pub line: u32,
    pub module: String,
    pub language: Language,
    pub kind: FunctionKind,
    pub self_samples: u64,
    pub total_samples: u64,
    pub self_ns: Nanos,
    pub total_ns: Nanos,
    /// Of the CPU time of the whole tree, 0 to 1.
    pub self_share: f64,
    pub total_share: f64,
}

impl ReportFunction {
    /// Where people look for it: `orders.py:41`, else the module.
    #[must_use]
    pub fn place(&self) -> String {
        place_of(&self.name, &self.file, self.line, &self.module)
    }
}

/// Where people look for a function: `orders.py:41`, else the module.
pub(super) fn place_of(name: &str, file: &str, line: u32, module: &str) -> String {
    let module = file_name(module);
    match file.is_empty() {
        // A function without a symbol is called by its module already.
        true if name.contains(module) => String::new(),
        true => module.to_owned(),
        false => place(file, line),
    }
}

/// What is true of the cache that matters most.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportCacheFinding {
    pub sentence: String,
    /// Its place among the caches; `null` where none matters.
    pub cache: Option<usize>,
    /// What to put behind the `#` of the page's address to see it.
    pub fragment: String,
}

/// A warning: its code and own fields, and the sentence for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportWarning {
    pub message: String,
    #[serde(flatten)]
    pub warning: Warning,
}

/// The report of a bundle.
///
/// Without a readable profile the functions are those of the manifest's summary, with what that knows of them.
#[must_use]
pub fn report(bundle: &Bundle) -> Report {
    report_by(bundle, WeightKind::Cpu)
}

/// As [`report`], with the functions of the profile of wall time where that is the clock. It must be in the bundle, or there
/// are none.
#[must_use]
pub fn report_by(bundle: &Bundle, clock: WeightKind) -> Report {
    let by_wall = || bundle.profiles.iter().find(|profile| profile.info.weight == WeightKind::Wall);
    let functions = match clock {
        WeightKind::Wall => by_wall().map(|profile| functions(profile)).unwrap_or_default(),
        _ => bundle.main_profile().map_or_else(|| summary_functions(bundle), |profile| functions(profile)),
    };
    let manifest = &bundle.manifest;
    let summary = &manifest.summary;
    let (calls_total, calls) = calls::report(&bundle.calls);
    let caches = caches::rows_of(bundle, REPLAYED);
    Report {
        schema: SCHEMA_VERSION,
        id: manifest.id.clone(),
        label: manifest.label.clone(),
        recorded_by: manifest.tool.version.clone(),
        partial: manifest.partial,
        run: ReportRun {
            command: manifest.command.clone(),
            cwd: manifest.cwd.clone(),
            start: manifest.start.clone(),
            exit_code: manifest.exit.status(),
            signal: manifest.exit.signal,
            attached_pid: manifest.attached.map(|attached| attached.pid),
            wall_ns: manifest.wall_ns,
            cpu_ns: manifest.cpu_ns,
            user_ns: manifest.user_ns,
            system_ns: manifest.system_ns,
            counters: Some(manifest.counters.clone()).filter(|counters| !counters.is_empty()),
            git: manifest.git.clone(),
        },
        runs: runs::report(bundle),
        resources: ReportResources {
            rss_bytes_max: summary.rss_bytes_max,
            peak_process_rss_bytes: summary.peak_process_rss_bytes,
            samples: summary.resource_samples,
            processes: summary.processes,
            threads_max: summary.threads_max,
        },
        profiles: profiles(bundle),
        quality: quality(bundle),
        clock,
        functions,
        calls_total,
        calls,
        memory: memory::report(bundle),
        lines: lines::report(&bundle.lines),
        events: events::events(bundle),
        waiting: waiting(bundle),
        cache_finding: cache_finding(&caches),
        caches,
        warnings: bundle
            .warnings()
            .map(|warning| ReportWarning { message: warning_text(warning), warning: warning.clone() })
            .collect(),
    }
}

fn cache_finding(rows: &[Row]) -> Option<ReportCacheFinding> {
    let found = caches::headline(rows)?;
    let chosen = found.cache.and_then(|at| rows.get(at)).map(Row::key).unwrap_or_default();
    let state =
        ViewState { view: "caches".into(), caches: CachesState { chosen, ..Default::default() }, ..Default::default() };
    Some(ReportCacheFinding { sentence: found.sentence, cache: found.cache, fragment: state.to_fragment() })
}

fn profiles(bundle: &Bundle) -> Vec<ReportProfile> {
    let read = |info: &ProfileInfo| bundle.profiles.iter().find(|profile| profile.info.name == info.name);
    let listed = bundle.manifest.profiles.iter();
    // A bundle that was not written yet has profiles that its manifest does not list.
    let unlisted = bundle.profiles.iter().map(|profile| &profile.info);
    let unlisted = unlisted.filter(|info| bundle.manifest.profiles.iter().all(|known| known.name != info.name));
    listed
        .chain(unlisted)
        .map(|info| ReportProfile {
            name: info.name.clone(),
            weight: info.weight,
            weight_ns: read(info).filter(|_| info.weight.is_time()).map(|profile| profile.samples.total_weight()),
            samples: info.samples,
            lost: info.lost,
            rate_hz: info.rate_hz,
            python_rate_hz: info.python_rate_hz,
            reached_hz: info.reached_hz,
            python_reached_hz: info.python_reached_hz,
            throttled: info.throttled,
            unwind_failures: info.unwind_failures,
            truncated_stacks: info.truncated_stacks,
            unsymbolicated: info.unsymbolicated,
        })
        .collect()
}

pub(super) fn functions(profile: &Profile) -> Vec<ReportFunction> {
    let table = whole_table(profile);
    let row = |row: &crate::derive::top_table::TopRow| {
        let function = profile.function(row.function);
        ReportFunction {
            name: profile.function_name(row.function).to_owned(),
            file: profile.function_file(row.function).to_owned(),
            line: function.start_line,
            module: profile.function_module(row.function).to_owned(),
            language: function.language,
            kind: function.kind,
            self_samples: row.self_samples,
            total_samples: row.total_samples,
            self_ns: row.self_weight,
            total_ns: row.total_weight,
            self_share: row.self_weight.share_of(table.weight),
            total_share: row.total_weight.share_of(table.weight),
        }
    };
    table.rows.iter().map(row).collect()
}

fn summary_functions(bundle: &Bundle) -> Vec<ReportFunction> {
    let row = |top: &crate::model::SummaryFunction| ReportFunction {
        name: top.name.clone(),
        file: top.file.clone(),
        line: top.line,
        self_samples: top.self_samples,
        self_ns: top.self_ns,
        total_ns: top.total_ns,
        self_share: top.self_share,
        total_share: top.total_share,
        ..Default::default()
    };
    bundle.manifest.summary.top.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{markdown, summary_lines, text};
    use super::*;
    use crate::model::{BenchmarkInfo, CallCount, CallerCount, Exit, LineCount, Run, SummaryFunction};
    use crate::testing;
    use serde_json::Value;
    use std::sync::Arc;

    fn bundle() -> Bundle {
        let ms = |n: u64| Some(Nanos(n * Nanos::MILLISECOND.0));
        let mut bundle =
            Bundle { profiles: vec![Arc::new(testing::profile("A A A A\nB B B C"))], ..Default::default() };
        let manifest = &mut bundle.manifest;
        manifest.command = vec!["./a b".into(), "x".into()];
        manifest.exit = Exit { code: None, signal: Some(15) };
        manifest.start = "2026-11-21T10:02:03Z".into();
        (manifest.wall_ns, manifest.cpu_ns) = (ms(1_240), ms(4));
        manifest.summary.rss_bytes_max = Some(Bytes(202 << 20));
        manifest.summary.processes = 3;
        manifest.warnings = vec![Warning::LostSamples { profile: "cpu".into(), lost: 2, samples: 4 }];
        manifest.git = Some(Git { commit: "1f3c9a".into(), ..Default::default() });
        bundle
    }

    /// Value at a path such as `functions.0.name`.
    fn at<'a>(json: &'a Value, path: &str) -> &'a Value {
        path.split('.').fold(json, |value, key| match key.parse::<usize>() {
            Ok(index) => &value[index],
            Err(_) => &value[key],
        })
    }

    fn check(path: &str, expect: &str) {
        let json = serde_json::to_value(report(&bundle())).unwrap();
        assert_eq!(at(&json, path).to_string(), expect, "{path}");
    }

    #[test]
    fn the_json_form_is_kept() {
        check("schema", "1");
        check("run.command", r#"["./a b","x"]"#);
        check("run.exit_code", "143");
        check("run.signal", "15");
        check("run.wall_ns", "1240000000");
        check("run.cpu_ns", "4000000");
        check("run.user_ns", "null");
        check("resources.rss_bytes_max", "211812352");
        check("resources.peak_process_rss_bytes", "null");
        check("resources.samples", "0");
        check("profiles.0.name", r#""cpu""#);
        check("profiles.0.samples", "4");
        check("profiles.0.lost", "0");
        check("profiles.0.rate_hz", "1000.0");
        check("functions.0.name", r#""B""#);
        check("functions.0.file", r#""app.c""#);
        check("functions.0.line", "1");
        check("functions.0.self_samples", "3");
        check("functions.0.total_samples", "3");
        check("functions.0.self_share", "0.75");
        check("functions.2.total_share", "1.0");
        check("functions.3", "null");
        check("warnings.0.code", r#""lost_samples""#);
        check("warnings.0.lost", "2");
    }

    #[test]
    fn every_field_is_documented() {
        fn names(value: &Value, into: &mut Vec<String>) {
            match value {
                Value::Object(map) => map.iter().for_each(|(key, value)| {
                    into.push(key.clone());
                    names(value, into);
                }),
                Value::Array(list) => list.iter().for_each(|value| names(value, into)),
                _ => {}
            }
        }
        let schema = include_str!("../../../docs/report-schema.md");
        let mut fields = Vec::new();
        let mut bundle = bundle();
        bundle.calls = Arc::new(vec![CallCount { callers: vec![CallerCount::default()], ..CallCount::default() }]);
        bundle.lines = Arc::new(vec![LineCount::default()]);
        let metrics = [("wall_ns".to_owned(), 1.0)].into();
        bundle.runs = Arc::new(vec![Run { metrics, ..Run::default() }]);
        bundle.manifest.benchmarks = vec![BenchmarkInfo::default()];
        let mut alloc = testing::profile("A\nB");
        (alloc.info.name, alloc.info.weight) = ("alloc".into(), WeightKind::Bytes);
        bundle.profiles.push(Arc::new(alloc));
        let mut faults = testing::profile("A\nB");
        (faults.info.name, faults.info.weight) = ("page-faults".into(), WeightKind::Events);
        bundle.profiles.push(Arc::new(faults));
        bundle.counters = Arc::new(vec![crate::model::ProcessCounter {
            event: "page-faults".into(),
            ..crate::model::ProcessCounter::default()
        }]);
        let mut json = serde_json::to_value(report(&bundle)).unwrap();
        // The figures of a warning differ by its kind.
        json["warnings"] = serde_json::json!([{ "code": 0, "message": 0 }]);
        names(&json, &mut fields);
        for field in fields {
            assert!(schema.contains(&format!("`{field}")), "docs/report-schema.md does not describe `{field}`");
        }
    }

    #[test]
    fn without_a_profile_the_summary_stands_in() {
        let mut bundle = bundle();
        bundle.profiles.clear();
        bundle.manifest.profiles = vec![ProfileInfo { name: "cpu".into(), samples: 9, ..Default::default() }];
        bundle.manifest.summary.top = vec![SummaryFunction { name: "F".into(), self_samples: 5, ..Default::default() }];
        let report = report(&bundle);
        assert_eq!((report.functions[0].name.as_str(), report.functions[0].self_samples), ("F", 5));
        assert_eq!((report.profiles[0].samples, report.profiles[0].weight_ns), (9, None));
    }

    #[test]
    fn a_run_ends_with_ten_lines_at_most() {
        let mut bundle = bundle();
        let expect = "\
a b spent 1.24 s, 4.00 ms of it computing; peak memory 202 MiB in 3 processes; killed by signal 15
quality: 1,000 Hz asked, 4 samples, 0 lost, 0 % not unwound, 0 % without symbols
4 samples at 1,000 Hz (native), 0 lost; top functions by self time:
    75 %   3 samples  B  app.c:1
    25 %    1 sample  C  app.c:1
warning: 2 samples of profile cpu lost beside 4 kept: shares may be off where the program was busiest
bundle: .perfcollect/0001-a b.perf.zip
open it: perfcollect serve '.perfcollect/0001-a b.perf.zip'
";
        assert_eq!(summary_lines(&report(&bundle), ".perfcollect/0001-a b.perf.zip"), expect);
        let names: Vec<String> = (0..40).map(|n| format!("f{n}")).collect();
        bundle.profiles = vec![Arc::new(testing::profile(&names.join(" ")))];
        for warnings in 0..8 {
            bundle.manifest.warnings = vec![Warning::Throttled { times: 1 }; warnings];
            let lines = summary_lines(&report(&bundle), "x");
            assert_eq!(lines.lines().count(), 10, "{warnings} warnings:\n{lines}");
            assert_eq!(lines.contains("more warnings"), warnings > 2, "{lines}");
        }
    }

    #[test]
    fn nothing_measured_is_said_in_words() {
        let lines = summary_lines(&report(&Bundle::default()), "b");
        let expect = "\
program ran for a time that was not measured; memory not measured; end not seen
no stacks were sampled: `perfcollect doctor` says why
bundle: b
open it: perfcollect serve b
";
        assert_eq!(lines, expect);
        assert!(text(&report(&Bundle::default())).contains("No functions"));
    }

    #[test]
    fn text_and_markdown_list_functions_and_warnings() {
        let text = text(&report(&bundle()));
        assert!(text.contains("    75 %     75 %   3.00 ms         3  B  app.c:1\n"), "{text}");
        assert!(text.contains("command    './a b' x\n"), "{text}");
        assert!(text.contains("warnings\n  2 samples of profile cpu lost"), "{text}");
        let mut bundle = bundle();
        bundle.profiles = vec![Arc::new(testing::profile("a|b<T>"))];
        let markdown = markdown(&report(&bundle));
        assert!(markdown.contains("| 100 % | 100 % | 1.00 ms | 1 | a\\|b&lt;T&gt; | app.c:1 |"), "{markdown}");
    }
}
