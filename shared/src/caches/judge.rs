//! From evidence to a verdict.

use super::cost::CostBy;
use super::presets::{disagreement, presets};
use super::simulate::{Setup, Simulated, answered};
use super::{Evidence, Rate, RateBy, Row, Verdict, real, words};
use crate::format::{count, plural, share, shell_word};
use crate::model::{Bundle, CacheScope, CounterSource};
use crate::stats::Interval;
use crate::units::Bytes;

/// Fewer requests decide nothing.
const LEAST_REQUESTS: u64 = 30;
/// Without the cost of each key, hits are taken to save between a miss's cost divided and multiplied by this: keys that are
/// asked for often may be cheap or dear ones.
const UNLIKE: f64 = 2.0;
/// Gains below this part of all time at stake are not worth a change.
const MATERIAL: f64 = 0.02;
/// Without keys, a cache whose evicted entries could bring more than this part of all time at stake is not called right.
const UNSEEN: f64 = 0.1;
/// Why a cache that did not pay is not removed.
const LOST: &str = "it did not pay, but what was lost may have";
/// How far the replay of a cache may be from what was measured before it is not believed.
const BELIEVED: f64 = 0.05;
/// Memory that is worth a smaller size.
const MEMORY: f64 = 8.0 * 1024.0 * 1024.0;

/// Says what to do with a cache, by what was counted and, where keys were recorded, by their replay.
#[must_use]
pub fn judge(evidence: &Evidence, simulated: Option<&Simulated>) -> Row {
    let mut row = row(evidence);
    row.presets = presets(evidence, simulated);
    if decided_without_figures(evidence, &mut row) {
        return finished(row);
    }
    row.reasons.extend(words::rate(evidence, measured_rate(evidence, simulated)));
    row.reasons.extend(words::room(evidence));
    doubts(evidence, &mut row);
    let Some(cost) = &evidence.cost else {
        row.reasons.push("what a miss costs was not measured".into());
        row.next = Some(again(evidence, &trace_of(evidence)));
        return finished(row);
    };
    row.reasons.push(words::cost(cost));
    row.reasons.push(words::overhead(evidence));
    if evidence.recursive {
        row.reasons.push(
            "the function calls itself, so that what a miss costs depends on the cache: only an experiment can tell"
                .into(),
        );
        row.next = Some(tried(evidence, "off"));
        return finished(row);
    }
    match simulated.filter(|simulated| believed(simulated, &mut row)) {
        Some(simulated) if evidence.candidate => candidate(evidence, simulated, &mut row),
        Some(simulated) => replayed(evidence, simulated, &mut row),
        None => counted(evidence, &mut row),
    }
    finished(row)
}

fn finished(mut row: Row) -> Row {
    row.presets.disagrees = disagreement(&row.presets, row.verdict, row.break_even_rate);
    row
}

/// What was measured, without a verdict.
fn row(evidence: &Evidence) -> Row {
    let (cost, overhead) = (evidence.cost, evidence.overhead);
    let rate = evidence.rate;
    let saved = counted_benefit(evidence);
    let break_even = cost.and_then(|cost| cost.value).map(|cost| break_even(cost, overhead.hit_ns, overhead.miss_ns));
    Row {
        name: evidence.name.clone(),
        file: evidence.file.clone(),
        line: evidence.line,
        library: evidence.library.clone(),
        scope: evidence.scope,
        source: evidence.source,
        policy: evidence.policy.clone(),
        candidate: evidence.candidate,
        processes: evidence.processes,
        instances: evidence.instances,
        requests: evidence.requests,
        hits: evidence.hits,
        misses: evidence.misses,
        evictions: evidence.evictions,
        expired: evidence.expired,
        entries: evidence.entries,
        capacity: evidence.capacity,
        unbounded: evidence.unbounded,
        bytes: evidence.bytes,
        ttl_ns: evidence.ttl_ns,
        resets: evidence.resets,
        cut: evidence.cut,
        recursive: evidence.recursive,
        rate: rate.map(|rate| rate.rate.value),
        rate_low: rate.map(|rate| rate.rate.low),
        rate_high: rate.map(|rate| rate.rate.high),
        rate_by: rate.map(|rate| rate.by),
        miss_cost_ns: cost.and_then(|cost| cost.value),
        miss_cost_ns_low: cost.map(|cost| cost.low),
        miss_cost_ns_high: cost.map(|cost| cost.high),
        miss_cost_by: cost.map(|cost| cost.by),
        overhead,
        saved_ns: saved.and_then(|(value, _)| value),
        saved_ns_low: saved.map(|(_, bounds)| bounds.low),
        saved_ns_high: saved.map(|(_, bounds)| bounds.high),
        break_even_rate: break_even,
        ..Default::default()
    }
}

