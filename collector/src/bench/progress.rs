//! What is being measured, with the estimate so far, on a terminal.

use super::columns::Columns;
use super::plan::Benchmark;
use indicatif::{ProgressBar, ProgressStyle};
use perfcollect_shared::format;
use perfcollect_shared::model::Unit;
use perfcollect_shared::stats::median;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

const REDRAW: Duration = Duration::from_millis(120);

/// A line on stderr. It has no thread of its own, which would take time from what is measured.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    drawn: Instant,
}

impl Progress {
    /// Shows nothing where it is not wanted or stderr is no terminal.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        let bar = (wanted && io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("perfcollect: {spinner} {msg} ({elapsed})");
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        Self { bar, drawn: Instant::now() }
    }

    pub fn tick(&mut self) {
        if let Some(bar) = &self.bar
            && self.drawn.elapsed() > REDRAW
        {
            self.drawn = Instant::now();
            bar.tick();
        }
    }

    /// Draws anew, unless that was just done.
    pub fn show(&mut self, done: usize, goal: Option<usize>, which: &[usize], all: &[Benchmark], columns: &[Columns]) {
        let Some(bar) = &self.bar else { return };
        if self.drawn.elapsed() < REDRAW {
            return;
        }
        self.drawn = Instant::now();
        let of = goal.map_or_else(String::new, |goal| format!(" of {goal}"));
        let medians = which.iter().take(4).map(|&index| {
            let name = format::shorten_name(&all[index].info.name, 24);
            format!(
                "{name} {}",
                format::measured(median(columns[index].values("wall_ns")).unwrap_or(f64::NAN), Unit::Nanoseconds)
            )
        });
        let medians: Vec<String> = medians.collect();
        bar.set_message(format!("run {done}{of}: {}", medians.join(", ")));
        bar.tick();
    }

    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
