//! Raw stacks to the profile `cpu`: names for addresses, one table for all sources.

use super::merge::{self, CpuUse, FrameRole, Merged, MergedFrame, WaitingSamples, role_of};
use super::shape;
use crate::sample::python::DEFAULT_RATE_HZ;
use crate::spool::{RawFrame, RawStacks, StreamCounts};
use crate::symbolize::{Resolved, Symbolizer, module_name};
use perfcollect_shared::model::{
    FrameId, FrameSpec, FunctionId, FunctionSpec, KERNEL_MODULE, KERNEL_NOT_SAMPLED, Manifest, NATIVE_MODULE,
    NATIVE_NOT_SAMPLED, Profile, ProfileBuilder, ProfileInfo, SampleSpec, StackId, ThreadSpec, Timeline,
    UNKNOWN_FUNCTION, WAITING_MODULE, WaitReason, Warning, WeightKind,
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
    /// Samples whose leaf has no name, for each module, the worst first.
    pub(super) unnamed: Vec<(String, u64)>,
}

/// Builds the profiles; `None` where no sampler ran. The tables of `wall` must be those of `native`.
pub(super) fn build(
    manifest: &Manifest,
    timeline: &Timeline,
    [native, python, wall]: [&RawStacks; 3],
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
    let mut merged = merge::merge(native, &roles, python, period);
    if let Some(frame) = manifest.warnings.iter().find_map(left_out) {
        add_unsampled_time(&mut merged, frame, manifest, timeline);
    }
    if settings.wall_rate_hz.is_none() {
        merged.close();
    }
    let (profile, unnamed) = tables(native, &resolved, &merged, info(manifest, native, python))?;
    let wall = settings.wall_rate_hz.map(|rate_hz| {
        let waiting = WaitingSamples {
            threads: wall.threads.clone(),
            samples: wall.samples.clone(),
            ready: native.frames.iter().position(is_ready).and_then(|row| u32::try_from(row).ok()),
        };
        merge::add_waiting(&mut merged, native, &roles, python, &waiting, period);
        merged.close();
        let wall = tables(native, &resolved, &merged, wall_info(rate_hz, wall))?.0;
        Ok::<_, anyhow::Error>(shape::apply(wall, settings)?)
    });
    let profile = shape::apply(profile, settings)?;
    Ok(Some(Built { profile, wall: wall.transpose()?, unnamed }))
}

fn is_ready(frame: &RawFrame) -> bool {
    matches!(frame, RawFrame::Named { module, name, .. }
        if module == WAITING_MODULE && name == WaitReason::Ready.function())
}

/// The profile of merged samples, and how many end in code of each module that has no name.
fn tables(
    native: &RawStacks,
    resolved: &[Vec<Resolved>],
    merged: &Merged,
    info: ProfileInfo,
) -> anyhow::Result<(Profile, Vec<(String, u64)>)> {
    let mut tables = Tables::default();
    tables.add(native, resolved, merged);
    let Tables { builder, unnamed } = tables;
    let mut profile = builder.finish(info)?;
    let unnamed = count_unnamed(&profile, &unnamed);
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

/// Path and build id of a module, empty where a damaged spool names none.
fn module(raw: &RawStacks, row: u32) -> (&str, &str) {
    raw.modules.get(row as usize).map_or(("", ""), |(path, build_id)| (path, build_id))
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
            let process = names.get(&sample.pid).map_or("", |name| name).to_owned();
            CpuUse { pid: sample.pid, process, from, to: sample.t_ns, cpu: cpu.saturating_sub(known) }
        })
        .collect()
}

/// Puts named frames into the builder.
#[derive(Default)]
struct Tables {
    builder: ProfileBuilder,
    /// Functions that stand for all unnamed code of a module, with its path.
    unnamed: BTreeMap<FunctionId, String>,
}

impl Tables {
    fn add(&mut self, native: &RawStacks, resolved: &[Vec<Resolved>], merged: &Merged) {
        let stacks = self.stacks(native, resolved, merged);
        let threads: Vec<_> = merged
            .threads
            .iter()
            .map(|t| ThreadSpec { pid: t.pid, tid: t.tid, name: &t.name, process: &t.process })
            .map(|thread| self.builder.thread(thread))
            .collect();
        let mut no_stack = None;
        for sample in &merged.samples {
            let known = sample.stack.and_then(|stack| stacks.get(stack as usize).copied());
            let stack = known.unwrap_or_else(|| *no_stack.get_or_insert_with(|| self.unknown_stack()));
            let Some(&thread) = threads.get(sample.thread as usize) else { continue };
            self.builder.sample(SampleSpec { time: Some(sample.time), stack, thread, weight: sample.weight, count: 1 });
        }
    }

