//! Readings of cache servers → what each counted while the program ran.
//!
//! Counters of a server are of its life, and of everybody who asks it: here they become those of the recording. A server
//! that starts again, or whose counters are cleared, begins at 0; what it had counted since the reading before that is lost,
//! and said to be.

use crate::cache_server::{Fault, Reading, ServerLine};
use perfcollect_shared::format::{duration, plural};
use perfcollect_shared::model::{CacheRecord, CacheScope, CacheSeries, CounterSource, Warning};
use perfcollect_shared::units::{Bytes, Nanos};

/// Moments of a series that are kept of a long recording; those around gaps are kept besides.
const MOST_POINTS: usize = 4096;
/// A server says in whole seconds how long it has run, and memcached two more than it has.
const UPTIME_SLACK_S: u64 = 4;
const SECOND: u64 = 1_000_000_000;

/// The record of each server that was read at all, and what a reader must know.
pub(super) fn build(servers: &[Vec<ServerLine>]) -> (Vec<CacheRecord>, Vec<Warning>) {
    let (mut records, mut warnings) = (Vec::new(), Vec::new());
    for lines in servers {
        let mut server = Server::default();
        for line in lines {
            server.take(line);
        }
        warnings.extend(server.warnings());
        records.extend(server.record());
    }
    (records, warnings)
}

/// One server, line by line.
#[derive(Debug, Default)]
struct Server {
    record: CacheRecord,
    last: Option<(Nanos, Reading)>,
    readings: usize,
    /// The first fault, and the one that lasts.
    first_fault: Option<Fault>,
    fault: Option<(Nanos, Fault)>,
    /// It was refused before the first reading: it was not there, so that all of its counters are of the recording.
    was_absent: bool,
    gaps: Vec<(Nanos, Nanos)>,
    restarts: Vec<Nanos>,
    cleared: Vec<Nanos>,
}

impl Server {
    fn take(&mut self, line: &ServerLine) {
        match line {
            ServerLine::Server { name, library } => {
                self.record = CacheRecord {
                    name: name.clone(),
                    library: library.clone(),
                    scope: CacheScope::Server,
                    source: CounterSource::Server,
                    ..CacheRecord::default()
                };
            }
            ServerLine::Fault { t_ns, fault } => self.fault(*t_ns, fault),
            ServerLine::Reading { t_ns, reading } => self.reading(*t_ns, reading),
        }
    }

    fn fault(&mut self, at: Nanos, fault: &Fault) {
        self.first_fault.get_or_insert_with(|| fault.clone());
        if self.readings == 0 {
            self.was_absent |= *fault == Fault::Refused;
        } else if self.fault.is_none() {
            self.point(at, None);
        }
        let since = self.fault.as_ref().map_or(at, |(since, _)| *since);
        self.fault = Some((since, fault.clone()));
    }

    fn reading(&mut self, at: Nanos, reading: &Reading) {
        if let Some((since, _)) = self.fault.take()
            && self.readings > 0
        {
            self.gaps.push((since, at));
        }
        let before = match &self.last {
            None => {
                self.record.from_ns = Some(at);
                if self.began_within(at, reading) { Reading::default() } else { reading.clone() }
            }
            Some((last, before)) => {
                let (last, before) = (*last, before.clone());
                if let Some(begun) = self.reset(last, &before, at, reading) {
                    self.record.resets += 1;
                    self.point(begun, None);
                    Reading::default()
                } else {
                    before
                }
            }
        };
        self.add(&before, reading);
        self.record.to_ns = Some(at);
        self.point(at, Some(reading));
        self.readings += 1;
        self.last = Some((at, reading.clone()));
    }

    /// Whether all that it has counted is of the recording.
    fn began_within(&self, at: Nanos, reading: &Reading) -> bool {
        let Some(uptime) = reading.uptime_s else { return self.was_absent };
        let uptime = |slack: u64| (uptime + slack).saturating_mul(SECOND);
        if self.was_absent { reading.uptime_s <= Some(at.0 / SECOND + UPTIME_SLACK_S) } else { uptime(1) < at.0 }
    }

