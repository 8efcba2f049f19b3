//! Live memory by stack: how much was held at the end and at the peak, and what grew from snapshot to snapshot.
//!
//! Bytes do not add up over time, so nothing here sums over the snapshots of one process. Over processes it does: the memory
//! of the tree at a moment is what the latest snapshot of each process that lives says. Must not judge: that something grew
//! in every snapshot is a fact, that it leaks is not.

use super::function_tree::FunctionTree;
use super::selection::{Selected, Selection, selected_rows};
use super::top_table::{FunctionGroups, outermost};
use crate::model::{FrameId, FunctionId, MemorySnapshot, Profile, SnapshotReason, ThreadId};
use crate::order::Order;
use crate::units::{Bytes, Nanos};
use std::collections::{BTreeMap, HashMap};

/// How the bytes of one thing changed from snapshot to snapshot, over all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Last snapshot less first, of each process; below 0 where it shrank.
    pub bytes: i64,
    /// Last snapshot less the middle one: what is left of growth when the program has warmed up. 0 with fewer than three.
    pub late_bytes: i64,
    /// Snapshots that found more than the one before them.
    pub grew: u32,
    /// Snapshots that found less.
    pub shrank: u32,
    /// Snapshots that have one before them in their process.
    pub steps: u32,
}

impl Growth {
    /// It grew in every snapshot, the second half of them included, and there were enough (three) for that to be no
    /// accident of one allocation: several processes that load the same modules when they start are none.
    #[must_use]
    pub fn is_steady(self) -> bool {
        self.steps >= 3 && self.grew == self.steps && self.late_bytes > 0
    }
}

/// What one thing (function, node, line, or everything) held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// In the last snapshot of each process: when it ended, or as late as it was seen.
    pub end: Bytes,
    /// Blocks behind `end`.
    pub end_blocks: u64,
    /// At the moment at which all processes together held most, as far as snapshots tell.
    pub peak: Bytes,
    pub growth: Growth,
}

/// A function and what was allocated in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionMemory {
    /// Stands for all rows of the function table with its name, file, line and module.
    pub function: FunctionId,
    /// Allocated by its own lines.
    pub own: Held,
    /// Allocated by it and all that it called; recursion counts once.
    pub total: Held,
}

/// A line that allocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteMemory {
    /// The innermost frame: function and line.
    pub frame: FrameId,
    pub held: Held,
}

/// The memory of the tree right after one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPoint {
    pub time: Nanos,
    /// Process of the snapshot.
    pub pid: u32,
    /// Traced memory of all processes that live.
    pub bytes: Bytes,
    /// Traced memory of `pid` alone.
    pub process_bytes: Bytes,
    pub reason: SnapshotReason,
}

/// One process whose memory was traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessMemory {
    pub pid: u32,
    pub name: String,
    pub snapshots: u32,
    pub end: Bytes,
    /// Exact largest traced memory, between snapshots too; `None` where only stacks are known.
    pub peak: Option<Bytes>,
    /// Exact total of the snapshot that found most: how near to `peak` the stacks at the peak are.
    pub peak_snapshot: Bytes,
}

/// Live memory of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// One for each snapshot, in order of time.
    pub points: Vec<MemoryPoint>,
    /// Which of `points` is the peak of the tree.
    pub peak_point: Option<usize>,
    /// In order of first snapshot.
    pub processes: Vec<ProcessMemory>,
    /// All traced memory.
    pub total: Held,
    /// Most bytes at the end first, by what they allocated themselves.
    pub functions: Vec<FunctionMemory>,
    /// Likewise.
    pub sites: Vec<SiteMemory>,
    /// Call tree: callers before callees.
    pub tree: FunctionTree,
    /// What was allocated in each node of `tree` itself, and in it and below it.
    pub nodes: Vec<(Held, Held)>,
    snapshots: Vec<Snapshot>,
}

/// Rows of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Snapshot {
    time: Nanos,
    thread: ThreadId,
    pid: u32,
    /// Node, innermost frame, bytes, blocks.
    rows: Vec<(u32, FrameId, u64, u64)>,
    /// What `memory.jsonl` says of it.
    exact: Option<MemorySnapshot>,
}

impl Snapshot {
    fn bytes(&self) -> u64 {
        self.rows.iter().map(|row| row.2).sum()
    }

