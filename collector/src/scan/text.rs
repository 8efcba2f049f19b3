//! A scan as people read it in a terminal: `file:line` first, so that editors and terminals can jump there.

use super::report::{Cache, Candidate, Hazard, Runtime, Scan, Simulated, Sites};
use perfcollect_shared::format::{count, duration, plural};
use perfcollect_shared::units::Nanos;
use std::fmt::Write;

/// Candidates are many; the first of them are the most promising.
const CANDIDATES: usize = 20;

/// The whole text.
#[must_use]
pub fn text(scan: &Scan, everything: bool) -> String {
    let mut out = String::new();
    let counts = &scan.counts;
    // Writing into a String does not fail.
    writeln!(
        out,
        "{}, {}, {}, {} ({} with a known callee); {} parsed, {} linked anew",
        plural(counts.files, "file"),
        plural(counts.lines, "line"),
        plural(counts.functions, "function"),
        plural(counts.calls, "call"),
        counts.calls_resolved,
        counts.parsed,
        counts.linked
    )
    .ok();
    problems(scan, &mut out);
    let (production, tests): (Vec<&Cache>, Vec<&Cache>) = scan.caches.iter().partition(|cache| !cache.test);
    writeln!(out, "\nCaches: {}{}", production.len(), in_tests(tests.len(), everything)).ok();
    for cache in production.iter().chain(tests.iter().filter(|_| everything)) {
        one(cache, &mut out);
    }
    candidates(scan, everything, &mut out);
    if let Some(recording) = &scan.recording {
        writeln!(
            out,
            "\nIn {}: {} ran, {} did not, {} not told.",
            recording.file,
            plural(recording.caches_ran, "cache"),
            recording.caches_not_run,
            recording.caches_unknown
        )
        .ok();
        for place in &recording.undeclared {
            writeln!(out, "  {}:{}  counted there, and not known to the scan", place.file, place.line).ok();
        }
    } else if !scan.caches.is_empty() {
        out.push_str("\nSource does not tell whether a cache is worth it: record a run with `perfcollect run -- COMMAND`, then add --with last.\n");
    }
    out
}

fn in_tests(count: usize, shown: bool) -> String {
    match (count, shown) {
        (0, _) => String::new(),
        (count, true) => format!(", and {count} in tests"),
        (count, false) => format!(", and {count} in tests (--all shows them)"),
    }
}

fn problems(scan: &Scan, out: &mut String) {
    if scan.problems.is_empty() {
        return;
    }
    writeln!(out, "\nNot read: {}", scan.problems.len()).ok();
    for problem in &scan.problems {
        let line = problem.line.map_or(String::new(), |line| format!(":{line}"));
        writeln!(out, "  {}{line}: {}", problem.file, problem.what).ok();
    }
}

fn one(cache: &Cache, out: &mut String) {
    let size = match (cache.capacity, cache.unbounded) {
        (Some(entries), _) if cache.default_size => format!("{entries} (default)"),
        (Some(entries), _) => entries.to_string(),
        (None, Some(true)) => "unbounded".into(),
        (None, _) => "size not told".into(),
    };
    let ttl = cache.ttl_s.map_or(String::new(), |seconds| format!(", ttl {seconds} s"));
    let via = cache.via.as_deref().map_or(String::new(), |via| format!(" by {via}"));
    writeln!(out, "\n  {}:{}  {}", cache.file, cache.line, cache.name).ok();
    writeln!(out, "    {}{via}, {size}{ttl}", cache.decorator).ok();
    if let Some(purity) = &cache.purity {
        let reason: Vec<String> =
            purity.reason.iter().map(|step| format!("{}:{} {}", step.file, step.line, step.what)).collect();
        let because = if reason.is_empty() { String::new() } else { format!(": {}", reason.join(" -> ")) };
        writeln!(out, "    {}{because}", purity.level).ok();
    }
    if let Some(sites) = &cache.sites {
        writeln!(out, "    {}", sites_line(sites)).ok();
    }
    if let Some(runtime) = &cache.runtime {
        writeln!(out, "    {}", runtime_line(runtime)).ok();
    }
    for hazard in &cache.hazards {
        hazard_line(cache, hazard, out);
    }
}

