//! Several recordings, of one or of more commands, that become one bundle.
//!
//! Each run is a recording like any other, made by this program started again: so the program that is recorded has the
//! signals, the terminal and the exit codes of a single run, and what is measured is measured by the same code. The parts
//! lie in the series' spool until `pack` puts them together, so that whatever happens to us, `recover` finds them.

use crate::cache_server;
use crate::cli::{Clock, Jit, RunArgs};
use crate::command::run::start::{begun, open_spool};
use crate::exit_code::ExitCode;
use crate::launch::{Again, ChildEnd, Forwarder, this_program};
use crate::pack::{self, EndOfSeries, Packed};
use crate::spool::{self, SpoolFolder};
use crate::terminal::Terminal;
use anyhow::Context;
use nix::unistd::{Whence, lseek};
use perfcollect_shared::bench::figures_of;
use perfcollect_shared::bundle;
use perfcollect_shared::format::shell_word;
use perfcollect_shared::model::{Bundle, Run, Settings};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A series under way.
#[derive(Debug)]
pub struct Series {
    spool: SpoolFolder,
    target: PathBuf,
    again: Again,
    options: Vec<OsString>,
    /// What was typed as `--cache`, which the runs read from here: as options, everybody would see their passwords.
    _servers: Option<OwnedFd>,
    stdin: Input,
    parts: u32,
    recorded: u32,
    /// A run was not recorded, or not in full.
    lost: bool,
}

/// What became of one run.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It ran and was recorded; its figures are those of the recording.
    Recorded(Run),
    /// The program could not be started; why was told.
    NotStarted(ExitCode),
    /// It ran, but its recording could not be written; why was told.
    Lost(ExitCode),
}

impl Series {
    /// Makes the spool, with room for `asked` runs. Signals are held from here on; to be called before a thread is started.
    ///
    /// # Errors
    /// When signals cannot be held or the spool not be written.
    pub fn begin(args: &RunArgs, asked: u32) -> anyhow::Result<Self> {
        let again = Again::hold().context("cannot hold signals")?;
        let cwd = env::current_dir().context("the current folder is gone")?;
        let (mut manifest, id) = begun(args.recording.label.as_ref(), &args.recording.tags);
        manifest.command = args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        manifest.cwd = cwd.to_string_lossy().into_owned();
        manifest.settings = Settings { runs: Some(asked), ..Settings::default() };
        let (spool, target) = open_spool(args.recording.output.as_deref(), &manifest.command, &id)?;
        let made = spool
            .write_manifest(&manifest)
            .and_then(|()| fs::create_dir(spool.path().join(spool::RUNS)))
            .with_context(|| format!("cannot write {}", spool.path().display()));
        if let Err(error) = made {
            spool.discard();
            return Err(error);
        }
        let (mut options, stdin) = (options_of(args), Input::remember());
        let servers =
            if args.servers.cache.is_empty() { None } else { Some(cache_server::pass_on(&args.servers.cache)?) };
        options.extend(servers.iter().map(|fd| OsString::from(format!("--cache-fd={}", fd.as_raw_fd()))));
        Ok(Self { spool, target, again, options, _servers: servers, stdin, parts: 0, recorded: 0, lost: false })
    }

    /// Runs and records a command once. `run` says of which benchmark it is, and in which block; `prepare` may give it other
    /// streams; `limit` is the longest that it may take.
    ///
    /// # Errors
    /// When the spool cannot be written, or no process started.
    pub fn record(
        &mut self,
        command: &[OsString],
        mut run: Run,
        limit: Option<Duration>,
        prepare: impl FnOnce(&mut Command),
    ) -> anyhow::Result<Outcome> {
        let part = self.spool.path().join(spool::RUNS).join(format!("{:05}.perf.zip", self.parts));
        // `prepare` may choose another folder.
        let part = std::path::absolute(part).context("the current folder is gone")?;
        let about = part.with_extension("").with_extension("json");
        write_run(&about, &run)?;
        self.parts += 1;
        self.stdin.rewind();
        let mut child = this_program();
        child.arg("run").arg("--quiet").arg("--output").arg(&part).args(&self.options).arg("--").args(command);
        prepare(&mut child);
        let ChildEnd { exit, timed_out } = self.again.run(child, limit).context("cannot start a process")?;
        let code = ExitCode::of_program(exit);
        let Some(manifest) = fs::read(&part).ok().and_then(|bytes| bundle::read_manifest(&bytes).ok()) else {
            // What could not be packed is kept, and was told by the child.
            let ran = spool::folder_of(&part).join(spool::MANIFEST).exists();
            self.lost |= ran;
            return Ok(if ran { Outcome::Lost(code) } else { Outcome::NotStarted(code) });
        };
        self.lost |= manifest.partial;
        run.timed_out = timed_out;
        run.exit = manifest.exit;
        if !self.again.interrupted() {
            run.metrics.extend(figures_of(&manifest).into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        if run.warmup {
            write_run(&about, &run)?;
            fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))?;
        } else {
            if timed_out || self.again.interrupted() {
                write_run(&about, &run)?;
            }
            self.recorded += 1;
        }
        Ok(Outcome::Recorded(run))
    }

