//! What a reader must know of a recording, found when it is packed.

use super::profile::Built;
use crate::spool::RawStacks;
use perfcollect_shared::merge::FEW_SAMPLES;
use perfcollect_shared::model::{Manifest, Timeline, Warning};
use std::collections::HashSet;

/// Share of samples from which a defect is told.
const WORTH_TELLING: f64 = 0.01;
/// Share of failed reads of Python stacks from which they are told; 0.6 % is usual.
const READ_ERRORS: f64 = 0.02;
/// Modules that a warning names.
const NAMED_MODULES: usize = 3;

/// Adds what the counts of the samplers and the timeline show.
pub(super) fn add(
    manifest: &mut Manifest,
    built: Option<&Built>,
    timeline: &Timeline,
    [native, python]: [&RawStacks; 2],
    cut: &[(String, u64, u64)],
) {
    let mut found = Vec::new();
    let taken = native.samples.len() as u64;
    let share = |part: u64, of: u64| ratio(part, of) >= WORTH_TELLING && part > 0;
    if native.counts.throttled > 0 {
        found.push(Warning::Throttled { times: native.counts.throttled });
    }
    if share(native.counts.unwind_failures, taken) {
        found.push(Warning::UnwindFailures { failed: native.counts.unwind_failures, samples: taken });
    }
    let info = built.map(|built| &built.profile.info);
    let (truncated, samples) = info.map_or((0, 0), |info| (info.truncated_stacks, info.samples));
    if share(truncated, samples) || (truncated > 0 && manifest.settings.max_depth.is_some()) {
        found.push(Warning::TruncatedStacks { truncated, samples });
    }
    let (errors, attempts) = (python.counts.errors, python.counts.attempts);
    if ratio(errors, attempts) >= READ_ERRORS {
        found.push(Warning::PythonReadErrors { errors, attempts });
    }
    if let Some(built) = built {
        of_profile(built, &mut found);
    }
    let read: HashSet<u32> = timeline.samples.iter().map(|sample| sample.pid).collect();
    let unread = timeline.processes.iter().filter(|process| !read.contains(&process.pid)).count();
    if unread > 0 {
        found.push(Warning::ShortLivedProcesses { count: unread as u64 });
    }
    found.extend(cut.iter().filter_map(|cut| skipped(manifest.partial, cut)));
    for warning in found {
        let told = |known: &Warning| std::mem::discriminant(known) == std::mem::discriminant(&warning);
        if matches!(warning, Warning::SkippedLines { .. }) || !manifest.warnings.iter().any(told) {
            manifest.warnings.push(warning);
        }
    }
}

fn of_profile(built: &Built, found: &mut Vec<Warning>) {
    let info = &built.profile.info;
    if let Some(lost) = info.lost.filter(|&lost| lost > 0) {
        found.push(Warning::LostSamples { profile: info.name.clone(), lost, samples: info.samples });
    }
    if info.samples < FEW_SAMPLES {
        found.push(Warning::FewSamples { profile: info.name.clone(), samples: info.samples });
    }
    if ratio(info.unsymbolicated, info.samples) >= WORTH_TELLING {
        let modules = built.unnamed.iter().map(|(module, _)| module.clone()).take(NAMED_MODULES).collect();
        found.push(Warning::Unsymbolicated { samples: info.unsymbolicated, of: info.samples, modules });
    }
}

/// A recording that was cut short ends in a cut line: that alone is no news.
fn skipped(partial: bool, &(ref name, first_line, count): &(String, u64, u64)) -> Option<Warning> {
    let reason = "damaged while it was recorded".to_owned();
    let told = !partial || count > 1;
    told.then(|| Warning::SkippedLines { member: name.clone(), count, first_line, reason })
}

#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn ratio(part: u64, of: u64) -> f64 {
    if part == 0 { 0.0 } else { part as f64 / of.max(1) as f64 }
}
