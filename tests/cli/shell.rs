//! An interactive bash on a pseudo-terminal, typed to and read like a person would.

use crate::bundles::Place;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::unistd::{read, ttyname, write};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Longest wait for a text; only a failure takes so long.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Shell {
    bash: Child,
    terminal: OwnedFd,
    name: PathBuf,
    /// Read and not yet expected.
    unread: String,
    _place: Place,
}

impl Shell {
    /// With `$P` as the binary, in a folder of its own.
    pub(crate) fn start(rows: u16, columns: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let name = ttyname(&pty.slave).unwrap();
        let place = Place::new();
        let stream = || File::from(pty.slave.try_clone().unwrap());
        let bash = Command::new("setsid")
            .args(["--ctty", "bash", "--norc", "--noprofile", "-i"])
            .current_dir(place.path())
            .env("P", env!("CARGO_BIN_EXE_perfcollect"))
            .env("PS1", "$ ")
            .env("TERM", "dumb")
            .env_remove("PERFCOLLECT_QUIET")
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .expect("install bash and util-linux: apt-get install bash util-linux");
        Self { bash, terminal: pty.master, name, unread: String::new(), _place: place }
    }

    pub(crate) fn send(&self, keys: &str) {
        let mut left = keys.as_bytes();
        while !left.is_empty() {
            left = &left[write(&self.terminal, left).unwrap()..];
        }
    }

    /// Waits until the text is shown; what came before it.
    pub(crate) fn expect(&mut self, text: &str) -> String {
        let shown = self.shown(text, Instant::now() + PATIENCE);
        assert!(shown, "`{text}` did not come after: {}", self.unread);
        let at = self.unread.find(text).unwrap();
        let before = self.unread[..at].to_owned();
        self.unread.drain(..at + text.len());
        before
    }

    /// Sends the keys again and again until the text is shown.
    pub(crate) fn until(&mut self, keys: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.send(keys);
            if self.shown(text, Instant::now() + Duration::from_millis(300)) {
                self.expect(text);
                return;
            }
        }
        panic!("`{text}` did not come after: {}", self.unread);
    }

    /// Changes the size of the window, as a terminal does.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let status = Command::new("stty")
            .arg("-F")
            .arg(&self.name)
            .args(["rows", &rows.to_string(), "cols", &columns.to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Reads until the text is there; whether it came in time.
    fn shown(&mut self, text: &str, deadline: Instant) -> bool {
        while !self.unread.contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let timeout = PollTimeout::try_from(left).unwrap();
            if poll(&mut [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)], timeout).unwrap() > 0 {
                let mut chunk = [0; 4096];
                let length = read(&self.terminal, &mut chunk).unwrap();
                self.unread.push_str(&String::from_utf8_lossy(&chunk[..length]));
            }
        }
        true
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.bash.kill().ok();
        self.bash.wait().ok();
    }
}