    /// When counters began anew between two readings, where they did.
    fn reset(&mut self, last: Nanos, before: &Reading, at: Nanos, now: &Reading) -> Option<Nanos> {
        let earliest = last.0 + 1;
        if before.instance != now.instance {
            let begun = at.0.saturating_sub(now.uptime_s.unwrap_or(0).saturating_mul(SECOND));
            let begun = Nanos(begun.clamp(earliest, at.0.max(earliest)));
            self.restarts.push(begun);
            return Some(begun);
        }
        let counters = |r: &Reading| [r.hits, r.misses, r.sets, r.evictions, r.work];
        let fell =
            counters(before).into_iter().zip(counters(now)).any(|pair| matches!(pair, (Some(a), Some(b)) if b < a));
        fell.then(|| {
            let middle = Nanos(earliest.midpoint(at.0.max(earliest)));
            self.cleared.push(middle);
            middle
        })
    }

    fn add(&mut self, before: &Reading, now: &Reading) {
        let first = self.readings == 0;
        let grow = |sum: &mut Option<u64>, before: Option<u64>, now: Option<u64>| {
            // What is not exposed once is not known of the whole.
            let grown = now.map(|now| now.saturating_sub(before.unwrap_or(0)));
            *sum = if first { grown } else { sum.zip(grown).map(|(sum, grown)| sum.saturating_add(grown)) };
        };
        let record = &mut self.record;
        grow(&mut record.hits, before.hits, now.hits);
        grow(&mut record.misses, before.misses, now.misses);
        grow(&mut record.sets, before.sets, now.sets);
        grow(&mut record.deletes, before.deletes, now.deletes);
        grow(&mut record.invalidations, before.invalidations, now.invalidations);
        grow(&mut record.evictions, before.evictions, now.evictions);
        grow(&mut record.expired, before.expired, now.expired);
        record.requests = record.hits.zip(record.misses).map(|(hits, misses)| hits.saturating_add(misses));
        record.entries = now.entries;
        record.bytes = now.bytes.map(Bytes);
        record.capacity_bytes = now.capacity_bytes.map(Bytes);
        record.unbounded = now.unbounded;
        record.policy.clone_from(&now.policy);
    }

    /// A moment of the series; `None` where nothing is known of it.
    fn point(&mut self, at: Nanos, reading: Option<&Reading>) {
        let known = |sum: Option<u64>| reading.and(sum);
        let record = &mut self.record;
        let series = &mut record.series;
        series.t_ns.push(at.0.max(series.t_ns.last().copied().unwrap_or(0)));
        series.hits.push(known(record.hits));
        series.misses.push(known(record.misses));
        series.evictions.push(known(record.evictions));
        series.entries.push(reading.and_then(|reading| reading.entries));
        series.bytes.push(reading.and_then(|reading| reading.bytes));
    }

    fn record(mut self) -> Option<CacheRecord> {
        // It was away at the end: what it counted after its last reading is lost.
        self.record.cut = self.fault.is_some();
        thin(&mut self.record.series);
        (self.readings > 0).then_some(self.record)
    }