    fn is_exit(&self) -> bool {
        self.exact.as_ref().is_some_and(|exact| exact.reason == SnapshotReason::Exit)
    }
}

/// The memory of the processes and stacks that a selection takes. Its range of time is not used: growth needs all
/// snapshots.
#[must_use]
pub fn memory(profile: &Profile, totals: &[MemorySnapshot], selection: &Selection) -> Memory {
    let selection = Selection { range: None, ..selection.clone() };
    let selected = selected_rows(profile, &selection);
    let snapshots = snapshots_of(profile, &selected, totals, &selection);
    let processes = by_process(&snapshots);
    let points = points_of(&snapshots, &processes);
    let peak_point = (0..points.len()).max_by_key(|&index| (points[index].bytes, std::cmp::Reverse(index)));
    let layout = Layout::new(profile, &selected);
    let mut held = vec![Held::default(); layout.len()];
    for rows in &processes {
        let peak = peak_point.and_then(|peak| latest_alive(&snapshots, rows, peak));
        add_process(&layout, rows.iter().map(|&row| &snapshots[row]), &mut held);
        if let Some(row) = peak {
            layout
                .values(&snapshots[row], |row| row.2)
                .into_iter()
                .zip(&mut held)
                .for_each(|(n, h)| h.peak += Bytes(n));
        }
    }
    let described = |rows: &Vec<usize>| describe(profile, rows.iter().map(|&row| &snapshots[row]));
    Memory {
        peak_point,
        processes: processes.iter().map(described).collect(),
        total: held[layout.totals],
        functions: layout.functions(profile, &held),
        sites: layout.sites(&held),
        nodes: (0..layout.nodes).map(|node| (held[node], held[layout.totals + node])).collect(),
        tree: selected.tree,
        points,
        snapshots,
    }
}

/// The rows of the profile that tell what lives at the end: the last snapshot of each process.
#[must_use]
pub fn rows_at_end(profile: &Profile) -> Vec<usize> {
    let samples = &profile.samples;
    let Some(time) = &samples.time else { return (0..samples.len()).collect() };
    let mut last = vec![Nanos::ZERO; profile.threads.rows.len()];
    for (thread, &time) in samples.thread.iter().zip(time) {
        last[thread.index()] = last[thread.index()].max(time);
    }
    (0..samples.len()).filter(|&row| time[row] == last[samples.thread[row].index()]).collect()
}

impl Memory {
    /// Bytes that a node and all below it held, one value for each of `points`.
    #[must_use]
    pub fn series_of_node(&self, node: u32) -> Vec<Bytes> {
        let mut below = vec![false; self.tree.len()];
        below[node as usize] = true;
        for (child, parent, _) in self.tree.nodes() {
            below[child as usize] |= below[parent as usize];
        }
        self.series(&below)
    }

    /// Bytes that a function and all that it called held, one value for each of `points`.
    #[must_use]
    pub fn series_of_function(&self, profile: &Profile, function: FunctionId) -> Vec<Bytes> {
        let groups = FunctionGroups::new(profile);
        let mut below = vec![false; self.tree.len()];
        for (child, parent, called) in self.tree.nodes() {
            below[child as usize] = below[parent as usize] || groups.of(called) == groups.of(function);
        }
        self.series(&below)
    }

    fn series(&self, taken: &[bool]) -> Vec<Bytes> {
        let value = |snapshot: &Snapshot| snapshot.rows.iter().filter(|row| taken[row.0 as usize]).map(|r| r.2).sum();
        running_sums(&self.snapshots, &by_process(&self.snapshots), value)
    }
}

