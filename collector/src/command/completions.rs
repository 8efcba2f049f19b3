//! `perfcollect completions`: a script that completes our command line in a shell.

use crate::cli::{Cli, CompletionsArgs};
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use clap::CommandFactory;

/// Prints the script of one shell.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(args: &CompletionsArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "perfcollect", &mut script);
    terminal.out_bytes(&script)?;
    Ok(ExitCode::FINE)
}
