//! `scan` as it is typed.

use clap::{Args, ValueEnum, ValueHint};
use std::path::PathBuf;

/// `scan`.
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line are independent of each other")]
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Nothing is run or imported. What was found out is kept in the user's cache folder, so that the next scan \
                        looks only at what changed."
)]
pub struct ScanArgs {
    /// Folder, or one file, of Python source
    #[arg(value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub folder: PathBuf,
    /// Say what of it ran in this recording: a file, `last`, `last-N`, a number, a label
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub with: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = ScanFormat::Text, value_name = "FORMAT")]
    pub format: ScanFormat,
    /// Write to this file instead
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Also write glintefy's files into this folder: evaluations of caches, and recommendations of new ones where the
    /// recording has `--cache-candidates` (JSON)
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, requires = "with")]
    pub write_evaluations: Option<PathBuf>,
    /// Also caches in tests, and every candidate
    #[arg(long)]
    pub all: bool,
    /// Also installed packages and virtual environments inside the folder
    #[arg(long)]
    pub packages: bool,
    /// Threads [default: one a processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Neither use nor keep what earlier scans found out
    #[arg(long)]
    pub no_cache: bool,
    /// Only parse, and say how much: what the speed of the rest is measured against
    #[arg(long, hide = true)]
    pub parse_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    Text,
    Json,
}
