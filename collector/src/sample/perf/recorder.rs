//! Applies records in order of time: keeps the maps of all processes, unwinds samples, writes them.

use super::counted::Counted;
use super::events::{self, BP, IP, SP};
use super::intern::{Interned, Place};
use super::process::{Code, Process};
use super::short_lived::{ShortLived, Unsampled};
use super::unwind::{End, Unwinders, UserFrame, UserStack};
use super::{PerfSettings, kernel};
use crate::jit::maps;
use crate::launch::Clock;
use crate::spool::{RawFrame, RawSample, StackWriter, StreamCounts};
use crate::symbolize::{FileKey, Images, Mapped, read_perf_map};
use crate::tree::{self, ProcessTree};
use linux_perf_event_reader::constants::{PERF_CONTEXT_KERNEL, PERF_CONTEXT_MAX, PERF_CONTEXT_USER, PERF_RECORD_READ};
use linux_perf_event_reader::{
    CommOrExecRecord, EventRecord, ForkOrExitRecord, Mmap2FileId, Mmap2Record, RawData, RawEventRecord, RecordType,
    SampleRecord,
};
use perfcollect_shared::model::TOO_SHORT;
use perfcollect_shared::units::Nanos;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Longest time that samples stay in our memory.
const FLUSH_EVERY: Duration = Duration::from_millis(400);

/// State of a recording.
pub(super) struct Recorder {
    clock: Clock,
    weight: Nanos,
    tree: Arc<ProcessTree>,
    writer: StackWriter,
    pub(super) images: Images,
    unwinders: Unwinders,
    processes: BTreeMap<u32, Process>,
    /// By thread.
    names: HashMap<u32, String>,
    counts: StreamCounts,
    short_lived: ShortLived,
    counted: Counted,
    root: u32,
    interned: Interned,
    flushed: Instant,
    began: SystemTime,
    frames: Vec<UserFrame>,
    rows: Vec<u32>,
    chain: Vec<u64>,
}

impl Recorder {
    /// `kernel_sampled`: samples are of all code, not of the user's only.
    pub(super) fn new(
        settings: &PerfSettings,
        kernel_sampled: bool,
        child: u32,
        writer: StackWriter,
        tree: Arc<ProcessTree>,
    ) -> Self {
        let weight = Nanos(settings.period_ns());
        Self {
            clock: settings.clock.clone(),
            weight,
            tree,
            writer,
            images: Images::default(),
            unwinders: Unwinders::new(),
            processes: BTreeMap::from([(child, Process::executed())]),
            names: HashMap::new(),
            counts: StreamCounts::default(),
            short_lived: ShortLived::new(weight, !kernel_sampled),
            counted: Counted::default(),
            root: child,
            interned: Interned::new(kernel::names_allowed(), kernel::boot_id()),
            flushed: Instant::now(),
            began: SystemTime::now(),
            frames: Vec::new(),
            rows: Vec::new(),
            chain: Vec::new(),
        }
    }

    /// Takes events beside the clock.
    pub(super) fn with_counted(mut self, counted: Counted) -> Self {
        counted.names().for_each(|name| self.writer.event(name));
        Self { counted, ..self }
    }

    /// The events beside the clock.
    pub(super) fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Takes a process that ran before: what it has mapped, and the names of its threads.
    pub(super) fn adopt(&mut self, pid: u32) {
        let process = Process::of_running(pid, &mut self.images);
        self.processes.insert(pid, process);
        for thread in tree::threads(pid) {
            let name = fs::read(format!("/proc/{pid}/task/{thread}/comm")).unwrap_or_default();
            self.names.insert(thread, String::from_utf8_lossy(&name).trim_end_matches('\n').to_owned());
        }
        // What it wrote of its code is older than the recording, but its own.
        self.began = self.began.min(tree::started_at(pid));
    }