/// Snapshots in order of time, with their rows.
fn snapshots_of(
    profile: &Profile,
    selected: &Selected,
    totals: &[MemorySnapshot],
    selection: &Selection,
) -> Vec<Snapshot> {
    let table = &profile.samples;
    let exact: HashMap<(u32, Nanos), &MemorySnapshot> = totals.iter().map(|row| ((row.pid, row.t_ns), row)).collect();
    let mut found: BTreeMap<(Nanos, ThreadId), Snapshot> = BTreeMap::new();
    let time_of = |row: usize| table.time.as_ref().map_or(Nanos::ZERO, |time| time[row]);
    for row in 0..table.len() {
        let (time, thread) = (time_of(row), table.thread[row]);
        let known = profile.threads.get(thread);
        if selection.takes(None, known.pid, known.tid) {
            // Also where a transform leaves no row of it: then the snapshot found nothing.
            found.entry((time, thread)).or_insert_with(|| Snapshot {
                time,
                thread,
                pid: known.pid,
                rows: Vec::new(),
                exact: exact.get(&(known.pid, time)).map(|&exact| exact.clone()),
            });
        }
    }
    for (&row, &node) in selected.row.iter().zip(&selected.node) {
        let row = row as usize;
        if let Some(snapshot) = found.get_mut(&(time_of(row), table.thread[row])) {
            let leaf = profile.stacks.frame(table.stack[row]);
            snapshot.rows.push((node, leaf, table.weight[row].0, u64::from(table.count[row])));
        }
    }
    found.into_values().collect()
}

/// Places of each process's snapshots, in order of time.
fn by_process(snapshots: &[Snapshot]) -> Vec<Vec<usize>> {
    let mut order: Vec<ThreadId> = Vec::new();
    let mut places: HashMap<ThreadId, Vec<usize>> = HashMap::new();
    for (index, snapshot) in snapshots.iter().enumerate() {
        places.entry(snapshot.thread).or_insert_with(|| {
            order.push(snapshot.thread);
            Vec::new()
        });
        places.entry(snapshot.thread).and_modify(|rows| rows.push(index));
    }
    order.iter().filter_map(|thread| places.remove(thread)).collect()
}

/// The sum over processes of what the latest snapshot of each says, right after each snapshot. A process that has ended
/// holds nothing.
fn running_sums(snapshots: &[Snapshot], processes: &[Vec<usize>], value: impl Fn(&Snapshot) -> u64) -> Vec<Bytes> {
    let mut process_of = vec![0; snapshots.len()];
    for (process, rows) in processes.iter().enumerate() {
        for &row in rows {
            process_of[row] = process;
        }
    }
    let mut held = vec![0_u64; processes.len()];
    let (mut sum, mut ended) = (0_u64, None::<(usize, Nanos)>);
    let mut sums = Vec::with_capacity(snapshots.len());
    for (index, snapshot) in snapshots.iter().enumerate() {
        // An ended process counts at the moment of its last snapshot, and no longer.
        if let Some((process, _)) = ended.filter(|&(_, time)| time < snapshot.time) {
            sum -= std::mem::take(&mut held[process]);
        }
        let process = process_of[index];
        let now = value(snapshot);
        sum = sum - held[process] + now;
        held[process] = now;
        ended = snapshot.is_exit().then_some((process, snapshot.time));
        sums.push(Bytes(sum));
    }
    sums
}

fn points_of(snapshots: &[Snapshot], processes: &[Vec<usize>]) -> Vec<MemoryPoint> {
    let sums = running_sums(snapshots, processes, Snapshot::bytes);
    let point = |(snapshot, bytes): (&Snapshot, Bytes)| MemoryPoint {
        time: snapshot.time,
        pid: snapshot.pid,
        bytes,
        process_bytes: Bytes(snapshot.bytes()),
        reason: snapshot.exact.as_ref().map_or(SnapshotReason::Other, |exact| exact.reason),
    };
    snapshots.iter().zip(sums).map(point).collect()
}

/// The snapshot of a process that tells of the moment of point `peak`: its latest, unless it had ended.
fn latest_alive(snapshots: &[Snapshot], rows: &[usize], peak: usize) -> Option<usize> {
    let latest = rows.iter().rev().copied().find(|&row| row <= peak)?;
    let ended = snapshots[latest].is_exit() && snapshots[latest].time < snapshots[peak].time;
    (!ended).then_some(latest)
}

/// Adds the end and the growth of one process.
fn add_process<'a>(layout: &Layout<'_>, snapshots: impl ExactSizeIterator<Item = &'a Snapshot>, held: &mut [Held]) {
    let middle = snapshots.len().saturating_sub(1) / 2;
    let is_long = snapshots.len() >= 3;
    let (mut first, mut at_middle, mut before) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for (index, snapshot) in snapshots.enumerate() {
        let now = layout.values(snapshot, |row| row.2);
        if index == 0 {
            first.clone_from(&now);
        } else {
            for ((held, now), before) in held.iter_mut().zip(&now).zip(&before) {
                held.growth.steps += 1;
                held.growth.grew += u32::from(now > before);
                held.growth.shrank += u32::from(now < before);
            }
        }
        if index == middle {
            at_middle.clone_from(&now);
        }
        before = now;
        last = Some(snapshot);
    }
    let Some(last) = last else { return };
    let blocks = layout.values(last, |row| row.3);
    for (index, held) in held.iter_mut().enumerate() {
        held.end += Bytes(before[index]);
        held.end_blocks += blocks[index];
        held.growth.bytes += difference(before[index], first[index]);
        held.growth.late_bytes += if is_long { difference(before[index], at_middle[index]) } else { 0 };
    }
}

