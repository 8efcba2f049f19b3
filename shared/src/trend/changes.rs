//! One series to its levels and the changes between them.

use super::{Change, FEWEST, Point, Segment, Series};
use crate::format::metric::{change, name as metric_name};
use crate::format::{measured, plural};
use crate::model::Better;
use crate::stats::{self, Rules};

/// Finds levels and changes and says what they are.
pub(super) fn find(series: &mut Series, rules: &Rules) {
    if series.points.len() < FEWEST {
        let missing = (FEWEST - series.points.len()) as u64;
        series.summary = format!(
            "{} in this environment; a change can be told from {FEWEST} on, so {}",
            plural(series.points.len() as u64, "session"),
            if missing == 1 { "1 more is needed".to_owned() } else { format!("{missing} more are needed") }
        );
        return;
    }
    if series.points.iter().any(|point| point.value <= 0.0) {
        series.summary = "some sessions have a value of 0 or less, so that changes are no ratios: not judged".into();
        return;
    }
    let sessions: Vec<stats::Session> = series.points.iter().map(session_of).collect();
    let Some(history) = stats::history(&sessions, rules.margin) else {
        series.summary = "some sessions have a value that is no number: not judged".into();
        return;
    };
    let segment = |one: &stats::Segment| Segment { first: one.start, last: one.end - 1, value: one.level };
    series.segments = history.segments.iter().map(segment).collect();
    series.changes = history.changes.iter().map(|change| suspect(series, &history, change, rules)).collect();
    series.summary = summary(series);
    if history.skipped > 0 {
        let skipped = format!("; the first {} were not looked at", history.skipped);
        series.summary.push_str(&skipped);
    }
}

fn session_of(point: &Point) -> stats::Session {
    let width = point.low.zip(point.high).map(|(low, high)| (high - low) / point.value);
    stats::Session { median: point.value, width }
}

fn values(points: &[Point]) -> Vec<f64> {
    points.iter().map(|point| point.value).collect()
}

fn suspect(series: &Series, history: &stats::History, found: &stats::Change, rules: &Rules) -> Change {
    let points = &series.points;
    let index = history.segments.iter().position(|level| level.start == found.at).unwrap_or_default();
    let (old, new) = (&history.segments[index.saturating_sub(1)], &history.segments[index]);
    let outcome = stats::sessions(&values(&points[old.start..old.end]), &values(&points[new.start..new.end]), rules);
    let bounds = outcome.ratio.filter(|ratio| ratio.low > 0.0 && ratio.high.is_finite());
    // Sessions that surely are on either side of the change.
    let (last, first) = (&points[found.earliest.saturating_sub(1)], &points[found.latest]);
    let mut change = Change {
        at: found.at,
        earliest: found.earliest,
        latest: found.latest,
        before: old.level,
        after: new.level,
        ratio: found.ratio,
        low: bounds.map(|ratio| ratio.low.min(found.ratio)),
        high: bounds.map(|ratio| ratio.high.max(found.ratio)),
        worse: (found.ratio > 1.0) == (series.better == Better::Lower),
        commit_before: last.commit.clone(),
        commit_after: first.commit.clone(),
        dirty: last.dirty == Some(true) || first.dirty == Some(true),
        ..Change::default()
    };
    change.summary = sentence(series, &change, last, first);
    change
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Unit;

    fn judged(values: &[f64], better: Better) -> Series {
        let points = values.iter().enumerate().map(|(index, &value)| Point {
            source: format!("{index}"),
            commit: Some(format!("c0ffee{index:034}")),
            value,
            n: 1,
            ..Point::default()
        });
        let mut series = Series {
            metric: "wall_ns".into(),
            unit: Unit::Nanoseconds,
            better,
            points: points.collect(),
            ..Series::default()
        };
        find(&mut series, &Rules::default());
        series
    }

    #[test]
    fn a_step_is_suspected_with_the_sessions_around_it() {
        let low = [1.00e9, 1.01e9, 0.99e9, 1.00e9, 1.02e9, 1.00e9];
        let high = [1.30e9, 1.31e9, 1.29e9, 1.30e9, 1.32e9, 1.30e9];
        let series = judged(&[low, high].concat(), Better::Lower);
        assert_eq!(series.changes.len(), 1, "{series:?}");
        let change = &series.changes[0];
        assert_eq!((change.at, change.earliest, change.latest, change.worse), (6, 6, 6, true));
        let (low_bound, high_bound) = (change.low.unwrap(), change.high.unwrap());
        assert!((1.25..=1.3).contains(&low_bound) && (1.3..1.35).contains(&high_bound), "{change:?}");
        assert!(change.summary.starts_with("wall time +30 % ("), "{}", change.summary);
        assert!(
            change.summary.contains("between 5 (commit c0ffee0000) and 6 (commit c0ffee0000)"),
            "{}",
            change.summary
        );
        assert_eq!(series.segments.len(), 2);
        assert!(!judged(&[low, high].concat(), Better::Higher).changes[0].worse, "more of what should be more");
    }

    #[test]
    fn noise_and_short_histories_are_no_suspects() {
        let steady = judged(&[1.0e9, 1.01e9, 0.99e9, 1.0e9, 1.012e9, 0.995e9, 1.003e9], Better::Lower);
        assert!(steady.changes.is_empty() && steady.summary.contains("no change is suspected"), "{}", steady.summary);
        let short = judged(&[1.0e9, 2.0e9], Better::Lower);
        assert_eq!(
            short.summary,
            "2 sessions in this environment; a change can be told from 4 on, so 2 more are needed"
        );
        let zero = judged(&[0.0, 0.0, 1.0, 1.0], Better::Lower);
        assert!(zero.changes.is_empty() && zero.summary.contains("not judged"), "{}", zero.summary);
    }

    #[test]
    fn one_outlier_is_no_change() {
        let outlier = judged(&[1.0e9, 1.01e9, 0.99e9, 1.0e9, 3.0e9, 0.995e9, 1.003e9, 1.0e9], Better::Lower);
        assert!(outlier.changes.is_empty(), "{:?}", outlier.changes);
    }
}
