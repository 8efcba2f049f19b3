//! Folded stacks, one line each: `outer;inner NANOSECONDS`. The input of flame graph scripts and of many importers.
//!
//! Form: <https://github.com/brendangregg/FlameGraph#2-fold-stacks>.

use super::{ExportError, ExportInput, Exporter};
use crate::model::{Profile, StackId};
use std::collections::BTreeMap;

/// The exporter of `--to folded`.
pub struct Folded;

impl Exporter for Folded {
    fn id(&self) -> &'static str {
        "folded"
    }

    fn extension(&self) -> &'static str {
        "folded.txt"
    }

    fn what(&self) -> &'static str {
        "one line of text per stack with its nanoseconds, for flame graph scripts"
    }

    fn export(&self, input: &ExportInput) -> Result<Vec<u8>, ExportError> {
        let profile = input.bundle.main_profile().ok_or(ExportError::NoSamples)?;
        Ok(text(profile).into_bytes())
    }
}

fn text(profile: &Profile) -> String {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (&stack, weight) in profile.samples.stack.iter().zip(&profile.samples.weight) {
        *sums.entry(line(profile, stack)).or_default() += weight.0;
    }
    let lines: Vec<String> = sums.into_iter().map(|(stack, sum)| format!("{stack} {sum}")).collect();
    lines.join("\n") + "\n"
}

/// The names of a stack, outermost first. A `;` in a name would split it.
fn line(profile: &Profile, stack: StackId) -> String {
    let name = |frame| profile.function_name(profile.frame_function(frame)).replace(';', ":").replace('\n', " ");
    let mut names: Vec<String> = profile.stacks.frames(stack).map(name).collect();
    names.reverse();
    names.join(";")
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn equal_stacks_are_one_line_with_their_sum() {
        let profile = testing::profile("A A A\nB B C");
        let lines: Vec<String> = super::text(&profile).lines().map(str::to_owned).collect();
        let weight = profile.samples.weight[0].0;
        assert_eq!(lines, [format!("A;B {}", 2 * weight), format!("A;C {weight}")]);
    }
}
