//! What is asked for: gates, and how they are written.

use super::quantity::{kind, parse, parse_part};
use crate::format::measured;
use crate::format::metric::name as metric_name;
use crate::model::{MetricInfo, Unit};

/// Which figure of a sample a target is about.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Statistic {
    #[default]
    Median,
    Mean,
    /// 0.95 for the 95th percentile.
    Quantile(f64),
    /// Of the runs that were made.
    Max,
    Min,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Gate {
    /// No metric is worse than base by more than the margin. No metrics: wall and CPU time.
    Regression { metrics: Vec<String>, benchmark: String, margin: Option<f64>, confidence: Option<f64> },
    /// A figure lies within bounds. Without a statistic: the largest of peak memory, else the median.
    Target { metric: String, statistic: Statistic, benchmark: String, max: Option<f64>, min: Option<f64> },
    /// Functions take at most a share of the CPU time, or so many nanoseconds a run.
    Share { functions: Functions, max: f64, unit: Unit },
    /// No function is slower than in base by more than the margin.
    Slower { functions: Functions, margin: Option<f64> },
}

/// Which functions, and which of their time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Functions {
    /// Wildcard of the name, and of the path of the file; both must fit.
    pub name: Option<String>,
    pub file: Option<String>,
    /// Only time in the functions themselves, without what they call.
    pub own: bool,
}

impl Functions {
    /// For people: `parse_* in src/**`.
    #[must_use]
    pub fn describe(&self) -> String {
        match (&self.name, &self.file) {
            (Some(name), Some(file)) => format!("{name} in {file}"),
            (Some(name), None) => name.clone(),
            (None, Some(file)) => format!("code in {file}"),
            (None, None) => "every function".into(),
        }
    }
}

/// What people type for a metric, as bundles name it.
#[must_use]
pub fn metric_of(word: &str) -> String {
    match word {
        "wall" | "time" => "wall_ns".into(),
        "cpu" => "cpu_ns".into(),
        "user" => "user_ns".into(),
        "system" | "sys" => "system_ns".into(),
        "rss" | "memory" | "peak_memory" | "peak-memory" => "rss_bytes".into(),
        other => other.to_owned(),
    }
}

/// `median`, `mean`, `p95`, `p99.9`, `max`, `min`.
///
/// # Errors
/// When it is none of these.
pub fn statistic_of(word: &str) -> Result<Statistic, String> {
    let quantile = word.strip_prefix('p').and_then(|digits| digits.parse::<f64>().ok());
    match word {
        "median" => Ok(Statistic::Median),
        "mean" | "average" => Ok(Statistic::Mean),
        "max" => Ok(Statistic::Max),
        "min" => Ok(Statistic::Min),
        _ => match quantile {
            Some(percent) if percent > 0.0 && percent < 100.0 => Ok(Statistic::Quantile(percent / 100.0)),
            _ => Err(format!(
                "`{word}` is no statistic; there are median, mean, p95 (or any other percentile), max and min"
            )),
        },
    }
}

impl Statistic {
    /// Of a metric for which none is named.
    #[must_use]
    pub fn of_metric(metric: &str) -> Self {
        if metric == "rss_bytes" { Self::Max } else { Self::Median }
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Median => "median".into(),
            Self::Mean => "mean".into(),
            Self::Quantile(q) => format!("p{}", (q * 1e4).round() / 100.0),
            Self::Max => "largest".into(),
            Self::Min => "smallest".into(),
        }
    }
}

/// `wall.p95=1.5s`: a target from a flag; `upper` for one that must not be exceeded.
///
/// # Errors
/// What is wrong with it, for people.
pub fn target(text: &str, upper: bool) -> Result<Gate, String> {
    let (what, bound) = text.split_once('=').ok_or("write it as METRIC[.STATISTIC]=FIGURE: wall.p95=1.5s")?;
    let (metric, statistic) = match what.trim().split_once('.') {
        Some((metric, statistic)) => (metric_of(metric), Some(statistic_of(statistic)?)),
        None => (metric_of(what.trim()), None),
    };
    let bound = bound_of(&metric, bound)?;
    let statistic = statistic.unwrap_or_else(|| Statistic::of_metric(&metric));
    let (max, min) = if upper { (Some(bound), None) } else { (None, Some(bound)) };
    Ok(Gate::Target { metric, statistic, benchmark: "*".into(), max, min })
}

/// A bound in the unit of its metric.
///
/// # Errors
/// When it is none, or of another kind.
pub fn bound_of(metric: &str, text: &str) -> Result<f64, String> {
    let (value, unit) = parse(text)?;
    let wanted = MetricInfo::of_name(metric).unit;
    // The unit of a count is not always known by its name.
    if unit == wanted || wanted == Unit::Count {
        return Ok(value);
    }
    Err(format!("`{}` is no bound for {}, which is {}", text.trim(), metric_name(metric), kind(wanted)))
}

