//! Differences with their intervals, and which of them are more than noise.
//!
//! Figures are means over runs, so that those of a parent are the sum of its children's. Their interval is Student's, by
//! pairs or Welch's (B. L. Welch 1947, Biometrika 34:28-35), with at least the variance that counting samples has
//! (binomial). Which of many differences are real is decided by Benjamini and Hochberg's rule, and intervals are those
//! that fit it (Benjamini and Yekutieli 2005, JASA 100:71-81): a frame is called different exactly where its interval
//! leaves out the margin.

use super::runs::Plan;
use super::sums::{Figures, Sums};
use super::{Change, Effect, Options, Scale};
use crate::order::Order;
use crate::stats::quantile;

/// Figures of fewer samples on both sides are not judged.
const LEAST_SAMPLES: u64 = 10;
/// Logarithm of how likely samples on one side alone may be by chance before that side is said to be the only one: so small
/// that none of a hundred thousand frames is called so by chance.
const COINCIDENCE: f64 = -14.0;
/// Nor those of a smaller part of everything.
const LEAST_SHARE: f64 = 0.001;

/// What all figures have in common.
#[derive(Debug)]
pub(super) struct Setting {
    scale: Scale,
    margin: f64,
    confidence: f64,
    pub(super) session_noise: f64,
    sides: [Whole; 2],
}

/// One side as a whole.
#[derive(Clone, Copy, Debug, Default)]
struct Whole {
    weight: f64,
    count: f64,
    runs: f64,
    units: f64,
    /// Sessions whose differences the values do not show.
    hidden_sessions: Option<f64>,
}

impl Setting {
    pub(super) fn new(plan: &Plan, sums: &[Sums; 2], options: &Options) -> Self {
        let proportional = options.scale == Scale::Proportional;
        let sides = [0, 1].map(|side| Whole {
            weight: sums[side].whole(),
            count: float(sums[side].whole_count()),
            runs: plan.runs_of(side),
            units: float(plan.units(side) as u64),
            hidden_sessions: plan.hidden_sessions(side).map(|sessions| float(sessions as u64)),
        });
        let hidden = sides.iter().any(|side| side.hidden_sessions.is_some());
        Self {
            scale: options.scale,
            margin: options.margin,
            confidence: options.confidence,
            session_noise: if hidden && !proportional { options.session_noise } else { 0.0 },
            sides,
        }
    }

    /// One run on each side: how runs differ is not known.
    pub(super) fn noise_unknown(&self) -> bool {
        self.sides.iter().all(|side| side.units < 2.0)
    }

    /// What a sum over so many runs, of all of this weight, is divided by.
    pub(super) fn divisor(&self, runs: f64, whole: f64) -> f64 {
        match self.scale {
            Scale::Absolute => runs,
            Scale::Proportional => whole,
        }
    }
}

/// How the values of figures vary, kept as running sums (B. P. Welford 1962, Technometrics 4:419-420).
#[derive(Debug)]
pub(super) struct Ledger {
    /// Of base and new, or of the differences of pairs.
    spreads: [Vec<Spread>; 2],
    paired: bool,
    /// Values of base whose partner is still to come.
    waiting: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.n += 1.0;
        let off = value - self.mean;
        self.mean += off / self.n;
        self.squares += off * (value - self.mean);
    }

    /// By how many values the sum is made, as the inverse Simpson index: 1 where one holds all of it.
    fn holders(self) -> f64 {
        let squares = self.mean * self.mean + self.squares / self.n;
        if squares > 0.0 { self.n * self.mean * self.mean / squares } else { 0.0 }
    }

    /// Of the values; `None` of fewer than two.
    fn variance(self) -> Option<f64> {
        (self.n > 1.5).then(|| self.squares / (self.n - 1.0))
    }
}

/// A difference before it is judged.
#[derive(Clone, Copy, Debug, Default)]
struct Estimate {
    base: f64,
    new: f64,
    /// Standard error of the difference, and its degrees of freedom.
    error: f64,
    freedom: f64,
    samples: [u64; 2],
    /// Every sample is on this side, of several runs, and they are too many for a coincidence.
    only_on: Option<usize>,
    judged: bool,
}

