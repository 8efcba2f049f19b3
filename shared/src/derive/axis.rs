//! Round values along an axis, in the steps of its unit.

use crate::format::{FigureColumn, bytes, bytes_per_second, count, power_below, significant};
use crate::model;
use crate::units::{Bytes, Nanos};

/// What an axis measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Cores,
    Bytes,
    BytesPerSecond,
    Count,
    PerSecond,
}

impl Unit {
    /// A value with its unit: `0.98 cores`, `202 MiB`, `9`, `1,240/s`.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; values are not negative")]
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Cores => {
                format!("{} {}", significant(value), if value > 0.995 && value < 1.005 { "core" } else { "cores" })
            }
            Self::Bytes => bytes(Bytes(value.max(0.0) as u64)),
            Self::BytesPerSecond => bytes_per_second(value),
            Self::Count => count(value.max(0.0).round() as u64),
            Self::PerSecond => format!("{}/s", significant(value)),
        }
    }

    fn binary(self) -> bool {
        matches!(self, Self::Bytes | Self::BytesPerSecond)
    }
}

/// A mark on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick<T> {
    pub at: T,
    pub label: String,
}

/// Marks from 0 up to `max` or the first one above it, about `wanted` of them; the last is the top of the chart.
#[must_use]
pub fn value_ticks(max: f64, unit: Unit, wanted: u32) -> Vec<Tick<f64>> {
    let smallest = match unit {
        Unit::Cores => 0.1,
        _ => 1.0,
    };
    let max = if max.is_finite() { max.max(smallest) } else { smallest };
    let step = round_step(max / f64::from(wanted.max(1)), unit.binary()).max(smallest);
    let mut ticks = Vec::new();
    for index in 0..=wanted.max(1) * 2 {
        let at = step * f64::from(index);
        ticks.push(Tick { at, label: tick_label(at, step, unit) });
        if at >= max * (1.0 - 1e-9) {
            break;
        }
    }
    ticks
}

