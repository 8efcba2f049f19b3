//! The ten lines at the end of `run`.

use super::memory;
use super::text::{ending, figures, quality_line, sampling};
use super::{Report, ReportFunction, runs};
use crate::format::{duration, plural, program, share, shell_word, shorten_name};
use crate::units::Nanos;

/// Lines that there may be, so that the summary never pushes the program's own output off the screen.
const LINES: usize = 10;
/// Functions shown even when there are many warnings.
const FUNCTIONS: usize = 3;
/// Under this many samples a share of one function says little; the count is shown instead of a time.
const FEW: u64 = 30;

/// What a person needs after a run, at most ten lines, each ending in a newline: times, memory, top functions by self
/// time, warnings, where the bundle lies and the command that opens it. The caller puts its prefix before each line.
#[must_use]
pub fn summary_lines(report: &Report, bundle_path: &str) -> String {
    let mut lines = vec![format!("{} {}; {}", program(&report.run.command), figures(report), ending(report))];
    lines.extend(runs::lines(report).into_iter().take(2));
    // Without a profile the next line says all.
    lines.extend((!report.profiles.is_empty()).then(|| quality_line(report)));
    lines.extend(memory::summary_line(report));
    lines.push(sampling(report));
    let mut warnings: Vec<String> = report.warnings.iter().map(|w| format!("warning: {}", w.message)).collect();
    let room = LINES - lines.len() - 2;
    let top: Vec<&ReportFunction> = report.functions.iter().filter(|f| f.self_ns > Nanos::ZERO).collect();
    let shown = top.len().min(room.saturating_sub(warnings.len()).max(FUNCTIONS));
    lines.extend(top[..shown].iter().map(|function| function_line(function)));
    let room = room - shown;
    if warnings.len() > room {
        let more = warnings.len() - (room - 1);
        warnings.truncate(room - 1);
        warnings.push(format!(
            "and {}: perfcollect report {}",
            plural(more as u64, "more warning"),
            shell_word(bundle_path)
        ));
    }
    lines.extend(warnings);
    lines.push(format!("bundle: {bundle_path}"));
    lines.push(format!("open it: perfcollect serve {}", shell_word(bundle_path)));
    lines.join("\n") + "\n"
}

fn function_line(function: &ReportFunction) -> String {
    let amount =
        if function.self_samples < FEW { plural(function.self_samples, "sample") } else { duration(function.self_ns) };
    let line = format!(
        "{:>8}  {amount:>10}  {}  {}",
        share(function.self_share),
        shorten_name(&function.name, 60),
        function.place()
    );
    line.trim_end().to_owned()
}
