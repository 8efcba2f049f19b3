//! Raw stacks to the profile `cpu`: names for addresses, one table for all sources.

use super::counted;
use super::merge::{self, CpuUse, FrameRole, Merged, MergedFrame, WaitingSamples, role_of};
use super::shape;
use super::tables::{Tables, module};
use crate::sample::python::DEFAULT_RATE_HZ;
use crate::spool::{RawFrame, RawSample, RawStacks, StreamCounts};
use crate::symbolize::{Resolved, Symbolizer, module_name};
use perfcollect_shared::model::{
    FunctionId, Manifest, Profile, ProfileInfo, Timeline, WAITING_MODULE, WaitReason, Warning, WeightKind,
};
use perfcollect_shared::units::Nanos;
use std::collections::{BTreeMap, HashMap};

/// Names of the profiles, and so of their members.
const NAME: &str = "cpu";
const WALL: &str = "wall";
/// With less CPU time than this many periods a reached rate is chance.
const ENOUGH_PERIODS: f64 = 20.0;
/// Fewer due looks than this say nothing of a rate.
const ENOUGH_LOOKS: u64 = 10;

/// The profiles, and what is only needed for its warnings.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) profile: Profile,
    /// Wall time of all threads, where it was asked for.
    pub(super) wall: Option<Profile>,
    /// One for each event beside the clock.
    pub(super) events: Vec<Profile>,
    /// Samples whose leaf has no name, for each module, the worst first.
    pub(super) unnamed: Vec<(String, u64)>,
}

/// Builds the profiles; `None` where no sampler ran. The tables of `wall` must be those of `native`, whose stacks, which
/// may be most of our memory, are given back on the way.
pub(super) fn build(
    manifest: &Manifest,
    timeline: &Timeline,
    native: &mut RawStacks,
    [python, wall]: [&RawStacks; 2],
    symbolizer: Symbolizer,
) -> anyhow::Result<Option<Built>> {
    let settings = &manifest.settings;
    let nothing = native.samples.is_empty() && python.samples.is_empty() && wall.samples.is_empty();
    if nothing && settings.native_rate_hz.is_none() && settings.python_rate_hz.is_none() {
        return Ok(None);
    }
    let resolved = resolve(native, symbolizer);
    let roles = roles(native, &resolved);
    let period = whole_nanos(1e9 / settings.python_rate_hz.unwrap_or(DEFAULT_RATE_HZ).max(1.0));
    let events = events(manifest, native, &resolved, &roles, python, period)?;
    let mut merged = merge::merge(native, &roles, python, period);
    if let Some(frame) = manifest.warnings.iter().find_map(left_out) {
        add_unsampled_time(&mut merged, frame, manifest, timeline);
    }
    let about = info(manifest, native, python);
    let Some(rate_hz) = settings.wall_rate_hz else {
        let (profile, unnamed) = tables(native, &resolved, merged, about, true)?;
        return Ok(Some(Built { profile: shape::apply(profile, settings)?, wall: None, events, unnamed }));
    };
    let waiting = WaitingSamples {
        threads: wall.threads.clone(),
        samples: wall.samples.clone(),
        ready: native.frames.iter().position(is_ready).and_then(|row| u32::try_from(row).ok()),
    };
    let (profile, unnamed) = tables(native, &resolved, merged.clone(), about, false)?;
    merge::add_waiting(&mut merged, native, &roles, python, &waiting, period);
    let (wall, _) = tables(native, &resolved, merged, wall_info(rate_hz, wall), true)?;
    let wall = Some(shape::apply(wall, settings)?);
    Ok(Some(Built { profile: shape::apply(profile, settings)?, wall, events, unnamed }))
}