fn difference(after: u64, before: u64) -> i64 {
    after.wrapping_sub(before).cast_signed()
}

fn describe<'a>(profile: &Profile, snapshots: impl Iterator<Item = &'a Snapshot>) -> ProcessMemory {
    let mut process = ProcessMemory {
        pid: 0,
        name: String::new(),
        snapshots: 0,
        end: Bytes::ZERO,
        peak: None,
        peak_snapshot: Bytes::ZERO,
    };
    for snapshot in snapshots {
        process.pid = snapshot.pid;
        profile.string(profile.threads.get(snapshot.thread).process).clone_into(&mut process.name);
        process.snapshots += 1;
        process.end = snapshot.exact.as_ref().map_or(Bytes(snapshot.bytes()), |exact| exact.current_bytes);
        process.peak = process.peak.max(snapshot.exact.as_ref().map(|exact| exact.peak_bytes));
        process.peak_snapshot = process.peak_snapshot.max(process.end);
    }
    process
}

/// Everything that has a [`Held`], side by side in one vector: nodes themselves, nodes with what is below, functions
/// themselves, functions with what they called, innermost frames.
struct Layout<'a> {
    tree: &'a FunctionTree,
    groups: FunctionGroups,
    outermost: Vec<bool>,
    nodes: usize,
    totals: usize,
    own_functions: usize,
    total_functions: usize,
    frames: usize,
    frame_count: usize,
}

impl<'a> Layout<'a> {
    fn new(profile: &Profile, selected: &'a Selected) -> Self {
        let groups = FunctionGroups::new(profile);
        let nodes = selected.tree.len();
        let own_functions = 2 * nodes;
        let total_functions = own_functions + groups.len();
        let frames = total_functions + groups.len();
        Self {
            tree: &selected.tree,
            outermost: outermost(&selected.tree, &groups),
            groups,
            nodes,
            totals: nodes,
            own_functions,
            total_functions,
            frames,
            frame_count: profile.frames.rows.len(),
        }
    }

    fn len(&self) -> usize {
        self.frames + self.frame_count
    }

    /// What everything held in one snapshot.
    fn values(&self, snapshot: &Snapshot, value: impl Fn(&(u32, FrameId, u64, u64)) -> u64) -> Vec<u64> {
        let mut values = vec![0; self.len()];
        for row in &snapshot.rows {
            let amount = value(row);
            values[row.0 as usize] += amount;
            values[self.totals + row.0 as usize] += amount;
            values[self.frames + row.1.index()] += amount;
        }
        for node in (1..self.nodes).rev() {
            let parent = self.tree.parent(FunctionId::from_index(node).0) as usize;
            values[self.totals + parent] += values[self.totals + node];
        }
        for (node, _, function) in self.tree.nodes() {
            let (node, group) = (node as usize, self.groups.of(function));
            values[self.own_functions + group] += values[node];
            if self.outermost[node] {
                values[self.total_functions + group] += values[self.totals + node];
            }
        }
        values
    }

    fn functions(&self, profile: &Profile, held: &[Held]) -> Vec<FunctionMemory> {
        let row = |group: usize| FunctionMemory {
            function: self.groups.representative(group),
            own: held[self.own_functions + group],
            total: held[self.total_functions + group],
        };
        let mut rows: Vec<FunctionMemory> = (0..self.groups.len()).map(row).collect();
        rows.retain(|row| is_something(&row.total));
        rows.order_by(|a, b| {
            let by_bytes = (b.own.end, b.total.end).cmp(&(a.own.end, a.total.end));
            let by_name = || profile.function_name(a.function).cmp(profile.function_name(b.function));
            by_bytes.then_with(by_name).then_with(|| a.function.cmp(&b.function))
        });
        rows
    }

