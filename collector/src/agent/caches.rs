//! Counters of caches as the recorder writes them, to records of the bundle.

use super::{AgentError, AgentProcess};
use perfcollect_shared::model::{CacheRecord, CacheScope, CacheSeries, CounterSource};
use perfcollect_shared::units::{Bytes, Nanos};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
enum Line {
    #[serde(rename = "d")]
    Definition(Box<Definition>),
    #[serde(rename = "c")]
    Reading(Reading),
}

/// A cache of the source.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Definition {
    /// Its number in this process.
    n: u32,
    library: String,
    name: String,
    file: Option<String>,
    line: Option<u32>,
    scope: CacheScope,
    source: CounterSource,
    policy: Option<String>,
    recursive: bool,
    ttl_ns: Option<u64>,
    capacity_bytes: Option<u64>,
    counting_ns: Option<f64>,
}

/// Number, time, hits, misses, stale hits, evictions, entries, weight, capacity (-1: no limit), caches, resets, cut.
#[derive(Deserialize)]
struct Reading(
    u32,
    u64,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<i64>,
    u64,
    u64,
    u8,
);

/// The records of every process, in order of processes and of the first use of a cache. What cannot be read is noted as an
/// error of its process.
pub(super) fn read(processes: &mut [AgentProcess], start_mono_ns: u64) -> Vec<CacheRecord> {
    let mut records = Vec::new();
    for process in processes {
        let mut found: BTreeMap<u32, CacheRecord> = BTreeMap::new();
        let since = |mono: u64| mono.saturating_sub(start_mono_ns);
        let read = process.appended("caches", |line: Line| match line {
            Line::Definition(definition) => {
                found.insert(definition.n, record(*definition, process, since(process.hello.mono_ns)));
            }
            Line::Reading(reading) => {
                if let Some(record) = found.get_mut(&reading.0) {
                    take(record, &reading, since(reading.1));
                }
            }
        });
        // A cut line is the last one of a killed process.
        if let Err(error) = read {
            process.errors.push(AgentError { mode: "caches".to_owned(), what: error.to_string() });
        }
        records.extend(found.into_values().map(|mut record| {
            record.cut |= process.bye.is_none();
            without_empty_columns(&mut record.series);
            record
        }));
    }
    records
}

fn record(definition: Definition, process: &AgentProcess, from: u64) -> CacheRecord {
    CacheRecord {
        name: definition.name,
        library: definition.library,
        scope: definition.scope,
        source: definition.source,
        file: definition.file,
        line: definition.line,
        pid: Some(process.hello.pid),
        policy: definition.policy,
        from_ns: Some(Nanos(from)),
        recursive: definition.recursive,
        ttl_ns: definition.ttl_ns.map(Nanos),
        capacity_bytes: definition.capacity_bytes.map(Bytes),
        counting_ns: definition.counting_ns,
        ..CacheRecord::default()
    }
}

fn take(record: &mut CacheRecord, reading: &Reading, t_ns: u64) {
    let &Reading(_, _, hits, misses, stale, evictions, entries, weight, capacity, made, resets, cut) = reading;
    record.to_ns = Some(Nanos(t_ns));
    (record.hits, record.misses, record.hits_stale) = (hits, misses, stale);
    record.requests = hits.zip(misses).map(|(hits, misses)| hits.saturating_add(misses));
    (record.evictions, record.entries, record.weight) = (evictions, entries, weight);
    record.unbounded = capacity.is_some_and(|capacity| capacity < 0);
    record.capacity = capacity.and_then(|capacity| u64::try_from(capacity).ok()).or(record.capacity);
    record.instances = (made > 1).then_some(made);
    (record.resets, record.cut) = (resets, cut != 0);
    let series = &mut record.series;
    let t_ns = series.t_ns.last().map_or(t_ns, |&last| last.max(t_ns));
    series.t_ns.push(t_ns);
    series.hits.push(hits);
    series.misses.push(misses);
    series.evictions.push(evictions);
    series.entries.push(entries);
}

fn without_empty_columns(series: &mut CacheSeries) {
    for column in [&mut series.evictions, &mut series.entries] {
        if column.iter().all(Option::is_none) {
            column.clear();
        }
    }
}
