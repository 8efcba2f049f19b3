//! `keys/<name>.gz`: which keys were asked of one cache, and when.
//!
//! Layout before gzip, every number a varint as in protocol buffers:
//!
//! ```text
//! "PCTRACE" 1                     8 bytes: magic and version of the layout
//! bytes, then JSON                of what it is: an object as in `caches.jsonl`
//! flags                           1 where the function has no cache, 2 where the size column is there
//! rate, cost of tracing           two floating-point numbers of 8 bytes, little-endian
//! unhashable                      lookups whose key is not known
//! keys, then 8 bytes each         K; hash of each key, little-endian
//! lookups                         N
//! bytes, then N times             nanoseconds since the lookup before (the first: since the start)
//! bytes, then N keys              zigzag of the difference to the key before (the first: to 0), below K
//! bytes, then N kinds             a byte each
//! bytes, then N costs             nanoseconds
//! bytes, then N sizes             bytes
//! ```

use super::json;
use super::order::{Column, OrderError, deltas, push_column, varint};
use crate::model::{CacheRecord, KeyTrace, Lookup};
use prost::encoding::encode_varint;

const MAGIC: &[u8; 8] = b"PCTRACE\x01";
const CANDIDATE: u64 = 1;
const SIZED: u64 = 2;
/// Largest number of lookups of one trace.
pub(super) const MAX_LOOKUPS: usize = 64 << 20;

/// What is wrong with the columns of a trace that is to be written.
pub(super) fn fault(trace: &KeyTrace) -> Option<&'static str> {
    let lookups = trace.t_ns.len();
    let lengths = [trace.key.len(), trace.kind.len(), trace.cost_ns.len()];
    let keys = trace.hashes.len().max(1);
    if lengths != [lookups; 3] || !(trace.size.is_empty() || trace.size.len() == lookups) {
        Some("has columns of different lengths")
    } else if lookups > MAX_LOOKUPS {
        Some("has more lookups than a bundle may have; trace fewer functions, or a part of the keys")
    } else if !trace.t_ns.is_sorted() {
        Some("is not in order of time")
    } else if trace.key.iter().any(|&key| key as usize >= keys) {
        Some("names a key that it does not have")
    } else if !is_rate(trace.rate) || !trace.tracing_ns.is_finite() {
        Some("has a rate or a cost that is no number, or a rate outside of 0 to 1")
    } else {
        None
    }
}

fn is_rate(rate: f64) -> bool {
    rate > 0.0 && rate <= 1.0
}

/// The layout before gzip, of a trace without [`fault`].
pub(super) fn encode(trace: &KeyTrace) -> Result<Vec<u8>, serde_json::Error> {
    // A record of caches.jsonl, since the page has what reads those.
    let head = CacheRecord {
        name: trace.cache.clone(),
        library: trace.library.clone(),
        file: trace.file.clone(),
        line: trace.line,
        pid: trace.pid,
        recursive: trace.recursive,
        requests: Some(trace.requests),
        ..CacheRecord::default()
    };
    let sized = !trace.size.is_empty();
    let mut bytes = Vec::with_capacity(trace.hashes.len() * 8 + trace.t_ns.len() * 8 + 1024);
    bytes.extend_from_slice(MAGIC);
    push_column(&mut serde_json::to_vec(&head)?, &mut bytes);
    encode_varint((u64::from(trace.candidate) * CANDIDATE) | (u64::from(sized) * SIZED), &mut bytes);
    bytes.extend([trace.rate, trace.tracing_ns].into_iter().flat_map(f64::to_le_bytes));
    encode_varint(trace.unhashable, &mut bytes);
    encode_varint(trace.hashes.len() as u64, &mut bytes);
    bytes.extend(trace.hashes.iter().flat_map(|hash| hash.to_le_bytes()));
    encode_varint(trace.t_ns.len() as u64, &mut bytes);
    let mut column = Vec::with_capacity(trace.t_ns.len() * 4);
    let mut last = 0;
    for &time in &trace.t_ns {
        encode_varint(time.saturating_sub(last), &mut column);
        last = time;
    }
    push_column(&mut column, &mut bytes);
    deltas(trace.key.iter().map(|&key| u64::from(key)), &mut column);
    push_column(&mut column, &mut bytes);
    column.extend(trace.kind.iter().map(|&kind| kind as u8));
    push_column(&mut column, &mut bytes);
    trace.cost_ns.iter().for_each(|&cost| encode_varint(cost, &mut column));
    push_column(&mut column, &mut bytes);
    if sized {
        trace.size.iter().for_each(|&size| encode_varint(size.into(), &mut column));
        push_column(&mut column, &mut bytes);
    }
    Ok(bytes)
}