/// The rate at which hits pay for misses; 1 where a hit costs more than a computation.
fn break_even(cost: f64, hit_ns: f64, miss_ns: f64) -> f64 {
    if cost <= hit_ns { 1.0 } else { miss_ns / (cost - hit_ns + miss_ns) }
}

/// Net benefit by counters and the mean cost of a miss, and its bounds: each figure's own error, as if they were independent.
fn counted_benefit(evidence: &Evidence) -> Option<(Option<f64>, Interval)> {
    let (requests, rate, cost) = (real(evidence.requests?), evidence.rate?.rate, evidence.cost?);
    let overhead = evidence.overhead;
    let benefit = |rate: f64, cost: f64, scale: f64| {
        let hits = rate * requests;
        hits * (cost - overhead.hit_ns * scale) - (requests - hits) * overhead.miss_ns * scale
    };
    let middle = cost.value.unwrap_or(f64::midpoint(cost.low, cost.high));
    let value = benefit(rate.value, middle, 1.0);
    let unlike = |away: f64, factor: f64| f64::hypot(away - middle, middle * factor - middle);
    let (less, more) = (middle - unlike(cost.low, 1.0 / UNLIKE), middle + unlike(cost.high, UNLIKE));
    let error = |rate: f64, cost: f64, scale: f64| {
        let errors = [
            benefit(rate, middle, 1.0),
            benefit(rate_of(evidence), cost, 1.0),
            benefit(rate_of(evidence), middle, scale),
        ];
        errors.iter().map(|other| (other - value) * (other - value)).sum::<f64>().sqrt()
    };
    let low = value - error(rate.low, less.max(0.0), overhead.within);
    let high = value + error(rate.high, more, 1.0 / overhead.within);
    Some((cost.value.map(|_| value), Interval { value, low, high }))
}

fn rate_of(evidence: &Evidence) -> f64 {
    evidence.rate.map_or(0.0, |rate| rate.rate.value)
}

/// What was counted of each cache of a bundle, without a verdict or a replay: for comparing rates.
#[must_use]
pub fn counted_rows(bundle: &Bundle) -> Vec<Row> {
    let counted = |evidence: &Evidence| {
        let mut row = row(evidence);
        rated(&mut row, rate_by(evidence, || answered(bundle, evidence)));
        row
    };
    super::evidence(bundle).iter().map(counted).collect()
}

fn rated(row: &mut Row, rate: Option<Rate>) {
    row.rate_low = rate.map(|rate| rate.rate.low);
    row.rate_high = rate.map(|rate| rate.rate.high);
    row.rate_by = rate.map(|rate| rate.by);
}

/// The rate, by the trace where there is one of everything.
fn measured_rate(evidence: &Evidence, simulated: Option<&Simulated>) -> Option<Rate> {
    rate_by(evidence, || simulated.map(|simulated| simulated.now.rate))
}

