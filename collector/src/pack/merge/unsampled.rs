//! CPU time that could not be sampled, of the kernel or of all native code, as samples of one frame.

use super::threads::MergedThread;
use super::{Merged, MergedFrame, MergedSample, MergedStack};
use perfcollect_shared::units::Nanos;
use std::collections::HashMap;

/// CPU time of a process between two resource samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuUse {
    pub pid: u32,
    pub process: String,
    pub from: Nanos,
    pub to: Nanos,
    pub cpu: Nanos,
}

/// Adds a sample of `frame` ([`MergedFrame::KernelNotSampled`] or its like) for the CPU time of the tree that no sample stands for:
/// `tree_cpu` (from the kernel's exit records) less the weight of all samples. It goes where and when the resource
/// timeline saw more CPU time than was sampled; `root` (pid and name) gets what the timeline does not explain. Returns
/// the time added: none if the samples already stand for all of it.
pub fn add_unsampled_time(
    merged: &mut Merged,
    frame: MergedFrame,
    tree_cpu: Nanos,
    uses: &[CpuUse],
    root: (u32, &str),
    end: Nanos,
) -> Nanos {
    let missing = tree_cpu.saturating_sub(merged.weight());
    if missing == Nanos::ZERO {
        return missing;
    }
    let gaps = gaps(merged, uses);
    let seen: u128 = gaps.iter().map(|gap| u128::from(gap.0)).sum();
    // With less in the gaps than is missing each gap is taken whole, with more each in proportion.
    let whole = seen.max(u128::from(missing.0));
    let stack = MergedStack::Merged(merged.stack(None, frame));
    let mut left = missing;
    let mut threads = main_threads(merged);
    for (use_, gap) in uses.iter().zip(&gaps) {
        let weight = u128::from(gap.0) * u128::from(missing.0) / whole.max(1);
        let weight = Nanos(u64::try_from(weight).unwrap_or(u64::MAX).min(left.0));
        if weight > Nanos::ZERO {
            let thread = main_thread(merged, &mut threads, use_.pid, &use_.process);
            merged.samples.push(MergedSample { time: use_.to, stack: Some(stack), thread, weight });
            left = left - weight;
        }
    }
    if left > Nanos::ZERO {
        let thread = main_thread(merged, &mut threads, root.0, root.1);
        merged.samples.push(MergedSample { time: end, stack: Some(stack), thread, weight: left });
    }
    merged.samples.sort_by_key(|sample| sample.time);
    missing
}

/// For each use, its CPU time less what was sampled of the process in its interval.
fn gaps(merged: &Merged, uses: &[CpuUse]) -> Vec<Nanos> {
    let mut by_pid: HashMap<u32, Vec<(Nanos, Nanos)>> = HashMap::new();
    for sample in &merged.samples {
        let pid = merged.threads.get(sample.thread as usize).map_or(0, |thread| thread.pid);
        by_pid.entry(pid).or_default().push((sample.time, sample.weight));
    }
    uses.iter()
        .map(|use_| {
            let samples = by_pid.get(&use_.pid).map_or(&[][..], Vec::as_slice);
            let first = samples.partition_point(|(time, _)| *time <= use_.from);
            let within = samples[first..].iter().take_while(|(time, _)| *time <= use_.to);
            use_.cpu.saturating_sub(within.map(|(_, weight)| *weight).sum())
        })
        .collect()
}

fn main_threads(merged: &Merged) -> HashMap<u32, u32> {
    let rows = merged.threads.iter().zip(0..);
    rows.filter(|(thread, _)| thread.pid == thread.tid).map(|(thread, row)| (thread.pid, row)).collect()
}

/// Row of the first thread of a process, made where no sampler saw it.
fn main_thread(merged: &mut Merged, known: &mut HashMap<u32, u32>, pid: u32, process: &str) -> u32 {
    *known.entry(pid).or_insert_with(|| {
        let (name, process) = (process.to_owned(), process.to_owned());
        merged.threads.push(MergedThread { pid, tid: pid, name, process });
        u32::try_from(merged.threads.len() - 1).unwrap_or(u32::MAX)
    })
}
