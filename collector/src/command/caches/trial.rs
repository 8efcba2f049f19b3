//! `perfcollect caches try`: what other sizes of caches bring, measured on the unchanged program.
//!
//! Owns the sides of the trial, and that it is said whether they were what they were meant to be. Measures with `bench`.

mod advice;
mod sides;
mod tell;

use crate::bench::plan::Plan;
use crate::cli::{BenchArgs, CachesTryArgs, Cli, Command as Typed, Runs, Setting};
use crate::command::bench::{measure, settings};
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use clap::Parser;
use perfcollect_shared::format::command_line;
use sides::Sides;
use std::ffi::OsString;
use std::process::{Command, Stdio};

/// Measures the command as it is and with its caches changed.
///
/// # Errors
/// When there is nothing to try, a cache is not there, or the command cannot be run.
pub fn run(args: &CachesTryArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let terminal = terminal.quiet(args.quiet);
    let twice = |(at, one): (usize, &Setting)| args.set[..at].iter().any(|other| other.name == one.name);
    if !args.each && args.set.iter().enumerate().any(twice) {
        terminal.error("a cache is set twice; with --each, every size is tried on its own");
        return Ok(ExitCode::USAGE);
    }
    let bench = bench_args(args)?;
    let mut plan = Plan::new(&bench)?;
    let tried = if args.set.is_empty() {
        let advice = advice::advice(args.from.as_deref(), &args.command)?;
        for line in &advice.lines {
            terminal.note(line);
        }
        advice.settings
    } else {
        args.set.clone()
    };
    let sides = Sides::new(&tried, args.each)?;
    try_once(&plan, &tried)?;
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
    option("--timeout", args.timeout.map(seconds));
    option("--margin", Some(args.margin.to_string().into()));
    option("--confidence", Some(args.confidence.to_string().into()));
    option("--seed", args.seed.map(|seed| seed.to_string().into()));
    option("--bundle", args.output.as_ref().map(Into::into));
    option("--output", args.show_output.then(|| "inherit".into()));
    words.push("--".into());
    words.extend(args.command.iter().cloned());
    match Cli::try_parse_from(words)?.command {
        Typed::Bench(bench) => Ok(*bench),
        other => bail!("not a measurement: {other:?}"),
    }
}

/// Runs the command once with everything set, to see that it makes these caches: better known before an hour of measuring.
fn try_once(plan: &Plan, tried: &[Setting]) -> anyhow::Result<()> {
    let sides = Sides::new(tried, false)?;
    let [.., side] = sides.all.as_slice() else { return Ok(()) };
    let job = &plan.benchmarks[0].job;
    let (name, value) = side.variable();
    let ended = Command::new(&job.program)
        .args(job.arguments.iter().skip(1))
        .env(name, value)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {}", job.program.display()))?;
    let found = side.read()?;
    let missing: Vec<&Setting> = tried.iter().filter(|setting| !found.caches.contains_key(&setting.name)).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let words: Vec<String> = plan.benchmarks[0].info.command.clone();
    let shown = command_line(&words);
    if let Some(why) = found.cannot.get(&first.name) {
        bail!("{} cannot be given another size: {why}", first.name);
    }
    let made: Vec<&str> = found.others.iter().chain(found.caches.keys()).map(String::as_str).collect();
    let failed = if ended.success() { String::new() } else { format!(" ({ended})") };
    if made.is_empty() {
        bail!(
            "no cache {} was made by {shown}{failed}: none of functools.lru_cache or cachetools was made after perfcollect came in, \
             or it runs no Python",
            first.name
        );
    }
    let mut near: Vec<(usize, &str)> =
        made.iter().map(|name| (strsim::damerau_levenshtein(&first.name, name), *name)).collect();
    near.sort_unstable();
    let near: Vec<&str> = near.into_iter().take(3).map(|(_, name)| name).collect();
    bail!("no cache {} was made by {shown}{failed}; the nearest that it made: {}", first.name, near.join(", "))
}
