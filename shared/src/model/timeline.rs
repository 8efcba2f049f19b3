//! Resources of the process tree over time.

use crate::units::{Bytes, Nanos};
use serde::{Deserialize, Serialize};

/// A process of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    pub ppid: u32,
    /// `comm`, at most 15 bytes.
    pub name: String,
    /// Arguments; empty where the process was gone before they could be read.
    #[serde(default)]
    pub command: Vec<String>,
    /// First seen, since the start of the recording.
    pub start_ns: Nanos,
    /// Last seen or end; `null` where it outlived the recording.
    #[serde(default)]
    pub end_ns: Option<Nanos>,
}

/// What the kernel said of one process at one moment. Times and counters are sums since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceSample {
    /// Since the start of the recording.
    pub t_ns: Nanos,
    pub pid: u32,
    pub user_ns: Nanos,
    pub system_ns: Nanos,
    /// Resident set size.
    pub rss_bytes: Bytes,
    /// Proportional set size, only read when several processes share memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_bytes: Option<Bytes>,
    pub threads: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u32>,
    /// Of all threads; of one that has ended, up to its last reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voluntary_switches: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub involuntary_switches: Option<u64>,
    /// Bytes that read and similar calls returned (`rchar`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_bytes: Option<Bytes>,
    /// Bytes given to write and similar calls (`wchar`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<Bytes>,
    pub minor_faults: u64,
    pub major_faults: u64,
}

/// One line of `timeline.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TimelineLine {
    /// First sight of a process; a second line of the same pid replaces name and command (exec).
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
    /// Takes one line of the member, in file order.
    pub fn push(&mut self, line: TimelineLine) {
        match line {
            TimelineLine::Process(process) => match self.processes.iter_mut().find(|p| p.pid == process.pid) {
                Some(known) => {
                    known.name = process.name;
                    known.command = process.command;
                }
                None => self.processes.push(process),
            },
            TimelineLine::Sample(sample) => self.samples.push(sample),
            TimelineLine::Exit { pid, t_ns } => {
                if let Some(known) = self.processes.iter_mut().find(|p| p.pid == pid) {
                    known.end_ns = Some(t_ns);
                }
            }
        }
    }

    /// The lines that `push` would rebuild this from.
    pub fn lines(&self) -> impl Iterator<Item = TimelineLine> + '_ {
        let processes = self.processes.iter().cloned().map(TimelineLine::Process);
        processes.chain(self.samples.iter().cloned().map(TimelineLine::Sample))
    }
}
