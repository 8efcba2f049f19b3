//! What watches the program while it runs, all of it together.

use crate::agent::MODES;
use crate::cache_server::Servers;
use crate::cli::StackArgs;
use crate::hardware::Hardware;
use crate::launch::Clock;
use crate::resource::{Prober, ResourceOutcome, ResourceSettings};
use crate::sample::perf::{Event, PerfSampler, PerfSettings, not_counted};
use crate::sample::python::{self, PythonSampler, PythonSettings};
use crate::sample::wall::{self, WallSampler, WallSettings};
use crate::symbolize::Images;
use crate::tree::ProcessTree;
use anyhow::Context;
use perfcollect_shared::model::{Settings, Warning};
use perfcollect_shared::units::Nanos;
use pprof::protos::Message;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Native stacks a second where nothing else is asked for.
const NATIVE_RATE_HZ: u32 = 499;
/// Time between two readings of resources.
pub(in crate::command) const RESOURCE_INTERVAL: Duration = Duration::from_millis(100);

/// What is to be recorded.
#[expect(clippy::struct_field_names, reason = "what they have in common is their unit")]
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct Rates {
    pub(in crate::command) native_hz: Option<u32>,
    pub(in crate::command) python_hz: Option<f64>,
    pub(in crate::command) wall_hz: Option<f64>,
}

impl Rates {
    /// Looks at waiting threads, too, at the rate of Python stacks.
    pub(in crate::command) fn with_wall(self, rate: Option<u32>, wall: bool) -> Self {
        Self { wall_hz: wall.then_some(rate.map_or(wall::DEFAULT_RATE_HZ, f64::from)), ..self }
    }

    pub(in crate::command) fn new(rate: Option<u32>, no_native: bool, no_python: bool) -> Self {
        Self {
            native_hz: (!no_native).then_some(rate.unwrap_or(NATIVE_RATE_HZ)),
            python_hz: (!no_python).then_some(rate.map_or(python::DEFAULT_RATE_HZ, f64::from)),
            wall_hz: None,
        }
    }

    pub(in crate::command) fn settings(self, stacks: &StackArgs, python_modes: &[String]) -> Settings {
        Settings {
            max_depth: stacks.max_depth,
            thread_roots: stacks.threads,
            native_rate_hz: self.native_hz.map(f64::from),
            python_rate_hz: self.python_hz,
            wall_rate_hz: self.wall_hz,
            resource_interval_ns: u64::try_from(RESOURCE_INTERVAL.as_nanos()).ok().map(Nanos),
            python_modes: MODES
                .iter()
                .map(|mode| mode.name.to_owned())
                .filter(|name| python_modes.contains(name))
                .collect(),
            ..Settings::default()
        }
    }
}

/// Samplers of native code that wait for the program's first instruction.
#[derive(Debug)]
pub(in crate::command) struct Armed {
    perf: Option<PerfSampler>,
    hardware: Option<Hardware>,
    rates: Rates,
    warnings: Vec<Warning>,
    attached: Option<u64>,
}

/// Everything that runs beside the program.
#[derive(Debug)]
pub(in crate::command) struct Samplers {
    perf: Option<PerfSampler>,
    hardware: Option<Hardware>,
    python: Option<PythonSampler>,
    wall: Option<WallSampler>,
    prober: io::Result<Prober>,
    servers: Option<Servers>,
    warnings: Vec<Warning>,
}

/// What it left behind.
#[derive(Debug, Default)]
pub(in crate::command) struct Gathered {
    pub(in crate::command) images: Images,
    pub(in crate::command) warnings: Vec<Warning>,
    /// What could not be written.
    pub(in crate::command) failures: Vec<Warning>,
    /// CPU time, user and system, that no wait of the program's told of.
    pub(in crate::command) unwaited: (Nanos, Nanos),
    /// CPU time, user and system, of all processes as the resource timeline has it.
    pub(in crate::command) all: (Nanos, Nanos),
    /// What the processor counted.
    pub(in crate::command) counters: BTreeMap<String, u64>,
}

