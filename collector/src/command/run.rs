//! `perfcollect run`: records a program.

use crate::cli::RunArgs;
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;

/// Records a program; the exit code is the program's own.
///
/// # Errors
/// Never so far: what fails before the program starts is told here, and the code is 125.
pub fn run(args: &RunArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let terminal = terminal.quiet(args.quiet);
    terminal.error("recording is not built yet");
    Ok(ExitCode::NOT_STARTED)
}
