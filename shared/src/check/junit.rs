//! The answer of gates as the XML of `JUnit`, which CI systems show test by test.

use super::{Outcome, Report, Status};
use std::fmt::Write as _;

/// A test a gate. What could not be decided is an error, or skipped where that is allowed.
#[must_use]
pub fn junit(report: &Report) -> String {
    let (fail, unknown) = (report.count(Status::Fail), report.count(Status::Unknown));
    let (errors, skipped) = if report.allow_unknown { (0, unknown) } else { (unknown, 0) };
    let counts = format!("tests=\"{}\" failures=\"{fail}\" errors=\"{errors}\"", report.outcomes.len());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _infallible = writeln!(out, "<testsuites name=\"perfcollect check\" {counts}>");
    let suite = escape(&report.new);
    let _infallible = writeln!(out, "  <testsuite name=\"{suite}\" {counts} skipped=\"{skipped}\">");
    for outcome in &report.outcomes {
        case(&mut out, outcome, report.allow_unknown);
    }
    let told: Vec<String> = std::iter::once(&report.summary).chain(&report.warnings).map(|line| escape(line)).collect();
    let _infallible = writeln!(out, "    <system-out>{}</system-out>", told.join("\n"));
    out + "  </testsuite>\n</testsuites>\n"
}

fn case(out: &mut String, outcome: &Outcome, allow_unknown: bool) {
    let subject = [outcome.subject.as_str(), outcome.metric.as_str()];
    let subject: Vec<&str> = subject.into_iter().filter(|part| !part.is_empty()).collect();
    let (class, name) = (escape(&subject.join(" ")), escape(&outcome.gate));
    let _infallible = write!(out, "    <testcase classname=\"{class}\" name=\"{name}\">");
    let why = escape(&outcome.why);
    let _infallible = match outcome.status {
        Status::Pass => write!(out, "<system-out>{why}</system-out>"),
        Status::Fail => write!(out, "<failure type=\"{}\" message=\"{why}\"/>", outcome.kind),
        Status::Unknown if allow_unknown => write!(out, "<skipped message=\"{why}\"/>"),
        Status::Unknown => write!(out, "<error type=\"unknown\" message=\"{why}\"/>"),
    };
    out.push_str("</testcase>\n");
}

/// Text for attributes and elements. Signs that XML 1.0 forbids (its production 2) become `�`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => {
                let _infallible = write!(out, "&#{};", u32::from(sign));
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_data() {
        let outcome = Outcome {
            status: Status::Fail,
            kind: "target",
            subject: "a\"/><x>&\u{1}".into(),
            why: "]]> 'x'\n".into(),
            ..Outcome::default()
        };
        let report = Report { outcomes: vec![outcome], ..Report::default() };
        let xml = junit(&report);
        assert!(xml.contains("classname=\"a&quot;/&gt;&lt;x&gt;&amp;\u{fffd}\""), "{xml}");
        assert!(xml.contains("message=\"]]&gt; &apos;x&apos;&#10;\"/>"), "{xml}");
        assert!(xml.contains("tests=\"1\" failures=\"1\" errors=\"0\""), "{xml}");
    }

    #[test]
    fn what_could_not_be_decided_is_no_success() {
        let report = |allow_unknown| Report { outcomes: vec![Outcome::default()], allow_unknown, ..Report::default() };
        assert!(
            junit(&report(false)).contains("<error type=\"unknown\"") && junit(&report(false)).contains("errors=\"1\"")
        );
        assert!(junit(&report(true)).contains("<skipped") && junit(&report(true)).contains("skipped=\"1\""));
    }
}
