//! Snapshots that programs reported of their caches → records with series.
//!
//! A cache was made while the program ran, so that all of its counters are of the recording. Counters that fall were
//! cleared: what they had counted until the snapshot before stays. Caches of one name in one process are added up.

use crate::events::{self, CacheLine, Count, Instance, Refused, Start};
use perfcollect_shared::format::{count, plural};
use perfcollect_shared::model::{CacheRecord, CacheScope, CacheSeries, CounterSource, Warning};
use perfcollect_shared::units::{Bytes, Nanos};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::Path;

/// Caches, and objects of them, that are told apart; more are refused.
const MOST_CACHES: usize = 10_000;
/// Moments of a series before every second is dropped.
const MOST_POINTS: usize = 4096;
/// How long after the end of the program a time may lie: what outlives it may report.
const AFTER_END: u64 = 60_000_000_000;

/// What programs reported, and what a reader must know of it. `wall_ns` is the length of the recording where it is known.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read(spool: &Path, wall_ns: Option<Nanos>) -> io::Result<(Vec<CacheRecord>, Option<Warning>)> {
    let start = events::start(spool);
    let mut caches = Caches { start, end: wall_ns, odd_times: 0, objects: 0, all: BTreeMap::new() };
    let refused = events::read(spool, |line| caches.take(line))?;
    let warning = caches.warning(&refused);
    Ok((caches.all.into_values().map(Cache::finish).collect(), warning))
}

/// Library, name, file, line, process.
type Key = (String, String, Option<String>, Option<u32>, Option<u32>);

struct Caches {
    start: Option<Start>,
    end: Option<Nanos>,
    /// Times that cannot be of this recording.
    odd_times: u64,
    objects: usize,
    all: BTreeMap<Key, Cache>,
}

/// Counters in the order of [`sums_of`].
type Sums = [Option<u64>; 11];
/// What is as it was last said, in the order of [`gauges_of`].
type Gauges = [Option<u64>; 5];

#[derive(Default)]
struct Cache {
    record: CacheRecord,
    objects: BTreeMap<Option<Instance>, Object>,
    /// Every so many-th snapshot is a moment of the series.
    every: usize,
    seen: usize,
    /// The last snapshot, where it is not in the series.
    pending: Option<u64>,
}

/// One cache object.
#[derive(Default)]
struct Object {
    /// Counted before counters fell.
    before: Sums,
    last: Sums,
    gauges: Gauges,
    t_ns: u64,
}

impl Caches {
    fn take(&mut self, line: CacheLine) -> Result<(), &'static str> {
        let at = self.time(&line);
        let key = (line.library.clone(), line.name.clone(), line.file.clone(), line.line, line.pid);
        let full = self.objects >= MOST_CACHES;
        let cache = match self.all.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if full => return Err("of more than 10,000 caches"),
            Entry::Vacant(place) => place.insert(Cache::new(&line)),
        };
        if !cache.objects.contains_key(&line.instance) {
            if full {
                return Err("of more than 10,000 caches");
            }
            self.objects += 1;
        }
        cache.take(line, at);
        Ok(())
    }

    /// When a snapshot was made, where it says so and that can be.
    fn time(&mut self, line: &CacheLine) -> Option<u64> {
        let start = self.start?;
        let at = match (line.t_ns, line.unix_ns) {
            (Some(Count(mono)), _) => mono.checked_sub(start.mono_ns),
            (None, Some(Count(unix))) => unix.checked_sub(start.unix_ns),
            (None, None) => return None,
        };
        let possible = at.filter(|&at| self.end.is_none_or(|end| at <= end.0.saturating_add(AFTER_END)));
        self.odd_times += u64::from(possible.is_none());
        possible
    }

    fn warning(&self, refused: &Refused) -> Option<Warning> {
        let mut why: Vec<String> = refused.why.iter().map(|(why, times)| format!("{} {why}", count(*times))).collect();
        if self.odd_times > 0 {
            let times = plural(self.odd_times, "line");
            why.push(format!("the time of {times} is not of this recording and was left out; see docs/events.md"));
        }
        if refused.lines == 0 && self.odd_times > 0 {
            return Some(Warning::Cache {
                what: events::VARIABLE.to_owned(),
                reason: why.join(", "),
                fix: String::new(),
            });
        }
        let member = events::VARIABLE.to_owned();
        let (count, first_line) = (refused.lines, refused.first);
        (refused.lines > 0).then(|| Warning::SkippedLines { member, count, first_line, reason: why.join(", ") })
    }
}

impl Cache {
    fn new(line: &CacheLine) -> Self {
        let library = if line.library.is_empty() { "reported".to_owned() } else { line.library.clone() };
        let scope = match line.scope.as_deref() {
            Some("function") => CacheScope::Function,
            Some("server") => CacheScope::Server,
            _ => CacheScope::Object,
        };
        let record = CacheRecord {
            name: line.name.clone(),
            library,
            scope,
            source: CounterSource::Reported,
            file: line.file.clone(),
            line: line.line,
            pid: line.pid,
            ..CacheRecord::default()
        };
        Self { record, every: 1, ..Self::default() }
    }