    /// Applies one record; `time` is its own. One that cannot be parsed is left out.
    pub(super) fn apply(&mut self, time: u64, record: &RawEventRecord<'_>) {
        let at = self.clock.at(time);
        match record.parse() {
            Ok(EventRecord::Sample(sample)) => self.sample(at, &sample),
            Ok(EventRecord::Mmap2(mapped)) => self.mapped(&mapped),
            Ok(EventRecord::Comm(comm)) => self.named(at, &comm),
            Ok(EventRecord::Fork(fork)) => self.forked(at, &fork),
            Ok(EventRecord::Exit(exit)) => self.exited(at, &exit),
            Ok(EventRecord::Lost(lost)) => {
                self.counts.lost += lost.count;
                // What was lost may have been a mapping.
                self.processes.values_mut().for_each(|process| process.stale = true);
            }
            Ok(EventRecord::Throttle(throttle)) if self.counted.find(Some(throttle.id)).is_none() => {
                self.counts.throttled += 1;
            }
            Ok(EventRecord::Raw(raw)) if raw.record_type == RecordType(PERF_RECORD_READ) => self.ended(raw.data),
            _ => {}
        }
    }

    /// Hands what was written to the kernel, if it is time.
    pub(super) fn flush(&mut self) {
        if self.flushed.elapsed() >= FLUSH_EVERY {
            self.write_unsampled();
            if self.counted.names().next().is_some() {
                let living = self.processes.keys().map(|&pid| (pid, self.name(pid).to_owned())).collect();
                for counter in self.counted.changed(self.root, &living, self.counts.lost == 0) {
                    self.writer.counter(counter);
                }
            }
            self.writer.counts(&self.counts);
            self.writer.flush();
            self.flushed = Instant::now();
        }
    }

    /// Reads the perf maps of processes that still live, and writes the last lines.
    pub(super) fn finish(mut self) -> (Images, Option<std::io::Error>) {
        let mut living = BTreeMap::new();
        for (pid, process) in std::mem::take(&mut self.processes) {
            self.name_jit(pid, &process);
            living.insert(pid, self.name(pid).to_owned());
        }
        let counters = self.counted.processes(self.root, &living, self.counts.lost == 0);
        for counter in counters {
            self.writer.counter(counter);
        }
        self.write_unsampled();
        self.writer.counts(&self.counts);
        (self.images, self.writer.finish())
    }

    fn mapped(&mut self, record: &Mmap2Record<'_>) {
        let path = record.path.as_slice();
        let path = String::from_utf8_lossy(&path);
        let pid = record.pid.cast_unsigned();
        let key = match &record.file_id {
            Mmap2FileId::InodeAndVersion(id) => {
                FileKey { major: id.major, minor: id.minor, inode: id.inode, generation: id.inode_generation }
            }
            Mmap2FileId::BuildId(_) => FileKey::default(),
        };
        let mapped = Mapped {
            pid,
            start: record.address,
            end: record.address.saturating_add(record.length),
            offset: record.page_offset,
            key,
            path: &path,
        };
        self.processes.entry(pid).or_default().map(&mapped, &mut self.images);
    }

    fn named(&mut self, at: Nanos, comm: &CommOrExecRecord<'_>) {
        let (pid, tid) = (comm.pid.cast_unsigned(), comm.tid.cast_unsigned());
        let name = String::from_utf8_lossy(&comm.name.as_slice()).into_owned();
        if comm.is_execve {
            if let Some(before) = self.processes.remove(&pid) {
                self.name_jit(pid, &before);
            }
            self.processes.insert(pid, Process::executed());
            self.tree.note_exec(pid, &name, at);
        }
        let process = if pid == tid { name.clone() } else { self.name(pid).to_owned() };
        self.writer.rename_thread(pid, tid, &name, &process);
        self.names.insert(tid, name);
    }

    fn forked(&mut self, at: Nanos, fork: &ForkOrExitRecord) {
        let (pid, parent) = (fork.pid.cast_unsigned(), fork.ppid.cast_unsigned());
        let name = self.name(fork.ptid.cast_unsigned()).to_owned();
        self.names.insert(fork.tid.cast_unsigned(), name);
        if pid == parent {
            self.processes.entry(pid).or_default().threads += 1;
        } else {
            let child = self.processes.entry(parent).or_default().forked();
            self.processes.insert(pid, child);
            self.tree.note_fork(parent, pid, at);
        }
    }

