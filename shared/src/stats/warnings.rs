//! What in the runs themselves speaks against trusting their figures. Findings never change a figure: they are said beside
//! it.

use super::normal;
use super::ranks::{count, doubled_ranks, equal, median, percentile, sorted};
use serde::Serialize;

/// Something that a reader of the figures should know, with the figures it rests on. Its text is [`Finding::to_string`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "finding")]
pub enum Finding {
    /// Runs more than five scaled MADs from the median; J. Tukey's classes beyond 1.5 and 3 quartile ranges.
    Outliers { count: u64, mild: u64, severe: u64, runs: u64 },
    /// The mean is off the median: a few runs decide it.
    Skewed { mean_to_median: f64 },
    /// Values lie about two levels or more. `m_value` is `BenchmarkDotNet`'s (A. Akinshin); `low` and `high` are the medians
    /// of the two groups that explain the values best, `share` the part of runs in the higher.
    Modes { m_value: f64, low: f64, high: f64, share: f64 },
    /// Neighbouring runs are alike: so many runs say no more than `effective` independent ones.
    Autocorrelated { r1: f64, effective: f64, runs: u64 },
    /// Runs above and below the median come in clusters (A. Wald and J. Wolfowitz, 1940).
    Clustered { clusters: u64, expected: f64, p: f64 },
    /// Values go up or down with time (C. Spearman's rank correlation); `ratio` is the last third over the first.
    Drift { rho: f64, p: f64, ratio: f64 },
    /// The first run was far slower than all others.
    SlowFirst { ratio: f64 },
    /// The first `runs` were slower by `ratio` than those after: as many warm-ups would leave them out.
    WarmUp { runs: u64, ratio: f64 },
    /// Others used the machine: more than half as many waited or ran as there are processors.
    Load { load: f64, processors: u64 },
    /// Something waited for a resource for this part of the time.
    Pressure { resource: Resource, share: f64 },
    /// The hypervisor gave this part of the processors' time to others.
    Steal { share: f64 },
    /// The program was put off its processor so often in a second of its CPU time.
    Preempted { per_second: f64 },
    /// Starting the shell takes this part of the measured median.
    Shell { share: f64 },
    /// The median is only so many times what starting an empty program takes.
    Short { times: f64 },
    /// The peak of memory is not above what the starting process itself had: the program's own is not known.
    MemoryFloor,
}

/// What pressure stall information tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    Cpu,
    Memory,
    Io,
}

impl Resource {
    fn what(self) -> &'static str {
        match self {
            Self::Cpu => "a processor",
            Self::Memory => "memory",
            Self::Io => "disks",
        }
    }
}

