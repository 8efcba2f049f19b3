//! Two sides' stacks as one tree: what each frame costs a run on either side, and whether the difference is noise.
//!
//! Sides are aligned by names, never by addresses, so that two builds of a program match. Figures of a parent are sums of
//! its own, not of its children's effects. Must not word anything: `compare` and the page do.

mod align;
mod estimate;
mod runs;
mod sums;
#[cfg(test)]
mod tests;

use super::call_tree::{CallTree, of_sums};
use super::function_tree::{FunctionTree, ROOT};
use super::selection::Selected;
use crate::model::{FunctionId, Profile, Run};
use crate::order::Order;
use crate::units::Nanos;
use align::Aligned;
use estimate::{Ledger, Setting};
use runs::Plan;
use serde::{Deserialize, Serialize};
use sums::{CHARGED, FIGURES, NODE_OWN, NODE_TOTAL, OWN, Sums, TOTAL};

/// Stacks of one recording that belong to a side.
#[derive(Clone, Copy, Debug)]
pub struct Stacks<'a> {
    pub profile: &'a Profile,
    /// What of the profile counts, with its stacks as the reader wants them.
    pub selected: &'a Selected,
    /// Runs of the recording; none for one run.
    pub runs: &'a [Run],
    /// Only runs of this benchmark count; `None` for all.
    pub benchmark: Option<&'a str>,
}

/// What differences are differences of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Nanoseconds a run.
    #[default]
    Absolute,
    /// Shares of all that the run was sampled in, 0 to 1: what differs although everything became faster or slower.
    Proportional,
}

/// How strict a difference is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    pub scale: Scale,
    /// Smallest relative difference of a frame that matters, 0.02 for 2 %.
    pub margin: f64,
    /// 0.95: of the frames that are called different, 5 % may be so by chance.
    pub confidence: f64,
    /// Relative standard deviation between sessions of the same program, which runs of one session cannot show; 0 where
    /// both sides were measured in one. Without effect on sides of one recording.
    pub session_noise: f64,
    /// Most nodes to keep, the largest; smaller ones are part of their caller's total only.
    pub nodes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { scale: Scale::Absolute, margin: 0.02, confidence: 0.95, session_noise: 0.015, nodes: 100_000 }
    }
}

/// What became of a frame from base to new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Surely more, by more than the margin.
    Worse,
    /// Surely less, by more than the margin.
    Better,
    /// Inside the noise, or too few samples to say anything.
    #[default]
    Same,
    /// Surely there, and never seen in base.
    New,
    /// Never seen in new, and surely there in base.
    Gone,
    /// More than counting samples can explain, but how much runs differ by themselves is not known: one run a side.
    Unknown,
}

/// One figure on both sides: nanoseconds a run, or shares, as [`Scale`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    pub base: f64,
    pub new: f64,
    /// Interval of `new - base` at [`Diff::confidence`] of its kind.
    pub low: f64,
    pub high: f64,
    pub effect: Effect,
}

impl Change {
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.new - self.base
    }
}

/// A frame in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Node {
    /// Of stacks that pass through or end here.
    pub total: Change,
    /// Of stacks that end here.
    pub own: Change,
    /// Raw samples behind the totals.
    pub samples: [u64; 2],
}

/// A function wherever it is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FunctionChange {
    /// In [`Diff::profile`].
    pub function: FunctionId,
    pub own: Change,
    pub total: Change,
    /// What ends in it, or in library, runtime and kernel code that it called without own code between. Of a function that
    /// is not own code: what nothing own called.
    pub charged: Change,
    /// Raw samples behind the totals.
    pub samples: [u64; 2],
}

