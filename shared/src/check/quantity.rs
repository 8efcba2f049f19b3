//! Figures as people write them: `1.5s`, `200 MiB`, `20%`, `12,000`.

use crate::model::Unit;

/// Units by their names, with their size in the unit of their kind.
const UNITS: [(&str, Unit, f64); 22] = [
    ("ns", Unit::Nanoseconds, 1.0),
    ("us", Unit::Nanoseconds, 1e3),
    ("µs", Unit::Nanoseconds, 1e3),
    ("μs", Unit::Nanoseconds, 1e3),
    ("ms", Unit::Nanoseconds, 1e6),
    ("s", Unit::Nanoseconds, 1e9),
    ("m", Unit::Nanoseconds, 60e9),
    ("min", Unit::Nanoseconds, 60e9),
    ("h", Unit::Nanoseconds, 3600e9),
    ("B", Unit::Bytes, 1.0),
    ("kB", Unit::Bytes, 1e3),
    ("KB", Unit::Bytes, 1e3),
    ("MB", Unit::Bytes, 1e6),
    ("GB", Unit::Bytes, 1e9),
    ("KiB", Unit::Bytes, 1024.0),
    ("MiB", Unit::Bytes, 1_048_576.0),
    ("GiB", Unit::Bytes, 1_073_741_824.0),
    ("TiB", Unit::Bytes, 1_099_511_627_776.0),
    ("%", Unit::Ratio, 0.01),
    ("/s", Unit::PerSecond, 1.0),
    ("", Unit::Count, 1.0),
    ("x", Unit::Ratio, 1.0),
];

/// A figure with its kind: nanoseconds, bytes, a part of one, events a second, or a plain count.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse(text: &str) -> Result<(f64, Unit), String> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || ".,_+-".contains(c))).unwrap_or(text.len());
    // `1e6`: a part of the number where a digit follows.
    let exponent = text[end..].strip_prefix(['e', 'E']).map(|rest| rest.trim_start_matches(['+', '-']));
    let end = match exponent {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_digit()) => {
            let sign = text.len() - end - 1 - digits.len();
            let count = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            end + 1 + sign + count
        }
        _ => end,
    };
    let (digits, unit) = text.split_at(end);
    let number: f64 = digits
        .replace([',', '_'], "")
        .parse()
        .map_err(|_no_number| format!("`{text}` is no figure; write it as 1.5s, 200ms, 64MiB, 20% or 12000"))?;
    if !number.is_finite() {
        return Err(format!("`{text}` is too large"));
    }
    let unit = unit.trim();
    match UNITS.iter().find(|(name, ..)| *name == unit) {
        // Not times 0.01, which no float is: 95 % would be 0.9500000000000001.
        Some(("%", kind, _)) => Ok((number / 100.0, *kind)),
        Some(&(_, kind, size)) => Ok((number * size, kind)),
        None => Err(format!(
            "`{unit}` in `{text}` is no unit; there are ns, us, ms, s, min, h, B, KiB, MiB, GiB, kB, MB, GB, % and /s"
        )),
    }
}

/// A part of one from `5%`, or from `5` for 5 %.
///
/// # Errors
/// When it is none, or does not lie between 0 and `most`.
pub fn parse_part(text: &str, most: f64) -> Result<f64, String> {
    let value = match parse(text)? {
        (value, Unit::Ratio) => value,
        (value, Unit::Count) => value / 100.0,
        _ => return Err(format!("`{text}` is no percentage; write it as 5%")),
    };
    if value > 0.0 && value < most {
        Ok(value)
    } else {
        Err(format!("`{text}` does not lie between 0 % and {} %", (most * 100.0).round()))
    }
}

/// A word for a kind of figures.
pub(super) fn kind(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanoseconds => "a time, such as 1.5s",
        Unit::Bytes => "a size, such as 64MiB",
        Unit::Ratio => "a percentage, such as 20%",
        Unit::PerSecond => "a rate, such as 1200/s",
        Unit::Count => "a count without unit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_people_write_them() {
        for (text, value, unit) in [
            ("1.5s", 1.5e9, Unit::Nanoseconds),
            (" 200 ms ", 2e8, Unit::Nanoseconds),
            ("2min", 120e9, Unit::Nanoseconds),
            ("64MiB", 67_108_864.0, Unit::Bytes),
            ("20%", 0.2, Unit::Ratio),
            ("12,000", 12_000.0, Unit::Count),
            ("1e6", 1e6, Unit::Count),
            ("1.5e-3s", 1.5e6, Unit::Nanoseconds),
            ("900/s", 900.0, Unit::PerSecond),
        ] {
            let (found, kind) = parse(text).unwrap();
            assert!((found - value).abs() <= value * 1e-12 && kind == unit, "{text}: {found} {kind:?}");
        }
        for bad in ["", "s", "1.5 parsecs", "fast", "1..5s", "1e999", "nan", "inf"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn percentages_have_bounds() {
        assert_eq!(parse_part("5%", 1.0).map(|part| (part * 1e6).round()), Ok(50_000.0));
        assert_eq!(parse_part("5", 1.0), Ok(0.05));
        for bad in ["0", "-1%", "100%", "5ms"] {
            assert!(parse_part(bad, 1.0).is_err(), "{bad}");
        }
    }
}
