//! Where each frame of a flame graph lies: rows of boxes from left to right, and which of them can be seen.

use super::call_tree::CallTree;
use super::function_tree::{NO_NODE, ROOT};
use super::selection::Selected;
use crate::model::{Profile, ThreadId};
use crate::units::Nanos;
use std::ops::Range;

/// Boxes in rows. Row 0 is everything, row 1 the roots of the stacks.
///
/// Invariant: the boxes of a row are stored from left to right and do not overlap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlameLayout {
    /// Left and right edge, as fractions of the whole width.
    x0: Vec<f64>,
    x1: Vec<f64>,
    /// Node of the call tree that a box shows.
    node: Vec<u32>,
    /// Where each row starts, and one more entry for the end.
    row: Vec<usize>,
    /// Time-ordered: first and last sample (excluded) of each box, as positions among the thread's samples. Else empty.
    samples: Vec<(u32, u32)>,
    /// Time-ordered: what the left and right edge stand for.
    pub span: Option<(Nanos, Nanos)>,
    /// Sums over the thread's samples, one entry more than samples.
    weight_before: Vec<Nanos>,
    count_before: Vec<u64>,
}

/// What to draw at one place of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Visible {
    /// A box that is wide enough.
    Frame { index: usize, x0: f64, x1: f64 },
    /// Boxes too narrow to draw, from `index` on.
    More { index: usize, boxes: usize, x0: f64, x1: f64 },
}

impl FlameLayout {
    /// Every node of a call tree below its parent, largest first.
    #[must_use]
    pub fn merged(tree: &CallTree) -> Self {
        let whole = tree.total_weight[ROOT as usize].as_f64();
        let mut layout = Self { node: (0..).take(tree.len()).collect(), ..Self::default() };
        layout.row = (0..=tree.levels()).map(|depth| tree.level(depth).start).collect();
        layout.row[tree.levels()] = tree.len();
        // Sums of integers, so that neighbours share an edge exactly.
        let mut start = vec![Nanos::ZERO; tree.len()];
        for node in layout.node.iter().copied() {
            let mut at = start[node as usize];
            for child in tree.children(node) {
                start[child as usize] = at;
                at += tree.total_weight[child as usize];
            }
        }
        let fraction = |at: Nanos| if whole > 0.0 { at.as_f64() / whole } else { 0.0 };
        layout.x0 = start.iter().map(|&at| fraction(at)).collect();
        layout.x1 = start.iter().zip(&tree.total_weight).map(|(&at, &wide)| fraction(at + wide)).collect();
        if let Some(right) = layout.x1.first_mut() {
            *right = 1.0;
        }
        layout
    }

    /// The stacks of one thread as time passed; equal frames of neighbouring samples are one box, and there is a gap
    /// where the thread was not sampled for longer than a sample stands for. `None` where samples have no time.
    ///
    /// `tree` must be the top-down tree of `selected`. `within` is the time that the width stands for.
    #[must_use]
    pub fn in_time_order(
        profile: &Profile,
        selected: &Selected,
        tree: &CallTree,
        thread: ThreadId,
        within: Option<(Nanos, Nanos)>,
    ) -> Option<Self> {
        let times = profile.samples.time.as_ref()?;
        let span = within.unwrap_or((Nanos::ZERO, times.last().copied().unwrap_or_default()));
        let mut rows = OpenRows::new(tree, span);
        for (&row, &node) in selected.row.iter().zip(&selected.node) {
            let row = row as usize;
            if profile.samples.thread[row] == thread {
                let (weight, count) = (profile.samples.weight[row], u64::from(profile.samples.count[row]));
                rows.add(tree.of_selected[node as usize], times[row], weight, count);
            }
        }
        Some(rows.finish())
    }

