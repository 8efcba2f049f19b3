//! Stacks as they were asked for: cut at a depth, rooted in their process and thread.

use perfcollect_shared::model::{
    BuildError, FrameId, FrameSpec, FunctionSpec, Profile, ProfileBuilder, SampleSpec, Settings, StackId,
    THREADS_MODULE, ThreadId, ThreadSpec,
};
use std::collections::HashMap;

/// The profile with the stacks that the settings ask for; the profile itself where they ask for nothing. Stacks that
/// were cut count as truncated.
pub(super) fn apply(profile: Profile, settings: &Settings) -> Result<Profile, BuildError> {
    if settings.max_depth.is_none() && !settings.thread_roots {
        return Ok(profile);
    }
    let mut shaper = Shaper {
        old: &profile,
        new: ProfileBuilder::new(),
        depth: settings.max_depth.map_or(usize::MAX, |depth| depth.max(1) as usize),
        thread_roots: settings.thread_roots,
        frames: HashMap::new(),
        stacks: HashMap::new(),
    };
    let threads: Vec<ThreadId> = profile
        .threads
        .rows
        .iter()
        .map(|thread| {
            let (name, process) = (profile.string(thread.name), profile.string(thread.process));
            shaper.new.thread(ThreadSpec { pid: thread.pid, tid: thread.tid, name, process })
        })
        .collect();
    let mut cut: u64 = 0;
    for row in 0..profile.samples.len() {
        let (old, old_thread) = (profile.samples.stack[row], profile.samples.thread[row]);
        let (stack, was_cut) = shaper.stack(old, old_thread);
        let count = profile.samples.count[row];
        cut += if was_cut { u64::from(count) } else { 0 };
        let time = profile.samples.time.as_ref().map(|times| times[row]);
        let (thread, weight) = (threads[old_thread.index()], profile.samples.weight[row]);
        shaper.new.sample(SampleSpec { time, stack, thread, weight, count });
    }
    let mut info = profile.info.clone();
    info.truncated_stacks += cut;
    let unsymbolicated = info.unsymbolicated;
    let mut made = shaper.new.finish(info)?;
    made.info.unsymbolicated = unsymbolicated;
    Ok(made)
}

struct Shaper<'a> {
    old: &'a Profile,
    new: ProfileBuilder,
    depth: usize,
    thread_roots: bool,
    frames: HashMap<FrameId, FrameId>,
    /// By stack, and by thread where that is its root.
    stacks: HashMap<(StackId, Option<ThreadId>), (StackId, bool)>,
}

impl Shaper<'_> {
    /// The new stack, and whether it lost its outer callers.
    fn stack(&mut self, old: StackId, thread: ThreadId) -> (StackId, bool) {
        let key = (old, self.thread_roots.then_some(thread));
        if let Some(&known) = self.stacks.get(&key) {
            return known;
        }
        let mut frames: Vec<FrameId> = self.old.stacks.frames(old).take(self.depth.saturating_add(1)).collect();
        let was_cut = frames.len() > self.depth;
        frames.truncate(self.depth);
        let root = self.thread_roots.then(|| self.root(thread));
        let mut stack = root;
        for frame in frames.into_iter().rev() {
            let frame = self.frame(frame);
            stack = Some(self.new.stack(stack, frame));
        }
        // A stack has at least one frame.
        let made = (stack.unwrap_or(StackId(0)), was_cut);
        self.stacks.insert(key, made);
        made
    }

    /// Two frames that stand for a process and a thread of it.
    fn root(&mut self, thread: ThreadId) -> StackId {
        let thread = &self.old.threads.rows[thread.index()];
        let (name, process) = (self.old.string(thread.name), self.old.string(thread.process));
        let names = [format!("process {process} ({})", thread.pid), format!("thread {name} ({})", thread.tid)];
        let [process, thread] = names.map(|name| {
            let module = self.new.module(THREADS_MODULE, "");
            let function = self.new.function(FunctionSpec { name: &name, module, ..FunctionSpec::default() });
            self.new.frame(FrameSpec { function, line: 0, inlined: false, address: 0 })
        });
        let process = self.new.stack(None, process);
        self.new.stack(Some(process), thread)
    }

    fn frame(&mut self, old: FrameId) -> FrameId {
        if let Some(&known) = self.frames.get(&old) {
            return known;
        }
        let frame = self.old.frames.get(old);
        let function = self.old.function(frame.function);
        let module = &self.old.modules.rows[function.module.index()];
        let module = self.new.module(self.old.string(module.path), self.old.string(module.build_id));
        let text = |id| self.old.string(id);
        let spec = FunctionSpec {
            name: text(function.name),
            system_name: text(function.system_name),
            file: text(function.file),
            start_line: function.start_line,
            module,
        };
        let function = self.new.function(spec);
        let (line, inlined, address) = (frame.line, frame.inlined, frame.address);
        let made = self.new.frame(FrameSpec { function, line, inlined, address });
        self.frames.insert(old, made);
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perfcollect_shared::testing::{folded, profile};

    fn shaped(max_depth: Option<u32>, thread_roots: bool) -> Profile {
        let settings = Settings { max_depth, thread_roots, ..Settings::default() };
        apply(profile("A A A A\nB B . B\nC D . ."), &settings).unwrap()
    }

    #[test]
    fn deep_stacks_keep_the_leaf_end() {
        let cut = shaped(Some(2), false);
        assert_eq!(folded(&cut), "B;C 1\nB;D 1\nA 1\nA;B 1\n");
        assert_eq!(cut.info.truncated_stacks, 2);
        let fine = shaped(Some(3), false);
        assert_eq!((folded(&fine), fine.info.truncated_stacks), (folded(&shaped(None, false)), 0));
    }

    #[test]
    fn threads_are_roots_beyond_the_depth() {
        let rooted = shaped(Some(1), true);
        let root = "process app (1);thread main (1)";
        let expect = ["C", "D", "A", "B"].map(|leaf| format!("{root};{leaf} 1\n")).concat();
        assert_eq!(folded(&rooted), expect);
        assert_eq!(rooted.samples.time.map(|times| times.len()), Some(4), "the order in time is kept");
    }
}
