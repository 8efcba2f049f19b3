//! `--parameter-scan` and `--parameter-list`: values in place of `{VAR}`, as hyperfine does it.

use std::collections::BTreeMap;

/// Most benchmarks that one call makes.
const MOST: usize = 1_000;

/// Values by the names of their variables.
pub type Values = BTreeMap<String, String>;

/// Why parameters make no benchmarks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    #[error("`{0}` is no number; --parameter-scan takes VAR MIN MAX, such as: threads 1 8")]
    NotANumber(String),
    #[error("a step of 0 never reaches {0}")]
    NoStep(String),
    #[error("from {min} to {max} in steps of {step} there is no value")]
    Empty { min: String, max: String, step: String },
    #[error("these parameters make more than {MOST} benchmarks")]
    TooMany,
    #[error("the parameter `{0}` is given twice")]
    Twice(String),
    #[error("a parameter has no name")]
    NoName,
}

/// Every combination of values; a single empty one without parameters. `scan` is VAR MIN MAX or empty, `lists` VAR
/// VALUES VAR VALUES…
///
/// # Errors
/// When the values do not end, or are none.
pub fn combinations(scan: &[String], step: Option<&str>, lists: &[String]) -> Result<Vec<Values>, ParameterError> {
    let mut all = vec![Values::new()];
    if let [name, min, max] = scan {
        all = with(&all, name, &numbers(min, max, step.unwrap_or("1"))?)?;
    }
    for pair in lists.chunks(2) {
        let [name, values] = pair else { continue };
        all = with(&all, name, &list(values))?;
    }
    Ok(all)
}

fn with(all: &[Values], name: &str, values: &[String]) -> Result<Vec<Values>, ParameterError> {
    if name.is_empty() {
        return Err(ParameterError::NoName);
    }
    if all.iter().any(|known| known.contains_key(name)) {
        return Err(ParameterError::Twice(name.to_owned()));
    }
    if all.len() * values.len() > MOST {
        return Err(ParameterError::TooMany);
    }
    let one = |known: &Values, value: &String| {
        let mut known = known.clone();
        known.insert(name.to_owned(), value.clone());
        known
    };
    Ok(all.iter().flat_map(|known| values.iter().map(move |value| one(known, value))).collect())
}

/// Values between commas; `\,` is a comma in a value.
fn list(values: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut signs = values.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' if signs.peek() == Some(&',') => found.last_mut().into_iter().for_each(|last| last.push(',')),
            ',' => found.push(String::new()),
            _ => found.last_mut().into_iter().for_each(|last| last.push(sign)),
        }
        if sign == '\\' && signs.peek() == Some(&',') {
            signs.next();
        }
    }
    found
}

/// Numbers from `min` to `max`, exact in decimal: steps of 0.1 do not drift.
fn numbers(min: &str, max: &str, step: &str) -> Result<Vec<String>, ParameterError> {
    let parts = [min, max, step].map(decimal);
    let [Some(low), Some(high), Some(by)] = parts else {
        let wrong = [min, max, step].into_iter().zip(parts).find(|(_, part)| part.is_none());
        return Err(ParameterError::NotANumber(wrong.map_or(min, |(text, _)| text).to_owned()));
    };
    let digits = low.1.max(high.1).max(by.1);
    let scaled = |(value, own): (i128, u32)| value * 10_i128.pow(digits - own);
    let (low, high, by) = (scaled(low), scaled(high), scaled(by));
    if by == 0 {
        return Err(ParameterError::NoStep(max.to_owned()));
    }
    let steps = (high - low) / by;
    if (high - low) % by * by.signum() < 0 || steps < 0 || (high - low).signum() * by.signum() < 0 {
        return Err(ParameterError::Empty { min: min.to_owned(), max: max.to_owned(), step: step.to_owned() });
    }
    let count = usize::try_from(steps).ok().filter(|&steps| steps < MOST).ok_or(ParameterError::TooMany)?;
    Ok((0..=i128::try_from(count).unwrap_or(0)).map(|index| text(low + index * by, digits)).collect())
}

