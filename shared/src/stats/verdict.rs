//! The three-way verdict at a margin, for each way in which values of two sides can belong together.

use super::ranks::{count, equal};
use super::shift::{enough, rank_sum_p, shift};
use super::walsh::{signed_rank_p, walsh};
use super::{Interval, normal};
use serde::{Deserialize, Serialize};

/// Standard normal quantile of 80 %: how far off a difference must be to be found in 80 of 100 cases.
const POWER: f64 = 0.841_621_233_572_914_2;
/// Sessions on each side from which on sessions can be compared by ranks.
pub const SESSIONS: usize = 5;

/// What may be said of a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Worse by more than the margin: more time, more memory, less throughput.
    Slower,
    /// Better by more than the margin.
    Faster,
    /// The difference is smaller than the margin, either way.
    Same,
    /// None of these can be said.
    #[default]
    Inconclusive,
}

/// How values of two sides belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Pairs of one block: Wilcoxon's signed ranks.
    Paired,
    /// Two groups: Mann and Whitney's ranks.
    #[default]
    Independent,
    /// Medians of sessions, by Mann and Whitney's ranks.
    Sessions,
    /// Few sessions: the interval is widened by the noise between sessions.
    Widened,
    /// Pairs without an end: signs, valid at every moment.
    Signs,
    /// All values are equal to each other on each side: compared as numbers.
    Exact,
    /// Too few values for any test, or values that cannot be compared.
    None,
}

/// How strict a verdict is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Smallest relative difference that matters, 0.02 for 2 %.
    pub margin: f64,
    /// Of the interval, 0.95 for 95 %.
    pub confidence: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { margin: 0.02, confidence: 0.95 }
    }
}

impl Rules {
    /// For several new sides against one base: each interval at the level that holds for all together (Bonferroni).
    #[must_use]
    pub fn among(self, sides: usize) -> Self {
        Self { confidence: 1.0 - (1.0 - self.confidence) / count(sides.max(1)), ..self }
    }
}

/// A comparison of two samples of one metric, lower values being better.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// New over base, with its interval (from 0 to infinity where there are too few values for one); `None` where one side
    /// has no value, or one that is not positive or not finite.
    pub ratio: Option<Interval>,
    /// Level of the interval, 0.95 for 95 %.
    pub confidence: f64,
    /// Two-sided, of no difference at all.
    pub p: Option<f64>,
    pub verdict: Verdict,
    pub method: Method,
    /// Smallest ratio minus 1 that so many runs would find in 80 of 100 cases.
    pub detectable: Option<f64>,
    /// Pairs (or runs a side) that would find a difference as small as the margin in 80 of 100 cases.
    pub needed: Option<u64>,
    /// The interval leaves out 1, but the difference is not surely larger than the margin.
    pub below_margin: bool,
    /// Pairs, or runs of the smaller side.
    pub runs: u64,
}

impl Outcome {
    /// The same figures where chance alone could have picked this one among many: not called slower or faster.
    #[must_use]
    pub fn unconfirmed(self) -> Self {
        match self.verdict {
            Verdict::Slower | Verdict::Faster => Self { verdict: Verdict::Inconclusive, ..self },
            _ => self,
        }
    }
}

/// Compares pairs: `base[i]` and `new[i]` were measured beside each other, in random order. Values beyond the shorter side
/// are left out.
#[must_use]
pub fn paired(base: &[f64], new: &[f64], rules: &Rules) -> Outcome {
    let n = base.len().min(new.len());
    let (base, new) = (&base[..n], &new[..n]);
    if let Some(outcome) = exact(base, new, rules) {
        return outcome;
    }
    let Some(differences) = differences(base, new) else { return nothing(n, rules) };
    let Some(interval) = walsh(&differences, rules.confidence) else { return nothing(n, rules) };
    Outcome { p: signed_rank_p(&differences), ..judge(interval, Method::Paired, n, rules) }
}

