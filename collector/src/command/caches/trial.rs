//! `perfcollect caches try`: what other sizes of caches bring, measured on the unchanged program.
//!
//! Owns the sides of the trial, and that it is said whether they were what they were meant to be. Measures with `bench`.

mod advice;
mod named;
mod sides;
mod tell;

use crate::bench::plan::Plan;
use crate::cli::{BenchArgs, CachesTryArgs, Cli, Command as Typed, Runs, Setting};
use crate::command::bench::{measure, settings};
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use anyhow::bail;
use clap::Parser;
use sides::Sides;
use std::ffi::OsString;

/// Measures the command as it is and with its caches changed.
///
/// # Errors
/// When there is nothing to try, a cache is not there, or the command cannot be run.
pub fn run(args: &CachesTryArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let terminal = terminal.quiet(args.quiet);
    if !args.each && has_twice(&args.set) {
        terminal.error(TWICE);
        return Ok(ExitCode::USAGE);
    }
    let bench = bench_args(args)?;
    let mut plan = Plan::new(&bench)?;
    let asked = if args.set.is_empty() {
        let advice = advice::advice(args.from.as_deref(), &args.command)?;
        for line in &advice.lines {
            terminal.note(line);
        }
        advice.settings
    } else {
        args.set.clone()
    };
    let tried = named::found(&plan, &asked)?;
    if !args.each && has_twice(&tried) {
        terminal.error(TWICE);
        return Ok(ExitCode::USAGE);
    }
    let sides = Sides::new(&tried, args.each)?;
    let one = plan.benchmarks.remove(0);
    for side in &sides.all {
        let mut benchmark = one.clone();
        benchmark.info.name.clone_from(&side.name);
        benchmark.info.parameters = side.parameters(&tried);
        benchmark.job.variables.push(side.variable());
        plan.benchmarks.push(benchmark);
    }
    let what = tried.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let kept = |seed| {
        let mut kept = settings(&bench, &plan, seed);
        kept.insert("caches".to_owned(), what);
        kept
    };
    measure(&bench, &plan, kept, || sides.warnings(), terminal, |done| tell::tell(args, &sides, done, terminal))
}

const TWICE: &str = "a cache is set twice; with --each, every size is tried on its own";

fn has_twice(set: &[Setting]) -> bool {
    set.iter().enumerate().any(|(at, one)| set[..at].iter().any(|other| other.name == one.name))
}

/// How `bench` would be told the same.
fn bench_args(args: &CachesTryArgs) -> anyhow::Result<BenchArgs> {
    let mut words: Vec<OsString> = ["perfcollect", "bench"].map(OsString::from).into();
    let mut option = |name: &str, value: Option<OsString>| {
        words.extend(value.map(|value| [OsString::from(name), "=".into(), value].into_iter().collect()));
    };
    let runs = match args.runs {
        Runs::Auto => "auto".to_owned(),
        Runs::Exactly(number) => number.to_string(),
    };
    let seconds = |time: std::time::Duration| OsString::from(format!("{}s", time.as_secs_f64()));
    option("--runs", Some(runs.into()));
    option("--max-time", args.max_time.map(seconds));
    option("--warmup", Some(args.warmup.to_string().into()));
    option("--bundle", args.output.as_ref().map(Into::into));
    option("--output", args.show_output.then(|| "inherit".into()));
    words.push("--".into());
    words.extend(args.command.iter().cloned());
    match Cli::try_parse_from(words)?.command {
        Typed::Bench(bench) => Ok(BenchArgs { trial: args.trial.clone(), ..*bench }),
        other => bail!("not a measurement: {other:?}"),
    }
}
