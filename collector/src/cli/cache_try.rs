//! `caches try`, as it is typed.

use super::bench::{TrialArgs, runs};
use super::{ReportFormat, Runs, duration};
use clap::{Args, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// `caches try`.
#[derive(Args, Clone, Debug)]
#[command(
    override_usage = "perfcollect caches try [OPTIONS] -- COMMAND [ARGS]...",
    after_help = "Runs the command as it is and with the caches changed, in random order, until the answer is clear. The source \
                  stays as it is: sizes are given to functools.lru_cache, to the decorators and to the objects of cachetools when they make the cache. Without --set, \
                  what the last recording of the command advises is tried. The command is run once before, to see that it \
                  makes those caches. Exit code: 0 measured, whatever came out; 1 a run failed, or a cache was not there."
)]
pub struct CachesTryArgs {
    /// A cache and the size to try: a number of entries, off, or unlimited. Its module.name, or the end of that; with * and ? all
    /// that fit. Several are tried together
    #[arg(long, value_name = "NAME=N", value_parser = setting)]
    pub set: Vec<Setting>,
    /// Try each on its own instead of all together
    #[arg(long)]
    pub each: bool,
    /// Try what this recording advises: last, last-1, a number, a label or a path
    #[arg(long, value_name = "BUNDLE", conflicts_with = "set", value_hint = ValueHint::FilePath)]
    pub from: Option<String>,
    /// Runs of each side, or `auto` until the answer is clear
    #[arg(short, long, value_name = "N", default_value = "auto", value_parser = runs)]
    pub runs: Runs,
    /// With auto, look for an answer at most so long
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub max_time: Option<Duration>,
    /// Runs before those that count
    #[arg(short, long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1000))]
    pub warmup: u32,
    #[command(flatten)]
    pub trial: TrialArgs,
    /// Show what the command writes
    #[arg(long)]
    pub show_output: bool,
    /// Write the bundle to this file instead of the folder .perfcollect
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Print no progress and no table
    #[arg(short, long, env = "PERFCOLLECT_QUIET", value_parser = clap::builder::FalseyValueParser::new())]
    pub quiet: bool,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// A cache and what to make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub size: NewSize,
}

/// Size that a cache is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewSize {
    /// It keeps nothing.
    Off,
    Entries(u32),
    Unlimited,
}

impl std::fmt::Display for NewSize {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => out.write_str("off"),
            Self::Entries(entries) => write!(out, "{entries}"),
            Self::Unlimited => out.write_str("unlimited"),
        }
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}={}", self.name, self.size)
    }
}

fn setting(text: &str) -> Result<Setting, String> {
    const SAY: &str = "say NAME=N, with N a number of entries, `off` or `unlimited`, such as f=200 or module.f=off";
    let (name, size) = text.rsplit_once('=').ok_or(SAY)?;
    if name.is_empty() {
        return Err(format!("the name of a cache is missing; {SAY}"));
    }
    let size = match size {
        "off" | "0" => NewSize::Off,
        "unlimited" | "none" | "None" => NewSize::Unlimited,
        number => NewSize::Entries(number.parse().map_err(|_no_number| format!("`{number}` is no size; {SAY}"))?),
    };
    Ok(Setting { name: name.to_owned(), size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_names_and_sizes() {
        let check = |text: &str, name: &str, size: NewSize| {
            assert_eq!(setting(text), Ok(Setting { name: name.to_owned(), size }), "{text}");
        };
        check("__main__.f=200", "__main__.f", NewSize::Entries(200));
        check("a.B.größe=off", "a.B.größe", NewSize::Off);
        check("a.b=0", "a.b", NewSize::Off);
        check("a.b=unlimited", "a.b", NewSize::Unlimited);
        check("f=1", "f", NewSize::Entries(1));
        for bad in ["", "f", "a.b", "a.b=", "a.b=-1", "a.b=many", "a.b=99999999999", "=5", "a.b=1.5"] {
            assert!(setting(bad).is_err(), "{bad}");
        }
    }
}