/// Compares two groups that were measured in one session, but not in pairs. Drift during the session is not excluded.
#[must_use]
pub fn independent(base: &[f64], new: &[f64], rules: &Rules) -> Outcome {
    let n = base.len().min(new.len());
    if let Some(outcome) = exact(base, new, rules) {
        return outcome;
    }
    let Some((base, new)) = logs(base).zip(logs(new)) else { return nothing(n, rules) };
    let Some(interval) = shift(&base, &new, rules.confidence) else { return nothing(n, rules) };
    Outcome { p: rank_sum_p(&base, &new), ..judge(interval, Method::Independent, n, rules) }
}

/// Compares groups of sessions, each session being one number (its median). With fewer than five sessions on a side the
/// ratio is only descriptive; see [`widened`].
#[must_use]
pub fn sessions(base: &[f64], new: &[f64], rules: &Rules) -> Outcome {
    let outcome = independent(base, new, rules);
    if base.len().min(new.len()) >= SESSIONS {
        return Outcome { method: Method::Sessions, ..outcome };
    }
    let ratio = outcome.ratio.map(|ratio| Interval { low: 0.0, high: f64::INFINITY, ..ratio });
    Outcome { ratio, ..nothing(base.len().min(new.len()), rules) }
}

/// An outcome of two sessions with what two sessions of the same program differ by: its interval becomes
/// theta ± z √(2 s² + se²), with theta the logarithm of the ratio, s = `session_sd` the standard deviation of the logarithm
/// of a session's median (0.015 for 1.5 %), and se the outcome's own standard error.
#[must_use]
pub fn widened(outcome: &Outcome, session_sd: f64, rules: &Rules) -> Outcome {
    let own = outcome.ratio.filter(|ratio| ratio.low > 0.0 && ratio.high.is_finite());
    let Some(own) = own else { return Outcome { verdict: Verdict::Inconclusive, below_margin: false, ..*outcome } };
    let se = (own.high.ln() - own.low.ln()) / 2.0 / quantile(outcome.confidence);
    across(own.value, se, session_sd, outcome.runs, rules)
}

/// Compares two sessions of which only a ratio is known, with its standard error `se` (of the logarithm; 0 where
/// `session_sd` already holds the noise within a session) and the noise between sessions; see [`widened`].
#[must_use]
pub fn across(ratio: f64, se: f64, session_sd: f64, runs: u64, rules: &Rules) -> Outcome {
    let (theta, se) = (ratio.ln(), (2.0 * session_sd * session_sd + se * se).sqrt());
    let n = usize::try_from(runs).unwrap_or(usize::MAX);
    if !theta.is_finite() || !se.is_finite() || se <= 0.0 {
        return nothing(n, rules);
    }
    let half = quantile(rules.confidence) * se;
    let interval = Interval { value: theta, low: theta - half, high: theta + half };
    // More runs do not help against noise between sessions.
    let outcome = Outcome { needed: None, ..judge(interval, Method::Widened, n, rules) };
    Outcome { p: Some(normal::two_sided(theta / se)), ..outcome }
}

/// Verdict of the logarithm of a ratio with its interval.
pub(super) fn judge(logs: Interval, method: Method, runs: usize, rules: &Rules) -> Outcome {
    let Interval { value, low, high } = logs;
    let margin = rules.margin.ln_1p();
    let verdict = match () {
        () if low > margin => Verdict::Slower,
        () if high < -margin => Verdict::Faster,
        () if low > -margin && high < margin => Verdict::Same,
        () => Verdict::Inconclusive,
    };
    let finite = low.is_finite() && high.is_finite();
    let excludes_none = low > 0.0 || high < 0.0;
    let z = quantile(rules.confidence);
    let detectable = (high - low) / 2.0 / z * (z + POWER);
    let needed = (count(runs) * (detectable / margin).powi(2)).ceil().max(least(rules.confidence));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as casts saturate")]
    let needed = (finite && method != Method::Exact && needed.is_finite()).then_some(needed as u64);
    Outcome {
        ratio: Some(Interval { value: value.exp(), low: low.exp(), high: high.exp() }),
        confidence: rules.confidence,
        p: None,
        verdict,
        method: if finite { method } else { Method::None },
        detectable: finite.then(|| detectable.exp_m1()),
        needed,
        below_margin: excludes_none && !matches!(verdict, Verdict::Slower | Verdict::Faster),
        runs: runs as u64,
    }
}

