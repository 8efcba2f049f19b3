//! A history of sessions: the levels it went through, and where it seems to have changed.
//!
//! Levels are fitted as `asv` does (P. Virtanen): J. Potts's functional with absolute distances, minimised exactly by
//! R. Bellman's recursion (F. Friedrich and others, 2008), with the price of a level chosen by an information criterion
//! that knows noise between neighbours to be alike. A change found so is a suspicion: only an interleaved measurement of
//! both sides confirms it.

use super::ranks::{count, median, sorted};
use super::verdict::{Verdict, log};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Sessions that a level must last for.
const LEAST: usize = 2;
/// A longer history is looked at from its end.
const LONGEST: usize = 1000;

/// What a history of one metric of one benchmark went through.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct History {
    /// Levels in order of time; together they are all sessions from `skipped` on.
    pub segments: Vec<Segment>,
    /// Where one level follows on another that differs by the margin or more.
    pub changes: Vec<Change>,
    /// Standard deviation of the logarithm of one session about its level, for comparisons of single sessions
    /// ([`super::widened`]): robust, and larger for short histories so that 1.96 of them are a 95 % interval. `None` below
    /// five sessions.
    pub session_sd: Option<f64>,
    /// Sessions at the beginning that were left out: more than a thousand are not looked at.
    pub skipped: usize,
}

/// Sessions of one level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Segment {
    /// First session, from 0.
    pub start: usize,
    /// Session after the last.
    pub end: usize,
    /// Weighted median, in the unit of the values.
    pub level: f64,
}

/// A suspected change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    /// First session at the new level.
    pub at: usize,
    /// First and last session at which the new level may as well have begun: splits that explain the values not much worse
    /// (by a factor of less than 20 in likelihood, for noise of Laplace's distribution).
    pub earliest: usize,
    pub latest: usize,
    /// New level over old.
    pub ratio: f64,
    /// `Slower` or `Faster`, lower values being better.
    pub verdict: Verdict,
}

/// One session: its median, and the relative width of the median's interval ((high - low) / median) where it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Session {
    pub median: f64,
    pub width: Option<f64>,
}

/// Finds levels and suspected changes of at least `margin` (0.02 for 2 %) in sessions of one environment, in order of
/// time. `None` where a median is not positive or not finite; an empty history has no level.
#[must_use]
pub fn history(sessions: &[Session], margin: f64) -> Option<History> {
    let skipped = sessions.len().saturating_sub(LONGEST);
    let sessions = &sessions[skipped..];
    let y: Vec<f64> = sessions.iter().map(|session| log(session.median)).collect::<Option<_>>()?;
    if y.is_empty() {
        return Some(History { skipped, ..History::default() });
    }
    let w = weights(sessions);
    let costs = Costs::new(&y, &w);
    let ends = segmentation(&y, &costs);
    let starts: Vec<usize> = std::iter::once(0).chain(ends.iter().copied()).take(ends.len()).collect();
    let levels: Vec<f64> = starts.iter().zip(&ends).map(|(&start, &end)| costs.level(start, end)).collect();
    let fitted = starts.iter().zip(&ends).zip(&levels);
    let residuals: Vec<f64> =
        fitted.flat_map(|((&start, &end), level)| y[start..end].iter().map(move |y| (y - level).abs())).collect();
    let scale = residuals.iter().sum::<f64>() / count(y.len());
    let changes = (1..starts.len()).filter_map(|i| {
        let step = levels[i] - levels[i - 1];
        let (from, at, to) = (starts[i - 1], starts[i], ends[i]);
        let near = |split: &usize| {
            let cost = costs.of(from, *split) + costs.of(*split, to);
            cost <= costs.of(from, at) + costs.of(at, to) + 20f64.ln() * scale.max(1e-12)
        };
        let earliest = (from + 1..=at).find(near).unwrap_or(at);
        let latest = (at..to).rev().find(near).unwrap_or(at);
        let verdict = if step > 0.0 { Verdict::Slower } else { Verdict::Faster };
        let [at, earliest, latest] = [at, earliest, latest].map(|session| session + skipped);
        (step.abs() >= margin.ln_1p()).then(|| Change { at, earliest, latest, ratio: step.exp(), verdict })
    });
    let segments = starts.iter().zip(&ends).zip(&levels);
    Some(History {
        changes: changes.collect(),
        segments: segments
            .map(|((start, end), level)| Segment { start: start + skipped, end: end + skipped, level: level.exp() })
            .collect(),
        session_sd: session_sd(&residuals, ends.len()),
        skipped,
    })
}

