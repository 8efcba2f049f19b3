//! The command line as it is typed: clap's types live here and nowhere else.

mod bench;
mod cache_try;
mod caches;
mod curve;
mod scan;

pub use bench::{BenchArgs, ExportFiles, Runs, TrialArgs};
pub use cache_try::{CachesTryArgs, NewSize, Setting};
pub use caches::{CachesArgs, CachesCommand, CachesCompareArgs, CachesShowArgs};
pub use curve::{CurveArgs, CurveFormat, Rate, Size};
pub use scan::{ScanArgs, ScanFormat};

use crate::agent::{KEY_LIMIT, MODES};
use crate::cache_server::Typed;
use crate::sample::perf;
use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use perfcollect_shared::check::{self, Gate};
use perfcollect_shared::export::EXPORTERS;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Records where a program's time and memory go, into one file that opens in any browser.
#[derive(Debug, Parser)]
#[command(name = "perfcollect", version, about, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// One variant a command; its file is `command/<name>.rs`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record a program
    Run(RunArgs),
    /// Record a program that runs already
    Attach(AttachArgs),
    /// Measure commands beside each other: time, CPU time, memory
    Bench(Box<BenchArgs>),
    /// Run the command of a recording again, and say whether the result reproduces
    Rerun(RerunArgs),
    /// Say what a recording shows
    Report(ReportArgs),
    /// Say what changed between recordings, benchmark files or entries of a log, and which functions did it
    Compare(CompareArgs),
    /// Say of each cache whether it is worth it: what it saved, what another size would do
    Caches(CachesArgs),
    /// List the recordings of this folder
    List(ListArgs),
    /// Say what can be recorded on this machine, and what to change
    Doctor(DoctorArgs),
    /// Show recordings in the browser
    Serve(ServeArgs),
    /// Write a recording in another form
    Export(ExportArgs),
    /// Make a bundle of an exported page, or of a benchmark file of another tool
    Import(ImportArgs),
    /// Hold a recording or a benchmark against gates, for CI: exit 0, 3 or 4
    Check(CheckArgs),
    /// Show how benchmarks changed over many recordings, and where to look
    Trend(TrendArgs),
    /// Turn a recording that was cut short, or a damaged bundle, into a bundle
    Recover(RecoverArgs),
    /// Say which caches Python source declares, who calls them and what may be wrong with them
    Scan(ScanArgs),
    /// Print a script that completes this command line in a shell
    Completions(CompletionsArgs),
}

