//! `perfcollect bench`: measures commands beside each other.
//!
//! Owns the order of things: check, fork the spawner, describe, measure, pack, tell.

use super::run::start::{begun, open_spool};
use crate::bench::columns;
use crate::bench::enough::Enough;
use crate::bench::plan::{Plan, PlanError};
use crate::bench::profiled;
use crate::bench::progress::Progress;
use crate::bench::session::{End, Failure, Measured, Session};
use crate::bench::spawner::{Conditions, Job, Spawner};
use crate::bench::{Signals, export, finish, table, warnings};
use crate::bench_source;
use crate::cli::{BenchArgs, ListFormat, Runs};
use crate::exit_code::ExitCode;
use crate::git;
use crate::launch::Inherited;
use crate::pack::write_in_place;
use crate::spool::{self, LineWriter, SpoolFolder};
use crate::terminal::Terminal;
use anyhow::Context;
use perfcollect_shared::bench::{BenchSet, log};
use perfcollect_shared::compare::{self, Comparison};
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, Manifest, Settings, Warning};
use perfcollect_shared::report::{bench_report, warning_text};
use perfcollect_shared::stats::Rules;
use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use ulid::Ulid;

/// Measures.
///
/// # Errors
/// When a command cannot be run, or what was measured not be kept.
pub fn run(args: &BenchArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let terminal = terminal.quiet(args.quiet);
    let plan = match Plan::new(args) {
        Ok(plan) => plan,
        Err(error) if error.is_about_programs() => return Err(error.into()),
        Err(error) => return Ok(usage(&error, terminal)),
    };
    exports_can_be_written(args)?;
    if args.profile {
        return profile(args, &plan, terminal);
    }
    let settings = |seed| settings(args, &plan, seed);
    measure(args, &plan, settings, Vec::new, terminal, |done| told(args, &plan, done, terminal))
}

/// Measures a plan. `settings` are kept in the bundle, `more` is asked for warnings when all is measured; `tell` gets what
/// came of it.
pub(super) fn measure(
    args: &BenchArgs,
    plan: &Plan,
    settings: impl FnOnce(u64) -> BTreeMap<String, String>,
    more: impl FnOnce() -> Vec<Warning>,
    terminal: Terminal,
    tell: impl FnOnce(Done) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    // First of all: what the spawner holds, every program starts with.
    let signals = Signals::hold().context("cannot hold signals")?;
    let spawner = Spawner::fork(&conditions(args, plan, &signals))?;
    let seed = args.trial.seed.unwrap_or_else(|| fastrand::u64(..));
    let (manifest, id) = describe(args, plan, settings(seed))?;
    let (spool, target) = open_spool(args.bundle.as_deref(), &["bench".to_owned()], &id)?;
    let started =
        spool.write_manifest(&manifest).and_then(|()| LineWriter::create(&spool.path().join(spool::BENCHMARKS)));
    let lines = match started.with_context(|| format!("cannot write {}", spool.path().display())) {
        Ok(lines) => lines,
        Err(error) => {
            spool.discard();
            return Err(error);
        }
    };
    for note in &plan.notes {
        terminal.note(note);
    }
    let rules = args.trial.rules();
    let progress = Progress::new(!terminal.quiet);
    let together = if plan.sequential { 1 } else { plan.benchmarks.len() };
    let enough = Enough::new(args, together, &rules);
    let session = Session::new(plan, &signals, spawner, lines, progress, args.trial.timeout, rules);
    let measured = session.run(args.warmup, seed, enough);
    let code = tell(end(plan, measured, manifest, (spool, &target), more()));
    signals.let_go();
    code
}

fn usage(error: &PlanError, terminal: Terminal) -> ExitCode {
    terminal.error(&error.to_string());
    ExitCode::USAGE
}

fn conditions(args: &BenchArgs, plan: &Plan, signals: &Signals) -> Conditions {
    let mut jobs: Vec<Job> = plan.benchmarks.iter().map(|benchmark| benchmark.job.clone()).collect();
    // Behind the last: a shell with nothing to do.
    jobs.extend(plan.shell.as_ref().map(|shell| {
        let words = shell.words.iter().map(String::as_str).chain(["-c", ""]).map(Into::into);
        Job { program: shell.program.clone(), arguments: words.collect(), variables: Vec::new() }
    }));
    Conditions {
        jobs,
        input: plan.input.clone(),
        output: plan.output.clone(),
        timeout: args.trial.timeout,
        ignore: plan.ignore.clone(),
        mask: Some(signals.before()),
        sigpipe_ignored: Inherited::take().ignores_sigpipe(),
    }
}

