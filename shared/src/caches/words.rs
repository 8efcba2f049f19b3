//! Figures of caches in sentences.

use super::{Cost, Evidence, Rate};
use crate::format::{count, duration, plural, share};
use crate::stats::Interval;
use crate::units::Nanos;

/// `1.10 s`, `-3.20 ms`.
#[must_use]
pub fn time(ns: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; the sign is put back")]
    let text = duration(Nanos(ns.abs().round() as u64));
    if ns <= -0.5 { format!("-{text}") } else { text }
}

/// `1.10 s [800 ms, 1.30 s]`.
#[must_use]
pub fn time_within(of: Interval) -> String {
    format!("{} [{}, {}]", time(of.value), time(of.low), time(of.high))
}

/// `12 % [9.1 %, 15 %]`.
#[must_use]
pub fn share_within(of: Interval) -> String {
    if of.high - of.low < 0.0005 {
        return share(of.value);
    }
    format!("{} [{}, {}]", share(of.value), share(of.low), share(of.high))
}

/// `1,234 of 1,447 requests hit: 85 % [83 %, 87 %] if calls were independent`.
pub(super) fn rate(evidence: &Evidence, rate: Option<Rate>) -> Option<String> {
    let (hits, requests, rate) = (evidence.hits?, evidence.requests?, rate?);
    let requests = plural(requests, "request");
    let (within, by) = (share_within(rate.rate), rate.by.words());
    Some(format!("{} of {requests} hit: {within} {by}", count(hits)))
}

/// `a miss costs 12.3 µs [10.2 µs, 14.4 µs], timed for each miss`.
pub(super) fn cost(cost: &Cost) -> String {
    let by = cost.by.words();
    match cost.interval() {
        Some(interval) => format!("a miss costs {}, {by} ({})", time_within(interval), count(cost.count)),
        None => format!("a miss costs at most {}, {by}: no sample fell into the function", time(cost.high)),
    }
}

/// `a hit costs 55 ns, and storing after a miss 80 ns (functools of CPython 3.11.7, measured; within a factor of 2)`.
pub(super) fn overhead(evidence: &Evidence) -> String {
    let overhead = evidence.overhead;
    let by = match overhead.measured {
        Some(measured) => format!("{measured}, measured elsewhere"),
        None => format!("a guess, since {} was not measured", evidence.library),
    };
    let within = overhead.within;
    let (hit, miss) = (time(overhead.hit_ns), time(overhead.miss_ns));
    format!("a hit costs {hit}, and storing after a miss {miss} ({by}; within a factor of {within:.0})")
}

/// `128 of 128 slots used, 9,872 evictions`.
pub(super) fn room(evidence: &Evidence) -> Option<String> {
    let entries = evidence.entries?;
    let slots = match evidence.capacity {
        Some(capacity) if evidence.instances > evidence.processes => format!(
            "{} in {} of at most {}",
            plural_entries(entries),
            plural(evidence.instances.div_ceil(evidence.processes.max(1)), "cache"),
            plural(capacity, "slot")
        ),
        _ if evidence.unbounded => format!("{} without a limit", plural_entries(entries)),
        Some(capacity) => format!("{} of {} slots used", count(entries), count(capacity)),
        None => plural_entries(entries),
    };
    let of_each = if evidence.processes > 1 { " in a process" } else { "" };
    let evicted =
        evidence.evictions.map_or_else(String::new, |evictions| format!(", {}", plural(evictions, "eviction")));
    Some(format!("{slots}{of_each}{evicted}"))
}

fn plural_entries(entries: u64) -> String {
    format!("{} {}", count(entries), if entries == 1 { "entry" } else { "entries" })
}