impl Finding {
    /// Whether runs one after the other do not stand for each other, so that a comparison without pairs may be wrong.
    #[must_use]
    pub fn undermines_groups(&self) -> bool {
        matches!(self, Self::Autocorrelated { .. } | Self::Clustered { .. } | Self::Drift { .. } | Self::WarmUp { .. })
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |ratio: f64| format!("{:.0} %", (ratio - 1.0) * 100.0);
        let share = |part: f64| format!("{:.0} %", part * 100.0);
        match *self {
            Self::Outliers { count, runs, .. } => {
                let are = if count == 1 { "lies" } else { "lie" };
                write!(f, "{count} of {runs} runs {are} far from the others")
            }
            Self::Skewed { mean_to_median } => {
                let side = if mean_to_median > 1.0 { "above" } else { "below" };
                let off = (mean_to_median - 1.0).abs() * 100.0;
                write!(f, "the mean lies {off:.0} % {side} the median: a few runs decide it, trust the median")
            }
            Self::Modes { low, high, share: part, .. } => {
                let off = percent(high / low);
                write!(f, "values lie at two levels, {off} apart, {} of the runs at the higher", share(part))
            }
            Self::Autocorrelated { r1, effective, runs } if r1 > 0.0 => {
                write!(f, "neighbouring runs are alike: {runs} of them say as much as {effective:.0} independent ones")
            }
            Self::Autocorrelated { .. } => write!(f, "neighbouring runs alternate: high follows low"),
            Self::Clustered { clusters, expected, .. } => {
                write!(f, "slow and fast runs come in clusters ({clusters} instead of about {expected:.0})")
            }
            Self::Drift { ratio, .. } if ratio >= 1.0 => {
                write!(f, "runs became slower with time: the last third by {} over the first", percent(ratio))
            }
            Self::Drift { ratio, .. } => {
                write!(
                    f,
                    "runs became faster with time: the first third took {} more than the last",
                    percent(1.0 / ratio)
                )
            }
            Self::SlowFirst { ratio } => {
                write!(
                    f,
                    "the first run took {} more than the others: caches were cold, try --warmup 1",
                    percent(ratio)
                )
            }
            Self::WarmUp { runs, ratio } => {
                let first = if runs == 1 { "the first run".to_owned() } else { format!("the first {runs} runs") };
                write!(f, "{first} took {} more than those after: try --warmup {runs}", percent(ratio))
            }
            Self::Load { load, processors } => {
                write!(f, "the machine was busy: load {load:.1} on {processors} processors")
            }
            Self::Pressure { resource, share: part } => {
                write!(f, "something waited for {} {} of the time", resource.what(), share(part))
            }
            Self::Steal { share: part } => write!(f, "the hypervisor took {} of the processors away", share(part)),
            Self::Preempted { per_second } => {
                write!(f, "put off the processor {per_second:.0} times in a second of its CPU time: others wanted it")
            }
            Self::Shell { share: part } => {
                write!(f, "starting the shell is {} of the measured time: measure without it", share(part))
            }
            Self::Short { times } => {
                write!(
                    f,
                    "takes only {times:.1} times as long as starting an empty program: starting is part of every figure"
                )
            }
            Self::MemoryFloor => {
                write!(f, "peak memory is not above that of the process that starts it: its own is unknown")
            }
        }
    }
}

/// Findings in the values of one metric of one benchmark, in order of time. None where a value is not finite.
#[must_use]
pub fn findings(values: &[f64]) -> Vec<Finding> {
    if values.len() < 6 || values.iter().any(|value| !value.is_finite()) {
        return Vec::new();
    }
    let x = sorted(values);
    if equal(x[0], x[x.len() - 1]) {
        return Vec::new();
    }
    let mut found = Vec::new();
    found.extend(outliers(&x));
    found.extend(skewed(&x));
    found.extend(modes(&x));
    if values.len() >= 10 {
        found.extend(warm_up(values).or_else(|| slow_first(values)));
        found.extend(autocorrelated(values));
        found.extend(clustered(values, median(&x)));
        found.extend(drift(values));
    } else {
        found.extend(slow_first(values));
    }
    found
}

/// 1.4826 times the median distance from the median: the standard deviation where values are normal.
fn scaled_mad(x: &[f64]) -> f64 {
    let middle = median(x);
    1.4826 * median(&sorted(&x.iter().map(|value| (value - middle).abs()).collect::<Vec<f64>>()))
}

fn outliers(x: &[f64]) -> Option<Finding> {
    let (middle, scale) = (median(x), scaled_mad(x));
    let (q1, q3) = (percentile(x, 0.25), percentile(x, 0.75));
    let range = q3 - q1;
    if scale <= 0.0 || range <= 0.0 {
        return None;
    }
    let number = |is: &dyn Fn(f64) -> bool| x.iter().filter(|value| is(**value)).count() as u64;
    let beyond = |times: f64| number(&|value| value < q1 - times * range || value > q3 + times * range);
    let count = number(&|value| (value - middle).abs() > 5.0 * scale);
    let (mild, severe) = (beyond(1.5) - beyond(3.0), beyond(3.0));
    (count > 0).then_some(Finding::Outliers { count, mild, severe, runs: x.len() as u64 })
}