    /// Whether somebody wanted it to end.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.again.interrupted()
    }

    /// Whether every run so far was recorded in full.
    #[must_use]
    pub fn complete(&self) -> bool {
        !self.lost
    }

    /// How many runs were recorded, without those to warm up.
    #[must_use]
    pub fn recorded(&self) -> u32 {
        self.recorded
    }

    /// Nothing was recorded that is worth keeping.
    pub fn discard(self) {
        self.spool.discard();
        self.again.held().let_go();
    }

    /// Puts all parts into the bundle. `last_word` may change it before it is written.
    ///
    /// # Errors
    /// When it cannot be written; the parts are then kept, and the error says how to go on.
    pub fn finish(self, terminal: Terminal, last_word: impl FnOnce(&mut Bundle)) -> anyhow::Result<Packed> {
        let spool = shell_word(&self.spool.path().display().to_string());
        let target = self.target.display();
        let interrupted =
            format!("interrupted while {target} was being written; `perfcollect recover {spool}` finishes it");
        let forwarder = Forwarder::after_the_end(terminal, interrupted).context("cannot start a thread")?;
        let end = EndOfSeries { interrupted: self.again.interrupted() };
        let packed = pack::pack_series(self.spool.path(), &self.target, Some(&end), last_word);
        forwarder.stop();
        self.again.held().let_go();
        packed
    }
}

fn write_run(path: &Path, run: &Run) -> anyhow::Result<()> {
    let told = || format!("cannot write {}", path.display());
    let new = path.with_extension("new");
    fs::write(&new, serde_json::to_vec(run)?).with_context(told)?;
    fs::rename(new, path).with_context(told)
}

/// How each run is to be recorded, as it is typed. What concerns the bundle (its name, label, tags) and what comes after it is
/// ours alone.
fn options_of(args: &RunArgs) -> Vec<OsString> {
    let recording = &args.recording;
    let mut options: Vec<OsString> = Vec::new();
    let mut switch = |is_on: bool, name: &str| options.extend(is_on.then(|| OsString::from(name)));
    switch(recording.no_native, "--no-native");
    switch(recording.no_python, "--no-python");
    switch(args.no_caches, "--no-caches");
    switch(recording.stacks.threads, "--threads");
    switch(recording.source, "--source");
    let mut option = |name: &str, value: Option<String>| {
        options.extend(value.map(|value| OsString::from(format!("{name}={value}"))));
    };
    option("--rate", recording.rate.map(|rate| rate.to_string()));
    option("--max-depth", recording.stacks.max_depth.map(|depth| depth.to_string()));
    option("--clock", (args.clock == Clock::Wall).then(|| "wall".to_owned()));
    option("--python", (!args.python.is_empty()).then(|| args.python.join(",")));
    let events: Vec<&str> = args.events.iter().map(|event| event.name).collect();
    option("--events", (!events.is_empty()).then(|| events.join(",")));
    option("--alloc-depth", Some(args.alloc_depth.to_string()));
    option("--cache-trace", (!args.cache_trace.is_empty()).then(|| args.cache_trace.join(",")));
    option("--cache-candidates", (!args.cache_candidates.is_empty()).then(|| args.cache_candidates.join(",")));
    option("--cache-trace-limit", Some(args.cache_trace_limit.to_string()));
    option("--jit", (args.jit == Jit::Off).then(|| "off".to_owned()));
    options
}

/// Our standard input, read by one run after the other: each begins where the first did, if it is a file.
#[derive(Debug)]
struct Input {
    begin: Option<i64>,
}

impl Input {
    fn remember() -> Self {
        // Only of files is the place known; a terminal, a pipe and a closed stream have none.
        let begin = lseek(io::stdin(), 0, Whence::SeekCur).ok();
        Self { begin }
    }

    fn rewind(&self) {
        if let Some(begin) = self.begin {
            // It could be had, so it can be set.
            lseek(io::stdin(), begin, Whence::SeekSet).ok();
        }
    }
}

/// Whether our standard input can be read by one run only.
#[must_use]
pub fn input_is_read_once() -> bool {
    use std::os::unix::fs::FileTypeExt;
    let kind = fs::metadata("/proc/self/fd/0").map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command as Typed};
    use clap::Parser;

    fn parsed(words: &[&str]) -> RunArgs {
        let Typed::Run(args) = Cli::try_parse_from(words).unwrap().command else { panic!("{words:?}") };
        args
    }

    #[test]
    fn each_run_is_recorded_as_was_asked_for_all() {
        let words = "perfcollect run --runs 3 --warmup 1 --label x --tag y --strict --open -o a.zip --rate 99 --no-native \
                     --no-python --max-depth 7 --threads --source --clock wall --python calls,alloc --alloc-depth 9 \
                     --no-caches \
                     --jit off -- prog --runs 5";
        let args = parsed(&words.split_whitespace().collect::<Vec<_>>());
        let options = options_of(&args);
        let typed = ["perfcollect", "run"].map(OsString::from).into_iter().chain(options).chain(["prog".into()]);
        let Typed::Run(again) = Cli::try_parse_from(typed).unwrap().command else { panic!() };
        let asked = |args: &RunArgs| {
            let recording = &args.recording;
            let stacks = (recording.stacks.max_depth, recording.stacks.threads);
            let modes = (args.clock, args.python.clone(), args.alloc_depth, args.jit, args.no_caches);
            (recording.rate, recording.no_native, recording.no_python, stacks, recording.source, modes)
        };
        assert_eq!(asked(&again), asked(&args));
        assert_eq!((again.runs, again.recording.label, again.strict, again.recording.open), (None, None, false, false));
    }
}