    fn sites(&self, held: &[Held]) -> Vec<SiteMemory> {
        let row = |frame: usize| SiteMemory { frame: FrameId::from_index(frame), held: held[self.frames + frame] };
        let mut rows: Vec<SiteMemory> = (0..self.frame_count).map(row).collect();
        rows.retain(|row| is_something(&row.held));
        rows.order_by_key(|row| std::cmp::Reverse((row.held.end, row.held.peak)));
        rows
    }
}

/// Whether any snapshot found any of it.
fn is_something(held: &Held) -> bool {
    held.end.0 > 0 || held.peak.0 > 0 || held.growth.grew > 0 || held.growth.shrank > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameSpec, FunctionSpec, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec, WeightKind};

    /// A profile of live bytes: `(pid, time, "outer inner", bytes)`; each name's line is its length.
    fn profile(rows: &[(u32, u64, &str, u64)]) -> Profile {
        let mut builder = ProfileBuilder::new();
        let module = builder.module("[python]", "");
        for &(pid, time, names, bytes) in rows {
            let stack = names.split_whitespace().fold(None, |prefix, name| {
                let spec = FunctionSpec { name, file: "app.py", start_line: 1, module, ..Default::default() };
                let (function, line) = (builder.function(spec), u32::try_from(name.len()).unwrap());
                let frame = builder.frame(FrameSpec { function, line, inlined: false, address: 0 });
                Some(builder.stack(prefix, frame))
            });
            let thread = builder.thread(ThreadSpec { pid, tid: pid, name: "main", process: "python3" });
            let (stack, count) = (stack.unwrap(), u32::try_from(bytes.div_ceil(10)).unwrap());
            builder.sample(SampleSpec { time: Some(Nanos(time)), stack, thread, weight: Nanos(bytes), count });
        }
        let info = ProfileInfo { name: "alloc".into(), weight: WeightKind::Bytes, ..Default::default() };
        builder.finish(info).unwrap()
    }

    fn total(pid: u32, t_ns: u64, bytes: u64, peak: u64, reason: SnapshotReason) -> MemorySnapshot {
        let (current_bytes, peak_bytes) = (Bytes(bytes), Bytes(peak));
        MemorySnapshot { pid, t_ns: Nanos(t_ns), current_bytes, peak_bytes, reason, ..Default::default() }
    }

    /// A program that keeps 10 bytes more each time in `leak`, and uses 100 for a moment in `parse`.
    fn leaking() -> (Profile, Vec<MemorySnapshot>) {
        let rows = [
            (7, 0, "[other]", 0),
            (7, 1, "main leak", 10),
            (7, 1, "main load", 40),
            (7, 2, "main leak", 20),
            (7, 2, "main parse leak", 5),
            (7, 2, "main parse", 95),
            (7, 2, "main load", 40),
            (7, 3, "main leak", 35),
            (7, 3, "main load", 40),
        ];
        let snapshots = vec![
            total(7, 0, 0, 0, SnapshotReason::Start),
            total(7, 1, 50, 60, SnapshotReason::Interval),
            total(7, 2, 160, 170, SnapshotReason::Peak),
            total(7, 3, 75, 170, SnapshotReason::Exit),
        ];
        (profile(&rows), snapshots)
    }

    fn of<'a>(profile: &Profile, memory: &'a Memory, name: &str) -> &'a FunctionMemory {
        memory.functions.iter().find(|row| profile.function_name(row.function) == name).unwrap()
    }

    #[test]
    fn end_peak_and_growth_are_of_snapshots_not_of_sums() {
        let (profile, totals) = leaking();
        let memory = memory(&profile, &totals, &Selection::default());
        let leak = of(&profile, &memory, "leak");
        assert_eq!((leak.own.end, leak.own.peak, leak.own.end_blocks), (Bytes(35), Bytes(25), 4));
        let growth = Growth { bytes: 35, late_bytes: 25, grew: 3, shrank: 0, steps: 3 };
        assert_eq!(leak.own.growth, growth);
        assert!(leak.own.growth.is_steady());
        let parse = of(&profile, &memory, "parse");
        assert_eq!((parse.own.end, parse.own.peak, parse.total.peak), (Bytes(0), Bytes(95), Bytes(100)));
        assert_eq!((parse.own.growth.grew, parse.own.growth.shrank), (1, 1));
        let load = of(&profile, &memory, "load");
        assert_eq!((load.own.growth.bytes, load.own.growth.late_bytes, load.own.growth.grew), (40, 0, 1));
        assert!(!load.own.growth.is_steady());
        let main = of(&profile, &memory, "main");
        assert_eq!((main.own.end, main.total.end, main.total.peak), (Bytes(0), Bytes(75), Bytes(160)));
        assert_eq!((memory.total.end, memory.total.peak), (Bytes(75), Bytes(160)));
        let [process] = &memory.processes[..] else { panic!("{:?}", memory.processes) };
        assert_eq!((process.peak, process.peak_snapshot, process.snapshots), (Some(Bytes(170)), Bytes(160), 4));
        assert_eq!(memory.peak_point.map(|peak| memory.points[peak].time), Some(Nanos(2)));
    }

    #[test]
    fn what_several_processes_load_at_their_start_does_not_grow_steadily() {
        let start = Growth { bytes: 300, late_bytes: 0, grew: 3, shrank: 0, steps: 3 };
        assert!(!start.is_steady());
        assert!(Growth { late_bytes: 1, ..start }.is_steady());
    }

    #[test]
    fn functions_sites_and_nodes_say_the_same() {
        let (profile, totals) = leaking();
        let memory = memory(&profile, &totals, &Selection::default());
        let names: Vec<&str> = memory.functions.iter().map(|row| profile.function_name(row.function)).collect();
        assert_eq!(names, ["load", "leak", "main", "parse"]);
        let sites: Vec<(u32, u64)> =
            memory.sites.iter().map(|site| (profile.frames.get(site.frame).line, site.held.end.0)).collect();
        assert_eq!(sites, [(4, 40), (4, 35), (5, 0)]);
        assert_eq!(memory.nodes[0].1, memory.total);
        let own: u64 = memory.nodes.iter().map(|node| node.0.peak.0).sum();
        assert_eq!(own, 160);
        let leak = of(&profile, &memory, "leak").function;
        let series = memory.series_of_function(&profile, leak);
        assert_eq!(series, [0, 10, 25, 35].map(Bytes));
        assert_eq!(memory.series_of_node(0), [0, 50, 160, 75].map(Bytes));
    }

    #[test]
    fn processes_add_up_while_they_live() {
        use SnapshotReason::{Exit, Interval, Start};
        let rows = [(1, 0, "a", 10), (2, 10, "b", 100), (2, 20, "b", 200), (1, 30, "a", 50), (1, 40, "a", 60)];
        let totals = [
            total(1, 0, 10, 10, Start),
            total(2, 10, 100, 100, Start),
            total(2, 20, 200, 250, Exit),
            total(1, 30, 50, 50, Interval),
            total(1, 40, 60, 60, Exit),
        ];
        let profile = profile(&rows);
        let memory = memory(&profile, &totals, &Selection::default());
        let bytes: Vec<u64> = memory.points.iter().map(|point| point.bytes.0).collect();
        assert_eq!(bytes, [10, 110, 210, 50, 60]);
        assert_eq!((memory.total.peak, memory.total.end), (Bytes(210), Bytes(260)));
        assert_eq!(of(&profile, &memory, "a").own.peak, Bytes(10));
        assert_eq!(memory.total.growth, Growth { bytes: 150, late_bytes: 10, grew: 3, shrank: 0, steps: 3 });
        let only = Selection { pid: Some(2), range: Some((Nanos(0), Nanos(1))), ..Default::default() };
        let memory = super::memory(&profile, &totals, &only);
        assert_eq!((memory.processes.len(), memory.total.end), (1, Bytes(200)));
    }

    #[test]
    fn one_snapshot_has_no_growth_and_none_has_nothing() {
        let profile = profile(&[(1, 5, "a b", 70)]);
        let memory = memory(&profile, &[], &Selection::default());
        assert_eq!(
            (memory.total.end, memory.total.peak, memory.total.growth),
            (Bytes(70), Bytes(70), Growth::default())
        );
        assert_eq!(memory.processes[0].peak, None);
        let empty = super::memory(&self::profile(&[]), &[], &Selection::default());
        assert_eq!((empty.points.len(), empty.peak_point, empty.total), (0, None, Held::default()));
    }
}
