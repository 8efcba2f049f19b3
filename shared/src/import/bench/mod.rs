//! Benchmark files of other tools as [`BenchSet`]s: one file per format, one line each in [`BENCH_IMPORTERS`].
//!
//! Owns the recognition of a file by its content, and the translation of every tool's units and words into ours. Must
//! not trust its input, read anything else, or judge what it reads. Never part of the page.

mod asv;
mod bundle;
mod criterion;
mod error;
mod figures;
mod gobench;
mod google;
mod hyperfine;
mod json;
mod lines;
mod managed;
mod python;
mod seeds;
mod set;

pub use bundle::to_bundle;
pub use criterion::{CRITERION_FILES, read_criterion};
pub use error::{ImportError, Place};

use crate::bench::BenchSet;
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use std::borrow::Cow;
use std::io::Read;

/// Most bytes that a compressed file may become.
const LARGEST: u64 = 1 << 30;

/// One format that can be read.
pub struct BenchImporter {
    /// What measured, as people call it.
    pub name: &'static str,
    /// Of the file, in messages.
    pub what: &'static str,
    sniff: fn(&BenchFile<'_>) -> bool,
    read: fn(&BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError>,
}

impl BenchImporter {
    const fn new(
        name: &'static str,
        what: &'static str,
        sniff: fn(&BenchFile<'_>) -> bool,
        read: fn(&BenchFile<'_>) -> Result<Vec<BenchSet>, ImportError>,
    ) -> Self {
        Self { name, what, sniff, read }
    }
}

/// Every format, the surest first.
pub static BENCH_IMPORTERS: &[BenchImporter] = &[
    BenchImporter::new("pytest-benchmark", "--benchmark-json", python::is_pytest, python::pytest),
    BenchImporter::new("pyperf", "-o FILE", python::is_pyperf, python::pyperf),
    BenchImporter::new("google benchmark", "--benchmark_format=json", google::is_json, google::json),
    BenchImporter::new("JMH", "-rf json", managed::is_jmh, managed::jmh),
    BenchImporter::new("BenchmarkDotNet", "JsonExporter", managed::is_dotnet, managed::dotnet),
    BenchImporter::new("BenchmarkTools.jl", "BenchmarkTools.save", managed::is_julia, managed::julia),
    BenchImporter::new("asv", "results/MACHINE/*.json", asv::is_results, asv::results),
    BenchImporter::new("nanobench", "templates::json()", figures::is_nanobench, figures::nanobench),
    BenchImporter::new("paracle", "results.json", figures::is_paracle, figures::paracle),
    BenchImporter::new("wtf-codebot", "benchmark_results.json", figures::is_codebot, figures::codebot),
    BenchImporter::new("hyperfine", "--export-json", hyperfine::is_json, hyperfine::json),
    BenchImporter::new("hyperfine", "--export-csv", hyperfine::is_csv, hyperfine::csv),
    BenchImporter::new("criterion", "files below target/criterion", criterion::is_file, criterion::file),
    BenchImporter::new("criterion", "raw.csv", criterion::is_csv, criterion::csv),
    BenchImporter::new(
        "criterion",
        "cargo criterion --message-format=json",
        lines::is_cargo_criterion,
        lines::cargo_criterion,
    ),
    BenchImporter::new("gungraun", "summary.json", lines::is_gungraun, lines::gungraun),
    BenchImporter::new("benchmarks.log", "JSON lines", seeds::is_log, seeds::log),
    BenchImporter::new("github-action-benchmark", "custom JSON", figures::is_custom, figures::custom),
    BenchImporter::new("Bencher", "metric format", figures::is_bencher, figures::bencher),
    BenchImporter::new("go test", "-bench", gobench::is_text, gobench::text),
    BenchImporter::new("cargo bench", "lines of libtest", lines::is_libtest, lines::libtest),
    BenchImporter::new("criterion", "text", lines::is_criterion, lines::criterion),
    BenchImporter::new("Benchmark.js", "text", lines::is_benchmark_js, lines::benchmark_js),
    BenchImporter::new("Catch2", "text or XML", lines::is_catch2, lines::catch2),
    BenchImporter::new("google benchmark", "text", google::is_console, google::console),
    BenchImporter::new("asv", "text", asv::is_text, asv::text),
    BenchImporter::new("gungraun", "text of it or iai", lines::is_counts, lines::counts),
];

/// Files that lie beside the one that is read, by their name relative to it; `None` where there is none.
pub type Beside<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// A file as importers see it.
pub(crate) struct BenchFile<'a> {
    /// What a person calls it.
    name: &'a str,
    text: &'a str,
    /// The JSON documents that it begins with.
    json: &'a [Value],
    /// Why there are no more of them; `None` where the whole file is JSON.
    json_error: Option<&'a ImportError>,
    beside: Beside<'a>,
}

impl BenchFile<'_> {
    /// Its name without folders.
    fn base_name(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or(self.name)
    }

    /// The one document of a file that is all JSON.
    fn document(&self) -> Option<&Value> {
        match (self.json, self.json_error) {
            ([document], None) => Some(document),
            _ => None,
        }
    }
}

/// Reads a benchmark file of any known format, by its content. `name` is what a person calls it.
///
/// # Errors
/// When no importer knows it, or the one that does finds it damaged.
pub fn read(name: &str, bytes: &[u8], beside: Beside<'_>) -> Result<Vec<BenchSet>, ImportError> {
    let bytes = unpacked(bytes)?;
    let text = text(&bytes)?;
    let looks_json = text.trim_start().starts_with(['{', '[']);
    let (json, json_error) = if looks_json { json::documents(&text) } else { (Vec::new(), None) };
    let file = BenchFile { name, text: &text, json: &json, json_error: json_error.as_ref(), beside };
    let importer = BENCH_IMPORTERS.iter().find(|importer| (importer.sniff)(&file));
    match importer {
        Some(importer) => (importer.read)(&file),
        None => Err(json_error.unwrap_or_else(|| unknown(looks_json))),
    }
}

/// The formats that are known, for messages: `hyperfine, …`.
#[must_use]
pub fn known() -> String {
    let mut names: Vec<&str> = Vec::new();
    for importer in BENCH_IMPORTERS {
        if !names.contains(&importer.name) {
            names.push(importer.name);
        }
    }
    names.join(", ")
}

fn unknown(json: bool) -> ImportError {
    let reason = if json {
        "this JSON is of no benchmark tool that is known"
    } else {
        "this is no benchmark file that is known"
    };
    ImportError::new(reason).hint(format!("known are files of {}", known()))
}

fn unpacked(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ImportError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(LARGEST).read_to_end(&mut unpacked);
    read.map_err(|error| {
        ImportError::new(format!("the gzip file is damaged after {} bytes of its content ({error})", unpacked.len()))
            .hint("copy or write the file again")
    })?;
    if unpacked.len() as u64 == LARGEST {
        return Err(ImportError::new("the gzip file holds more than 1 GiB, which no benchmark file does"));
    }
    Ok(Cow::Owned(unpacked))
}

/// The text of a file in UTF-8 or, as PowerShell redirects, in UTF-16; without colours.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, ImportError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ImportError::new("the file is empty"));
    }
    let wide = |bytes: &[u8], of: fn([u8; 2]) -> u16| -> String {
        let units = bytes.chunks_exact(2).map(|pair| of([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(wide(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(wide(rest, u16::from_be_bytes)),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    };
    if text.contains('\0') {
        return Err(unknown(false));
    }
    Ok(if text.contains('\u{1b}') { Cow::Owned(without_escapes(&text)) } else { text })
}

/// Without terminal sequences `ESC [ … letter` (ECMA-48, 5.4).
fn without_escapes(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.strip_prefix('[').and_then(|rest| {
            let end = rest.find(|c: char| ('@'..='~').contains(&c))?;
            rest.get(end + 1..)
        });
        clean.push_str(rest.unwrap_or(part));
    }
    clean
}