    /// The builder's stack for each merged one.
    fn stacks(&mut self, native: &RawStacks, resolved: &[Vec<Resolved>], merged: &Merged) -> Vec<StackId> {
        let named = native.frames.iter().zip(resolved);
        let native: Vec<Vec<FrameId>> = named.map(|(frame, names)| self.frame(native, frame, names)).collect();
        let python: Vec<Vec<FrameId>> =
            merged.python_frames.iter().map(|frame| self.frame(&RawStacks::default(), frame, &[])).collect();
        let mut stacks: Vec<StackId> = Vec::with_capacity(merged.stacks.len());
        for &(prefix, frame) in &merged.stacks {
            let prefix = prefix.and_then(|prefix| stacks.get(prefix as usize).copied());
            let places = match frame {
                MergedFrame::Native(row) => native.get(row as usize).cloned(),
                MergedFrame::Python(row) => python.get(row as usize).cloned(),
                MergedFrame::KernelNotSampled => Some(vec![self.named(KERNEL_MODULE, KERNEL_NOT_SAMPLED, "", 0, 0)]),
                MergedFrame::NativeNotSampled => Some(vec![self.named(NATIVE_MODULE, NATIVE_NOT_SAMPLED, "", 0, 0)]),
            };
            let places = places.unwrap_or_default();
            let stack = places.iter().fold(prefix, |prefix, &frame| Some(self.builder.stack(prefix, frame)));
            stacks.push(stack.unwrap_or_else(|| self.unknown_stack()));
        }
        stacks
    }

    /// The places that a raw frame stands for, outermost first; several where calls were inlined.
    fn frame(&mut self, raw: &RawStacks, frame: &RawFrame, resolved: &[Resolved]) -> Vec<FrameId> {
        match frame {
            RawFrame::Native(row, address) => {
                let (path, build_id) = module(raw, *row);
                self.native(path, build_id, *address, resolved)
            }
            RawFrame::Named { module, name, file, start_line, line } => {
                vec![self.named(module, name, file, *start_line, *line)]
            }
        }
    }

    fn named(&mut self, module: &str, name: &str, file: &str, start_line: u32, line: u32) -> FrameId {
        let module = self.builder.module(module, "");
        let function = self.builder.function(FunctionSpec { name, system_name: "", file, start_line, module });
        self.builder.frame(FrameSpec { function, line, inlined: false, address: 0 })
    }

    fn native(&mut self, path: &str, build_id: &str, address: u64, resolved: &[Resolved]) -> Vec<FrameId> {
        let path = module_name(path);
        let module = self.builder.module(path, build_id);
        if resolved.is_empty() {
            let name = unnamed(path);
            let function = self.builder.function(FunctionSpec { name: &name, module, ..Default::default() });
            self.unnamed.insert(function, path.to_owned());
            return vec![self.builder.frame(FrameSpec { function, line: 0, inlined: false, address })];
        }
        let place = |found: &Resolved| {
            let Resolved { name, system_name, file, line, start_line, inlined } = found;
            let spec = FunctionSpec { name, system_name, file, start_line: *start_line, module };
            let function = self.builder.function(spec);
            self.builder.frame(FrameSpec { function, line: *line, inlined: *inlined, address })
        };
        resolved.iter().map(place).collect()
    }

    /// The stack of samples that have none.
    fn unknown_stack(&mut self) -> StackId {
        let frame = self.named("", UNKNOWN_FUNCTION, "", 0, 0);
        self.builder.stack(None, frame)
    }
}

/// All unnamed code of a module is one function, called `[libfoo.so.1]`.
fn unnamed(path: &str) -> String {
    let base = path.trim_end_matches(" (deleted)").rsplit('/').next().unwrap_or(path);
    match base {
        "" => UNKNOWN_FUNCTION.to_owned(),
        base if base.starts_with('[') => base.to_owned(),
        base => format!("[{base}]"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unnamed_code_is_called_after_its_module() {
        assert_eq!(unnamed("/usr/lib/libfoo.so.1"), "[libfoo.so.1]");
        assert_eq!(unnamed("/tmp/app (deleted)"), "[app]");
        assert_eq!(unnamed("[vdso]"), "[vdso]");
        assert_eq!(unnamed(""), "[unknown]");
    }
}