impl Ledger {
    pub(super) fn new(rows: usize, paired: bool) -> Self {
        let (first, second) = if paired { (rows, 0) } else { (rows, rows) };
        Self { spreads: [first, second].map(|rows| vec![Spread::default(); rows]), paired, waiting: Vec::new() }
    }

    /// Adds the values of one unit. Of pairs, base comes before new.
    pub(super) fn add(&mut self, side: usize, sums: &[f64], divisor: f64) {
        let value = |sum: f64| if divisor > 0.0 { sum / divisor } else { 0.0 };
        if !self.paired {
            for (spread, &sum) in self.spreads[side].iter_mut().zip(sums) {
                spread.add(value(sum));
            }
        } else if side == 0 {
            self.waiting = sums.iter().map(|&sum| value(sum)).collect();
        } else {
            for ((spread, &sum), &base) in self.spreads[0].iter_mut().zip(sums).zip(&self.waiting) {
                spread.add(value(sum) - base);
            }
        }
    }

    /// What became of each figure, and the confidence of the intervals. The first `alone` rows are questions of their own,
    /// not some among many.
    pub(super) fn changes(&self, figures: [&Figures; 2], alone: usize, setting: &Setting) -> (Vec<Change>, f64) {
        let rows = figures[0].weight.len();
        let estimates: Vec<Estimate> = (0..rows).map(|row| self.estimate(row, figures, setting)).collect();
        let (first, rest) = estimates.split_at(alone);
        let confidence = confidence(rest, setting);
        let mut changes: Vec<Change> =
            first.iter().map(|estimate| estimate.change(setting.confidence, setting)).collect();
        changes.extend(rest.iter().map(|estimate| estimate.change(confidence, setting)));
        (changes, confidence)
    }

    fn estimate(&self, row: usize, figures: [&Figures; 2], setting: &Setting) -> Estimate {
        let mean = |side: usize| {
            let divisor = setting.divisor(setting.sides[side].runs, setting.sides[side].weight);
            figures[side].weight[row] / divisor
        };
        let (base, new) = (mean(0), mean(1));
        let counting = [0, 1].map(|side| counting(figures[side], row, &setting.sides[side], setting.scale));
        let (mut variance, freedom) = if self.paired {
            let spread = self.spreads[0][row];
            let between = spread.variance().map_or(0.0, |variance| variance / spread.n);
            (between.max(counting[0] + counting[1]), spread.n - 1.0)
        } else {
            welch([self.spreads[0][row], self.spreads[1][row]], counting)
        };
        for (side, mean) in [base, new].into_iter().enumerate() {
            if let Some(sessions) = setting.sides[side].hidden_sessions {
                variance += (setting.session_noise * mean).powi(2) / sessions;
            }
        }
        let samples = [0, 1].map(|side| figures[side].count[row]);
        let share = |side: usize| figures[side].weight[row] / setting.sides[side].weight;
        let judged = samples[0] + samples[1] >= LEAST_SAMPLES && share(0).max(share(1)) >= LEAST_SHARE;
        let only_on = self.only_on(row, samples, setting);
        Estimate { base, new, error: variance.sqrt(), freedom, samples, only_on, judged }
    }

    /// The side that has all samples of a row, where chance would hardly give them to it: were both alike, each would fall
    /// on it with its part of all samples. That something is there needs no interval of how much.
    fn only_on(&self, row: usize, samples: [u64; 2], setting: &Setting) -> Option<usize> {
        let side = samples.iter().position(|&count| count == 0).map(|empty| 1 - empty)?;
        let [own, other] = [side, 1 - side].map(|side| setting.sides[side].count);
        let spread = self.spreads[if self.paired { 0 } else { side }][row];
        let chance = float(samples[side]) * (own / (own + other)).ln();
        (spread.holders() >= 2.0 && chance < COINCIDENCE).then_some(side)
    }
}

/// Variance of a mean that comes from counting samples alone: that of a binomial count, which is a little more than that
/// of a sampler with a steady period.
fn counting(figures: &Figures, row: usize, whole: &Whole, scale: Scale) -> f64 {
    let divisor = if scale == Scale::Absolute { whole.runs } else { whole.weight };
    let sample = whole.weight / whole.count;
    let squares = if figures.count[row] == 0 { sample * sample } else { figures.squares[row] };
    let others = (1.0 - figures.weight[row] / whole.weight).max(0.0);
    squares * others / (divisor * divisor)
}

