//! The measurement itself: asks the spawner for runs, keeps what it tells, and ends when it is told to.
//!
//! Owns the order of things: set-ups, the shell's own start, warm-ups, blocks, clean-ups. Must not judge or print results.

use super::columns::{self, Columns};
use super::enough::Enough;
use super::hooks::{self, HookError};
use super::load::Load;
use super::plan::{Benchmark, Plan};
use super::progress::Progress;
use super::record::{Asked, Kind, Record};
use super::schedule::Schedule;
use super::signals::Signals;
use super::spawner::Spawner;
use crate::launch::monotonic_ns;
use crate::spool::LineWriter;
use perfcollect_shared::model::{Exit, Run};
use perfcollect_shared::stats::Rules;
use perfcollect_shared::units::Nanos;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A batch of runs without a word in between takes about so long.
const BATCH: Duration = Duration::from_millis(100);
/// Most blocks of a batch.
const MOST_BLOCKS: usize = 512;
/// A program that does not end by the signal that we pass on is killed after this.
const PATIENCE: Duration = Duration::from_secs(2);
/// Runs that the shell's own start is measured by.
const SHELL_RUNS: u32 = 25;

/// Why a measurement ended.
#[derive(Debug)]
pub enum End {
    /// As it was meant to.
    Done,
    /// By a signal to us.
    Interrupted(i32),
    Failed(Failure),
}

/// What went wrong with a command or a hook.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("`{name}` ended with exit code {code} in run {run}; -i goes on anyway, --show-output shows what it says")]
    Code { name: String, run: usize, code: i32 },
    #[error("`{name}` was killed by signal {signal} in run {run}; -i goes on anyway")]
    Signal { name: String, run: usize, signal: i32 },
    #[error("`{name}` took longer than {limit:?} in run {run} and was killed; -i goes on anyway")]
    TimedOut { name: String, run: usize, limit: Duration },
    #[error("`{name}` could not be started: {error}{hint}")]
    NotStarted { name: String, error: io::Error, hint: &'static str },
    #[error("the shell could not be measured: `{shell} -c ''` fails")]
    Shell { shell: String },
    #[error("{0}")]
    Hook(String),
    #[error("the process that starts the runs is gone: {0}")]
    Spawner(io::Error),
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    pub columns: Vec<Columns>,
    pub end: End,
    /// The rules that the runs allow judging by: looking several times has its price.
    pub rules: Rules,
    /// Median start of the shell, where commands were run by one.
    pub shell_start_ns: Option<f64>,
    pub rss_floor_kib: u64,
    pub has_counters: bool,
    /// Runs after which processes were left behind, by benchmark.
    pub left_behind: Vec<u32>,
    /// Runs that were killed for their time, and runs that failed otherwise.
    pub timed_out: Vec<u32>,
    pub failed: Vec<u32>,
    /// How all ended, where all ended alike.
    pub exit: Option<Exit>,
    pub cpu_ns: f64,
    pub wall: Duration,
    /// Why not every run could be kept.
    pub not_kept: Option<io::Error>,
}

/// A measurement under way.
pub struct Session<'a> {
    plan: &'a Plan,
    signals: &'a Signals,
    spawner: Spawner,
    spool: LineWriter,
    progress: Progress,
    load: Load,
    timeout: Duration,
    start_ns: u64,
    order: u32,
    warming_up: bool,
    /// Given to the next run.
    reading: Option<super::load::Reading>,
    measured: Measured,
    exits: Option<Result<Exit, ()>>,
}

/// Ends the measurement before its time.
type Step = Result<(), End>;

impl<'a> Session<'a> {
    #[must_use]
    pub fn new(
        plan: &'a Plan,
        signals: &'a Signals,
        spawner: Spawner,
        spool: LineWriter,
        progress: Progress,
        timeout: Option<Duration>,
        rules: Rules,
    ) -> Self {
        let count = plan.benchmarks.len();
        let measured = Measured {
            columns: vec![Columns::default(); count],
            end: End::Done,
            rules,
            shell_start_ns: None,
            rss_floor_kib: 0,
            has_counters: spawner.has_counters,
            left_behind: vec![0; count],
            timed_out: vec![0; count],
            failed: vec![0; count],
            exit: None,
            cpu_ns: 0.0,
            wall: Duration::ZERO,
            not_kept: None,
        };
        Self {
            plan,
            signals,
            spawner,
            spool,
            progress,
            load: Load::open(),
            timeout: timeout.unwrap_or_default(),
            start_ns: monotonic_ns(),
            order: 0,
            warming_up: false,
            reading: None,
            measured,
            exits: None,
        }
    }

