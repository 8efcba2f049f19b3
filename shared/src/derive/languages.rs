//! How much of a profile each language has.

use crate::model::{FunctionKind, Language, Profile};
use crate::order::Order;
use crate::units::Nanos;

/// Languages with their own time (that of stacks which end in them), most first. Waiting is in no language.
#[must_use]
pub fn languages(profile: &Profile) -> Vec<(Language, Nanos)> {
    let mut sums = Language::ALL.map(|(language, ..)| (language, Nanos::ZERO));
    for (stack, weight) in profile.samples.stack.iter().zip(&profile.samples.weight) {
        let function = profile.function(profile.frame_function(profile.stacks.frame(*stack)));
        if function.kind != FunctionKind::Waiting {
            sums[function.language as usize].1 += *weight;
        }
    }
    let mut sums: Vec<_> = sums.into_iter().filter(|(_, weight)| *weight > Nanos::ZERO).collect();
    sums.order_by_key(|&(language, weight)| (std::cmp::Reverse(weight), language));
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn time_belongs_to_the_language_of_the_leaf() {
        let profile = testing::profile("main main main\n_Zf . _Zf\n. . leaf");
        let one = Nanos::MILLISECOND;
        assert_eq!(languages(&profile), [(Language::Native, one + one), (Language::Cpp, one)]);
        assert_eq!(languages(&testing::profile("")), []);
    }
}
