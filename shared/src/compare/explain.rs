//! Which functions carry a difference.
//!
//! Time is charged to the nearest own caller, so that the reader's function is named and not what it calls in libraries or
//! in the interpreter.

use crate::derive::diff::{Change, Diff, Effect, FunctionChange, Scale};
use crate::derive::function_tree::ROOT;
use crate::model::FunctionKind;
use serde::Serialize;

/// Most functions that are named.
const CARRIERS: usize = 10;

/// Where a difference of sampled time comes from. All times are nanoseconds a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Explanation {
    pub benchmark: String,
    pub base: String,
    pub new: String,
    /// `cpu_ns` or `wall_ns`: what the stacks measure.
    pub metric: String,
    pub total: Change,
    /// The functions that carry it, largest part first; those that go the other way are not among them.
    pub carriers: Vec<Carrier>,
    /// What no function carries beyond noise, and its part of the difference.
    pub remainder_ns: f64,
    pub remainder_share: Option<f64>,
    /// Intervals hold the error of counting samples only: one run a side.
    pub noise_unknown: bool,
    /// Runs and samples of both sides.
    pub runs: [u64; 2],
    pub samples: [u64; 2],
}

/// One function's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Carrier {
    pub name: String,
    pub file: String,
    pub line: u32,
    /// Callers from the first frame on, the function last, where most of the difference is.
    pub path: Vec<String>,
    /// The same without what is not own code.
    pub own_path: Vec<String>,
    pub difference_ns: f64,
    pub low_ns: f64,
    pub high_ns: f64,
    /// Of the whole difference, with its interval; `None` where the whole is not more than noise.
    pub share: Option<f64>,
    pub share_low: Option<f64>,
    pub share_high: Option<f64>,
    /// Of the base's time: by how much this function alone makes the program slower.
    pub of_base: f64,
    pub effect: Effect,
    /// The function outside own code in which most of it was spent, and that part of it.
    pub spent_in: Option<String>,
    pub spent_in_share: Option<f64>,
}

/// Explains the difference of two sides by their stacks; `diff` must be absolute.
#[must_use]
pub fn explain(diff: &Diff) -> Explanation {
    debug_assert!(diff.scale == Scale::Absolute, "shares explain no time");
    let total = diff.all().total;
    let differs = total.effect != Effect::Same;
    let whole = total.difference();
    let carries = |change: &Change| {
        let same_way = (change.difference() > 0.0) == (whole > 0.0);
        change.effect != Effect::Same && (same_way || !differs)
    };
    let named: Vec<Carrier> = diff
        .functions
        .iter()
        .filter(|function| carries(&function.charged))
        .take(CARRIERS)
        .map(|function| carrier(diff, function, differs.then_some(whole)))
        .collect();
    let sum: f64 = named.iter().map(|carrier| carrier.difference_ns).sum();
    Explanation {
        metric: match diff.profile.info.weight {
            crate::model::WeightKind::Wall => "wall_ns".into(),
            _ => "cpu_ns".into(),
        },
        total,
        remainder_ns: whole - sum,
        remainder_share: differs.then(|| (whole - sum) / whole),
        carriers: named,
        noise_unknown: diff.noise_unknown,
        runs: diff.runs,
        samples: diff.samples,
        ..Explanation::default()
    }
}

fn carrier(diff: &Diff, function: &FunctionChange, whole: Option<f64>) -> Carrier {
    let change = function.charged;
    let difference = change.difference();
    let row = diff.profile.function(function.function);
    let nodes = diff.tree.nodes().filter(|&(.., other)| other == function.function);
    let size = |node: u32| diff.nodes[node as usize].total.difference() * difference.signum();
    let largest = nodes.map(|(node, ..)| node).max_by(|&a, &b| size(a).total_cmp(&size(b))).unwrap_or(ROOT);
    let mut up: Vec<_> = diff.tree.functions(largest).collect();
    up.reverse();
    let names = |own: bool| {
        let wanted = up.iter().filter(|&&id| !own || diff.profile.function(id).kind == FunctionKind::Own);
        wanted.map(|&id| diff.profile.function_name(id).to_owned()).collect::<Vec<_>>()
    };
    let share = |part: f64| whole.map(|whole| part / whole);
    let (first, second) =
        if whole.is_some_and(|whole| whole < 0.0) { (change.high, change.low) } else { (change.low, change.high) };
    let spent = spent_in(diff, function, difference);
    let base = diff.all().total.base;
    Carrier {
        name: diff.profile.function_name(function.function).to_owned(),
        file: diff.profile.function_file(function.function).to_owned(),
        line: row.start_line,
        path: names(false),
        own_path: names(true),
        difference_ns: difference,
        low_ns: change.low,
        high_ns: change.high,
        share: share(difference),
        share_low: share(first),
        share_high: share(second),
        of_base: if base > 0.0 { difference / base } else { 0.0 },
        effect: change.effect,
        spent_in_share: spent.as_ref().map(|(_, share)| *share),
        spent_in: spent.map(|(name, _)| name),
    }
}

/// The function that is not own code and holds most of what an own one is charged with, where that is half at least.
fn spent_in(diff: &Diff, function: &FunctionChange, difference: f64) -> Option<(String, f64)> {
    if diff.profile.function(function.function).kind != FunctionKind::Own {
        return None;
    }
    let mut charged = vec![false; diff.nodes.len()];
    let mut sums = vec![0.0; diff.profile.functions.len()];
    for (node, parent, id) in diff.tree.nodes() {
        let own = diff.profile.function(id).kind == FunctionKind::Own;
        charged[node as usize] = id == function.function || (!own && charged[parent as usize]);
        if charged[node as usize] && !own {
            sums[id.index()] += diff.nodes[node as usize].own.difference();
        }
    }
    let (index, sum) = sums.into_iter().enumerate().max_by(|a, b| (a.1 * difference).total_cmp(&(b.1 * difference)))?;
    let share = sum / difference;
    let name = || diff.profile.function_name(crate::model::FunctionId::from_index(index)).to_owned();
    (share >= 0.5).then(|| (name(), share))
}