    fn exited(&mut self, at: Nanos, exit: &ForkOrExitRecord) {
        let pid = exit.pid.cast_unsigned();
        let tid = exit.tid.cast_unsigned();
        let name = self.names.get(&pid).map_or("", String::as_str);
        self.short_lived.thread_ended(at, pid, tid, name);
        if tid != pid {
            self.names.remove(&tid);
        }
        let Some(process) = self.processes.get_mut(&pid) else { return };
        process.threads = process.threads.saturating_sub(1);
        if process.threads == 0
            && let Some(process) = self.processes.remove(&pid)
        {
            self.name_jit(pid, &process);
            let name = self.names.remove(&pid).unwrap_or_default();
            self.counted.process_ended(pid, name);
            self.tree.note_exit(pid, at);
        }
    }

    /// A thread's CPU time or its count of an event, on one CPU, told after its end.
    fn ended(&mut self, mut body: RawData<'_>) {
        // Process and thread, count, time enabled, time running, the event's id.
        let mut words = [[0; 8]; 5];
        if words.iter_mut().try_for_each(|word| body.read_exact(word)).is_err() {
            return;
        }
        let [pid, tid] = [0, 4].map(|at| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| words[0][at + byte])));
        let [_, count, enabled, running, id] = words.map(u64::from_ne_bytes);
        if !self.counted.told(id, (pid, tid), [count, enabled, running]) {
            self.short_lived.spent(tid, Nanos(count));
        }
    }

    /// Writes the CPU time of ended threads that no sample stands for.
    fn write_unsampled(&mut self) {
        let at = self.clock.now();
        let Unsampled { processes, threads } = self.short_lived.take();
        if processes.is_empty() && threads.is_empty() {
            return;
        }
        let frame = RawFrame::Named {
            module: String::new(),
            name: TOO_SHORT.to_owned(),
            file: String::new(),
            start_line: 0,
            line: 0,
        };
        let frame = self.writer.frame(frame);
        let stack = self.writer.stack(None, frame);
        for (process, (pid, weight)) in processes {
            let thread = self.writer.thread(pid, pid, || (process.clone(), process.clone()));
            self.writer.sample(at, Some(stack), thread, weight);
        }
        for ((pid, tid), (ended, weight)) in threads {
            // It has a sample, so the spool knows its name.
            let thread = self.writer.thread(pid, tid, Default::default);
            self.writer.sample(ended, Some(stack), thread, weight);
        }
    }

    fn name(&self, tid: u32) -> &str {
        self.names.get(&tid).map_or("", String::as_str)
    }

    /// Looks up the sampled addresses of run-time code in the process's perf map.
    fn name_jit(&mut self, pid: u32, process: &Process) {
        if process.jit_addresses.is_empty() {
            return;
        }
        let Some(map) = maps::open(pid, self.began) else { return };
        let mut addresses = process.jit_addresses.clone();
        addresses.sort_unstable();
        addresses.dedup();
        for (address, name) in read_perf_map(map, &addresses) {
            self.writer.jit(pid, address, name);
        }
    }

    fn sample(&mut self, at: Nanos, sample: &SampleRecord<'_>) {
        let (Some(pid), Some(tid)) = (sample.pid, sample.tid) else { return };
        let (pid, tid) = (pid.cast_unsigned(), tid.cast_unsigned());
        let images = &mut self.images;
        let process = self.processes.entry(pid).or_insert_with(|| Process::of_live(pid, images));
        if process.stale {
            process.refresh(pid, images);
        }
        self.rows.clear();
        self.chain.clear();
        self.kernel_frames(sample);
        let end = self.user_frames(pid, sample);
        let stack = self.writer.path(&self.rows);
        let names = &self.names;
        let name = |tid: u32| names.get(&tid).cloned().unwrap_or_default();
        let thread = self.writer.thread(pid, tid, || (name(tid), name(pid)));
        if let Some((event, number)) = self.counted.find(sample.id) {
            let weight = sample.period.unwrap_or(1);
            self.counted.sampled(event, pid, weight);
            self.writer.event_sample(number, RawSample { time: at, stack, thread, weight: Nanos(weight) });
            return;
        }
        match end {
            End::Complete => {}
            End::Truncated => self.counts.truncated_stacks += 1,
            End::Failed => self.counts.unwind_failures += 1,
        }
        self.short_lived.sampled(tid);
        self.writer.sample(at, stack, thread, self.weight);
    }

    /// Takes the kernel's frames from the chain, and leaves the user's part of it in `chain`.
    fn kernel_frames(&mut self, sample: &SampleRecord<'_>) {
        let Some(chain) = sample.callchain else { return };
        let (mut kernel, mut user, mut first) = (false, false, true);
        for ip in (0..chain.len()).map_while(|i| chain.get(i)) {
            if ip >= PERF_CONTEXT_MAX {
                (kernel, user, first) = (ip == PERF_CONTEXT_KERNEL, ip == PERF_CONTEXT_USER, true);
                continue;
            }
            let address = if first { ip } else { ip.wrapping_sub(1) };
            first = false;
            if kernel {
                let row = self.interned.frame(&mut self.writer, &self.images, Place::Kernel, address);
                if self.rows.last() != Some(&row) {
                    self.rows.push(row); // the same one again where names are hidden
                }
            } else if user {
                self.chain.push(address);
            }
        }
    }

    fn user_frames(&mut self, pid: u32, sample: &SampleRecord<'_>) -> End {
        let Some(process) = self.processes.get_mut(&pid) else { return End::Complete };
        self.frames.clear();
        let end = match user_stack(sample) {
            // In the kernel without a user stack: the process is starting or ending.
            stack if !self.rows.is_empty() && stack.as_ref().is_none_or(|s| s.bytes.is_empty()) => End::Complete,
            Some(stack) => self.unwinders.walk(&self.images, process, &stack, &mut self.frames),
            None => End::Failed,
        };
        if end != End::Complete {
            complete(&mut self.frames, &self.chain, process);
        }
        for frame in &self.frames {
            let place = Place::of(frame.code, pid);
            let address = match frame.code {
                Code::Image { bias, .. } => frame.address.wrapping_sub(bias),
                Code::Jit | Code::Unknown => frame.address,
            };
            if matches!(place, Place::Jit(_)) && process.jit_addresses.last() != Some(&address) {
                process.jit_addresses.push(address);
            }
            self.rows.push(self.interned.frame(&mut self.writer, &self.images, place, address));
        }
        end
    }
}

