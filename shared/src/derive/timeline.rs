//! Resources over time, by process and summed over the tree.
//!
//! Values are steps, not points: a rate holds over the interval that its counters were read at the ends of, a level from
//! its reading to the next. Where nothing was read there is no step, so that no picture draws a line across a gap.
//! Must not draw: pixels are a number of columns here.

use super::axis::Unit;
use crate::format::{bytes, count, duration, plural};
use crate::model::{Process, ResourceSample, Timeline};
use crate::order::Order;
use crate::units::{Bytes, Nanos};
use std::collections::{HashMap, HashSet};

/// What a chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Processors kept busy: CPU time by wall time.
    Cpu,
    /// Resident sizes. Pages that processes share count in each of them.
    Memory,
    Threads,
    OpenFiles,
    /// Bytes that read calls returned, by second; from files, pipes and sockets alike.
    Read,
    /// Bytes given to write calls, by second.
    Written,
    /// Voluntary and involuntary context switches, by second.
    Switches,
    /// Minor and major page faults, by second.
    Faults,
}

impl Metric {
    pub const ALL: [Self; 8] = [
        Self::Cpu,
        Self::Memory,
        Self::Threads,
        Self::OpenFiles,
        Self::Read,
        Self::Written,
        Self::Switches,
        Self::Faults,
    ];

    /// Name for addresses and ids.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Threads => "threads",
            Self::OpenFiles => "files",
            Self::Read => "read",
            Self::Written => "written",
            Self::Switches => "switches",
            Self::Faults => "faults",
        }
    }

    /// Title of its chart.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "Memory (resident)",
            Self::Threads => "Threads",
            Self::OpenFiles => "Open files",
            Self::Read => "Read",
            Self::Written => "Written",
            Self::Switches => "Context switches",
            Self::Faults => "Page faults",
        }
    }

    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Cpu => Unit::Cores,
            Self::Memory => Unit::Bytes,
            Self::Threads | Self::OpenFiles => Unit::Count,
            Self::Read | Self::Written => Unit::BytesPerSecond,
            Self::Switches | Self::Faults => Unit::PerSecond,
        }
    }

    /// Read off at a moment; the others are rates between two readings of a counter.
    #[must_use]
    pub fn is_level(self) -> bool {
        matches!(self, Self::Memory | Self::Threads | Self::OpenFiles)
    }

    /// What a sum over time is called and comes to: CPU time, bytes, switches; `None` for levels.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; sums are not negative")]
    pub fn sum_text(self, sum: f64) -> Option<String> {
        match self {
            Self::Memory | Self::Threads | Self::OpenFiles => None,
            Self::Cpu => Some(duration(Nanos((sum * 1e9) as u64))),
            Self::Read | Self::Written => Some(bytes(Bytes(sum as u64))),
            Self::Switches | Self::Faults => Some(count(sum.round() as u64)),
        }
    }

    /// The reading: a level, or a counter since the start of the process (CPU in ns). `None`: not read.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and drawn afterwards")]
    fn read(self, sample: &ResourceSample) -> Option<f64> {
        match self {
            Self::Cpu => Some((sample.user_ns + sample.system_ns).as_f64()),
            Self::Memory => Some(sample.rss_bytes.as_f64()),
            Self::Threads => Some(f64::from(sample.threads)),
            Self::OpenFiles => sample.open_files.map(f64::from),
            Self::Read => sample.read_bytes.map(Bytes::as_f64),
            Self::Written => sample.written_bytes.map(Bytes::as_f64),
            Self::Switches => match (sample.voluntary_switches, sample.involuntary_switches) {
                (None, None) => None,
                (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0)) as f64),
            },
            Self::Faults => Some(sample.minor_faults.saturating_add(sample.major_faults) as f64),
        }
    }

    /// What a counter's growth over an interval is as the metric's rate.
    fn rate(self, growth: f64, interval: Nanos) -> f64 {
        let per = if self == Self::Cpu { interval.as_f64() } else { interval.as_secs_f64() };
        growth / per
    }
}

/// One value from a moment to another, in the metric's unit. `from < to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub from: Nanos,
    pub to: Nanos,
    pub value: f64,
}

/// The steps of one process, in order of time and never overlapping.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessSeries {
    pub pid: u32,
    pub name: String,
    pub steps: Vec<Step>,
}

/// One metric of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct StackedSeries {
    pub metric: Metric,
    /// In order of first sight; processes without a reading are left out.
    pub processes: Vec<ProcessSeries>,
    /// Sum over the processes, wherever at least one was measured.
    pub total: Vec<Step>,
}

