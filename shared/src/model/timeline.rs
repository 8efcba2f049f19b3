//! Resources of the process tree over time.

use crate::fields::fields;
use crate::units::{Bytes, Nanos};
use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize};

/// A process of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Process {
    pub pid: u32,
    pub ppid: u32,
    /// `comm`, at most 15 bytes.
    pub name: String,
    /// Arguments; empty where the process was gone before they could be read.
    pub command: Vec<String>,
    /// First seen, since the start of the recording.
    pub start_ns: Nanos,
    /// Last seen or end; `null` where it outlived the recording.
    pub end_ns: Option<Nanos>,
}

fields!(Process: pid, ppid, name, start_ns; command, end_ns);

/// What the kernel said of one process at one moment. Times and counters are sums since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResourceSample {
    /// Since the start of the recording.
    pub t_ns: Nanos,
    pub pid: u32,
    pub user_ns: Nanos,
    pub system_ns: Nanos,
    /// Resident set size.
    pub rss_bytes: Bytes,
    /// Proportional set size, only read when several processes share memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pss_bytes: Option<Bytes>,
    pub threads: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u32>,
    /// Of all threads; of one that has ended, up to its last reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voluntary_switches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub involuntary_switches: Option<u64>,
    /// Bytes that read and similar calls returned (`rchar`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_bytes: Option<Bytes>,
    /// Bytes given to write and similar calls (`wchar`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<Bytes>,
    pub minor_faults: u64,
    pub major_faults: u64,
}

fields!(ResourceSample:
    t_ns, pid, user_ns, system_ns, rss_bytes, threads, minor_faults, major_faults;
    pss_bytes, open_files, voluntary_switches, involuntary_switches, read_bytes, written_bytes
);

/// One line of `timeline.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TimelineLine {
    /// First sight of a process; a second line of the same pid replaces name and command (exec). One that starts after
    /// the end of the first is another process with the same number.
    Process(Process),
    Sample(ResourceSample),
    /// A process ended.
    Exit {
        pid: u32,
        t_ns: Nanos,
    },
}

/// The resource samples of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// In order of first sight.
    pub processes: Vec<Process>,
    /// In order of time.
    pub samples: Vec<ResourceSample>,
}

impl Timeline {
    /// The lines that [`TimelineBuilder`] would rebuild this from.
    pub fn lines(&self) -> impl Iterator<Item = TimelineLine> + '_ {
        let processes = self.processes.iter().cloned().map(TimelineLine::Process);
        processes.chain(self.samples.iter().cloned().map(TimelineLine::Sample))
    }
}

/// Puts lines together, in their order.
#[derive(Debug)]
pub struct TimelineBuilder {
    timeline: Timeline,
    /// Row of the latest process of each pid.
    rows: HashMap<u32, usize>,
}

impl TimelineBuilder {
    #[must_use]
    pub fn new() -> Self {
        Self { timeline: Timeline::default(), rows: HashMap::new() }
    }

    /// Takes one line of the member.
    pub fn push(&mut self, line: TimelineLine) {
        match line {
            TimelineLine::Process(process) => self.process(process),
            TimelineLine::Sample(sample) => self.sample(sample),
            TimelineLine::Exit { pid, t_ns } => {
                if let Some(&row) = self.rows.get(&pid) {
                    self.timeline.processes[row].end_ns = Some(t_ns);
                }
            }
        }
    }

    /// A resource sample, which nearly all lines are.
    pub fn sample(&mut self, sample: ResourceSample) {
        self.timeline.samples.push(sample);
    }

    fn process(&mut self, process: Process) {
        let processes = &mut self.timeline.processes;
        let known = self
            .rows
            .get(&process.pid)
            .copied()
            .filter(|&row| processes[row].end_ns.is_none_or(|end| process.start_ns <= end));
        if let Some(row) = known {
            processes[row].name = process.name;
            processes[row].command = process.command;
        } else {
            self.rows.insert(process.pid, processes.len());
            processes.push(process);
        }
    }

    #[must_use]
    pub fn finish(self) -> Timeline {
        self.timeline
    }
}

impl Default for TimelineBuilder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_used_again_is_another_process() {
        let process = |pid: u32, name: &str, start: u64| {
            TimelineLine::Process(Process { pid, name: name.into(), start_ns: Nanos(start), ..Process::default() })
        };
        let mut builder = TimelineBuilder::new();
        let exit = |pid, t| TimelineLine::Exit { pid, t_ns: Nanos(t) };
        let lines = [
            process(1, "sh", 0),
            process(2, "sh", 1),
            process(2, "cc", 2),
            exit(2, 3),
            process(2, "ld", 4),
            exit(2, 6),
        ];
        lines.into_iter().chain([process(2, "ar", 5), exit(3, 6)]).for_each(|line| builder.push(line));
        let timeline = builder.finish();
        let seen = |p: &Process| (p.pid, p.name.clone(), p.start_ns.0, p.end_ns.map(|end| end.0));
        let expect = [(1, "sh", 0, None), (2, "cc", 1, Some(3)), (2, "ar", 4, Some(6))];
        assert_eq!(
            timeline.processes.iter().map(seen).collect::<Vec<_>>(),
            expect.map(|(pid, name, start, end)| (pid, name.to_owned(), start, end))
        );
        let mut again = TimelineBuilder::new();
        timeline.lines().for_each(|line| again.push(line));
        assert_eq!(again.finish(), timeline);
    }
}