/// Goes on with the frame-pointer chain where unwinding stopped; takes the chain alone where it knows more.
fn complete(frames: &mut Vec<UserFrame>, chain: &[u64], process: &Process) {
    let joint = frames.iter().rev().take(2).find_map(|frame| {
        let at = frames.iter().rposition(|other| other == frame)?;
        Some((at, chain.iter().position(|&address| address == frame.address)?))
    });
    let (keep, from) = match joint {
        Some((at, position)) if chain.len() - position > frames.len() - at => (at + 1, position + 1),
        None if chain.len() > frames.len() => (0, 0),
        _ => return,
    };
    frames.truncate(keep);
    for &address in &chain[from..] {
        // The kernel follows frame pointers wherever they lead; what is not code ends the chain.
        let Some(mapping) = process.find(address, None) else { break };
        frames.push(UserFrame { code: mapping.code, address });
    }
}

fn user_stack<'a>(sample: &SampleRecord<'a>) -> Option<UserStack<'a>> {
    let regs = sample.user_regs.as_ref()?;
    let (bytes, filled) = sample.user_stack?;
    let (ip, sp, bp) = (regs.get(IP)?, regs.get(SP)?, regs.get(BP)?);
    #[cfg(target_arch = "x86_64")]
    let unwind_regs = framehop::UnwindRegsNative::new(ip, sp, bp);
    #[cfg(target_arch = "aarch64")]
    let unwind_regs = framehop::UnwindRegsNative::new(regs.get(events::LR)?, sp, bp);
    let length = usize::try_from(filled).ok()?.min(bytes.len());
    let cut = filled >= u64::from(events::STACK_BYTES);
    let bytes = bytes.get(0..length).unwrap_or(RawData::Single(&[]));
    Some(UserStack { regs: unwind_regs, ip, sp, bytes, cut })
}
