//! `perfcollect caches`: whether caches are worth it. One file a part.

pub mod compare;
pub mod curve;
pub mod show;
pub mod trial;

use crate::cli::{CachesArgs, CachesCommand};
use crate::exit_code::ExitCode;
use crate::store::{self, Library};
use crate::terminal::Terminal;
use anyhow::Context;
use perfcollect_shared::bundle;
use perfcollect_shared::caches::{self, Row};

/// Runs one part.
///
/// # Errors
/// When it fails; each part says how.
pub fn run(args: &CachesArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    match &args.command {
        None => show::run(&args.show, terminal),
        Some(CachesCommand::Show(args)) => show::run(args, terminal),
        Some(CachesCommand::Compare(args)) => compare::run(args, terminal),
        Some(CachesCommand::Curve(args)) => curve::run(args, terminal),
        Some(CachesCommand::Try(args)) => trial::run(args, terminal),
    }
}

/// The judged caches of the bundle that a selector names, and how to call it.
fn judged(selector: &str) -> anyhow::Result<(Vec<Row>, String)> {
    let path = Library::local().resolve(selector)?;
    let bytes = store::read_file(&path)?;
    let bundle = bundle::read(&bytes).with_context(|| format!("cannot read the bundle {}", path.display()))?;
    Ok((caches::rows(&bundle), path.display().to_string()))
}
