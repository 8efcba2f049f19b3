//! From the command line to a running program that is watched.

use super::samplers::{Armed, RESOURCE_INTERVAL, Rates, Samplers, SelfProfile};
use crate::agent::{self, Injection, PYTHONPATH};
use crate::cache_server::{Address, Servers};
use crate::cli::{self, Jit, RunArgs};
use crate::jit;
use crate::launch::{Clock, Forwarder, Held, Inherited, Running, Variable, Waiting};
use crate::spool::{self, SpoolFolder};
use crate::store::Library;
use crate::terminal::Terminal;
use crate::tree::ProcessTree;
use crate::{environment, events, git};
use anyhow::{Context, bail};
use nix::unistd::{dup2_stdin, dup2_stdout};
use perfcollect_shared::model::{FORMAT_VERSION, Manifest, Settings, Tool};
use perfcollect_shared::units::Nanos;
use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ulid::Ulid;

/// A program that runs, and everything around it.
pub(super) struct Recording {
    pub(super) running: Running,
    pub(super) clock: Clock,
    pub(super) cpu_before: Option<Nanos>,
    pub(super) samplers: Samplers,
    pub(super) spool: SpoolFolder,
    /// Where the bundle goes.
    pub(super) target: PathBuf,
    pub(super) forwarder: Forwarder,
    pub(super) held: Held,
    pub(super) self_profile: Option<SelfProfile>,
    pub(super) injection: Option<Injection>,
}

/// What is made for a program before it runs.
struct Prepared {
    clock: Clock,
    tree: Arc<ProcessTree>,
    armed: Armed,
    forwarder: Forwarder,
    self_profile: Option<SelfProfile>,
    /// What is recorded inside Python programs.
    injection: Option<Injection>,
    servers: Servers,
}

/// Starts the program. Where this fails, it has not run, and nothing of ours is left behind.
pub(super) fn start(args: &RunArgs, servers: &[Address], terminal: Terminal) -> anyhow::Result<Recording> {
    let held = Held::hold().context("cannot hold signals")?;
    let inherited = Inherited::take();
    let jit = if args.recording.no_native { Jit::Off } else { args.jit };
    let asked = jit::Asked::start(jit, &args.command);
    let waiting = Waiting::fork(&args.command, inherited, &held).context("cannot start a process")?;
    leave_streams().context("cannot open /dev/null")?;
    let (mut manifest, id) = describe(args)?;
    let (mut variables, injected) = asked.finish();
    manifest.settings.injected = injected;
    if !agent_options(args).is_empty() {
        manifest.settings.injected.push(PYTHONPATH.to_owned());
    }
    manifest.settings.caches = !args.no_caches;
    let (spool, target) = open_spool(args.recording.output.as_deref(), &manifest.command, &id)?;
    let watch = |clock: &Clock| Servers::start(servers, RESOURCE_INTERVAL, spool.path(), clock);
    let started = prepare(args, &manifest, &spool, &target, waiting.pid(), terminal, watch).and_then(|prepared| {
        let cpu_before = super::cpu_time();
        prepared.clock.restart();
        variables.extend(prepared.variables(spool.path())?);
        Ok((waiting.release(&variables)?, prepared, cpu_before))
    });
    match started {
        Ok((running, Prepared { clock, tree, armed, forwarder, self_profile, injection, servers }, cpu_before)) => {
            let samplers = armed.start(spool.path(), &tree, &clock).with_servers(servers);
            Ok(Recording {
                running,
                clock,
                cpu_before,
                samplers,
                spool,
                target,
                forwarder,
                held,
                self_profile,
                injection,
            })
        }
        Err(error) => {
            spool.discard();
            Err(error)
        }
    }
}

fn prepare(
    args: &RunArgs,
    manifest: &Manifest,
    spool: &SpoolFolder,
    target: &Path,
    child: u32,
    terminal: Terminal,
    watch: impl FnOnce(&Clock) -> Servers,
) -> anyhow::Result<Prepared> {
    spool.write_manifest(manifest).with_context(|| format!("cannot write {}", spool.path().display()))?;
    let self_profile = args.self_profile.as_deref().map(SelfProfile::start).transpose()?;
    let clock = Clock::new();
    let tree = ProcessTree::new(child, clock.clone());
    let rates = rates(args);
    let servers = watch(&clock);
    let options = agent_options(args);
    let injection = inject(spool, &options, terminal)?;
    let armed = Armed::arm(rates, &args.events, spool.path(), &tree, &clock);
    let interrupted = format!(
        "interrupted while {} was being written; `perfcollect recover {}` finishes it",
        target.display(),
        spool.path().display()
    );
    let forwarder = Forwarder::start(Arc::clone(&tree), terminal, interrupted).context("cannot start a thread")?;
    Ok(Prepared { clock, tree, armed, forwarder, self_profile, injection, servers })
}

