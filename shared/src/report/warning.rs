//! Every warning worded once, for the terminal and the page.

use crate::format::{count, duration, file_name, plural, significant};
use crate::model::Warning;

/// What a warning means for the reader and, where something helps, what to do.
#[must_use]
pub fn warning_text(warning: &Warning) -> String {
    match warning {
        Warning::LostSamples { profile, lost, samples } => format!(
            "{} of profile {profile} lost beside {} kept: shares may be off where the program was busiest",
            plural(*lost, "sample"),
            count(*samples)
        ),
        Warning::Throttled { times } => {
            format!("the kernel throttled sampling {}: a lower --rate avoids it", plural(*times, "time"))
        }
        Warning::SlowSampler { profile, asked_hz, reached_hz } => format!(
            "profile {profile} reached {} Hz of the {} Hz asked for",
            significant(*reached_hz),
            significant(*asked_hz)
        ),
        Warning::FewSamples { profile, samples: 0 } => {
            format!(
                "profile {profile} has no samples: the program ended too soon or only waited; a higher --rate may give some"
            )
        }
        Warning::FewSamples { profile, samples } => format!(
            "profile {profile} has only {}: take its shares as a hint; a longer run or a higher --rate gives more",
            plural(*samples, "sample")
        ),
        Warning::NativeUnavailable { reason, fix } => with_fix("native stacks were not recorded", reason, fix),
        Warning::KernelNotSampled { reason, fix } => {
            with_fix("kernel code was not sampled; its CPU time is one frame, [kernel, not sampled]", reason, fix)
        }
        Warning::PythonUnavailable { pid, reason, fix } => {
            with_fix(&format!("Python stacks of process {pid} were not recorded"), reason, fix)
        }
        Warning::PythonReadErrors { errors, attempts } => {
            format!("{} of {} of Python stacks failed and were left out", count(*errors), plural(*attempts, "read"))
        }
        Warning::WaitingUnavailable { pid, reason, fix } => {
            with_fix(&format!("where threads of process {pid} wait was not recorded, only that they do"), reason, fix)
        }
        _ => other_text(warning),
    }
}

fn other_text(warning: &Warning) -> String {
    match warning {
        Warning::UnwindFailures { failed, samples } => format!(
            "{} of {} could not be unwound to the start of the thread: their callers are missing",
            count(*failed),
            plural(*samples, "stack")
        ),
        Warning::TruncatedStacks { truncated, samples } => {
            format!("{} of {} cut at the limit of depth", count(*truncated), plural(*samples, "stack"))
        }
        Warning::Unsymbolicated { samples, of, modules } => format!(
            "{} of {} ended in code without symbols, most of it in {}",
            count(*samples),
            plural(*of, "sample"),
            list(&modules.iter().map(|path| file_name(path).to_owned()).collect::<Vec<_>>())
        ),
        Warning::ShortLivedProcesses { count: processes } => format!(
            "{} ended before memory and threads could be read: peaks may be higher than shown",
            plural(*processes, "process")
        ),
        Warning::Survivors { processes } => format!(
            "{} outlived the recording, which ended with the command itself: {}",
            plural(processes.len() as u64, "process"),
            list(processes)
        ),
        Warning::Partial { reason } => format!("the recording is partial: {reason}"),
        Warning::WriteFailed { what, reason } => format!("{what} could not be written: {reason}"),
        Warning::TimelineGap { from_ns, to_ns } => {
            format!("no resources were read from {} to {} after the start", duration(*from_ns), duration(*to_ns))
        }
        Warning::DamagedMember { member, reason } => format!("{member} is damaged and was left out: {reason}"),
        Warning::SkippedLines { member, count: lines, first_line, reason } => {
            format!("{} of {member} left out, first line {}: {reason}", plural(*lines, "line"), count(*first_line))
        }
        Warning::PythonNotEntered { processes, reason, fix } => with_fix(
            &format!(
                "{} not recorded from inside: {}",
                plural(processes.len() as u64, "Python process"),
                list(processes)
            ),
            reason,
            fix,
        ),
        Warning::AgentFailed { what, reason, count: processes } => {
            format!("{} failed in {}: {reason}", agent_mode(what), plural(*processes, "process"))
        }
        Warning::AgentCut { processes } => format!(
            "{} did not end by itself: what was recorded inside ends up to a second or more before it: {}",
            plural(processes.len() as u64, "Python process"),
            list(processes)
        ),
        Warning::SourceChanged { files } => format!(
            "written after the recording began, so that text and figures may not belong together: {}",
            list(files)
        ),
        Warning::SourceNotCaptured { files, reason } => {
            format!(
                "source text of {} was not captured ({reason}): {}",
                plural(files.len() as u64, "file"),
                list(files)
            )
        }
        Warning::Injected { what } => format!("added for the program to be recordable: {what}"),
        Warning::Benchmark { what, reason, fix } | Warning::Cache { what, reason, fix } if what.is_empty() => {
            with_fix(reason, "", fix)
        }
        Warning::Benchmark { what, reason, fix }
        | Warning::Cache { what, reason, fix }
        | Warning::Event { what, reason, fix } => with_fix(&format!("{what}: {reason}"), "", fix),
        _ => "a warning that this version of perfcollect does not know; a newer one can show it".into(),
    }
}

