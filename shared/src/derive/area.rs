//! Stacked areas as SVG paths.

use std::fmt::Write as _;

/// One path for each layer, stacked in order, in a picture as wide as there are columns and `height` high.
///
/// Columns are steps; `NaN` leaves a gap in its layer. `top` is the value at the upper edge. Paths are empty where a layer
/// has no column.
#[must_use]
pub fn stacked_paths(layers: &[Vec<f64>], top: f64, height: f64) -> Vec<String> {
    let width = layers.iter().map(Vec::len).max().unwrap_or(0);
    let mut base = vec![0.0; width];
    layers
        .iter()
        .map(|layer| {
            let upper: Vec<f64> = layer.iter().zip(&base).map(|(value, base)| base + value).collect();
            let y = |value: f64| height * (1.0 - (value / top).clamp(0.0, 1.0));
            let path = path(&upper, &base, &y);
            for (base, upper) in base.iter_mut().zip(&upper).filter(|(_, upper)| !upper.is_nan()) {
                *base = *upper;
            }
            path
        })
        .collect()
}

fn path(upper: &[f64], base: &[f64], y: &impl Fn(f64) -> f64) -> String {
    let mut out = String::new();
    let mut column = 0;
    while column < upper.len() {
        let run = upper[column..].iter().take_while(|value| !value.is_nan()).count();
        if run > 0 {
            let columns = column..column + run;
            edge(&mut out, 'M', columns.clone().map(|c| (c, c + 1, y(upper[c]))));
            edge(&mut out, 'L', columns.rev().map(|c| (c + 1, c, y(base[c]))));
            out.push('Z');
        }
        column += run.max(1);
    }
    out
}

/// Steps from one place to the next; equal heights are drawn as one.
fn edge(out: &mut String, first: char, steps: impl Iterator<Item = (usize, usize, f64)>) {
    let mut last = String::new();
    let mut end = None;
    for (from, to, y) in steps {
        let y = format!("{y:.1}");
        if end.is_none() {
            // Writing to a string cannot fail.
            write!(out, "{first}{from} {y}").unwrap_or_default();
        } else if y != last {
            write!(out, "H{from}V{y}").unwrap_or_default();
        }
        last = y;
        end = Some(to);
    }
    if let Some(end) = end {
        write!(out, "H{end}").unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layers: &[&[f64]], expect: &[&str]) {
        let layers: Vec<Vec<f64>> = layers.iter().map(|layer| layer.to_vec()).collect();
        assert_eq!(stacked_paths(&layers, 10.0, 10.0), expect);
    }

    #[test]
    fn layers_stand_on_each_other() {
        check(
            &[&[1.0, 1.0, 2.0], &[3.0, 0.0, 3.0]],
            &["M0 9.0H2V8.0H3L3 10.0H0Z", "M0 6.0H1V9.0H2V5.0H3L3 8.0H2V9.0H0Z"],
        );
    }

    #[test]
    fn a_gap_is_not_drawn() {
        let nan = f64::NAN;
        check(&[&[5.0, nan, 5.0], &[nan, 4.0, nan]], &["M0 5.0H1L1 10.0H0ZM2 5.0H3L3 10.0H2Z", "M1 6.0H2L2 10.0H1Z"]);
        check(&[&[nan], &[]], &["", ""]);
    }

    #[test]
    fn values_past_the_top_stay_inside() {
        check(&[&[50.0]], &["M0 0.0H1L1 10.0H0Z"]);
    }
}
