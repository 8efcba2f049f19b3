//! `run --runs N`: the same command recorded several times, into one bundle.

use super::tell;
use crate::cli::RunArgs;
use crate::exit_code::ExitCode;
use crate::series::{Outcome, Series, input_is_read_once};
use crate::terminal::Terminal;
use perfcollect_shared::model::Run;

/// Records the runs. The exit code is of the first that did not end with 0.
pub(super) fn run(args: &RunArgs, runs: u32, terminal: Terminal) -> anyhow::Result<ExitCode> {
    if runs > 1 && input_is_read_once() {
        terminal
            .note("stdin is a pipe, which only the first run can read; give a file with `< FILE`, or `< /dev/null`");
    }
    let mut series = Series::begin(args, runs)?;
    let mut code = ExitCode::FINE;
    for number in 0..args.warmup + runs {
        let warmup = number < args.warmup;
        let run = Run { block: number.saturating_sub(args.warmup), warmup, ..Run::default() };
        match series.record(&args.command, run, None, |_| {}) {
            Ok(Outcome::Recorded(run)) => {
                if code == ExitCode::FINE && (!warmup || series.interrupted()) {
                    code = ExitCode::of_program(run.exit);
                }
            }
            Ok(Outcome::NotStarted(own) | Outcome::Lost(own)) => {
                // What cannot be started once cannot be started again.
                code = if code == ExitCode::FINE { own } else { code };
                break;
            }
            Err(error) => {
                terminal.error(&format!("{error:#}"));
                code = ExitCode::NOT_STARTED;
                break;
            }
        }
        if series.interrupted() {
            break;
        }
    }
    if series.recorded() == 0 && series.complete() {
        if series.interrupted() {
            terminal.error("interrupted before the first run; nothing was recorded");
        }
        series.discard();
        return Ok(code);
    }
    let complete = series.complete();
    Ok(tell(series.finish(terminal, |_| {}), complete, code, args, terminal))
}
