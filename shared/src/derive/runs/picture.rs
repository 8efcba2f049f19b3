//! Places on a scale: dots that do not hide each other, densities, and values in their order.

use super::{Kind, RunPoint, float};
use crate::derive::axis::{Tick, range_ticks};
use crate::model::Unit;
use crate::order::Order;
use crate::stats::Summary;
use std::fmt::Write as _;

/// Width and height of a row of dots in the coordinates of its path.
pub const SWARM: (f64, f64) = (1000.0, 48.0);
/// Dots that are nearer than this on the scale lie above each other.
const NEAR: f64 = 6.0;
/// Columns of a density.
const COLUMNS: usize = 160;
/// Quarters' distances beyond the upper quarter up to which a scale goes on its own account.
const FAR: f64 = 8.0;

/// A part of a value axis that holds all but values far out.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<Tick<f64>>,
}

/// Dots as one path each: what counts, what failed, and what does not count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dots {
    pub counted: String,
    pub failed: String,
    pub left: String,
}

impl Scale {
    /// A scale for these samples, with about `wanted` marks. Single values that would leave a tenth of it to all others are
    /// beyond its end.
    #[must_use]
    pub fn new<'a>(samples: impl Iterator<Item = (&'a Summary, &'a [f64])>, unit: Unit, wanted: u32) -> Self {
        let (mut low, mut high, mut most) = (f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
        for (sample, values) in samples {
            let quarters = sample.q3 - sample.q1;
            let usual = if quarters > 0.0 { sample.q3 + FAR * quarters } else { sample.max };
            low = low.min(sample.min);
            high = values.iter().copied().filter(|&value| value <= usual).fold(high, f64::max);
            most = most.max(sample.max);
        }
        if most - low < 3.0 * (high - low) {
            high = most;
        }
        Self::between(low, high, unit, wanted)
    }

    /// A scale that holds both values, with a little more at its ends.
    #[must_use]
    pub fn between(low: f64, high: f64, unit: Unit, wanted: u32) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let edge = match high - low {
            span if span > 0.0 => span * 0.03,
            _ if high != 0.0 => high.abs() * 0.05,
            _ => 1.0,
        };
        // Nothing measured here is below zero, so that the axis does not go there on its own.
        let begin = if low >= 0.0 { (low - edge).max(0.0) } else { low - edge };
        let ticks = range_ticks((begin, high + edge), unit, wanted);
        Self { low: begin, high: high + edge, ticks }
    }

    /// Where a value lies, 0 to 1; values beyond are at the ends.
    #[must_use]
    pub fn part(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// How many values lie beyond the upper end.
    #[must_use]
    pub fn beyond(&self, values: &[f64]) -> u64 {
        values.iter().filter(|&&value| value > self.high).count() as u64
    }
}

/// Every value as a dot, those near each other above and below the middle (a beeswarm); the path's dots are lines of no
/// length with round ends.
#[must_use]
pub fn swarm(values: &[f64], scale: &Scale) -> String {
    let mut places: Vec<f64> = values.iter().map(|&value| scale.part(value) * SWARM.0).collect();
    places.order_by(f64::total_cmp);
    let mut path = String::new();
    let mut rest = places.as_slice();
    while let Some(&first) = rest.first() {
        let (near, others) = rest.split_at(rest.partition_point(|&place| place < first + NEAR));
        let step = (SWARM.1 - NEAR).min(NEAR * (float(near.len()) - 1.0)) / (float(near.len()) - 1.0).max(1.0);
        for (index, &x) in near.iter().enumerate() {
            // 0, 1, -1, 2, -2 … steps from the middle.
            let steps = float(index.div_ceil(2)) * if index % 2 == 1 { 1.0 } else { -1.0 };
            dot(&mut path, x, SWARM.1 / 2.0 + steps * step);
        }
        rest = others;
    }
    path
}

/// How many values lie where: columns of one width, the fullest of them 1.
#[must_use]
pub fn density(values: &[f64], scale: &Scale) -> Vec<f64> {
    let mut columns = vec![0.0; COLUMNS];
    for &value in values {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of the columns")]
        let column = (scale.part(value) * float(COLUMNS)) as usize;
        columns[column.min(COLUMNS - 1)] += 1.0;
    }
    let most = columns.iter().copied().fold(1.0, f64::max);
    columns.iter().map(|count| count / most).collect()
}