/// Standard deviation of a session, from distances to the medians of `levels` levels: their mean times √(π/2), which is the
/// standard deviation where noise is normal, for the degrees of freedom that are left; widened by Student's over the normal
/// quantile (R. Fisher's and E. Cornish's expansion).
fn session_sd(residuals: &[f64], levels: usize) -> Option<f64> {
    if residuals.len() < 5 || residuals.len() < levels + 3 {
        return None;
    }
    let freedom = count(residuals.len() - levels);
    let sd = residuals.iter().sum::<f64>() / freedom * std::f64::consts::FRAC_PI_2.sqrt();
    let z = 1.96f64;
    let first = (z.powi(2) + 1.0) / 4.0 / freedom;
    let second = (5.0 * z.powi(4) + 16.0 * z.powi(2) + 3.0) / 96.0 / freedom.powi(2);
    (sd > 0.0).then_some(sd * (1.0 + first + second))
}

/// How much each session counts: two over the width of its interval, relative to the median session; between a fifth and
/// five times, so that no session decides alone. A session without an interval counts as the median one.
fn weights(sessions: &[Session]) -> Vec<f64> {
    let of =
        |session: &Session| session.width.filter(|width| *width > 0.0 && width.is_finite()).map(|width| 2.0 / width);
    let known = sorted(&sessions.iter().filter_map(of).collect::<Vec<f64>>());
    let usual = median(&known);
    sessions.iter().map(|session| of(session).map_or(1.0, |own| (own / usual).clamp(0.2, 5.0))).collect()
}

/// Weighted sums of distances from the weighted median, of all stretches of sessions.
struct Costs<'a> {
    y: &'a [f64],
    w: &'a [f64],
    /// For each start the costs of stretches that end after it.
    of: Vec<Vec<f64>>,
}

impl<'a> Costs<'a> {
    fn new(y: &'a [f64], w: &'a [f64]) -> Self {
        let of = (0..y.len()).map(|start| {
            let mut half = Halves::default();
            (start..y.len()).map(|i| half.add(y[i], w[i])).collect()
        });
        Self { y, w, of: of.collect() }
    }

    fn of(&self, start: usize, end: usize) -> f64 {
        self.of[start][end - start - 1]
    }

    fn level(&self, start: usize, end: usize) -> f64 {
        let mut half = Halves::default();
        (start..end).for_each(|i| {
            half.add(self.y[i], self.w[i]);
        });
        half.median()
    }
}

/// Weighted values about their median, to which others are added: the lower half with its largest at hand, the upper half
/// with its smallest.
#[derive(Default)]
struct Halves {
    low: BinaryHeap<Weighted>,
    high: BinaryHeap<Weighted>,
    /// Sums of weights, and of weights times values, of each half.
    low_sums: (f64, f64),
    high_sums: (f64, f64),
}

/// A value, with its sign changed in the upper half, and its weight.
struct Weighted(f64, f64);

impl Ord for Weighted {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Weighted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Weighted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Weighted {}

impl Halves {
    /// Adds a value; answers with the weighted sum of distances from the median of all so far.
    fn add(&mut self, y: f64, w: f64) -> f64 {
        let into_low = self.low.peek().is_none_or(|top| y <= top.0);
        if into_low {
            self.low.push(Weighted(y, w));
            self.low_sums = (self.low_sums.0 + w, self.low_sums.1 + w * y);
        } else {
            self.high.push(Weighted(-y, w));
            self.high_sums = (self.high_sums.0 + w, self.high_sums.1 + w * y);
        }
        // The lower half holds at least half of the weight, and would not without its largest.
        while self.low.peek().is_some_and(|top| self.low_sums.0 - top.1 >= self.high_sums.0 + top.1)
            && self.low.len() > 1
        {
            let Some(Weighted(y, w)) = self.low.pop() else { break };
            self.low_sums = (self.low_sums.0 - w, self.low_sums.1 - w * y);
            self.high_sums = (self.high_sums.0 + w, self.high_sums.1 + w * y);
            self.high.push(Weighted(-y, w));
        }
        while self.low_sums.0 < self.high_sums.0 {
            let Some(Weighted(y, w)) = self.high.pop() else { break };
            let y = -y;
            self.high_sums = (self.high_sums.0 - w, self.high_sums.1 - w * y);
            self.low_sums = (self.low_sums.0 + w, self.low_sums.1 + w * y);
            self.low.push(Weighted(y, w));
        }
        let middle = self.low.peek().map_or(0.0, |top| top.0);
        let below = middle * self.low_sums.0 - self.low_sums.1;
        (below + self.high_sums.1 - middle * self.high_sums.0).max(0.0)
    }