/// Figures of one metric over a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Over the measured part of the range.
    pub mean: f64,
    pub peak: f64,
    /// Where the peak begins.
    pub peak_at: Nanos,
    /// Value times seconds: CPU seconds, bytes, faults.
    pub sum: f64,
    /// How much of the range was measured.
    pub measured: Nanos,
}

/// One metric by process.
#[must_use]
pub fn series(timeline: &Timeline, metric: Metric) -> StackedSeries {
    let interval = typical_interval(timeline);
    let origins = origins(timeline);
    let times = round_times(&timeline.samples, &origins);
    let mut samples: HashMap<u32, Vec<(Nanos, &ResourceSample)>> = HashMap::new();
    let mut order = Vec::new();
    for (sample, &round) in timeline.samples.iter().zip(&times) {
        let time = if metric.is_level() { round } else { sample.t_ns };
        samples
            .entry(sample.pid)
            .or_insert_with(|| {
                order.push(sample.pid);
                Vec::new()
            })
            .push((time, sample));
    }
    let known: HashMap<u32, &Process> = timeline.processes.iter().map(|p| (p.pid, p)).collect();
    let mut processes: Vec<ProcessSeries> = order
        .into_iter()
        .map(|pid| {
            let process = known.get(&pid).copied();
            let samples = samples.get(&pid).map_or(&[][..], Vec::as_slice);
            let reader = Reader { metric, samples, process, interval, gap: gap_limit(interval) };
            let name = process.map_or_else(|| format!("process {pid}"), |p| p.name.clone());
            let mut steps = if metric.is_level() { reader.levels() } else { reader.rates() };
            clip(&mut steps, &origins, metric.is_level());
            ProcessSeries { pid, name, steps }
        })
        .collect();
    processes.retain(|process| !process.steps.is_empty());
    let total = sum_steps(&processes);
    StackedSeries { metric, processes, total }
}

/// Builds the steps of one process.
struct Reader<'a> {
    metric: Metric,
    samples: &'a [(Nanos, &'a ResourceSample)],
    process: Option<&'a Process>,
    interval: Nanos,
    /// A longer time between two readings is a gap.
    gap: Nanos,
}

impl Reader<'_> {
    fn levels(&self) -> Vec<Step> {
        let end = self.process.and_then(|p| p.end_ns);
        let mut steps = Vec::with_capacity(self.samples.len());
        for (index, &(from, sample)) in self.samples.iter().enumerate() {
            let next = self.samples.get(index + 1).map(|&(time, _)| time);
            // The last reading holds to the end of the process, or for one interval where that was not seen.
            let to = next.or(end.filter(|&end| end > from)).unwrap_or(from + self.interval);
            let to = if to - from > self.gap { from + self.interval } else { to };
            if let (Some(value), true) = (self.metric.read(sample), to > from) {
                steps.push(Step { from, to, value });
            }
        }
        steps
    }

    fn rates(&self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(self.samples.len());
        let mut before = self.first_reading();
        for &(to, sample) in self.samples {
            let Some(value) = self.metric.read(sample) else { continue };
            if let Some((from, known)) = before
                && to > from
                && to - from <= self.gap
                && value >= known
            {
                steps.push(Step { from, to, value: self.metric.rate(value - known, to - from) });
            }
            before = Some((to, value));
        }
        steps
    }

    /// Counters are 0 when a process starts, which was between its first reading and the round before.
    fn first_reading(&self) -> Option<(Nanos, f64)> {
        let &(first, _) = self.samples.first()?;
        let start = self.process.map_or(first, |p| p.start_ns);
        Some((start.min(first.saturating_sub(self.interval)), 0.0))
    }
}

/// Median time between two readings of one process; 100 ms where there are not two.
fn typical_interval(timeline: &Timeline) -> Nanos {
    let mut last: HashMap<u32, Nanos> = HashMap::new();
    let mut intervals: Vec<Nanos> = timeline
        .samples
        .iter()
        .filter_map(|sample| Some(sample.t_ns - last.insert(sample.pid, sample.t_ns)?))
        .filter(|&interval| interval > Nanos::ZERO)
        .collect();
    let middle = intervals.len() / 2;
    if intervals.is_empty() {
        return Nanos(100 * Nanos::MILLISECOND.0);
    }
    *intervals.select_nth_unstable(middle).1
}

