//! `perfcollect import`: the bundle out of an exported report, bit for bit.

use crate::cli::ImportArgs;
use crate::exit_code::ExitCode;
use crate::pack::write_in_place;
use crate::spool;
use crate::store::{self, Library};
use crate::terminal::Terminal;
use anyhow::Context;
use perfcollect_shared::bundle;
use perfcollect_shared::import::{Imported, import};
use std::fs;
use ulid::Ulid;

/// Writes the bundle and says where it lies.
///
/// # Errors
/// When the file holds no bundle or a damaged one, or the bundle cannot be written.
pub fn run(args: &ImportArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let page = store::read_file(&args.file)?;
    let Imported::Bundle(bytes) = import(&page).with_context(|| format!("cannot import {}", args.file.display()))?;
    let manifest = bundle::read_manifest(&bytes)
        .with_context(|| format!("the recording in {} is damaged", args.file.display()))?;
    let target = match &args.output {
        Some(path) => path.clone(),
        None => Library::local().next_name(&manifest.command, &Ulid::from_string(&manifest.id).unwrap_or_default())?,
    };
    let written = write_in_place(&target, &bytes);
    if args.output.is_none() {
        // The empty spool that reserved the number.
        fs::remove_dir(spool::folder_of(&target)).ok();
    }
    written?;
    terminal.note(&format!("{}\nopen it: perfcollect serve {}", target.display(), target.display()));
    Ok(ExitCode::FINE)
}