fn skewed(x: &[f64]) -> Option<Finding> {
    let mean_to_median = x.iter().sum::<f64>() / count(x.len()) / median(x);
    ((mean_to_median - 1.0).abs() > 0.05 && mean_to_median.is_finite()).then_some(Finding::Skewed { mean_to_median })
}

/// Two levels, where a split into two groups explains the values better by more than 10 in the Bayesian information
/// criterion (R. Kass and A. Raftery, 1995: very strong), each group having at least 15 % of the runs; or a histogram with
/// that many ups and downs that `BenchmarkDotNet` calls it multimodal (4.2).
fn modes(x: &[f64]) -> Option<Finding> {
    let n = x.len();
    if n < 15 {
        return None;
    }
    // Outliers are no level.
    let (middle, scale) = (median(x), scaled_mad(x));
    let kept: Vec<f64> = x.iter().copied().filter(|value| (value - middle).abs() <= 5.0 * scale).collect();
    let (at, gain) = split(&kept)?;
    let m_value = m_value(x);
    if gain <= 10.0 && m_value <= 4.2 {
        return None;
    }
    let (low, high) = (median(&kept[..at]), median(&kept[at..]));
    Some(Finding::Modes { m_value, low, high, share: count(kept.len() - at) / count(kept.len()) })
}

/// Where sorted values fall apart best into two normal groups of one width, and by how much the Bayesian information
/// criterion prefers two groups (classification likelihood, G. Celeux and G. Govaert, 1992).
fn split(x: &[f64]) -> Option<(usize, f64)> {
    let n = x.len();
    let least = (n * 15).div_ceil(100).max(3);
    if n < 2 * least {
        return None;
    }
    let mean = x.iter().sum::<f64>() / count(n);
    let all: f64 = x.iter().map(|value| (value - mean).powi(2)).sum();
    let mut sum: f64 = x[..least - 1].iter().map(|value| value - mean).sum();
    let mut best: Option<(usize, f64)> = None;
    for at in least..=n - least {
        sum += x[at - 1] - mean;
        let (left, right) = (count(at), count(n - at));
        // What remains within the groups; the means of both are opposite about the mean of all.
        let within = all - sum * sum / left - sum * sum / right;
        let parts = left * (left / count(n)).ln() + right * (right / count(n)).ln();
        let gain = count(n) * (all / within.max(all * 1e-12)).ln() + 2.0 * parts - 2.0 * count(n).ln();
        if best.is_none_or(|(_, most)| gain > most) {
            best = Some((at, gain));
        }
    }
    best
}

/// Sum of the steps of a histogram over its highest bar: 2 for one peak, more for several. Bars are 2 IQR n^(-1/3) wide
/// (D. Freedman and P. Diaconis, 1981).
fn m_value(x: &[f64]) -> f64 {
    let n = x.len();
    let width = 2.0 * (percentile(x, 0.75) - percentile(x, 0.25)) / count(n).cbrt();
    if width <= 0.0 {
        return 2.0;
    }
    // Far outliers would make endless empty bars.
    let (first, last) = (percentile(x, 0.02), percentile(x, 0.98));
    let mut bars = vec![0.0f64; 1];
    let mut end = first + width;
    for value in x.iter().filter(|value| **value >= first && **value <= last) {
        while *value > end && bars.len() < 1000 {
            bars.push(0.0);
            end += width;
        }
        *bars.last_mut().expect("one at least") += 1.0;
    }
    let highest = bars.iter().fold(1.0, |a: f64, b| a.max(*b));
    let padded: Vec<f64> = std::iter::once(0.0).chain(bars).chain([0.0]).collect();
    padded.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum::<f64>() / highest
}