/// Reads what gzip gave; `name` is the member's.
pub(super) fn decode(name: &str, bytes: &[u8]) -> Result<KeyTrace, OrderError> {
    let fault = |column: &'static str, rest: &[u8]| OrderError::Column { column, byte: bytes.len() - rest.len() };
    let mut rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(OrderError::Trace)?;
    let head = Column::next("head", bytes, &mut rest)?;
    let head: CacheRecord = json::from_slice(head.part).ok().ok_or_else(|| fault("head", rest))?;
    let flags = varint(&mut rest).filter(|&flags| flags <= (CANDIDATE | SIZED)).ok_or_else(|| fault("head", rest))?;
    let rate = float(&mut rest).filter(|&rate| is_rate(rate)).ok_or_else(|| fault("head", rest))?;
    let tracing_ns = float(&mut rest).filter(|cost| cost.is_finite()).ok_or_else(|| fault("head", rest))?;
    let unhashable = varint(&mut rest).ok_or_else(|| fault("head", rest))?;
    let keys = length(&mut rest, 8).ok_or_else(|| fault("hash", rest))?;
    let mut hashes = Vec::with_capacity(keys);
    for _ in 0..keys {
        hashes.push(u64::from_le_bytes(*take(&mut rest).ok_or_else(|| fault("hash", rest))?));
    }
    let lookups = length(&mut rest, 1).filter(|&lookups| lookups <= MAX_LOOKUPS).ok_or_else(|| fault("time", rest))?;
    let mut column = |name| Column::next(name, bytes, &mut rest);
    let t_ns = column("time")?.times(lookups, |time| time)?;
    let is_key = |key: &u32| (*key as usize) < keys.max(1);
    let key = column("key")?.values(lookups, |key| u32::try_from(key).ok().filter(is_key))?;
    let kind = column("kind")?.numbers(lookups, |kind| Lookup::ALL.get(usize::try_from(kind).ok()?).copied())?;
    let cost_ns = column("cost")?.numbers(lookups, Some)?;
    let size = match flags & SIZED {
        0 => Vec::new(),
        _ => column("size")?.numbers(lookups, |size| u32::try_from(size).ok())?,
    };
    Ok(KeyTrace {
        name: name.to_owned(),
        cache: head.name,
        library: head.library,
        file: head.file,
        line: head.line,
        pid: head.pid,
        candidate: flags & CANDIDATE != 0,
        recursive: head.recursive,
        rate,
        requests: head.requests.ok_or_else(|| fault("head", bytes))?,
        unhashable,
        tracing_ns,
        hashes,
        t_ns,
        key,
        kind,
        cost_ns,
        size,
    })
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8; 8]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(first)
}

fn float(rest: &mut &[u8]) -> Option<f64> {
    take(rest).map(|bytes| f64::from_le_bytes(*bytes))
}

