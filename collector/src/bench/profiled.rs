//! `bench --profile`: each run is also a recording, so that stacks can explain a difference.
//!
//! Recording costs a little: the figures are right beside each other, but above those of plain runs.

use super::hooks;
use super::plan::Plan;
use super::schedule::Schedule;
use super::streams::{Input, Output};
use crate::cli::{BenchArgs, Cli, Command as Typed, RunArgs, Runs};
use crate::exit_code::ExitCode;
use crate::pack::Packed;
use crate::series::{Outcome, Series};
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use clap::Parser;
use perfcollect_shared::model::{Manifest, Run, Warning};
use std::ffi::OsString;
use std::fs::File;
use std::process::{Command, Stdio};

/// Runs of each benchmark with `--runs auto`: each takes half a second beyond its own time.
const AUTO: u32 = 10;

/// What came of it.
#[derive(Debug)]
pub struct Profiled {
    pub packed: Packed,
    pub code: ExitCode,
    /// Why it ended before its time.
    pub failure: Option<String>,
}

/// Measures and records. `describe` says in the manifest what was asked for.
///
/// # Errors
/// When nothing could be recorded.
pub fn run(
    args: &BenchArgs,
    plan: &Plan,
    seed: u64,
    terminal: Terminal,
    describe: impl FnOnce(&mut Manifest),
) -> anyhow::Result<Profiled> {
    if plan.sequential {
        bail!("--profile takes turns; it does not go with --sequential, nor with set-ups that undo each other");
    }
    let blocks = match args.runs {
        Runs::Exactly(number) => number.get(),
        Runs::Auto => args.min_runs.or(args.max_runs).map_or(AUTO, std::num::NonZeroU32::get),
    };
    let asked = blocks.saturating_mul(u32::try_from(plan.benchmarks.len()).unwrap_or(u32::MAX));
    let mut series = Series::begin(&run_args(args, plan)?, asked)?;
    let mut failure = None;
    let all = measure(args, plan, seed, blocks, &mut series);
    match all {
        Ok(()) => {}
        Err(error) if series.recorded() == 0 => {
            series.discard();
            return Err(error);
        }
        Err(error) => failure = Some(format!("{error:#}")),
    }
    let interrupted = series.interrupted();
    if series.recorded() == 0 {
        series.discard();
        bail!("interrupted before the first run had ended");
    }
    let partial = failure.clone();
    let packed = series.finish(terminal, |bundle| {
        describe(&mut bundle.manifest);
        bundle.manifest.partial |= partial.is_some();
        bundle.manifest.warnings.extend(partial.map(|reason| Warning::Partial { reason }));
    })?;
    let code = match () {
        () if interrupted => ExitCode(130),
        () if failure.is_some() => ExitCode::FAILED,
        () => ExitCode::FINE,
    };
    Ok(Profiled { packed, code, failure })
}

fn measure(args: &BenchArgs, plan: &Plan, seed: u64, blocks: u32, series: &mut Series) -> anyhow::Result<()> {
    let count = plan.benchmarks.len();
    let hook =
        |index: usize, option: &'static str| hooks::run_for(plan, index, option, None).map_err(anyhow::Error::from);
    let mut set_up = 0;
    let result = (0..count)
        .try_for_each(|index| {
            hook(index, "setup")?;
            set_up += 1;
            Ok(())
        })
        .and_then(|()| {
            let mut schedule = Schedule::new(count, seed);
            let warmups = (0..count).flat_map(|index| (0..args.warmup).map(move |_| (index, 0)));
            let counted = (0..blocks).flat_map(move |_| schedule.block());
            let counted = counted.map(|run| (run.benchmark as usize, run.block));
            for (order, (index, block)) in (0..).zip(warmups.chain(counted)) {
                if series.interrupted() {
                    break;
                }
                hook(index, "prepare")?;
                one(args, plan, series, index, Run { block, order, warmup: block == 0, ..Run::default() })?;
                hook(index, "conclude")?;
            }
            Ok(())
        });
    for index in 0..set_up {
        let cleaned = hook(index, "cleanup");
        if result.is_ok() {
            cleaned?;
        }
    }
    result
}

fn one(args: &BenchArgs, plan: &Plan, series: &mut Series, index: usize, run: Run) -> anyhow::Result<()> {
    let benchmark = &plan.benchmarks[index];
    let name = &benchmark.info.name;
    let run = Run { benchmark: name.clone(), ..run };
    let (input, output) = streams(plan)?;
    let outcome = series.record(&benchmark.job.arguments, run, args.trial.timeout, |command: &mut Command| {
        command.stdin(input);
        if let Some((stdout, stderr)) = output {
            command.stdout(stdout).stderr(stderr);
        }
    })?;
    match outcome {
        Outcome::Recorded(_) if series.interrupted() => Ok(()),
        Outcome::Recorded(run) if plan.ignore.is_failed(run.exit, run.timed_out) => {
            let end = match (run.timed_out, run.exit.code, run.exit.signal) {
                (true, ..) => "took too long and was killed".to_owned(),
                (_, Some(code), _) => format!("ended with exit code {code}"),
                (_, None, signal) => format!("was killed by signal {}", signal.unwrap_or(0)),
            };
            bail!("`{name}` {end}; -i goes on anyway, --show-output shows what it says")
        }
        Outcome::Recorded(_) => Ok(()),
        Outcome::NotStarted(_) => bail!("`{name}` could not be started"),
        Outcome::Lost(_) => bail!("a run of `{name}` could not be recorded"),
    }
}

/// Standard input, and where output and error go unless they are inherited. A pipe would need a reader: with stacks taken,
/// the difference to `null` does not matter.
fn streams(plan: &Plan) -> anyhow::Result<(Stdio, Option<(Stdio, Stdio)>)> {
    let input = match &plan.input {
        Input::Null => Stdio::null(),
        Input::File(path) => File::open(path).with_context(|| format!("cannot read {}", path.display()))?.into(),
    };
    let output = match &plan.output {
        Output::Inherit => None,
        Output::InheritAsError => Some((std::io::stderr().into(), Stdio::inherit())),
        Output::Null | Output::Pipe => Some((Stdio::null(), Stdio::inherit())),
        Output::File(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Some((file.into(), Stdio::inherit()))
        }
    };
    Ok((input, output))
}

/// How each run is recorded: as `run` does it by default.
fn run_args(args: &BenchArgs, plan: &Plan) -> anyhow::Result<RunArgs> {
    let mut words: Vec<OsString> = ["perfcollect", "run", "--quiet"].map(OsString::from).into();
    let mut option = |name: &str, value: OsString| {
        words.push(name.into());
        words.push(value);
    };
    if let Some(path) = &args.bundle {
        option("--output", path.into());
    }
    if let Some(label) = &args.label {
        option("--label", label.into());
    }
    for tag in &args.tags {
        option("--tag", tag.into());
    }
    words.push("--".into());
    words.extend(plan.benchmarks.iter().take(1).flat_map(|benchmark| benchmark.job.arguments.clone()));
    match Cli::try_parse_from(words)?.command {
        Typed::Run(run) => Ok(run),
        other => bail!("not a recording: {other:?}"),
    }
}