    fn take(&mut self, line: CacheLine, at: Option<u64>) {
        let sums = sums_of(&line);
        let object = self.objects.entry(line.instance.clone()).or_default();
        if at.is_some_and(|at| at < object.t_ns) {
            // Of another thread, which was slower to write it.
            return;
        }
        object.t_ns = at.unwrap_or(object.t_ns);
        let fell =
            sums.iter().zip(&object.last).any(|(new, old)| matches!((new, old), (Some(new), Some(old)) if new < old));
        if fell {
            self.record.resets += 1;
            object.before = add(object.before, object.last);
            object.last = [None; 11];
        }
        for (old, new) in object.last.iter_mut().zip(sums) {
            *old = new.or(*old);
        }
        for (old, new) in object.gauges.iter_mut().zip(gauges_of(&line)) {
            *old = new.or(*old);
        }
        let record = &mut self.record;
        record.policy = line.policy.or(record.policy.take());
        record.ttl_ns = line.ttl_ns.map(|ttl| Nanos(ttl.0)).or(record.ttl_ns);
        record.unbounded |= line.unbounded;
        if let Some(at) = at {
            record.from_ns.get_or_insert(Nanos(at));
            record.to_ns = record.to_ns.max(Some(Nanos(at)));
            self.moment(at);
        }
    }

    /// Notes a moment of the series, unless it is one of those that are left out.
    fn moment(&mut self, at: u64) {
        self.seen += 1;
        if !self.seen.is_multiple_of(self.every) {
            self.pending = Some(at);
            return;
        }
        self.point(at);
        if self.record.series.t_ns.len() > MOST_POINTS {
            self.every *= 2;
            halve(&mut self.record.series);
        }
    }

    fn point(&mut self, at: u64) {
        self.pending = None;
        let (sums, gauges) = self.total();
        let series = &mut self.record.series;
        series.t_ns.push(at.max(series.t_ns.last().copied().unwrap_or(0)));
        series.hits.push(sums[1]);
        series.misses.push(sums[3]);
        series.evictions.push(sums[9]);
        series.entries.push(gauges[0]);
        series.bytes.push(gauges[2]);
    }

    /// Of all objects; what one of them does not tell is not known of all.
    fn total(&self) -> (Sums, Gauges) {
        let both = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
        let each = self.objects.values().map(|object| (add(object.before, object.last), object.gauges));
        each.reduce(|(sums, gauges), (more, last)| {
            (std::array::from_fn(|at| both(sums[at], more[at])), std::array::from_fn(|at| both(gauges[at], last[at])))
        })
        .unwrap_or_default()
    }

    fn finish(mut self) -> CacheRecord {
        if let Some(at) = self.pending {
            self.point(at);
        }
        let (sums, gauges) = self.total();
        let record = &mut self.record;
        let [
            requests,
            hits,
            hits_stale,
            misses,
            loads_failed,
            load_ns,
            sets,
            deletes,
            invalidations,
            evictions,
            expired,
        ] = sums;
        record.requests = requests.or_else(|| Some(hits?.saturating_add(misses?)));
        (record.hits, record.hits_stale, record.misses) = (hits, hits_stale, misses);
        (record.loads_failed, record.load_ns) = (loads_failed, load_ns.map(Nanos));
        (record.sets, record.deletes, record.invalidations) = (sets, deletes, invalidations);
        (record.evictions, record.expired) = (evictions, expired);
        let [entries, capacity, bytes, capacity_bytes, weight] = gauges;
        (record.entries, record.weight) = (entries, weight);
        record.capacity = capacity.filter(|_| !record.unbounded);
        (record.bytes, record.capacity_bytes) = (bytes.map(Bytes), capacity_bytes.map(Bytes));
        record.instances = Some(self.objects.len() as u64).filter(|&objects| objects > 1);
        self.record
    }
}

fn sums_of(line: &CacheLine) -> Sums {
    [
        line.requests,
        line.hits,
        line.hits_stale,
        line.misses,
        line.loads_failed,
        line.load_ns,
        line.sets,
        line.deletes,
        line.invalidations,
        line.evictions,
        line.expired,
    ]
    .map(|count| count.map(|count| count.0))
}

fn gauges_of(line: &CacheLine) -> Gauges {
    [line.entries, line.capacity, line.bytes, line.capacity_bytes, line.weight].map(|count| count.map(|count| count.0))
}

/// What was counted before a fall, and since.
fn add(before: Sums, since: Sums) -> Sums {
    std::array::from_fn(|at| match (before[at], since[at]) {
        (None, None) => None,
        (before, since) => Some(before.unwrap_or(0).saturating_add(since.unwrap_or(0))),
    })
}