fn rate_by(evidence: &Evidence, traced: impl FnOnce() -> Option<Interval>) -> Option<Rate> {
    let counted = evidence.rate?;
    let traced = if counted.by == RateBy::Independent { traced() } else { None };
    Some(traced.map_or(counted, |traced| {
        let rate = counted.rate;
        let (low, high) = (rate.value - traced.value + traced.low, rate.value - traced.value + traced.high);
        Rate {
            rate: Interval { low: low.min(rate.low).max(0.0), high: high.max(rate.high).min(1.0), ..rate },
            by: RateBy::Trace,
        }
    }))
}

/// Whether there is nothing to weigh: no requests, none that are known, too few, or a server.
fn decided_without_figures(evidence: &Evidence, row: &mut Row) -> bool {
    let Some(requests) = evidence.requests else {
        row.reasons.push(match evidence.source {
            CounterSource::Imported => "the file has no counts of requests, only what was derived from them".into(),
            _ => format!("{} does not tell how often it was asked", evidence.library),
        });
        return true;
    };
    if requests == 0 {
        if evidence.cut {
            row.reasons.push("nothing was counted before the process was lost; what came later is not known".into());
        } else {
            row.verdict = Verdict::NotExercised;
            row.reasons.push("nothing asked for it in this recording".into());
            row.would_change.push("a recording in which it is used".into());
        }
        return true;
    }
    if evidence.hits.is_none() && !evidence.candidate {
        row.reasons.push(format!("{}; {} does not tell how many hit", plural(requests, "request"), evidence.library));
        row.next = Some(again(evidence, &trace_of(evidence)));
        return true;
    }
    if evidence.scope == CacheScope::Server {
        row.reasons.extend(words::rate(evidence, evidence.rate));
        row.reasons.extend(server_room(evidence));
        row.reasons
            .push("what a miss costs, only those who ask the server know; no verdict is given on a server".into());
        return true;
    }
    if requests < LEAST_REQUESTS {
        row.reasons.extend(words::rate(evidence, evidence.rate));
        row.reasons.push(format!("fewer than {LEAST_REQUESTS} requests decide nothing"));
        row.would_change.push(format!("at least {LEAST_REQUESTS} requests"));
        return true;
    }
    false
}

/// Evictions of a server against the memory it may use.
fn server_room(evidence: &Evidence) -> Option<String> {
    let used = evidence.bytes.map(crate::format::bytes)?;
    let limit = evidence.capacity_bytes.filter(|limit| *limit > Bytes::ZERO);
    let of = limit.map_or_else(|| ", without a limit".into(), |limit| format!(" of {}", crate::format::bytes(limit)));
    Some(match evidence.evictions {
        Some(0) => format!("{used} used{of}, nothing was evicted: more memory would bring no hit"),
        Some(evictions) => format!("{used} used{of}, {}: more memory may bring hits", plural(evictions, "eviction")),
        None => format!("{used} used{of}; evictions are not told"),
    })
}

fn doubts(evidence: &Evidence, row: &mut Row) {
    if evidence.resets > 0 {
        row.reasons.push(format!("it was cleared {}; what it held had to be computed again", times(evidence.resets)));
    }
    if evidence.cut {
        row.reasons.push("what was counted last is lost with a process: the figures are of what came before".into());
    }
}

fn times(number: u64) -> String {
    if number == 1 { "once".into() } else { format!("{} times", count(number)) }
}

/// Whether the replay of what is now comes to what was measured.
fn believed(simulated: &Simulated, row: &mut Row) -> bool {
    let Some(check) = simulated.check else { return true };
    let measured = simulated.now.rate.value;
    if (check - measured).abs() <= BELIEVED {
        return true;
    }
    row.reasons.push(format!(
        "the replay of its keys has {} hits where {} were measured, so that what it says of other sizes is left out",
        share(check),
        share(measured)
    ));
    false
}