/// A decimal number as an integer and its digits after the point.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    let fits = !all.is_empty() && all.len() <= 18 && all.bytes().all(|byte| byte.is_ascii_digit());
    let value: i128 = fits.then(|| all.parse().ok()).flatten()?;
    Some((sign * value, u32::try_from(part.len()).ok()?))
}

fn text(value: i128, digits: u32) -> String {
    let unit = 10_i128.pow(digits);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, part) = (value.abs() / unit, value.abs() % unit);
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let part = format!("{part:0width$}", width = digits as usize);
    format!("{sign}{whole}.{}", part.trim_end_matches('0'))
}

/// A text with values in place of the names of their variables in braces; any other braces stay.
#[must_use]
pub fn fill(text: &str, values: &Values) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    'text: while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        for (name, value) in values {
            if let Some(after) = from[1..].strip_prefix(name.as_str()).and_then(|after| after.strip_prefix('}')) {
                filled.push_str(value);
                rest = after;
                continue 'text;
            }
        }
        filled.push('{');
        rest = &from[1..];
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn scanned(scan: &str, step: Option<&str>) -> Result<String, ParameterError> {
        let all = combinations(&words(scan), step, &[])?;
        Ok(all.iter().map(|values| values["x"].clone()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_scan_counts_in_exact_steps() {
        assert_eq!(scanned("x 1 4", None).unwrap(), "1 2 3 4");
        assert_eq!(scanned("x 0.3 0.7", Some("0.2")).unwrap(), "0.3 0.5 0.7");
        assert_eq!(scanned("x 1 3", Some("0.5")).unwrap(), "1 1.5 2 2.5 3");
        assert_eq!(scanned("x -0.2 0.1", Some("0.1")).unwrap(), "-0.2 -0.1 0 0.1");
        assert_eq!(scanned("x 1 4", Some("2")).unwrap(), "1 3");
        assert_eq!(scanned("x 4 1", Some("-1")).unwrap(), "4 3 2 1");
        assert_eq!(scanned("x 5 5", None).unwrap(), "5");
    }

    #[test]
    fn scans_that_never_end_or_never_begin_are_refused() {
        assert_eq!(scanned("x 1 4", Some("0")), Err(ParameterError::NoStep("4".into())));
        assert!(matches!(scanned("x 1 4", Some("-1")), Err(ParameterError::Empty { .. })));
        assert!(matches!(scanned("x 4 1", None), Err(ParameterError::Empty { .. })));
        assert!(matches!(scanned("x 1 4.5", Some("-0.5")), Err(ParameterError::Empty { .. })));
        assert_eq!(scanned("x 0 1", Some("0.0000001")), Err(ParameterError::TooMany));
        assert_eq!(scanned("x 1 many", None), Err(ParameterError::NotANumber("many".into())));
        assert_eq!(scanned("x 1 1e3", None), Err(ParameterError::NotANumber("1e3".into())));
    }

    #[test]
    fn lists_make_every_combination() {
        let all = combinations(&[], None, &words("a 1,2 b x,y\\,z")).unwrap();
        let shown: Vec<String> = all.iter().map(|values| format!("{}{}", values["a"], values["b"])).collect();
        assert_eq!(shown, ["1x", "1y,z", "2x", "2y,z"]);
        assert_eq!(combinations(&[], None, &words("a 1 a 2")), Err(ParameterError::Twice("a".into())));
        let long = (0..1001).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(combinations(&[], None, &["a".into(), long]), Err(ParameterError::TooMany));
    }

    #[test]
    fn only_known_names_in_braces_are_replaced_and_only_once() {
        let values = Values::from([("n".into(), "{m}".into()), ("m".into(), "7".into())]);
        assert_eq!(fill("a {n} {m} {x} {} {{m}} {", &values), "a {m} 7 {x} {} {7} {");
    }
}
