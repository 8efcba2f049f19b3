//! `perfcollect caches curve`: what other sizes and policies would have done with a trace.

use crate::cli::{CurveArgs, CurveFormat};
use crate::curve::{self, Ask, Source, render};
use crate::exit_code::ExitCode;
use crate::store::{self, Library};
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use perfcollect_shared::bundle;
use perfcollect_shared::import::trace::Options;
use perfcollect_shared::model::KeyTrace;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Prints the curves of one trace.
///
/// # Errors
/// When there is no such trace, it is damaged, or it does not hold what was asked for.
pub fn run(args: &CurveArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if let Some(size) = args.sizes.iter().find(|size| size.unit && !args.bytes) {
        terminal.error(&format!("a size of {} bytes is not one in entries; add --bytes", size.number));
        return Ok(ExitCode::USAGE);
    }
    let mut source = source(args)?;
    let mut sizes: Vec<u64> = args.sizes.iter().map(|size| size.number).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut policies = Vec::new();
    for &policy in &args.policy {
        if !policies.contains(&policy) {
            policies.push(policy);
        }
    }
    let ask = Ask { policies, sizes, bytes: args.bytes, rate: args.rate };
    let told = || format!("cannot read {}", source_name(args));
    let curves = curve::curves(&mut source, &ask).with_context(told)?;
    match args.format {
        CurveFormat::Text => terminal.out(&render::text(&curves, &ask))?,
        CurveFormat::Json => terminal.out(&(serde_json::to_string_pretty(&curves)? + "\n"))?,
        CurveFormat::Csv => terminal.out(&render::csv(&curves))?,
    }
    for note in &curves.notes {
        terminal.note(note);
    }
    Ok(ExitCode::FINE)
}

fn source_name(args: &CurveArgs) -> String {
    args.cache.as_ref().map_or_else(|| args.trace.clone(), |cache| format!("the keys of {cache} in {}", args.trace))
}

/// What was named: a file of another tool, or the keys of one cache in a bundle.
fn source(args: &CurveArgs) -> anyhow::Result<Source> {
    let path = Path::new(&args.trace);
    let path: PathBuf = if path.exists() || args.trace.contains(['/', '.']) {
        path.to_owned()
    } else {
        Library::local().resolve(&args.trace)?
    };
    let mut head = [0; 4];
    let mut file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = file.read(&mut head).with_context(|| format!("cannot read {}", path.display()))?;
    if head[..read].starts_with(b"PK") && args.trace_format.is_none() {
        let bundle = bundle::read(&store::read_file(&path)?)
            .with_context(|| format!("cannot read the bundle {}", path.display()))?;
        return Ok(Source::keys(traces_of(&path, &bundle.keys, args.cache.as_deref())?));
    }
    if let Some(cache) = &args.cache {
        bail!("{} is no bundle, so it has no cache {cache}; leave --cache out", path.display());
    }
    let options = Options { format: args.trace_format, columns: args.columns.clone(), partial: args.partial };
    Ok(Source::file(path, options))
}

/// The traces of one cache, of each process that had it.
fn traces_of(path: &Path, keys: &[Arc<KeyTrace>], name: Option<&str>) -> anyhow::Result<Vec<Arc<KeyTrace>>> {
    let bundle = path.display();
    if keys.is_empty() {
        bail!("{bundle} holds no traced keys; record them with: perfcollect run --cache-trace -- COMMAND");
    }
    let mut names: Vec<&str> = keys.iter().map(|trace| trace.cache.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let ends =
        |full: &str, name: &str| full == name || full.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
    let chosen: Vec<&str> = match name {
        Some(name) if names.contains(&name) => vec![name],
        Some(name) => names.iter().copied().filter(|full| ends(full, name)).collect(),
        None => names.clone(),
    };
    match (&chosen[..], name) {
        ([one], _) => Ok(keys.iter().filter(|trace| trace.cache == *one).cloned().collect()),
        ([], Some(name)) => bail!("{bundle} holds no keys of a cache {name}; it has those of {}", names.join(", ")),
        (several, _) => bail!("{bundle} holds the keys of {}; choose one with --cache NAME", several.join(", ")),
    }
}
