//! The only formatting of numbers, names and dates: terminal and page say the same.
//!
//! Measured quantities get at most three significant digits, counts are written in full, sizes use KiB, MiB, GiB.
//! Must not know what a number means; sentences are made in `report` and in the views.

pub mod metric;

use crate::model::{Unit, WeightKind};
use crate::units::{Bytes, Nanos};

/// Stands for what was not measured; never 0.
pub const NOT_MEASURED: &str = "–";

/// A duration: `96 ns`, `812 µs`, `45.1 ms`, `1.23 s`, `2 min 05 s`, `1 h 02 min`.
#[must_use]
pub fn duration(value: Nanos) -> String {
    let seconds = value.0.saturating_add(500_000_000) / 1_000_000_000;
    match seconds {
        0..120 => scaled(value.as_f64(), &TIMES),
        120..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => {
            let minutes = (seconds + 30) / 60;
            format!("{} h {:02} min", count(minutes / 60), minutes % 60)
        }
    }
}

/// A size: `512 B`, `4.00 KiB`, `202 MiB`.
#[must_use]
pub fn bytes(value: Bytes) -> String {
    scaled(value.as_f64(), &SIZES)
}

/// A figure of a benchmark with its unit: `12.3 ms`, `202 MiB`, `4,812`, `61 %`, `1.21 /s`.
#[must_use]
pub fn measured(value: f64, unit: Unit) -> String {
    match unit {
        _ if !value.is_finite() => NOT_MEASURED.into(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
        Unit::Nanoseconds if value >= 1e11 => duration(Nanos(value.round() as u64)),
        Unit::Nanoseconds => scaled(value, &TIMES),
        Unit::Bytes => scaled(value, &SIZES),
        Unit::Ratio => share(value),
        Unit::PerSecond => format!("{} /s", significant(value)),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
        Unit::Count if value >= 0.0 && value.fract() == 0.0 => count(value as u64),
        Unit::Count => significant(value),
    }
}

/// A difference in percent with its interval: `12 % [9, 15]`, `-0.4 % [-1.2, 0.3]`; of ratios, 1.12 for 12 %.
#[must_use]
pub fn difference(ratio: f64, interval: Option<(f64, f64)>) -> String {
    let percent = |ratio: f64| significant_percent((ratio - 1.0) * 100.0);
    match interval {
        Some((low, high)) => format!("{} % [{}, {}]", percent(ratio), percent(low), percent(high)),
        None => format!("{} %", percent(ratio)),
    }
}

/// A margin or a confidence: `2 %`, `1.5 %`; of parts, 0.02 for 2 %.
#[must_use]
pub fn margin(part: f64) -> String {
    let text = format!("{:.1}", part * 100.0);
    format!("{} %", text.trim_end_matches(".0"))
}

/// Whole from 10 on, else with one decimal.
fn significant_percent(percent: f64) -> String {
    match percent {
        p if !p.is_finite() => NOT_MEASURED.into(),
        p if p.abs() < 0.05 => "0".into(),
        p if p.abs() < 9.95 => format!("{p:.1}"),
        p => format!("{p:.0}"),
    }
}

/// Durations of one column: one unit, named in the header, and the same number of decimals in every cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeColumn {
    pub unit: &'static str,
    unit_ns: f64,
    decimals: usize,
}

impl TimeColumn {
    /// The column whose largest value is this.
    #[must_use]
    pub fn new(largest: Nanos) -> Self {
        const UNITS: [(f64, &str); 4] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
        let value = largest.as_f64();
        let (unit_ns, unit) = UNITS.into_iter().find(|&(unit, _)| value >= unit).unwrap_or((1.0, "ns"));
        let decimals = match value / unit_ns {
            _ if unit == "ns" => 0,
            v if v < 9.995 => 2,
            v if v < 99.95 => 1,
            _ => 0,
        };
        Self { unit, unit_ns, decimals }
    }

    /// The same for weights of a kind; events are counted.
    #[must_use]
    pub fn of(kind: WeightKind, largest: Nanos) -> Self {
        match kind {
            WeightKind::Events => Self { unit: Self::EVENTS, unit_ns: 1.0, decimals: 0 },
            _ => Self::new(largest),
        }
    }

