//! `perfcollect trend`: the history of benchmarks.

use crate::bench_source;
use crate::cli::{ReportFormat, TrendArgs};
use crate::exit_code::ExitCode;
use crate::history;
use crate::store::Library;
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use perfcollect_shared::bench::BenchSet;
use perfcollect_shared::check::metric_of;
use perfcollect_shared::stats::Rules;
use perfcollect_shared::trend::{self, Style, Trend, Wanted};
use std::fs;
use std::path::{Path, PathBuf};

/// Prints levels and suspected changes of a library or of files.
///
/// # Errors
/// When there is no such folder or file, or the output cannot be written.
pub fn run(args: &TrendArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (source, sets, warnings) = sessions(args)?;
    let metrics = args.metrics.iter().map(|name| metric_of(name)).collect();
    let rules = Rules { margin: args.margin / 100.0, confidence: args.confidence / 100.0 };
    let wanted = Wanted { metrics, benchmark: args.benchmark.clone(), rules };
    let mut trend = trend::series(&sets, &wanted);
    trend::add_confirmations(&mut trend, &sets, &|cwd| history::place(cwd, args.build.as_deref()));
    trend.source = source;
    trend.warnings.splice(0..0, warnings);
    let color = terminal.color && args.output.is_none();
    let told = match args.format {
        ReportFormat::Text => trend::text(&trend, Style { color }) + &missing(&trend, &sets, args),
        ReportFormat::Markdown => trend::markdown(&trend),
        ReportFormat::Json => serde_json::to_string_pretty(&trend)? + "\n",
    };
    match &args.output {
        Some(file) => fs::write(file, told).with_context(|| format!("cannot write {}", file.display()))?,
        None => terminal.out(&told)?,
    }
    Ok(ExitCode::FINE)
}

/// Why there is nothing to see, and what to do.
fn missing(trend: &Trend, sets: &[BenchSet], args: &TrendArgs) -> String {
    if !trend.series.is_empty() {
        return String::new();
    }
    if sets.is_empty() {
        return "record sessions with `perfcollect bench -- COMMAND` or `perfcollect run -- COMMAND`\n".into();
    }
    let mut names: Vec<&str> =
        sets.iter().flat_map(|set| &set.benchmarks).map(|benchmark| benchmark.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut metrics: Vec<&str> = sets
        .iter()
        .flat_map(|set| &set.benchmarks)
        .flat_map(|benchmark| &benchmark.metrics)
        .map(|metric| metric.name.as_str())
        .collect();
    metrics.sort_unstable();
    metrics.dedup();
    let what =
        if args.benchmark.is_some() || !args.metrics.is_empty() { "what was asked for is not there; " } else { "" };
    format!("{what}there are the benchmarks {} with the metrics {}\n", names.join(", "), metrics.join(", "))
}

/// What the sessions are called together, the sessions, oldest first, and what was left out.
fn sessions(args: &TrendArgs) -> anyhow::Result<(String, Vec<BenchSet>, Vec<String>)> {
    let mut sets = Vec::new();
    let mut warnings = Vec::new();
    let local = [PathBuf::from(crate::store::LIBRARY)];
    let default = args.sources.is_empty() && args.log.is_none();
    let sources: &[PathBuf] = if default { &local } else { &args.sources };
    for source in sources {
        for path in files(source, default)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match history::session(&path, args.ignore_failure) {
                Ok(set) => sets.push(set),
                Err(reason) => warnings.push(format!("{name}: {reason}")),
            }
        }
    }
    if let Some(path) = &args.log {
        let log = bench_source::read_log(path)?;
        warnings.extend(log.warnings);
        for entry in log.entries {
            if entry.status == "ok" || args.ignore_failure {
                sets.push(entry.set);
            } else {
                let (line, status) = (entry.line, entry.status);
                warnings.push(format!(
                    "line {line}: left out, its status is {status}; --ignore-failure keeps such sessions"
                ));
            }
        }
    }
    let told: Vec<String> = sources.iter().chain(&args.log).map(|path| path.display().to_string()).collect();
    Ok((told.join(", "), sets, warnings))
}

/// The bundles of a folder, or the file itself.
fn files(source: &Path, may_be_missing: bool) -> anyhow::Result<Vec<PathBuf>> {
    if source.is_dir() || (may_be_missing && !source.exists()) {
        return Library::at(source).paths();
    }
    if !source.exists() {
        bail!("there is no file or folder {}", source.display());
    }
    Ok(vec![source.to_owned()])
}
