//! What each process and thread did over time: running, ready, or waiting and why, in bins of equal length.
//!
//! From the profile `wall` where there is one, else the running share alone from `cpu`. One pass over the samples; memory
//! is bounded by [`MOST_CELLS`], whatever the number of threads.

use crate::model::{Bundle, FunctionKind, Profile, Timeline, WaitReason, WeightKind};
use crate::order::Order;
use crate::units::Nanos;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Cells at most, 40 bytes each. Threads beyond it have no lane of their own, the busiest first; they are in the lane of
/// their process all the same.
pub const MOST_CELLS: usize = 1 << 18;

/// Parts of a cell: running, then the reasons of [`WaitReason::ALL`].
pub const STATES: usize = 1 + WaitReason::ALL.len();

/// What a thread does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Waiting(WaitReason),
}

impl State {
    /// All of them, in the order of a cell's parts.
    #[must_use]
    pub fn all() -> [Self; STATES] {
        std::array::from_fn(|part| match part.checked_sub(1) {
            None => Self::Running,
            Some(reason) => Self::Waiting(WaitReason::ALL[reason]),
        })
    }

    /// In words, for legends.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting(WaitReason::Ready) => "ready, no processor",
            Self::Waiting(WaitReason::Lock) => "waiting for a lock",
            Self::Waiting(WaitReason::Gil) => "waiting for the GIL",
            Self::Waiting(WaitReason::Sleeping) => "sleeping",
            Self::Waiting(WaitReason::Io) => "waiting for I/O",
            Self::Waiting(WaitReason::Network) => "waiting for the network",
            Self::Waiting(WaitReason::Child) => "waiting for a child",
            Self::Waiting(WaitReason::Disk) => "waiting for a page or a disk",
            Self::Waiting(WaitReason::Other) => "waiting",
        }
    }

    fn part(self) -> usize {
        Self::all().iter().position(|state| *state == self).unwrap_or(0)
    }
}

/// One bin: how much of its time went to each state. In a thread's lane the parts add up to at most 1; in a process's
/// they are the sums over its threads, so that `running` is the number of processors in use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell(pub [f32; STATES]);

impl Cell {
    #[must_use]
    pub fn of(&self, state: State) -> f32 {
        self.0[state.part()]
    }

    /// Sum over all states.
    #[must_use]
    pub fn sum(&self) -> f32 {
        self.0.iter().sum()
    }
}

/// A thread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThreadLane {
    pub tid: u32,
    pub name: String,
    /// From its first sample to its last, as far as that is known.
    pub from: Nanos,
    pub to: Nanos,
    pub cells: Vec<Cell>,
}

/// A process with its threads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessLane {
    pub pid: u32,
    pub ppid: u32,
    pub name: String,
    pub start: Nanos,
    /// `None` where it outlived the recording.
    pub end: Option<Nanos>,
    /// Sum over all threads.
    pub cells: Vec<Cell>,
    /// The main thread first, then in order of their numbers.
    pub threads: Vec<ThreadLane>,
    /// Threads that have no lane of their own.
    pub more_threads: usize,
}

/// All lanes of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lanes {
    pub range: (Nanos, Nanos),
    pub bins: usize,
    /// Waiting was recorded. Where it was not, what is not running is not known.
    pub waits_known: bool,
    /// In order of first sight.
    pub processes: Vec<ProcessLane>,
}

/// The lanes of a bundle over a range of time in `bins` bins.
#[must_use]
pub fn lanes(bundle: &Bundle, range: (Nanos, Nanos), bins: usize) -> Lanes {
    let wall = bundle.profiles.iter().find(|profile| profile.info.weight == WeightKind::Wall);
    let cpu = || bundle.profiles.iter().find(|profile| profile.info.weight == WeightKind::Cpu);
    lanes_of(wall.or_else(cpu).map(AsRef::as_ref), &bundle.timeline, range, bins)
}

