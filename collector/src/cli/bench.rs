//! `bench`, as it is typed: the names of hyperfine's options where both have them.

use super::{ListFormat, duration};
use clap::{Args, ValueHint};
use perfcollect_shared::stats::Rules;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// `bench`.
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line are independent of each other")]
#[derive(Args, Clone, Debug)]
#[command(
    override_usage = "perfcollect bench [OPTIONS] 'COMMAND'...\n       perfcollect bench [OPTIONS] -- COMMAND [ARGS]...",
    after_help = "Exit code: 0 measured; 1 a command failed (what was measured before is kept) or could not be run; 2 usage; \
                  130 ended by Ctrl-C."
)]
pub struct BenchArgs {
    /// Commands, each in quotes; the others are compared with the first
    #[arg(value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub commands: Vec<String>,
    /// One command and its arguments
    #[arg(last = true, value_name = "ARGS", value_hint = ValueHint::CommandWithArguments)]
    pub words: Vec<OsString>,
    /// Runs of each command before the first that counts
    #[arg(short, long, value_name = "NUM", default_value_t = 0)]
    pub warmup: u32,
    /// Runs of each command, or `auto`: as many as it takes until the answer is clear
    #[arg(short, long, value_name = "NUM", default_value = "auto", value_parser = runs)]
    pub runs: Runs,
    /// Fewest runs of each command with `auto` [default: 10]
    #[arg(short, long, value_name = "NUM")]
    pub min_runs: Option<NonZeroU32>,
    /// Most runs of each command with `auto` [default: 320 where commands are compared]
    #[arg(short = 'M', long, value_name = "NUM")]
    pub max_runs: Option<NonZeroU32>,
    /// Longest time for all runs with `auto`: 30, 30s, 2m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub max_time: Duration,
    /// Shell command before the first run of each benchmark
    #[arg(short, long, value_name = "CMD")]
    pub setup: Option<String>,
    /// Shell command before each run, not measured; once for all, or once for each benchmark
    #[arg(short, long, value_name = "CMD")]
    pub prepare: Vec<String>,
    /// Shell command after each run, not measured; once for all, or once for each benchmark
    #[arg(short = 'C', long, value_name = "CMD")]
    pub conclude: Vec<String>,
    /// Shell command after the last run of each benchmark
    #[arg(short, long, value_name = "CMD")]
    pub cleanup: Option<String>,
    /// A benchmark for each number from MIN to MAX, in place of {VAR}
    #[arg(short = 'P', long, num_args = 3, allow_hyphen_values = true, value_names = ["VAR", "MIN", "MAX"],
          conflicts_with = "parameter_list")]
    pub parameter_scan: Vec<String>,
    /// Step of --parameter-scan [default: 1]
    #[arg(short = 'D', long, value_name = "DELTA", requires = "parameter_scan", allow_hyphen_values = true)]
    pub parameter_step_size: Option<String>,
    /// A benchmark for each value between commas, in place of {VAR}; several give every combination
    #[arg(short = 'L', long, num_args = 2, allow_hyphen_values = true, value_names = ["VAR", "VALUES"])]
    pub parameter_list: Vec<String>,
    /// Name of a benchmark, in the order of the commands; may hold {VAR}
    #[arg(short = 'n', long, value_name = "NAME")]
    pub command_name: Vec<String>,
    /// A command that the others are compared with, in place of the first
    #[arg(long, value_name = "COMMAND")]
    pub reference: Option<String>,
    /// Run one benchmark after the other, as hyperfine does; slow changes of the machine then look like differences
    #[arg(long)]
    pub sequential: bool,
    /// Run commands by a shell: `default` (sh), `none`, or a shell with its options; its start is measured and shown
    #[arg(long, value_name = "SHELL", num_args = 0..=1, require_equals = true, default_missing_value = "default")]
    pub shell: Option<String>,
    /// The same, with a blank before SHELL
    #[arg(short = 'S', value_name = "SHELL", conflicts_with = "shell")]
    pub shell_with: Option<String>,
    /// Without a shell, as it is anyhow
    #[arg(short = 'N', conflicts_with_all = ["shell", "shell_with"])]
    pub no_shell: bool,
    /// Go on when a command fails; with =CODES only for these exit codes
    #[arg(short, long, value_name = "CODES", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub ignore_failure: Option<String>,
    /// What commands read: `null` or a file
    #[arg(long, value_name = "WHERE", default_value = "null", value_hint = ValueHint::FilePath)]
    pub input: String,
    /// Where what commands write goes: `null`, `pipe` (read and dropped), `inherit`, or a file
    #[arg(long, value_name = "WHERE", default_value = "null", value_hint = ValueHint::FilePath)]
    pub output: String,
    /// The same as --output inherit
    #[arg(long, conflicts_with = "output")]
    pub show_output: bool,
    #[command(flatten)]
    pub trial: TrialArgs,
    /// Write the bundle to this file instead of the folder .perfcollect
    #[arg(short = 'o', long = "bundle", visible_alias = "out", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub bundle: Option<PathBuf>,
    /// Name this recording, so that other commands find it by the name
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    /// Attach a tag; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Also take stacks in each run, so that a difference can be explained (10 runs with `auto`)
    #[arg(long, conflicts_with_all = ["max_time", "sequential"])]
    pub profile: bool,
    #[command(flatten)]
    pub exports: ExportFiles,
    /// Append the result to a log of benchmarks, one line each time
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
    /// Print no progress and no table
    #[arg(short, long, env = "PERFCOLLECT_QUIET", value_parser = clap::builder::FalseyValueParser::new())]
    pub quiet: bool,
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// What every measurement in turns can be told.
#[derive(Args, Clone, Debug)]
pub struct TrialArgs {
    /// Longest time of a run: 500ms, 30s; one that takes longer is killed and counts as failed
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Smallest difference that matters, in percent
    #[arg(long, value_name = "PCT", default_value_t = 2.0, value_parser = margin)]
    pub margin: f64,
    /// Of the intervals, in percent
    #[arg(long, value_name = "PCT", default_value_t = 95.0, value_parser = confidence)]
    pub confidence: f64,
    /// Seed of the random order [default: a new one, kept in the bundle]
    #[arg(long, value_name = "NUM")]
    pub seed: Option<u64>,
}