/// Pairs below which no result at all reaches this level: 6 at 95 %.
pub(super) fn least(confidence: f64) -> f64 {
    (2.0 / (1.0 - confidence)).log2().floor() + 1.0
}

/// How many standard errors an interval reaches to each side.
fn quantile(confidence: f64) -> f64 {
    -normal::quantile((1.0 - confidence) / 2.0)
}

/// Both sides always gave the same number, and often enough that this is no chance: the numbers are compared.
fn exact(base: &[f64], new: &[f64], rules: &Rules) -> Option<Outcome> {
    let (&a, &b) = base.first().zip(new.first())?;
    let constant = |values: &[f64], first: f64| first.is_finite() && values.iter().all(|&value| equal(value, first));
    if !constant(base, a) || !constant(new, b) || !enough(base.len(), new.len(), 1.0 - rules.confidence) {
        return None;
    }
    let n = base.len().min(new.len());
    if equal(a, b) && a <= 0.0 {
        return Some(Outcome { verdict: Verdict::Same, method: Method::Exact, ..nothing(n, rules) });
    }
    let theta = log(b)? - log(a)?;
    Some(judge(Interval { value: theta, low: theta, high: theta }, Method::Exact, n, rules))
}

/// The outcome of values that allow none.
pub(super) fn nothing(runs: usize, rules: &Rules) -> Outcome {
    Outcome { confidence: rules.confidence, method: Method::None, runs: runs as u64, ..Outcome::default() }
}

/// Logarithms of new over base for each pair.
pub(super) fn differences(base: &[f64], new: &[f64]) -> Option<Vec<f64>> {
    base.iter().zip(new).map(|(&a, &b)| Some(log(b)? - log(a)?)).collect()
}

fn logs(values: &[f64]) -> Option<Vec<f64>> {
    values.iter().map(|&value| log(value)).collect()
}

