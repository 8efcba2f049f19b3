//! Warnings of several recordings as those of one: each once, with its counts added up.

use crate::model::{Profile, Warning};
use crate::units::Nanos;
use std::sync::Arc;

/// Shares of fewer samples are off by more than ten points (95 % interval of a half).
pub const FEW_SAMPLES: u64 = 100;
/// Gaps of the timeline that are told; more say nothing new.
const GAPS: usize = 10;
/// Modules that a warning names.
const NAMED_MODULES: usize = 3;

/// Adds a warning of a recording that begins at `offset`.
pub(super) fn unite(known: &mut Vec<Warning>, mut new: Warning, offset: Nanos) {
    if let Warning::TimelineGap { from_ns, to_ns } = &mut new {
        (*from_ns, *to_ns) = (*from_ns + offset, *to_ns + offset);
        if known.iter().filter(|warning| matches!(warning, Warning::TimelineGap { .. })).count() >= GAPS {
            return;
        }
    }
    if !known.iter_mut().any(|known| *known == new || add(known, &new)) {
        known.push(new);
    }
}

/// Puts `new` into a warning of the same thing; `false` where it is of another.
fn add(known: &mut Warning, new: &Warning) -> bool {
    match (known, new) {
        (Warning::LostSamples { profile, lost, samples }, Warning::LostSamples { profile: p, lost: l, samples: s })
            if profile == p =>
        {
            (*lost, *samples) = (*lost + l, *samples + s);
        }
        (Warning::Throttled { times }, Warning::Throttled { times: more }) => *times += more,
        (
            Warning::SlowSampler { profile, asked_hz, reached_hz },
            Warning::SlowSampler { profile: p, asked_hz: a, reached_hz: r },
        ) if profile == p => {
            if *r < *reached_hz {
                (*asked_hz, *reached_hz) = (*a, *r);
            }
        }
        (Warning::FewSamples { profile, samples }, Warning::FewSamples { profile: p, samples: s }) if profile == p => {
            *samples += s;
        }
        (
            Warning::PythonUnavailable { reason, .. },
            Warning::PythonUnavailable { reason: r, .. } | Warning::WaitingUnavailable { reason: r, .. },
        )
        | (Warning::WaitingUnavailable { reason, .. }, Warning::WaitingUnavailable { reason: r, .. })
            if reason == r => {}
        (Warning::PythonReadErrors { errors, attempts }, Warning::PythonReadErrors { errors: e, attempts: a }) => {
            (*errors, *attempts) = (*errors + e, *attempts + a);
        }
        (Warning::UnwindFailures { failed, samples }, Warning::UnwindFailures { failed: f, samples: s }) => {
            (*failed, *samples) = (*failed + f, *samples + s);
        }
        (Warning::TruncatedStacks { truncated, samples }, Warning::TruncatedStacks { truncated: t, samples: s }) => {
            (*truncated, *samples) = (*truncated + t, *samples + s);
        }
        (
            Warning::Unsymbolicated { samples, of, modules },
            Warning::Unsymbolicated { samples: s, of: o, modules: m },
        ) => {
            (*samples, *of) = (*samples + s, *of + o);
            join(modules, m);
            modules.truncate(NAMED_MODULES);
        }
        (Warning::ShortLivedProcesses { count }, Warning::ShortLivedProcesses { count: more }) => *count += more,
        (known, new) => return add_lists(known, new),
    }
    true
}

fn add_lists(known: &mut Warning, new: &Warning) -> bool {
    match (known, new) {
        (Warning::Survivors { processes }, Warning::Survivors { processes: more })
        | (Warning::AgentCut { processes }, Warning::AgentCut { processes: more })
        | (Warning::SourceChanged { files: processes }, Warning::SourceChanged { files: more }) => {
            join(processes, more);
        }
        (
            Warning::PythonNotEntered { processes, reason, .. },
            Warning::PythonNotEntered { processes: more, reason: r, .. },
        )
        | (
            Warning::SourceNotCaptured { files: processes, reason },
            Warning::SourceNotCaptured { files: more, reason: r },
        ) if reason == r => join(processes, more),
        (Warning::AgentFailed { what, reason, count }, Warning::AgentFailed { what: w, reason: r, count: more })
            if what == w && reason == r =>
        {
            *count += more;
        }
        (
            Warning::SkippedLines { member, count, reason, .. },
            Warning::SkippedLines { member: m, count: more, reason: r, .. },
        ) if member == m && reason == r => *count += more,
        _ => return false,
    }
    true
}

fn join(known: &mut Vec<String>, more: &[String]) {
    for one in more {
        if !known.contains(one) {
            known.push(one.clone());
        }
    }
}

/// What only all recordings together tell: few samples each may be enough in all.
pub(super) fn settle(warnings: &mut Vec<Warning>, profiles: &[Arc<Profile>]) {
    let whole = |name: &str| profiles.iter().find(|profile| profile.info.name == name).map(|p| p.info.samples);
    warnings.retain_mut(|warning| match warning {
        Warning::FewSamples { profile, samples } => {
            *samples = whole(profile).unwrap_or(*samples);
            *samples < FEW_SAMPLES
        }
        Warning::LostSamples { profile, samples, .. } => {
            *samples = whole(profile).unwrap_or(*samples);
            true
        }
        _ => true,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn united(warnings: &[Warning]) -> Vec<Warning> {
        let mut known = Vec::new();
        for warning in warnings {
            unite(&mut known, warning.clone(), Nanos(100));
        }
        known
    }

    #[test]
    fn counts_of_the_same_thing_add_up() {
        let lost = |profile: &str, lost| Warning::LostSamples { profile: profile.into(), lost, samples: 10 };
        let found = united(&[lost("cpu", 1), lost("wall", 2), lost("cpu", 3), Warning::Throttled { times: 2 }]);
        let cpu = Warning::LostSamples { profile: "cpu".into(), lost: 4, samples: 20 };
        assert_eq!(found, [cpu, lost("wall", 2), Warning::Throttled { times: 2 }]);
    }

    #[test]
    fn the_same_reason_is_told_once_and_lists_are_joined() {
        let unread = |pid, reason: &str| {
            let reason = reason.to_owned();
            Warning::PythonUnavailable { pid, reason, fix: "f".into() }
        };
        let alive = |names: &[&str]| Warning::Survivors { processes: names.iter().map(ToString::to_string).collect() };
        let found = united(&[unread(1, "a"), unread(2, "a"), unread(3, "b"), alive(&["x"]), alive(&["y", "x"])]);
        assert_eq!(found, [unread(1, "a"), unread(3, "b"), alive(&["x", "y"])]);
        let same = || Warning::Partial { reason: "r".into() };
        assert_eq!(united(&[same(), same()]), [same()]);
    }

    #[test]
    fn gaps_move_with_their_recording_and_are_not_listed_without_end() {
        let gap = |from| Warning::TimelineGap { from_ns: Nanos(from), to_ns: Nanos(from + 5) };
        assert_eq!(united(&[gap(1)]), [gap(101)]);
        assert_eq!(united(&(0..50).map(gap).collect::<Vec<_>>()).len(), GAPS);
    }
}