/// A function without a cache.
fn candidate(evidence: &Evidence, simulated: &Simulated, row: &mut Row) {
    let best = &simulated.best_size;
    let requests = plural(simulated.replayed, "recorded call");
    row.reasons.push(format!(
        "{requests} of {} different keys: a cache of {} entries would have hit {}",
        count(simulated.distinct),
        count(best.size.unwrap_or(0)),
        words::share_within(best.rate)
    ));
    row.reasons.push(format!("it would have saved {}", words::time_within(best.saved)));
    (row.saved_ns, row.saved_ns_low, row.saved_ns_high) = (Some(0.0), Some(0.0), Some(0.0));
    if best.saved.low > 0.0 && best.saved.value > MATERIAL * simulated.stake_ns {
        advise(row, Verdict::Add, best);
        row.reasons.push("whether it may be cached is another question: see `perfcollect scan`".into());
        row.would_change.extend(row.break_even_rate.map(|rate| format!("a rate below {}", share(rate))));
    } else if simulated.unlimited.saved.high < MATERIAL * simulated.stake_ns {
        row.verdict = Verdict::Keep;
        row.reasons.push("a cache would bring nothing here: keep the function as it is".into());
        row.would_change.extend(row.break_even_rate.map(|rate| format!("a rate above {}", share(rate))));
    } else {
        row.next = Some(again(evidence, &trace_of(evidence)));
    }
}

/// By the replay of keys.
fn replayed(evidence: &Evidence, simulated: &Simulated, row: &mut Row) {
    let now = simulated.now.saved;
    (row.saved_ns, row.saved_ns_low, row.saved_ns_high) = (Some(now.value), Some(now.low), Some(now.high));
    rated(row, measured_rate(evidence, Some(simulated)));
    row.reasons.push(format!("it saved {}, by the cost of each key", words::time_within(now)));
    row.reasons.push(kinds(simulated));
    if let Some((verdict, setup)) = better(evidence, simulated) {
        row.reasons.push(advice(verdict, setup, simulated));
        advise(row, verdict, setup);
        row.next = setup.size.filter(|_| verdict == Verdict::Resize).map(|size| tried(evidence, &size.to_string()));
        row.would_change.push(format!("a gain of less than {}", words::time(MATERIAL * simulated.stake_ns)));
    } else if now.high < 0.0 && evidence.cut {
        row.reasons.push(LOST.into());
    } else if now.high < 0.0 && simulated.unlimited.saved.high < 0.0 {
        row.verdict = Verdict::Remove;
        row.next = Some(tried(evidence, "off"));
        let best = simulated.unlimited.rate.value;
        row.reasons
            .push(format!("without a limit {} would hit, and it would still cost more than it saves", share(best)));
        would_pay(row);
    } else if now.low > 0.0 {
        row.verdict = Verdict::Keep;
        row.reasons.push(nothing_better(simulated));
        would_not_pay(row);
    } else {
        row.reasons.push("what it saves is not known to be more or less than nothing".into());
        row.next = Some(tried(evidence, "off"));
    }
}

fn advise(row: &mut Row, verdict: Verdict, setup: &Setup) {
    row.verdict = verdict;
    match verdict {
        Verdict::Policy => row.advised_policy = Some(setup.policy.id()),
        Verdict::Ttl => row.advised_ttl_ns = setup.ttl_ns,
        _ => row.advised_capacity = setup.size,
    }
    row.advised_rate = Some(setup.rate.value);
    row.gain_ns = Some(setup.gain.value);
    row.gain_ns_low = Some(setup.gain.low);
    row.gain_ns_high = Some(setup.gain.high);
}

