//! Curves as text and as csv.

use super::{Ask, Curves, Point, PolicyCurve};
use crate::terminal::{Column, table};
use perfcollect_shared::cachesim::Policy;
use perfcollect_shared::format::{bytes, count};
use perfcollect_shared::units::Bytes;
use std::fmt::Write as _;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What a person reads.
#[must_use]
pub fn text(curves: &Curves, ask: &Ask) -> String {
    let mut text =
        format!("{}\n{} requests, {} distinct keys", curves.what, count(curves.requests), count(curves.distinct));
    if let Some(total) = curves.bytes {
        write!(text, ", {} asked for", bytes(Bytes(total))).ok();
    }
    text.push_str("\n\n");
    let size = |size: u64| if ask.bytes { bytes_exactly(size) } else { count(size) };
    let labels: Vec<&str> = curves.curves.iter().map(|curve| label(curve)).collect();
    let mut columns = vec![Column::right("size")];
    columns.extend(labels.iter().map(|label| Column::right(label)));
    let sizes = curves.curves.first().map_or(&[][..], |curve| &curve.points);
    let rows: Vec<Vec<String>> = (0..sizes.len())
        .map(|row| {
            let points = curves.curves.iter().map(|curve| &curve.points[row]);
            std::iter::once(size(sizes[row].size)).chain(points.map(cell)).collect()
        })
        .collect();
    text.push_str("miss ratio in percent\n");
    text.push_str(&table(&columns, &rows));
    text.push_str("\nhit rate, low to high, from the smallest size to the largest\n");
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    for (curve, label) in curves.curves.iter().zip(&labels) {
        let picture: String = curve.points.iter().map(|point| bar(1.0 - point.miss_ratio)).collect();
        let hit = |point: Option<&Point>| point.map_or_else(String::new, |point| percent(1.0 - point.miss_ratio));
        let (first, last) = (hit(curve.points.first()), hit(curve.points.last()));
        writeln!(text, "{label:width$}  {picture}  {first} to {last} %").ok();
    }
    if let Some(knee) = curves.knee {
        let at = curves.curves.iter().find(|curve| curve.policy == Policy::Lru.id());
        let point = at.and_then(|curve| curve.points.iter().find(|point| point.size == knee));
        let hits = point.map_or_else(String::new, |point| format!(", with {} % hits", percent(1.0 - point.miss_ratio)));
        writeln!(text, "\nthe knee of LRU is at {} entries{hits}: more room brings less and less", count(knee)).ok();
    }
    text
}

fn label(curve: &PolicyCurve) -> &'static str {
    Policy::from_id(curve.policy).map_or(curve.policy, Policy::label)
}

fn percent(part: f64) -> String {
    format!("{:.2}", part * 100.0)
}

fn cell(point: &Point) -> String {
    let half = match (point.low, point.high) {
        (Some(low), Some(high)) if high > low => format!(" ± {}", percent((high - low) / 2.0)),
        _ => String::new(),
    };
    percent(point.miss_ratio) + &half
}

fn bar(part: f64) -> char {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8")]
    let level = (part.clamp(0.0, 1.0) * 8.0) as usize;
    BARS[level.min(7)]
}

/// A number of bytes that reads as it was typed: `128 MiB`, else all its digits.
fn bytes_exactly(size: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.iter().find(|(_, shift)| size > 0 && size.is_multiple_of(1 << shift));
    unit.map_or_else(|| bytes(Bytes(size)), |(name, shift)| format!("{} {name}", count(size >> shift)))
}

/// A line a point.
#[must_use]
pub fn csv(curves: &Curves) -> String {
    let mut text = "policy,size,hits,misses,miss_ratio,byte_miss_ratio,low,high\n".to_owned();
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    for curve in &curves.curves {
        for point in &curve.points {
            let Point { size, hits, misses, miss_ratio, .. } = point;
            let [bytes, low, high] = [point.byte_miss_ratio, point.low, point.high].map(number);
            writeln!(text, "{},{size},{hits},{misses},{miss_ratio},{bytes},{low},{high}", curve.policy).ok();
        }
    }
    text
}