    fn warnings(&self) -> Vec<Warning> {
        let what = &self.record.name;
        let warning = |reason: String, fix: &str| Warning::Cache { what: what.clone(), reason, fix: fix.to_owned() };
        if what.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        match &self.fault {
            None if self.readings == 0 => {
                found.push(warning("it was not read".to_owned(), "a longer run may reach it"));
            }
            Some((_, fault)) if self.readings == 0 => {
                let (why, fix) = told(fault);
                found.push(warning(format!("its counters could not be read: {why}"), &fix));
            }
            Some((since, fault)) => {
                let (why, fix) = told(fault);
                let since = duration(*since);
                found.push(warning(format!("not read from {since} on ({why}): what it counted then is missing"), &fix));
            }
            None => {}
        }
        if let Some(from) = self.record.from_ns.filter(|from| from.0 > SECOND / 10) {
            let why = self.first_fault.as_ref().map_or_else(|| "it answered late".to_owned(), |fault| told(fault).0);
            found.push(warning(format!("first read {} after the start ({why})", duration(from)), ""));
        }
        if let [(from, to), ..] = self.gaps[..] {
            let text = format!(
                "away for {}, the first from {} to {}",
                plural(self.gaps.len() as u64, "time"),
                duration(from),
                duration(to)
            );
            found.push(warning(text, ""));
        }
        for (times, did) in [(&self.restarts, "it was started again"), (&self.cleared, "its counters were cleared")] {
            if let Some(first) = times.first() {
                let again = if times.len() > 1 {
                    format!(", {} in all", plural(times.len() as u64, "time"))
                } else {
                    String::new()
                };
                let at = duration(*first);
                found.push(warning(
                    format!("{did} at about {at}{again}: what it had counted since the reading before is lost"),
                    "",
                ));
            }
        }
        found
    }
}

/// What a fault is, and what to do.
fn told(fault: &Fault) -> (String, String) {
    let (why, fix) = match fault {
        Fault::Refused => ("nobody listens there", "start the server, or name another host and port"),
        Fault::Unreachable(why) => return (why.clone(), "name a host that can be reached from here".to_owned()),
        Fault::Closed => ("it closed the connection", "look into its log"),
        Fault::Hangs => ("it did not answer within a second", "look whether it is a cache server, and how busy it is"),
        Fault::NeedsPassword => (
            "it wants a password",
            "give it as REDISCLI_AUTH in the environment, or in the address: redis://USER:PASSWORD@HOST",
        ),
        Fault::WrongPassword => ("it refused user or password", "give those of a user that may run INFO"),
        Fault::NotAllowed => ("its user may not run INFO", "allow it: ACL SETUSER NAME +info"),
        Fault::Loading => ("it was still loading its data", "wait until it is up"),
        Fault::Refuses(why) if why.is_empty() => ("it refused", "look into its log"),
        Fault::Refuses(why) => return (format!("it refused: {why}"), "look into its log".to_owned()),
        Fault::OtherLanguage => (
            "what it answered is not of such a server",
            "look at scheme and port: redis://, memcached://; TLS is not spoken",
        ),
        Fault::Flood => ("it answered without end", "look whether it is a cache server"),
    };
    (why.to_owned(), fix.to_owned())
}

/// Keeps every so-many-th moment of a long series, its ends, and those around gaps.
fn thin(series: &mut CacheSeries) {
    let count = series.t_ns.len();
    let step = count.div_ceil(MOST_POINTS);
    if step <= 1 {
        return;
    }
    let gap = |at: usize| series.hits[at].is_none() && series.misses[at].is_none();
    let keep: Vec<bool> = (0..count)
        .map(|at| at % step == 0 || at + 1 == count || gap(at) || gap(at + 1) || (at > 0 && gap(at - 1)))
        .collect();
    only(&mut series.t_ns, &keep);
    for column in [&mut series.hits, &mut series.misses, &mut series.evictions, &mut series.entries, &mut series.bytes]
    {
        only(column, &keep);
    }
}

