//! `perfcollect doctor`: what can be recorded on this machine, what cannot, why, and what changes it.
//!
//! Everything that can be tried is tried. Must not change the machine, and ends with 0 whatever it finds.

mod native;
mod python;
mod system;

use crate::cli::{DoctorArgs, ListFormat};
use crate::environment;
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use perfcollect_shared::model::Environment;
use serde::Serialize;

/// Version of the JSON form; it grows when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// How far something can be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Works,
    /// In part, or with more effort.
    Limited,
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    /// Stable name for programs.
    id: &'static str,
    title: &'static str,
    state: State,
    /// What was found, and why.
    detail: String,
    /// What changes it, a command where there is one.
    fix: Option<String>,
}

impl Check {
    fn works(id: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { id, title, state: State::Works, detail: detail.into(), fix: None }
    }

    fn limited(id: &'static str, title: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, title, state: State::Limited, detail: detail.into(), fix: Some(fix.into()) }
    }

    fn missing(id: &'static str, title: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, title, state: State::Missing, detail: detail.into(), fix: Some(fix.into()) }
    }
}

/// The result as JSON, documented in `docs/doctor-schema.md`.
#[derive(Debug, Serialize)]
struct Diagnosis {
    schema: u32,
    version: &'static str,
    environment: Environment,
    checks: Vec<Check>,
}

/// Looks at everything and says what it found.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(args: &DoctorArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let diagnosis = Diagnosis {
        schema: SCHEMA_VERSION,
        version: env!("CARGO_PKG_VERSION"),
        environment: environment::read(),
        checks: [native::checks(), python::checks(), system::checks()].concat(),
    };
    terminal.out(&match args.format {
        ListFormat::Text => text(&diagnosis, terminal.color),
        ListFormat::Json => serde_json::to_string_pretty(&diagnosis)?,
    })?;
    Ok(ExitCode::FINE)
}

fn text(diagnosis: &Diagnosis, color: bool) -> String {
    let Environment { os, kernel, arch, cpus, container, .. } = &diagnosis.environment;
    let within = container.as_ref().map_or_else(String::new, |name| format!(", in {name}"));
    let mut text = format!("perfcollect {} on {os}, Linux {kernel} {arch}, {cpus} CPUs{within}\n\n", diagnosis.version);
    let width = diagnosis.checks.iter().map(|check| check.title.chars().count()).max().unwrap_or(0);
    for check in &diagnosis.checks {
        let (word, code) = match check.state {
            State::Works => ("works  ", "32"),
            State::Limited => ("limited", "33"),
            State::Missing => ("missing", "31"),
        };
        let word = if color { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() };
        let blanks = " ".repeat(width - check.title.chars().count());
        text.extend([&word, "  ", check.title, &blanks, "  ", &check.detail, "\n"]);
        if let Some(fix) = &check.fix {
            text.extend([&" ".repeat(width + 11), "to change it: ", fix, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_and_what_changes_it_is_below() {
        let checks = vec![Check::works("a", "long title", "fine"), Check::missing("b", "b", "not there", "get one")];
        let environment = Environment { os: "Some OS 1".into(), kernel: "6.1".into(), cpus: 2, ..Default::default() };
        let diagnosis = Diagnosis { schema: 1, version: "0", environment, checks };
        let expect = "perfcollect 0 on Some OS 1, Linux 6.1 , 2 CPUs\n\nworks    long title  fine\n\
                      missing  b           not there\n                     to change it: get one\n";
        assert_eq!(text(&diagnosis, false), expect);
    }
}
