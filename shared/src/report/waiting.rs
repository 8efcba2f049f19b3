//! Where threads waited, from the profile of wall time.

use super::json::place_of;
use crate::format::{file_name, place};
use crate::model::{Bundle, FunctionId, FunctionKind, Profile, StackId, WaitReason, WeightKind};
use crate::units::Nanos;
use serde::Serialize;
use std::collections::BTreeMap;

/// Waiting time of all threads. Wall time, never part of CPU time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportWaiting {
    /// Wall time of all threads, running and waiting.
    pub wall_ns: Nanos,
    pub waiting_ns: Nanos,
    /// Of `wall_ns`, 0 to 1.
    pub waiting_share: f64,
    /// Most time first.
    pub functions: Vec<ReportWait>,
}

/// One function that waited for one reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportWait {
    /// The nearest own function that waited, else the nearest of any; empty where no stack is known.
    pub name: String,
    pub file: String,
    pub line: u32,
    pub module: String,
    /// Why, as the functions of module `[waiting]` are called.
    pub reason: String,
    pub ns: Nanos,
    /// Of the wall time of all threads, 0 to 1.
    pub share: f64,
}

impl ReportWait {
    /// As [`super::ReportFunction::place`].
    #[must_use]
    pub fn place(&self) -> String {
        place_of(&self.name, &self.file, self.line, &self.module)
    }

    /// The function, or that it is not known.
    #[must_use]
    pub fn function(&self) -> &str {
        if self.name.is_empty() { "[unknown]" } else { &self.name }
    }
}

/// The waiting time of a bundle that has wall times.
pub(super) fn waiting(bundle: &Bundle) -> Option<ReportWaiting> {
    let profile = bundle.profiles.iter().find(|profile| profile.info.weight == WeightKind::Wall)?;
    let wall_ns = profile.samples.total_weight();
    let mut waits: BTreeMap<(Option<FunctionId>, WaitReason), Nanos> = BTreeMap::new();
    // By stack first: there are fewer of them than samples.
    let mut stacks: BTreeMap<StackId, Nanos> = BTreeMap::new();
    for (stack, weight) in profile.samples.stack.iter().zip(&profile.samples.weight) {
        *stacks.entry(*stack).or_default() += *weight;
    }
    for (stack, weight) in stacks {
        if let Some(reason) = reason(profile, stack) {
            *waits.entry((waiter(profile, stack), reason)).or_default() += weight;
        }
    }
    let mut functions: Vec<ReportWait> = waits
        .into_iter()
        .map(|((function, reason), ns)| ReportWait {
            name: function.map_or("", |id| profile.function_name(id)).to_owned(),
            file: function.map_or("", |id| profile.function_file(id)).to_owned(),
            line: function.map_or(0, |id| profile.function(id).start_line),
            module: function.map_or("", |id| profile.function_module(id)).to_owned(),
            reason: reason.function().to_owned(),
            ns,
            share: ns.share_of(wall_ns),
        })
        .collect();
    functions.sort_by(|a, b| b.ns.cmp(&a.ns).then_with(|| place(&a.file, a.line).cmp(&place(&b.file, b.line))));
    let waiting_ns: Nanos = functions.iter().map(|wait| wait.ns).sum();
    Some(ReportWaiting { wall_ns, waiting_ns, waiting_share: waiting_ns.share_of(wall_ns), functions })
}

fn reason(profile: &Profile, stack: StackId) -> Option<WaitReason> {
    let leaf = profile.frame_function(profile.stacks.frame(stack));
    let waits = profile.function(leaf).kind == FunctionKind::Waiting;
    waits.then(|| WaitReason::of_function(profile.function_name(leaf)))
}

fn waiter(profile: &Profile, stack: StackId) -> Option<FunctionId> {
    let callers = || profile.stacks.frames(stack).skip(1).map(|frame| profile.frame_function(frame));
    // The C library's own functions are only how one waits.
    let beyond_libc = |id: &FunctionId| !file_name(profile.function_module(*id)).starts_with("libc.");
    let own = callers().find(|&id| profile.function(id).kind == FunctionKind::Own);
    own.or_else(|| callers().find(beyond_libc)).or_else(|| callers().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameSpec, FunctionSpec, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec, WAITING_MODULE};
    use std::sync::Arc;

    /// A profile of wall time; a name in brackets is a reason, one that begins with `lib` is of a library.
    fn wall(stacks: &[(&str, u64)]) -> Bundle {
        let mut builder = ProfileBuilder::new();
        for (names, ms) in stacks {
            let stack = names.split(';').fold(None, |prefix, name| {
                let path = match name.as_bytes()[0] {
                    b'[' => WAITING_MODULE,
                    b'l' => "/usr/lib/libc.so.6",
                    _ => "/home/u/app",
                };
                let module = builder.module(path, "");
                let function = builder.function(FunctionSpec { name, module, ..Default::default() });
                let frame = builder.frame(FrameSpec { function, line: 0, inlined: false, address: 0 });
                Some(builder.stack(prefix, frame))
            });
            let thread = builder.thread(ThreadSpec { pid: 1, tid: 1, name: "t", process: "p" });
            let weight = Nanos(ms * Nanos::MILLISECOND.0);
            let stack = stack.expect("a name");
            builder.sample(SampleSpec { time: Some(Nanos::ZERO), stack, thread, weight, count: 1 });
        }
        let info = ProfileInfo { name: "wall".into(), weight: WeightKind::Wall, ..Default::default() };
        Bundle { profiles: vec![Arc::new(builder.finish(info).expect("a profile"))], ..Default::default() }
    }

    #[test]
    fn own_functions_are_said_to_wait() {
        let bundle = wall(&[
            ("main;f;lib_sleep;[sleeping]", 30),
            ("main;f;lib_other;[sleeping]", 20),
            ("lib_pool;lib_wait;[waiting: lock]", 10),
            ("[waiting]", 5),
            ("main;g", 35),
        ]);
        let waiting = waiting(&bundle).unwrap();
        let rows: Vec<_> = waiting.functions.iter().map(|w| (w.function(), w.reason.as_str(), w.share)).collect();
        let expect = [("f", "[sleeping]", 0.5), ("lib_wait", "[waiting: lock]", 0.1), ("[unknown]", "[waiting]", 0.05)];
        assert_eq!(rows, expect);
        assert!((waiting.waiting_share - 0.65).abs() < 1e-9);
        assert_eq!(super::waiting(&Bundle::default()), None);
    }
}