    /// Measures everything; what was measured stands, however it ends.
    #[must_use]
    pub fn run(mut self, warmup: u32, seed: u64, mut enough: Enough) -> Measured {
        let begun = Instant::now();
        let all: Vec<usize> = (0..self.plan.benchmarks.len()).collect();
        let result = self.measure_shell().and_then(|()| {
            if !self.plan.sequential {
                return self.measure(&all, warmup, &mut Schedule::new(all.len(), seed), &mut enough);
            }
            // Blocks go on counting, so that no run of one benchmark makes a pair with one of another.
            let mut blocks = Schedule::new(1, seed);
            all.iter().try_for_each(|&one| {
                enough.begin();
                self.measure(&[one], warmup, &mut blocks, &mut enough)
            })
        });
        self.progress.clear();
        self.measured.end = result.err().unwrap_or(End::Done);
        self.measured.rules = enough.judged_by();
        self.measured.rss_floor_kib = self.spawner.rss_floor_kib;
        self.measured.exit = self.exits.and_then(Result::ok);
        self.measured.wall = begun.elapsed();
        self.measured.not_kept = self.spool.finish();
        self.measured
    }

    /// Set-up, warm-up, runs and clean-up of these benchmarks, in blocks.
    fn measure(&mut self, which: &[usize], warmup: u32, blocks: &mut Schedule, enough: &mut Enough) -> Step {
        let mut set_up = 0;
        let result = which
            .iter()
            .try_for_each(|&index| {
                self.hook(index, "setup")?;
                set_up += 1;
                Ok(())
            })
            .and_then(|()| self.warm_up(which, warmup))
            .and_then(|()| self.blocks(which, blocks, enough));
        // What was set up is cleaned up, whatever came in between.
        for &index in &which[..set_up] {
            let cleaned = self.hook(index, "cleanup");
            if result.is_ok() {
                cleaned?;
            }
        }
        result
    }

    fn warm_up(&mut self, which: &[usize], warmup: u32) -> Step {
        self.warming_up = true;
        for &index in which {
            let runs: Vec<Asked> = (0..warmup).map(|_| asked(index, 0)).collect();
            self.ask(&runs)?;
        }
        self.warming_up = false;
        Ok(())
    }

    fn blocks(&mut self, which: &[usize], blocks: &mut Schedule, enough: &mut Enough) -> Step {
        let mut done = 0;
        let mut at_once = 1;
        while let Some(wanted) = enough.more(done, which, &self.measured.columns) {
            let count = wanted.min(at_once).max(1);
            let of_block = |run: Asked| asked(which[run.benchmark as usize], run.block);
            let runs: Vec<Asked> = (0..count).flat_map(|_| blocks.block()).map(of_block).collect();
            self.reading = self.load.read();
            let begun = Instant::now();
            self.ask(&runs)?;
            done += count;
            let each = begun.elapsed().as_nanos() / count as u128;
            at_once = usize::try_from(BATCH.as_nanos() / each.max(1)).unwrap_or(MOST_BLOCKS).clamp(1, MOST_BLOCKS);
            self.progress.show(done, enough.goal(done), which, &self.plan.benchmarks, &self.measured.columns);
        }
        Ok(())
    }

    /// Has runs made: all at once, or one by one where something is to be done between them.
    fn ask(&mut self, runs: &[Asked]) -> Step {
        let hooked = |run: &Asked| {
            let hooks = &self.benchmark(run.benchmark).hooks;
            hooks.prepare.is_some() || hooks.conclude.is_some()
        };
        if !runs.iter().any(hooked) {
            return self.batch(runs);
        }
        for &run in runs {
            let index = run.benchmark as usize;
            self.hook(index, "prepare")?;
            self.batch(&[run])?;
            self.hook(index, "conclude")?;
        }
        Ok(())
    }

    fn batch(&mut self, runs: &[Asked]) -> Step {
        if runs.is_empty() {
            return Ok(());
        }
        let mut failure = None;
        let result = self.converse(runs, &mut |session, record| {
            if let Some(found) = session.keep(&record) {
                failure = Some(found);
            }
        });
        self.spool.flush();
        match failure {
            Some(failure) if result.is_ok() => Err(End::Failed(failure)),
            _ => result,
        }
    }

    /// Asks for runs and takes their records until the batch ends; a signal ends it early.
    fn converse(&mut self, runs: &[Asked], each: &mut dyn FnMut(&mut Self, Record)) -> Step {
        self.spawner.ask(runs).map_err(gone)?;
        let mut interrupted: Option<(i32, Instant)> = None;
        loop {
            let pipe = self.spawner.pipe().as_fd();
            let (signal, readable) = self.signals.wait(Some(pipe), Duration::from_millis(500)).map_err(gone)?;
            if readable {
                let mut records = Vec::new();
                let ended = self.spawner.take(|record| records.push(record)).map_err(gone)?;
                for record in records {
                    each(self, record);
                }
                if ended {
                    return interrupted.map_or(Ok(()), |(signal, _)| Err(End::Interrupted(signal)));
                }
            }
            match (signal, interrupted) {
                (Some(signal), None) => {
                    interrupted = Some((signal, Instant::now()));
                    self.spawner.stop(signal);
                }
                (Some(_), Some(_)) => self.spawner.stop(libc::SIGKILL),
                (None, Some((_, since))) if since.elapsed() > PATIENCE => self.spawner.stop(libc::SIGKILL),
                _ => {}
            }
            self.progress.tick();
        }
    }