    /// Number of boxes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.node.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.node.is_empty()
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.row.len().saturating_sub(1)
    }

    /// The boxes of a row.
    #[must_use]
    pub fn row(&self, row: usize) -> Range<usize> {
        match self.row.get(row..row + 2) {
            Some(&[start, end]) => start..end,
            _ => 0..0,
        }
    }

    /// The row of a box.
    #[must_use]
    pub fn row_of(&self, index: usize) -> usize {
        self.row.partition_point(|&start| start <= index).saturating_sub(1)
    }

    /// Left and right edge of a box.
    #[must_use]
    pub fn edges(&self, index: usize) -> (f64, f64) {
        (self.x0[index], self.x1[index])
    }

    /// Node of the call tree that a box shows.
    #[must_use]
    pub fn node(&self, index: usize) -> u32 {
        self.node[index]
    }

    /// Weight and raw samples of one box; in time order of this box alone, not of all boxes of its node.
    #[must_use]
    pub fn sum(&self, tree: &CallTree, index: usize) -> (Nanos, u64) {
        if let Some(&(from, to)) = self.samples.get(index) {
            let (from, to) = (from as usize, to as usize);
            (self.weight_before[to] - self.weight_before[from], self.count_before[to] - self.count_before[from])
        } else {
            let node = self.node[index] as usize;
            (tree.total_weight[node], tree.total_count[node])
        }
    }

    /// The box of a row that covers a place.
    #[must_use]
    pub fn at(&self, row: usize, x: f64) -> Option<usize> {
        let range = self.row(row);
        let index = range.start + self.x1[range.clone()].partition_point(|&right| right <= x);
        (index < range.end && self.x0[index] <= x).then_some(index)
    }

    /// The leftmost box of a row that begins between two places.
    #[must_use]
    pub fn first_within(&self, row: usize, x0: f64, x1: f64) -> Option<usize> {
        let range = self.row(row);
        let index = range.start + self.x0[range.clone()].partition_point(|&left| left < x0);
        (index < range.end && self.x1[index] <= x1).then_some(index)
    }

    /// The box that a box hangs on, in the row before.
    #[must_use]
    pub fn parent(&self, tree: &CallTree, index: usize) -> Option<usize> {
        let range = self.row(self.row_of(index).checked_sub(1)?);
        let wanted = tree.parent[self.node[index] as usize];
        let after = range.start + self.x0[range.clone()].partition_point(|&left| left <= self.x0[index]);
        (range.start..after).rev().find(|&above| self.node[above] == wanted)
    }

    /// What of a row can be seen between two places, from left to right. Boxes narrower than `least` become one `More`.
    ///
    /// Takes time in proportion to what it emits, not to the boxes of the row: narrow ones are skipped by bisection.
    pub fn visible(&self, row: usize, view: Range<f64>, least: f64, mut emit: impl FnMut(Visible)) {
        let range = self.row(row);
        let mut index = range.start + self.x1[range.clone()].partition_point(|&right| right <= view.start);
        let mut narrow: Option<(usize, usize, f64, f64)> = None;
        while index < range.end && self.x0[index] < view.end {
            let (x0, x1) = self.edges(index);
            if let Some((first, end, left, right)) = narrow
                && (x1 - x0 >= least || x0 - right >= least)
            {
                emit(Visible::More { index: first, boxes: end - first, x0: left, x1: right });
                narrow = None;
            }
            if x1 - x0 >= least {
                emit(Visible::Frame { index, x0, x1 });
                index += 1;
                continue;
            }
            let next = self.skip_narrow(index, range.end, least);
            let (first, left) = narrow.map_or((index, x0), |(first, _, left, _)| (first, left));
            narrow = Some((first, next, left, self.x1[next - 1]));
            index = next;
        }
        if let Some((first, end, x0, x1)) = narrow {
            emit(Visible::More { index: first, boxes: end - first, x0, x1 });
        }
    }

    /// First box after `index` that starts `least` further right or is itself wide enough.
    fn skip_narrow(&self, index: usize, end: usize, least: f64) -> usize {
        let target = self.x0[index] + least;
        let (mut low, mut step) = (index + 1, 1);
        while low + step < end && self.x0[low + step] < target {
            low += step;
            step *= 2;
        }
        let high = (low + step).min(end);
        let next = low + self.x0[low..high].partition_point(|&left| left < target);
        // Only the last of them can be wide: those before it end before it starts.
        let right = next - 1;
        if right > index && self.x1[right] - self.x0[right] >= least { right } else { next }
    }
}