/// As [`lanes`], of one profile.
#[must_use]
pub fn lanes_of(profile: Option<&Profile>, timeline: &Timeline, range: (Nanos, Nanos), bins: usize) -> Lanes {
    let bins = bins.clamp(1, MOST_CELLS);
    let mut lanes = Lanes { range, bins, ..Lanes::default() };
    let mut places = BTreeMap::new();
    for process in &timeline.processes {
        places.entry(process.pid).or_insert(lanes.processes.len());
        lanes.processes.push(ProcessLane {
            pid: process.pid,
            ppid: process.ppid,
            name: process.name.clone(),
            start: process.start_ns,
            end: process.end_ns,
            ..ProcessLane::default()
        });
    }
    if let Some(profile) = profile {
        lanes.waits_known = profile.info.weight == WeightKind::Wall;
        fill(&mut lanes, &mut places, profile);
    }
    lanes
}

/// Where the samples of a thread of the profile go.
#[derive(Clone, Copy)]
struct Target {
    process: usize,
    /// Row of its lane where it has one.
    lane: Option<usize>,
}

fn fill(lanes: &mut Lanes, places: &mut BTreeMap<u32, usize>, profile: &Profile) {
    let Some(times) = &profile.samples.time else { return };
    let states = states(profile);
    let targets = targets(lanes, places, profile);
    let samples = &profile.samples;
    for (row, &time) in times.iter().enumerate() {
        let target = targets[samples.thread[row].index()];
        let (weight, part) = (samples.weight[row], usize::from(states[samples.stack[row].index()]));
        let from = time - weight;
        let process = &mut lanes.processes[target.process];
        spread(&mut process.cells, lanes.range, (from, time), part);
        if let Some(lane) = target.lane {
            let lane = &mut process.threads[lane];
            if lane.to == Nanos::ZERO || from < lane.from {
                lane.from = from;
            }
            lane.to = lane.to.max(time);
            spread(&mut lane.cells, lanes.range, (from, time), part);
        }
    }
    let threads = lanes.processes.iter_mut().flat_map(|process| &mut process.threads);
    threads.flat_map(|thread| &mut thread.cells).for_each(|cell| {
        // Samples stand for their time by chance only: a cell may have got a little more than it is long.
        let sum = cell.sum();
        if sum > 1.0 {
            cell.0.iter_mut().for_each(|part| *part /= sum);
        }
    });
}

/// The state that each stack stands for, by the function at its leaf.
fn states(profile: &Profile) -> Vec<u8> {
    let of_function = |row: usize| {
        let id = crate::model::FunctionId::from_index(row);
        let waiting = profile.function(id).kind == FunctionKind::Waiting;
        let reason = waiting.then(|| WaitReason::of_function(profile.function_name(id)));
        u8::try_from(reason.map_or(State::Running, State::Waiting).part()).unwrap_or(0)
    };
    let functions: Vec<u8> = (0..profile.functions.len()).map(of_function).collect();
    let leaf = |row: usize| profile.frame_function(profile.stacks.frame(crate::model::StackId::from_index(row)));
    (0..profile.stacks.len()).map(|row| functions[leaf(row).index()]).collect()
}