/// `run`.
#[derive(Args, Clone, Debug)]
#[command(
    override_usage = "perfcollect run [OPTIONS] -- COMMAND [ARGS]...",
    after_help = "Exit code: the program's own, or 128 and the number of the signal that killed it; 127 not found, \
                  126 not executable, 125 perfcollect failed before it started, 2 usage."
)]
pub struct RunArgs {
    #[command(flatten)]
    pub recording: RecordingArgs,
    /// Also record where threads wait, as wall time beside the CPU time
    #[arg(long, value_enum, default_value_t = Clock::Cpu, value_name = "CLOCK")]
    pub clock: Clock,
    /// Also sample and count these events, by process and by function: l1, llc, dtlb, branch (misses of the processor),
    /// page-faults, context-switches and others, by the names that `perf list` has
    #[arg(long, value_name = "EVENT", value_delimiter = ',', value_parser = perf::event, conflicts_with = "no_native")]
    pub events: Vec<&'static perf::Event>,
    /// Record inside Python programs, without a change to them; several with commas
    #[arg(long, value_name = "MODE", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(MODES.iter().map(|mode| PossibleValue::new(mode.name).help(mode.what))))]
    pub python: Vec<String>,
    /// Leave out the counters of caches inside Python programs; nothing is put into the program then
    #[arg(long)]
    pub no_caches: bool,
    /// Callers to keep of each block of memory with `--python alloc`; more cost more
    #[arg(long, value_name = "FRAMES", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub alloc_depth: u32,
    #[command(flatten)]
    pub servers: ServerArgs,
    /// Where a series of runs finds what was typed as --cache
    #[arg(long, hide = true, value_name = "NUMBER")]
    pub cache_fd: Option<i32>,
    /// Trace the keys that Python's caches are asked for, as hashes: of all, or of those whose module.name, or the end of it, matches
    #[arg(long, value_name = "GLOB", num_args = 0..=1, default_missing_value = "*",
          value_delimiter = ',')]
    pub cache_trace: Vec<String>,
    /// The same of functions that have no cache, to tell what one would bring: of those that match, or of all of the
    /// program's own that look repeatable
    #[arg(long, value_name = "GLOB", num_args = 0..=1, default_missing_value = "",
          value_delimiter = ',')]
    pub cache_candidates: Vec<String>,
    /// Most traced lookups that a process keeps; past them every second key is given up
    #[arg(long, value_name = "N", default_value_t = KEY_LIMIT, value_parser = clap::value_parser!(u64).range(1000..=50_000_000))]
    pub cache_trace_limit: u64,
    /// Let programs that compile code while they run (Node) tell the names of their functions
    #[arg(long, value_enum, default_value_t = Jit::Auto, value_name = "WHEN")]
    pub jit: Jit,
    /// Record so many runs of the command into one bundle
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "self_profile")]
    pub runs: Option<u32>,
    /// Runs before them that are not recorded into the bundle
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1000), requires = "runs")]
    pub warmup: u32,
    /// Exit with 125 if the recording could not be written in full
    #[arg(long)]
    pub strict: bool,
    /// Profile perfcollect itself and write a pprof file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub self_profile: Option<PathBuf>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND",
          value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// What every recording may be told, of a program that is started and of one that runs already.
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line are independent of each other")]
#[derive(Args, Clone, Debug)]
pub struct RecordingArgs {
    /// Write the bundle to this file instead of the folder .perfcollect
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Stacks a second, native and Python [default: 499 native, 100 Python]
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: Option<u32>,
    /// Name this recording, so that other commands find it by the name
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    /// Attach a tag; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Leave out native stacks
    #[arg(long)]
    pub no_native: bool,
    /// Leave out Python stacks
    #[arg(long)]
    pub no_python: bool,
    #[command(flatten)]
    pub stacks: StackArgs,
    /// Capture the text of hot lines; off by default, since source may be secret
    #[arg(long)]
    pub source: bool,
    /// Print no summary
    #[arg(short, long, action = clap::ArgAction::SetTrue, env = "PERFCOLLECT_QUIET", value_parser = clap::builder::FalseyValueParser::new())]
    pub quiet: bool,
    /// Show the recording in the browser when it has ended, until Ctrl-C
    #[arg(long)]
    pub open: bool,
    /// Port for --open [default: 7070]
    #[arg(long, value_name = "PORT", requires = "open")]
    pub port: Option<u16>,
}

/// The shape of stacks in the bundle.
#[derive(Args, Clone, Debug, Default)]
pub struct StackArgs {
    /// Keep at most so many frames of a stack, those nearest the leaf
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_depth: Option<u32>,
    /// Root each stack in its process and thread
    #[arg(long)]
    pub threads: bool,
}

/// `attach`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Ends after the duration, with the process, or at Ctrl-C, and then writes the recording. The process is \
                        not touched: nothing is injected, and it is never stopped."
)]
pub struct AttachArgs {
    /// Process to record, with its threads and children
    #[arg(value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub pid: u32,
    /// Longest time to record: 30, 30s, 2m, 1h [default: until the process ends, or Ctrl-C]
    #[arg(short, long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    #[command(flatten)]
    pub servers: ServerArgs,
    #[command(flatten)]
    pub recording: RecordingArgs,
}

/// Cache servers that are read beside a program.
#[derive(Args, Clone, Debug, Default)]
pub struct ServerArgs {
    /// Also read the counters of a cache server: redis://[USER:PASSWORD@]HOST[:PORT], valkey://…, <memcached://HOST>[:PORT],
    /// <unix:///SOCKET>; several times for several. A password may be in `REDISCLI_AUTH` instead
    #[arg(long, value_name = "URL", value_parser = OsStringValueParser::new().map(Typed::from))]
    pub cache: Vec<Typed>,
}

