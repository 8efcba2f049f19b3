//! `caches` and its parts, as they are typed.

use super::{CachesTryArgs, CurveArgs, ReportFormat};
use clap::{Args, Subcommand, ValueHint};

/// `caches`; without a part it is `caches show`.
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    override_usage = "perfcollect caches [show] [OPTIONS] [BUNDLE]\n       perfcollect caches COMMAND"
)]
pub struct CachesArgs {
    #[command(subcommand)]
    pub command: Option<CachesCommand>,
    #[command(flatten)]
    pub show: CachesShowArgs,
}

/// One variant a part; its file is `command/caches/<name>.rs`.
#[derive(Clone, Debug, Subcommand)]
pub enum CachesCommand {
    /// Say of each cache of a recording whether it is worth it, and by which numbers
    Show(CachesShowArgs),
    /// Say how hit rates differ between two recordings
    Compare(CachesCompareArgs),
    /// Show what other sizes and policies would have done with a trace of requests
    Curve(Box<CurveArgs>),
    /// Prove what other sizes bring: run a command with and without them, beside each other
    Try(Box<CachesTryArgs>),
}

/// `caches show`.
#[derive(Args, Clone, Debug)]
pub struct CachesShowArgs {
    /// last, last-1, a number, a label or a path
    #[arg(default_value = "last", value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub bundle: String,
    /// List caches of libraries that nothing asked for too; JSON always has them
    #[arg(long)]
    pub all: bool,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// `caches compare`.
#[derive(Args, Clone, Debug)]
pub struct CachesCompareArgs {
    /// The bundle to compare with: last, last-1, a number, a label or a path
    #[arg(value_name = "BASE", value_hint = ValueHint::FilePath)]
    pub base: String,
    /// The bundle that is compared with it
    #[arg(value_name = "NEW", value_hint = ValueHint::FilePath)]
    pub new: String,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}