/// Marks inside a range of a benchmark's metric at round values, about `wanted` of them; the range need not begin at 0.
#[must_use]
pub fn range_ticks(range: (f64, f64), unit: model::Unit, wanted: u32) -> Vec<Tick<f64>> {
    let (low, high) = range;
    if !(high > low && high.is_finite() && low.is_finite()) {
        return Vec::new();
    }
    let rough = (high - low) / f64::from(wanted.max(1));
    let step = match unit {
        model::Unit::Bytes => round_step(rough, true),
        _ => round_step(rough, false),
    };
    let first = (low / step).ceil();
    let marks = (0..=wanted.max(1) * 3).map(|index| (first + f64::from(index)) * step).take_while(|&at| at <= high);
    let marks: Vec<f64> = marks.collect();
    // Cells of a column have enough decimals for the step, hence for what lies between two marks.
    let column = FigureColumn::new(unit, &[high.abs().max(low.abs()), step]);
    let label = |at: f64| match unit {
        model::Unit::Bytes => round_bytes(at),
        _ if column.unit.is_empty() => column.trimmed(at),
        _ => format!("{} {}", column.trimmed(at), column.unit),
    };
    marks.iter().map(|&at| Tick { at, label: label(at) }).collect()
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `rough`; for sizes 1, 2, 4, … 512 times a power of 1024.
fn round_step(rough: f64, binary: bool) -> f64 {
    if binary {
        let below = power_below(rough.max(1.0), 2.0);
        return if below < rough { below * 2.0 } else { below };
    }
    let power = power_below(rough, 10.0);
    let steps = [1.0, 2.0, 5.0, 10.0];
    power * steps.into_iter().find(|step| power * step >= rough * (1.0 - 1e-9)).unwrap_or(10.0)
}

fn tick_label(at: f64, step: f64, unit: Unit) -> String {
    match unit {
        _ if at < step / 2.0 => "0".into(),
        Unit::Cores if step < 0.95 => format!("{at:.1}"),
        Unit::Cores => format!("{at:.0}"),
        Unit::Bytes => round_bytes(at),
        Unit::BytesPerSecond => format!("{}/s", round_bytes(at)),
        Unit::Count => unit.format(at),
        Unit::PerSecond => format!("{}/s", Unit::Count.format(at)),
    }
}

/// A size on an axis, without needless decimals: `64 MiB`, `1.5 GiB`.
fn round_bytes(value: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scaled = value;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let digits = format!("{scaled:.2}");
    format!("{} {}", digits.trim_end_matches('0').trim_end_matches('.'), UNITS[unit])
}

/// Marks in a range of time at round values, about `wanted` of them: `0`, `200 ms`, `1.5 s`, `2:30`.
#[must_use]
pub fn time_ticks(range: (Nanos, Nanos), wanted: usize) -> Vec<Tick<Nanos>> {
    let span = (range.1 - range.0).0;
    if span == 0 || wanted == 0 {
        return Vec::new();
    }
    let step = time_step(span / wanted as u64);
    let first = range.0.0.div_ceil(step);
    let last = range.1.0 / step;
    (first..=last).map(|index| Tick { at: Nanos(index * step), label: time_label(index * step, step) }).collect()
}

/// The smallest round step that is at least `rough` nanoseconds.
fn time_step(rough: u64) -> u64 {
    const SECOND: u64 = 1_000_000_000;
    const LONG: [u64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
    if rough > SECOND / 2 {
        let step = LONG.into_iter().map(|seconds| seconds * SECOND).find(|&step| step >= rough);
        return step.unwrap_or_else(|| rough.div_ceil(3600 * SECOND) * 3600 * SECOND);
    }
    let mut power = 1;
    loop {
        match [1, 2, 5].into_iter().map(|step| step * power).find(|&step| step >= rough) {
            Some(step) => return step,
            None => power *= 10,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "labels of three digits")]
fn time_label(at: u64, step: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns")];
    if at == 0 {
        return "0".into();
    }
    let seconds = at / 1_000_000_000;
    if step >= 1_000_000_000 && seconds >= 120 {
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        return if hours > 0 {
            format!("{hours}:{minutes:02}:{:02}", seconds % 60)
        } else {
            format!("{minutes}:{:02}", seconds % 60)
        };
    }
    let (unit, name) = UNITS.into_iter().find(|&(unit, _)| at >= unit).unwrap_or((1, "ns"));
    // Enough decimals to tell two neighbours apart.
    let mut decimals = 0;
    let mut finest = unit;
    while !step.is_multiple_of(finest) && decimals < 6 {
        finest /= 10;
        decimals += 1;
    }
    format!("{:.decimals$} {name}", at as f64 / unit as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_round_in_their_unit() {
        let check = |max: f64, unit: Unit, expect: &str| {
            let labels: Vec<String> = value_ticks(max, unit, 4).into_iter().map(|tick| tick.label).collect();
            assert_eq!(labels.join(" | "), expect, "{max} {unit:?}");
        };
        check(0.98, Unit::Cores, "0 | 0.5 | 1.0");
        check(3.7, Unit::Cores, "0 | 1 | 2 | 3 | 4");
        check(0.0, Unit::Cores, "0 | 0.1");
        check(211_812_352.0, Unit::Bytes, "0 | 64 MiB | 128 MiB | 192 MiB | 256 MiB");
        check(1_500.0, Unit::BytesPerSecond, "0 | 512 B/s | 1 KiB/s | 1.5 KiB/s");
        check(9.0, Unit::Count, "0 | 5 | 10");
        check(1.0, Unit::Count, "0 | 1");
        check(48_120.0, Unit::PerSecond, "0 | 20,000/s | 40,000/s | 60,000/s");
        check(f64::NAN, Unit::Count, "0 | 1");
    }

    #[test]
    fn times_are_round() {
        let check = |from: u64, to: u64, expect: &str| {
            let ticks = time_ticks((Nanos(from), Nanos(to)), 5);
            let labels: Vec<String> = ticks.into_iter().map(|tick| tick.label).collect();
            assert_eq!(labels.join(" | "), expect, "{from}..{to}");
        };
        check(0, 12_400_000_000, "0 | 5 s | 10 s");
        check(0, 5_000_000, "0 | 1 ms | 2 ms | 3 ms | 4 ms | 5 ms");
        check(900_000_000, 1_700_000_000, "1.0 s | 1.2 s | 1.4 s | 1.6 s");
        check(0, 600_000_000_000, "0 | 2:00 | 4:00 | 6:00 | 8:00 | 10:00");
        check(7, 7, "");
        check(0, 3, "0 | 1 ns | 2 ns | 3 ns");
    }

    #[test]
    fn ranges_of_a_metric_have_round_marks_with_enough_decimals() {
        let check = |low: f64, high: f64, unit: model::Unit, expect: &str| {
            let labels: Vec<String> = range_ticks((low, high), unit, 5).into_iter().map(|tick| tick.label).collect();
            assert_eq!(labels.join(" | "), expect, "{low}..{high}");
        };
        check(12.31e6, 12.48e6, model::Unit::Nanoseconds, "12.35 ms | 12.4 ms | 12.45 ms");
        check(9.0, 121.0, model::Unit::Nanoseconds, "50 ns | 100 ns");
        check(1.1, 1.9, model::Unit::Nanoseconds, "1.2 ns | 1.4 ns | 1.6 ns | 1.8 ns");
        check(100e6, 300e6, model::Unit::Bytes, "128 MiB | 192 MiB | 256 MiB");
        check(9_000.0, 30_000.0, model::Unit::Count, "10,000 | 15,000 | 20,000 | 25,000 | 30,000");
        check(0.2, 1.0, model::Unit::Ratio, "20 % | 40 % | 60 % | 80 % | 100 %");
        check(5.0, 5.0, model::Unit::Count, "");
        check(f64::NAN, 5.0, model::Unit::Count, "");
    }
}