/// The profiles of the events beside the clock.
fn events(
    manifest: &Manifest,
    native: &mut RawStacks,
    resolved: &[Vec<Resolved>],
    roles: &[FrameRole],
    python: &RawStacks,
    period: Nanos,
) -> anyhow::Result<Vec<Profile>> {
    let counters = counted::scaled(&native.counters);
    let last = |samples: &[RawSample]| samples.last().map_or(Nanos::ZERO, |sample| sample.time);
    let mut profiles = Vec::new();
    for at in 0..native.events.len() {
        let (name, samples) = native.events[at].clone();
        let of_event: Vec<_> = counters.iter().filter(|counter| counter.event == name).cloned().collect();
        let mut merged = merge::merge_event(&samples, native, roles, python, period);
        counted::settle(&mut merged, &of_event, manifest.wall_ns.unwrap_or_default().max(last(&samples)));
        let info = ProfileInfo { name, weight: WeightKind::Events, ..ProfileInfo::default() };
        let (profile, _) = tables(native, resolved, merged, info, false)?;
        profiles.push(shape::apply(profile, &manifest.settings)?);
    }
    Ok(profiles)
}

fn is_ready(frame: &RawFrame) -> bool {
    matches!(frame, RawFrame::Named { module, name, .. }
        if module == WAITING_MODULE && name == WaitReason::Ready.function())
}