/// `30`, `1.5s`, `2m`, `1h`, `200ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        other => return Err(format!("`{other}` is no unit of time; there are ms, s, m and h")),
    };
    let seconds = number.parse::<f64>().map_err(|_not_one| "say it as 30, 30s, 2m or 1h".to_owned())? * unit;
    let known = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero());
    known.ok_or_else(|| "it must be longer than nothing".to_owned())
}

/// `report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// last, last-1, a number, a label or a path
    #[arg(default_value = "last", value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub bundle: String,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Functions by CPU time, or by wall time where that was recorded
    #[arg(long, value_enum, default_value_t = Clock::Cpu, value_name = "CLOCK")]
    pub clock: Clock,
}

/// `rerun`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Shows the command, its folder and the machine in full, and asks before anything runs. Exit code: 0 the result \
                        reproduces, 3 it differs, 4 that cannot be told, 2 there was nobody to ask, 1 it was not run."
)]
pub struct RerunArgs {
    /// last, last-1, a number, a label or a path
    #[arg(default_value = "last", value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub bundle: String,
    /// Runs [default: as many as were recorded, at least 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub runs: Option<u32>,
    /// Run it without asking: say this only of a bundle that you trust
    #[arg(long)]
    pub yes: bool,
    /// Run in this folder instead of the recorded one
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub cwd: Option<PathBuf>,
    /// Smallest difference of wall or CPU time that matters, in percent
    #[arg(long, value_name = "PCT", default_value_t = 5.0, value_parser = percent)]
    pub margin: f64,
    /// Write the new bundle to this file instead of the folder .perfcollect
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// `compare`.
#[derive(Args, Clone, Debug)]
#[command(
    override_usage = "perfcollect compare [OPTIONS] BASE NEW...\n       perfcollect compare [OPTIONS] BENCHMARKS",
    after_help = "A side is last, last-1, a number, a label, a bundle, a benchmark file of any known form, or several of \
                  them with commas between: recordings of one side. One recording of several benchmarks alone is \
                  compared with its first."
)]
pub struct CompareArgs {
    /// Base first, then what is compared with it
    #[arg(value_name = "SIDE", required_unless_present = "a", allow_negative_numbers = true, value_hint = ValueHint::FilePath)]
    pub sides: Vec<String>,
    /// The base, instead of the first SIDE
    #[arg(long, value_name = "SIDE", requires = "b", allow_negative_numbers = true)]
    pub a: Option<String>,
    /// What is compared with it
    #[arg(long, value_name = "SIDE", requires = "a", allow_negative_numbers = true)]
    pub b: Option<String>,
    /// Sides are entries of this log: last, last-1, 0, 3, -1
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
    /// Smallest difference that matters, in percent
    #[arg(long, value_name = "PCT", default_value_t = 2.0, value_parser = margin)]
    pub margin: f64,
    /// Confidence of intervals, in percent
    #[arg(long, value_name = "PCT", default_value_t = 95.0, value_parser = confidence)]
    pub confidence: f64,
    /// Only this metric, such as `wall_ns`, `cpu_ns` or `rss_bytes`; may be given several times
    #[arg(long, value_name = "NAME")]
    pub metric: Vec<String>,
    /// By how much sessions of one program differ without any change, in percent; 0 for sides of one session
    /// [default: from the log, else 1.5]
    #[arg(long, value_name = "PCT", value_parser = margin)]
    pub session_noise: Option<f64>,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Write to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// A difference in percent that is not negative.
fn margin(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse::<f64>().map_err(|_not_one| "say it as 2 or 0.5".to_owned())?;
    if (0.0..=1000.0).contains(&percent) { Ok(percent) } else { Err("it must be between 0 and 1000".to_owned()) }
}

/// A confidence in percent.
fn confidence(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse::<f64>().map_err(|_not_one| "say it as 95 or 99".to_owned())?;
    if (50.0..=99.99).contains(&percent) { Ok(percent) } else { Err("it must be between 50 and 99.99".to_owned()) }
}

/// `list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// List the entries of this log of benchmarks instead of bundles
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// `recover`.
#[derive(Args, Clone, Debug)]
pub struct RecoverArgs {
    /// Spool folder of a recording that was cut short, or a damaged bundle [default: all spools of .perfcollect]
    #[arg(value_name = "SPOOL|BUNDLE", value_hint = ValueHint::AnyPath)]
    pub path: Option<PathBuf>,
    /// Write the bundle to this file
    #[arg(short, long, value_name = "FILE", requires = "path", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// `serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// last, last-1, a number, a label, a path, or a folder of bundles [default: the folder .perfcollect]
    #[arg(value_name = "BUNDLE|FOLDER", value_hint = ValueHint::AnyPath)]
    pub bundle: Option<String>,
    /// Port on 127.0.0.1 [default: 7070, or the next free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Open a browser
    #[arg(long)]
    pub open: bool,
}

/// `export`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// last, last-1, a number, a label or a path
    #[arg(default_value = "last", value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub bundle: String,
    /// Form of the export
    #[arg(long, value_name = "FORM", default_value = "html",
          value_parser = PossibleValuesParser::new(EXPORTERS.iter().map(|form| PossibleValue::new(form.id()).help(form.what()))))]
    pub to: String,
    /// Profile to write with --to folded and --to pprof: cpu, wall, alloc, or an event such as page-faults [default: cpu]
    #[arg(long, value_name = "NAME")]
    pub metric: Option<String>,
    /// Also put this bundle into the page, as the base of a comparison; repeatable, the first is the base
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub against: Vec<String>,
    /// Write to this file [default: the bundle's name with the form's ending]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// `import`.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// An exported report, a file of caches, or a benchmark file of any known tool; `:` chooses a part of it, as in benchmarks.log:last
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Write the bundle to this file instead of the folder .perfcollect
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// `check`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Exit code: 0 every gate holds, 3 one failed, 4 one could not decide (too few runs, nothing measured, no base) and \
                  none failed, 1 something cannot be read, 2 usage. Gates of flags come in addition to those of perfcollect.toml."
)]
pub struct CheckArgs {
    /// last, last-1, a number, a label, a file, or several with commas
    #[arg(default_value = "last", value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub bundle: String,
    /// What regressions are regressions against; named as BUNDLE is
    #[arg(long, value_name = "BASE")]
    pub against: Option<String>,
    /// Take selectors as entries of this log
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
    /// Gates [default: perfcollect.toml of this folder or the nearest above it]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Look for no perfcollect.toml
    #[arg(long, conflicts_with = "config")]
    pub no_config: bool,
    /// Metric not worse than base by more than this: wall=5%, cpu, rss=10%; may be given several times
    #[arg(long = "regression", value_name = "METRIC[=PCT]", value_parser = check::regression)]
    pub regressions: Vec<Gate>,
    /// Figure of a metric at most this: wall.p95=1.5s, rss=64MiB; may be given several times
    #[arg(long, value_name = "METRIC[.STATISTIC]=FIGURE", value_parser = |text: &str| check::target(text, true))]
    pub max: Vec<Gate>,
    /// Figure of a metric at least this; may be given several times
    #[arg(long, value_name = "METRIC[.STATISTIC]=FIGURE", value_parser = |text: &str| check::target(text, false))]
    pub min: Vec<Gate>,
    /// Functions of this name at most this: 'parse_*=20%' of the CPU time, or 'parse_*=150ms'; may be given several times
    #[arg(long = "function", value_name = "NAME=FIGURE", value_parser = check::share)]
    pub functions: Vec<Gate>,
    /// Smallest change that matters, in percent, where a gate names none [default: 2]
    #[arg(long, value_name = "PCT", value_parser = percent)]
    pub margin: Option<f64>,
    /// Confidence of intervals, in percent [default: 95]
    #[arg(long, value_name = "PCT", value_parser = percent)]
    pub confidence: Option<f64>,
    /// How much two sessions of one program differ, in percent; 0 where both sides are of one session
    #[arg(long, value_name = "PCT", value_parser = percent_or_none)]
    pub session_noise: Option<f64>,
    /// End with 0 where gates could not decide and none failed
    #[arg(long)]
    pub allow_unknown: bool,
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Write to a file, in a form of its own if one is named: junit=gates.xml; may be given several times
    #[arg(short, long = "output", value_name = "[FORMAT=]FILE", value_hint = ValueHint::FilePath)]
    pub outputs: Vec<String>,
}

