//! `perfcollect report`: what a bundle says.

use crate::cli::{Clock, ReportArgs, ReportFormat};
use crate::exit_code::ExitCode;
use crate::store::{self, Library};
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use perfcollect_shared::model::WeightKind;
use perfcollect_shared::{bundle, report};

/// Prints the report of one bundle.
///
/// # Errors
/// When there is no such bundle, or it cannot be read.
pub fn run(args: &ReportArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let path = Library::local().resolve(&args.bundle)?;
    let bytes = store::read_file(&path)?;
    let bundle = bundle::read(&bytes).with_context(|| format!("cannot read the bundle {}", path.display()))?;
    let clock = match args.clock {
        Clock::Cpu => WeightKind::Cpu,
        Clock::Wall => WeightKind::Wall,
    };
    if clock == WeightKind::Wall && bundle.profiles.iter().all(|profile| profile.info.weight != clock) {
        bail!("{} has no wall times; record them with: perfcollect run --clock wall -- COMMAND", path.display());
    }
    let report = report::report_by(&bundle, clock);
    terminal.out(&match args.format {
        ReportFormat::Text => report::text(&report),
        ReportFormat::Markdown => report::markdown(&report),
        ReportFormat::Json => serde_json::to_string_pretty(&report)?,
    })?;
    Ok(ExitCode::FINE)
}
