//! A recording laid over a scan: what ran, how often, and what did not.
//!
//! The two meet by file and first line, the decorator's. A file of the recording is one of the scan if it is the same
//! path, or ends in the same relative path (a container, another checkout). That nothing was sampled of a function is no
//! proof that it did not run; a counter of 0, or exact calls of others without any of it, is. Must not recommend.

use super::replay::replay;
use super::report::{Place, Recording, Runtime, Scan, Simulated};
use perfcollect_shared::derive::selection::Selection;
use perfcollect_shared::derive::top_table::top_table;
use perfcollect_shared::model::{Bundle, CacheScope, KeyTrace, Profile, WeightKind};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the recording says of one place.
#[derive(Clone, Debug, Default)]
struct Seen {
    file: String,
    counted: bool,
    hits: Option<u64>,
    misses: Option<u64>,
    entries: Option<u64>,
    capacity: Option<u64>,
    calls: Option<u64>,
    cpu_ns: Option<u64>,
    simulated: Option<Simulated>,
}

/// Everything that a recording says, by relative path and line.
struct Index {
    seen: BTreeMap<(String, u32), Seen>,
    /// Objects have no line in some libraries.
    by_name: BTreeMap<String, Seen>,
    /// Calls were counted exactly, in all processes.
    exact: bool,
}

/// Adds to each cache and candidate what the bundle says of it.
pub fn join(scan: &mut Scan, bundle: &Bundle, root: &Path, file: &str) {
    let index = Index::of(scan, bundle, root);
    let traced: BTreeSet<(Option<&str>, Option<u32>)> =
        candidates(bundle).map(|trace| (trace.file.as_deref(), trace.line)).collect();
    let mut recording = Recording {
        file: file.to_owned(),
        wall_ns: bundle.manifest.wall_ns.map(|wall| wall.0),
        functions_traced: traced.len() as u64,
        ..Recording::default()
    };
    for cache in &mut scan.caches {
        let seen = index.seen.get(&(cache.file.clone(), cache.line)).or_else(|| index.by_name.get(&cache.name));
        let runtime = index.runtime(seen);
        match runtime.ran.as_str() {
            "ran" => recording.caches_ran += 1,
            "not_run" => recording.caches_not_run += 1,
            _ => recording.caches_unknown += 1,
        }
        cache.runtime = Some(runtime);
    }
    for candidate in &mut scan.candidates {
        candidate.runtime = Some(index.runtime(index.seen.get(&(candidate.file.clone(), candidate.line))));
    }
    let weight = |runtime: &Option<Runtime>| {
        let runtime = runtime.as_ref();
        std::cmp::Reverse((runtime.and_then(|r| r.cpu_ns), runtime.and_then(|r| r.calls)))
    };
    scan.candidates.sort_by_key(|candidate| weight(&candidate.runtime));
    let declared: Vec<(&str, u32)> = scan.caches.iter().map(|cache| (cache.file.as_str(), cache.line)).collect();
    let functions = index.seen.iter().filter(|(_, seen)| seen.counted);
    recording.undeclared = functions
        .filter(|((file, line), _)| !declared.contains(&(file, *line)))
        .map(|((file, line), _)| Place { file: file.clone(), line: *line })
        .collect();
    scan.recording = Some(recording);
}

impl Index {
    fn of(scan: &Scan, bundle: &Bundle, root: &Path) -> Self {
        let known: Vec<&str> = scan
            .caches
            .iter()
            .map(|c| c.file.as_str())
            .chain(scan.candidates.iter().map(|c| c.file.as_str()))
            .collect();
        let paths = Paths { root, known };
        let mut index = Self { seen: BTreeMap::new(), by_name: BTreeMap::new(), exact: !bundle.calls.is_empty() };
        for record in bundle.caches.iter().filter(|record| record.scope != CacheScope::Server) {
            let place = record.file.as_deref().and_then(|file| Some((paths.relative(file)?, record.line?)));
            let seen = match place {
                Some(place) => index.seen.entry(place).or_default(),
                None => index.by_name.entry(record.name.clone()).or_default(),
            };
            seen.file = record.file.clone().unwrap_or_default();
            seen.counted = true;
            add(&mut seen.hits, record.hits);
            add(&mut seen.misses, record.misses);
            seen.entries = seen.entries.max(record.entries);
            seen.capacity = seen.capacity.max(record.capacity);
        }
        for call in bundle.calls.iter() {
            if let Some(file) = paths.relative(&call.file) {
                let seen = index.seen.entry((file, call.line)).or_default();
                call.file.clone_into(&mut seen.file);
                add(&mut seen.calls, Some(call.calls));
            }
        }
        for profile in bundle.profiles.iter().filter(|profile| profile.info.weight == WeightKind::Cpu) {
            index.sampled(profile, &paths);
        }
        index.traced(bundle, &paths);
        index
    }