/// A count of things that take at least `bytes` each, of which there is room in what follows.
fn length(rest: &mut &[u8], bytes: usize) -> Option<usize> {
    varint(rest).and_then(|count| usize::try_from(count).ok()).filter(|&count| count <= rest.len() / bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> KeyTrace {
        KeyTrace {
            name: "7-price_of".into(),
            cache: "orders.price_of".into(),
            library: "functools".into(),
            file: Some("/home/u/ä/orders.py".into()),
            line: Some(12),
            pid: Some(7),
            candidate: true,
            recursive: true,
            rate: 0.5,
            requests: 9,
            unhashable: 2,
            tracing_ns: 310.5,
            hashes: vec![u64::MAX, 0, 1 << 40],
            t_ns: vec![3, 3, 1 << 50, u64::MAX, u64::MAX, u64::MAX, u64::MAX],
            key: vec![0, 1, 2, 0, 1, 1, 2],
            kind: Lookup::ALL.to_vec(),
            cost_ns: vec![0, 500, u64::MAX, 1, 300, 0, 0],
            size: vec![0, u32::MAX, 7, 300, 0, 0, 1],
        }
    }

    #[test]
    fn traces_come_back_equal() {
        let empty = KeyTrace { rate: 1.0, ..KeyTrace::default() };
        let unsized_one = KeyTrace { size: Vec::new(), ..trace() };
        let cleared = KeyTrace {
            hashes: Vec::new(),
            t_ns: vec![1],
            key: vec![0],
            kind: vec![Lookup::Cleared],
            cost_ns: vec![0],
            ..empty.clone()
        };
        for trace in [empty, trace(), unsized_one, cleared] {
            assert_eq!(fault(&trace), None);
            assert_eq!(decode(&trace.name, &encode(&trace).expect("encodes")).as_ref(), Ok(&trace));
        }
    }

    #[test]
    fn every_cut_and_every_flip_is_an_error_or_another_trace() {
        let (bytes, whole) = (encode(&trace()).expect("encodes"), trace());
        let head = bytes.windows(2).position(|pair| pair == b"}\x03").expect("ends");
        for cut in 0..bytes.len() {
            assert!(decode(&whole.name, &bytes[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = decode(&whole.name, &flipped) {
                // Fields of a record that a trace does not have may be anything.
                assert!((bit / 8 < head || read != whole) && fault(&read).is_none(), "bit {bit}");
            }
        }
    }

    #[test]
    fn claims_take_no_memory() {
        let (keys, lookups) = (1_u64 << 40, 1_u64 << 40);
        let mut bytes = MAGIC.to_vec();
        push_column(&mut br#"{"name":"f","library":"l","requests":1}"#.to_vec(), &mut bytes);
        encode_varint(0, &mut bytes);
        bytes.extend([1.0_f64, 0.0].into_iter().flat_map(f64::to_le_bytes));
        encode_varint(0, &mut bytes);
        let mut many_keys = bytes.clone();
        encode_varint(keys, &mut many_keys);
        many_keys.extend([0; 64]);
        assert_eq!(decode("x", &many_keys), Err(OrderError::Column { column: "hash", byte: many_keys.len() - 64 }));
        encode_varint(0, &mut bytes);
        encode_varint(lookups, &mut bytes);
        assert_eq!(decode("x", &bytes), Err(OrderError::Column { column: "time", byte: bytes.len() }));
    }

    #[test]
    fn traces_that_would_not_come_back_are_refused() {
        let check = |change: fn(&mut KeyTrace), wrong: &str| {
            let mut trace = trace();
            change(&mut trace);
            assert!(fault(&trace).is_some_and(|fault| fault.contains(wrong)), "{wrong}");
        };
        check(|trace| trace.cost_ns.clear(), "different lengths");
        check(|trace| trace.size.truncate(1), "different lengths");
        check(|trace| trace.t_ns[0] = 5, "order of time");
        check(|trace| trace.key[0] = 3, "names a key");
        check(|trace| trace.rate = 0.0, "rate");
        check(|trace| trace.rate = f64::NAN, "rate");
        check(|trace| trace.tracing_ns = f64::INFINITY, "no number");
    }
}
