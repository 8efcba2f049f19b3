//! Folded stacks, one line each: `outer;inner NANOSECONDS` (or bytes, or events). The input of flame graph scripts and of many importers.
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
        "one line of text per stack with its nanoseconds (or what --metric counts), for flame graph scripts"
    }

    fn export(&self, input: &ExportInput) -> Result<Vec<u8>, ExportError> {
        Ok(text(input.profile()?).into_bytes())
    }
}

fn text(profile: &Profile) -> String {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    let samples = &profile.samples;
    // Live bytes are those of the last snapshot.
    let taken = if profile.info.weight.adds_up() { vec![true; samples.len()] } else { samples.of_last_snapshot() };
    let rows = samples.stack.iter().zip(&samples.weight).zip(taken);
    for ((&stack, weight), _) in rows.filter(|(_, taken)| *taken) {
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
