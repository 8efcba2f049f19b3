//! From the spool of a recording to its bundle.
//!
//! Owns symbols, warnings and figures of the finished recording, and the atomic finish. The same way is gone at a
//! normal end and in `recover`, so that every run tries it. Must not talk to the program that was recorded.

mod alloc;
mod counted;
mod events;
mod finish;
mod jit;
pub mod merge;
mod profile;
mod progress;
mod series;
mod servers;
mod shape;
mod source;
mod tables;
#[cfg(test)]
mod tests;
mod warnings;

pub(crate) use finish::{write_in_place, write_in_place_with};
pub use series::EndOfSeries;
pub(crate) use series::{is_series, pack_series};

use crate::agent::Entered;
use crate::cache_server::{self, ServerLine};
use crate::spool::{self, RawStacks};
use crate::symbolize::{Images, Symbolizer};
use anyhow::{Context, bail};
use perfcollect_shared::bundle;
use perfcollect_shared::derive::summary::summarize;
use perfcollect_shared::format::shell_word;
use perfcollect_shared::model::{Bundle, CacheRecord, Exit, Manifest, Overhead, Timeline, TimelineBuilder, Warning};
use perfcollect_shared::units::{Bytes, Nanos};
use progress::Progress;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the recorder knows at the end of a recording, beyond the spool.
#[derive(Debug)]
pub struct EndOfRun {
    pub exit: Exit,
    /// From exec to the end of the direct child.
    pub wall_ns: Nanos,
    /// Of the tree, from the kernel's exit records; `None` where the kernel would not say.
    pub user_ns: Option<Nanos>,
    pub system_ns: Option<Nanos>,
    /// Largest `ru_maxrss` of one process, above the floor.
    pub peak_process_rss_bytes: Option<Bytes>,
    /// What is known of it; `finish_ns` and, where missing, `collector_rss_bytes` are filled in here.
    pub overhead: Overhead,
    /// What the processor counted over the tree, by name.
    pub counters: BTreeMap<String, u64>,
    /// Warnings that are not in the spool.
    pub warnings: Vec<Warning>,
    /// The recording is not complete (full disk).
    pub partial: bool,
    /// When the child's end was seen.
    pub ended: Instant,
    /// A bar may be shown on stderr.
    pub show_progress: bool,
}

/// A finished bundle and where it lies.
#[derive(Debug)]
pub struct Packed {
    pub bundle: Bundle,
    pub path: PathBuf,
    /// Size of the file.
    pub bytes: Bytes,
}

/// Turns a spool into a bundle at `target` and removes the spool. Without an `end` the recording was cut short: it is
/// marked partial, and how the program ended is not known.
///
/// The file is written beside its target and renamed: at any moment `target` is whole or not there.
///
/// # Errors
/// When the spool cannot be read or the bundle not be written; the spool is then kept, and the error says how to go on.
pub fn pack(spool: &Path, target: &Path, images: Images, end: Option<&EndOfRun>) -> anyhow::Result<Packed> {
    let result = pack_or_fail(spool, target, images, end);
    result.with_context(|| {
        let spool = shell_word(&spool.display().to_string());
        format!(
            "could not write the bundle {}; what was recorded is kept: perfcollect recover {spool} -o ELSEWHERE",
            target.display()
        )
    })
}

fn pack_or_fail(spool: &Path, target: &Path, images: Images, end: Option<&EndOfRun>) -> anyhow::Result<Packed> {
    let progress = Progress::start(end.is_some_and(|end| end.show_progress));
    let mut recorded = Recorded::read(spool, end.map(|end| end.wall_ns))?;
    if end.is_none()
        && let Some(packed) = already_packed(&recorded.manifest, target)
    {
        spool::remove(spool)?;
        return Ok(packed);
    }
    progress.says("looking up symbols");
    if end.is_none() {
        jit::name_what_is_left(&recorded.manifest, &mut recorded.native);
    }
    let mut built = build(recorded, images, end)?;
    progress.says("writing the bundle");
    let mut overhead = built.manifest.overhead.clone();
    let bytes = bundle::write_with(&built, |manifest| {
        if let Some(end) = end {
            overhead = Overhead { agent_cpu_ns: overhead.agent_cpu_ns, ..finish::overhead(end) };
            manifest.overhead = overhead.clone();
        }
    })?;
    built.manifest.overhead = overhead;
    finish::write_in_place(target, &bytes)?;
    jit::clear_away(&built);
    spool::remove(spool)?;
    Ok(Packed { bundle: built, path: target.to_owned(), bytes: Bytes(bytes.len() as u64) })
}