    /// Halfway to the next value where both halves weigh the same.
    fn median(&self) -> f64 {
        let low = self.low.peek().map_or(0.0, |top| top.0);
        match self.high.peek() {
            Some(next) if (self.low_sums.0 - self.high_sums.0).abs() < 1e-9 * self.low_sums.0 => {
                f64::midpoint(low, -next.0)
            }
            _ => low,
        }
    }
}

/// Ends of the levels, at the price of a level with the best criterion.
fn segmentation(y: &[f64], costs: &Costs) -> Vec<usize> {
    let n = y.len();
    let whole = costs.of(0, n);
    let mut best = (f64::INFINITY, vec![n]);
    if n < 2 * LEAST || whole <= 0.0 {
        return best.1;
    }
    let mut try_price = |exponent: f64| {
        let ends = levels(n, costs, whole * exponent.exp());
        let value = criterion(y, costs, &ends);
        if value < best.0 {
            best = (value, ends);
        }
        value
    };
    golden(&mut try_price, (0.1 / count(n)).ln(), 0.0, 0.1);
    try_price(0.0);
    best.1
}

/// The exact minimum of the price of each level and the distances from all, with levels of two sessions or more.
fn levels(n: usize, costs: &Costs, price: f64) -> Vec<usize> {
    let mut least = vec![f64::INFINITY; n + 1];
    let mut from = vec![0; n + 1];
    least[0] = -price;
    for end in LEAST..=n {
        for start in 0..=end - LEAST {
            let value = least[start] + price + costs.of(start, end);
            if value <= least[end] {
                (least[end], from[end]) = (value, start);
            }
        }
    }
    let mut ends = vec![n];
    while let Some(&end) = ends.last() {
        if from[end] == 0 {
            break;
        }
        ends.push(from[end]);
    }
    ends.reverse();
    ends
}

/// β J + ln(σ₀ + Σ|eⱼ - ρ eⱼ₋₁|), smaller being better: J levels, distances e, β = 4 ln n / n, and the correlation ρ of
/// neighbours that fits best. σ₀ is what noise may be at least: a thousandth, or a tenth of the smallest step.
fn criterion(y: &[f64], costs: &Costs, ends: &[usize]) -> f64 {
    let mut start = 0;
    let mut errors = Vec::with_capacity(y.len());
    let mut values = Vec::with_capacity(ends.len());
    for &end in ends {
        let level = costs.level(start, end);
        errors.extend(y[start..end].iter().map(|y| y - level));
        values.push(level);
        start = end;
    }
    let noise = |rho: f64| errors[0].abs() + errors.windows(2).map(|pair| (pair[1] - rho * pair[0]).abs()).sum::<f64>();
    let mut least = f64::INFINITY;
    golden(
        &mut |rho| {
            let value = noise(rho);
            least = least.min(value);
            value
        },
        -1.0,
        1.0,
        0.05,
    );
    let steps = values.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let floor = if values.len() > 2 { 0.1 * steps.fold(f64::INFINITY, f64::min) } else { 0.001 };
    let n = count(y.len());
    4.0 * n.ln() / n * count(ends.len()) + (floor.max(1e-300) + least).ln()
}

/// Tries arguments between two by golden section until they are nearer than `near` (J. Kiefer, 1953).
fn golden(of: &mut impl FnMut(f64) -> f64, from: f64, to: f64, near: f64) {
    let part = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (from, to);
    let mut inner = (high - part * (high - low), low + part * (high - low));
    let mut values = (of(inner.0), of(inner.1));
    while high - low > near {
        if values.0 < values.1 {
            high = inner.1;
            inner = (high - part * (high - low), inner.0);
            values = (of(inner.0), values.0);
        } else {
            low = inner.0;
            inner = (inner.1, low + part * (high - low));
            values = (values.1, of(inner.1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulation::{Noise, Random};
    use super::*;

    fn sessions(logs: &[f64]) -> Vec<Session> {
        logs.iter().map(|y| Session { median: y.exp(), width: None }).collect()
    }

    /// How many of 100 histories of 100 sessions, with a step at 60, are flagged, and how many with 60 among the suspects.
    fn flagged(step: f64, wander: f64) -> (u32, u32) {
        let (mut found, mut right) = (0, 0);
        for seed in 0..100 {
            let mut random = Random::new(seed);
            let mut level = random.normal();
            let mut y = Noise::Typical.row(100, &mut random);
            for (i, y) in y.iter_mut().enumerate() {
                level = 0.9 * level + (1.0f64 - 0.81).sqrt() * random.normal();
                *y += wander * level + if i >= 60 { step.ln_1p() } else { 0.0 };
            }
            let changes = history(&sessions(&y), 0.02).expect("all positive").changes;
            found += u32::from(!changes.is_empty());
            right += u32::from(changes.iter().any(|change| (change.earliest..=change.latest).contains(&60)));
        }
        (found, right)
    }

    #[test]
    fn calibration_of_histories() {
        let rates =
            [(0.0, 0.0), (0.02, 0.0), (0.05, 0.0), (0.1, 0.0), (0.0, 0.02)].map(|(step, wander)| flagged(step, wander));
        println!("| histories | {} |", rates.map(|(found, _)| found.to_string()).join(" | "));
        assert!(rates[0].0 <= 2);
        assert!(rates[4].0 <= 6, "a level that wanders is no step");
        let (five, right) = rates[2];
        assert!(five >= 93 && right >= 90, "{five} {right}");
        assert!(rates[3].1 >= 97);
    }

    #[test]
    fn names_the_levels_and_where_they_begin() {
        let mut random = Random::new(3);
        let y: Vec<f64> = (0..50u32)
            .map(|i| 0.005 * random.normal() + [0.0, 0.3, 0.1][usize::from(i >= 20) + usize::from(i >= 35)])
            .collect();
        let found = history(&sessions(&y), 0.02).expect("all positive");
        let places: Vec<(usize, usize)> = found.segments.iter().map(|segment| (segment.start, segment.end)).collect();
        assert_eq!(places, [(0, 20), (20, 35), (35, 50)]);
        let changes: Vec<(usize, usize, usize, Verdict)> =
            found.changes.iter().map(|change| (change.at, change.earliest, change.latest, change.verdict)).collect();
        assert_eq!(changes, [(20, 20, 20, Verdict::Slower), (35, 35, 35, Verdict::Faster)]);
        assert!((found.changes[0].ratio / 0.3f64.exp() - 1.0).abs() < 0.01);
        let sd = found.session_sd.expect("enough sessions");
        assert!((0.004..0.007).contains(&sd), "{sd}");
    }

    #[test]
    fn one_odd_session_is_no_change_and_short_histories_have_none() {
        let mut y = vec![0.0, 0.001, -0.001, 0.002, 0.5, 0.0, -0.002, 0.001];
        assert_eq!(history(&sessions(&y), 0.02).expect("positive").changes, []);
        // Of the newest session nothing can be known yet.
        y.truncate(5);
        assert_eq!(history(&sessions(&y), 0.02).expect("positive").changes, []);
        for n in 0..4 {
            let found = history(&sessions(&y[..n]), 0.02).expect("positive");
            assert_eq!((found.changes.len(), found.segments.len(), found.session_sd), (0, n.min(1), None));
        }
        assert_eq!(history(&[Session { median: f64::NAN, width: None }; 9], 0.02), None);
        assert_eq!(history(&[Session { median: 0.0, width: None }; 9], 0.02), None);
        assert_eq!(history(&sessions(&[1.0; 30]), 0.02).expect("positive").segments.len(), 1);
    }

    #[test]
    fn a_long_history_is_looked_at_from_its_end() {
        let y: Vec<f64> =
            (0..1100u32).map(|i| if i >= 1050 { 0.2 } else { f64::from(i * 7919 % 13) / 1000.0 }).collect();
        let found = history(&sessions(&y), 0.02).expect("positive");
        assert_eq!((found.skipped, found.changes.len(), found.changes[0].at), (100, 1, 1050));
        assert_eq!((found.segments[0].start, found.segments[1].end), (100, 1100));
    }

    #[test]
    fn running_costs_are_those_of_the_definition() {
        let mut random = Random::new(5);
        for _ in 0..50 {
            let y: Vec<f64> = (0..12).map(|_| (random.normal() * 3.0).round()).collect();
            let w: Vec<f64> = (0..12).map(|_| if random.chance(0.5) { 1.0 } else { 0.2 + random.uniform() }).collect();
            let mut half = Halves::default();
            for end in 1..=y.len() {
                let cost = half.add(y[end - 1], w[end - 1]);
                let about = |middle: f64| y[..end].iter().zip(&w).map(|(y, w)| w * (y - middle).abs()).sum::<f64>();
                let least = y[..end].iter().map(|middle| about(*middle)).fold(f64::INFINITY, f64::min);
                assert!((cost - least).abs() < 1e-9, "{cost} {least}");
                assert!((about(half.median()) - least).abs() < 1e-9);
            }
        }
    }
}
