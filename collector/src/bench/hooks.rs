//! Shell commands around runs. Nothing of them is measured.

use super::plan::{Plan, Shell};
use super::signals::Signals;
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How much of what a failed hook wrote is shown.
const SHOWN: u64 = 2_000;

/// Why a hook ends the benchmark.
#[derive(Debug, thiserror::Error)]
pub(super) enum HookError {
    #[error("the --{option} command `{command}` failed with {status}{output}")]
    Failed { option: &'static str, command: String, status: String, output: String },
    #[error("the --{option} command `{command}` could not be run: {error}")]
    NotRun { option: &'static str, command: String, error: io::Error },
    #[error("a signal ({0})")]
    Interrupted(i32),
}

/// Runs that hook of a benchmark, if it has one.
///
/// # Errors
/// As [`run`].
pub(super) fn run_for(
    plan: &Plan,
    index: usize,
    option: &'static str,
    signals: Option<&Signals>,
) -> Result<(), HookError> {
    let hooks = &plan.benchmarks[index].hooks;
    let command = match option {
        "setup" => &hooks.setup,
        "prepare" => &hooks.prepare,
        "conclude" => &hooks.conclude,
        _ => &hooks.cleanup,
    };
    command.as_ref().map_or(Ok(()), |command| run(&plan.hook_shell, option, command, signals))
}

/// Runs one to its end.
///
/// # Errors
/// When it fails, or a signal tells us to end.
fn run(shell: &Shell, option: &'static str, command: &str, signals: Option<&Signals>) -> Result<(), HookError> {
    let not_run = |error: io::Error| HookError::NotRun { option, command: command.to_owned(), error };
    // Not a pipe: a server that a set-up leaves running would keep it open.
    let mut said = File::from(memfd_create("hook", MFdFlags::MFD_CLOEXEC).map_err(|errno| not_run(errno.into()))?);
    let mut child = Command::new(&shell.program)
        .args(&shell.words[1..])
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(said.try_clone().map_err(not_run)?)
        .stderr(said.try_clone().map_err(not_run)?)
        .spawn()
        .map_err(not_run)?;
    let mut interrupted = None;
    let status = loop {
        let Some(signals) = signals else { break child.wait().map_err(not_run)? };
        if let Some(status) = child.try_wait().map_err(not_run)? {
            break status;
        }
        let (signal, _) = signals.wait(None, Duration::from_secs(1)).map_err(not_run)?;
        if let Some(signal) = signal {
            interrupted = Some(signal);
            let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::try_from(signal).ok()).ok();
        }
    };
    if let Some(signal) = interrupted {
        return Err(HookError::Interrupted(signal));
    }
    if status.success() {
        return Ok(());
    }
    let output = tail(&mut said).unwrap_or_default();
    let output = if output.is_empty() { output } else { format!("; it said:\n{output}") };
    Err(HookError::Failed { option, command: command.to_owned(), status: status.to_string(), output })
}

fn tail(file: &mut File) -> io::Result<String> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(SHOWN)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
