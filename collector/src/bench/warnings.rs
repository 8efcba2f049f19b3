//! What a reader must know before trusting the figures.

use super::plan::Plan;
use super::session::Measured;
use perfcollect_shared::format;
use perfcollect_shared::model::{Environment, Unit, Warning};
use perfcollect_shared::stats::{self, Conditions};

/// Everything that the runs and the machine show.
#[must_use]
pub fn warnings(plan: &Plan, measured: &Measured, environment: &Environment) -> Vec<Warning> {
    let mut found: Vec<Warning> = plan.notes.iter().map(|note| general(note.clone(), "")).collect();
    found.extend(machine(environment));
    for (index, benchmark) in plan.benchmarks.iter().enumerate() {
        let name = &benchmark.info.name;
        let mut add = |reason: String, fix: &str| {
            found.push(Warning::Benchmark { what: name.clone(), reason, fix: fix.to_owned() });
        };
        let walls = measured.columns[index].values("wall_ns");
        let runs = walls.len();
        for finding in stats::findings(walls) {
            add(finding.to_string(), "");
        }
        if let Some(reason) = shell(measured.shell_start_ns, stats::median(walls)) {
            add(reason, "without --shell it is not measured");
        }
        let left = measured.left_behind[index];
        if left > 0 {
            let text = format!("{} left processes behind, whose time and memory are not in the figures", of(left));
            add(text, "let the command wait for what it starts");
        }
        if measured.timed_out[index] > 0 {
            add(format!("{} took too long and were killed; they are in no figure", of(measured.timed_out[index])), "");
        }
        if measured.failed[index] > 0 && matches!(measured.end, super::session::End::Done) {
            add(format!("{} failed; their figures count, as was asked for", of(measured.failed[index])), "");
        }
        let measured_memory = measured.columns[index].values("rss_bytes").len();
        if measured_memory < runs {
            let floor = format::measured(kib(measured.rss_floor_kib), Unit::Bytes);
            let reason = format!("peak memory is not above {floor}, which is perfcollect's own part, and so not known");
            add(if measured_memory > 0 { format!("in some runs {reason}") } else { reason }, "");
        }
    }
    found
}

fn general(reason: String, fix: &str) -> Warning {
    Warning::Benchmark { what: String::new(), reason, fix: fix.to_owned() }
}

/// The state of the machine before the first run.
fn machine(environment: &Environment) -> Vec<Warning> {
    let waited = |resource: &str| {
        let of = environment.pressure.iter().find(|pressure| pressure.resource == resource);
        of.map(|pressure| pressure.some_10s)
    };
    let found = stats::conditions(&Conditions {
        load: environment.load.map(|[minute, ..]| minute),
        processors: environment.cpus.max(1) as usize,
        pressure_cpu: waited("cpu"),
        pressure_memory: waited("memory"),
        pressure_io: waited("io"),
        ..Conditions::default()
    });
    let fix = if found.is_empty() { "" } else { "measure on a quiet machine; CPU time suffers least" };
    let mut all: Vec<Warning> = found.iter().map(|finding| general(finding.to_string(), "")).collect();
    if let Some(Warning::Benchmark { fix: last, .. }) = all.last_mut() {
        fix.clone_into(last);
    }
    if environment.governor.as_deref() == Some("powersave") {
        let fix = "try: sudo cpupower frequency-set -g performance";
        all.push(general("the processor's frequency is governed by `powersave`".to_owned(), fix));
    }
    all
}

fn shell(start_ns: Option<f64>, median_ns: Option<f64>) -> Option<String> {
    let (start, median_ns) = start_ns.zip(median_ns.filter(|&ns| ns > 0.0))?;
    let (start_text, part) = (format::measured(start, Unit::Nanoseconds), format::share((start / median_ns).min(1.0)));
    Some(format!("the start of the shell alone takes {start_text}, {part} of the median, and is in the figures"))
}

fn of(runs: u32) -> String {
    format::plural(runs.into(), "run")
}

#[expect(clippy::cast_precision_loss, reason = "a size")]
fn kib(value: u64) -> f64 {
    value as f64 * 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_shell_is_shown() {
        assert_eq!(shell(None, Some(1e6)), None);
        assert_eq!(shell(Some(1e6), Some(0.0)), None);
        let told = shell(Some(1.25e6), Some(5e6)).unwrap();
        assert_eq!(told, "the start of the shell alone takes 1.25 ms, 25 % of the median, and is in the figures");
    }

    #[test]
    fn a_busy_machine_is_told() {
        let quiet = Environment { cpus: 4, load: Some([1.9, 9.0, 9.0]), ..Environment::default() };
        assert!(machine(&quiet).is_empty());
        let busy = Environment { load: Some([2.1, 0.0, 0.0]), governor: Some("powersave".into()), ..quiet };
        assert_eq!(machine(&busy).len(), 2);
    }
}
