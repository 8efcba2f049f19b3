//! `perfcollect check`: gates for a merge, as an exit code and in words.

mod config;

use crate::bench_source::Source;
use crate::cli::{CheckArgs, CheckFormat};
use crate::exit_code::ExitCode;
use crate::store::Library;
use crate::terminal::Terminal;
use anyhow::Context;
use config::Loaded;
use perfcollect_shared::check::{self, Plan, Report, Side, Status};
use perfcollect_shared::compare::SessionNoise;
use perfcollect_shared::stats::Rules;
use std::fs;
use std::path::Path;

/// Holds every gate against a bundle, a file or a group of them.
///
/// # Errors
/// When the configuration makes no sense, a side cannot be read, or an output cannot be written.
pub fn run(args: &CheckArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let loaded = if args.no_config { Loaded::default() } else { config::load(args.config.as_deref())? };
    let against = args.against.clone().or_else(|| loaded.against.clone());
    let plan = plan(args, loaded);
    if plan.gates.is_empty() {
        terminal.error(&format!(
            "there is no gate to check; write them into {}, or give --max, --min, --function or --regression",
            config::NAME
        ));
        return Ok(ExitCode::USAGE);
    }
    let library = Library::local();
    let resolve = |word: &str| Source::resolve(word, &library, args.log.as_deref());
    let new = resolve(&args.bundle)?;
    let base = against.as_deref().map(resolve).transpose().context("cannot read the base")?;
    let report = check::check(&plan, side(&new), base.as_ref().map(side));
    write(args, &report, *terminal)?;
    Ok(match report.status {
        Status::Pass => ExitCode::FINE,
        Status::Unknown if report.allow_unknown => ExitCode::FINE,
        Status::Unknown => ExitCode::UNDECIDED,
        Status::Fail => ExitCode::GATE_FAILED,
    })
}

/// Gates of the file and of flags; what flags say of the rest wins.
fn plan(args: &CheckArgs, loaded: Loaded) -> Plan {
    let mut gates = loaded.gates;
    gates.extend(args.regressions.iter().chain(&args.max).chain(&args.min).chain(&args.functions).cloned());
    let defaults = Rules::default();
    let part = |flag: Option<f64>, file: Option<f64>, default| flag.map(|pct| pct / 100.0).or(file).unwrap_or(default);
    let noise = args.session_noise.map(|pct| pct / 100.0).or(loaded.session_noise);
    Plan {
        gates,
        rules: Rules {
            margin: part(args.margin, loaded.margin, defaults.margin),
            confidence: part(args.confidence, loaded.confidence, defaults.confidence),
        },
        noise: noise.map(SessionNoise::given).unwrap_or_default(),
        allow_unknown: args.allow_unknown || loaded.allow_unknown,
    }
}

fn side(source: &Source) -> Side<'_> {
    Side { name: &source.name, sets: &source.sets, bundles: &source.bundles }
}

/// Stdout gets the answer unless it goes to a file in the same form.
fn write(args: &CheckArgs, report: &Report, terminal: Terminal) -> anyhow::Result<()> {
    let mut to_stdout = true;
    for output in &args.outputs {
        let (format, path) = split(output, args.format);
        to_stdout &= format != args.format;
        let text = worded(report, format, false)?;
        if path == "-" {
            terminal.out(&text)?;
        } else {
            fs::write(Path::new(path), text).with_context(|| format!("cannot write {path}"))?;
        }
    }
    if to_stdout {
        terminal.out(&worded(report, args.format, terminal.color)?)?;
    }
    Ok(())
}

/// `junit=FILE`, or a file in the form of `--format`.
fn split(output: &str, default: CheckFormat) -> (CheckFormat, &str) {
    let forms = [
        ("text=", CheckFormat::Text),
        ("json=", CheckFormat::Json),
        ("markdown=", CheckFormat::Markdown),
        ("junit=", CheckFormat::Junit),
    ];
    let named = forms.iter().find_map(|(prefix, format)| Some((*format, output.strip_prefix(prefix)?)));
    named.unwrap_or((default, output))
}

fn worded(report: &Report, format: CheckFormat, color: bool) -> anyhow::Result<String> {
    Ok(match format {
        CheckFormat::Text => check::text(report, color),
        CheckFormat::Json => serde_json::to_string_pretty(report)? + "\n",
        CheckFormat::Markdown => check::markdown(report),
        CheckFormat::Junit => check::junit(report),
    })
}
