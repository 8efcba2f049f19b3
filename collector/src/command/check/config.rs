//! `perfcollect.toml`: gates as a file.

use anyhow::{Context, anyhow};
use perfcollect_shared::check::{
    Functions, Gate, Statistic, bound_of, metric_of, parse_part, share_bound, statistic_of,
};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use std::fmt;
use std::fs;
use std::path::Path;

/// Name of the file.
pub(super) const NAME: &str = "perfcollect.toml";

/// What the file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Config {
    /// Base of regressions, as on the command line.
    pub(super) against: Option<String>,
    margin: Option<Figure>,
    confidence: Option<Figure>,
    session_noise: Option<Figure>,
    pub(super) allow_unknown: bool,
    regression: Vec<RegressionTable>,
    target: Vec<TargetTable>,
    function: Vec<FunctionTable>,
}

/// A figure with its unit; a plain number is one without.
#[derive(Clone, Debug)]
struct Figure(String);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct RegressionTable {
    metric: Words,
    benchmark: Option<String>,
    margin: Option<Figure>,
    confidence: Option<Figure>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TargetTable {
    metric: String,
    statistic: Option<String>,
    benchmark: Option<String>,
    max: Option<Figure>,
    min: Option<Figure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct FunctionTable {
    name: Option<String>,
    file: Option<String>,
    time: Option<String>,
    max: Option<Figure>,
    margin: Option<Figure>,
}

/// One word or several.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Words {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

/// The configuration with its gates.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) gates: Vec<Gate>,
    pub(super) against: Option<String>,
    pub(super) margin: Option<f64>,
    pub(super) confidence: Option<f64>,
    pub(super) session_noise: Option<f64>,
    pub(super) allow_unknown: bool,
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Figure;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a figure such as \"1.5s\", \"5%\" or 12000")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Figure, E> {
                Ok(Figure(text.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Figure, E> {
                Ok(Figure(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Figure, E> {
                Ok(Figure(number.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// Reads the file that is named, or that of the current folder or the nearest above it; nothing where there is none.
///
/// # Errors
/// When a named file is not there, or any cannot be read or makes no sense: with line and column.
pub(super) fn load(named: Option<&Path>) -> anyhow::Result<Loaded> {
    let found = if let Some(path) = named {
        Some(path.to_owned())
    } else {
        let here = std::env::current_dir().context("cannot tell the current folder")?;
        here.ancestors().map(|folder| folder.join(NAME)).find(|path| path.is_file())
    };
    let Some(path) = found else { return Ok(Loaded::default()) };
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).map_err(|reason| anyhow!("{}{reason}", path.display()))
}

/// The error begins with `:LINE:COLUMN: ` or `: `.
fn parse(text: &str) -> Result<Loaded, String> {
    let config: Config = toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
        format!("{place}: {}", with_nearest(error.message()))
    })?;
    let part = |figure: &Option<Figure>, most: f64| {
        figure.as_ref().map(|figure| parse_part(&figure.0, most)).transpose().map_err(|error| format!(": {error}"))
    };
    let mut gates = Vec::new();
    let told = |table: &str, index: usize, error: String| {
        let place = nth_header(text, table, index).map(|at| place(text, at)).unwrap_or_default();
        format!("{place}: in [[{table}]]: {error}")
    };
    for (index, table) in config.regression.iter().enumerate() {
        gates.push(table.gate().map_err(|error| told("regression", index, error))?);
    }
    for (index, table) in config.target.iter().enumerate() {
        gates.push(table.gate().map_err(|error| told("target", index, error))?);
    }
    for (index, table) in config.function.iter().enumerate() {
        gates.extend(table.gates().map_err(|error| told("function", index, error))?);
    }
    Ok(Loaded {
        gates,
        margin: part(&config.margin, 10.0)?,
        confidence: part(&config.confidence, 1.0)?,
        session_noise: part(&config.session_noise, 1.0)?,
        against: config.against,
        allow_unknown: config.allow_unknown,
    })
}

impl RegressionTable {
    fn gate(&self) -> Result<Gate, String> {
        let metrics = match &self.metric {
            Words::None => Vec::new(),
            Words::One(word) => vec![metric_of(word)],
            Words::Many(words) => words.iter().map(|word| metric_of(word)).collect(),
        };
        let part = |figure: &Option<Figure>, most| figure.as_ref().map(|f| parse_part(&f.0, most)).transpose();
        Ok(Gate::Regression {
            metrics,
            benchmark: any(self.benchmark.as_ref()),
            margin: part(&self.margin, 10.0)?,
            confidence: part(&self.confidence, 1.0)?,
        })
    }
}

impl TargetTable {
    fn gate(&self) -> Result<Gate, String> {
        let metric = metric_of(&self.metric);
        let bound = |figure: &Option<Figure>| figure.as_ref().map(|f| bound_of(&metric, &f.0)).transpose();
        let (max, min) = (bound(&self.max)?, bound(&self.min)?);
        if max.is_none() && min.is_none() {
            return Err("it has no bound; give `max`, `min` or both".into());
        }
        let statistic = self.statistic.as_deref().map(statistic_of).transpose()?;
        let statistic = statistic.unwrap_or_else(|| Statistic::of_metric(&metric));
        Ok(Gate::Target { metric, statistic, benchmark: any(self.benchmark.as_ref()), max, min })
    }
}

impl FunctionTable {
    fn gates(&self) -> Result<Vec<Gate>, String> {
        let own = match self.time.as_deref() {
            None | Some("total") => false,
            Some("own" | "self") => true,
            Some(other) => return Err(format!("`time` is \"total\" or \"own\", not \"{other}\"")),
        };
        if self.name.is_none() && self.file.is_none() {
            return Err("it names no function; give `name`, `file` or both".into());
        }
        let functions = Functions { name: self.name.clone(), file: self.file.clone(), own };
        let mut gates = Vec::new();
        if let Some(max) = &self.max {
            let (max, unit) = share_bound(&max.0)?;
            gates.push(Gate::Share { functions: functions.clone(), max, unit });
        }
        if let Some(margin) = &self.margin {
            gates.push(Gate::Slower { functions, margin: Some(parse_part(&margin.0, 10.0)?) });
        }
        if gates.is_empty() {
            return Err("it has no bound; give `max` (a share or a time), `margin` (against base) or both".into());
        }
        Ok(gates)
    }
}

fn any(pattern: Option<&String>) -> String {
    pattern.cloned().unwrap_or_else(|| "*".into())
}

/// `:LINE:COLUMN` of a byte, both from 1.
fn place(text: &str, byte: usize) -> String {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(":{line}:{column}")
}

/// Byte at which the n-th `[[table]]` begins.
fn nth_header(text: &str, table: &str, index: usize) -> Option<usize> {
    let header = format!("[[{table}]]");
    let mut at = 0;
    let mut lines = text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let plain: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        plain.starts_with(&header).then_some(start)
    });
    lines.nth(index)
}

/// Adds the nearest known key to serde's message about an unknown one.
fn with_nearest(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((unknown, known)) = quoted.split_first().filter(|_| message.starts_with("unknown field")) else {
        return message.trim_end().to_owned();
    };
    let known: Vec<&str> = known.to_vec();
    let nearest = known.iter().map(|key| (strsim::damerau_levenshtein(unknown, key), key)).min();
    let guess = match nearest {
        Some((distance, key)) if distance <= key.len().div_ceil(2) => format!("; did you mean `{key}`?"),
        _ => String::new(),
    };
    format!("there is no key `{unknown}`{guess} Known are {}", known.join(", ")).replace("` Known", "`. Known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_in_the_documentation_is_right() {
        let loaded = parse(include_str!("../../../../docs/perfcollect.toml")).unwrap();
        assert_eq!(loaded.gates.len(), 7, "{:?}", loaded.gates);
        assert_eq!(loaded.against.as_deref(), Some("main"));
        assert_eq!(loaded.confidence, Some(0.95));
    }

    #[test]
    fn faults_are_told_with_their_place_and_the_nearest_key() {
        let error = |text: &str| parse(text).map(|_| ()).unwrap_err();
        let unknown = error("against = \"a\"\n\n[[target]]\nmetrik = \"wall\"\n");
        assert!(unknown.starts_with(":4:1: there is no key `metrik`; did you mean `metric`?"), "{unknown}");
        assert!(error("[[traget]]\n").contains("did you mean `target`?"), "{}", error("[[traget]]\n"));
        assert!(error("x = [\n").starts_with(':'), "{}", error("x = [\n"));
        assert_eq!(
            error("[[target]]\nmetric = \"wall\"\nmax = \"1s\"\n# x\n[[target]]\nmetric = \"wall\"\nmax = \"5MiB\"\n"),
            ":5:1: in [[target]]: `5MiB` is no bound for wall time, which is a time, such as 1.5s"
        );
        assert!(error("[[target]]\nmetric = \"wall\"\n").contains("no bound"));
        assert!(error("[[function]]\nmax = \"5%\"\n").contains("names no function"));
        assert!(error("[[function]]\nname = \"f\"\n").contains("no bound"));
        assert!(error("margin = \"0%\"").contains("between"));
        assert!(error("[[target]]\nmax = \"1s\"\n").contains("metric"));
    }

    #[test]
    fn numbers_without_quotes_are_percents_or_counts() {
        let loaded = parse("margin = 3\nconfidence = 99\n[[target]]\nmetric = \"minor_faults\"\nmax = 1200\n").unwrap();
        assert_eq!((loaded.margin, loaded.confidence), (Some(0.03), Some(0.99)));
        assert!(matches!(loaded.gates[0], Gate::Target { max: Some(1200.0), .. }), "{:?}", loaded.gates);
    }
}
