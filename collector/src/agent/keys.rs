//! Traced keys: from what the recorder wrote to one trace a cache and process.
//!
//! Numbers of keys are hashed once more here, with a salt that nobody keeps.

use super::{AgentError, AgentProcess};
use flate2::read::ZlibDecoder;
use perfcollect_shared::format::{count, share};
use perfcollect_shared::model::{KeyTrace, Lookup, Warning};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::Path;

/// First line of a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    name: String,
    library: String,
    file: Option<String>,
    line: Option<u32>,
    candidate: bool,
}

/// What changes: a line of the snapshot.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    n: u32,
    /// Of a trace of which nothing was written to a file.
    head: Head,
    mask: u32,
    dropped: u64,
    /// Lookups that could not be written.
    lost: u64,
    unhashable: u64,
    recursive: bool,
    tracing_ns: f64,
}

/// Events of one cache, as they were written.
#[derive(Debug, Default)]
struct Events {
    head: Head,
    /// Bits of the mixed hash that must be zero.
    mask: u32,
    /// Time on the recorder's clock, number of the key, cost.
    rows: Vec<(u64, i64, i64)>,
    cut: bool,
}

const HIT: i64 = -1;
const CLEARED: i64 = -2;
const FAILED: i64 = -16;
/// A chunk is never larger than this before it is packed.
const MOST_EVENTS: usize = 1 << 22;

/// The traces of every process, in order of processes; what cannot be read is noted as an error of its process.
pub(super) fn read(processes: &mut [AgentProcess], start_ns: u64) -> (Vec<KeyTrace>, Vec<Warning>) {
    let (mut traces, mut warnings) = (Vec::new(), Vec::new());
    // The same key has the same hash in all processes, as far as Python gives it one.
    let salt = RandomState::new();
    for process in processes {
        let failed = |what: String| AgentError { mode: "keys".to_owned(), what };
        let files = match process.binaries("keys-") {
            Ok(files) => files,
            Err(error) => {
                process.errors.push(failed(error.to_string()));
                continue;
            }
        };
        let mut events: BTreeMap<u32, Events> = BTreeMap::new();
        for (name, path) in files {
            let Some(number) = name.split('-').next().and_then(|number| number.parse().ok()) else { continue };
            if let Err(error) = add(events.entry(number).or_default(), &path) {
                process.errors.push(failed(error.to_string()));
            }
        }
        let states = process.snapshot::<State>("keys").unwrap_or_else(|error| {
            process.errors.push(failed(error.to_string()));
            None
        });
        let states: BTreeMap<u32, State> = states.into_iter().flatten().map(|state| (state.n, state)).collect();
        for (&number, state) in states.iter().filter(|(_, state)| state.dropped + state.lost + state.unhashable > 0) {
            events.entry(number).or_insert_with(|| Events { head: state.head.clone(), ..Events::default() });
        }
        for (number, mut events) in events {
            let state = states.get(&number).cloned().unwrap_or_default();
            if events.head.name.is_empty() {
                events.head = state.head.clone();
            }
            if events.cut {
                process.errors.push(failed(format!("the keys of {} were cut in the middle", events.head.name)));
            }
            if state.lost > 0 {
                let lookups = count(state.lost) + " lookups";
                process.errors.push(failed(format!(
                    "{lookups} of {} could not be written, and are only counted",
                    events.head.name
                )));
            }
            let stem = format!("{}-{}-{number}", process.hello.pid, process.hello.n);
            let trace = trace(events, &state, start_ns, process.hello.pid, &stem, &salt);
            warnings.extend(sampled(&trace));
            traces.push(trace);
        }
    }
    (traces, warnings)
}

/// What must be known of a trace that is not of all keys.
fn sampled(trace: &KeyTrace) -> Option<Warning> {
    let reason = format!(
        "its {} were too many to keep: the trace holds those of {} of its keys, chosen by their hashes",
        count(trace.requests) + " lookups",
        share(trace.rate)
    );
    let fix = "--cache-trace-limit keeps more".to_owned();
    (trace.rate < 1.0).then(|| Warning::Cache { what: trace.cache.clone(), reason, fix })
}

/// Appends the events of one file.
fn add(events: &mut Events, path: &Path) -> std::io::Result<()> {
    let bytes = fs::read(path)?;
    if bytes.is_empty() {
        // There was no room for its first chunk.
        return Ok(());
    }
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
        events.cut = true;
        return Ok(());
    };
    events.head = serde_json::from_slice(&bytes[..end])?;
    let mut rest = &bytes[end + 1..];
    while !rest.is_empty() {
        let Some(tail) = chunk(rest, events) else {
            // The end of a process that was killed.
            events.cut = true;
            break;
        };
        rest = tail;
    }
    Ok(())
}