impl Armed {
    /// Opens what must be open before the program is executed.
    pub(in crate::command) fn arm(
        rates: Rates,
        events: &[&'static Event],
        spool: &Path,
        tree: &Arc<ProcessTree>,
        clock: &Clock,
    ) -> Self {
        let mut warnings = Vec::new();
        let perf = rates.native_hz.and_then(|rate_hz| {
            let settings = PerfSettings { rate_hz, events: events.to_vec(), clock: clock.clone() };
            PerfSampler::arm(tree.root(), &settings, spool, Arc::clone(tree))
                .map_err(|no| {
                    warnings.extend(events.iter().map(|event| not_counted(event, &no)));
                    warnings.push(Warning::NativeUnavailable { reason: no.reason, fix: no.fix });
                })
                .ok()
        });
        let hardware = rates.native_hz.map(|_| Hardware::arm(tree.root()));
        Self { perf, hardware, rates, warnings, attached: None }
    }

    /// Begins to sample the processes of a tree that runs already. `since` is when, in clock ticks since boot.
    pub(in crate::command) fn attach(
        rates: Rates,
        spool: &Path,
        tree: &Arc<ProcessTree>,
        clock: &Clock,
        since: u64,
    ) -> Self {
        let mut warnings = Vec::new();
        let perf = rates.native_hz.and_then(|rate_hz| {
            let settings = PerfSettings { rate_hz, events: Vec::new(), clock: clock.clone() };
            PerfSampler::attach(&settings, spool, tree)
                .map_err(|no| warnings.push(Warning::NativeUnavailable { reason: no.reason, fix: no.fix }))
                .ok()
        });
        Self { perf, hardware: None, rates, warnings, attached: Some(since) }
    }

    /// Starts everything; the program runs already.
    pub(in crate::command) fn start(mut self, spool: &Path, tree: &Arc<ProcessTree>, clock: &Clock) -> Samplers {
        let attached = self.attached;
        let settings = ResourceSettings { interval: RESOURCE_INTERVAL, clock: clock.clone(), attached };
        let prober = Prober::start(&settings, spool, Arc::clone(tree));
        if let Some(perf) = &mut self.perf {
            perf.start();
        }
        let python = self.rates.python_hz.map(|rate_hz| {
            let settings = PythonSettings { rate_hz, clock: clock.clone(), attached };
            PythonSampler::start(&settings, spool, Arc::clone(tree))
        });
        let wall = self
            .rates
            .wall_hz
            .map(|rate_hz| WallSampler::start(&WallSettings { rate_hz, clock: clock.clone() }, spool, tree));
        Samplers {
            perf: self.perf,
            hardware: self.hardware,
            python,
            wall,
            prober,
            servers: None,
            warnings: self.warnings,
        }
    }
}

impl Samplers {
    /// Takes over what reads cache servers; the program runs already.
    pub(in crate::command) fn with_servers(self, servers: Servers) -> Self {
        servers.program_starts();
        Self { servers: Some(servers), ..self }
    }

    /// Ends everything. To be called before the ended program is waited for.
    pub(in crate::command) fn finish(self) -> Gathered {
        if let Some(servers) = &self.servers {
            servers.program_ended();
        }
        if let Ok(prober) = &self.prober {
            prober.program_ended();
        }
        let counters = self.hardware.map(Hardware::read).unwrap_or_default();
        let mut gathered = Gathered { warnings: self.warnings, counters, ..Gathered::default() };
        // First, since what comes after the program's end is no time of its.
        let wall = self.wall.map(WallSampler::finish);
        if let Some(python) = self.python {
            gathered.failed("Python stacks", python.finish().write_error);
        }
        if let Some(perf) = self.perf {
            let outcome = perf.finish();
            gathered.failed("native stacks", outcome.write_error);
            gathered.images = outcome.images;
        }
        if let Some(wall) = wall {
            gathered.failed("waiting threads", wall.write_error);
            gathered.images.extend(wall.images);
        }
        // Last, since the others tell of processes that came and went.
        let resources = match self.prober {
            Ok(prober) => prober.finish(),
            Err(error) => ResourceOutcome { write_error: Some(error), ..ResourceOutcome::default() },
        };
        gathered.failed("the resource timeline", resources.write_error);
        gathered.warnings.extend(resources.warnings);
        gathered.unwaited = resources.unwaited;
        gathered.all = resources.all;
        gathered.failed("readings of cache servers", self.servers.and_then(Servers::finish));
        gathered
    }
}

impl Gathered {
    fn failed(&mut self, what: &str, error: Option<io::Error>) {
        let failure = error.map(|error| Warning::WriteFailed { what: what.to_owned(), reason: error.to_string() });
        self.failures.extend(failure);
    }
}

/// A profile of perfcollect itself.
pub(in crate::command) struct SelfProfile {
    guard: pprof::ProfilerGuard<'static>,
    path: PathBuf,
}

impl SelfProfile {
    /// Starts to sample this process.
    pub(in crate::command) fn start(path: &Path) -> anyhow::Result<Self> {
        let guard = pprof::ProfilerGuard::new(499).context("cannot profile perfcollect itself")?;
        Ok(Self { guard, path: path.to_owned() })
    }

    /// Writes the pprof file.
    pub(in crate::command) fn finish(self) -> anyhow::Result<()> {
        let told = || format!("cannot write the profile of perfcollect itself to {}", self.path.display());
        let profile = self.guard.report().build().and_then(|report| report.pprof()).with_context(told)?;
        fs::write(&self.path, profile.encode_to_vec()).with_context(told)
    }
}