/// When processes began of which none lived with one before: starts of runs that lie one after the other. Ascending.
fn origins(timeline: &Timeline) -> Vec<Nanos> {
    let mut ended = Some(Nanos::ZERO);
    let mut origins = Vec::new();
    for process in &timeline.processes {
        if ended.is_some_and(|end| process.start_ns > end) {
            origins.push(process.start_ns);
        }
        ended = ended.zip(process.end_ns).map(|(known, end)| known.max(end));
    }
    origins
}

fn origin_of(origins: &[Nanos], time: Nanos) -> usize {
    origins.partition_point(|&origin| origin <= time)
}

/// Keeps steps within the run that they were read in: a reading of one says nothing of another.
fn clip(steps: &mut [Step], origins: &[Nanos], level: bool) {
    for step in steps {
        let read = if level { step.from } else { step.to };
        let run = origin_of(origins, read);
        if let Some(&origin) = run.checked_sub(1).and_then(|before| origins.get(before)) {
            let value = step.value * (step.to - step.from).as_f64();
            step.from = step.from.max(origin);
            // The growth of a counter was all in this run.
            if !level && step.to > step.from {
                step.value = value / (step.to - step.from).as_f64();
            }
        }
        if let Some(&next) = origins.get(run) {
            step.to = step.to.min(next);
        }
    }
}

/// Five intervals, and at least half a second: a busy machine delays a reading without hiding much.
fn gap_limit(interval: Nanos) -> Nanos {
    Nanos(interval.0.saturating_mul(5)).max(Nanos(500 * Nanos::MILLISECOND.0))
}

/// The time of the round that each sample was read in: that of the round's first reading.
///
/// The probe reads one process after the other; a round is over when a process is read again. Levels of one round are
/// put to one moment, so that their sum is of processes that lived together.
fn round_times(samples: &[ResourceSample], origins: &[Nanos]) -> Vec<Nanos> {
    let mut read = HashSet::new();
    let mut time = Nanos::ZERO;
    samples
        .iter()
        .map(|sample| {
            let is_over = || origin_of(origins, sample.t_ns) > origin_of(origins, time);
            if read.is_empty() || read.contains(&sample.pid) || is_over() {
                read.clear();
                time = sample.t_ns;
            }
            read.insert(sample.pid);
            time
        })
        .collect()
}

