//! What a run reads from and writes to: the streams of the process that starts it, which it inherits.
#![expect(unsafe_code, reason = "dup2 of standard streams, fork")]

use super::spawner::{Told, told};
use nix::fcntl::OFlag;
use nix::unistd::{self, ForkResult, pipe2};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// What standard input is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Input {
    #[default]
    Null,
    /// Opened anew for each run.
    File(PathBuf),
}

/// What becomes of standard output and error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Output {
    #[default]
    Null,
    /// Standard output goes through a pipe to a reader that drops it.
    Pipe,
    Inherit,
    /// All of it goes to our stderr, since our stdout holds something else.
    InheritAsError,
    /// Standard output, written anew by each run.
    File(PathBuf),
}

/// Gives this process the streams that its children are to have.
pub(super) fn set_up(input: &Input, output: &Output) -> Told<()> {
    let null = told("cannot open /dev/null", File::options().read(true).write(true).open("/dev/null"))?;
    let all = || -> io::Result<()> {
        put(&null, 0)?;
        match output {
            Output::Inherit => return Ok(()),
            Output::InheritAsError => return duplicate(2, 1),
            Output::Pipe => put(&reader()?, 1)?,
            Output::Null | Output::File(_) => put(&null, 1)?,
        }
        put(&null, 2)
    };
    told("cannot set up standard streams", all())?;
    if let Input::File(path) = input {
        told(format!("cannot read {}", path.display()), File::open(path))?;
    }
    if let Output::File(path) = output {
        told(format!("cannot write {}", path.display()), create(path))?;
    }
    Ok(())
}

fn put(file: &File, stream: i32) -> io::Result<()> {
    duplicate(file.as_raw_fd(), stream)
}

fn duplicate(from: i32, stream: i32) -> io::Result<()> {
    // SAFETY: takes two descriptors; standard streams belong to nobody else in this process.
    if unsafe { libc::dup2(from, stream) } == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(true).open(path)
}

/// Input from its beginning and output empty, outside of what is measured.
pub(super) fn files_anew(input: &Input, output: &Output) -> io::Result<()> {
    if let Input::File(path) = input {
        put(&File::open(path)?, 0)?;
    }
    if let Output::File(path) = output {
        put(&create(path)?, 1)?;
    }
    Ok(())
}

/// The writing end of a pipe whose other end is read and dropped by a process of its own, until nobody writes any more.
fn reader() -> io::Result<File> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: we have one thread, so that the child may do anything.
    match unsafe { unistd::fork() }? {
        ForkResult::Parent { .. } => Ok(write.into()),
        ForkResult::Child => {
            drop(write);
            // SAFETY: nobody else uses the streams of this process; a pipe among them would never end.
            unsafe {
                for stream in 0..3 {
                    libc::close(stream);
                }
            }
            let (mut read, mut bytes) = (File::from(read), vec![0; 64 * 1024]);
            while matches!(read.read(&mut bytes), Ok(1..)) {}
            // SAFETY: leaves at once.
            unsafe { libc::_exit(0) }
        }
    }
}
