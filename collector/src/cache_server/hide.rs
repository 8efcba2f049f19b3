//! Keeping addresses out of the list of processes, where everybody can read them.

use super::Typed;
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

/// Replaces what was typed by `x`s in our own arguments, for as far as the kernel allows; children that are forked later
/// have them likewise. Its first letters, which say what it is, stay.
pub fn hide(typed: &[Typed]) {
    // It was shown until now, and stays where this fails.
    for address in typed.iter().filter(|address| !address.bytes().is_empty()) {
        overwrite(address.bytes()).ok();
    }
}

fn overwrite(secret: &[u8]) -> io::Result<()> {
    let from = secret.windows(3).position(|part| part == b"://").map_or(0, |at| at + 3);
    let stat = fs::read_to_string("/proc/self/stat")?;
    // `arg_start`, the 48th field; the name in the second may hold spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let begin: u64 = fields.split_whitespace().nth(45).and_then(|field| field.parse().ok()).unwrap_or(0);
    let arguments = fs::read("/proc/self/cmdline")?;
    let memory = File::options().write(true).open("/proc/self/mem")?;
    for (at, part) in arguments.windows(secret.len()).enumerate() {
        if begin > 0 && part == secret {
            memory.write_all_at(&vec![b'x'; secret.len() - from], begin + (at + from) as u64)?;
        }
    }
    Ok(())
}

/// Puts addresses where a child of ours that is started with `--cache-fd NUMBER` finds them.
///
/// # Errors
/// When the kernel grants no memory.
pub fn pass_on(typed: &[Typed]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("cache", MFdFlags::empty())?);
    for address in typed {
        file.write_all(address.bytes())?;
        file.write_all(b"\0")?;
    }
    Ok(file.into())
}

/// Takes over what [`pass_on`] gave, and closes it, so that the program does not inherit it.
///
/// # Errors
/// When it is not there.
pub fn take_over(fd: RawFd) -> io::Result<Vec<Typed>> {
    // By its name, so that it is read from the beginning by each child.
    let bytes = fs::read(format!("/proc/self/fd/{fd}"))?;
    nix::unistd::close(fd)?;
    let texts = bytes.split(|&byte| byte == 0).filter(|text| !text.is_empty());
    Ok(texts.map(|text| Typed::from(OsStr::from_bytes(text).to_owned())).collect())
}