/// A spool, read back.
#[derive(Debug)]
struct Recorded {
    manifest: Manifest,
    timeline: Timeline,
    native: RawStacks,
    python: RawStacks,
    /// Samples of threads that wait; its tables are in `native`.
    wall: RawStacks,
    entered: Entered,
    /// What programs said of their caches, and what was left out of that.
    reported: (Vec<CacheRecord>, Option<Warning>),
    /// What cache servers said.
    servers: Vec<Vec<ServerLine>>,
    /// Lines that could not be read: file, first of them, how many.
    cut: Vec<(String, u64, u64)>,
}

impl Recorded {
    fn read(spool: &Path, wall_ns: Option<Nanos>) -> anyhow::Result<Self> {
        let manifest = match fs::read(spool.join(spool::MANIFEST)) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("the {} of the recording is damaged", spool::MANIFEST))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!("{} is not the folder of a recording: it has no {}", spool.display(), spool::MANIFEST)
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", spool.display())),
        };
        let told = |name: &str| format!("cannot read {}", spool.join(name).display());
        let mut timeline = TimelineBuilder::new();
        let timeline_cut = spool::read_lines(&spool.join(spool::TIMELINE), |line| timeline.push(line))
            .with_context(|| told(spool::TIMELINE))?;
        let timeline = timeline.finish();
        let mut native = RawStacks::read(&spool.join(spool::NATIVE)).with_context(|| told(spool::NATIVE))?;
        let python = RawStacks::read(&spool.join(spool::PYTHON)).with_context(|| told(spool::PYTHON))?;
        let mut wall = RawStacks::read(&spool.join(spool::WALL)).with_context(|| told(spool::WALL))?;
        native.take_tables(&mut wall);
        let (servers, servers_cut) = cache_server::read(spool).with_context(|| told("cache-*.jsonl"))?;
        let reported = events::read(spool, wall_ns).with_context(|| told(spool::EVENTS))?;
        let cuts = [
            (spool::TIMELINE, timeline_cut),
            (spool::NATIVE, native.cut_at_line),
            (spool::PYTHON, python.cut_at_line),
            (spool::WALL, wall.cut_at_line),
        ];
        let cut = cuts
            .into_iter()
            .filter_map(|(name, line)| Some((name.to_owned(), line?)))
            .chain(servers_cut)
            .map(|(name, line)| finish::lines_from(&spool.join(&name), line).map(|count| (name, line, count)))
            .collect::<std::io::Result<_>>()?;
        let entered = Entered::read(spool).with_context(|| told(spool::AGENT))?;
        Ok(Self { manifest, timeline, native, python, wall, entered, reported, servers, cut })
    }
}

/// The bundle of this very recording where it was finished, but its spool was not removed any more.
fn already_packed(manifest: &Manifest, target: &Path) -> Option<Packed> {
    let bytes = fs::read(target).ok()?;
    if manifest.id.is_empty() || bundle::read_manifest(&bytes).ok()?.id != manifest.id {
        return None;
    }
    let found = bundle::read(&bytes).ok()?;
    let whole = found.reading.is_empty();
    whole.then(|| Packed { bundle: found, path: target.to_owned(), bytes: Bytes(bytes.len() as u64) })
}

