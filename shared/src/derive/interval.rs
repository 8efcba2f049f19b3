//! How sure a share of samples is.

use crate::model::Profile;

/// 97.5 % quantile of the normal distribution: half-widths are those of 95 % intervals.
const Z: f64 = 1.959_964;

/// Half the width, in points of percent, of the 95 % interval of a share that was seen in `samples` samples.
///
/// The farther end of Wilson's score interval (E. B. Wilson 1927, JASA 22:209-212; recommended by Brown, Cai and
/// `DasGupta` 2001, Statistical Science 16:101-133), so that a share of 0 or 1 is not taken for certain. It holds for samples that
/// are independent of what the program does: not for work in step with the sampling clock. NaN without samples.
#[must_use]
pub fn plus_minus_points(share: f64, samples: f64) -> f64 {
    if samples <= 0.0 || !share.is_finite() {
        return f64::NAN;
    }
    let p = share.clamp(0.0, 1.0);
    let z2 = Z * Z;
    let center = (p + z2 / (2.0 * samples)) / (1.0 + z2 / samples);
    let half = Z / (1.0 + z2 / samples) * (p * (1.0 - p) / samples + z2 / (4.0 * samples * samples)).sqrt();
    100.0 * f64::max(p - (center - half), center + half - p)
}

/// How many samples of equal weight say as much as those of the profile: (Σw)² / Σw² (Kish 1965, Survey Sampling, 11.7).
#[must_use]
pub fn effective_samples(profile: &Profile) -> f64 {
    let samples = &profile.samples;
    let (mut sum, mut squares) = (0.0, 0.0);
    for (weight, &count) in samples.weight.iter().zip(&samples.count) {
        let weight = weight.as_f64();
        sum += weight;
        // A row of several samples is that many of equal weight.
        squares += weight * weight / f64::from(count.max(1));
    }
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn intervals_are_those_of_the_books() {
        let check = |share: f64, samples: f64, expect: &str| {
            assert_eq!(format!("{:.2}", plus_minus_points(share, samples)), expect, "{share} of {samples}");
        };
        // Near the middle it is the normal approximation, 100 * 1.96 * sqrt(p (1 - p) / n).
        check(0.5, 1000.0, "3.09");
        check(0.8, 4812.0, "1.15");
        // 0 of 10: Wilson's upper end is 27.75 %.
        check(0.0, 10.0, "27.75");
        check(1.0, 10.0, "27.75");
        check(0.5, 0.0, "NaN");
    }

    #[test]
    fn equal_weights_count_in_full() {
        assert!((effective_samples(&testing::profile("A B C A")) - 4.0).abs() < 1e-9);
        assert!(effective_samples(&testing::profile("")).abs() < 1e-9);
    }
}
