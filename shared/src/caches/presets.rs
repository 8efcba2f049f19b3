//! The rules of other tools, as they state them, beside our own verdict: thresholds on one figure.

use super::{Evidence, Simulated, Verdict, real, words};
use crate::format::{count, share};
use serde::Serialize;

/// What one rule says, and by which figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Preset {
    pub says: &'static str,
    pub why: String,
    pub capacity: Option<u64>,
}

/// What each rule says; `None` where the figures it needs are not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Presets {
    /// glintefy's rule for existing caches: below 10 % hits remove; from 20 % on and with less than half of the slots used, adjust
    /// to max(16, 2 x used); else keep.
    pub hit_rate: Option<Preset>,
    /// wtf-codebot's words: above 80 % very effective, above 50 % moderate, else limited.
    pub effectiveness: Option<Preset>,
    /// glintefy's screen of functions without a cache: at least 100 calls and 0.1 s.
    pub candidate: Option<Preset>,
    /// glintefy's last step: apply at 20 % hits and a speed-up of 5 %.
    pub speed_up: Option<Preset>,
    /// Why our verdict differs from the first that does.
    pub disagrees: Option<String>,
}

/// The presets of one cache. They are given what other tools would have: the rate and the time, without doubt.
pub(super) fn presets(evidence: &Evidence, simulated: Option<&Simulated>) -> Presets {
    let rate = evidence.rate.map(|rate| rate.rate.value);
    let best = simulated.filter(|_| evidence.candidate).map(|simulated| &simulated.best_size);
    let calls = if evidence.candidate { evidence.requests } else { None };
    let spent = evidence.cost.and_then(|cost| Some(cost.value? * real(calls?)));
    Presets {
        hit_rate: rate.map(|rate| hit_rate(rate, evidence)),
        effectiveness: rate.map(|rate| {
            let says = match rate {
                rate if rate > 0.8 => "very effective",
                rate if rate > 0.5 => "moderate",
                _ => "limited",
            };
            Preset {
                says,
                why: format!("{} of requests hit; the bounds are 50 % and 80 %", share(rate)),
                capacity: None,
            }
        }),
        candidate: calls.zip(spent).map(|(calls, spent)| candidate(calls, spent)),
        speed_up: best.zip(simulated).map(|(best, simulated)| {
            let gain = (best.saved.value / simulated.stake_ns).max(0.0);
            let apply = best.rate.value >= 0.2 && gain >= 0.05;
            let why = format!(
                "{} would hit, and {} of the time would go; 20 % and 5 % are asked for",
                share(best.rate.value),
                share(gain)
            );
            Preset { says: if apply { "apply" } else { "reject" }, why, capacity: apply.then_some(128) }
        }),
        disagrees: None,
    }
}

fn hit_rate(rate: f64, evidence: &Evidence) -> Preset {
    let used = evidence.entries.zip(evidence.capacity.filter(|&capacity| capacity > 0));
    let (says, why, capacity) = match used {
        _ if rate < 0.1 => ("remove", format!("{} of requests hit, less than 10 %", share(rate)), None),
        Some((entries, capacity)) if rate >= 0.2 && real(entries) < 0.5 * real(capacity) => {
            let why = format!("{} of {} slots used, less than half", count(entries), count(capacity));
            ("adjust size", why, Some((2 * entries).max(16)))
        }
        _ if rate < 0.2 => ("keep", format!("{} of requests hit: marginal, to be watched", share(rate)), None),
        _ => ("keep", format!("{} of requests hit, at least 20 %", share(rate)), None),
    };
    Preset { says, why, capacity }
}

fn candidate(calls: u64, spent_ns: f64) -> Preset {
    let seconds = spent_ns / 1e9;
    let says = match (calls, seconds) {
        (..100, _) => "not hot",
        (_, seconds) if seconds < 0.1 => "not hot",
        // HIGH needs two signs of an expensive body as well, which the source has.
        (500.., 1.0..) => "medium or high priority",
        (200.., _) | (_, 0.5..) => "medium priority",
        _ => "low priority",
    };
    let why = format!("{} calls took {}; hot is at least 100 calls and 0.1 s", count(calls), words::time(spent_ns));
    Preset { says, why, capacity: None }
}

/// Why the verdict is another than that of the rule of hit rates, or of the screen of candidates.
pub(super) fn disagreement(presets: &Presets, verdict: Verdict, break_even: Option<f64>) -> Option<String> {
    if let Some(apply) = &presets.speed_up {
        return match (apply.says, verdict) {
            ("apply", Verdict::Keep | Verdict::Inconclusive) => Some(
                "a speed-up is the rule's only question; what was measured does not show one beyond its error".into(),
            ),
            ("reject", Verdict::Add) => Some(
                "the rule asks for 20 % hits and 5 %; what counts is whether the hits save more than all misses cost"
                    .into(),
            ),
            _ => None,
        };
    }
    let rule = presets.hit_rate.as_ref()?.says;
    let needed = break_even.map_or_else(String::new, |rate| format!(": {} of hits would pay for it", share(rate)));
    Some(match (rule, verdict) {
        ("remove", Verdict::Keep) => format!("a bound on hits does not know what a miss costs{needed}"),
        ("remove", Verdict::Resize | Verdict::Policy | Verdict::Ttl) => {
            "a low rate of hits may be that of the size, not of the keys: the replay of the keys says what it could be"
                .into()
        }
        ("remove", Verdict::Inconclusive) => {
            "a low rate of hits alone tells neither what a hit saves nor what another size would do".into()
        }
        ("keep" | "adjust size", Verdict::Remove) => {
            format!("many hits are no gain where a computation costs hardly more than a hit{needed}")
        }
        ("adjust size", Verdict::Keep) => {
            "slots that are not used take no memory, so fewer of them bring nothing".into()
        }
        ("keep", Verdict::Resize | Verdict::Policy | Verdict::Ttl) => {
            "a rate above a bound may still be far below what the same requests allow".into()
        }
        ("keep" | "adjust size", Verdict::Inconclusive) => {
            "a rate of hits is no saving before its error and the cost of a miss are known".into()
        }
        _ => return None,
    })
}
