//! What a reader must know before trusting a figure. Data, not text: stored in bundles, worded in one place.

use crate::fields::fields;
use crate::units::Nanos;
use serde::{Deserialize, Serialize};

/// One thing that limits what a recording says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case", from = "Fields")]
pub enum Warning {
    /// The kernel or a sampler dropped samples.
    LostSamples { profile: String, lost: u64, samples: u64 },
    /// The kernel throttled sampling this many times.
    Throttled { times: u64 },
    /// A sampler could not keep the asked rate.
    SlowSampler { profile: String, asked_hz: f64, reached_hz: f64 },
    /// Too few samples to trust shares.
    FewSamples { profile: String, samples: u64 },
    /// No native stacks were recorded.
    NativeUnavailable { reason: String, fix: String },
    /// Kernel code was not sampled; its time is shown as one frame.
    KernelNotSampled { reason: String, fix: String },
    /// Python stacks of a process could not be recorded.
    PythonUnavailable { pid: u32, reason: String, fix: String },
    /// Where threads of a process wait could not be seen; that they wait could.
    WaitingUnavailable { pid: u32, reason: String, fix: String },
    /// Python stacks that could not be read while the program ran.
    PythonReadErrors { errors: u64, attempts: u64 },
    /// Stacks that unwinding gave up on.
    UnwindFailures { failed: u64, samples: u64 },
    /// Stacks cut at the limit of depth or dump size.
    TruncatedStacks { truncated: u64, samples: u64 },
    /// Native samples whose leaf has no symbol name; `modules` are the worst.
    Unsymbolicated { samples: u64, of: u64, modules: Vec<String> },
    /// Processes that ended before their resources could be read.
    ShortLivedProcesses { count: u64 },
    /// Processes of the tree that outlived the recording.
    Survivors { processes: Vec<String> },
    /// The recording was cut short: killed, full disk, or recovered from a spool.
    Partial { reason: String },
    /// Part of the recording could not be written.
    WriteFailed { what: String, reason: String },
    /// Resources were not read for this long.
    TimelineGap { from_ns: Nanos, to_ns: Nanos },
    /// A member of the bundle is damaged and was left out.
    DamagedMember { member: String, reason: String },
    /// Lines of a member that could not be read.
    SkippedLines { member: String, count: u64, first_line: u64, reason: String },
    /// Python processes that could not be recorded from inside.
    PythonNotEntered { processes: Vec<String>, reason: String, fix: String },
    /// A part of recording inside Python (`what`) failed in so many processes.
    AgentFailed { what: String, reason: String, count: u64 },
    /// Python processes that were killed or lived on: what was recorded inside them ends with its last flush.
    AgentCut { processes: Vec<String> },
    /// Files of source that were written after the recording began: their text may not be what ran.
    SourceChanged { files: Vec<String> },
    /// Files of source whose text was asked for and left out.
    SourceNotCaptured { files: Vec<String>, reason: String },
    /// A setting was added for the program to be recordable (such as Node's perf map).
    Injected { what: String },
    /// What limits the figures of a benchmark, in words (`reason`); `what` is its name, empty where it concerns all.
    Benchmark { what: String, reason: String, fix: String },
    /// What limits the figures of a cache, in words (`reason`); `what` is its name, empty where it concerns all.
    Cache { what: String, reason: String, fix: String },
    /// What limits the counts of an event (`what`), in words (`reason`).
    Event { what: String, reason: String, fix: String },
    /// A code that this version does not know; a newer version wrote it.
    Unknown,
}

/// Any warning's fields side by side. Read through this, a warning costs the page's module a quarter of what a tagged
/// enum does.
#[derive(Default)]
struct Fields {
    code: String,
    profile: String,
    member: String,
    reason: String,
    fix: String,
    what: String,
    modules: Vec<String>,
    processes: Vec<String>,
    files: Vec<String>,
    pid: u32,
    samples: u64,
    of: u64,
    lost: u64,
    times: u64,
    count: u64,
    first_line: u64,
    errors: u64,
    attempts: u64,
    failed: u64,
    truncated: u64,
    asked_hz: f64,
    reached_hz: f64,
    from_ns: Nanos,
    to_ns: Nanos,
}

fields!(Fields:;
    code, profile, member, reason, fix, what, modules, processes, files, pid, samples, of, lost, times, count,
    first_line, errors, attempts, failed, truncated, asked_hz, reached_hz, from_ns, to_ns
);