/// `trend`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "A change is suspected where the level of a series shifts; sessions of another machine, kernel or setting are \
                        a series of their own. The commands it prints confirm or refute a suspect."
)]
pub struct TrendArgs {
    /// Folders of bundles, or files, oldest first [default: the folder .perfcollect]
    #[arg(value_name = "FOLDER|FILE", value_hint = ValueHint::AnyPath)]
    pub sources: Vec<PathBuf>,
    /// The entries of this log of benchmarks, oldest first
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
    /// Only benchmarks of this name; `*` stands for anything
    #[arg(long, value_name = "NAME")]
    pub benchmark: Option<String>,
    /// wall, cpu, rss or another name; may be given several times [default: wall, cpu and rss]
    #[arg(long = "metric", value_name = "NAME")]
    pub metrics: Vec<String>,
    /// Smallest change of a level that matters, in percent
    #[arg(long, value_name = "PCT", default_value_t = 2.0, value_parser = percent)]
    pub margin: f64,
    /// Confidence of intervals, in percent
    #[arg(long, value_name = "PCT", default_value_t = 95.0, value_parser = percent)]
    pub confidence: f64,
    /// Shell command that builds the program, for the commands that confirm a suspect
    #[arg(long, value_name = "COMMAND")]
    pub build: Option<String>,
    /// Keep sessions whose program ended with an exit code other than 0
    #[arg(short, long)]
    pub ignore_failure: bool,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Write to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// `2`, `0.5`, `95%`: more than nothing, less than 100.
fn percent(text: &str) -> Result<f64, String> {
    let value =
        text.trim_end_matches('%').trim_end().parse::<f64>().map_err(|_not_one| "say it as 2 or 0.5%".to_owned())?;
    if value > 0.0 && value < 100.0 { Ok(value) } else { Err("it must lie between 0 and 100 percent".to_owned()) }
}

/// As [`percent`], and nothing.
fn percent_or_none(text: &str) -> Result<f64, String> {
    if text.trim_end_matches('%').trim().parse() == Ok(0.0) { Ok(0.0) } else { percent(text) }
}

/// `completions`.
#[derive(Args, Clone, Debug)]
pub struct CompletionsArgs {
    pub shell: clap_complete::Shell,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Jit {
    /// Set variables such as `NODE_OPTIONS` where an interpreter needs it
    #[default]
    Auto,
    /// Set none
    Off,
}

/// Which time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Clock {
    /// Time on a processor
    Cpu,
    /// All time of each thread, waiting too
    Wall,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    Text,
    Json,
    Markdown,
    Junit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Text,
    Json,
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Text,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn everything_after_the_program_is_its_own() {
        let cli = Cli::try_parse_from(["perfcollect", "run", "--quiet", "ls", "--label", "-q"]).unwrap();
        let Command::Run(args) = cli.command else { panic!("{cli:?}") };
        assert_eq!(args.command, ["ls", "--label", "-q"]);
        assert!(args.recording.quiet && args.recording.label.is_none());
    }

    #[test]
    fn durations_are_read_with_and_without_units() {
        for (text, millis) in [("30", 30_000), ("1.5s", 1_500), ("2m", 120_000), ("1h", 3_600_000), ("200ms", 200)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "s", "0", "-1", "5 parsecs", "1d", "nan", "inf"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_is_a_sane_number() {
        for bad in ["0", "-1", "nan", "2.5", "x", "10001"] {
            assert!(Cli::try_parse_from(["perfcollect", "run", "--rate", bad, "ls"]).is_err(), "{bad}");
        }
    }
}
