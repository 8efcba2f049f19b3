//! Opening a browser, where there is a screen for one.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;

/// Opens the address in the reader's browser, if it is wanted and there is a display. A browser that does not start is
/// no error: the address is printed.
pub(super) fn open(wanted: bool, address: &str) {
    let display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|v| !v.is_empty()));
    if !wanted || !(display || cfg!(target_os = "macos")) {
        return;
    }
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    // A process group of its own: Ctrl-C here does not close the browser.
    let child = Command::new(program)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    if let Ok(mut child) = child {
        thread::spawn(move || child.wait());
    }
}
