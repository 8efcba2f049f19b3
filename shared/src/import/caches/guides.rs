//! JSON of tools that measure or advise caches, and statistics as a program prints them.

use super::CacheFile;
use crate::import::bench::ImportError;
use crate::model::{CacheRecord, CacheScope, CounterSource};
use crate::units::{Bytes, Nanos};
use serde_json::{Map, Value};

pub(super) fn read(name: &str, value: &Value) -> Result<Option<CacheFile>, ImportError> {
    match value {
        Value::Array(rows) if !rows.is_empty() && rows.iter().all(is_evaluation) => evaluations(rows).map(Some),
        Value::Array(rows) if !rows.is_empty() && rows.iter().all(is_recommendation) => recommendations(rows).map(Some),
        Value::Object(fields) if fields.get("caches").is_some_and(Value::is_object) => metrics(fields).map(Some),
        Value::Object(fields) => statistics(name, fields),
        _ => Ok(None),
    }
}

fn is_evaluation(row: &Value) -> bool {
    row["function"].is_string() && row.get("current_maxsize").is_some() && row["recommendation"].is_string()
}

fn is_recommendation(row: &Value) -> bool {
    row["function"].is_string() && row["decorator"].is_string() && row["evidence"].is_object()
}

fn record(name: String, library: &str, scope: CacheScope) -> CacheRecord {
    CacheRecord { name, library: library.to_owned(), scope, source: CounterSource::Imported, ..CacheRecord::default() }
}

/// A counter; `None` where it is not there or null.
fn counter(path: &str, fields: &Value, key: &str) -> Result<Option<u64>, ImportError> {
    let value = &fields[key];
    let whole = || value.as_u64().or_else(|| value.as_f64().filter(|number| number.fract() == 0.0).and_then(of_float));
    match value {
        Value::Null => Ok(None),
        _ => whole().map(Some).ok_or_else(|| {
            ImportError::at_path(format!("{path}.{key}"), format!("is {value}, a number of 0 or more was expected"))
        }),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
fn of_float(number: f64) -> Option<u64> {
    (0.0..9e15).contains(&number).then_some(number as u64)
}

/// A rate in percent: a number of percent, `"85.3%"`, or a part of 1 where `part` says so.
fn percent(value: &Value, part: bool) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().trim_end_matches('%').trim().parse().ok(),
        other => other.as_f64().map(|rate| if part { rate * 100.0 } else { rate }),
    }
    .filter(|rate: &f64| rate.is_finite())
}