/// Two sides, aligned.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// Names of the functions of both sides; no samples. Places are those of the new side where it has the function.
    pub profile: Profile,
    pub tree: FunctionTree,
    /// One for each node of the tree; node 0 is everything.
    pub nodes: Vec<Node>,
    /// Every function that was seen, largest difference charged first.
    pub functions: Vec<FunctionChange>,
    pub scale: Scale,
    pub runs: [u64; 2],
    pub samples: [u64; 2],
    /// Runs were made beside each other, and are compared as pairs.
    pub paired: bool,
    /// One run a side: intervals hold the error of counting samples only.
    pub noise_unknown: bool,
    /// Standard deviation between sessions that intervals hold besides, 0 for none.
    pub session_noise: f64,
    /// Of the intervals of nodes but the root's; that many frames were looked at that all that are called different are so, but for 5 %.
    pub confidence: f64,
    /// Nodes that were left out because there are too many.
    pub left_out: usize,
}

/// Why two sides have no difference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    #[error("the {side} side has no samples")]
    NoSamples { side: &'static str },
    #[error("the {side} side holds several runs, but its samples have no times that tell whose they are")]
    Untimed { side: &'static str },
    #[error("one profile holds {base}, the other {new}")]
    Weights { base: &'static str, new: &'static str },
    #[error("too many functions or stacks")]
    TooLarge,
}

/// Which side gives the widths of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    #[default]
    New,
    Base,
    /// The new side, and beside it what is gone, as wide as it was.
    Both,
}

/// A call tree to lay out, and which node of the [`Diff`] each of its nodes is.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub tree: CallTree,
    pub node: Vec<u32>,
}