/// The profile of merged samples, and how many end in code of each module that has no name.
fn tables(
    native: &mut RawStacks,
    resolved: &[Vec<Resolved>],
    merged: Merged,
    info: ProfileInfo,
    last: bool,
) -> anyhow::Result<(Profile, Vec<(String, u64)>)> {
    let mut tables = Tables::default();
    let paths = tables.paths(native, resolved, &merged);
    if last {
        native.stacks = Vec::new();
    }
    tables.add(paths, &merged);
    drop(merged);
    let mut profile = tables.builder.finish(info)?;
    let unnamed = count_unnamed(&profile, &tables.unnamed);
    profile.info.unsymbolicated = unnamed.iter().map(|(_, samples)| samples).sum();
    Ok((profile, unnamed))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a period of at most a second")]
fn whole_nanos(nanos: f64) -> Nanos {
    Nanos(nanos as u64)
}

fn info(manifest: &Manifest, native: &RawStacks, python: &RawStacks) -> ProfileInfo {
    let refused = manifest.warnings.iter().any(|warning| matches!(warning, Warning::NativeUnavailable { .. }));
    ProfileInfo {
        name: NAME.to_owned(),
        weight: WeightKind::Cpu,
        lost: Some(native.counts.lost + python.counts.lost),
        // Asked for in vain is not asked for.
        rate_hz: if refused { None } else { manifest.settings.native_rate_hz },
        python_rate_hz: manifest.settings.python_rate_hz,
        unwind_failures: native.counts.unwind_failures,
        truncated_stacks: native.counts.truncated_stacks + python.counts.truncated_stacks,
        reached_hz: native_reached(manifest, native),
        python_reached_hz: manifest.settings.python_rate_hz.and_then(|rate_hz| reached(rate_hz, &python.counts)),
        throttled: manifest.settings.native_rate_hz.map(|_| native.counts.throttled),
        ..Default::default()
    }
}

fn wall_info(rate_hz: f64, wall: &RawStacks) -> ProfileInfo {
    ProfileInfo {
        name: WALL.to_owned(),
        weight: WeightKind::Wall,
        lost: Some(wall.counts.lost),
        rate_hz: Some(rate_hz),
        reached_hz: reached(rate_hz, &wall.counts),
        unwind_failures: wall.counts.errors,
        truncated_stacks: wall.counts.truncated_stacks,
        ..Default::default()
    }
}

/// The rate at which native stacks were taken, per second of the CPU time that could be sampled.
fn native_reached(manifest: &Manifest, native: &RawStacks) -> Option<f64> {
    let asked = manifest.settings.native_rate_hz?;
    let refused = |warning: &Warning| matches!(warning, Warning::NativeUnavailable { .. });
    let user_only = manifest.warnings.iter().any(|warning| matches!(warning, Warning::KernelNotSampled { .. }));
    let cpu = if user_only { manifest.user_ns } else { manifest.cpu_ns }?;
    let stood_for: Nanos = native.samples.iter().map(|sample| sample.weight).sum();
    let enough = cpu.as_secs_f64() * asked >= ENOUGH_PERIODS;
    (enough && !manifest.warnings.iter().any(refused)).then(|| asked * stood_for.share_of(cpu))
}

/// The rate of a sampler that looks from outside.
fn reached(rate_hz: f64, counts: &StreamCounts) -> Option<f64> {
    (counts.due >= ENOUGH_LOOKS).then(|| rate_hz * Nanos(counts.met).share_of(Nanos(counts.due)))
}

/// The functions at each native address, each looked up once, module by module.
fn resolve(native: &RawStacks, mut symbolizer: Symbolizer) -> Vec<Vec<Resolved>> {
    symbolizer.prepare(native);
    let address = |index: &usize| match &native.frames[*index] {
        RawFrame::Native(module, address) => Some((*module, *address)),
        RawFrame::Named { .. } => None,
    };
    let mut order: Vec<usize> = (0..native.frames.len()).collect();
    order.sort_by_key(address);
    let mut resolved = vec![Vec::new(); native.frames.len()];
    for index in order {
        if let Some((row, address)) = address(&index) {
            let (path, build_id) = module(native, row);
            resolved[index] = symbolizer.resolve(path, build_id, address);
        }
    }
    resolved
}

fn roles(native: &RawStacks, resolved: &[Vec<Resolved>]) -> Vec<FrameRole> {
    let frames = native.frames.iter().zip(resolved);
    frames
        .map(|(frame, resolved)| match frame {
            RawFrame::Native(row, _) => {
                role_of(module_name(module(native, *row).0), resolved.iter().map(|f| f.name.as_str()))
            }
            RawFrame::Named { module, name, .. } => role_of(module, std::iter::once(name.as_str())),
        })
        .collect()
}

/// The frame that stands for what a warning says was not sampled, so that shares are of all CPU time.
fn left_out(warning: &Warning) -> Option<MergedFrame> {
    match warning {
        Warning::KernelNotSampled { .. } => Some(MergedFrame::KernelNotSampled),
        Warning::NativeUnavailable { .. } => Some(MergedFrame::NativeNotSampled),
        _ => None,
    }
}

/// CPU time from the kernel's own count, less what was sampled.
fn add_unsampled_time(merged: &mut Merged, frame: MergedFrame, manifest: &Manifest, timeline: &Timeline) {
    let uses = cpu_uses(timeline);
    let tree = manifest.cpu_ns.unwrap_or_else(|| uses.iter().map(|step| step.cpu).sum());
    let root = timeline.processes.first().map_or((0, ""), |process| (process.pid, process.name.as_str()));
    let last = timeline.samples.last().map_or(Nanos::ZERO, |sample| sample.t_ns);
    merge::add_unsampled_time(merged, frame, tree, &uses, root, manifest.wall_ns.unwrap_or(last));
}

/// CPU time of each process from one resource sample to the next.
fn cpu_uses(timeline: &Timeline) -> Vec<CpuUse> {
    let names: HashMap<u32, &str> = timeline.processes.iter().map(|p| (p.pid, p.name.as_str())).collect();
    let mut before: HashMap<u32, (Nanos, Nanos)> =
        timeline.processes.iter().map(|process| (process.pid, (process.start_ns, Nanos::ZERO))).collect();
    let samples = timeline.samples.iter();
    samples
        .map(|sample| {
            let cpu = sample.user_ns + sample.system_ns;
            let (from, known) = before.insert(sample.pid, (sample.t_ns, cpu)).unwrap_or_default();
            // Less than before is of another process with the same number.
            let known = if known > cpu { Nanos::ZERO } else { known };
            let process = names.get(&sample.pid).map_or("", |name| name).to_owned();
            CpuUse { pid: sample.pid, process, from, to: sample.t_ns, cpu: cpu.saturating_sub(known) }
        })
        .collect()
}

/// Samples whose leaf is unnamed, for each module, the worst first.
fn count_unnamed(profile: &Profile, unnamed: &BTreeMap<FunctionId, String>) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (&stack, &count) in profile.samples.stack.iter().zip(&profile.samples.count) {
        if let Some(path) = unnamed.get(&profile.frame_function(profile.stacks.frame(stack))) {
            *counts.entry(path).or_default() += u64::from(count);
        }
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().map(|(path, count)| (path.to_owned(), count)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}