impl From<Fields> for Warning {
    fn from(fields: Fields) -> Self {
        let Fields { profile, member, reason, fix, what, modules, processes, files, pid, samples, of, .. } = fields;
        let Fields { lost, times, count, first_line, errors, attempts, failed, truncated, .. } = fields;
        let Fields { asked_hz, reached_hz, from_ns, to_ns, .. } = fields;
        match fields.code.as_str() {
            "lost_samples" => Self::LostSamples { profile, lost, samples },
            "throttled" => Self::Throttled { times },
            "slow_sampler" => Self::SlowSampler { profile, asked_hz, reached_hz },
            "few_samples" => Self::FewSamples { profile, samples },
            "native_unavailable" => Self::NativeUnavailable { reason, fix },
            "kernel_not_sampled" => Self::KernelNotSampled { reason, fix },
            "python_unavailable" => Self::PythonUnavailable { pid, reason, fix },
            "waiting_unavailable" => Self::WaitingUnavailable { pid, reason, fix },
            "python_read_errors" => Self::PythonReadErrors { errors, attempts },
            "unwind_failures" => Self::UnwindFailures { failed, samples },
            "truncated_stacks" => Self::TruncatedStacks { truncated, samples },
            "unsymbolicated" => Self::Unsymbolicated { samples, of, modules },
            "short_lived_processes" => Self::ShortLivedProcesses { count },
            "survivors" => Self::Survivors { processes },
            "partial" => Self::Partial { reason },
            "write_failed" => Self::WriteFailed { what, reason },
            "timeline_gap" => Self::TimelineGap { from_ns, to_ns },
            "damaged_member" => Self::DamagedMember { member, reason },
            "skipped_lines" => Self::SkippedLines { member, count, first_line, reason },
            "python_not_entered" => Self::PythonNotEntered { processes, reason, fix },
            "agent_failed" => Self::AgentFailed { what, reason, count },
            "agent_cut" => Self::AgentCut { processes },
            "source_changed" => Self::SourceChanged { files },
            "source_not_captured" => Self::SourceNotCaptured { files, reason },
            "injected" => Self::Injected { what },
            "benchmark" => Self::Benchmark { what, reason, fix },
            "cache" => Self::Cache { what, reason, fix },
            "event" => Self::Event { what, reason, fix },
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_warning_is_read_as_it_was_written() {
        let text = String::from("t");
        let all = [
            Warning::LostSamples { profile: text.clone(), lost: 1, samples: 2 },
            Warning::Throttled { times: 3 },
            Warning::SlowSampler { profile: text.clone(), asked_hz: 4.5, reached_hz: 5.5 },
            Warning::FewSamples { profile: text.clone(), samples: 6 },
            Warning::NativeUnavailable { reason: text.clone(), fix: "f".into() },
            Warning::KernelNotSampled { reason: text.clone(), fix: "f".into() },
            Warning::PythonUnavailable { pid: 7, reason: text.clone(), fix: "f".into() },
            Warning::WaitingUnavailable { pid: 7, reason: text.clone(), fix: "f".into() },
            Warning::PythonReadErrors { errors: 8, attempts: 9 },
            Warning::UnwindFailures { failed: 10, samples: 11 },
            Warning::TruncatedStacks { truncated: 12, samples: 13 },
            Warning::Unsymbolicated { samples: 14, of: 15, modules: vec![text.clone()] },
            Warning::ShortLivedProcesses { count: 16 },
            Warning::Survivors { processes: vec![text.clone()] },
            Warning::Partial { reason: text.clone() },
            Warning::WriteFailed { what: text.clone(), reason: "r".into() },
            Warning::TimelineGap { from_ns: Nanos(17), to_ns: Nanos(18) },
            Warning::DamagedMember { member: text.clone(), reason: "r".into() },
            Warning::SkippedLines { member: text.clone(), count: 19, first_line: 20, reason: "r".into() },
            Warning::PythonNotEntered { processes: vec![text.clone()], reason: "r".into(), fix: "f".into() },
            Warning::AgentFailed { what: text.clone(), reason: "r".into(), count: 21 },
            Warning::AgentCut { processes: vec![text.clone()] },
            Warning::SourceChanged { files: vec![text.clone()] },
            Warning::SourceNotCaptured { files: vec![text.clone()], reason: "r".into() },
            Warning::Injected { what: text.clone() },
            Warning::Benchmark { what: text.clone(), reason: "r".into(), fix: "f".into() },
            Warning::Cache { what: text.clone(), reason: "r".into(), fix: "f".into() },
            Warning::Event { what: text, reason: "r".into(), fix: "f".into() },
            Warning::Unknown,
        ];
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Warning>>(&json).unwrap(), all);
        let newer = r#"{"code":"of a newer version","anything":[1]}"#;
        assert_eq!(serde_json::from_str::<Warning>(newer).unwrap(), Warning::Unknown);
    }
}