    /// Functions without a cache whose keys were recorded, all processes of each together.
    fn traced(&mut self, bundle: &Bundle, paths: &Paths<'_>) {
        let mut traces: BTreeMap<(String, u32), Vec<&KeyTrace>> = BTreeMap::new();
        for trace in candidates(bundle) {
            if let Some(place) = trace.file.as_deref().and_then(|file| Some((paths.relative(file)?, trace.line?))) {
                traces.entry(place).or_default().push(trace);
            }
        }
        for (place, traces) in traces {
            let simulated = replay(&traces);
            let seen = self.seen.entry(place).or_default();
            traces[0].file.as_deref().unwrap_or_default().clone_into(&mut seen.file);
            seen.calls = seen.calls.or(Some(simulated.calls));
            seen.simulated = Some(simulated);
        }
    }

    fn sampled(&mut self, profile: &Profile, paths: &Paths<'_>) {
        for row in top_table(profile, &Selection::default()).rows {
            let function = &profile.functions.rows[row.function.index()];
            if function.start_line == 0 {
                continue;
            }
            let recorded = profile.strings.get(function.file);
            if let Some(file) = paths.relative(recorded) {
                let seen = self.seen.entry((file, function.start_line)).or_default();
                recorded.clone_into(&mut seen.file);
                add(&mut seen.cpu_ns, Some(row.total_weight.0));
            }
        }
    }

    fn runtime(&self, seen: Option<&Seen>) -> Runtime {
        let Some(seen) = seen else {
            let ran = if self.exact { "not_run" } else { "unknown" };
            return Runtime { ran: ran.into(), ..Runtime::default() };
        };
        let requests = seen.hits.unwrap_or(0) + seen.misses.unwrap_or(0);
        let ran = requests > 0 || seen.calls.is_some_and(|calls| calls > 0) || seen.cpu_ns.is_some_and(|ns| ns > 0);
        let idle = seen.hits.is_some() && seen.misses.is_some();
        Runtime {
            ran: if ran {
                "ran"
            } else if idle {
                "not_run"
            } else {
                "unknown"
            }
            .into(),
            hits: seen.hits,
            misses: seen.misses,
            entries: seen.entries,
            capacity: seen.capacity,
            calls: seen.calls,
            cpu_ns: seen.cpu_ns,
            recorded_file: seen.file.clone(),
            simulated: seen.simulated.clone(),
        }
    }
}

/// Traces of functions that have no cache.
fn candidates(bundle: &Bundle) -> impl Iterator<Item = &KeyTrace> {
    bundle.keys.iter().map(AsRef::as_ref).filter(|trace| trace.candidate)
}

fn add(sum: &mut Option<u64>, more: Option<u64>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0).saturating_add(more));
    }
}

/// Paths of the recording as paths of the scan.
struct Paths<'a> {
    root: &'a Path,
    /// Files that it matters for.
    known: Vec<&'a str>,
}

impl Paths<'_> {
    fn relative(&self, recorded: &str) -> Option<String> {
        if let Ok(relative) = Path::new(recorded).strip_prefix(self.root) {
            return Some(relative.to_string_lossy().into_owned());
        }
        let ends = |known: &&&str| {
            recorded == **known || recorded.strip_suffix(**known).is_some_and(|rest| rest.ends_with('/'))
        };
        // The longest, so that `a/b.py` is not taken for `b.py`; a bare name says too little.
        let found = self.known.iter().filter(ends).max_by_key(|known| known.len())?;
        (found.contains('/') || *recorded == **found || self.root.is_file()).then(|| (*found).to_owned())
    }
}
