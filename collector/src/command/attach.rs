//! `perfcollect attach`: records a program that runs already, without touching it.
//!
//! Owns the order of things: look at it, arm on what it is now, wait for an end, pack, tell. How it ends is not ours to
//! learn, since it is not our child.

use super::run::samplers::{Armed, Gathered, RESOURCE_INTERVAL, Rates};
use super::run::start::{begun, open_spool};
use super::run::{cpu_time, show, summary};
use crate::cache_server::{self, Address, Servers};
use crate::cli::AttachArgs;
use crate::exit_code::ExitCode;
use crate::git;
use crate::launch::{Clock, EndSignals, Target};
use crate::pack::{self, EndOfRun};
use crate::spool::SpoolFolder;
use crate::symbolize::Images;
use crate::terminal::Terminal;
use crate::tree::{self, ProcessTree};
use anyhow::{Context, bail};
use perfcollect_shared::format;
use perfcollect_shared::model::{Attached, Exit, Manifest, Overhead, Settings};
use perfcollect_shared::report;
use perfcollect_shared::units::Nanos;
use std::time::Instant;
use ulid::Ulid;

/// Records a running process until an end.
///
/// # Errors
/// When it cannot be recorded, or the recording not be written.
pub fn run(args: &AttachArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let terminal = terminal.quiet(args.recording.quiet);
    cache_server::hide(&args.servers.cache);
    let servers = match Address::all(&args.servers.cache) {
        Ok(servers) => servers,
        Err(error) => {
            terminal.error(&error.to_string());
            return Ok(ExitCode::USAGE);
        }
    };
    let target = Target::open(args.pid)?;
    // Before the first thread: all of them are to leave these signals to us.
    let signals = EndSignals::hold().context("cannot hold signals")?;
    let (manifest, id) = describe(args, &target);
    let (spool, file) = open_spool(args.recording.output.as_deref(), &manifest.command, &id)?;
    spool.write_manifest(&manifest).with_context(|| format!("cannot write {}", spool.path().display()))?;
    if !target.lives() {
        spool.discard();
        bail!("process {} has ended", args.pid);
    }
    let (images, end) = record(args, &target, &servers, &spool, &signals, terminal);
    let complete = !end.partial;
    let packed = pack::pack(spool.path(), &file, images, Some(&end))?;
    signals.let_go();
    terminal.note(&summary(&packed));
    if args.recording.open {
        show(&packed, &args.recording, terminal)?;
    }
    Ok(if complete { ExitCode::FINE } else { ExitCode::FAILED })
}

/// Records from now on to an end.
fn record(
    args: &AttachArgs,
    target: &Target,
    servers: &[Address],
    spool: &SpoolFolder,
    signals: &EndSignals,
    terminal: Terminal,
) -> (Images, EndOfRun) {
    let cpu_before = cpu_time();
    let (clock, since) = (Clock::new(), tree::ticks_now());
    let tree = ProcessTree::new(target.pid, clock.clone());
    tree.scan();
    let rates = Rates::new(args.recording.rate, args.recording.no_native, args.recording.no_python);
    let armed = Armed::attach(rates, spool.path(), &tree, &clock, since);
    let servers = Servers::start(servers, RESOURCE_INTERVAL, spool.path(), &clock);
    let samplers = armed.start(spool.path(), &tree, &clock).with_servers(servers);
    if !args.recording.quiet {
        terminal.tell(&format!("recording process {}; {}", target.pid, how_to_end(args)));
    }
    signals.wait(target, args.duration);
    let (wall_ns, ended) = (clock.now(), Instant::now());
    let mut gathered = samplers.finish();
    let collector_cpu_ns = cpu_before.and_then(|before| Some(cpu_time()?.saturating_sub(before)));
    for failure in &gathered.failures {
        terminal.error(&format!("the recording is not complete: {}", report::warning_text(failure)));
    }
    let images = std::mem::take(&mut gathered.images);
    let overhead = Overhead { collector_cpu_ns, ..Overhead::default() };
    (images, end_of_recording(gathered, wall_ns, ended, overhead, terminal))
}

fn how_to_end(args: &AttachArgs) -> String {
    match args.duration {
        Some(limit) => {
            let limit = Nanos(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
            format!("it ends after {}, with the process, or at Ctrl-C", format::duration(limit))
        }
        None => "it ends with the process, or at Ctrl-C".to_owned(),
    }
}

fn end_of_recording(
    gathered: Gathered,
    wall_ns: Nanos,
    ended: Instant,
    overhead: Overhead,
    terminal: Terminal,
) -> EndOfRun {
    let partial = !gathered.failures.is_empty();
    EndOfRun {
        exit: Exit::default(),
        wall_ns,
        user_ns: Some(gathered.all.0),
        system_ns: Some(gathered.all.1),
        // The kernel's mark is of the time before, too.
        peak_process_rss_bytes: None,
        overhead,
        counters: gathered.counters,
        warnings: gathered.warnings.into_iter().chain(gathered.failures).collect(),
        partial,
        ended,
        show_progress: !terminal.quiet,
    }
}

/// What is known of the program. Read before anything of ours is written.
fn describe(args: &AttachArgs, target: &Target) -> (Manifest, Ulid) {
    let folder = target.folder();
    let git = folder.as_deref().map(git::start);
    let (common, id) = begun(args.recording.label.as_ref(), &args.recording.tags);
    let rates = Rates::new(args.recording.rate, args.recording.no_native, args.recording.no_python);
    let manifest = Manifest {
        command: target.command(),
        cwd: folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default(),
        attached: Some(Attached { pid: target.pid, ran_before_ns: target.age() }),
        git: git.and_then(git::Reading::finish),
        settings: Settings { source: args.recording.source, ..rates.settings(&args.recording.stacks, &[]) },
        ..common
    };
    (manifest, id)
}
