//! The report as data. Its JSON is documented in `docs/report-schema.md`: names end in their unit, `null` is not measured.

use super::warning_text;
use crate::derive::top_table::whole_table;
use crate::model::{Bundle, FunctionKind, Git, Language, Profile, ProfileInfo, Warning, WeightKind};
use crate::units::{Bytes, Nanos};
use serde::Serialize;

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
    pub resources: ReportResources,
    pub profiles: Vec<ReportProfile>,
    /// Functions of the main profile, each once, most self time first.
    pub functions: Vec<ReportFunction>,
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
    pub wall_ns: Option<Nanos>,
    /// User and system time of the whole tree.
    pub cpu_ns: Option<Nanos>,
    pub user_ns: Option<Nanos>,
    pub system_ns: Option<Nanos>,
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
    /// Sum of all weights, `null` where the profile could not be read.
    pub weight_ns: Option<Nanos>,
    pub samples: u64,
    pub lost: Option<u64>,
    pub rate_hz: Option<f64>,
    pub python_rate_hz: Option<f64>,
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
    let manifest = &bundle.manifest;
    let summary = &manifest.summary;
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
            wall_ns: manifest.wall_ns,
            cpu_ns: manifest.cpu_ns,
            user_ns: manifest.user_ns,
            system_ns: manifest.system_ns,
            git: manifest.git.clone(),
        },
        resources: ReportResources {
            rss_bytes_max: summary.rss_bytes_max,
            peak_process_rss_bytes: summary.peak_process_rss_bytes,
            samples: summary.resource_samples,
            processes: summary.processes,
            threads_max: summary.threads_max,
        },
        profiles: profiles(bundle),
        functions: bundle.main_profile().map_or_else(|| summary_functions(bundle), |profile| functions(profile)),
        warnings: bundle
            .warnings()
            .map(|warning| ReportWarning { message: warning_text(warning), warning: warning.clone() })
            .collect(),
    }
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
            weight_ns: read(info).map(|profile| profile.samples.total_weight()),
            samples: info.samples,
            lost: info.lost,
            rate_hz: info.rate_hz,
            python_rate_hz: info.python_rate_hz,
            unwind_failures: info.unwind_failures,
            truncated_stacks: info.truncated_stacks,
            unsymbolicated: info.unsymbolicated,
        })
        .collect()
}

fn functions(profile: &Profile) -> Vec<ReportFunction> {
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