/// Fills in what was counted; what is told of a rate that the counters do not bear out goes into the notes.
fn count(
    record: &mut CacheRecord,
    path: &str,
    fields: &Value,
    rate: Option<f64>,
    notes: &mut Vec<(String, String)>,
) -> Result<(), ImportError> {
    record.hits = counter(path, fields, "hits")?;
    record.misses = counter(path, fields, "misses")?;
    let both = record.hits.zip(record.misses);
    let requests = counter(path, fields, "total_requests")?;
    record.requests = requests.or(both.and_then(|(hits, misses)| hits.checked_add(misses)));
    let mut note = |text: String| notes.push((record.name.clone(), text));
    if let (Some(requests), Some((hits, misses))) = (record.requests, both) {
        if hits.checked_add(misses) != Some(requests) {
            note(format!("{hits} hits and {misses} misses are not the {requests} requests that the file tells"));
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio of counts")]
        let counted = hits as f64 * 100.0 / (requests.max(1)) as f64;
        if let Some(rate) = rate.filter(|rate| requests > 0 && (rate - counted).abs() > 0.1) {
            note(format!("the file tells a hit rate of {rate} %, its counts are {counted:.2} %"));
        }
    } else if let Some(rate) = rate {
        note(format!("the file tells a hit rate of {rate} % without counts, so that it cannot be judged or added"));
    }
    Ok(())
}

fn placed(row: &Value, path: &str) -> Result<CacheRecord, ImportError> {
    let function = row["function"].as_str().unwrap_or_default();
    let name = match row["module"].as_str() {
        Some(module) if !module.is_empty() => format!("{module}.{function}"),
        _ => function.to_owned(),
    };
    let mut record = record(name, "functools", CacheScope::Function);
    record.file = row["file"].as_str().map(str::to_owned);
    record.line = counter(path, row, "line")?.and_then(|line| u32::try_from(line).ok());
    Ok(record)
}

/// `existing_cache_evaluations.json` of glintefy. It reads counters in a process of its own, where they are zero; what it
/// found in the source alone has none.
fn evaluations(rows: &[Value]) -> Result<CacheFile, ImportError> {
    let mut file = CacheFile { tool: "glintefy", ..CacheFile::default() };
    for (index, row) in rows.iter().enumerate() {
        let path = format!("[{index}]");
        let mut record = placed(row, &path)?;
        record.unbounded = row["current_maxsize"] == "unbounded";
        if !record.unbounded {
            // It writes -1 where it could not read the decorator.
            record.capacity = row["current_maxsize"].as_u64();
        }
        let reason = row["reason"].as_str().unwrap_or_default();
        let rate = percent(&row["hit_rate_percent"], false);
        let counted =
            ["hits", "misses"].iter().any(|key| row["evidence"][*key].as_u64().is_some_and(|count| count > 0));
        if reason.starts_with("Static analysis") || !counted {
            let why = "nothing was counted: it was judged by its source, or in a process that had not run it";
            file.notes.push((record.name.clone(), why.to_owned()));
        } else {
            count(&mut record, &format!("{path}.evidence"), &row["evidence"], rate, &mut file.notes)?;
        }
        let size = row["suggested_maxsize"].as_u64().map_or_else(String::new, |size| format!(" to {size}"));
        let advice = row["recommendation"].as_str().unwrap_or_default();
        file.notes.push((record.name.clone(), format!("glintefy said {advice}{size}: {reason}")));
        file.records.push(record);
    }
    Ok(file)
}

/// `cache_recommendations.json` of glintefy: functions without a cache that it tried with one.
fn recommendations(rows: &[Value]) -> Result<CacheFile, ImportError> {
    let mut file = CacheFile { tool: "glintefy", ..CacheFile::default() };
    for (index, row) in rows.iter().enumerate() {
        let path = format!("[{index}]");
        let mut record = placed(row, &path)?;
        let decorator = row["decorator"].as_str().unwrap_or_default();
        let size = decorator.split_once("maxsize=").map(|(_, rest)| rest.trim_end_matches(')').trim());
        record.unbounded = size == Some("None");
        record.capacity = size.and_then(|size| size.parse().ok());
        let rate = percent(&row["hit_rate_percent"], false);
        count(&mut record, &format!("{path}.evidence"), &row["evidence"], rate, &mut file.notes)?;
        let seconds = |key: &str| row["evidence"][key].as_f64();
        let times = match (seconds("baseline_time"), seconds("cached_time")) {
            (Some(without), Some(with)) => format!(", {without} s without and {with} s with it"),
            _ => String::new(),
        };
        let speedup =
            percent(&row["speedup_percent"], false).map_or_else(String::new, |by| format!(" for {by} % of speed-up"));
        file.notes.push((
            record.name.clone(),
            format!("a trial of glintefy, not the program's own cache: {decorator}{speedup}{times}"),
        ));
        file.records.push(record);
    }
    Ok(file)
}

/// `get_stats()` of the metrics of `advanced_caching` 1.0.
fn metrics(fields: &Map<String, Value>) -> Result<CacheFile, ImportError> {
    let mut file = CacheFile { tool: "advanced_caching", ..CacheFile::default() };
    let seconds = fields.get("uptime_seconds").and_then(Value::as_f64).filter(|seconds| (0.0..1e9).contains(seconds));
    let of = |part: &str, name: &str| fields.get(part).map_or(Value::Null, |part| part[name].clone());
    for (name, counts) in fields["caches"].as_object().into_iter().flatten() {
        let path = format!("caches.{name}");
        let mut record = record(name.clone(), "advanced_caching", CacheScope::Object);
        count(&mut record, &path, counts, percent(&counts["hit_rate_percent"], false), &mut file.notes)?;
        record.sets = counter(&path, counts, "sets")?;
        record.deletes = counter(&path, counts, "deletes")?;
        let memory = of("memory", name);
        record.bytes = counter(&format!("memory.{name}"), &memory, "bytes")?.map(Bytes);
        record.entries = counter(&format!("memory.{name}"), &memory, "entries")?;
        let refresh = of("background_refresh", name);
        record.loads_failed = counter(&format!("background_refresh.{name}"), &refresh, "failure")?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
        let up = seconds.map(|seconds| Nanos((seconds * 1e9) as u64));
        (record.from_ns, record.to_ns) = (up.map(|_| Nanos(0)), up);
        file.records.push(record);
    }
    let note = "counted since the program began: whatever came before a reset is not in it";
    file.notes.push((String::new(), note.to_owned()));
    Ok(file)
}

const COUNTERS: [&str; 3] = ["hits", "misses", "hit_rate"];

fn is_statistics(value: &Value) -> bool {
    value.is_object() && COUNTERS.iter().filter(|key| value.get(**key).is_some()).count() >= 2
}

/// `get_stats()` of paracle, `stats()` of wtf-codebot, `cache_info()._asdict()` of functools; of one cache or of several by name.
fn statistics(name: &str, fields: &Map<String, Value>) -> Result<Option<CacheFile>, ImportError> {
    let whole = Value::Object(fields.clone());
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let base = base.strip_suffix(".json").unwrap_or(base);
    let several = || fields.iter().filter(|(_, value)| is_statistics(value));
    let caches: Vec<(&str, &str, &Value)> = if is_statistics(&whole) {
        vec![(base, "", &whole)]
    } else {
        several().map(|(name, value)| (&name[..], &name[..], value)).collect()
    };
    if caches.is_empty() {
        return Ok(None);
    }
    let is_text = |value: &Value| value["hit_rate"].is_string();
    let (tool, library) = match caches.first() {
        Some((_, _, first)) if first.get("maxsize").is_some() => ("functools", "functools"),
        Some((_, _, first)) if is_text(first) => ("paracle", "paracle"),
        _ => ("wtf-codebot", "wtf-codebot"),
    };
    let mut file = CacheFile { tool, ..CacheFile::default() };
    for (name, path, value) in caches {
        let mut record = record(name.to_owned(), library, CacheScope::Object);
        count(&mut record, path, value, percent(&value["hit_rate"], true), &mut file.notes)?;
        record.evictions = counter(path, value, "evictions")?;
        record.entries = counter(path, value, "size")?.or(counter(path, value, "currsize")?);
        record.capacity = counter(path, value, "max_size")?.or(counter(path, value, "maxsize")?);
        record.unbounded = value.get("maxsize").is_some_and(Value::is_null);
        file.records.push(record);
    }
    if let Some(second) = fields.get("persistent").filter(|second| second.is_object()) {
        let mut record = record("persistent".to_owned(), library, CacheScope::Object);
        record.entries = counter("persistent", second, "total_entries")?;
        record.bytes = counter("persistent", second, "db_size_bytes")?.map(Bytes);
        file.records.push(record);
        let note = "it has no counters; what it answered counts as misses of the cache before it";
        file.notes.push(("persistent".to_owned(), note.to_owned()));
    }
    Ok(Some(file))
}