pub(super) fn log(value: f64) -> Option<f64> {
    (value > 0.0 && value.is_finite()).then(|| value.ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: [f64; 8] = [100.0, 102.0, 99.0, 101.0, 100.5, 98.5, 103.0, 100.2];

    const OFF: [f64; 8] = [0.0013, -0.0041, 0.0052, -0.0007, 0.0032, -0.0028, 0.0019, -0.0036];

    fn times(factor: f64) -> Vec<f64> {
        BASE.iter().zip(OFF).map(|(value, off)| value * (factor + off)).collect()
    }

    #[test]
    fn says_one_of_three_things_beyond_doubt_and_else_nothing() {
        let rules = Rules::default();
        assert_eq!(paired(&BASE, &times(1.1), &rules).verdict, Verdict::Slower);
        assert_eq!(paired(&BASE, &times(0.9), &rules).verdict, Verdict::Faster);
        let same = paired(&BASE, &times(1.01), &rules);
        assert_eq!((same.verdict, same.below_margin), (Verdict::Same, true));
        assert_eq!(paired(&BASE, &times(1.02), &rules).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn needs_six_pairs_or_four_a_side() {
        let rules = Rules::default();
        let five = paired(&BASE[..5], &times(2.0)[..5], &rules);
        assert_eq!((five.verdict, five.method), (Verdict::Inconclusive, Method::None));
        assert_eq!(five.ratio.map(|ratio| (ratio.low, ratio.high)), Some((0.0, f64::INFINITY)));
        assert_eq!((five.detectable, five.needed), (None, None));
        assert_eq!(paired(&BASE[..6], &times(2.0)[..6], &rules).verdict, Verdict::Slower);
        assert_eq!(independent(&BASE[..3], &times(2.0)[..3], &rules).verdict, Verdict::Inconclusive);
        assert_eq!(independent(&BASE[..4], &times(2.0)[..4], &rules).verdict, Verdict::Slower);
        assert_eq!(independent(&BASE[..1], &times(2.0)[..1], &rules).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn equal_numbers_are_compared_as_numbers() {
        let rules = Rules::default();
        let outcome = paired(&[5.0; 6], &[6.0; 6], &rules);
        assert_eq!((outcome.verdict, outcome.method), (Verdict::Slower, Method::Exact));
        assert!(outcome.ratio.is_some_and(|ratio| (ratio.low - 1.2).abs() < 1e-12 && equal(ratio.low, ratio.high)));
        assert_eq!(independent(&[0.0; 6], &[0.0; 6], &rules).verdict, Verdict::Same);
        // One run a side, or three, are no proof that a number never changes.
        assert_eq!(independent(&[5.0; 3], &[6.0; 3], &rules).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn no_outcome_from_values_without_a_ratio() {
        let rules = Rules::default();
        for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let mut new = times(2.0);
            new[3] = bad;
            for outcome in [paired(&BASE, &new, &rules), independent(&BASE, &new, &rules), paired(&new, &BASE, &rules)]
            {
                assert_eq!((outcome.verdict, outcome.ratio, outcome.p), (Verdict::Inconclusive, None, None), "{bad}");
            }
        }
        assert_eq!(paired(&[], &[], &rules).ratio, None);
        assert_eq!(paired(&[f64::NAN; 9], &[f64::NAN; 9], &rules).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn the_interval_leaves_out_1_when_p_is_small() {
        for shift in 0..200 {
            let new = times(0.99 + 0.0001 * f64::from(shift));
            for outcome in [paired(&BASE, &new, &Rules::default()), independent(&BASE, &new, &Rules::default())] {
                let excludes = outcome.ratio.is_some_and(|ratio| ratio.low > 1.0 || ratio.high < 1.0);
                assert_eq!(excludes, outcome.p.is_some_and(|p| p < 0.05), "{outcome:?}");
            }
        }
    }

    #[test]
    fn noise_between_sessions_widens_an_interval() {
        let rules = Rules::default();
        let long: Vec<f64> = BASE.iter().cycle().take(400).copied().collect();
        let new: Vec<f64> = long.iter().map(|value| value * 1.04).collect();
        let sure = independent(&long, &new, &rules);
        assert_eq!(sure.verdict, Verdict::Slower);
        let wide = widened(&sure, 0.015, &rules);
        assert_eq!((wide.verdict, wide.method), (Verdict::Inconclusive, Method::Widened));
        let half = wide.ratio.map(|ratio| (ratio.high / ratio.low).ln() / 2.0).unwrap_or_default();
        assert!((half - 1.96 * 0.015 * 2f64.sqrt()).abs() < 0.001, "{half}");
        assert_eq!(widened(&sure, 0.0, &rules).verdict, Verdict::Slower);
        let unknown = widened(&independent(&BASE[..1], &new[..1], &rules), 0.001, &rules);
        assert_eq!(unknown.verdict, Verdict::Inconclusive);
        assert_eq!(sessions(&BASE[..4], &times(2.0)[..4], &rules).verdict, Verdict::Inconclusive);
        assert_eq!(sessions(&BASE[..5], &times(2.0)[..5], &rules).verdict, Verdict::Slower);
    }

    #[test]
    fn ten_thousand_values_are_no_burden() {
        let base: Vec<f64> = (0..10_000).map(|i| 100.0 + f64::from(i * 7919 % 1000) / 100.0).collect();
        let new: Vec<f64> = (0..10_000).map(|i| 103.0 + f64::from(i * 7907 % 1000) / 100.0).collect();
        let outcomes = [paired(&base, &new, &Rules::default()), independent(&base, &new, &Rules::default())];
        assert!(outcomes.iter().all(|outcome| outcome.verdict == Verdict::Slower), "{outcomes:?}");
    }
}