fn build(recorded: Recorded, images: Images, end: Option<&EndOfRun>) -> anyhow::Result<Bundle> {
    let Recorded { mut manifest, mut timeline, mut native, python, wall, entered, reported, servers, cut } = recorded;
    timeline.samples.sort_by_key(|sample| sample.t_ns);
    if let Some(end) = end {
        manifest.exit = end.exit;
        manifest.wall_ns = Some(end.wall_ns);
        (manifest.user_ns, manifest.system_ns) = (end.user_ns, end.system_ns);
        manifest.cpu_ns = end.user_ns.zip(end.system_ns).map(|(user, system)| user + system);
        manifest.counters.clone_from(&end.counters);
        manifest.partial = end.partial;
        manifest.warnings.extend(end.warnings.iter().cloned());
    } else {
        manifest.partial = true;
        let reason = "perfcollect itself was ended before the program; recovered from what it had written".to_owned();
        manifest.warnings.push(Warning::Partial { reason });
    }
    manifest.warnings.extend(native.warnings.iter().chain(&python.warnings).chain(&wall.warnings).cloned());
    let built = profile::build(&manifest, &timeline, &mut native, [&python, &wall], Symbolizer::new(images))?;
    jit::note(&mut manifest, &native);
    manifest.overhead.agent_cpu_ns = entered.own_cpu();
    if !manifest.settings.python_modes.is_empty() {
        manifest.warnings.extend(entered.warnings(&timeline));
    }
    if manifest.settings.caches {
        manifest.warnings.extend(entered.cache_warnings(&timeline));
    }
    warnings::add(&mut manifest, built.as_ref(), &timeline, [&native, &python], &cut);
    let (of_programs, of_events) = reported;
    let mut caches = entered.caches;
    caches.extend(of_programs);
    let (of_servers, told) = servers::build(&servers);
    caches.extend(of_servers);
    manifest.warnings.extend(of_events.into_iter().chain(told));
    let counters = counted::scaled(&native.counters);
    for (event, _) in &native.events {
        let of_event: Vec<_> = counters.iter().filter(|counter| counter.event == *event).cloned().collect();
        manifest.warnings.extend(counted::warnings(event, &of_event));
    }
    let (profile, wall, events) =
        built.map_or((None, None, Vec::new()), |built| (Some(built.profile), built.wall, built.events));
    manifest.warnings.extend(entered.keys_warnings);
    manifest.warnings.extend(alloc::cost_of_tracing(&entered.alloc));
    let (alloc, memory) = alloc::build(&entered.alloc, entered.start_mono_ns, &timeline)?.unzip();
    let mut captured = source::Captured::default();
    if manifest.settings.source {
        // A program that ran before has read its files when it started.
        let before = manifest.attached.and_then(|attached| attached.ran_before_ns).unwrap_or_default();
        let start = manifest.start.parse::<jiff::Timestamp>().ok().map(std::time::SystemTime::from);
        let start = start.and_then(|start| start.checked_sub(Duration::from_nanos(before.0)));
        let profiles: Vec<_> = profile.iter().chain(&wall).chain(&events).chain(&alloc).collect();
        captured = source::capture(&profiles, &entered.lines, Path::new(&manifest.cwd), start);
        manifest.warnings.append(&mut captured.warnings);
    }
    manifest.summary = summarize(profile.as_ref(), &timeline);
    manifest.summary.peak_process_rss_bytes = end.and_then(|end| end.peak_process_rss_bytes);
    Ok(Bundle {
        manifest,
        profiles: profile.into_iter().chain(wall).chain(events).chain(alloc).map(Arc::new).collect(),
        timeline: Arc::new(timeline),
        calls: Arc::new(entered.calls),
        memory: Arc::new(memory.unwrap_or_default()),
        lines: Arc::new(entered.lines),
        keys: entered.keys.into_iter().map(Arc::new).collect(),
        source: Arc::new(captured.chunks),
        caches: Arc::new(caches),
        counters: Arc::new(counters),
        ..Bundle::default()
    })
}