/// Better known before an hour of measuring than after it.
fn exports_can_be_written(args: &BenchArgs) -> anyhow::Result<()> {
    let files = &args.exports;
    for path in [&files.export_json, &files.export_csv, &files.export_markdown, &args.log].into_iter().flatten() {
        let opened = File::options().create(true).append(true).open(path);
        opened.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn describe(args: &BenchArgs, plan: &Plan, bench: BTreeMap<String, String>) -> anyhow::Result<(Manifest, Ulid)> {
    let cwd = env::current_dir().context("the current folder is gone")?;
    let git = git::start(&cwd);
    let (common, id) = begun(args.label.as_ref(), &args.tags);
    let manifest = Manifest {
        command: typed(),
        cwd: cwd.to_string_lossy().into_owned(),
        git: git.finish(),
        settings: Settings { bench, ..Settings::default() },
        benchmarks: plan.benchmarks.iter().map(|benchmark| benchmark.info.clone()).collect(),
        ..common
    };
    Ok((manifest, id))
}

/// What was asked for, by the names of the options.
pub(super) fn settings(args: &BenchArgs, plan: &Plan, seed: u64) -> BTreeMap<String, String> {
    let order = if plan.sequential { "one after the other" } else { "random in blocks" };
    let runs = match args.runs {
        Runs::Auto => "auto".to_owned(),
        Runs::Exactly(number) => number.to_string(),
    };
    let shell = plan.shell.as_ref().map_or_else(|| "none".to_owned(), |shell| shell.words.join(" "));
    let all = [
        ("order", Some(order.to_owned())),
        ("seed", Some(seed.to_string())),
        ("runs", Some(runs)),
        ("warmup", Some(args.warmup.to_string())),
        ("margin", Some(args.trial.rules().margin.to_string())),
        ("shell", Some(shell)),
        ("input", Some(args.input.clone())),
        ("output", Some(if args.show_output { "inherit".to_owned() } else { args.output.clone() })),
        ("timeout_ns", args.trial.timeout.map(|time| time.as_nanos().to_string())),
        ("ignore_failure", args.ignore_failure.clone()),
        ("setup", args.setup.clone()),
        ("prepare", (!args.prepare.is_empty()).then(|| args.prepare.join("\n"))),
        ("conclude", (!args.conclude.is_empty()).then(|| args.conclude.join("\n"))),
        ("cleanup", args.cleanup.clone()),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// A measurement that has ended.
pub(super) struct Done {
    pub(super) results: Results,
    /// How it ended.
    pub(super) end: End,
    /// The bundle, where there was anything to keep.
    pub(super) kept: anyhow::Result<Option<PathBuf>>,
    /// Every run could be kept.
    all_kept: bool,
}

impl Done {
    /// What our exit says, and why it failed.
    pub(super) fn code(&self, terminal: Terminal) -> ExitCode {
        match &self.end {
            End::Done if !self.all_kept => ExitCode::FAILED,
            End::Done => ExitCode::FINE,
            End::Interrupted(signal) => ExitCode(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
            End::Failed(failure) => {
                terminal.error(&failure.to_string());
                ExitCode::FAILED
            }
        }
    }
}

/// From the last run to its bundle.
fn end(
    plan: &Plan,
    mut measured: Measured,
    mut manifest: Manifest,
    (spool, target): (SpoolFolder, &Path),
    more: Vec<Warning>,
) -> Done {
    let infos = manifest.benchmarks.clone();
    let mut found = warnings(plan, &measured, &manifest.environment);
    found.extend(more);
    finish::complete(&mut manifest, &measured, found);
    let warnings = manifest.warnings.clone();
    let none = measured.columns.iter().all(|columns| columns.values("wall_ns").is_empty());
    let kept = keep(manifest.clone(), spool, target, &measured, none);
    let end = std::mem::replace(&mut measured.end, End::Done);
    let set = columns::set(&infos, &mut measured.columns);
    // What the bundle itself says of machine, commit and settings.
    let described = Bundle { manifest, ..Bundle::default() };
    let set = BenchSet { benchmarks: set.benchmarks, ..BenchSet::of_bundle(&described, "last") };
    let exits = measured.columns.iter().map(|columns| columns.exit_codes().collect()).collect();
    let results = Results { set, exits, warnings, rules: measured.rules };
    Done { results, end, kept, all_kept: measured.not_kept.is_none() }
}

/// Says what came of it, in every form that was asked for.
fn told(args: &BenchArgs, plan: &Plan, done: Done, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let published = publish(args, plan, &done.results, &done.end, terminal);
    let code = done.code(terminal);
    if let Some(path) = done.kept? {
        terminal.note(&next(&path, comparisons_were_made(plan)));
    }
    published?;
    Ok(code)
}

/// What came of a measurement.
pub(super) struct Results {
    pub(super) set: BenchSet,
    /// Of each benchmark's runs, as a shell shows them.
    exits: Vec<Vec<Option<i32>>>,
    pub(super) warnings: Vec<Warning>,
    /// What may be judged by.
    pub(super) rules: Rules,
}

/// Writes and prints the results in every form that was asked for.
fn publish(args: &BenchArgs, plan: &Plan, results: &Results, failed: &End, terminal: Terminal) -> anyhow::Result<()> {
    let Results { set, exits, warnings, rules } = results;
    let exported = write_exports(args, set, exits).and_then(|()| append(args, set, failed));
    if set.benchmarks.iter().any(|benchmark| benchmark.metric("wall_ns").is_some()) {
        let comparisons = compare::within(set, rules);
        match args.format {
            ListFormat::Json => {
                let report = bench_report(set.clone(), comparisons, warnings, rules.confidence);
                terminal.out(&serde_json::to_string_pretty(&report)?)?;
            }
            ListFormat::Text if !terminal.quiet => tell(set, &comparisons, warnings, rules, plan, terminal)?,
            ListFormat::Text => {}
        }
    }
    exported
}

fn comparisons_were_made(plan: &Plan) -> bool {
    plan.benchmarks.len() > 1
}

/// Writes the bundle; without a single run there is none. Its path, where there is one.
fn keep(
    manifest: Manifest,
    spool: SpoolFolder,
    target: &Path,
    measured: &Measured,
    none: bool,
) -> anyhow::Result<Option<PathBuf>> {
    if none && measured.failed.iter().chain(&measured.timed_out).all(|&runs| runs == 0) {
        spool.discard();
        return Ok(None);
    }
    let told = || {
        let spool = format::shell_word(&spool.path().display().to_string());
        format!(
            "could not write the bundle {}; what was measured is kept: perfcollect recover {spool} -o ELSEWHERE",
            target.display()
        )
    };
    finish::pack(spool.path(), target, manifest).with_context(told)?;
    spool.discard();
    Ok(Some(target.to_owned()))
}

fn write_exports(args: &BenchArgs, set: &BenchSet, exits: &[Vec<Option<i32>>]) -> anyhow::Result<()> {
    let files = &args.exports;
    if let Some(path) = &files.export_json {
        write_in_place(path, export::json(set, exits)?.as_bytes())?;
    }
    if let Some(path) = &files.export_csv {
        write_in_place(path, export::csv(set).as_bytes())?;
    }
    if let Some(path) = &files.export_markdown {
        write_in_place(path, export::markdown(set).as_bytes())?;
    }
    Ok(())
}

/// One line more in the log, by one write.
fn append(args: &BenchArgs, set: &BenchSet, end: &End) -> anyhow::Result<()> {
    let Some(path) = &args.log else { return Ok(()) };
    let (status, error) = match end {
        End::Done => ("ok", None),
        End::Interrupted(_) => ("interrupted", None),
        End::Failed(failure) => ("error", Some(failure.to_string())),
    };
    let ts = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let session = log::Session {
        ts: &ts,
        status,
        error: error.as_deref(),
        command: &format::command_line(&typed()),
        tool: (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
    };
    bench_source::append_log(path, &log::line(set, &session))
}

/// Each run is also a recording.
fn profile(args: &BenchArgs, plan: &Plan, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let seed = args.trial.seed.unwrap_or_else(|| fastrand::u64(..));
    let profiled = profiled::run(args, plan, seed, terminal, |manifest| {
        manifest.command = typed();
        manifest.settings.bench = settings(args, plan, seed);
        manifest.benchmarks = plan.benchmarks.iter().map(|benchmark| benchmark.info.clone()).collect();
    })?;
    let bundle = &profiled.packed.bundle;
    let set = BenchSet::of_bundle(bundle, "last");
    let exits = set.benchmarks.iter().map(|benchmark| {
        let runs = bundle.runs.iter().filter(|run| run.counts() && run.benchmark == benchmark.name);
        runs.map(|run| run.exit.status()).collect()
    });
    let (exits, warnings) = (exits.collect(), bundle.manifest.warnings.clone());
    let rules = args.trial.rules();
    let failed = profiled.failure.as_ref().map_or(End::Done, |text| End::Failed(Failure::Hook(text.clone())));
    let published = publish(args, plan, &Results { set, exits, warnings, rules }, &failed, terminal);
    terminal.note(&next(&profiled.packed.path, comparisons_were_made(plan)));
    if let Some(failure) = &profiled.failure {
        terminal.error(failure);
    }
    published?;
    Ok(profiled.code)
}

/// The command line as it was typed.
fn typed() -> Vec<String> {
    let words = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    std::iter::once("perfcollect".to_owned()).chain(words).collect()
}

fn tell(
    set: &BenchSet,
    comparisons: &[Comparison],
    warnings: &[Warning],
    rules: &Rules,
    plan: &Plan,
    terminal: Terminal,
) -> anyhow::Result<()> {
    let mut text = table::text(set, comparisons, rules.confidence);
    let told = |warning: &&Warning| match warning {
        Warning::Benchmark { reason, .. } => !plan.notes.contains(reason),
        Warning::Partial { .. } => false,
        _ => true,
    };
    let lines: Vec<String> = warnings.iter().filter(told).map(warning_text).collect();
    if !lines.is_empty() {
        text.push('\n');
        text.extend(lines.into_iter().map(|line| format!("warning: {line}\n")));
    }
    Ok(terminal.out(&text)?)
}

/// Where the runs are, and what can be done with them.
fn next(path: &Path, compared: bool) -> String {
    let shown = format::shell_word(&path.display().to_string());
    let next =
        if compared { format!("perfcollect serve {shown}") } else { "perfcollect compare last-1 last".to_owned() };
    format!("all runs are in {}; next: {next}", path.display())
}
