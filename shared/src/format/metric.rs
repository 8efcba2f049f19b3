//! Words for benchmarks: names of metrics, changes between two figures, and Markdown that shows names as they are.

use super::{NOT_MEASURED, significant};

/// What people call a metric: `wall time` for `wall_ns`; names that are not known stay as they are.
#[must_use]
pub fn name(metric: &str) -> &str {
    match metric {
        "wall_ns" => "wall time",
        "cpu_ns" => "CPU time",
        "user_ns" => "user time",
        "system_ns" => "system time",
        "rss_bytes" => "peak memory",
        "minor_faults" => "minor faults",
        "major_faults" => "major faults",
        "voluntary_switches" => "voluntary switches",
        "involuntary_switches" => "involuntary switches",
        other => other,
    }
}

/// A ratio as a relative change: `+12 %`, `-3.4 %`, `+0.2 %`, `±0 %`; from three times on as a factor: `3.20x`.
#[must_use]
pub fn change(ratio: f64) -> String {
    let percent = (ratio - 1.0) * 100.0;
    match percent {
        p if !p.is_finite() => NOT_MEASURED.into(),
        p if p >= 199.5 => format!("{}x", significant(ratio)),
        p if p.abs() < 0.005 => "±0 %".into(),
        p if p.abs() < 0.0995 => format!("{p:+.2} %"),
        p if p.abs() < 9.95 => format!("{p:+.1} %"),
        p => format!("{p:+.0} %"),
    }
}

/// Text that GitHub's Markdown shows as it is, on one line and in a table's cell.
#[must_use]
pub fn markdown_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A name is no mention of a person.
            '@' => out.push_str("&#64;"),
            c if c.is_control() => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_percents_and_large_ones_factors() {
        let check = |ratio, expect: &str| assert_eq!(change(ratio), expect, "{ratio}");
        check(1.123, "+12 %");
        check(0.966, "-3.4 %");
        check(1.0, "±0 %");
        check(1.0005, "+0.05 %");
        check(3.2, "3.20x");
        check(f64::INFINITY, NOT_MEASURED);
    }

    #[test]
    fn markdown_signs_are_shown_and_not_obeyed() {
        assert_eq!(markdown_escape("<b>|x|\n@me &"), "&lt;b&gt;\\|x\\| &#64;me &amp;");
    }
}
