//! `perfcollect compare`: what changed from one recording, log entry or file of benchmarks to others.

use crate::bench_source::{self, Source};
use crate::cli::{CompareArgs, ReportFormat};
use crate::exit_code::ExitCode;
use crate::store::Library;
use crate::terminal::Terminal;
use anyhow::{Context, bail, ensure};
use perfcollect_shared::compare::{self, Question, SessionNoise, Side};
use perfcollect_shared::stats::Rules;
use std::fs;

/// Compares the first side with each of the others and prints what is true of them.
///
/// # Errors
/// When a side cannot be read, when two are the same recording, or have nothing in common.
pub fn run(args: &CompareArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let library = Library::local();
    let words = args.a.iter().chain(&args.sides).chain(&args.b);
    let read = |word: &String| Source::resolve(word, &library, args.log.as_deref());
    let mut sides = words.map(|word| read(word).map(side)).collect::<anyhow::Result<Vec<Side>>>()?;
    ensure!(!sides.is_empty(), "name what to compare: perfcollect compare BASE NEW");
    let base = sides.remove(0);
    differ(&base, &sides)?;
    let mut noise =
        args.session_noise.map_or_else(SessionNoise::default, |percent| SessionNoise::given(percent / 100.0));
    if let Some(log) = &args.log {
        noise.history = bench_source::read_log(log)?.entries.into_iter().map(|entry| entry.set).collect();
    }
    let rules = Rules { margin: args.margin / 100.0, confidence: args.confidence / 100.0 };
    let question = Question { rules, noise, metrics: args.metric.clone() };
    let report = compare::compare(&base, &sides, &question);
    if report.comparisons.is_empty() {
        bail!(nothing_common(&base, &sides, &args.metric));
    }
    let text = match args.format {
        ReportFormat::Text => compare::text(&report),
        ReportFormat::Markdown => compare::markdown(&report),
        ReportFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    match &args.output {
        Some(path) => fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
        None => terminal.out(&text)?,
    }
    Ok(ExitCode::FINE)
}

fn side(source: Source) -> Side {
    Side { name: source.name, sets: source.sets, bundles: source.bundles }
}

/// One recording on two sides is a mistake, not a comparison.
fn differ(base: &Side, others: &[Side]) -> anyhow::Result<()> {
    let sides: Vec<&Side> = std::iter::once(base).chain(others).collect();
    for (index, side) in sides.iter().enumerate() {
        for other in &sides[index + 1..] {
            let twice = side
                .bundles
                .iter()
                .find(|bundle| other.bundles.iter().any(|twin| twin.manifest.id == bundle.manifest.id));
            if let Some(bundle) = twice {
                bail!(
                    "{} and {} are the same recording ({}); name two, as in: perfcollect compare last-1 last",
                    side.name,
                    other.name,
                    bundle.manifest.id
                );
            }
            if side.bundles.is_empty() && side.name == other.name {
                bail!(
                    "{} is named twice; name two, as in: perfcollect compare --log benchmarks.log last-1 last",
                    side.name
                );
            }
        }
    }
    Ok(())
}

fn nothing_common(base: &Side, others: &[Side], metrics: &[String]) -> String {
    let names = |side: &Side| {
        let names: Vec<&str> = side.sets.iter().flat_map(|set| &set.benchmarks).map(|b| b.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    if others.is_empty() {
        return format!(
            "{} holds {}; name a second side to compare it with, or a recording of several benchmarks",
            base.name,
            names(base)
        );
    }
    let wanted = if metrics.is_empty() { String::new() } else { format!(" with the metric {}", metrics.join(", ")) };
    let sides: Vec<String> =
        std::iter::once(base).chain(others).map(|side| format!("{} has {}", side.name, names(side))).collect();
    format!("the sides have no benchmark in common{wanted}: {}", sides.join("; "))
}
