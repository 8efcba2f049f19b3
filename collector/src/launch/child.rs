//! Fork early, exec late: the child waits until the samplers are armed.
#![expect(unsafe_code, reason = "fork, setenv, exec and wait4")]

use super::inherited::Inherited;
use super::signals::Held;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{self, ForkResult, Pid, pipe2};
use perfcollect_shared::model::Exit;
use perfcollect_shared::units::{Bytes, Nanos};
use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// A forked child that waits for its word. Dropped, it goes away without having run anything.
#[derive(Debug)]
pub struct Waiting {
    pid: Pid,
    program: OsString,
    go: Option<OwnedFd>,
    failure: OwnedFd,
    /// It runs the program: no longer ours to clear away.
    started: bool,
}

/// A variable of the program's environment that differs from ours: name and value.
pub type Variable = (OsString, OsString);

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    pid: Pid,
    /// Resident size that it had from us before exec: `ru_maxrss` is never below it.
    pub rss_floor: Option<Bytes>,
}

/// How a program ended and what it used, its waited-for children included.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reaped {
    pub exit: Exit,
    pub user: Nanos,
    pub system: Nanos,
    /// Largest resident set of one process.
    pub max_rss: Bytes,
}

/// Why a program could not be executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("there is no program `{program}`{hint}")]
    NotFound { program: String, hint: &'static str },
    #[error("`{program}` cannot be executed: {reason}")]
    NotExecutable { program: String, reason: String },
    #[error("the child went away before it could start `{program}`")]
    Gone { program: String },
}

impl Waiting {
    /// Forks. Must be called before the first thread is started.
    ///
    /// # Errors
    /// When an argument holds a zero byte, or the kernel grants no process or pipe.
    pub fn fork(command: &[OsString], inherited: Inherited, held: &Held) -> io::Result<Self> {
        let arguments: Vec<CString> =
            command.iter().map(|word| CString::new(word.as_bytes())).collect::<Result<_, _>>()?;
        let mut pointers: Vec<*const libc::c_char> = arguments.iter().map(|word| word.as_ptr()).collect();
        pointers.push(ptr::null());
        let (word, go) = pipe2(OFlag::O_CLOEXEC)?;
        let (failure, report) = pipe2(OFlag::O_CLOEXEC)?;
        // SAFETY: we have one thread, and the child calls only functions that are safe between fork and exec.
        match unsafe { unistd::fork() }? {
            ForkResult::Parent { child } => {
                let program = command.first().cloned().unwrap_or_default();
                Ok(Self { pid: child, program, go: Some(go), failure, started: false })
            }
            ForkResult::Child => {
                drop((go, failure));
                wait_and_exec(&word, &report, &pointers, inherited, held)
            }
        }
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Lets the child go, with these variables set in its environment; returns when it runs the program.
    ///
    /// # Errors
    /// When there is no such program, or it cannot be executed.
    pub fn release(mut self, variables: &[Variable]) -> Result<Running, ExecError> {
        let rss_floor = peak_rss(self.pid());
        let program = self.program.to_string_lossy().into_owned();
        let let_go = self.go.take().is_some_and(|go| File::from(go).write_all(&word_of(variables)).is_ok());
        let mut code = [0; 4];
        let answer = retry(|| unistd::read(&self.failure, &mut code));
        if !let_go {
            return Err(ExecError::Gone { program });
        }
        if answer == Ok(code.len()) {
            return Err(exec_error(program, Errno::from_raw(i32::from_ne_bytes(code))));
        }
        self.started = true;
        Ok(Running { pid: self.pid, rss_floor })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // The end of the pipe tells the child to leave; it has run nothing, so its status says nothing.
        self.go = None;
        if !self.started {
            nix::sys::wait::waitpid(self.pid, None).ok();
        }
    }
}

impl Running {
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    pub(super) fn raw(&self) -> Pid {
        self.pid
    }

    /// Takes the status of the ended program.
    ///
    /// # Errors
    /// When someone else took it.
    pub fn reap(self) -> io::Result<Reaped> {
        let mut status = 0;
        // SAFETY: all zero is a valid `rusage`, and the call only writes to it and to `status`.
        let (result, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::wait4(self.pid.as_raw(), &raw mut status, 0, &raw mut usage), usage)
        };
        if result == -1 {
            return Err(io::Error::last_os_error());
        }
        let exit = if libc::WIFSIGNALED(status) {
            Exit { code: None, signal: Some(libc::WTERMSIG(status)) }
        } else {
            Exit { code: Some(libc::WEXITSTATUS(status)), signal: None }
        };
        let max_rss = Bytes(u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024);
        Ok(Reaped { exit, user: nanos(usage.ru_utime), system: nanos(usage.ru_stime), max_rss })
    }
}

fn nanos(time: libc::timeval) -> Nanos {
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    Nanos(part(time.tv_sec) * 1_000_000_000 + part(time.tv_usec) * 1000)
}

/// What the waiting child is told: how many bytes follow, then names and values, each with a zero byte behind it.
fn word_of(variables: &[Variable]) -> Vec<u8> {
    let texts = variables.iter().flat_map(|(name, value)| [name, value]);
    let body: Vec<u8> = texts.flat_map(|text| text.as_bytes().iter().copied().chain([0])).collect();
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    [&length.to_ne_bytes(), body.as_slice()].concat()
}

/// Waits for the word and sets the variables that it brings. The fork was of one thread, so memory can be had here.
fn take_word(word: &OwnedFd) -> io::Result<()> {
    let mut word = File::from(word.try_clone()?);
    let mut length = [0; 8];
    word.read_exact(&mut length)?;
    let mut body = vec![0; usize::try_from(u64::from_ne_bytes(length)).map_err(io::Error::other)?];
    word.read_exact(&mut body)?;
    let mut texts = body.split_inclusive(|&byte| byte == 0).map(<[u8]>::as_ptr);
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        // SAFETY: both end in a zero byte and live until the end of this function; the C library copies them.
        if unsafe { libc::setenv(name.cast(), value.cast(), 1) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The child's side.
fn wait_and_exec(
    word: &OwnedFd,
    report: &OwnedFd,
    arguments: &[*const libc::c_char],
    inherited: Inherited,
    held: &Held,
) -> ! {
    if take_word(word).is_err() {
        // SAFETY: leaves at once, without destructors of the parent's things.
        unsafe { libc::_exit(125) }
    }
    inherited.give_back();
    held.give_back();
    // SAFETY: `arguments` ends in a null pointer, the others point to strings that live in the parent's copy.
    unsafe {
        libc::execvp(arguments[0], arguments.as_ptr());
        let code = Errno::last_raw().to_ne_bytes();
        libc::write(report.as_raw_fd(), code.as_ptr().cast(), code.len());
        libc::_exit(127)
    }
}

fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

fn exec_error(program: String, errno: Errno) -> ExecError {
    let is_file = program.contains('/') && Path::new(&program).is_file();
    match errno {
        Errno::ENOENT if is_file => ExecError::NotFound {
            program,
            hint: " to run it with: the interpreter in its first line or its loader is missing",
        },
        Errno::ENOENT | Errno::ENOTDIR if program.is_empty() || program.contains('/') => {
            ExecError::NotFound { program, hint: "" }
        }
        Errno::ENOENT | Errno::ENOTDIR => ExecError::NotFound { program, hint: " in PATH" },
        other => ExecError::NotExecutable { program, reason: other.desc().to_lowercase() },
    }
}

/// Largest resident size so far, from `/proc/PID/status`.
fn peak_rss(pid: u32) -> Option<Bytes> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib * 1024))
}