/// Compares the stacks of two sides.
///
/// # Errors
/// Where a side has no samples, where its samples cannot be given to runs, or where the sides measure different things.
pub fn diff(base: &[Stacks<'_>], new: &[Stacks<'_>], options: &Options) -> Result<Diff, DiffError> {
    same_weight(base, new)?;
    let plan = Plan::new(base, new)?;
    let sides = [base, new];
    let aligned = Aligned::new(sides, options.nodes)?;
    let sums = [Sums::of_side(&aligned, 0, base, &plan), Sums::of_side(&aligned, 1, new, &plan)];
    for (side, sums) in ["base", "new"].into_iter().zip(&sums) {
        if sums.whole_count() == 0 {
            return Err(DiffError::NoSamples { side });
        }
    }
    let setting = Setting::new(&plan, &sums, options);
    let changes = changes(&aligned, sides, &plan, &sums, &setting);
    let mut functions: Vec<FunctionChange> = (0..aligned.profile.functions.len())
        .map(|index| FunctionChange {
            function: FunctionId::from_index(index),
            own: changes[OWN].0[index],
            total: changes[TOTAL].0[index],
            charged: changes[CHARGED].0[index],
            samples: [0, 1].map(|side| sums[side].figures[TOTAL].count[index]),
        })
        .filter(|row| row.samples != [0, 0])
        .collect();
    functions.order_by(|a, b| {
        let size = |row: &FunctionChange| (row.charged.difference().abs(), row.total.difference().abs());
        let (a, b) = (size(a), size(b));
        b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    let node = |index: usize| Node {
        total: changes[NODE_TOTAL].0[index],
        own: changes[NODE_OWN].0[index],
        samples: [0, 1].map(|side| sums[side].figures[NODE_TOTAL].count[index]),
    };
    Ok(Diff {
        nodes: (0..aligned.kept.len()).map(node).collect(),
        functions,
        scale: options.scale,
        runs: plan.runs(),
        samples: [sums[0].whole_count(), sums[1].whole_count()],
        paired: plan.paired,
        noise_unknown: setting.noise_unknown(),
        session_noise: setting.session_noise,
        confidence: changes[NODE_TOTAL].1,
        left_out: aligned.left_out,
        profile: aligned.profile,
        tree: aligned.kept,
    })
}

fn same_weight(base: &[Stacks<'_>], new: &[Stacks<'_>]) -> Result<(), DiffError> {
    use crate::model::WeightKind;
    let word = |weight: WeightKind| match weight {
        WeightKind::Cpu => "CPU time",
        WeightKind::Wall => "wall time",
        WeightKind::Bytes => "live memory",
        WeightKind::Events => "events",
    };
    let mut weights = base.iter().chain(new).map(|stacks| stacks.profile.info.weight);
    let Some(first) = weights.next() else { return Ok(()) };
    match weights.find(|&weight| weight != first) {
        Some(other) => Err(DiffError::Weights { base: word(first), new: word(other) }),
        None => Ok(()),
    }
}

/// What every figure does from run to run, and what becomes of it. Adds up unit by unit, so that memory does not grow
/// with the number of runs.
fn changes(
    aligned: &Aligned,
    sides: [&[Stacks<'_>]; 2],
    plan: &Plan,
    sums: &[Sums; 2],
    setting: &Setting,
) -> [(Vec<Change>, f64); FIGURES] {
    let mut ledgers: [Ledger; FIGURES] =
        std::array::from_fn(|figure| Ledger::new(sums[0].figures[figure].weight.len(), plan.paired));
    for unit in 0..plan.units(0).max(plan.units(1)) {
        for side in (0..2).filter(|&side| unit < plan.units(side)) {
            let of_unit = Sums::of_unit(aligned, side, sides[side], plan, unit);
            let divisor = setting.divisor(plan.runs_of_unit(side, unit), of_unit.whole());
            for (ledger, figures) in ledgers.iter_mut().zip(&of_unit.figures) {
                ledger.add(side, &figures.weight, divisor);
            }
        }
    }
    std::array::from_fn(|figure| {
        // Whether the whole differs is one question.
        let alone = usize::from(figure == NODE_TOTAL);
        ledgers[figure].changes([&sums[0].figures[figure], &sums[1].figures[figure]], alone, setting)
    })
}

impl Diff {
    /// Everything, on both sides.
    #[must_use]
    pub fn all(&self) -> &Node {
        &self.nodes[ROOT as usize]
    }

    /// Name of a node's function, empty for everything.
    #[must_use]
    pub fn name(&self, node: u32) -> &str {
        self.tree.function(node).map_or("", |function| self.profile.function_name(function))
    }

    /// The tree with the widths of a side.
    #[must_use]
    pub fn picture(&self, width: Width) -> Picture {
        // What of base is shown where everything is in units of the new side.
        let unit = if self.scale == Scale::Proportional { 1e12 } else { 1.0 };
        let wide = |index: usize| {
            let node = &self.nodes[index];
            let shown = match width {
                Width::New => node.total.new,
                Width::Both if node.samples[1] > 0 => node.total.new,
                Width::Base | Width::Both => node.total.base,
            };
            (shown * unit).round().max(0.0)
        };
        let shown = |index: usize| match width {
            Width::New => self.nodes[index].samples[1],
            Width::Base => self.nodes[index].samples[0],
            Width::Both => self.nodes[index].samples[0] + self.nodes[index].samples[1],
        };
        // What does not go on into a child that is shown ends in the node, whether it did or was left out.
        let mut own: Vec<f64> = (0..self.nodes.len()).map(wide).collect();
        let mut count: Vec<u64> = (0..self.nodes.len()).map(shown).collect();
        for (node, parent, _) in self.tree.nodes() {
            let gone_beside = width == Width::Both
                && self.nodes[node as usize].samples[1] == 0
                && self.nodes[parent as usize].samples[1] > 0;
            if !gone_beside {
                own[parent as usize] = (own[parent as usize] - wide(node as usize)).max(0.0);
                count[parent as usize] = count[parent as usize].saturating_sub(shown(node as usize));
            }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, below 2^63")]
        let weights: Vec<Nanos> = own.into_iter().map(|weight| Nanos(weight as u64)).collect();
        let tree = of_sums(&self.tree, &weights, &count);
        let mut node = vec![ROOT; tree.len()];
        for (old, &new) in (0..).zip(&tree.of_selected) {
            if let Some(place) = node.get_mut(new as usize) {
                *place = old;
            }
        }
        Picture { tree, node }
    }
}