/// Variance and degrees of freedom of a difference of two means. A side with a single value is taken to vary as the other.
fn welch(sides: [Spread; 2], counting: [f64; 2]) -> (f64, f64) {
    let variances = sides.map(Spread::variance);
    if variances == [None, None] {
        return (counting[0] + counting[1], f64::INFINITY);
    }
    let mut parts = [(0.0, 0.0); 2];
    for (side, part) in parts.iter_mut().enumerate() {
        let (variance, n) = match (variances[side], variances[1 - side]) {
            (Some(variance), _) => (variance, sides[side].n),
            (None, other) => (other.unwrap_or_default(), sides[1 - side].n),
        };
        let of_mean = (variance / sides[side].n.max(1.0)).max(counting[side]);
        *part = (of_mean, of_mean * of_mean / (n - 1.0));
    }
    let variance = parts[0].0 + parts[1].0;
    let freedom = if variance > 0.0 { variance * variance / (parts[0].1 + parts[1].1) } else { f64::INFINITY };
    (variance, freedom)
}

impl Estimate {
    /// How far the difference is beyond the margin, as a quantile of the normal distribution.
    fn score(&self, setting: &Setting) -> f64 {
        let beyond = (self.new - self.base).abs() - setting.margin * self.base;
        if beyond <= 0.0 {
            return 0.0;
        }
        if self.error <= 0.0 { f64::INFINITY } else { normal_of_student(beyond / self.error, self.freedom) }
    }

    fn change(&self, confidence: f64, setting: &Setting) -> Change {
        let half = self.error * student_of_normal(-quantile((1.0 - confidence) / 2.0), self.freedom);
        let difference = self.new - self.base;
        let (low, high) = (difference - half, difference + half);
        let margin = setting.margin * self.base;
        let effect = match () {
            () if !self.judged => Effect::Same,
            () if self.only_on == Some(1) || low > margin && self.samples[0] == 0 => Effect::New,
            () if self.only_on == Some(0) || high < -margin && self.samples[1] == 0 => Effect::Gone,
            () if low > margin && setting.noise_unknown() => Effect::Unknown,
            () if high < -margin && setting.noise_unknown() => Effect::Unknown,
            () if low > margin => Effect::Worse,
            () if high < -margin => Effect::Better,
            () => Effect::Same,
        };
        Change { base: self.base, new: self.new, low, high, effect }
    }
}

/// Confidence at which intervals leave out the margin for exactly those that Benjamini and Hochberg's rule calls different.
fn confidence(estimates: &[Estimate], setting: &Setting) -> f64 {
    let q = 1.0 - setting.confidence;
    let mut scores: Vec<f64> = estimates.iter().filter(|e| e.judged).map(|estimate| estimate.score(setting)).collect();
    scores.order_by(|a, b| b.total_cmp(a));
    let tests = float(scores.len() as u64).max(1.0);
    let needed = |found: usize| -quantile(q * float(found as u64) / tests / 2.0);
    let found = (1..=scores.len()).rev().find(|&found| scores[found - 1] >= needed(found)).unwrap_or(1);
    1.0 - q * float(found as u64) / tests
}

/// The normal quantile as likely as a quantile of Student's distribution (D. L. Wallace 1959, Annals of Mathematical
/// Statistics 30:1121-1130; within 0.6 % from four degrees of freedom on, and never too small below).
fn normal_of_student(t: f64, freedom: f64) -> f64 {
    if freedom.is_infinite() {
        return t;
    }
    let v = freedom.max(1.0);
    (8.0 * v + 1.0) / (8.0 * v + 3.0) * (v * (1.0 + t * t / v).ln()).sqrt()
}

/// The other way round.
fn student_of_normal(z: f64, freedom: f64) -> f64 {
    if freedom.is_infinite() {
        return z;
    }
    let v = freedom.max(1.0);
    let scaled = z * (8.0 * v + 3.0) / (8.0 * v + 1.0);
    (v * ((scaled * scaled / v).exp() - 1.0)).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "no count reaches 2^53")]
fn float(n: u64) -> f64 {
    n as f64
}
