//! `perfcollect rerun`: runs the command of a bundle again, and says whether the result reproduces.
//!
//! A bundle may come from a stranger. Nothing of it runs before a person has seen what would run and said yes; it never
//! goes through a shell of ours.

mod show;
mod verdict;

use crate::agent::{KEY_LIMIT, MODES};
use crate::cli::{Clock, Jit, RecordingArgs, RerunArgs, RunArgs, ServerArgs, StackArgs};
use crate::exit_code::ExitCode;
use crate::sample::perf;
use crate::series::{Outcome, Series};
use crate::store::{self, Library};
use crate::terminal::Terminal;
use crate::{environment, git};
use anyhow::{Context, bail};
use nix::sys::termios::{FlushArg, tcflush};
use perfcollect_shared::bundle;
use perfcollect_shared::format::{program, shell_word};
use perfcollect_shared::model::{Bundle, Environment, Git, Manifest, Run};
use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Runs made where fewer were recorded.
const RUNS: u32 = 5;
/// Most runs, whatever a bundle claims.
const MOST: u64 = 10_000;

/// What would run, where, and how that is told.
struct Plan<'a> {
    manifest: &'a Manifest,
    command: &'a [String],
    /// The file that the first word names here.
    program: PathBuf,
    folder: PathBuf,
    runs: u32,
    recorded: u64,
    now: Now,
}

/// This machine and the folder's commit.
struct Now {
    environment: Environment,
    git: Option<Git>,
}

/// Shows what would run, asks, runs it and compares.
///
/// # Errors
/// When there is no such bundle, its command cannot run here, or the new recording cannot be written.
pub fn run(args: &RerunArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let path = Library::local().resolve(&args.bundle)?;
    let then = bundle::read(&store::read_file(&path)?)
        .with_context(|| format!("cannot read the bundle {}", path.display()))?;
    let plan = plan(&then, args)?;
    for line in show::lines(&plan) {
        terminal.tell(&line);
    }
    if !args.yes {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            terminal.error("nothing was run: there is no terminal to ask on; read the above, and say yes with --yes");
            return Ok(ExitCode::USAGE);
        }
        if !says_yes(*terminal)? {
            terminal.tell("nothing was run");
            return Ok(ExitCode::FAILED);
        }
    }
    let Some(packed) = record(&plan, args, *terminal)? else { return Ok(ExitCode::UNDECIDED) };
    let answer = verdict::verdict(&then, &packed.0, args.margin / 100.0);
    terminal.out(&(answer.lines.join("\n") + "\n"))?;
    let (old, new) = (shell_word(&path.display().to_string()), shell_word(&packed.1.display().to_string()));
    terminal.note(&format!("recorded into {new}; more of it: perfcollect compare {old} {new}"));
    Ok(answer.code)
}

fn plan<'a>(then: &'a Bundle, args: &RerunArgs) -> anyhow::Result<Plan<'a>> {
    let manifest = &then.manifest;
    if let Some(attached) = manifest.attached {
        bail!(
            "this cannot be run again: process {} ran before perfcollect was attached to it, and how it was started and \
             what it had done by then is not in the bundle",
            attached.pid
        );
    }
    let command = manifest.command.as_slice();
    if manifest.benchmarks.len() > 1 || !manifest.settings.bench.is_empty() {
        bail!(
            "this bundle holds benchmarks; only bundles of `perfcollect run` can be run again. It was measured by: {}",
            show::command(command)
        );
    }
    let Some(first) = command.first().filter(|first| !first.is_empty()) else {
        bail!("the bundle does not say which command was recorded");
    };
    if command.iter().any(|word| word.contains(['\0', char::REPLACEMENT_CHARACTER])) {
        bail!("the command holds bytes that are no text; the bundle does not tell which, so it cannot be run again");
    }
    let folder = folder(args.cwd.as_deref(), &manifest.cwd)?;
    let found = find(first, &folder).with_context(|| {
        let host = show::visible(&manifest.environment.hostname);
        let host = if host.is_empty() { String::new() } else { format!("; it was recorded on {host}") };
        format!("cannot run it here: there is no program {} that can be executed{host}", show::command(&command[..1]))
    })?;
    let recorded = manifest.summary.runs.max(1);
    let runs = args.runs.unwrap_or_else(|| u32::try_from(recorded.min(MOST)).unwrap_or(RUNS).max(RUNS));
    let now = Now { environment: environment::read(), git: git::read(&folder) };
    Ok(Plan { manifest, command, program: found, folder, runs, recorded, now })
}