    /// What the head of a column of counts says: as short as a unit, since columns are narrow.
    const EVENTS: &str = "n";

    /// A value without its unit.
    #[must_use]
    pub fn cell(self, value: Nanos) -> String {
        if self.unit == Self::EVENTS {
            return count(value.0);
        }
        let decimals = self.decimals;
        format!("{:.decimals$}", value.as_f64() / self.unit_ns)
    }
}

/// A sample's weight, in the unit of its kind.
#[must_use]
pub fn weight(kind: WeightKind, weight: Nanos) -> String {
    match kind {
        WeightKind::Cpu | WeightKind::Wall => duration(weight),
        WeightKind::Bytes => bytes(Bytes(weight.0)),
        WeightKind::Events => count(weight.0),
    }
}

/// Figures of a metric in one column: one unit, named in the header, and the same number of decimals in every cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FigureColumn {
    /// Empty where the metric's name says it all.
    pub unit: &'static str,
    step: f64,
    decimals: usize,
}

impl FigureColumn {
    /// The column that holds these: the largest decides the unit, the smallest the decimals, of which there are six at most.
    #[must_use]
    pub fn new(unit: Unit, values: &[f64]) -> Self {
        let sizes = values.iter().map(|value| value.abs()).filter(|&value| value > 0.0 && value.is_finite());
        let (low, high) = sizes.fold((f64::INFINITY, 0.0), |(low, high), v| (f64::min(low, v), f64::max(high, v)));
        let steps: &[(f64, &'static str)] = match unit {
            Unit::Nanoseconds => &TIMES,
            Unit::Bytes => &SIZES,
            Unit::Ratio => &[(0.01, "%")],
            Unit::PerSecond => &[(1.0, "/s")],
            Unit::Count => &[(1.0, "")],
        };
        let (step, unit) =
            steps.iter().rfind(|(step, _)| high >= *step).or(steps.first()).copied().unwrap_or((1.0, ""));
        let whole = step <= 1.0 && values.iter().all(|value| value.fract() == 0.0);
        let decimals = [99.95, 9.995, 0.9995, 0.09995, 0.009_995, 0.000_999_5]
            .iter()
            .take_while(|&&bound| low / step < bound)
            .count();
        Self { unit, step, decimals: if whole { 0 } else { decimals } }
    }

    /// A value without its unit.
    #[must_use]
    pub fn cell(self, value: f64) -> String {
        let decimals = self.decimals;
        match value / self.step {
            v if !v.is_finite() => NOT_MEASURED.into(),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
            v if v >= 0.0 && decimals == 0 => count(v.round() as u64),
            v => format!("{v:.decimals$}"),
        }
    }

    /// A value without its unit and without zeros at its end.
    #[must_use]
    pub fn trimmed(self, value: f64) -> String {
        let text = self.cell(value);
        if !text.contains('.') {
            return text;
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// A header with the unit: `median, ms`.
    #[must_use]
    pub fn head(self, title: &str) -> String {
        format!("{title}{}{}", if self.unit.is_empty() { "" } else { ", " }, self.unit)
    }
}

/// A rate of bytes: `1.21 MiB/s`.
#[must_use]
pub fn bytes_per_second(value: f64) -> String {
    format!("{}/s", scaled(value.max(0.0), &SIZES))
}

const TIMES: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const SIZES: [(f64, &str); 5] =
    [(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB"), (1_099_511_627_776.0, "TiB")];

/// The value in the unit that leaves at most three digits before the point.
fn scaled(value: f64, steps: &[(f64, &str)]) -> String {
    let fits = |&&(step, _): &&(f64, &str)| value / step < 999.5;
    let Some(&(step, unit)) = steps.iter().find(fits).or(steps.last()) else { return NOT_MEASURED.into() };
    let digits = if step < 1.5 && value.fract() == 0.0 { format!("{value:.0}") } else { significant(value / step) };
    format!("{digits} {unit}")
}

/// At most three significant digits: `1.23`, `12.3`, `123`, `1,230` (of 1,234), `0.012`; `0` for zero.
#[must_use]
pub fn significant(value: f64) -> String {
    if !value.is_finite() {
        return NOT_MEASURED.into();
    }
    match value.abs() {
        0.0 => "0".into(),
        v if v < 0.0995 => format!("{value:.3}"),
        v if v < 9.995 => format!("{value:.2}"),
        v if v < 99.95 => format!("{value:.1}"),
        v if v < 999.5 => format!("{value:.0}"),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; not negative")]
        v => {
            let power = power_below(v, 10.0) / 100.0;
            format!("{}{}", if value < 0.0 { "-" } else { "" }, count(((v / power).round() * power).round() as u64))
        }
    }
}

/// The largest power of `base` that is not above `value`. By steps: the functions for powers bring 6 KB of tables into the page.
pub(crate) fn power_below(value: f64, base: f64) -> f64 {
    let mut power = 1.0;
    while power * base <= value {
        power *= base;
    }
    while power > value && power > f64::MIN_POSITIVE {
        power /= base;
    }
    power
}

/// A count in full: `4,812`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A fraction as percent: `61 %`, `9.8 %`, `< 0.1 %`, `0 %`.
#[must_use]
pub fn share(value: f64) -> String {
    let percent = value * 100.0;
    match percent.abs() {
        p if !p.is_finite() => NOT_MEASURED.into(),
        0.0 => "0 %".into(),
        p if p < 0.05 => "< 0.1 %".into(),
        p if p < 9.95 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// Half the width of an interval, in points of percent: `±1.4`.
#[must_use]
pub fn plus_minus(points: f64) -> String {
    if !points.is_finite() {
        return NOT_MEASURED.into();
    }
    match points {
        p if p < 0.095 => format!("±{p:.2}"),
        p if p < 9.95 => format!("±{p:.1}"),
        p => format!("±{p:.0}"),
    }
}

/// How many of something: `1 sample`, `1,240 samples`, `2 processes`, `3 libraries`.
#[must_use]
pub fn plural(number: u64, singular: &str) -> String {
    format!("{} {}", count(number), if number == 1 { singular.to_owned() } else { plural_of(singular) })
}

fn plural_of(singular: &str) -> String {
    let sibilant = ["s", "x", "ch", "sh"].iter().any(|end| singular.ends_with(end));
    match singular.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if sibilant => format!("{singular}es"),
        _ => format!("{singular}s"),
    }
}

/// Date and minute of an RFC 3339 time, in the zone that it names: `2026-11-21 10:02`. Anything else stays as it is.
#[must_use]
pub fn date(rfc3339: &str) -> String {
    let is_date = |bytes: &[u8]| {
        bytes.len() >= 16
            && bytes[..16].iter().enumerate().all(|(index, byte)| match index {
                4 | 7 => *byte == b'-',
                10 => matches!(byte, b'T' | b't' | b' '),
                13 => *byte == b':',
                _ => byte.is_ascii_digit(),
            })
    };
    if is_date(rfc3339.as_bytes()) { format!("{} {}", &rfc3339[..10], &rfc3339[11..16]) } else { rfc3339.to_owned() }
}

/// Where code stands: `orders.py:41`, the file's name only; empty where the file is not known.
#[must_use]
pub fn place(file: &str, line: u32) -> String {
    let name = file_name(file);
    match (name, line) {
        ("", _) => String::new(),
        (name, 0) => name.to_owned(),
        (name, line) => format!("{name}:{line}"),
    }
}

/// Last part of a path.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// What people call a command: `orders.py` for `python3 -u tests/orders.py`, `compileall` for `python3 -m compileall`.
#[must_use]
pub fn program(command: &[String]) -> String {
    const INTERPRETERS: [&str; 9] = ["python", "pypy", "node", "ruby", "perl", "php", "bash", "dash", "sh"];
    let Some((first, rest)) = command.split_first() else { return "program".into() };
    let name = file_name(first);
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if !INTERPRETERS.contains(&stem) {
        return name.to_owned();
    }
    let mut rest = rest.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-m" => return rest.next().map_or(name, |module| module).to_owned(),
            "-c" | "-e" | "-" => break,
            flag if flag.starts_with('-') => {}
            script => return file_name(script).to_owned(),
        }
    }
    name.to_owned()
}

/// A command as a shell would take it, with the arguments quoted that need it.
#[must_use]
pub fn command_line(command: &[String]) -> String {
    let words: Vec<String> = command.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}

/// One word of a shell command.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+~^".contains(c);
    if !word.is_empty() && !word.starts_with('~') && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A long name cut to `limit` characters from the left, at a `::` or `.` where there is one: `…::parser::parse_line`.
#[must_use]
pub fn shorten_name(name: &str, limit: usize) -> String {
    let length = name.chars().count();
    if length <= limit || limit == 0 {
        return name.to_owned();
    }
    let skip = length - limit.saturating_sub(1);
    let start = name.char_indices().nth(skip).map_or(0, |(index, _)| index);
    let tail = &name[start..];
    let at_part = ["::", ".", "/"].iter().filter_map(|sign| tail.find(sign)).min();
    let tail = at_part.filter(|&index| index <= tail.len() / 2).map_or(tail, |index| &tail[index..]);
    format!("…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_benchmarks_carry_their_unit() {
        let check = |value: f64, unit: Unit, expect: &str| assert_eq!(measured(value, unit), expect, "{value}");
        check(12_345_678.0, Unit::Nanoseconds, "12.3 ms");
        check(0.31, Unit::Nanoseconds, "0.31 ns");
        check(125e9, Unit::Nanoseconds, "2 min 05 s");
        check(211_812_352.0, Unit::Bytes, "202 MiB");
        check(4812.0, Unit::Count, "4,812");
        check(1.5, Unit::Count, "1.50");
        check(0.61, Unit::Ratio, "61 %");
        check(1_234.0, Unit::PerSecond, "1,230 /s");
        check(f64::NAN, Unit::Count, NOT_MEASURED);
    }

    #[test]
    fn differences_have_their_interval() {
        assert_eq!(difference(1.1234, Some((1.09, 1.15))), "12 % [9.0, 15]");
        assert_eq!(difference(0.996, Some((0.988, 1.0003))), "-0.4 % [-1.2, 0]");
        assert_eq!(difference(2.0, None), "100 %");
    }

    #[test]
    fn columns_of_figures_have_one_unit_and_equal_decimals() {
        let cells = |unit: Unit, values: &[f64]| {
            let column = FigureColumn::new(unit, values);
            (column.head("x"), values.iter().map(|&value| column.cell(value)).collect::<Vec<_>>().join(" "))
        };
        let check = |unit, values: &[f64], head: &str, text: &str| {
            assert_eq!(cells(unit, values), (head.to_owned(), text.to_owned()));
        };
        check(Unit::Nanoseconds, &[12_345_678.0, 9_876_543.0], "x, ms", "12.35 9.88");
        check(Unit::Nanoseconds, &[2e9, 3e6], "x, s", "2.00000 0.00300");
        check(Unit::Nanoseconds, &[96.0, 812.0], "x, ns", "96 812");
        check(Unit::Bytes, &[0.0, 2_097_152.0], "x, MiB", "0.00 2.00");
        check(Unit::Count, &[3.0, 120.0], "x", "3 120");
        check(Unit::Count, &[3.5, 120.0], "x", "3.50 120.00");
        check(Unit::Ratio, &[0.61, 0.999], "x, %", "61.0 99.9");
        check(Unit::Nanoseconds, &[], "x, ns", "");
    }

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let check = |nanos: u64, expect: &str| assert_eq!(duration(Nanos(nanos)), expect, "{nanos} ns");
        check(0, "0 ns");
        check(96, "96 ns");
        check(999, "999 ns");
        check(1_000, "1.00 µs");
        check(812_000, "812 µs");
        check(999_600, "1.00 ms");
        check(45_123_456, "45.1 ms");
        check(1_234_000_000, "1.23 s");
        check(12_400_000_000, "12.4 s");
        check(119_400_000_000, "119 s");
        check(119_500_000_000, "2 min 00 s");
        check(125_000_000_000, "2 min 05 s");
        check(3_720_000_000_000, "1 h 02 min");
        check(u64::MAX, "5,124,095 h 35 min");
    }

    #[test]
    fn a_column_has_one_unit() {
        let check = |largest: u64, value: u64, expect: &str| {
            let column = TimeColumn::new(Nanos(largest));
            assert_eq!(format!("{} {}", column.cell(Nanos(value)), column.unit), expect);
        };
        check(6_012_000_000, 12_000_000, "0.01 s");
        check(60_120_000_000, 6_012_000_000, "6.0 s");
        check(450_000_000, 1_400_000, "1 ms");
        check(0, 0, "0 ns");
    }

    #[test]
    fn sizes_use_powers_of_1024() {
        let check = |size: u64, expect: &str| assert_eq!(bytes(Bytes(size)), expect, "{size} B");
        check(0, "0 B");
        check(512, "512 B");
        check(1_000, "0.98 KiB");
        check(4_096, "4.00 KiB");
        check(211_812_352, "202 MiB");
        check(1_320_702_444, "1.23 GiB");
        check(u64::MAX, "16,800,000 TiB");
        assert_eq!(bytes_per_second(1_048_576.0), "1.00 MiB/s");
        assert_eq!(bytes_per_second(0.5), "0.50 B/s");
    }

    #[test]
    fn shares_have_a_decimal_below_ten_percent() {
        let check = |value: f64, expect: &str| assert_eq!(share(value), expect, "{value}");
        check(0.0, "0 %");
        check(0.0003, "< 0.1 %");
        check(0.0005, "0.1 %");
        check(0.0123, "1.2 %");
        check(0.0994, "9.9 %");
        check(0.0996, "10 %");
        check(0.614, "61 %");
        check(1.0, "100 %");
        check(f64::NAN, NOT_MEASURED);
        assert_eq!(plus_minus(1.38), "±1.4");
        assert_eq!(plus_minus(12.3), "±12");
        assert_eq!(plus_minus(0.038), "±0.04");
    }

    #[test]
    fn counts_and_plurals() {
        let check = |number: u64, noun: &str, expect: &str| assert_eq!(plural(number, noun), expect);
        check(0, "sample", "0 samples");
        check(1, "sample", "1 sample");
        check(1_240, "sample", "1,240 samples");
        check(2, "process", "2 processes");
        check(3, "library", "3 libraries");
        check(2, "key", "2 keys");
        check(1_000_000, "byte", "1,000,000 bytes");
    }

    #[test]
    fn dates_lose_seconds_and_junk_stays() {
        let check = |text: &str, expect: &str| assert_eq!(date(text), expect);
        check("2026-11-21T10:02:03.123Z", "2026-11-21 10:02");
        check("2026-11-21T10:02:03+01:00", "2026-11-21 10:02");
        check("", "");
        check("yesterday at noon é", "yesterday at noon é");
        check("2026-11-21", "2026-11-21");
    }

    #[test]
    fn programs_are_named_by_their_script() {
        let check = |command: &str, expect: &str| {
            let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(program(&words), expect);
        };
        check("python3 tests/data/orders.py --n 5", "orders.py");
        check("/usr/bin/python3.11 -u -m compileall -qf x", "compileall");
        check("python3 -c pass", "python3");
        check("./target/split 3", "split");
        check("sh -c true", "sh");
        check("node app.js", "app.js");
        assert_eq!(program(&[]), "program");
    }

    #[test]
    fn commands_are_quoted_for_a_shell() {
        let check = |word: &str, expect: &str| assert_eq!(shell_word(word), expect);
        check("plain-1.2/x=y", "plain-1.2/x=y");
        check("two words", "'two words'");
        check("it's", r"'it'\''s'");
        check("", "''");
        check("~", "'~'");
        check("$HOME", "'$HOME'");
    }

    #[test]
    fn long_names_keep_their_last_part() {
        let check = |name: &str, limit: usize, expect: &str| assert_eq!(shorten_name(name, limit), expect);
        check("short", 10, "short");
        check("orders::reader::parser::parse_line", 22, "…::parser::parse_line");
        check("aaaaaaaaaaaaaaaaaaaa", 8, "…aaaaaaa");
        check("ääääääääää", 4, "…äää");
    }

    #[test]
    fn places_name_file_and_line() {
        assert_eq!(place("/home/u/orders.py", 41), "orders.py:41");
        assert_eq!(place("/home/u/orders.py", 0), "orders.py");
        assert_eq!(place("", 41), "");
    }
}