/// Makes the lanes of all threads, as many as memory allows.
fn targets(lanes: &mut Lanes, places: &mut BTreeMap<u32, usize>, profile: &Profile) -> Vec<Target> {
    let rows = &profile.threads.rows;
    let mut weights = vec![Nanos::ZERO; rows.len()];
    for (thread, weight) in profile.samples.thread.iter().zip(&profile.samples.weight) {
        weights[thread.index()] += *weight;
    }
    // A thread that was renamed has several rows.
    let mut threads: BTreeMap<(u32, u32), (Nanos, usize)> = BTreeMap::new();
    for (row, thread) in rows.iter().enumerate() {
        let sum = threads.entry((thread.pid, thread.tid)).or_insert((Nanos::ZERO, row));
        sum.0 += weights[row];
        if let Entry::Vacant(place) = places.entry(thread.pid) {
            place.insert(lanes.processes.len());
            let name = profile.string(thread.process).to_owned();
            lanes.processes.push(ProcessLane { pid: thread.pid, name, ..ProcessLane::default() });
        }
    }
    let room = MOST_CELLS / lanes.bins;
    for process in lanes.processes.iter_mut().take(room) {
        process.cells = vec![Cell::default(); lanes.bins];
    }
    let mut busiest: Vec<_> = threads.iter().map(|(key, (weight, _))| (std::cmp::Reverse(*weight), *key)).collect();
    busiest.order();
    busiest.truncate(room.saturating_sub(lanes.processes.len()));
    let shown: std::collections::BTreeSet<(u32, u32)> = busiest.into_iter().map(|(_, key)| key).collect();
    let mut order: Vec<(u32, u32)> = threads.keys().copied().collect();
    order.order_by_key(|&(pid, tid)| (pid, tid != pid, tid));
    let mut made = BTreeMap::new();
    for key in order {
        let process = &mut lanes.processes[places[&key.0]];
        if shown.contains(&key) {
            let name = profile.string(rows[threads[&key].1].name).to_owned();
            made.insert(key, process.threads.len());
            let cells = vec![Cell::default(); lanes.bins];
            process.threads.push(ThreadLane { tid: key.1, name, cells, ..ThreadLane::default() });
        } else {
            process.more_threads += 1;
        }
    }
    let target = |thread: &crate::model::Thread| {
        let lane = made.get(&(thread.pid, thread.tid)).copied();
        Target { process: places[&thread.pid], lane }
    };
    rows.iter().map(target).collect()
}

