//! Measurements with known truth, for tests: noise as it is on real machines, from fixed seeds.

/// Random numbers: S. Vigna's `SplitMix64`.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds themselves would give one stream, shifted.
        Self(Self(seed).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0 and below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().ln()
    }
}

/// The nine kinds of noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Noise {
    /// Normal logarithms, 1 %, and 2 % of outliers of 10 % on average.
    Quiet,
    /// 2 %, and 5 % of outliers of 20 %.
    Typical,
    /// 5 %, and 10 % of outliers of 40 %.
    Ci,
    /// Quiet with two levels 8 % apart, each run at random.
    Bimodal,
    /// The same, but a level lasts for 20 runs.
    Sticky,
    /// Typical, about a level that wanders: AR(1) of 0.95 with a deviation of 2 %.
    Drift,
    /// Typical, about a level that rises from -4 % to +4 % over the measurement.
    Ramp,
    /// Typical, each half of the measurement with an offset of its own of 1.5 %.
    Session,
    /// Load of others on a shared machine: heavy tails and a long memory, as rough as 8000 real runs of a sort of 12 ms
    /// that took wall times with a coefficient of variation of 62 % and autocorrelations of 0.86 (next run) and 0.71 (a
    /// hundred runs later).
    Trace,
}

impl Noise {
    #[cfg_attr(target_family = "wasm", expect(dead_code, reason = "the long calibration runs natively only"))]
    pub(super) const ALL: [Self; 9] = [
        Self::Quiet,
        Self::Typical,
        Self::Ci,
        Self::Bimodal,
        Self::Sticky,
        Self::Drift,
        Self::Ramp,
        Self::Session,
        Self::Trace,
    ];

    /// Logarithms of `n` measurements of the same program, one after the other.
    pub(super) fn row(self, n: usize, random: &mut Random) -> Vec<f64> {
        let own = |sd: f64, part: f64, mean: f64, random: &mut Random| {
            let outlier = if random.chance(part) { random.exponential(mean).ln_1p() } else { 0.0 };
            sd * random.normal() + outlier
        };
        let size = super::ranks::count(n.max(2));
        let offsets = [0.015 * random.normal(), 0.015 * random.normal()];
        let mut high = random.chance(0.5);
        let (mut slow, mut fast) = (random.normal(), random.normal());
        let walk = |level: &mut f64, rho: f64, random: &mut Random| {
            *level = rho * *level + (1.0 - rho * rho).sqrt() * random.normal();
            *level
        };
        (0..n)
            .map(|i| {
                let at = super::ranks::count(i);
                match self {
                    Self::Quiet => own(0.01, 0.02, 0.1, random),
                    Self::Typical => own(0.02, 0.05, 0.2, random),
                    Self::Ci => own(0.05, 0.1, 0.4, random),
                    Self::Bimodal => own(0.01, 0.02, 0.1, random) + if random.chance(0.5) { 0.08 } else { 0.0 },
                    Self::Sticky => {
                        high ^= random.chance(0.05);
                        own(0.01, 0.02, 0.1, random) + if high { 0.08 } else { 0.0 }
                    }
                    Self::Drift => own(0.02, 0.05, 0.2, random) + 0.02 * walk(&mut slow, 0.95, random),
                    Self::Ramp => own(0.02, 0.05, 0.2, random) + 0.08 * (at / (size - 1.0) - 0.5),
                    Self::Session => own(0.02, 0.05, 0.2, random) + offsets[usize::from(2 * i >= n)],
                    Self::Trace => {
                        high ^= random.chance(0.01);
                        let level = 0.6 * walk(&mut slow, 0.9988, random) + 0.12 * walk(&mut fast, 0.86, random);
                        own(0.1, 0.06, 0.4, random) + level + if high { 0.2 } else { 0.0 }
                    }
                }
            })
            .collect()
    }

    /// Pairs measured one after the other in random order; the new program takes `effect` times as long.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn pairs(self, n: usize, effect: f64, random: &mut Random) -> (Vec<f64>, Vec<f64>) {
        let row = self.row(2 * n, random);
        row.chunks(2)
            .map(|block| {
                let (base, new) = if random.chance(0.5) { (block[0], block[1]) } else { (block[1], block[0]) };
                (base.exp(), (new + effect.ln()).exp())
            })
            .unzip()
    }
}