/// The change that brings most, beyond its error and enough to be worth it; or less memory for nearly the same.
fn better<'s>(evidence: &Evidence, simulated: &'s Simulated) -> Option<(Verdict, &'s Setup)> {
    let room = evidence.capacity.filter(|_| !evidence.unbounded);
    let least = MATERIAL * simulated.stake_ns;
    let worth = |setup: &Setup| setup.gain.low > 0.0 && setup.gain.value > least && setup.saved.low > 0.0;
    let size = &simulated.best_size;
    let larger = room.filter(|&room| size.size > Some(room)).map(|_| (Verdict::Resize, size));
    let policy = simulated.best_policy.as_ref().map(|setup| (Verdict::Policy, setup));
    let longer = simulated.longer.as_ref().map(|setup| (Verdict::Ttl, setup));
    // A size is the simplest change, and staleness is the reader's to weigh: others must bring clearly more.
    let mut best: Option<(Verdict, &Setup)> = None;
    for (verdict, setup) in [larger, longer, policy].into_iter().flatten().filter(|(_, setup)| worth(setup)) {
        if best.is_none_or(|(_, before)| setup.gain.value > before.gain.value + least) {
            best = Some((verdict, setup));
        }
    }
    best.or_else(|| smaller(evidence, simulated))
}

/// A smaller size that does nearly as well and frees memory that matters.
fn smaller<'s>(evidence: &Evidence, simulated: &'s Simulated) -> Option<(Verdict, &'s Setup)> {
    let setup = &simulated.best_size;
    let (size, held, bytes) = (setup.size?, evidence.entries?, simulated.bytes_per_entry?);
    let freed = real(held.saturating_sub(size)) * bytes * real(evidence.processes.max(1));
    let loses = -setup.gain.low > MATERIAL * simulated.stake_ns;
    (size < held / 2 && freed >= MEMORY && !loses && setup.saved.low > 0.0).then_some((Verdict::Resize, setup))
}

fn advice(verdict: Verdict, setup: &Setup, simulated: &Simulated) -> String {
    let what = match verdict {
        Verdict::Policy => format!("by {}", setup.policy.label()),
        Verdict::Ttl => match setup.ttl_ns {
            Some(ttl) => format!("with a time to live of {}", crate::format::duration(ttl)),
            None => "without a time to live".into(),
        },
        _ => format!("with {} slots", count(setup.size.unwrap_or(0))),
    };
    let sampled =
        if simulated.sampled < 1.0 { format!(", of {} of the keys", share(simulated.sampled)) } else { String::new() };
    let gain = words::time_within(setup.gain);
    let hit = words::share_within(setup.rate);
    let of = plural(simulated.replayed, "recorded request");
    format!("{what} {hit} would hit and {gain} more be saved (replay of {of}{sampled})")
}

/// `misses, by the replay: 200 first uses, 9,672 for want of room`.
fn kinds(simulated: &Simulated) -> String {
    let kinds = simulated.kinds;
    let named = [
        (kinds.capacity, "for want of room"),
        (kinds.expired, "expired"),
        (kinds.invalidated, "after the program removed the entry"),
    ];
    let rest: Vec<String> = named
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, name)| format!(", {} {name}", count(*number)))
        .collect();
    format!("misses, by the replay: {}{}", plural(kinds.first, "first use"), rest.concat())
}

fn nothing_better(simulated: &Simulated) -> String {
    let best = simulated.best_size;
    let size = best.size.unwrap_or(0);
    format!(
        "no size, policy or time to live brings clearly more: with {} slots {} would hit",
        count(size),
        share(best.rate.value)
    )
}

