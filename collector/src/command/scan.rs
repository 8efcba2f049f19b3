//! `perfcollect scan`: the caches that Python source declares, and who calls them.

use crate::cli::{ScanArgs, ScanFormat};
use crate::exit_code::ExitCode;
use crate::heap;
use crate::scan::report::Scan;
use crate::scan::{self, Options, guide, join, text};
use crate::store::{self, Library};
use crate::terminal::Terminal;
use anyhow::Context;
use perfcollect_shared::bundle;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::thread;

/// Scans a folder and prints what was found.
///
/// # Errors
/// When the folder or the bundle cannot be read, or the output cannot be written.
pub fn run(args: &ScanArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let jobs = args.jobs.map_or_else(|| thread::available_parallelism().map_or(1, NonZero::get), usize::from);
    let options = Options { root: args.folder.clone(), everything: args.packages, jobs, stored: !args.no_cache };
    let cannot = || format!("cannot scan {}", args.folder.display());
    heap::one_for_each_thread();
    if args.parse_only {
        let (bytes, files) = scan::parse_only(&options).with_context(cannot)?;
        terminal.out(&serde_json::json!({ "bytes": bytes, "files": files }).to_string())?;
        return Ok(ExitCode::FINE);
    }
    let mut scan = scan::scan(&options).with_context(cannot)?;
    if let Some(selector) = &args.with {
        lay_over(&mut scan, selector, &args.folder)?;
    }
    if let Some(folder) = &args.write_evaluations {
        write_evaluations(&scan, folder, *terminal)?;
    }
    let told = match args.format {
        ScanFormat::Text => text::text(&scan, args.all),
        ScanFormat::Json => serde_json::to_string_pretty(&scan)? + "\n",
    };
    match &args.output {
        Some(file) => fs::write(file, told).with_context(|| format!("cannot write {}", file.display()))?,
        None => terminal.out(&told)?,
    }
    Ok(ExitCode::FINE)
}

fn lay_over(scan: &mut Scan, selector: &str, folder: &Path) -> anyhow::Result<()> {
    let path = Library::local().resolve(selector)?;
    let bytes = store::read_file(&path)?;
    let bundle = bundle::read(&bytes).with_context(|| format!("cannot read the bundle {}", path.display()))?;
    // The newest bundle may be one of measurements, which says nothing of functions.
    anyhow::ensure!(
        !(bundle.profiles.is_empty() && bundle.calls.is_empty() && bundle.caches.is_empty()),
        "{} holds neither a profile nor counters of caches; `perfcollect list` shows which bundles are recordings",
        path.display()
    );
    let root = fs::canonicalize(folder)?;
    join::join(scan, &bundle, &root, &path.display().to_string());
    Ok(())
}

fn write_evaluations(scan: &Scan, folder: &Path, terminal: Terminal) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let rows = guide::evaluations(scan);
    let file = folder.join("existing_cache_evaluations.json");
    fs::write(&file, serde_json::to_string_pretty(&rows)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let left_out = scan.caches.iter().filter(|cache| cache.kind == "function").count() - rows.len();
    terminal.note(&format!(
        "wrote {} with {} caches; {left_out} that the recording did not count are left out, and without measured times there are \
         no recommendations of new ones",
        file.display(),
        rows.len()
    ));
    Ok(())
}