/// Drops every second moment.
fn halve(series: &mut CacheSeries) {
    fn every_second<T>(column: &mut Vec<T>) {
        let mut keep = false;
        column.retain(|_| {
            keep = !keep;
            keep
        });
    }
    every_second(&mut series.t_ns);
    for column in [&mut series.hits, &mut series.misses, &mut series.evictions, &mut series.entries, &mut series.bytes]
    {
        every_second(column);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool;
    use std::fs;

    fn packed(text: &[u8]) -> (Vec<CacheRecord>, String) {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join(spool::EVENTS), text).unwrap();
        fs::write(temp.path().join(spool::EVENTS_START), r#"{"mono_ns":1000,"unix_ns":5000}"#).unwrap();
        let (records, warning) = read(temp.path(), Some(Nanos(9000))).unwrap();
        (records, warning.as_ref().map_or_else(String::new, perfcollect_shared::report::warning_text))
    }

    #[test]
    fn snapshots_become_sums_and_a_series() {
        let (records, said) = packed(
            br#"{"kind":"cache","name":"a","library":"moka","pid":7,"t_ns":1100,"hits":1,"misses":2,"entries":2,"capacity":9}
{"kind":"cache","name":"a","library":"moka","pid":7,"unix_ns":5300,"hits":5,"misses":3,"entries":3}
{"kind":"cache","name":"a","library":"moka","pid":7,"t_ns":1200,"hits":2,"misses":2}
{"kind":"cache","name":"a","library":"moka","pid":7,"t_ns":1400,"hits":1,"misses":0,"entries":0}
{"kind":"cache","name":"a","library":"moka","pid":8,"hits":9}
"#,
        );
        assert_eq!((records.len(), said.as_str()), (2, ""));
        let [one, other] = &records[..] else { panic!() };
        assert_eq!((one.requests, one.hits, one.misses, one.resets), (Some(9), Some(6), Some(3), 1));
        assert_eq!((one.entries, one.capacity, one.evictions), (Some(0), Some(9), None));
        assert_eq!(
            (&one.series.t_ns[..], &one.series.hits[..]),
            (&[100, 300, 400][..], &[Some(1), Some(5), Some(6)][..])
        );
        assert_eq!((other.pid, other.hits, other.requests, other.series.is_empty()), (Some(8), Some(9), None, true));
    }

    #[test]
    fn objects_of_one_name_are_added_up() {
        let (records, _) = packed(
            br#"{"kind":"cache","name":"a","instance":1,"hits":1,"misses":2,"entries":2}
{"kind":"cache","name":"a","instance":"b","hits":10,"misses":20}
{"kind":"cache","name":"a","instance":1,"hits":4,"misses":2,"entries":2}
"#,
        );
        let [one] = &records[..] else { panic!("{records:?}") };
        assert_eq!((one.hits, one.misses, one.entries, one.instances), (Some(14), Some(22), None, Some(2)));
        assert_eq!((one.library.as_str(), one.scope, one.resets), ("reported", CacheScope::Object, 0));
    }

    #[test]
    fn what_is_no_line_is_counted() {
        let mut text = b"{\"kind\":\"cache\",\"name\":\"a\",\"hits\":1}\nhello\n\n{\"kind\":\"span\"}\n".to_vec();
        text.extend(vec![b'x'; 1 << 20]);
        text.extend(
            b"\n\xff\xfe\n{\"kind\":\"cache\",\"name\":\"a\",\"t_ns\":99999999999999,\"hits\":3}\n{\"kind\":\"cac",
        );
        let (records, said) = packed(&text);
        assert_eq!(records[0].hits, Some(3));
        for part in
            ["5 lines of PERFCOLLECT_EVENTS", "first line 2", "3 no JSON", "1 longer", "1 of a kind", "time of 1 line"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn a_flood_of_snapshots_and_caches_is_bounded() {
        let snapshot =
            |at: u64| format!("{{\"kind\":\"cache\",\"name\":\"a\",\"t_ns\":{},\"hits\":{at}}}", 1000 + at / 10);
        let snapshots = (0..50_000).map(snapshot).collect::<Vec<_>>().join("\n");
        let (records, _) = packed(snapshots.as_bytes());
        let series = &records[0].series;
        assert!(series.t_ns.len() <= MOST_POINTS + 1, "{}", series.t_ns.len());
        assert_eq!((records[0].hits, *series.hits.last().unwrap()), (Some(49_999), Some(49_999)));
        let cache = |at: u64| format!("{{\"kind\":\"cache\",\"name\":\"{at}\",\"hits\":1}}");
        let caches = (0..10_007).map(cache).collect::<Vec<_>>().join("\n");
        let (records, said) = packed(caches.as_bytes());
        assert!(records.len() == MOST_CACHES && said.contains("7 of more than 10,000"), "{said}");
    }
}