/// What was asked for, as it was asked for.
fn agent_mode(name: &str) -> String {
    match name {
        "caches" => "the counting of Python's caches".to_owned(),
        "keys" => "`--cache-trace`".to_owned(),
        "candidates" => "`--cache-candidates`".to_owned(),
        "resize" => "`caches try`".to_owned(),
        _ => format!("`--python {name}`"),
    }
}

fn with_fix(what: &str, reason: &str, fix: &str) -> String {
    let mut text = what.to_owned();
    if !reason.is_empty() {
        text = format!("{text} ({reason})");
    }
    if !fix.is_empty() {
        text = format!("{text}; {fix}");
    }
    text
}

/// The first three, and how many more.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 3;
    match names.len() {
        0 => "unknown places".into(),
        n if n > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Nanos;

    fn check(warning: &Warning, expect: &str) {
        assert_eq!(warning_text(warning), expect);
    }

    #[test]
    fn warnings_name_figures_and_what_to_do() {
        check(
            &Warning::LostSamples { profile: "cpu".into(), lost: 1, samples: 4_812 },
            "1 sample of profile cpu lost beside 4,812 kept: shares may be off where the program was busiest",
        );
        check(
            &Warning::KernelNotSampled { reason: "perf_event_paranoid is 2".into(), fix: "run as root".into() },
            "kernel code was not sampled; its CPU time is one frame, [kernel, not sampled] \
             (perf_event_paranoid is 2); run as root",
        );
        check(
            &Warning::NativeUnavailable { reason: String::new(), fix: String::new() },
            "native stacks were not recorded",
        );
        check(
            &Warning::Survivors { processes: vec!["sleep (12)".into(), "d".into(), "e".into(), "f".into()] },
            "4 processes outlived the recording, which ended with the command itself: sleep (12), d, e and 1 more",
        );
        check(
            &Warning::TimelineGap { from_ns: Nanos(1_500_000_000), to_ns: Nanos(2_000_000_000) },
            "no resources were read from 1.50 s to 2.00 s after the start",
        );
        let failed = |what: &str| Warning::AgentFailed { what: what.into(), reason: "no".into(), count: 2 };
        check(&failed("lines"), "`--python lines` failed in 2 processes: no");
        check(&failed("keys"), "`--cache-trace` failed in 2 processes: no");
        check(&failed("candidates"), "`--cache-candidates` failed in 2 processes: no");
        check(&failed("resize"), "`caches try` failed in 2 processes: no");
        check(&failed("caches"), "the counting of Python's caches failed in 2 processes: no");
        check(&Warning::Unknown, "a warning that this version of perfcollect does not know; a newer one can show it");
    }
}
