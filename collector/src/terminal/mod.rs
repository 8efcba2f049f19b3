//! The only place that prints.
//!
//! Results go to stdout, everything else to stderr with `perfcollect: ` before each line. Nobody reading any more
//! (a broken pipe) is no error. Must not decide what is said.

mod table;

pub use table::{Column, table};

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Stdout and stderr of this process, and what they can show.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Colour may be used on stdout.
    pub color: bool,
    /// Colour may be used on stderr.
    pub color_stderr: bool,
    /// Nothing but errors is said on stderr.
    pub quiet: bool,
}

impl Terminal {
    /// Looks at stdout, stderr and `NO_COLOR`.
    #[must_use]
    pub fn new() -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            color: wanted && io::stdout().is_terminal(),
            color_stderr: wanted && io::stderr().is_terminal(),
            quiet: false,
        }
    }

    #[must_use]
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet |= quiet;
        self
    }

    /// Prints a result; a newline is added where the text has none at its end.
    ///
    /// # Errors
    /// When stdout cannot be written (a full disk); nobody reading is fine.
    pub fn out(&self, text: &str) -> io::Result<()> {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        self.out_bytes(&[text.as_bytes(), end.as_bytes()].concat())
    }

    /// Prints a result as it is.
    ///
    /// # Errors
    /// When stdout cannot be written (a full disk); nobody reading is fine.
    pub fn out_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Says something on stderr, unless quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// Says something on stderr that must be seen, quiet or not.
    pub fn tell(&self, text: &str) {
        say(text);
    }

    /// Asks on stderr; the answer is typed behind it.
    pub fn ask(&self, text: &str) {
        // Nobody can be asked where stderr is gone.
        io::stderr().lock().write_all(format!("perfcollect: {text}").as_bytes()).ok();
    }

    /// Says on stderr what went wrong, quiet or not.
    pub fn error(&self, text: &str) {
        say(text);
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

/// One write for the whole text, so that lines of other processes do not come between.
fn say(text: &str) {
    let mut lines = String::with_capacity(text.len() + 64);
    for line in text.trim_end().lines() {
        lines.push_str("perfcollect: ");
        lines.push_str(line);
        lines.push('\n');
    }
    // Nobody can be told where stderr is gone.
    io::stderr().lock().write_all(lines.as_bytes()).ok();
}
