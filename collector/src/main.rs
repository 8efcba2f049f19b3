//! Entry point: reads the command line, runs one command, turns its result into an exit code.

use clap::Parser;
use perfcollect::cli::Cli;
use perfcollect::command;
use perfcollect::exit_code::ExitCode;
use perfcollect::heap;
use perfcollect::terminal::Terminal;

fn main() -> std::process::ExitCode {
    heap::grow_in_large_steps();
    let terminal = Terminal::new();
    let code = match Cli::try_parse() {
        Ok(cli) => command::dispatch(cli.command, &terminal).unwrap_or_else(|error| {
            terminal.error(&format!("{error:#}"));
            ExitCode::FAILED
        }),
        Err(error) => {
            let code = u8::try_from(error.exit_code()).map_or(ExitCode::USAGE, ExitCode);
            // Nobody reading the help is no error.
            error.print().ok();
            code
        }
    };
    code.into()
}