/// Takes one chunk off; `None` where it is not whole.
fn chunk<'a>(bytes: &'a [u8], events: &mut Events) -> Option<&'a [u8]> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (number, mask, packed) = (word(0)? as usize, word(4)?, word(8)? as usize);
    let (body, rest) = bytes.get(12..)?.split_at_checked(packed)?;
    let size = number.checked_mul(24).filter(|_| number <= MOST_EVENTS)?;
    let mut columns = Vec::with_capacity(size);
    ZlibDecoder::new(body).take(size as u64 + 1).read_to_end(&mut columns).ok()?;
    if columns.len() != size {
        return None;
    }
    let value = |at: usize| i64::from_le_bytes(columns[at * 8..at * 8 + 8].try_into().unwrap_or_default());
    let mut time = 0_i64;
    for at in 0..number {
        time = time.wrapping_add(value(at));
        events.rows.push((u64::try_from(time).unwrap_or(0), value(number + at), value(2 * number + at)));
    }
    events.mask |= mask;
    Some(rest)
}

/// As `key_hash.mixed`.
fn mixed(number: i64) -> u32 {
    let product = number.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    u32::try_from(product >> 40).unwrap_or(0)
}

fn trace(events: Events, state: &State, start_ns: u64, pid: u32, stem: &str, salt: &RandomState) -> KeyTrace {
    let Events { head, mask, mut rows, .. } = events;
    let mask = mask | state.mask;
    rows.sort_by_key(|row| row.0);
    let mut trace = KeyTrace {
        name: member_name(&head.name, stem),
        cache: head.name,
        library: head.library,
        file: head.file,
        line: head.line,
        pid: Some(pid),
        candidate: head.candidate,
        recursive: state.recursive,
        rate: 1.0 / (f64::from(mask.count_ones())).exp2(),
        requests: state.dropped + state.lost + state.unhashable,
        unhashable: state.unhashable,
        tracing_ns: state.tracing_ns,
        ..KeyTrace::default()
    };
    let mut numbers: HashMap<i64, u32> = HashMap::new();
    for (time, key, cost) in rows {
        let (kind, cost) = kind(cost, trace.candidate);
        trace.requests += u64::from(kind.is_request());
        if kind.is_request() && mixed(key) & mask != 0 {
            continue;
        }
        let number = if kind == Lookup::Cleared {
            0
        } else {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(key).or_insert_with(|| {
                trace.hashes.push(salt.hash_one(key));
                next
            })
        };
        trace.t_ns.push(time.saturating_sub(start_ns));
        trace.key.push(number);
        trace.kind.push(kind);
        trace.cost_ns.push(cost);
    }
    trace
}

fn kind(cost: i64, candidate: bool) -> (Lookup, u64) {
    match cost {
        HIT => (Lookup::Hit, 0),
        CLEARED => (Lookup::Cleared, 0),
        cost if cost <= FAILED => (Lookup::Failed, u64::try_from(FAILED - cost).unwrap_or(0)),
        cost if candidate => (Lookup::Call, u64::try_from(cost).unwrap_or(0)),
        cost => (Lookup::Miss, u64::try_from(cost).unwrap_or(0)),
    }
}

fn member_name(cache: &str, stem: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = cache.chars().map(plain).take(60).collect();
    format!("{}-{stem}", name.trim_start_matches(['_', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_chosen_as_the_recorder_chooses() {
        // `key_hash.mixed` of the same numbers.
        for (number, expect) in
            [(1, 0x009e_3779), (-1, 0x0061_c886), (123_456_789, 0x00be_71d0), (i64::MIN, 0x0080_0000)]
        {
            assert_eq!(mixed(number), expect, "{number}");
        }
    }

    #[test]
    fn costs_tell_what_happened() {
        for (cost, candidate, expect) in [
            (-1, false, (Lookup::Hit, 0)),
            (-2, false, (Lookup::Cleared, 0)),
            (-16, false, (Lookup::Failed, 0)),
            (-20, true, (Lookup::Failed, 4)),
            (7, false, (Lookup::Miss, 7)),
            (7, true, (Lookup::Call, 7)),
        ] {
            assert_eq!(kind(cost, candidate), expect);
        }
    }

    #[test]
    fn members_have_names_that_every_system_takes() {
        assert_eq!(member_name("__main__.f.<locals>.größe", "7-0-1"), "main__-f--locals--gr--e-7-0-1");
    }

    #[test]
    fn a_chunk_that_was_cut_ends_the_trace() {
        let mut events = Events::default();
        assert!(chunk(&[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1], &mut events).is_none());
        assert!(chunk(&[255; 40], &mut events).is_none() && events.rows.is_empty());
    }
}