/// A finished box of a time-ordered layout.
#[derive(Clone, Copy)]
struct TimeBox {
    from: Nanos,
    to: Nanos,
    node: u32,
    samples: (u32, u32),
}

/// The boxes of a time-ordered layout while samples are added.
struct OpenRows<'a> {
    tree: &'a CallTree,
    span: (Nanos, Nanos),
    done: Vec<Vec<TimeBox>>,
    /// The box that is still growing in each row: node, from, first sample.
    open: Vec<(u32, Nanos, u32)>,
    until: Nanos,
    samples: u32,
    weight_before: Vec<Nanos>,
    count_before: Vec<u64>,
}

impl<'a> OpenRows<'a> {
    fn new(tree: &'a CallTree, span: (Nanos, Nanos)) -> Self {
        let (weight_before, count_before) = (vec![Nanos::ZERO], vec![0]);
        Self { tree, span, done: Vec::new(), open: Vec::new(), until: span.0, samples: 0, weight_before, count_before }
    }

    /// A sample taken at `time`, which stands for the `weight` before it.
    fn add(&mut self, node: u32, time: Nanos, weight: Nanos, count: u64) {
        let start = (time - weight).max(self.until).min(time);
        let node = if node == NO_NODE { ROOT } else { node };
        let depth = self.tree.depth(node);
        let from = if start - self.until > weight { start } else { self.until };
        if from > self.until {
            self.close(0);
        }
        let keep = self
            .tree
            .ancestors(node)
            .zip((0..=depth).rev())
            .find(|&(node, row)| self.open.get(row).is_some_and(|open| open.0 == node))
            .map_or(0, |(_, row)| row + 1);
        self.close(keep);
        let below: Vec<u32> = self.tree.ancestors(node).take(depth + 1 - keep).collect();
        self.open.extend(below.into_iter().rev().map(|node| (node, from, self.samples)));
        self.until = time.max(self.until);
        self.samples += 1;
        self.weight_before.push(self.weight_before[self.weight_before.len() - 1] + weight);
        self.count_before.push(self.count_before[self.count_before.len() - 1] + count);
    }

    /// Ends the boxes of a row and of all below it.
    fn close(&mut self, row: usize) {
        if self.done.len() < self.open.len() {
            self.done.resize(self.open.len(), Vec::new());
        }
        for (depth, &(node, from, first)) in self.open.iter().enumerate().skip(row) {
            let samples = (first, self.samples);
            self.done[depth].push(TimeBox { from, to: self.until, node, samples });
        }
        self.open.truncate(row);
    }

    fn finish(mut self) -> FlameLayout {
        self.close(0);
        let (from, to) = self.span;
        let whole = (to - from).as_f64();
        let fraction = |at: Nanos| if whole > 0.0 { ((at - from).as_f64() / whole).min(1.0) } else { 0.0 };
        let mut layout = FlameLayout {
            span: Some(self.span),
            weight_before: self.weight_before,
            count_before: self.count_before,
            row: vec![0],
            ..FlameLayout::default()
        };
        for row in self.done {
            for part in row {
                layout.x0.push(fraction(part.from));
                layout.x1.push(fraction(part.to));
                layout.node.push(part.node);
                layout.samples.push(part.samples);
            }
            layout.row.push(layout.node.len());
        }
        layout
    }
}

#[cfg(test)]
mod tests {
    use super::super::call_tree::{Direction, from_selected};
    use super::super::selection::{Selection, selected_rows};
    use super::*;
    use crate::testing;

    struct Case {
        profile: Profile,
        tree: CallTree,
        merged: FlameLayout,
        timed: FlameLayout,
    }

    fn case(picture: &str) -> Case {
        let profile = testing::profile(picture);
        let selected = selected_rows(&profile, &Selection::default());
        let tree = from_selected(&profile, &selected, Direction::TopDown);
        let merged = FlameLayout::merged(&tree);
        let timed = FlameLayout::in_time_order(&profile, &selected, &tree, ThreadId(0), None).expect("has times");
        Case { profile, tree, merged, timed }
    }

