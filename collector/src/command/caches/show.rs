//! `perfcollect caches show`: each cache of a recording with its verdict.

use crate::cli::{CachesShowArgs, ReportFormat};
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use perfcollect_shared::caches::text;
use serde_json::json;

/// Prints the caches of one bundle, judged.
///
/// # Errors
/// When there is no such bundle, or it cannot be read.
pub fn run(args: &CachesShowArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (rows, path) = super::judged(&args.bundle)?;
    let said = match args.format {
        ReportFormat::Json => serde_json::to_string_pretty(&json!({ "caches": rows }))? + "\n",
        _ if rows.is_empty() => format!(
            "{path} has no caches: the program made none that perfcollect knows, or it was recorded without them \
             (perfcollect run -- COMMAND records them).\n"
        ),
        ReportFormat::Markdown => text::markdown(&rows, args.all),
        ReportFormat::Text => text::text(&rows, args.all),
    };
    terminal.out(&said)?;
    Ok(ExitCode::FINE)
}