fn hazard_line(cache: &Cache, hazard: &Hazard, out: &mut String) {
    let place = if (hazard.file.as_str(), hazard.line) == (cache.file.as_str(), cache.line) {
        String::new()
    } else {
        format!(" {}:{}", hazard.file, hazard.line)
    };
    writeln!(out, "    ! {}{place}: {}", hazard.id, hazard.text).ok();
}

fn sites_line(sites: &Sites) -> String {
    let mut line = format!(
        "called at {}, {} in loops, {} in tests",
        plural(sites.production, "place"),
        sites.in_loops,
        sites.test
    );
    if sites.name > 0 {
        write!(line, "; {} of them by name only", sites.name).ok();
    }
    if let Some(site) = sites.list.iter().find(|site| site.same_arguments && !site.test) {
        write!(line, "; same arguments each time at {}:{}", site.file, site.line).ok();
    }
    line
}

fn runtime_line(runtime: &Runtime) -> String {
    match (runtime.ran.as_str(), runtime.hits, runtime.misses) {
        ("ran", Some(hits), Some(misses)) => {
            let entries = runtime.entries.map_or(String::new(), |entries| format!(", {entries} entries"));
            format!("ran: {hits} hits, {misses} misses{entries}")
        }
        ("ran", ..) => {
            let calls = runtime.calls.map(|calls| format!("{calls} calls"));
            #[expect(clippy::cast_precision_loss, reason = "a time to be read by people")]
            let cpu = runtime.cpu_ns.map(|ns| format!("{:.1} ms of CPU time by samples", ns as f64 / 1e6));
            let told: Vec<String> = calls.into_iter().chain(cpu).collect();
            format!("ran: {}", if told.is_empty() { "no counter".to_owned() } else { told.join(", ") })
        }
        ("not_run", ..) => "did not run in this recording; another scenario may use it".into(),
        _ => "not told by this recording".into(),
    }
}

fn candidates(scan: &Scan, everything: bool, out: &mut String) {
    if scan.candidates.is_empty() {
        return;
    }
    writeln!(out, "\nCandidates (pure, repeated, maybe expensive): {}", scan.candidates.len()).ok();
    let shown = if everything { scan.candidates.len() } else { CANDIDATES };
    for candidate in scan.candidates.iter().take(shown) {
        candidate_lines(candidate, out);
    }
    if scan.candidates.len() > shown {
        writeln!(out, "  … and {} more (--all shows them)", scan.candidates.len() - shown).ok();
    }
}

fn candidate_lines(candidate: &Candidate, out: &mut String) {
    writeln!(out, "  {}:{}  {}  {}", candidate.file, candidate.line, candidate.name, candidate.indicators.join(", "))
        .ok();
    writeln!(out, "    {}", sites_line(&candidate.sites)).ok();
    if let Some(runtime) = &candidate.runtime {
        writeln!(out, "    {}", runtime_line(runtime)).ok();
        if let Some(simulated) = &runtime.simulated {
            writeln!(out, "    {}", simulated_line(simulated)).ok();
        }
    }
}

fn simulated_line(told: &Simulated) -> String {
    let cache = format!("lru_cache(maxsize={})", told.maxsize);
    match (told.hits, told.misses, told.time_with_ns) {
        (Some(hits), Some(misses), Some(with)) => format!(
            "{cache}, simulated: {} hits, {} misses; {} instead of {} for its calls",
            count(hits),
            count(misses),
            duration(Nanos(with)),
            duration(Nanos(told.time_ns))
        ),
        _ => format!("{cache} is not simulated: {}", told.why_not.as_deref().map_or("no keys", why_not)),
    }
}

/// What keeps a function from an exact replay, said of it.
#[must_use]
pub fn why_not(word: &str) -> &str {
    match word {
        "recursive" => "it calls itself",
        "unhashable" => "it was given arguments that cannot be hashed",
        "sampled" => "not all of its keys were kept",
        "beside_itself" => "its calls ran beside each other",
        other => other,
    }
}