/// First autocorrelation beyond 2/√n (M. Bartlett, 1946), with the effective sample n (1 - r)/(1 + r).
fn autocorrelated(values: &[f64]) -> Option<Finding> {
    let n = count(values.len());
    let mean = values.iter().sum::<f64>() / n;
    let all: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let next: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let r1 = next / all;
    let effective = (n * (1.0 - r1) / (1.0 + r1)).max(1.0);
    (r1.abs() > 2.0 / n.sqrt()).then_some(Finding::Autocorrelated { r1, effective, runs: values.len() as u64 })
}

/// Runs test about the median, normal approximation.
fn clustered(values: &[f64], middle: f64) -> Option<Finding> {
    let sides: Vec<bool> = values.iter().filter(|value| !equal(**value, middle)).map(|value| *value > middle).collect();
    let clusters = sides.chunk_by(|a, b| a == b).count();
    let above = count(sides.iter().filter(|above| **above).count());
    let (n, below) = (count(sides.len()), count(sides.len()) - above);
    if above < 5.0 || below < 5.0 {
        return None;
    }
    let expected = 2.0 * above * below / n + 1.0;
    let sd = ((expected - 1.0) * (expected - 2.0) / (n - 1.0)).sqrt();
    let z = (count(clusters) - expected + 0.5) / sd;
    let p = normal::two_sided(z);
    (z < 0.0 && p < 0.01).then_some(Finding::Clustered { clusters: clusters as u64, expected, p })
}

/// Rank correlation with time, p below 0.01.
fn drift(values: &[f64]) -> Option<Finding> {
    let (rho, p) = spearman(values);
    let third = values.len() / 3;
    let (first, last) = (&values[..third], &values[values.len() - third..]);
    let ratio = median(&sorted(last)) / median(&sorted(first));
    (p < 0.01 && ratio.is_finite()).then_some(Finding::Drift { rho, p, ratio })
}

/// Spearman's correlation of values with their place, and its two-sided p from Student's distribution by D. Wallace's
/// normal approximation (1959).
pub(super) fn spearman(values: &[f64]) -> (f64, f64) {
    let ranks = doubled_ranks(values);
    let n = values.len();
    let middle = count(n + 1);
    let (mut both, mut own, mut time) = (0.0, 0.0, 0.0);
    for (index, rank) in ranks.into_iter().enumerate() {
        let (a, b) = (count(rank) - middle, count(2 * (index + 1)) - middle);
        both += a * b;
        own += a * a;
        time += b * b;
    }
    if own <= 0.0 || n < 3 {
        return (0.0, 1.0);
    }
    let rho: f64 = (both / (own * time).sqrt()).clamp(-1.0, 1.0);
    let freedom = count(n - 2);
    let z = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0) * (-freedom * (-rho * rho).ln_1p()).sqrt();
    (rho, normal::two_sided(z))
}

/// The first run more than five scaled MADs above the median of the others.
fn slow_first(values: &[f64]) -> Option<Finding> {
    let rest = sorted(&values[1..]);
    let (middle, scale) = (median(&rest), scaled_mad(&rest));
    let ratio = values[0] / middle;
    (values[0] - middle > 5.0 * scale && scale > 0.0 && ratio.is_finite()).then_some(Finding::SlowFirst { ratio })
}

/// One split in the first third that lowers the sum of distances from the medians by more than 3 b ln n, b being the mean
/// distance after it.
fn warm_up(values: &[f64]) -> Option<Finding> {
    let cost = |values: &[f64]| {
        let middle = median(&sorted(values));
        values.iter().map(|value| (value - middle).abs()).sum::<f64>()
    };
    let n = values.len();
    let whole = cost(values);
    // A long row is looked at in a hundred places.
    let step = (n / 300).max(1);
    let splits = (1..=n / 3).step_by(step).map(|at| (at, cost(&values[..at]) + cost(&values[at..])));
    let (at, split) = splits.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let ratio = median(&sorted(&values[..at])) / median(&sorted(&values[at..]));
    let clear = whole - split > 3.0 * split / count(n) * count(n).ln();
    (clear && ratio > 1.0 && ratio.is_finite()).then_some(Finding::WarmUp { runs: at as u64, ratio })
}