    /// Rows below the root as `name from-to`, in hundredths of the width.
    fn rows(case: &Case, layout: &FlameLayout) -> Vec<String> {
        let name = |index| case.tree.function(layout.node(index)).map_or("", |f| case.profile.function_name(f));
        let part = |index| {
            let (x0, x1) = layout.edges(index);
            format!("{} {:.0}-{:.0}", name(index), x0 * 100.0, x1 * 100.0)
        };
        (1..layout.rows()).map(|row| layout.row(row).map(part).collect::<Vec<_>>().join(", ")).collect()
    }

    #[test]
    fn merged_frames_lie_largest_first() {
        let case = case("A B A A\nB . C C");
        assert_eq!(rows(&case, &case.merged), ["A 0-75, B 75-100", "C 0-50, B 50-75"]);
    }

    #[test]
    fn time_order_joins_equal_neighbours() {
        // The first sample, at 0 ms, stands for time before the recording and has no width.
        let case = case("x A A B A\n. B C . C");
        assert_eq!(rows(&case, &case.timed), ["x 0-0, A 0-50, B 50-75, A 75-100", "B 0-25, C 25-50, C 75-100"]);
        let joined = case.timed.row(1).start + 1;
        assert_eq!(case.timed.sum(&case.tree, joined), (Nanos(2_000_000), 2));
        assert_eq!(case.timed.span, Some((Nanos::ZERO, Nanos(4_000_000))));
    }

    #[test]
    fn a_pause_is_a_gap() {
        let case = case("A A . . . . A A A");
        assert_eq!(rows(&case, &case.timed), ["A 0-12, A 62-100"]);
    }

    #[test]
    fn places_find_their_boxes() {
        let case = case("A B A A\nB . C C");
        let name = |row, x| {
            let index = case.merged.at(row, x)?;
            case.tree.function(case.merged.node(index)).map(|f| case.profile.function_name(f))
        };
        assert_eq!(name(1, 0.1), Some("A"));
        assert_eq!(name(1, 0.75), Some("B"));
        assert_eq!(name(2, 0.6), Some("B"));
        assert_eq!(name(2, 0.8), None);
        assert_eq!(name(9, 0.1), None);
        for layout in [&case.merged, &case.timed] {
            for index in layout.row(2) {
                let parent = layout.parent(&case.tree, index).expect("hangs on something");
                assert_eq!(layout.node(parent), case.tree.parent[layout.node(index) as usize]);
                assert!(
                    layout.edges(parent).0 <= layout.edges(index).0 && layout.edges(index).1 <= layout.edges(parent).1
                );
            }
        }
    }

    /// What a walk over all boxes would show.
    fn slow(layout: &FlameLayout, row: usize, view: &Range<f64>, least: f64) -> Vec<usize> {
        layout
            .row(row)
            .filter(|&index| {
                let (x0, x1) = layout.edges(index);
                x1 > view.start && x0 < view.end && x1 - x0 >= least
            })
            .collect()
    }

    #[test]
    fn skipping_narrow_boxes_loses_no_wide_one() {
        for seed in 0..60 {
            let case = case(&testing::random_picture(seed));
            for layout in [&case.merged, &case.timed] {
                for (view, least) in
                    [(0.0..1.0, 0.0), (0.0..1.0, 0.04), (0.3..0.6, 0.03), (0.0..1.0, 0.2), (0.5..0.5, 0.1)]
                {
                    for row in 0..layout.rows() {
                        let (mut wide, mut covered, mut edge) = (Vec::new(), 0, view.start - 1.0);
                        layout.visible(row, view.clone(), least, |seen| {
                            let (x0, x1) = match seen {
                                Visible::Frame { index, x0, x1 } => {
                                    wide.push(index);
                                    covered += 1;
                                    (x0, x1)
                                }
                                Visible::More { boxes, x0, x1, .. } => {
                                    covered += boxes;
                                    (x0, x1)
                                }
                            };
                            assert!(x0 >= edge - 1e-12 && x1 >= x0, "left to right");
                            edge = x1;
                        });
                        assert_eq!(wide, slow(layout, row, &view, least), "{seed} {row} {view:?} {least}");
                        let all = slow(layout, row, &view, 0.0).len();
                        assert!(covered >= all, "{covered} of {all} shown or counted");
                    }
                }
            }
        }
    }
}
