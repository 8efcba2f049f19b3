//! One file a command: from typed arguments to an exit code.

pub mod attach;
pub mod bench;
pub mod caches;
pub mod check;
pub mod compare;
pub mod completions;
pub mod doctor;
pub mod export;
pub mod import;
pub mod list;
pub mod recover;
pub mod report;
pub mod rerun;
pub mod run;
pub mod scan;
pub mod serve;
pub mod trend;

use crate::cli::Command;
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;

/// Runs one command.
///
/// # Errors
/// When the command fails; it is told once, by the caller, and the exit code is 1.
pub fn dispatch(command: Command, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    match command {
        Command::Attach(args) => attach::run(&args, terminal),
        Command::Bench(args) => bench::run(&args, terminal),
        Command::Caches(args) => caches::run(&args, terminal),
        Command::Compare(args) => compare::run(&args, terminal),
        Command::Check(args) => check::run(&args, terminal),
        Command::Completions(args) => completions::run(&args, terminal),
        Command::Doctor(args) => doctor::run(&args, terminal),
        Command::Export(args) => export::run(&args, terminal),
        Command::Import(args) => import::run(&args, terminal),
        Command::List(args) => list::run(&args, terminal),
        Command::Recover(args) => recover::run(&args, terminal),
        Command::Report(args) => report::run(&args, terminal),
        Command::Rerun(args) => rerun::run(&args, terminal),
        Command::Run(args) => run::run(&args, terminal),
        Command::Scan(args) => scan::run(&args, terminal),
        Command::Serve(args) => serve::run(&args, terminal),
        Command::Trend(args) => trend::run(&args, terminal),
    }
}