fn only<T>(column: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    column.retain(|_| keep.next().is_none_or(|keep| *keep));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ms: u64, instance: &str, uptime: u64, [hits, misses, work]: [u64; 3]) -> ServerLine {
        let reading = Reading {
            instance: instance.into(),
            uptime_s: Some(uptime),
            hits: Some(hits),
            misses: Some(misses),
            work: Some(work),
            entries: Some(1),
            ..Reading::default()
        };
        ServerLine::Reading { t_ns: Nanos(ms * 1_000_000), reading }
    }

    fn fault(ms: u64, fault: Fault) -> ServerLine {
        ServerLine::Fault { t_ns: Nanos(ms * 1_000_000), fault }
    }

    fn built(lines: &[ServerLine]) -> (Option<CacheRecord>, String) {
        let first = ServerLine::Server { name: "redis://h:1".into(), library: "redis".into() };
        let lines: Vec<ServerLine> = [first].into_iter().chain(lines.iter().cloned()).collect();
        let (mut records, warnings) = build(&[lines]);
        let texts: Vec<String> = warnings.iter().map(perfcollect_shared::report::warning_text).collect();
        (records.pop(), texts.join("\n"))
    }

    #[test]
    fn what_was_counted_before_is_taken_off() {
        let (record, said) = built(&[line(0, "a", 900, [100, 50, 1]), line(100, "a", 900, [107, 52, 20])]);
        let record = record.unwrap();
        assert_eq!((record.hits, record.misses, record.requests), (Some(7), Some(2), Some(9)));
        assert_eq!((record.evictions, record.series.hits), (None, vec![Some(0), Some(7)]));
        assert_eq!((said.as_str(), record.cut), ("", false));
    }

    #[test]
    fn a_restart_is_a_gap_and_never_negative() {
        let (record, said) = built(&[
            line(0, "a", 900, [100, 50, 1]),
            line(100, "a", 900, [110, 50, 2]),
            fault(200, Fault::Refused),
            line(1500, "b", 1, [3, 1, 2]),
        ]);
        let record = record.unwrap();
        assert_eq!((record.hits, record.misses, record.resets), (Some(13), Some(1), 1));
        assert_eq!(record.series.hits, [Some(0), Some(10), None, None, Some(13)]);
        assert!(said.contains("started again") && said.contains("away for 1 time"), "{said}");
    }

    #[test]
    fn cleared_counters_are_seen_by_any_that_fell() {
        let (record, said) = built(&[line(0, "a", 900, [0, 0, 500]), line(100, "a", 900, [7, 2, 9])]);
        let record = record.unwrap();
        assert_eq!((record.hits, record.resets, record.series.hits), (Some(7), 1, vec![Some(0), None, Some(7)]));
        assert!(said.contains("counters were cleared"), "{said}");
    }

    #[test]
    fn a_server_that_the_program_starts_counts_from_0() {
        let (record, _) = built(&[fault(0, Fault::Refused), line(300, "a", 0, [4, 1, 9])]);
        assert_eq!(record.unwrap().hits, Some(4));
        let (record, _) = built(&[line(5000, "a", 2, [4, 1, 9])]);
        assert_eq!(record.unwrap().hits, Some(4), "it is younger than the recording");
        let (record, _) = built(&[fault(0, Fault::Refused), line(300, "a", 99, [4, 1, 9])]);
        assert_eq!(record.unwrap().hits, Some(0), "it is older");
    }

    #[test]
    fn a_server_that_is_away_is_said() {
        let (record, said) = built(&[fault(0, Fault::NeedsPassword)]);
        assert!(record.is_none() && said.contains("REDISCLI_AUTH"), "{said}");
        let (record, said) = built(&[line(0, "a", 900, [1, 1, 1]), fault(200, Fault::Hangs)]);
        assert!(record.unwrap().cut && said.contains("not read from 200 ms on"), "{said}");
    }

    #[test]
    fn a_long_series_keeps_its_gaps() {
        let mut lines: Vec<ServerLine> = (0..20_000).map(|at| line(at, "a", 900, [at, 0, at])).collect();
        lines.insert(10_001, fault(10_000, Fault::Hangs));
        let series = built(&lines).0.unwrap().series;
        assert!(series.t_ns.len() <= MOST_POINTS + 4 && series.hits.len() == series.t_ns.len());
        assert_eq!(series.hits.iter().filter(|hits| hits.is_none()).count(), 1);
        assert_eq!((series.hits[0], *series.hits.last().unwrap()), (Some(0), Some(19_999)));
    }
}
