//! `perfcollect run`: records a program.
//!
//! Owns the order of things: fork, look around, arm, let go, wait, pack, tell.

mod repeat;
pub(super) mod samplers;
pub(crate) mod start;

use crate::cache_server::{self, Address};
use crate::cli::{RecordingArgs, RunArgs};
use crate::exit_code::ExitCode;
use crate::launch::{ExecError, Reaped, wait_for_end};
use crate::pack::{self, EndOfRun, Packed};
use crate::serve::{self, Plan, Shelf};
use crate::store::Library;
use crate::terminal::Terminal;
use anyhow::Context;
use perfcollect_shared::model::Overhead;
use perfcollect_shared::report;
use perfcollect_shared::units::{Bytes, Nanos};
use samplers::Gathered;
use start::Recording;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Records a program; the exit code is the program's own.
///
/// # Errors
/// Never so far: what fails before the program starts is told here, and the code is 125, 126 or 127.
pub fn run(args: &RunArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let terminal = terminal.quiet(args.recording.quiet);
    cache_server::hide(&args.servers.cache);
    let servers = match cache_servers(args) {
        Ok(servers) => servers,
        Err(error) => {
            terminal.error(&format!("{error:#}"));
            return Ok(ExitCode::USAGE);
        }
    };
    if let Some(runs) = args.runs {
        return Ok(repeat::run(args, runs, terminal).unwrap_or_else(|error| {
            terminal.error(&format!("{error:#}"));
            ExitCode::NOT_STARTED
        }));
    }
    Ok(match start::start(args, &servers, terminal) {
        Ok(recording) => finish(recording, args, terminal),
        Err(error) => {
            terminal.error(&format!("{error:#}"));
            match error.downcast_ref() {
                Some(ExecError::NotFound { .. }) => ExitCode::NOT_FOUND,
                Some(ExecError::NotExecutable { .. }) => ExitCode::NOT_EXECUTABLE,
                Some(ExecError::Gone { .. }) | None => ExitCode::NOT_STARTED,
            }
        }
    })
}

/// The servers to be read, as they were typed or as a series of runs hands them on.
fn cache_servers(args: &RunArgs) -> anyhow::Result<Vec<Address>> {
    let mut typed = args.servers.cache.clone();
    if let Some(fd) = args.cache_fd {
        typed.extend(cache_server::take_over(fd).context("--cache-fd is for perfcollect's own use")?);
    }
    Ok(Address::all(&typed)?)
}

/// From the running program to our exit.
fn finish(recording: Recording, args: &RunArgs, terminal: Terminal) -> ExitCode {
    let Recording { running, clock, cpu_before, samplers, spool, target, forwarder, held, self_profile, injection } =
        recording;
    let rss_floor = running.rss_floor;
    let end = wait_for_end(running);
    let (wall, ended) = (clock.now(), Instant::now());
    forwarder.program_ended();
    drop(injection);
    // The program is not waited for before this, so that its last figures are still in /proc.
    let mut gathered = samplers.finish();
    let collector_cpu_ns = cpu_before.and_then(|before| Some(cpu_time()?.saturating_sub(before)));
    let reaped = end.and_then(crate::launch::End::reap).unwrap_or_else(|error| {
        terminal.error(&format!("how the program ended could not be learnt: {error}"));
        Reaped::default()
    });
    let code = ExitCode::of_program(reaped.exit);
    let complete = gathered.failures.is_empty();
    for failure in &gathered.failures {
        let text = report::warning_text(failure);
        terminal.error(&format!("the recording is not complete: {text}"));
    }
    let overhead = Overhead { collector_cpu_ns, child_rss_floor_bytes: rss_floor, ..Overhead::default() };
    let images = std::mem::take(&mut gathered.images);
    let end = end_of_run(gathered, reaped, wall, ended, overhead, terminal);
    let packed = catch_unwind(AssertUnwindSafe(|| pack::pack(spool.path(), &target, images, Some(&end))))
        .unwrap_or_else(|_| Err(anyhow::anyhow!("perfcollect failed while it packed; please report this")))
        .and_then(|packed| self_profile.map_or(Ok(()), samplers::SelfProfile::finish).map(|()| packed));
    forwarder.stop();
    held.let_go();
    tell(packed, complete, code, args, terminal)
}

/// Says what was written, or why nothing was, and shows it where that was asked for. The exit code is the program's, whatever
/// becomes of this, unless `--strict` wants a complete recording.
fn tell(
    packed: anyhow::Result<Packed>,
    complete: bool,
    code: ExitCode,
    args: &RunArgs,
    terminal: Terminal,
) -> ExitCode {
    let written = match packed {
        Ok(packed) => {
            if !terminal.quiet {
                terminal.note(&summary(&packed));
            }
            if args.recording.open
                && let Err(error) = show(&packed, &args.recording, terminal)
            {
                terminal.error(&format!("{error:#}"));
            }
            complete
        }
        Err(error) => {
            terminal.error(&format!("{error:#}"));
            false
        }
    };
    if args.strict && !written { ExitCode::NOT_STARTED } else { code }
}

/// Shows the recording until Ctrl-C or SIGTERM.
pub(super) fn show(packed: &Packed, args: &RecordingArgs, terminal: Terminal) -> anyhow::Result<()> {
    let plan = Plan { shelf: Shelf::bundle(&packed.path, Library::local()), port: args.port, browser: true };
    serve::serve_until_signal(plan, &|text| terminal.tell(text))
}

fn end_of_run(
    gathered: Gathered,
    reaped: Reaped,
    wall_ns: Nanos,
    ended: Instant,
    overhead: Overhead,
    terminal: Terminal,
) -> EndOfRun {
    let complete = gathered.failures.is_empty();
    let mut warnings = gathered.warnings;
    warnings.extend(gathered.failures);
    // Exec does not reset the kernel's mark: at the floor, it is ours.
    let own = overhead.child_rss_floor_bytes.is_none_or(|floor| reaped.max_rss > floor);
    EndOfRun {
        exit: reaped.exit,
        wall_ns,
        user_ns: Some(reaped.user + gathered.unwaited.0),
        system_ns: Some(reaped.system + gathered.unwaited.1),
        peak_process_rss_bytes: Some(reaped.max_rss).filter(|&rss| own && rss > Bytes::ZERO),
        overhead,
        counters: gathered.counters,
        warnings,
        partial: !complete,
        ended,
        show_progress: !terminal.quiet,
    }
}

pub(super) fn summary(packed: &Packed) -> String {
    report::summary_lines(&report::report(&packed.bundle), &packed.path.display().to_string())
}

/// CPU time of this process so far.
pub(super) fn cpu_time() -> Option<Nanos> {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).ok()?;
    Some(Nanos(u64::try_from(time.tv_sec()).ok()? * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?))
}