/// The folder to run in: what the user names, else the recorded one.
fn folder(chosen: Option<&Path>, recorded: &str) -> anyhow::Result<PathBuf> {
    let folder = chosen.map_or_else(|| PathBuf::from(recorded), Path::to_owned);
    if !folder.is_dir() {
        let shown = show::command(&[folder.to_string_lossy().into_owned()]);
        bail!("there is no folder {shown} here; name the one to run in with --cwd DIR");
    }
    std::path::absolute(&folder).context("the current folder is gone")
}

/// The file that the kernel will execute, as `execvp` looks for it from the folder.
fn find(name: &str, folder: &Path) -> Option<PathBuf> {
    let executable = |path: &Path| {
        fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(folder.join(name)).filter(|path| executable(path));
    }
    let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    env::split_paths(&path).map(|place| folder.join(place).join(name)).find(|path| executable(path))
}

/// Asks on the terminal. What was typed before the question is no answer.
fn says_yes(terminal: Terminal) -> anyhow::Result<bool> {
    tcflush(io::stdin(), FlushArg::TCIFLUSH).ok();
    terminal.ask("run this? [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// The new recording and where it lies; `None` where a run could not be made, which was told.
fn record(plan: &Plan<'_>, args: &RerunArgs, terminal: Terminal) -> anyhow::Result<Option<(Bundle, PathBuf)>> {
    let recording = recording(plan, args);
    let mut series = Series::begin(&recording, plan.runs)?;
    for block in 0..plan.runs {
        let run = Run { block, benchmark: program(plan.command), ..Run::default() };
        let outcome = series.record(&recording.command, run, None, |child| {
            child.current_dir(&plan.folder);
        });
        match outcome {
            Ok(Outcome::Recorded(_)) if !series.interrupted() => {}
            Ok(_) => break,
            Err(error) => {
                terminal.error(&format!("{error:#}"));
                break;
            }
        }
    }
    if series.recorded() == 0 {
        series.discard();
        terminal.error("no run was recorded; there is nothing to compare");
        return Ok(None);
    }
    let interrupted = series.interrupted();
    let packed = series.finish(terminal, |_| {})?;
    if interrupted {
        terminal.error(&format!("interrupted; the runs before are in {}", packed.path.display()));
        return Ok(None);
    }
    Ok(Some((packed.bundle, packed.path)))
}

/// Recording as it was recorded then. What a bundle claims is taken only within what can be typed.
fn recording(plan: &Plan<'_>, args: &RerunArgs) -> RunArgs {
    let settings = &plan.manifest.settings;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 1 and 10,000")]
    let rate = |hz: f64| hz.clamp(1.0, 10_000.0) as u32;
    // The rate of native stacks unless that is the usual one, for which Python's differs.
    let native =
        settings.native_rate_hz.filter(|&hz| settings.python_rate_hz == Some(hz) || settings.python_rate_hz.is_none());
    let python = settings.python_rate_hz.filter(|_| settings.native_rate_hz.is_none());
    let events = settings.events.iter().filter(|_| settings.native_rate_hz.is_some());
    RunArgs {
        recording: RecordingArgs {
            output: args.output.clone(),
            rate: native.or(python).map(rate),
            label: None,
            tags: Vec::new(),
            no_native: settings.native_rate_hz.is_none(),
            no_python: settings.python_rate_hz.is_none(),
            stacks: StackArgs {
                max_depth: settings.max_depth.filter(|&depth| depth > 0),
                threads: settings.thread_roots,
            },
            source: false,
            quiet: true,
            open: false,
            port: None,
        },
        clock: if settings.wall_rate_hz.is_some() { Clock::Wall } else { Clock::Cpu },
        events: events.filter_map(|name| perf::event(name).ok()).collect(),
        python: MODES
            .iter()
            .map(|mode| mode.name.to_owned())
            .filter(|mode| settings.python_modes.contains(mode))
            .collect(),
        no_caches: !settings.caches,
        alloc_depth: 16,
        // A bundle may come from anywhere, and must not choose whom we give our passwords to.
        servers: ServerArgs::default(),
        cache_fd: None,
        cache_trace: Vec::new(),
        cache_candidates: Vec::new(),
        cache_trace_limit: KEY_LIMIT,
        jit: Jit::Auto,
        runs: Some(plan.runs),
        warmup: 0,
        strict: false,
        self_profile: None,
        command: plan.command.iter().map(OsString::from).collect(),
    }
}