/// Adds the time from `from` to `to` to the bins that it overlaps, as shares of a bin.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bins are few, shares small")]
fn spread(cells: &mut [Cell], range: (Nanos, Nanos), (from, to): (Nanos, Nanos), part: usize) {
    let (from, to) = (from.max(range.0), to.min(range.1));
    if cells.is_empty() || from >= to {
        return;
    }
    let bin = (range.1 - range.0).as_f64() / Nanos(cells.len() as u64).as_f64();
    let (first, last) = ((from - range.0).as_f64() / bin, (to - range.0).as_f64() / bin);
    let end = (last.ceil() as usize).min(cells.len());
    for (index, cell) in cells[..end].iter_mut().enumerate().skip(first as usize) {
        let edge = Nanos(index as u64).as_f64();
        let overlap = last.min(edge + 1.0) - first.max(edge);
        cell.0[part] += overlap.max(0.0) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        FrameSpec, FunctionSpec, Process, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec, WAITING_MODULE,
    };

    const MS: u64 = Nanos::MILLISECOND.0;

    /// Samples of (end in ms, weight in ms, thread, leaf); thread n belongs to process n / 10 * 10.
    fn wall(samples: &[(u64, u64, u32, &str)]) -> Profile {
        let mut builder = ProfileBuilder::new();
        for &(end, weight, tid, leaf) in samples {
            let module = builder.module(if leaf.starts_with('[') { WAITING_MODULE } else { "/app" }, "");
            let function = builder.function(FunctionSpec { name: leaf, module, ..Default::default() });
            let frame = builder.frame(FrameSpec { function, line: 0, inlined: false, address: 0 });
            let stack = builder.stack(None, frame);
            let name = format!("t{tid}");
            let thread = builder.thread(ThreadSpec { pid: tid / 10 * 10, tid, name: &name, process: "app" });
            let weight = Nanos(weight * MS);
            builder.sample(SampleSpec { time: Some(Nanos(end * MS)), stack, thread, weight, count: 1 });
        }
        let info = ProfileInfo { name: "wall".into(), weight: WeightKind::Wall, ..Default::default() };
        builder.finish(info).unwrap()
    }

    /// One letter and ten times the share for each state of each bin, `.` for nothing.
    fn picture(cells: &[Cell]) -> String {
        let cell = |cell: &Cell| {
            let parts = State::all().into_iter().filter(|&state| cell.of(state) > 0.0);
            let letter = |state: State| match state {
                State::Running => 'R',
                State::Waiting(WaitReason::Ready) => 'q',
                State::Waiting(WaitReason::Sleeping) => 's',
                State::Waiting(WaitReason::Lock) => 'l',
                State::Waiting(_) => 'w',
            };
            let text: Vec<_> = parts.map(|state| format!("{}{:.0}", letter(state), cell.of(state) * 10.0)).collect();
            if text.is_empty() { ".".to_owned() } else { text.concat() }
        };
        cells.iter().map(cell).collect::<Vec<_>>().join(" ")
    }

    fn range(ms: u64) -> (Nanos, Nanos) {
        (Nanos::ZERO, Nanos(ms * MS))
    }

    #[test]
    fn time_goes_to_the_bins_that_it_covers() {
        let profile = wall(&[
            (10, 10, 10, "f"),
            (25, 15, 10, "[sleeping]"),
            (30, 5, 10, "[ready, no processor]"),
            (40, 40, 11, "[waiting: lock]"),
        ]);
        let lanes = lanes_of(Some(&profile), &Timeline::default(), range(50), 5);
        assert!(lanes.waits_known && lanes.processes.len() == 1);
        let process = &lanes.processes[0];
        assert_eq!(picture(&process.threads[0].cells), "R10 s10 q5s5 . .");
        assert_eq!(picture(&process.threads[1].cells), "l10 l10 l10 l10 .");
        assert_eq!(picture(&process.cells), "R10l10 l10s10 q5l10s5 l10 .");
        let thread = &process.threads[0];
        assert_eq!((thread.name.as_str(), thread.from, thread.to), ("t10", Nanos::ZERO, Nanos(30 * MS)));
    }

    #[test]
    fn a_part_of_the_time_is_cut_out() {
        let profile = wall(&[(40, 40, 10, "[sleeping]"), (47, 7, 10, "f"), (48, 7, 10, "f")]);
        let of = |from: u64, to: u64, bins| {
            let lanes = lanes_of(Some(&profile), &Timeline::default(), (Nanos(from * MS), Nanos(to * MS)), bins);
            picture(&lanes.processes[0].threads[0].cells)
        };
        assert_eq!(of(30, 50, 2), "s10 R10", "never more than all of a bin");
        assert_eq!(of(35, 45, 1), "R6s4");
        assert_eq!(of(60, 70, 2), ". .");
        assert_eq!(of(40, 40, 2), ". .", "an empty range is no reason to fail");
    }

    #[test]
    fn processes_come_from_the_timeline_and_the_samples() {
        let mut timeline = Timeline::default();
        let (start_ns, end_ns) = (Nanos(MS), Some(Nanos(9 * MS)));
        timeline.processes.push(Process { pid: 20, name: "child".into(), start_ns, end_ns, ..Default::default() });
        let lanes = lanes_of(Some(&wall(&[(5, 5, 10, "f")])), &timeline, range(10), 2);
        let names: Vec<_> = lanes.processes.iter().map(|p| (p.pid, p.name.as_str(), p.threads.len(), p.end)).collect();
        assert_eq!(names, [(20, "child", 0, end_ns), (10, "app", 1, None)]);
        assert!(lanes_of(None, &timeline, range(10), 2).processes[0].cells.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_the_busiest_threads_are_shown() {
        let samples: Vec<(u64, u64, u32, &str)> = (0..1_000).map(|n| (u64::from(n), u64::from(n), n, "f")).collect();
        let lanes = lanes_of(Some(&wall(&samples)), &Timeline::default(), range(1_000), MOST_CELLS / 200);
        let shown: usize = lanes.processes.iter().map(|process| process.threads.len()).sum();
        let left_out: usize = lanes.processes.iter().map(|process| process.more_threads).sum();
        assert_eq!((lanes.processes.len(), shown, left_out), (100, 100, 900));
        assert!(lanes.processes.iter().flat_map(|process| &process.threads).all(|thread| thread.tid >= 900));
        assert!((lanes.processes[99].cells[0].sum() - 10.0).abs() < 0.2, "{:?}", lanes.processes[99].cells[0]);
    }

    #[test]
    fn without_wall_the_running_share_is_all() {
        let bundle =
            Bundle { profiles: vec![std::sync::Arc::new(crate::testing::profile("A A"))], ..Default::default() };
        let lanes = lanes(&bundle, range(2), 2);
        assert!(!lanes.waits_known);
        assert_eq!(picture(&lanes.processes[0].threads[0].cells), "R10 .");
    }
}