/// The sum of all steps, as steps; nothing where no process has one.
fn sum_steps(processes: &[ProcessSeries]) -> Vec<Step> {
    let steps = processes.iter().flat_map(|process| &process.steps);
    let mut edges: Vec<(Nanos, f64, i32)> =
        steps.flat_map(|step| [(step.from, step.value, 1), (step.to, -step.value, -1)]).collect();
    edges.order_by_key(|&(time, _, sign)| (time, sign));
    let (mut value, mut alive, mut from) = (0.0, 0, Nanos::ZERO);
    let mut total: Vec<Step> = Vec::new();
    for (time, change, sign) in edges {
        if alive > 0 && time > from {
            match total.last_mut() {
                Some(last) if last.to == from && same(last.value, value) => last.to = time,
                _ => total.push(Step { from, to: time, value }),
            }
        }
        from = time;
        alive += sign;
        // Sums of floats leave dust behind; with nobody left the sum is nothing.
        value = if alive == 0 { 0.0 } else { f64::max(value + change, 0.0) };
    }
    total
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Mean, peak and sum over a range; `None` where nothing of it was measured.
#[must_use]
pub fn figures(steps: &[Step], range: (Nanos, Nanos)) -> Option<Figures> {
    let mut figures = Figures { mean: 0.0, peak: 0.0, peak_at: range.0, sum: 0.0, measured: Nanos::ZERO };
    for (step, overlap) in overlapping(steps, range) {
        if step.value > figures.peak {
            figures.peak = step.value;
            figures.peak_at = step.from.max(range.0);
        }
        figures.sum += step.value * overlap.as_secs_f64();
        figures.measured += overlap;
    }
    figures.mean = figures.sum / figures.measured.as_secs_f64();
    (figures.measured > Nanos::ZERO).then_some(figures)
}

fn overlapping(steps: &[Step], range: (Nanos, Nanos)) -> impl Iterator<Item = (&Step, Nanos)> {
    let first = steps.partition_point(|step| step.to <= range.0);
    let inside = steps[first..].iter().take_while(move |step| step.from < range.1);
    inside.map(move |step| (step, step.to.min(range.1) - step.from.max(range.0)))
}

/// Values for `width` columns over a range, NaN where nothing was measured.
///
/// A column is the mean of a rate and the largest of a level over the measured part of its time: so a short peak of
/// memory is never averaged away, and the area under a rate stays what it is.
#[must_use]
pub fn resample(steps: &[Step], range: (Nanos, Nanos), width: usize, level: bool) -> Vec<f64> {
    let span = (range.1 - range.0).0;
    let edge = |column: usize| Nanos(range.0.0 + part(span, column, width));
    (0..width)
        .map(|column| match figures(steps, (edge(column), edge(column + 1))) {
            Some(figures) if level => figures.peak,
            Some(figures) => figures.mean,
            None => f64::NAN,
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a part of a u64 is one")]
fn part(span: u64, column: usize, width: usize) -> u64 {
    (u128::from(span) * column as u128 / width.max(1) as u128) as u64
}

/// The time that a recording's charts span: to its end, its last reading or its last sample, whatever is latest.
#[must_use]
pub fn span(timeline: &Timeline, wall: Option<Nanos>, last_sample: Option<Nanos>) -> (Nanos, Nanos) {
    let read = timeline.samples.last().map(|sample| sample.t_ns);
    (Nanos::ZERO, [wall, read, last_sample].into_iter().flatten().max().unwrap_or(Nanos::ZERO))
}

/// The value at a moment, `None` where nothing was measured.
#[must_use]
pub fn value_at(steps: &[Step], time: Nanos) -> Option<f64> {
    let step = steps.get(steps.partition_point(|step| step.to <= time))?;
    (step.from <= time).then_some(step.value)
}

/// At most `count` processes, those with the largest sums, in order of first sight. Under a hundredth of the whole none is.
#[must_use]
pub fn leading(series: &StackedSeries, count: usize) -> Vec<u32> {
    let whole = (Nanos::ZERO, Nanos(u64::MAX));
    let sum = |process: &ProcessSeries| figures(&process.steps, whole).map_or(0.0, |figures| figures.sum);
    let mut order: Vec<(usize, f64)> = series.processes.iter().map(sum).enumerate().collect();
    let least = order.iter().map(|&(_, sum)| sum).sum::<f64>() / 100.0;
    order.retain(|&(_, sum)| sum >= least);
    order.order_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    order.truncate(count);
    order.order_by_key(|&(index, _)| index);
    order.into_iter().map(|(index, _)| series.processes[index].pid).collect()
}

/// The named processes in that order, and all others added up as one called `n others` (process 0).
#[must_use]
pub fn grouped(series: &StackedSeries, named: &[u32]) -> Vec<ProcessSeries> {
    let find = |pid: &u32| series.processes.iter().find(|process| process.pid == *pid).cloned();
    let mut groups: Vec<ProcessSeries> = named.iter().filter_map(find).collect();
    let rest: Vec<ProcessSeries> = series.processes.iter().filter(|p| !named.contains(&p.pid)).cloned().collect();
    if !rest.is_empty() {
        let name = plural(rest.len() as u64, "other");
        groups.push(ProcessSeries { pid: 0, name, steps: sum_steps(&rest) });
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = Nanos::MILLISECOND.0;

    /// `(ms, pid, CPU ms, MiB)` each.
    fn timeline(readings: &[(u64, u32, u64, u64)], ends: &[(u32, u64)]) -> Timeline {
        let mut timeline = Timeline::default();
        for &(ms, pid, cpu, mib) in readings {
            if timeline.processes.iter().all(|p| p.pid != pid) {
                let end_ns = ends.iter().find(|(ended, _)| *ended == pid).map(|&(_, ms)| Nanos(ms * MS));
                let name = format!("p{pid}");
                timeline.processes.push(Process { pid, name, start_ns: Nanos(ms * MS), end_ns, ..Default::default() });
            }
            timeline.samples.push(ResourceSample {
                t_ns: Nanos(ms * MS),
                pid,
                user_ns: Nanos(cpu * MS),
                rss_bytes: Bytes(mib << 20),
                threads: 1,
                ..Default::default()
            });
        }
        timeline
    }

    /// Steps as `from-to:value`, in ms and with two decimals.
    fn picture(steps: &[Step]) -> String {
        let step = |s: &Step| format!("{}-{}:{:.2}", s.from.0 / MS, s.to.0 / MS, s.value);
        steps.iter().map(step).collect::<Vec<_>>().join(" ")
    }

    fn check(readings: &[(u64, u32, u64, u64)], metric: Metric, expect: &str) {
        let scale = if metric == Metric::Memory { 1_048_576.0 } else { 1.0 };
        let mut series = series(&timeline(readings, &[(2, 250)]), metric);
        series.total.iter_mut().for_each(|step| step.value /= scale);
        assert_eq!(picture(&series.total), expect, "{readings:?}");
    }

    #[test]
    fn cpu_is_a_rate_between_readings() {
        check(&[(0, 1, 0, 1), (100, 1, 50, 1), (200, 1, 150, 1)], Metric::Cpu, "0-100:0.50 100-200:1.00");
        // The first reading of a child stands for the time since the round before.
        check(
            &[(0, 1, 0, 1), (100, 1, 100, 1), (200, 1, 200, 1), (200, 2, 50, 1)],
            Metric::Cpu,
            "0-100:1.00 100-200:1.50",
        );
    }

    #[test]
    fn nothing_measured_is_a_gap() {
        check(
            &[(0, 1, 0, 1), (100, 1, 100, 1), (200, 1, 200, 1), (2_000, 1, 300, 2), (2_100, 1, 400, 2)],
            Metric::Cpu,
            "0-200:1.00 2000-2100:1.00",
        );
        check(
            &[(0, 1, 0, 1), (100, 1, 100, 1), (200, 1, 200, 1), (2_000, 1, 300, 2), (2_100, 1, 400, 2)],
            Metric::Memory,
            "0-300:1.00 2000-2200:2.00",
        );
        check(&[], Metric::Cpu, "");
        check(&[(0, 1, 0, 1), (100, 1, 50, 1)], Metric::OpenFiles, "");
    }

    #[test]
    fn memory_is_summed_over_processes_that_lived_together() {
        check(
            &[(0, 1, 0, 10), (100, 1, 0, 20), (101, 2, 0, 30), (200, 1, 0, 10), (201, 2, 0, 5), (300, 1, 0, 10)],
            Metric::Memory,
            "0-100:10.00 100-200:50.00 200-250:15.00 250-400:10.00",
        );
    }

    #[test]
    fn a_counter_that_falls_is_another_process() {
        check(
            &[(0, 1, 0, 1), (100, 1, 90, 1), (200, 1, 10, 1), (300, 1, 60, 1)],
            Metric::Cpu,
            "0-100:0.90 200-300:0.50",
        );
    }

    #[test]
    fn figures_are_of_the_range() {
        let series = series(&timeline(&[(0, 1, 0, 1), (100, 1, 50, 1), (200, 1, 150, 1)], &[]), Metric::Cpu);
        let figures = figures(&series.total, (Nanos(50 * MS), Nanos(1_000 * MS))).unwrap();
        assert!((figures.sum - 0.125).abs() < 1e-9, "{figures:?}");
        assert!((figures.peak - 1.0).abs() < 1e-9);
        assert_eq!((figures.peak_at, figures.measured), (Nanos(100 * MS), Nanos(150 * MS)));
        assert_eq!(super::figures(&series.total, (Nanos(300 * MS), Nanos(400 * MS))), None);
    }

    #[test]
    fn columns_keep_area_of_rates_and_peaks_of_levels() {
        let steps = [
            Step { from: Nanos(0), to: Nanos(100), value: 1.0 },
            Step { from: Nanos(100), to: Nanos(110), value: 9.0 },
            Step { from: Nanos(300), to: Nanos(400), value: 2.0 },
        ];
        let columns = |level| format!("{:.2?}", resample(&steps, (Nanos(0), Nanos(400)), 2, level));
        assert_eq!(columns(false), "[1.73, 2.00]");
        assert_eq!(columns(true), "[9.00, 2.00]");
        assert_eq!(format!("{:?}", resample(&steps, (Nanos(0), Nanos(400)), 4, true)), "[1.0, 9.0, NaN, 2.0]");
        assert_eq!(resample(&steps, (Nanos(0), Nanos(0)), 3, true).len(), 3);
        assert!(resample(&steps, (Nanos(0), Nanos(400)), 0, true).is_empty());
    }

    #[test]
    fn small_processes_become_one() {
        let timeline = timeline(&[(0, 1, 0, 10), (0, 2, 0, 1), (0, 3, 0, 30), (0, 4, 0, 2)], &[]);
        let series = series(&timeline, Metric::Memory);
        let shown = grouped(&series, &leading(&series, 2));
        let names: Vec<&str> = shown.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["p1", "p3", "2 others"]);
        assert!((shown[2].steps[0].value - 3.0 * 1_048_576.0).abs() < 1.0);
    }
}
