//! The sessions of one series as a picture: a dot with its interval each, levels as steps, and marks where they change.

use super::float;
use super::picture::{Scale, dot};
use crate::trend::Series;
use std::fmt::Write as _;

/// A picture of a series in coordinates of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    pub scale: Scale,
    /// One dot a session.
    pub dots: String,
    /// Intervals of the sessions, as lines upright.
    pub intervals: String,
    /// Levels.
    pub levels: String,
    /// Where a level ends, as a part of the width, and whether the new one is worse.
    pub changes: Vec<(f64, bool)>,
}

/// Sessions from left to right at equal distances, oldest first, in a picture of `size`.
#[must_use]
pub fn history(series: &Series, size: (f64, f64)) -> History {
    let ends = series.points.iter().flat_map(|point| [Some(point.value), point.low, point.high]);
    let ends: Vec<f64> = ends.flatten().filter(|value| value.is_finite()).collect();
    let (low, high) =
        ends.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (f64::min(low, v), f64::max(high, v)));
    let scale = Scale::between(low, high, series.unit, 4);
    let count = float(series.points.len().max(1));
    let x = |index: f64| index / count * size.0;
    let y = |value: f64| (1.0 - scale.part(value)) * size.1;
    let (mut dots, mut intervals, mut levels) = (String::new(), String::new(), String::new());
    // Writing to a string cannot fail.
    for (index, point) in series.points.iter().enumerate() {
        let middle = x(float(index) + 0.5);
        dot(&mut dots, middle, y(point.value));
        if let Some((low, high)) = point.low.zip(point.high) {
            write!(intervals, "M{middle:.1} {:.1}V{:.1}", y(low), y(high)).unwrap_or_default();
        }
    }
    for level in &series.segments {
        let (from, to) = (x(float(level.first)), x(float(level.last + 1)));
        write!(levels, "M{from:.1} {:.1}H{to:.1}", y(level.value)).unwrap_or_default();
    }
    let changes = series.changes.iter().map(|change| (float(change.at) / count, change.worse)).collect();
    History { scale, dots, intervals, levels, changes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Unit;
    use crate::trend::{Change, Point, Segment};

    #[test]
    fn sessions_levels_and_changes_lie_where_they_belong() {
        let point = |value: f64| Point { value, low: Some(value - 1.0), high: Some(value + 1.0), ..Point::default() };
        let series = Series {
            unit: Unit::Count,
            points: [10.0, 11.0, 20.0, 21.0].map(point).to_vec(),
            segments: vec![Segment { first: 0, last: 1, value: 10.5 }, Segment { first: 2, last: 3, value: 20.5 }],
            changes: vec![Change { at: 2, worse: true, ..Change::default() }],
            ..Series::default()
        };
        let found = history(&series, (400.0, 100.0));
        assert!(found.scale.low < 9.0 && found.scale.high > 22.0, "{found:?}");
        assert_eq!(found.changes, [(0.5, true)]);
        let xs: Vec<&str> = found.dots.split('M').skip(1).filter_map(|dot| dot.split(' ').next()).collect();
        assert_eq!(xs, ["50.0", "150.0", "250.0", "350.0"]);
        assert_eq!(found.intervals.matches('V').count(), 4);
        assert!(found.levels.starts_with("M0.0 ") && found.levels.ends_with("H400.0"), "{}", found.levels);
    }

    #[test]
    fn no_session_and_equal_ones_have_a_picture() {
        let empty = history(&Series::default(), (400.0, 100.0));
        assert!(empty.dots.is_empty() && empty.scale.high > empty.scale.low);
        let points = vec![Point { value: 5.0, ..Point::default() }; 3];
        let equal = history(&Series { points, ..Series::default() }, (400.0, 100.0));
        assert!(equal.intervals.is_empty());
        assert_eq!(equal.dots.matches("50.0h0").count(), 3, "{}", equal.dots);
    }
}
