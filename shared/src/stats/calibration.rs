//! Whether verdicts are as right as they say: how often measurements with known truth are judged wrongly.

use super::simulation::{Noise, Random};
use super::{Rules, Verdict, paired};

const SIMULATIONS: u32 = 1000;

#[test]
fn calibration() {
    for noise in Noise::ALL {
        for n in [10, 30, 100] {
            let (mut called, mut excluded) = (0, 0);
            for seed in 0..SIMULATIONS {
                let (base, new) = noise.pairs(n, 1.0, &mut Random::new(u64::from(seed)));
                let outcome = paired(&base, &new, &Rules::default());
                called += u32::from(matches!(outcome.verdict, Verdict::Slower | Verdict::Faster));
                excluded += u32::from(outcome.ratio.is_some_and(|ratio| ratio.low > 1.0 || ratio.high < 1.0));
            }
            println!("{noise:?} {n} {called} {excluded}");
        }
    }
}
