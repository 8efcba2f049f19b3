//! Several profiles of one weight as one.

use super::MergeError;
use crate::model::{
    FrameId, FrameSpec, FunctionId, FunctionSpec, ModuleId, Profile, ProfileBuilder, ProfileInfo, SampleSpec, StackId,
    ThreadId, ThreadSpec,
};
use crate::units::Nanos;

/// Profiles of one name, put together one after the other. What is equal in several of them is there once.
#[derive(Debug, Default)]
pub(super) struct ProfileMerger {
    builder: ProfileBuilder,
    info: Option<ProfileInfo>,
    samples: Vec<(SampleSpec, u32)>,
    /// Weight behind the rates of `info`, of native stacks and of Python's.
    rated: [f64; 2],
    /// Some samples have no time, so that none can.
    untimed: bool,
}

impl ProfileMerger {
    /// Takes a profile; its samples are `offset` later than it says, and belong to `part`.
    pub(super) fn push(&mut self, profile: &Profile, offset: Nanos, part: u32) -> Result<(), MergeError> {
        let tables = Tables::copy(profile, &mut self.builder);
        self.info(&profile.info, profile.samples.total_weight())?;
        let samples = &profile.samples;
        self.untimed |= samples.time.is_none() && !samples.is_empty();
        for row in 0..samples.len() {
            let time = samples.time.as_ref().map(|time| time[row] + offset);
            let (stack, thread) =
                (tables.stacks[samples.stack[row].index()], tables.threads[samples.thread[row].index()]);
            let (weight, count) = (samples.weight[row], samples.count[row]);
            self.samples.push((SampleSpec { time, stack, thread, weight, count }, part));
        }
        Ok(())
    }

    fn info(&mut self, new: &ProfileInfo, weight: Nanos) -> Result<(), MergeError> {
        let weights = [(new.reached_hz, 0), (new.python_reached_hz, 1)];
        let Some(info) = &mut self.info else {
            self.info = Some(new.clone());
            for (rate, place) in weights {
                self.rated[place] = rate.map_or(0.0, |_| weight.as_f64());
            }
            return Ok(());
        };
        if info.weight != new.weight {
            return Err(MergeError::Weights { profile: new.name.clone() });
        }
        info.lost = both(info.lost, new.lost);
        info.throttled = both(info.throttled, new.throttled);
        info.unwind_failures += new.unwind_failures;
        info.truncated_stacks += new.truncated_stacks;
        info.unsymbolicated += new.unsymbolicated;
        info.rate_hz = info.rate_hz.or(new.rate_hz);
        info.python_rate_hz = info.python_rate_hz.or(new.python_rate_hz);
        for ((rate, place), mean) in weights.into_iter().zip([&mut info.reached_hz, &mut info.python_reached_hz]) {
            let Some(rate) = rate else { continue };
            let (before, now) = (self.rated[place], weight.as_f64());
            let sum = before + now;
            *mean = Some(match *mean {
                Some(known) if sum > 0.0 => (known * before + rate * now) / sum,
                Some(known) => known,
                None => rate,
            });
            self.rated[place] = sum;
        }
        Ok(())
    }

    /// The profile, and the part of each of its samples.
    pub(super) fn finish(mut self) -> Result<(Profile, Vec<u32>), MergeError> {
        let info = self.info.unwrap_or_default();
        if self.untimed && info.weight.adds_up() {
            self.samples.iter_mut().for_each(|(sample, _)| sample.time = None);
        }
        // Stable, as the builder sorts: samples and parts stay side by side.
        self.samples.sort_by_key(|(sample, _)| sample.time);
        let mut parts = Vec::with_capacity(self.samples.len());
        for (sample, part) in self.samples {
            self.builder.sample(sample);
            parts.push(part);
        }
        Ok((self.builder.finish(info)?, parts))
    }
}

/// Sum where both were counted.
fn both(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.zip(b).map(|(a, b)| a.saturating_add(b))
}

/// Rows of a profile as handles of the merged one.
struct Tables {
    stacks: Vec<StackId>,
    threads: Vec<ThreadId>,
}

impl Tables {
    fn copy(profile: &Profile, builder: &mut ProfileBuilder) -> Self {
        let modules: Vec<ModuleId> = (profile.modules.rows.iter())
            .map(|module| builder.module(profile.string(module.path), profile.string(module.build_id)))
            .collect();
        let functions: Vec<FunctionId> = (profile.functions.rows.iter())
            .map(|function| {
                builder.function(FunctionSpec {
                    name: profile.string(function.name),
                    system_name: profile.string(function.system_name),
                    file: profile.string(function.file),
                    start_line: function.start_line,
                    module: modules[function.module.index()],
                })
            })
            .collect();
        let frames: Vec<FrameId> = (profile.frames.rows.iter())
            .map(|frame| {
                let (line, inlined, address) = (frame.line, frame.inlined, frame.address);
                builder.frame(FrameSpec { function: functions[frame.function.index()], line, inlined, address })
            })
            .collect();
        let mut stacks: Vec<StackId> = Vec::with_capacity(profile.stacks.len());
        for row in 0..profile.stacks.len() {
            let stack = StackId::from_index(row);
            // A prefix is a smaller row.
            let prefix = profile.stacks.prefix(stack).map(|prefix| stacks[prefix.index()]);
            stacks.push(builder.stack(prefix, frames[profile.stacks.frame(stack).index()]));
        }
        let threads = (profile.threads.rows.iter())
            .map(|thread| {
                let (name, process) = (profile.string(thread.name), profile.string(thread.process));
                builder.thread(ThreadSpec { pid: thread.pid, tid: thread.tid, name, process })
            })
            .collect();
        Self { stacks, threads }
    }
}