/// Every run from left to right in the order in which all runs were made, in a picture of `size`. Dots that fall on one
/// place are drawn once.
#[must_use]
pub fn in_order(points: &[RunPoint], last: u32, scale: &Scale, size: (f64, f64)) -> Dots {
    let mut dots = Dots::default();
    let mut before = None;
    for point in points {
        let x = (f64::from(point.order) + 0.5) / (f64::from(last) + 1.0) * size.0;
        let y = (1.0 - scale.part(point.value)) * size.1;
        let place = (x.round().to_bits(), y.round().to_bits(), point.kind);
        if before == Some(place) {
            continue;
        }
        before = Some(place);
        let path = match point.kind {
            Kind::Counted => &mut dots.counted,
            Kind::Failed => &mut dots.failed,
            Kind::Left => &mut dots.left,
        };
        dot(path, x, y);
    }
    dots
}

pub(super) fn dot(path: &mut String, x: f64, y: f64) {
    // Writing to a string cannot fail.
    write!(path, "M{x:.1} {y:.1}h0").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::summary;

    fn scale(samples: &[&[f64]]) -> Scale {
        let summaries: Vec<(Summary, &[f64])> =
            samples.iter().filter_map(|values| Some((summary(values, 0.95)?, *values))).collect();
        Scale::new(summaries.iter().map(|(summary, values)| (summary, *values)), Unit::Nanoseconds, 5)
    }

    fn dots(path: &str) -> Vec<(f64, f64)> {
        let dot = |text: &str| {
            let (x, y) = text.split_once(' ').unwrap();
            (x.parse().unwrap(), y.strip_suffix("h0").unwrap().parse().unwrap())
        };
        path.split('M').skip(1).map(dot).collect()
    }

    #[test]
    fn a_scale_holds_every_sample() {
        let both = scale(&[&[10e6, 12e6, 11e6], &[40e6, 41e6]]);
        assert!(both.low < 10e6 && both.high > 41e6, "{both:?}");
        assert!(both.ticks.iter().all(|tick| both.low <= tick.at && tick.at <= both.high));
        assert_eq!(both.beyond(&[10e6, 41e6]), 0);
    }

    #[test]
    fn one_value_far_out_does_not_hide_the_others() {
        let mut values: Vec<f64> = (0..50).map(|n| 1e6 + f64::from(n) * 1e3).collect();
        values.push(1e9);
        let found = scale(&[&values]);
        assert!(found.high < 2e6, "{found:?}");
        assert_eq!(found.beyond(&values), 1);
        assert!((found.part(1e9) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn equal_values_and_none_have_a_scale_too() {
        for values in [vec![5e6; 3], vec![0.0], vec![]] {
            let found = scale(&[&values]);
            assert!(found.high > found.low && found.low >= 0.0, "{values:?} {found:?}");
            assert!(values.iter().all(|&value| (0.0..=1.0).contains(&found.part(value))));
        }
    }

    #[test]
    fn a_swarm_keeps_every_run_inside_its_row() {
        for values in [vec![1.0; 150], (1..=150).map(f64::from).collect::<Vec<f64>>(), vec![3.0], vec![1.0, 1.0]] {
            let found = dots(&swarm(&values, &scale(&[&values])));
            assert_eq!(found.len(), values.len());
            assert!(
                found.iter().all(|&(x, y)| (0.0..=SWARM.0).contains(&x) && (0.0..=SWARM.1).contains(&y)),
                "{found:?}"
            );
            let mut places: Vec<String> = found.iter().map(|place| format!("{place:?}")).collect();
            places.sort_unstable();
            places.dedup();
            assert!(places.len() * 2 > found.len(), "{} of {}", places.len(), found.len());
        }
    }

    #[test]
    fn a_density_counts_every_value_once() {
        let values: Vec<f64> = (0..1000).map(|n| f64::from(n % 10)).collect();
        let found = density(&values, &scale(&[&values]));
        assert_eq!(found.iter().filter(|&&share| share > 0.0).count(), 10);
        assert!(found.iter().all(|&share| share == 0.0 || (share - 1.0).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn runs_keep_their_order_and_kind() {
        let point = |order, value, kind| RunPoint { order, value, kind };
        let points = [point(0, 9.0, Kind::Left), point(1, 5.0, Kind::Counted), point(3, 7.0, Kind::Failed)];
        let found = in_order(&points, 3, &scale(&[&[5.0, 7.0, 9.0]]), (1000.0, 100.0));
        let [left, counted, failed] = [&found.left, &found.counted, &found.failed].map(|path| dots(path));
        assert_eq!([left.len(), counted.len(), failed.len()], [1, 1, 1]);
        assert!(left[0].0 < counted[0].0 && counted[0].0 < failed[0].0);
        assert!(left[0].1 < failed[0].1 && failed[0].1 < counted[0].1, "larger values are above");
    }
}