    /// Appends a run to the spool and its figures to the columns.
    fn keep(&mut self, record: &Record) -> Option<Failure> {
        let plan = self.plan;
        let index = record.benchmark as usize;
        let name = &plan.benchmarks[index].info.name;
        match record.kind {
            Kind::Run => {}
            Kind::NotStarted => return Some(not_started(name, record.status)),
            Kind::Interrupted | Kind::End => return None,
        }
        let exit = record.exit();
        let figures = columns::figures(record, self.spawner.rss_floor_kib);
        let reading = self.reading.take().unwrap_or_default();
        let run = Run {
            benchmark: name.clone(),
            block: record.block,
            order: self.order,
            t_ns: Some(Nanos(record.start_ns.saturating_sub(self.start_ns))),
            warmup: self.warming_up,
            exit,
            timed_out: record.timed_out,
            metrics: figures.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
            load: reading.load,
            pressure: reading.pressure,
        };
        self.spool.push(&run);
        self.order += 1;
        self.measured.cpu_ns += run.metrics.get("cpu_ns").copied().unwrap_or(0.0);
        self.measured.left_behind[index] += u32::from(record.left_behind);
        self.measured.timed_out[index] += u32::from(record.timed_out);
        self.measured.failed[index] += u32::from(!record.timed_out && exit.code != Some(0));
        self.exits = match self.exits {
            None => Some(Ok(exit)),
            Some(Ok(same)) if same == exit => Some(Ok(exit)),
            Some(_) => Some(Err(())),
        };
        let failed = plan.ignore.is_failure(record);
        if run.counts() && !failed {
            self.measured.columns[index].push(record, self.spawner.rss_floor_kib);
        }
        failed.then(|| self.failure(index, record))
    }

    fn failure(&self, index: usize, record: &Record) -> Failure {
        let name = self.plan.benchmarks[index].info.name.clone();
        let run = if self.warming_up { 1 } else { self.measured.columns[index].values("wall_ns").len() + 1 };
        match record.exit() {
            _ if record.timed_out => Failure::TimedOut { name, run, limit: self.timeout },
            Exit { signal: Some(signal), .. } => Failure::Signal { name, run, signal },
            Exit { code, .. } => Failure::Code { name, run, code: code.unwrap_or(-1) },
        }
    }

    /// How long a shell takes that is given nothing to do: the job behind those of the benchmarks.
    fn measure_shell(&mut self) -> Step {
        let Some(shell) = &self.plan.shell else { return Ok(()) };
        let index = self.plan.benchmarks.len();
        let runs: Vec<Asked> = (0..SHELL_RUNS).map(|_| asked(index, 0)).collect();
        let mut walls = Vec::new();
        self.converse(&runs, &mut |_, record| {
            if record.kind == Kind::Run && record.exit().code == Some(0) {
                walls.push(record.wall_ns);
            }
        })?;
        if walls.len() < runs.len() {
            return Err(End::Failed(Failure::Shell { shell: shell.words.join(" ") }));
        }
        walls.sort_unstable();
        self.measured.shell_start_ns = Some(Nanos(walls[walls.len() / 2]).as_f64());
        Ok(())
    }

    fn hook(&mut self, index: usize, option: &'static str) -> Step {
        match hooks::run_for(self.plan, index, option, Some(self.signals)) {
            Err(HookError::Interrupted(signal)) => Err(End::Interrupted(signal)),
            other => other.map_err(|error| End::Failed(Failure::Hook(error.to_string()))),
        }
    }

    fn benchmark(&self, index: u32) -> &Benchmark {
        &self.plan.benchmarks[index as usize]
    }
}

fn asked(benchmark: usize, block: u32) -> Asked {
    Asked { benchmark: u32::try_from(benchmark).unwrap_or(u32::MAX), block }
}

fn gone(error: io::Error) -> End {
    End::Failed(Failure::Spawner(error))
}

fn not_started(name: &str, errno: i32) -> Failure {
    let hint = match errno {
        libc::ENOENT => ": its interpreter, its loader, or the file of --input or --output is missing",
        libc::ENOEXEC => "; a script needs #! in its first line, or --shell",
        _ => "",
    };
    Failure::NotStarted { name: name.to_owned(), error: io::Error::from_raw_os_error(errno), hint }
}