/// By counters alone.
fn counted(evidence: &Evidence, row: &mut Row) {
    let Some((value, bounds)) = counted_benefit(evidence) else { return };
    let cost = evidence.cost.map_or(0.0, |cost| cost.high);
    row.reasons.push(match value {
        Some(_) => {
            format!("it saved {}, if hits cost between half and twice what misses did", words::time_within(bounds))
        }
        None => format!("it saved at most {}", words::time(bounds.high)),
    });
    let overhead = evidence.overhead;
    let hopeless = cost * UNLIKE < overhead.hit_ns / overhead.within;
    let waits = evidence.cost.is_some_and(|cost| cost.by == CostBy::Cpu) && may_wait(evidence, cost);
    let unseen = evidence.evictions.or(if evidence.full == Some(false) { Some(0) } else { evidence.misses });
    let too_old = if evidence.ttl_ns.is_some() { evidence.expired.or(evidence.misses).unwrap_or(0) } else { 0 };
    let unseen = real(unseen.unwrap_or(0).max(too_old)) / real(evidence.requests.unwrap_or(1).max(1));
    if bounds.high < 0.0 && waits {
        row.reasons.push("the function may wait, which CPU time leaves out".into());
        row.next = Some(again(evidence, "--clock wall"));
    } else if bounds.high < 0.0 && evidence.cut {
        row.reasons.push(LOST.into());
    } else if bounds.high < 0.0 && (hopeless || evidence.full == Some(false)) {
        row.verdict = Verdict::Remove;
        if !hopeless {
            row.reasons.push("it never ran out of room, so that more would bring nothing".into());
        }
        would_pay(row);
    } else if too_old > 0 && evidence.full == Some(false) && unseen > UNSEEN {
        row.reasons.push("entries expire: counters do not tell what a longer time to live would bring, keys do".into());
        row.next = Some(again(evidence, &trace_of(evidence)));
    } else if evidence.full != Some(false) && unseen > UNSEEN {
        let evicted = evidence.evictions.map_or_else(|| "entries".into(), |evictions| plural(evictions, "entry"));
        row.reasons
            .push(format!("{evicted} had to make room: counters do not tell what more slots would bring, keys do"));
        row.next = Some(again(evidence, &trace_of(evidence)));
    } else if bounds.low > 0.0 && value.is_some() {
        row.verdict = Verdict::Keep;
        would_not_pay(row);
    } else {
        row.reasons.push("what it saves is not known to be more or less than nothing".into());
        row.next = Some(again(evidence, &trace_of(evidence)));
    }
}

/// Whether waiting that the recording's idle time leaves room for could make a miss pay.
fn may_wait(evidence: &Evidence, cost: f64) -> bool {
    let (Some(idle), Some(misses), Some(requests)) = (evidence.idle_ns, evidence.misses, evidence.requests) else {
        return true;
    };
    let (overhead, hits) = (evidence.overhead, evidence.hits.unwrap_or(0));
    let with_waiting = cost + idle.as_f64() / real(misses.max(1));
    let spent = real(hits) * overhead.hit_ns + real(requests - hits.min(requests)) * overhead.miss_ns;
    real(hits) * with_waiting > spent
}

fn would_pay(row: &mut Row) {
    row.would_change
        .extend(row.break_even_rate.filter(|rate| *rate < 1.0).map(|rate| format!("a hit rate above {}", share(rate))));
    if let Some(rate) = row.rate.filter(|rate| *rate > 0.0) {
        let cost = row.overhead.hit_ns + (1.0 - rate) / rate * row.overhead.miss_ns;
        row.would_change.push(format!("a miss that costs more than {}", words::time(cost)));
    }
}

fn would_not_pay(row: &mut Row) {
    row.would_change.extend(row.break_even_rate.map(|rate| format!("a hit rate below {}", share(rate))));
    if let Some(rate) = row.rate.filter(|rate| *rate > 0.0) {
        let cost = row.overhead.hit_ns + (1.0 - rate) / rate * row.overhead.miss_ns;
        row.would_change.push(format!("a miss that costs less than {}", words::time(cost)));
    }
}

fn trace_of(evidence: &Evidence) -> String {
    let option = if evidence.candidate { "--cache-candidates" } else { "--cache-trace" };
    format!("{option} {}", shell_word(&evidence.name))
}

/// The recording's own command, recorded again.
fn again(evidence: &Evidence, options: &str) -> String {
    format!("perfcollect run {options} -- {}", command(evidence))
}

/// The experiment with another size, or `off`.
fn tried(evidence: &Evidence, size: &str) -> String {
    format!("perfcollect caches try --set {}={size} -- {}", shell_word(&evidence.name), command(evidence))
}

fn command(evidence: &Evidence) -> String {
    if evidence.command.is_empty() { "COMMAND".into() } else { crate::format::command_line(&evidence.command) }
}