impl TrialArgs {
    /// Rules of the verdicts.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules { margin: self.margin / 100.0, confidence: self.confidence / 100.0 }
    }
}

/// Files beside the bundle.
#[derive(Args, Clone, Debug, Default)]
pub struct ExportFiles {
    /// Write results as hyperfine's JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub export_json: Option<PathBuf>,
    /// Write results as hyperfine's CSV
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub export_csv: Option<PathBuf>,
    /// Write the table as Markdown
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub export_markdown: Option<PathBuf>,
}

/// How many runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    Auto,
    Exactly(NonZeroU32),
}

pub(super) fn runs(text: &str) -> Result<Runs, String> {
    match text.parse::<u32>() {
        _ if text == "auto" => Ok(Runs::Auto),
        Ok(number) => NonZeroU32::new(number).map(Runs::Exactly).ok_or_else(|| "it takes at least one run".to_owned()),
        Err(_) => Err("say a number of runs, or `auto`".to_owned()),
    }
}

pub(super) fn margin(text: &str) -> Result<f64, String> {
    percent(text).filter(|&value| (0.0..100.0).contains(&value)).ok_or_else(|| "say 2 for 2 %; below 100".to_owned())
}

pub(super) fn confidence(text: &str) -> Result<f64, String> {
    let known = percent(text).filter(|value| (50.0..100.0).contains(value));
    known.ok_or_else(|| "say 95 for 95 %; from 50 to below 100".to_owned())
}

fn percent(text: &str) -> Option<f64> {
    text.trim_end_matches('%').trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::cli::{BenchArgs, Cli, Command, Runs};
    use clap::Parser;
    use std::num::NonZeroU32;

    fn parsed(words: &[&str]) -> Result<BenchArgs, clap::Error> {
        let cli = Cli::try_parse_from([&["perfcollect", "bench"], words].concat())?;
        let Command::Bench(args) = cli.command else { panic!("{cli:?}") };
        Ok(*args)
    }

    #[test]
    fn commands_stand_in_quotes_or_after_two_dashes() {
        let args = parsed(&["-r", "20", "sleep 1", "sleep 2"]).unwrap();
        assert_eq!(
            (args.commands.as_slice(), args.words.len()),
            (["sleep 1", "sleep 2"].map(str::to_owned).as_slice(), 0)
        );
        assert_eq!(args.runs, Runs::Exactly(NonZeroU32::new(20).unwrap()));
        let args = parsed(&["-w3", "--", "ls", "-l", "--runs"]).unwrap();
        assert_eq!((args.commands.len(), args.words), (0, vec!["ls".into(), "-l".into(), "--runs".into()]));
    }

    #[test]
    fn options_are_named_as_in_hyperfine() {
        let line = "-N -w 1 -m 5 -M 9 -s a -p b -C c -c d -P x 1 3 -D 0.5 -n e -i --input f --output pipe --export-json g \
                    --export-csv h --export-markdown i cmd";
        let args = parsed(&line.split_whitespace().collect::<Vec<_>>()).unwrap();
        assert_eq!(args.commands, ["cmd"]);
        assert_eq!(args.parameter_scan, ["x", "1", "3"]);
        assert_eq!(args.ignore_failure.as_deref(), Some("all"));
        let args = parsed(&["-L", "a", "1,2", "-L", "b", "-x,y", "--shell", "c"]).unwrap();
        assert_eq!(args.parameter_list, ["a", "1,2", "b", "-x,y"]);
        assert_eq!((args.shell.as_deref(), args.commands.as_slice()), (Some("default"), ["c".to_owned()].as_slice()));
        assert_eq!(parsed(&["-S", "bash --norc", "c"]).unwrap().shell_with.as_deref(), Some("bash --norc"));
        assert_eq!(parsed(&["--shell=none", "c"]).unwrap().shell.as_deref(), Some("none"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            &["--runs", "0", "x"][..],
            &["--runs", "-1", "x"],
            &["-M", "0", "x"],
            &["--margin", "nan", "x"],
            &["--margin", "-1", "x"],
            &["--confidence", "100", "x"],
            &["--confidence", "10", "x"],
            &["--timeout", "0", "x"],
            &["-D", "2", "x"],
            &["-P", "n", "1", "2", "-L", "n", "1,2", "x"],
        ] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }
}