/// Puts the recorder where Python programs find it. What nobody asked for stops no program.
fn inject(spool: &SpoolFolder, options: &agent::Options, terminal: Terminal) -> anyhow::Result<Option<Injection>> {
    if options.is_empty() {
        return Ok(None);
    }
    match Injection::install(spool.path(), options).context("cannot write the recorder for Python") {
        Err(error) if options.is_default() => {
            terminal.error(&format!("caches of Python programs are not recorded: {error:#}"));
            Ok(None)
        }
        installed => installed.map(Some),
    }
}

impl Prepared {
    /// What the program's environment gets from us.
    fn variables(&self, spool: &Path) -> anyhow::Result<Vec<Variable>> {
        let told = || format!("cannot write {}", spool.display());
        let mut variables = vec![events::prepare(spool).with_context(told)?];
        events::note_start(spool, &self.clock).with_context(told)?;
        if let Some(injection) = &self.injection {
            injection.note_start(&self.clock).context("cannot write the recorder for Python")?;
            variables.push(injection.variable());
        }
        Ok(variables)
    }
}

/// What is recorded inside Python programs.
fn agent_options(args: &RunArgs) -> agent::Options {
    agent::Options {
        modes: args.python.clone(),
        caches: !args.no_caches,
        alloc_depth: args.alloc_depth,
        key_globs: args.cache_trace.clone(),
        candidate_globs: args.cache_candidates.clone(),
        key_limit: args.cache_trace_limit,
        ..agent::Options::default()
    }
}

fn rates(args: &RunArgs) -> Rates {
    Rates::new(args.recording.rate, args.recording.no_native, args.recording.no_python)
        .with_wall(args.recording.rate, args.clock == cli::Clock::Wall)
}

/// What every recording begins with: who records, when, on which machine.
pub(crate) fn begun(label: Option<&String>, tags: &[String]) -> (Manifest, Ulid) {
    let id = Ulid::generate();
    let manifest = Manifest {
        format: FORMAT_VERSION,
        id: id.to_string(),
        label: label.cloned(),
        tags: tags.to_vec(),
        tool: Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        start: jiff::Timestamp::now().to_string(),
        environment: environment::read(),
        ..Manifest::default()
    };
    (manifest, id)
}

/// What is known before the program starts. Read before anything of ours is written.
fn describe(args: &RunArgs) -> anyhow::Result<(Manifest, Ulid)> {
    let cwd = env::current_dir().context("the current folder is gone")?;
    let git = git::start(&cwd);
    let (common, id) = begun(args.recording.label.as_ref(), &args.recording.tags);
    let rates = rates(args);
    let mut settings =
        Settings { source: args.recording.source, ..rates.settings(&args.recording.stacks, &args.python) };
    let by_option = [("cache-trace", &args.cache_trace), ("cache-candidates", &args.cache_candidates)];
    settings
        .python_modes
        .extend(by_option.iter().filter(|(_, globs)| !globs.is_empty()).map(|(name, _)| (*name).to_owned()));
    for event in &args.events {
        if !settings.events.iter().any(|name| name == event.name) {
            settings.events.push(event.name.to_owned());
        }
    }
    let manifest = Manifest {
        command: args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        cwd: cwd.to_string_lossy().into_owned(),
        git: git.finish(),
        settings,
        ..common
    };
    Ok((manifest, id))
}

/// Makes the spool; this shows whether the bundle's folder can be written.
pub(crate) fn open_spool(
    output: Option<&Path>,
    command: &[String],
    id: &Ulid,
) -> anyhow::Result<(SpoolFolder, PathBuf)> {
    let target = match output {
        Some(path) if path.is_dir() => bail!("{} is a folder; -o takes the name of a file", path.display()),
        Some(path) if path.file_name().is_none() => bail!("-o takes the name of a file"),
        Some(path) => path.to_owned(),
        None => Library::local().next_name(command, id)?,
    };
    let spool = SpoolFolder::create(&spool::folder_of(&target))?;
    Ok((spool, target))
}

/// The program alone holds what we were given as stdin and stdout: its readers and writers see its end, not ours.
fn leave_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    Ok(())
}
