//! Published traces, from the folder that `PERFCOLLECT_CORPUS` names.

use flate2::read::GzDecoder;
use perfcollect_cachesim::{Interner, Trace};
use std::env;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

fn unpacked(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env::var_os("PERFCOLLECT_CORPUS")?).join("cache-trace").join(name);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

/// libCacheSim's sample of a cloud's disk: packed records of time, id, size and next use.
pub(crate) fn cloud_physics() -> Option<Trace> {
    let bytes = unpacked("libcachesim__cloudPhysicsIO.oracleGeneral.bin.gz")?;
    let mut interner = Interner::default();
    let mut trace = Trace::default();
    let (records, []) = bytes.as_chunks::<24>() else { panic!("not a whole number of records") };
    for record in records {
        let word = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
        let id = u64::from_le_bytes(record[4..12].try_into().unwrap());
        trace.keys.push(interner.intern(id));
        trace.sizes.push(word(12));
        trace.times.push(u64::from(word(0)) * 1_000_000_000);
    }
    trace.distinct = u32::try_from(interner.len()).unwrap();
    Some(trace)
}

/// A trace of the LIRS authors: a number a line; `*` separates phases.
pub(crate) fn lirs(name: &str) -> Option<Trace> {
    let text = String::from_utf8(unpacked(&format!("caffeine__lirs_{name}.trace.gz"))?).unwrap();
    Some(Trace::of_ids(text.lines().filter_map(|line| line.trim().parse().ok())))
}