#[cfg(test)]
mod tests {
    use super::super::simulation::{Noise, Random};
    use super::*;

    fn values(noise: Noise, n: usize, seed: u64) -> Vec<f64> {
        noise.row(n, &mut Random::new(seed)).into_iter().map(f64::exp).collect()
    }

    fn name(finding: &Finding) -> String {
        let text = format!("{finding:?}");
        text.split_once([' ', '{']).map_or(text.clone(), |(name, _)| name.to_owned())
    }

    const NAMES: [&str; 8] =
        ["Outliers", "Skewed", "Modes", "Autocorrelated", "Clustered", "Drift", "SlowFirst", "WarmUp"];

    /// How often of 100 each kind is found.
    fn rates(noise: Noise, n: usize, simulations: u32, change: impl Fn(&mut Vec<f64>)) -> [f64; 8] {
        let mut hits = [0.0; 8];
        for seed in 0..simulations {
            let mut values = values(noise, n, u64::from(seed));
            change(&mut values);
            for finding in findings(&values) {
                let at = NAMES.iter().position(|known| *known == name(&finding)).expect("a known finding");
                hits[at] += 100.0 / f64::from(simulations);
            }
        }
        hits
    }

    fn at(of: [f64; 8], found: &str) -> f64 {
        of[NAMES.iter().position(|known| *known == found).expect("a known finding")]
    }

    #[test]
    fn independent_runs_give_few_false_alarms() {
        for noise in [Noise::Quiet, Noise::Typical, Noise::Ci] {
            let found = rates(noise, 30, 200, |_| ());
            for alarm in ["Modes", "Autocorrelated", "Clustered", "Drift", "SlowFirst", "WarmUp"] {
                assert!(at(found, alarm) <= 5.0, "{noise:?} {alarm}: {found:?}");
            }
        }
    }

    #[test]
    fn what_is_there_is_found() {
        let as_it_is = |noise, n, finding| at(rates(noise, n, 100, |_| ()), finding);
        assert!(as_it_is(Noise::Bimodal, 30, "Modes") >= 80.0);
        assert!(as_it_is(Noise::Sticky, 100, "Autocorrelated") >= 85.0);
        assert!(as_it_is(Noise::Ramp, 30, "Drift") >= 90.0);
        assert!(as_it_is(Noise::Trace, 100, "Clustered") >= 85.0);
        let cold = rates(Noise::Typical, 30, 100, |values| values[..4].iter_mut().for_each(|value| *value *= 1.3));
        assert!(at(cold, "WarmUp") >= 95.0, "{cold:?}");
        let first = rates(Noise::Quiet, 30, 100, |values| values[0] *= 1.2);
        assert!(at(first, "WarmUp") + at(first, "SlowFirst") >= 99.0, "{first:?}");
    }

    #[test]
    fn says_what_it_found_with_figures() {
        let mut cold = values(Noise::Quiet, 30, 1);
        cold[..3].iter_mut().for_each(|value| *value *= 1.5);
        let texts: Vec<String> = findings(&cold).iter().map(ToString::to_string).collect();
        assert!(
            texts.iter().any(|text| text.contains("the first 3 runs took 5") && text.ends_with("try --warmup 3")),
            "{texts:?}"
        );
        let two: Vec<f64> =
            values(Noise::Quiet, 40, 2).iter().enumerate().map(|(i, v)| v + 0.2 * count(i * 7 % 2)).collect();
        let texts: Vec<String> = findings(&two).iter().map(ToString::to_string).collect();
        assert!(texts.iter().any(|text| text.contains("% apart, 50 % of the runs at the higher")), "{texts:?}");
        assert_eq!(findings(&[5.0; 30]), []);
        assert_eq!(findings(&[f64::NAN; 30]), []);
        assert_eq!(findings(&[1.0, 2.0, 3.0]), []);
    }
}
