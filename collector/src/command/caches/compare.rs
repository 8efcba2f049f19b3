//! `perfcollect caches compare`: hit rates of two recordings.

use crate::cli::{CachesCompareArgs, ReportFormat};
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use anyhow::ensure;
use perfcollect_shared::caches::{self, text};
use serde_json::json;

/// Prints how hit rates differ.
///
/// # Errors
/// When a bundle cannot be read, both are the same, or neither has caches.
pub fn run(args: &CachesCompareArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (base, base_path) = super::judged(&args.base)?;
    let (new, new_path) = super::judged(&args.new)?;
    ensure!(
        base_path != new_path,
        "{base_path} is named twice; name two, as in: perfcollect caches compare last-1 last"
    );
    ensure!(!base.is_empty() || !new.is_empty(), "neither {base_path} nor {new_path} has caches");
    let changes = caches::compare(&base, &new);
    let said = match args.format {
        ReportFormat::Json => serde_json::to_string_pretty(&json!({ "caches": changes }))? + "\n",
        ReportFormat::Markdown => text::changes_markdown(&changes),
        ReportFormat::Text => text::changes_text(&changes),
    };
    terminal.out(&said)?;
    Ok(ExitCode::FINE)
}
