//! `perfcollect serve`: shows bundles in a browser.

use crate::cli::ServeArgs;
use crate::exit_code::ExitCode;
use crate::serve::{self, Plan, Shelf};
use crate::store::Library;
use crate::terminal::Terminal;
use anyhow::bail;
use std::path::Path;

/// Serves until it is interrupted.
///
/// # Errors
/// When there is no such bundle, or no port can be had.
pub fn run(args: &ServeArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let plan = Plan { shelf: shelf(args.bundle.as_deref())?, port: args.port, browser: args.open };
    serve::serve_until_signal(plan, &|text| {
        // Where stdout is gone the page is served all the same.
        terminal.out(text).ok();
    })?;
    Ok(ExitCode::FINE)
}

fn shelf(selector: Option<&str>) -> anyhow::Result<Shelf> {
    let local = Library::local();
    match selector {
        None => {
            if local.folder.exists() && !local.folder.is_dir() {
                bail!("{} is not a folder", local.folder.display());
            }
            Ok(Shelf::library(local))
        }
        Some(folder) if Path::new(folder).is_dir() => Ok(Shelf::library(Library::at(folder))),
        Some(selector) => Ok(Shelf::bundle(&local.resolve(selector)?, local)),
    }
}
