//! A sign of life while a large recording is packed.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Nothing is shown of what takes less.
const PATIENCE: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(120);

/// Shows what is being done on stderr, once it takes longer than a second; clears its line when dropped.
#[derive(Debug)]
pub(super) struct Progress(Option<(Sender<&'static str>, JoinHandle<()>)>);

impl Progress {
    /// Shows nothing where it is not wanted or stderr is no terminal.
    pub(super) fn start(wanted: bool) -> Self {
        if !wanted || !io::stderr().is_terminal() {
            return Self(None);
        }
        let (sender, receiver) = mpsc::channel();
        let painter = thread::spawn(move || {
            let mut stage = "reading what was recorded";
            let mut bar: Option<ProgressBar> = None;
            loop {
                match receiver.recv_timeout(if bar.is_some() { REDRAW } else { PATIENCE }) {
                    Ok(next) => stage = next,
                    Err(RecvTimeoutError::Timeout) => {
                        let bar = bar.get_or_insert_with(spinner);
                        bar.set_message(stage);
                        bar.tick();
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
        });
        Self(Some((sender, painter)))
    }

    /// What is done from now on.
    pub(super) fn says(&self, stage: &'static str) {
        if let Some((sender, _)) = &self.0 {
            // A painter that is gone shows nothing.
            sender.send(stage).ok();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, painter)) = self.0.take() {
            drop(sender);
            painter.join().ok();
        }
    }
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("perfcollect: {spinner} {msg} ({elapsed})");
    ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