/// `wall=5%`, `wall`: a regression gate from a flag.
///
/// # Errors
/// What is wrong with it, for people.
pub fn regression(text: &str) -> Result<Gate, String> {
    let (metric, margin) = match text.split_once('=') {
        Some((metric, margin)) => (metric, Some(parse_part(margin, 10.0)?)),
        None => (text, None),
    };
    let metrics = if metric.trim().is_empty() { Vec::new() } else { vec![metric_of(metric.trim())] };
    Ok(Gate::Regression { metrics, benchmark: "*".into(), margin, confidence: None })
}

/// `parse_*=20%`, `parse_*=150ms`: a gate on functions from a flag. The bound comes after the last `=`, which names of functions
/// may hold.
///
/// # Errors
/// What is wrong with it, for people.
pub fn share(text: &str) -> Result<Gate, String> {
    let (name, bound) = text.rsplit_once('=').ok_or("write it as FUNCTION=20% or FUNCTION=150ms")?;
    let functions = Functions { name: Some(name.trim().to_owned()), ..Functions::default() };
    let (max, unit) = share_bound(bound)?;
    Ok(Gate::Share { functions, max, unit })
}

/// A share of the CPU time or a time.
///
/// # Errors
/// When it is neither.
pub fn share_bound(text: &str) -> Result<(f64, Unit), String> {
    match parse(text)? {
        (value, Unit::Ratio) if value <= 1.0 => Ok((value, Unit::Ratio)),
        (value, Unit::Nanoseconds) => Ok((value, Unit::Nanoseconds)),
        _ => Err(format!("`{}` bounds no function; write 20% of the CPU time, or 150ms", text.trim())),
    }
}

/// The gate as a sentence without verb: `p95 of wall time at most 1.50 s`.
pub(super) fn describe(gate: &Gate, default_margin: f64) -> String {
    let percent = |margin: &Option<f64>| crate::format::share(margin.unwrap_or(default_margin));
    match gate {
        Gate::Regression { metrics, margin, .. } => {
            let names: Vec<&str> = metrics.iter().map(|metric| metric_name(metric)).collect();
            let what = if names.is_empty() { "wall and CPU time".into() } else { names.join(", ") };
            format!("{what} not worse than base by more than {}", percent(margin))
        }
        Gate::Target { metric, statistic, max, min, .. } => {
            let unit = MetricInfo::of_name(metric).unit;
            let bounds: Vec<String> = [(min, "at least"), (max, "at most")]
                .into_iter()
                .filter_map(|(bound, words)| bound.map(|value| format!("{words} {}", measured(value, unit))))
                .collect();
            format!("{} of {} {}", statistic.name(), metric_name(metric), bounds.join(" and "))
        }
        Gate::Share { functions, max, unit } => {
            let of = if *unit == Unit::Ratio { " of the CPU time" } else { " of CPU time a run" };
            let own = if functions.own { ", itself" } else { "" };
            format!("{}{own}: at most {}{of}", functions.describe(), measured(*max, *unit))
        }
        Gate::Slower { functions, margin } => {
            format!("{} not slower than in base by more than {}", functions.describe(), percent(margin))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_gates() {
        let told = |gate: Result<Gate, String>| gate.map_or_else(|error| error, |gate| describe(&gate, 0.02));
        assert_eq!(told(target("wall.p95=1.5s", true)), "p95 of wall time at most 1.50 s");
        assert_eq!(told(target("peak_memory=64MiB", true)), "largest of peak memory at most 64.0 MiB");
        assert_eq!(told(target("items_per_second=900", false)), "median of items_per_second at least 900");
        assert_eq!(told(regression("cpu=5%")), "CPU time not worse than base by more than 5.0 %");
        assert_eq!(told(regression("wall")), "wall time not worse than base by more than 2.0 %");
        assert_eq!(told(share("operator==*=20%")), "operator==*: at most 20 % of the CPU time");
        assert_eq!(told(share("f=150ms")), "f: at most 150 ms of CPU time a run");
    }

    #[test]
    fn flags_that_make_no_sense_say_why() {
        assert!(target("wall.p95", true).unwrap_err().contains("wall.p95=1.5s"));
        assert!(target("wall.p0=1s", true).unwrap_err().contains("p95"));
        assert!(target("wall=64MiB", true).unwrap_err().contains("a time, such as 1.5s"));
        assert!(regression("wall=0%").unwrap_err().contains("between"));
        assert!(share("f=5MiB").unwrap_err().contains("20% of the CPU time"));
    }
}
