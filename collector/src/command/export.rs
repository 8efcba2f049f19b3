//! `perfcollect export`: a bundle in another form.

use crate::assets;
use crate::cli::ExportArgs;
use crate::exit_code::ExitCode;
use crate::store::{self, Library};
use crate::terminal::Terminal;
use anyhow::{Context, anyhow, ensure};
use perfcollect_shared::export::html::{Against, HtmlParts};
use perfcollect_shared::export::{self, ExportError, ExportInput, Exporter};
use perfcollect_shared::model::Bundle;
use perfcollect_shared::units::Bytes;
use perfcollect_shared::{bundle, format};
use std::fs;
use std::path::{Path, PathBuf};

/// Writes the file and says where it lies; `-o -` writes to stdout.
///
/// # Errors
/// When there is no such bundle, it cannot be read, it lacks what the form needs, or the file cannot be written.
pub fn run(args: &ExportArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let exporter = export::find(&args.to).ok_or_else(|| anyhow!("no form '{}'", args.to))?;
    ensure!(
        args.against.is_empty() || exporter.id() == "html",
        "only a page holds several bundles: --against goes with --to html, not with --to {}",
        exporter.id()
    );
    if args.metric.is_some() && !matches!(exporter.id(), "folded" | "pprof") {
        return Err(ExportError::FixedMetric { form: exporter.id() }.into());
    }
    let path = Library::local().resolve(&args.bundle)?;
    let bytes = store::read_file(&path)?;
    let bundle = bundle::read(&bytes).with_context(|| format!("cannot read the bundle {}", path.display()))?;
    let against = args.against.iter().map(|selector| other(selector)).collect::<anyhow::Result<Vec<_>>>()?;
    let written =
        export_bundle(exporter, (&bundle, &bytes, &name_of(&path)), args.metric.as_deref(), &unlike(against))?;
    let target = args.output.clone().unwrap_or_else(|| beside(&path, exporter));
    if target.as_os_str() == "-" {
        terminal.out_bytes(&written)?;
        return Ok(ExitCode::FINE);
    }
    fs::write(&target, &written).with_context(|| format!("cannot write {}", target.display()))?;
    terminal.note(&format!("{} ({})", target.display(), format::bytes(Bytes(written.len() as u64))));
    Ok(ExitCode::FINE)
}

/// A bundle to compare with; one that cannot be read is refused here, not in the page.
fn other(selector: &str) -> anyhow::Result<Against> {
    let path = Library::local().resolve(selector)?;
    let bytes = store::read_file(&path)?;
    bundle::read(&bytes).with_context(|| format!("cannot read the bundle {}", path.display()))?;
    Ok(Against { name: name_of(&path), bytes })
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Bundles of different folders may have one name; the page tells them apart by it.
fn unlike(mut against: Vec<Against>) -> Vec<Against> {
    for index in 1..against.len() {
        let (before, rest) = against.split_at_mut(index);
        let name = rest[0].name.clone();
        let mut number = 2;
        while before.iter().any(|other| other.name == rest[0].name) {
            rest[0].name = format!("{name} ({number})");
            number += 1;
        }
    }
    against
}

/// The bundle, its file and its name in a form, by a metric where one is named; in a page, with those that it is compared with.
///
/// # Errors
/// When it lacks what the form needs, or this build has no page.
pub fn export_bundle(
    exporter: &dyn Exporter,
    (bundle, bytes, name): (&Bundle, &[u8], &str),
    metric: Option<&str>,
    against: &[Against],
) -> anyhow::Result<Vec<u8>> {
    let text = |name| anyhow::Ok(String::from_utf8(assets::bytes(name)?.unwrap_or_default())?);
    let (boot_js, js, css, icon_svg) = (text("boot.js")?, text("viewer.js")?, text("style.css")?, text("icon.svg")?);
    let title = format!("{} · perfcollect", bundle.manifest.title());
    let wasm = assets::bytes("viewer.wasm.lzma")?;
    let viewer = wasm.as_deref().map(|wasm_lzma| HtmlParts {
        boot_js: &boot_js,
        js: &js,
        wasm_lzma,
        css: &css,
        icon_svg: &icon_svg,
        title: &title,
        name,
    });
    Ok(exporter.export(&ExportInput { bundle, metric, bytes, against, viewer })?)
}

/// The bundle's name with the form's ending, in the current folder.
fn beside(bundle: &Path, exporter: &dyn Exporter) -> PathBuf {
    let name = bundle.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".perf.zip").or_else(|| name.strip_suffix(".zip")).unwrap_or(&name);
    PathBuf::from(format!("{stem}.{}", exporter.extension()))
}
